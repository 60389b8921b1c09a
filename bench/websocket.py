#!/usr/bin/env python3
"""What a message of a WebSocket costs the server, in CPU time:

  echo       64 connections send 100 bytes and get them back, again and again: as a ratio to /plaintext of the same server, asked by
             the same client in the same run
  broadcast  100 bytes are published to 1,000 subscribers: microseconds for each of them. 1,915 instructions of it are the
             server's own (callgrind, 300 subscribers); the rest is the kernel's, which carries the bytes to each of them

The server runs on the first core, the client on the last one. Rounds of the two take turns; the figures are medians.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from memory import HANDSHAKE, frame, length_of
from support import CORES, PLAIN, ROOT, Failure, Server, backends, prefer_server_on_first_core, run_on

PAYLOAD = b"a message of a hundred bytes ".ljust(100, b".")
SUBSCRIBERS = 1_000


def cpu_nanoseconds(pid):
    """What the threads of the process have used, by the scheduler's account (/proc/PID/task/TID/schedstat)."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def load(server, folder, connections, seconds, kind, head, head_size, message, size):
    """Nanoseconds of the server's CPU for each response."""
    (folder / "head").write_bytes(head)
    (folder / "message").write_bytes(message)
    command = [ROOT / ".build/websocket/load", server.port, connections, seconds, kind, folder / "head", head_size,
               folder / "message", size]
    client = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              preexec_fn=lambda: run_on(CORES[-1]))
    try:
        if client.stdout.readline() != "ready\n":
            raise Failure("the client is not ready")
        before = cpu_nanoseconds(server.process.pid)
        client.stdin.write("\n")
        client.stdin.flush()
        count = int(client.stdout.readline() or 0)
        after = cpu_nanoseconds(server.process.pid)
        if client.wait(10) != 0 or count == 0:
            raise Failure("the client has failed")
        return (after - before) / count
    finally:
        client.kill()
        client.wait()


def measure(program, backend, options):
    """Nanoseconds of /plaintext, of an echo, and of a subscriber."""
    server = Server(program, backend, prepare=prefer_server_on_first_core)
    plain, echo, broadcast = [], [], []
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            message, size = frame(0x81, PAYLOAD), 2 + len(PAYLOAD)
            socket_head, topic_head = HANDSHAKE % (b"/ws", b""), HANDSHAKE % (b"/ws-topic", b"")
            # The response's head is what comes back without the frame of an echo.
            head_size = length_of(server, socket_head + message) - size
            plain_size = length_of(server, PLAIN)
            for _ in range(options.rounds):
                plain.append(load(server, folder, 64, options.seconds, "echo", b"", 0, PLAIN, plain_size))
                echo.append(load(server, folder, 64, options.seconds, "echo", socket_head, head_size, message, size))
                broadcast.append(load(server, folder, SUBSCRIBERS, options.seconds, "broadcast", topic_head, head_size,
                                      message, size))
        server.check_alive()
        return [statistics.median(figures) for figures in (plain, echo, broadcast)]
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / ".build/release/bench-server"), help="the bench-server to measure")
    parser.add_argument("--backend", choices=["available", "both", "epoll", "io_uring"], default="available")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--small", action="store_true", help="one round of half a second each: whether everything works")
    parser.add_argument("--check", action="store_true", help="fail where an echo costs over 1.15 times /plaintext")
    options = parser.parse_args()
    if options.small:
        options.rounds, options.seconds = 1, 0.5
    subprocess.run(["make", "--quiet", "-C", str(ROOT / "bench/websocket"), f"OUT={ROOT}/.build/websocket"], check=True)
    is_over = False
    for backend in backends(options.binary, options.backend):
        plain, echo, broadcast = measure(options.binary, backend, options)
        is_over = is_over or echo > 1.15 * plain
        print(f"{backend}: echo {echo:.0f} ns a message, {echo / plain:.2f} of /plaintext ({plain:.0f} ns; at most 1.15); "
              f"broadcast {broadcast / 1000:.2f} us for each of {SUBSCRIBERS} subscribers", flush=True)
    return int(options.check and is_over)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"websocket.py: {error}")
