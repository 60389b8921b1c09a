#!/usr/bin/env python3
"""A bench-server that is short of something. Only the standard library is used.

Its address space is limited (RLIMIT_AS), under more connections than fit into its memory: it sheds load, goes on serving the
connections that it has, and recovers once the load is over. And idle clients have all of its descriptors when it is told to end: the
request under way is served, and the process ends in order.
"""

import argparse
import os
import resource
import signal
import socket
import subprocess
import sys
import time

from hostile_server import GOOD, Failure, Server

# So much more than at the start may the server take. Each head, which does not end, costs the server at least its own length;
# together that is several times more than the room and what the C library has reserved (64 MiB for a thread).
ROOM = 24 << 20
CLIENTS = 4000
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\nX-Filler: " + 30000 * b"x"


def address_space(process):
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def ask(client):
    client.sendall(GOOD)
    response = client.recv(65536)
    if not response.startswith(b"HTTP/1.1 200"):
        raise Failure(f"the client that was there before got {response[:60]!r}")


def is_closed(client):
    try:
        return client.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def flood(server, steady):
    clients = []
    try:
        for number in range(CLIENTS):
            try:
                client = server.connect(timeout=1.0)
                clients.append(client)
                client.sendall(HEAD)
            except OSError:
                # Accepting pauses, and the kernel's queue is full.
                pass
            if number % 500 == 0:
                if server.process.poll() is not None:
                    raise Failure(f"the server ended after {number} clients: {server.text()[-500:]}")
                ask(steady)
        time.sleep(0.5)
        ask(steady)
        return sum(is_closed(client) for client in clients)
    finally:
        for client in clients:
            client.close()


def recover(server):
    deadline = time.monotonic() + 30
    while True:
        try:
            return server.ask()
        except OSError:
            if time.monotonic() > deadline or server.process.poll() is not None:
                raise Failure("no new client is served after the load") from None
            time.sleep(0.1)


def run(program, backend):
    server = Server(program, backend, descriptors=2 * CLIENTS)
    try:
        steady = server.connect(timeout=20.0)
        ask(steady)
        limit = address_space(server.process.pid) + ROOM
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, limit))
        closed = 0
        # The second load meets the memory that the first one has left behind.
        for _ in range(2):
            closed = flood(server, steady)
            recover(server)
            ask(steady)
        if closed == 0:
            raise Failure("no client was refused: the limit was never reached")
        lines = [line for line in server.text().splitlines() if "emory" in line]
        if not 0 < len(lines) < 40:
            raise Failure(f"{len(lines)} lines about memory in the log")
        print(f"PASS memory limit, {backend}: {closed} of {CLIENTS} clients refused, {len(lines)} log lines")
        return True
    except (Failure, OSError) as error:
        print(f"FAIL memory limit, {backend}: {error}")
        return False
    finally:
        server.stop()


def end_without_descriptors(program, backend):
    idle = []
    server = Server(program, backend, descriptors=40)
    try:
        busy = server.connect(timeout=20.0)
        busy.sendall(b"GET /sleep/500 HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(60):
            try:
                idle.append(server.connect(timeout=0.2))
            except OSError:
                break
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        response = busy.recv(65536)
        status = server.process.wait(timeout=30)
        if not response.startswith(b"HTTP/1.1 200") or status != 0:
            raise Failure(f"status {status}, the request under way got {response[:60]!r}: {server.text()[-500:]}")
        print(f"PASS end without descriptors, {backend}")
        return True
    except (Failure, OSError, subprocess.TimeoutExpired) as error:
        print(f"FAIL end without descriptors, {backend}: {error}")
        return False
    finally:
        for client in idle:
            client.close()
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", choices=["epoll", "io_uring", "both"], default="both")
    parser.add_argument("--program", default=".build/release/bench-server")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * CLIENTS + 100,) * 2)
    os.environ["SWIFT_BACKTRACE"] = "enable=no"
    backends = ["epoll", "io_uring"] if arguments.backend == "both" else [arguments.backend]
    sys.exit(0 if all([part(arguments.program, backend) for part in (run, end_without_descriptors) for backend in backends]) else 1)


if __name__ == "__main__":
    main()
