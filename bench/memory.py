#!/usr/bin/env python3
"""What idle keep-alive connections hold: the private memory of the process for each of them, and what stays when they close.

  browser  each connection is served one request with a browser's twelve fields, one connection after the other
  burst    the same, all connections at once
  large    each is served a request with a head of 32 KiB and a body of 4 KiB, which comes back; 1,000 connections at a time
           send the first half of it before any sends the second one
  compressed  each is served a page of 10 KiB in gzip, one connection after the other: the compression contexts are the loop's
  websocket  each becomes a WebSocket, sends a message and gets it back; the handler does not keep its request
  websocket-request  the same, with a handler that keeps its request
  websocket-deflate  the same as the first, and the messages are compressed (permessage-deflate)

The kernel's own memory for sockets is not counted. Each variant has a server of its own, on each backend.
"""

import argparse
import resource
import select
import socket
import subprocess
import sys
import time
import zlib

import baselines
from support import BROWSER, ROOT, Failure, Server, backends, receive_exactly, response_length, smaps

FIELDS = b"".join(b"X-Field-%02d: %s\r\n" % (number, b"v" * 804) for number in range(40))
LARGE = b"POST /echo HTTP/1.1\r\nHost: a\r\n" + FIELDS + b"Content-Length: 4096\r\n\r\n" + b"b" * 4096
PAGE = b"GET /page HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"
HANDSHAKE = (b"GET %s HTTP/1.1\r\nHost: 127.0.0.1:8888\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n")
OFFER = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


def frame(first, payload):
    """A client's frame of at most 125 bytes; the mask is of zeros, and so changes nothing."""
    return bytes([first, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def deflated(payload):
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


HELLO = b"hello, hello, hello, hello"
SOCKET = HANDSHAKE % (b"/ws", b"") + frame(0x81, HELLO)
REQUEST_SOCKET = HANDSHAKE % (b"/ws-request", b"") + frame(0x81, HELLO)
DEFLATE_SOCKET = HANDSHAKE % (b"/ws", OFFER) + frame(0xC1, deflated(HELLO))
GROUP = 1_000
MOST_LEFT = 8 << 20


def quiet(server):
    """Private memory and resident memory once neither has changed for a second, or after ten."""
    end = time.monotonic() + 10
    seen, since = None, 0.0
    while True:
        now = (smaps(server.process.pid, "Private_Dirty"), server.status("VmRSS") * 1024)
        if now != seen:
            seen, since = now, time.monotonic()
        if time.monotonic() - since >= 1 or time.monotonic() > end:
            return seen
        time.sleep(0.1)


def length_of(server, request):
    """The bytes that come back for the request. Behind a handshake, they end with a frame."""
    if b"Upgrade: websocket" not in request:
        return response_length(server, request)
    with server.connect() as client:
        client.sendall(request)
        received = b""
        while True:
            received += client.recv(65536)
            head, _, frames = received.partition(b"\r\n\r\n")
            if len(frames) >= 2 and len(frames) >= 2 + frames[1]:
                break
        if not head.startswith(b"HTTP/1.1 101 "):
            raise Failure(f"a response of {head[:200]!r}")
        return len(received)


def one_by_one(server, request, length, count):
    clients = []
    for _ in range(count):
        client = server.connect(30)
        clients.append(client)
        client.sendall(request)
        receive_exactly(client, length)
    return clients


def at_once(server, request, length, count):
    """All connections are begun before the first is looked at; each sends as soon as it is open."""
    clients, left, poller = {}, {}, select.epoll()
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", server.port))
        clients[client.fileno()] = client
        left[client.fileno()] = length
        poller.register(client.fileno(), select.EPOLLOUT)
    end = time.monotonic() + 40
    while left:
        if time.monotonic() > end:
            raise Failure(f"{len(left)} of {count} connections were not served within 40 s")
        for fd, events in poller.poll(1):
            if events & select.EPOLLOUT:
                clients[fd].sendall(request)
                poller.modify(fd, select.EPOLLIN)
                continue
            piece = clients[fd].recv(65536)
            if not piece:
                raise Failure("the server closed a connection")
            left[fd] -= len(piece)
            if left[fd] <= 0:
                del left[fd]
                poller.unregister(fd)
    poller.close()
    return list(clients.values())


def in_halves(server, request, length, count):
    """Groups of connections whose requests are all under way before the first is complete."""
    clients = []
    for start in range(0, count, GROUP):
        group = [server.connect(30) for _ in range(min(GROUP, count - start))]
        clients += group
        for half in (request[:len(request) // 2], request[len(request) // 2:]):
            for client in group:
                client.sendall(half)
        for client in group:
            receive_exactly(client, length)
    return clients


# Variant, request, how the connections come, most bytes for each, arguments of the server.
VARIANTS = [("browser", BROWSER, one_by_one, 448, []), ("burst", BROWSER, at_once, 448, []),
            ("large", LARGE, in_halves, 1024, []), ("compressed", PAGE, one_by_one, 448, ["--compress"]),
            ("websocket", SOCKET, one_by_one, 700, []), ("websocket-request", REQUEST_SOCKET, one_by_one, 1536, []),
            ("websocket-deflate", DEFLATE_SOCKET, one_by_one, 1536, [])]


def run(program, backend, variant, count):
    """Bytes a connection, and how much more is resident after all have closed than before the first opened."""
    _, request, connect, _, arguments = variant
    server = Server(program, backend, arguments=arguments)
    clients = []
    try:
        length = length_of(server, request)
        for client in one_by_one(server, request, length, 64):
            client.close()
        private, resident = quiet(server)
        clients = connect(server, request, length, count)
        held, _ = quiet(server)
        for client in clients:
            client.close()
        _, after = quiet(server)
        server.check_alive()
        return (held - private) / count, after - resident
    finally:
        for client in clients:
            client.close()
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="some of those above; default: all")
    parser.add_argument("--binary", default=str(ROOT / ".build/release/bench-server"), help="the bench-server to measure")
    parser.add_argument("--backend", choices=["available", "both", "epoll", "io_uring"], default="available")
    parser.add_argument("--connections", type=int, default=9_000)
    parser.add_argument("--small", action="store_true", help="2,000 connections, and the limits only: for CI")
    baselines.add_options(parser)
    options = parser.parse_args()
    names = [name for name, *_ in VARIANTS]
    if unknown := set(options.variants) - set(names):
        parser.error(f"no such variant: {', '.join(sorted(unknown))}")
    count = 2_000 if options.small else options.connections
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < count + 100:
        raise Failure(f"{count} connections need as many descriptors, {hard} are allowed here")

    figures, broken = {}, []
    for backend in backends(options.binary, options.backend):
        for variant in VARIANTS:
            name, _, _, most, _ = variant
            if options.variants and name not in options.variants:
                continue
            each, left = run(options.binary, backend, variant, count)
            # What is left of a crowd depends on how it arrived: that is held by the limits alone.
            if variant[2] is one_by_one:
                figures[f"memory/{backend}/{name}"] = each
            line = (f"{name} on {backend}: {each:.0f} bytes for each of {count} idle connections (at most {most}), "
                    f"{left / 1048576:+.1f} MiB after they have closed (at most 8)")
            is_over = each > most or left > MOST_LEFT
            print(("FAIL " if is_over else "PASS ") + line, flush=True)
            if is_over:
                broken.append(line)
    status = 0
    # Fewer connections share what is allocated once, so only the usual number is compared with what was recorded.
    if count == 9_000:
        status = baselines.finish(options, figures)
    return int(bool(options.check and broken)) or status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"memory.py: {error}")
