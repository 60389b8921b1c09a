#!/usr/bin/env python3
"""Clients that send more than the server can use: how much memory they take of it, and how long 64 others wait meanwhile.

  unread    one client pipelines GET /plaintext without an end and never reads a response
  read      the same, but it reads the responses as fast as it can
  uploads   300 clients send bodies without an end to a handler that takes a piece each 20 ms

and over HTTP/2, on eight connections that are opened again whenever the server closes them: resets (rapid reset),
provoked-resets (MadeYouReset), continuations, settings, pings, empty-data, hpack-bombs, stalled-windows.

The server has a core of its own where there are two; the peak of its resident memory is the kernel's own figure.
"""

import argparse
import multiprocessing
import resource
import select
import socket
import subprocess
import sys
import time

import http2_floods
from support import (CORES, OTHERS, PLAIN, ROOT, Failure, Server, after, backends, begin_peak_anew, others, prefer_client,
                     prefer_server_on_first_core, run_on)

# Part, most MiB of resident memory above idle.
PARTS = {"unread": 16, "read": 16, "uploads": 64} | dict.fromkeys(http2_floods.FLOODS, 32)
UPLOADS = 300


# The flood, in a process of its own


def started(port, count):
    clients = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port), 10)
        client.setblocking(False)
        clients.append(client)
    return clients


def pump(clients, heads, block, is_reading, seconds):
    """Sends each client's head and then the block again and again, as much as the kernel takes; the bytes sent and received."""
    unsent = {client.fileno(): memoryview(head) for client, head in zip(clients, heads)}
    by_descriptor = {client.fileno(): client for client in clients}
    poller, sent, received = select.epoll(), 0, 0
    for fd in by_descriptor:
        poller.register(fd, select.EPOLLOUT | (select.EPOLLIN if is_reading else 0))
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for fd, events in poller.poll(left):
            if events & (select.EPOLLERR | select.EPOLLHUP):
                raise Failure("the server closed a connection of the flood")
            if events & select.EPOLLIN:
                count = len(by_descriptor[fd].recv(1 << 20))
                if count == 0:
                    raise Failure("the server closed a connection of the flood")
                received += count
            if events & select.EPOLLOUT:
                try:
                    count = by_descriptor[fd].send(unsent[fd])
                except BlockingIOError:
                    continue
                sent += count
                unsent[fd] = unsent[fd][count:] or memoryview(block)
    return sent, received


def pipelining(port, is_reading, seconds):
    block = PLAIN * 4096
    return pump(started(port, 1), [block], block, is_reading, seconds)


def uploading(port, seconds):
    """Half of them with chunks, half with a length that is never reached. A block is whole chunks, so both can send it."""
    start = b"PUT /slow-upload HTTP/1.1\r\nHost: a\r\n"
    block = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    heads = [start + b"Transfer-Encoding: chunked\r\n\r\n", start + b"Content-Length: 1000000000000\r\n\r\n"]
    return pump(started(port, UPLOADS), [heads[index % 2] for index in range(UPLOADS)], block * 4, False, seconds)


def flood(part, port, seconds, result):
    try:
        run_on(CORES[-1])
        if part in http2_floods.FLOODS:
            result.send(http2_floods.run(part, port, seconds))
        else:
            result.send(uploading(port, seconds) if part == "uploads" else pipelining(port, part == "read", seconds))
    except (Failure, OSError) as error:
        result.send(str(error))


def begin_flood(part, port, seconds):
    """The process that floods, and where its result is to be read. It has begun to send."""
    reading, writing = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=flood, args=(part, port, seconds, writing))
    process.start()
    time.sleep(0.3)
    return process, reading


# The server, and the others beside the flood


def beside_flood_of_another(server, program, backend, part, seconds):
    """The 99th percentile of the others while the flood goes to a server of its own, which has the same core."""
    flooded = Server(program, backend, prepare=lambda: run_on(CORES[0]))
    process = None
    try:
        process, _ = begin_flood(part, flooded.port, seconds)
        return others(server, after(seconds - 0.6))[0]
    finally:
        if process:
            process.join(10)
            process.kill()
        flooded.stop()


def run(program, backend, part, seconds, most, has_control):
    """The line of figures, and whether they are within the limits."""
    server = Server(program, backend, prepare=prefer_server_on_first_core)
    process = None
    try:
        if part == "uploads":
            with server.connect() as client:
                client.sendall(b"PUT /slow-upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
                if not client.recv(65536).startswith(b"HTTP/1.1 200 "):
                    raise Failure("this bench-server has no /slow-upload")
        alone = f"{others(server, after(1))[0]:.2f} ms alone"
        if has_control:
            alone += f"; {beside_flood_of_another(server, program, backend, part, seconds):.2f} ms beside the flood of another server"
        idle = server.status("VmRSS")
        begin_peak_anew(server)
        process, reading = begin_flood(part, server.port, seconds)
        p99, count = others(server, after(seconds - 0.6))
        if not reading.poll(20):
            raise Failure("the flood does not end")
        result = reading.recv()
        is_cut_off = isinstance(result, str)
        sent = result if is_cut_off else f"flood sent {result[0] / 1e6:.1f} MB, read {result[1] / 1e6:.1f} MB"
        if part in http2_floods.FLOODS and not is_cut_off:
            sent += f" on {result[2]} connections"
        peak = (server.status("VmHWM") - idle) / 1024
        server.check_alive(5)
        line = (f"{part} on {backend}: peak {peak:.1f} MiB above idle (at most {PARTS[part]}), p99 of {OTHERS} others {p99:.2f} ms "
                f"(at most {most:.0f}; {alone}; {count} requests), {sent}")
        return line, not is_cut_off and peak <= PARTS[part] and p99 < most
    finally:
        if process:
            process.join(10)
            process.kill()
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="one of those above; default: all")
    parser.add_argument("--binary", default=str(ROOT / ".build/release/bench-server"), help="the bench-server to flood")
    parser.add_argument("--backend", choices=["available", "both", "epoll", "io_uring"], default="available")
    parser.add_argument("--seconds", type=float, default=10, help="how long each flood lasts")
    parser.add_argument("--small", action="store_true", help="two or three seconds each: for CI")
    parser.add_argument("--control", action="store_true",
                        help="measure the others beside the same flood of another server, too: what flood and clients cost each other")
    parser.add_argument("--p99", type=float, default=20, metavar="MS", help="most that the others' 99th percentile may be")
    parser.add_argument("--check", action="store_true", help="end with 1 where a limit is broken")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    available, failed = backends(options.binary, options.backend), False
    # Neither the flood nor what else runs on the machine keeps the clients that are timed waiting for a core.
    run_on(CORES[-1])
    prefer_client()
    for part in options.parts or PARTS:
        for backend in available:
            try:
                small = 2 if part in http2_floods.FLOODS else 3
                line, is_good = run(options.binary, backend, part, small if options.small else options.seconds, options.p99, options.control)
            except Failure as failure:
                line, is_good = f"{part} on {backend}: {failure}", False
            print(("PASS " if is_good else "FAIL ") + line, flush=True)
            failed = failed or not is_good
    return int(failed and options.check)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"flood.py: {error}")
