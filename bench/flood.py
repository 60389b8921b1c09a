#!/usr/bin/env python3
"""Clients that send more than the server can use: how much memory they take of it, and how long 64 others wait meanwhile.

  unread    one client pipelines GET /plaintext without an end and never reads a response
  read      the same, but it reads the responses as fast as it can
  uploads   300 clients send bodies without an end to a handler that takes a piece each 20 ms

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

from support import CORES, PLAIN, ROOT, Failure, Server, backends, prefer_client, prefer_server, response_length, run_on

# Part, most MiB of resident memory above idle.
PARTS = {"unread": 16, "read": 16, "uploads": 64}
OTHERS = 64
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
        result.send(uploading(port, seconds) if part == "uploads" else pipelining(port, part == "read", seconds))
    except (Failure, OSError) as error:
        result.send(str(error))


# The others


def others(server, seconds):
    """The 99th percentile in milliseconds and the number of requests of clients that each ask 20 times a second."""
    length = response_length(server, PLAIN)
    poller, clients = select.epoll(), {}
    for _ in range(OTHERS):
        client = server.connect(30)
        client.setblocking(False)
        clients[client.fileno()] = client
        poller.register(client.fileno(), select.EPOLLIN)
    begun, left, times = {}, dict.fromkeys(clients, 0), []
    now = time.perf_counter()
    end = now + seconds
    due = sorted((now + index * 0.05 / OTHERS, fd) for index, fd in enumerate(clients))
    try:
        while now < end or begun:
            while due and due[0][0] <= now < end:
                _, fd = due.pop(0)
                begun[fd], left[fd] = time.perf_counter(), length
                clients[fd].send(PLAIN)
            timeout = max(0.0, due[0][0] - now) if due and now < end else 0.05
            for fd, _ in poller.poll(timeout):
                piece = clients[fd].recv(65536)
                if not piece:
                    raise Failure("the server closed the connection of a client that behaves")
                left[fd] -= len(piece)
                if left[fd] == 0:
                    times.append(time.perf_counter() - begun[fd])
                    due.append((max(begun.pop(fd) + 0.05, time.perf_counter()), fd))
            now = time.perf_counter()
            if now > end + 10:
                raise Failure(f"{len(begun)} clients got no response within 10 s")
    finally:
        poller.close()
        for client in clients.values():
            client.close()
    times.sort()
    return times[len(times) * 99 // 100] * 1000, len(times)


def prepare_server():
    run_on(CORES[0])
    prefer_server()


def run(program, backend, part, seconds, most):
    """The line of figures, and whether they are within the limits."""
    server = Server(program, backend, prepare=prepare_server)
    process = None
    try:
        if part == "uploads":
            with server.connect() as client:
                client.sendall(b"PUT /slow-upload HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
                if not client.recv(65536).startswith(b"HTTP/1.1 200 "):
                    raise Failure("this bench-server has no /slow-upload")
        alone, _ = others(server, 1)
        idle = server.status("VmRSS")
        with open(f"/proc/{server.process.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # the peak begins anew (proc(5))
        reading, writing = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=flood, args=(part, server.port, seconds, writing))
        process.start()
        time.sleep(0.3)
        p99, count = others(server, seconds - 0.6)
        if not reading.poll(20):
            raise Failure("the flood does not end")
        result = reading.recv()
        is_cut_off = isinstance(result, str)
        sent = result if is_cut_off else f"flood sent {result[0] / 1e6:.1f} MB, read {result[1] / 1e6:.1f} MB"
        peak = (server.status("VmHWM") - idle) / 1024
        server.check_alive(5)
        line = (f"{part} on {backend}: peak {peak:.1f} MiB above idle (at most {PARTS[part]}), p99 of {OTHERS} others {p99:.2f} ms "
                f"(at most {most:.0f}; {alone:.2f} ms alone; {count} requests), {sent}")
        return line, not is_cut_off and peak <= PARTS[part] and p99 < most
    finally:
        if process:
            process.join(10)
            process.kill()
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="unread, read, uploads; default: all")
    parser.add_argument("--binary", default=str(ROOT / ".build/release/bench-server"), help="the bench-server to flood")
    parser.add_argument("--backend", choices=["available", "both", "epoll", "io_uring"], default="available")
    parser.add_argument("--seconds", type=float, default=10, help="how long each flood lasts")
    parser.add_argument("--small", action="store_true", help="three seconds each: for CI")
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
                line, is_good = run(options.binary, backend, part, 3 if options.small else options.seconds, options.p99)
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
