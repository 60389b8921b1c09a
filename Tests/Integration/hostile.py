#!/usr/bin/env python3
"""Hostile clients against a running bench-server on loopback, on each backend. Only the standard library is used.

  requests     mutated requests: each response is well-formed or the connection closes, and the server goes on
  slow         slow heads, slow bodies and readers that don't read, beside a normal load; all are cut off
  descriptors  many more clients than the server has descriptors: no spin, one log line, full recovery
  transfer     a large download and a large upload through one loop, in little memory
  memory       many long messages and bodies at once, whole and broken off: their memory goes back to the system

Each part prints one PASS or FAIL line a backend; the exit status is 1 where one failed.
"""

import argparse
import os
import random
import re
import resource
import select
import socket
import sys
import time

from hostile_memory import memory
from hostile_server import GOOD, LAST, Failure, Server



# Mutated requests

SEEDS = [
    GOOD,
    b"GET /json HTTP/1.1\r\nHost: example.com:80\r\nAccept: */*;q=0.5\r\nCookie: a=b; c=d\r\n\r\n",
    b"GET /headers?a=%41&b=+ HTTP/1.1\r\nHost: [::1]:8\r\nX-A: b\r\nX-A: c\r\nConnection: keep-alive\r\n\r\n",
    b"HEAD /plaintext HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /users/42/posts/first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET http://a/json HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
    b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n",
    b"PUT /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
    b"PUT /upload HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"GET /bytes/1000 HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
]
PIECES = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"%", b"\xff", b"\x80", b"0", b"-1", b"1e9",
          b"Host: b\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: x\r\n",
          b"Connection: close\r\n", b"18446744073709551617", b"chunked, gzip", b"HTTP/1.0", b"HTTP/2.0", b"A" * 9000]


def mutated(rng):
    octets = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randint(0, 3)):
        place = rng.randint(0, len(octets))
        kind = rng.randrange(6)
        if kind == 0 and place < len(octets):
            octets[place] = rng.randrange(256)
        elif kind == 1:
            octets[place:place] = rng.choice(PIECES)
        elif kind == 2:
            del octets[place:place + rng.randint(1, 12)]
        elif kind == 3:
            octets[place:place] = octets[place:place + rng.randint(1, 20)]
        elif kind == 4 and place < len(octets):
            octets[place] ^= 1 << rng.randrange(8)
        else:
            del octets[place:]
    return bytes(octets)


STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [ -~]*\Z")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\Z")


def read_body(octets, start, fields):
    """Where a response's body ends."""
    lengths = [value for name, value in fields if name == b"content-length"]
    coded = [value for name, value in fields if name == b"transfer-encoding"]
    if len(lengths) > 1 or (lengths and coded) or coded not in ([], [b"chunked"]):
        raise Failure(f"framing: {fields}")
    if lengths:
        end = start + int(lengths[0])
        if end > len(octets):
            raise Failure(f"{len(octets) - start} bytes of a body of {int(lengths[0])}")
        return end
    if not coded:
        return len(octets)
    while True:
        line = octets.find(b"\r\n", start)
        if line < 0:
            raise Failure("chunks without an end")
        size = int(octets[start:line], 16)
        start = line + 2 + size + 2
        if octets[start - 2:start] != b"\r\n":
            raise Failure("no line end behind a chunk")
        if size == 0:
            return start


def statuses(octets):
    """The status codes of all responses that a connection received; a Failure if they are malformed."""
    found = []
    start = 0
    while start < len(octets):
        end = octets.find(b"\r\n\r\n", start)
        if end < 0:
            raise Failure(f"no head: {octets[start:start + 200]!r}")
        lines = octets[start:end].split(b"\r\n")
        match = STATUS_LINE.match(lines[0])
        if not match:
            raise Failure(f"a status line: {lines[0]!r}")
        fields = []
        for line in lines[1:]:
            field = FIELD_LINE.match(line)
            if not field:
                raise Failure(f"a field line: {line!r}")
            fields.append((field[1].lower(), field[2]))
        status = int(match[1])
        found.append(status)
        start = end + 4
        # A response to HEAD ends here whatever its fields say: then comes the next response, or nothing.
        bare = status < 200 or status in (204, 304) or octets.startswith(b"HTTP/1.1 ", start) or start == len(octets)
        if not bare:
            start = read_body(octets, start, fields)
    return found


class Exchange:
    """One connection: some mutated requests, then a good one after which the server has to close."""

    def __init__(self, server, rng, count):
        self.sent = b"".join(mutated(rng) for _ in range(count)) + LAST
        self.received = bytearray()
        self.socket = server.connect()
        self.socket.setblocking(False)
        self.unsent = self.sent
        self.is_shut = False
        self.is_reset = False
        self.touched = time.monotonic()

    def write(self):
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent):]
        except BlockingIOError:
            pass
        except OSError:
            self.unsent = b""

    def read(self):
        """Whether the connection has ended."""
        try:
            piece = self.socket.recv(262144)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            self.is_reset = True
            return True
        self.received += piece
        self.touched = time.monotonic()
        return not piece

    def shut(self):
        self.is_shut = True
        self.touched = time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def mutated_requests(server, options):
    rng = random.Random(options.seed)
    left, counts, resets, unfinished, connections = options.count, {}, 0, 0, 0
    poller, open_ones = select.epoll(), {}
    start = time.monotonic()

    def finish(fd):
        nonlocal resets, unfinished, connections
        exchange = open_ones.pop(fd)
        poller.unregister(fd)
        exchange.socket.close()
        connections += 1
        resets += exchange.is_reset
        try:
            for status in statuses(bytes(exchange.received)):
                counts[status] = counts.get(status, 0) + 1
        except (Failure, ValueError) as error:
            # A client that ends its side during a response has disconnected: the response may be cut.
            if exchange.is_shut:
                unfinished += 1
                return
            raise Failure(f"{error}; sent {exchange.sent!r}, received {bytes(exchange.received[-400:])!r}") from None

    while left > 0 or open_ones:
        while left > 0 and len(open_ones) < 128:
            count = min(rng.randint(1, 4), left)
            exchange = Exchange(server, rng, count)
            left -= count
            exchange.write()
            fd = exchange.socket.fileno()
            open_ones[fd] = exchange
            poller.register(fd, select.EPOLLIN | (select.EPOLLOUT if exchange.unsent else 0))
        for fd, events in poller.poll(0.1):
            exchange = open_ones[fd]
            if events & select.EPOLLOUT:
                exchange.write()
                if not exchange.unsent:
                    poller.modify(fd, select.EPOLLIN)
            if events & ~select.EPOLLOUT and exchange.read():
                finish(fd)
        now = time.monotonic()
        for exchange in [exchange for exchange in open_ones.values() if now - exchange.touched > 0.5]:
            if not exchange.is_shut:
                exchange.shut()
            elif now - exchange.touched > 20:
                raise Failure(f"a connection stays open after its client's end; sent {exchange.sent!r}")
    seconds = time.monotonic() - start
    latency = server.check_alive()
    if counts.get(500):
        raise Failure(f"{counts[500]} responses with 500")
    return (f"{options.count} requests on {connections} connections in {seconds:.1f} s, responses "
            f"{dict(sorted(counts.items()))}, {resets} resets, {unfinished} cut by the client's own end, "
            f"then a good one in {latency * 1000:.1f} ms")


# Slow clients

class NormalLoad:
    """Requests one after the other on a keep-alive connection, each timed."""

    def __init__(self, server):
        self.client = server.connect()
        self.failures = 0

    def run(self, seconds):
        times, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            start = time.perf_counter()
            self.client.sendall(GOOD)
            response = self.client.recv(65536)
            times.append(time.perf_counter() - start)
            if not response.startswith(b"HTTP/1.1 200 ") or not response.endswith(b"Hello, World!"):
                self.failures += 1
            time.sleep(0.001)
        times.sort()
        return times[len(times) * 99 // 100] * 1000, len(times)


SLOW_KINDS = {
    "head": b"GET /plaintext HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    "body": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
    "reader": b"GET /bytes/20000000 HTTP/1.1\r\nHost: a\r\n\r\n",
}
WHOLE_READ = 20_000_000
# A reader is cut off 30 s after it last took something, which is noticed up to 7.5 s later; its kernel may take more at first.
SLOW_SECONDS = 50


def slow_clients(port, count, result):
    """In a process of its own: opens the connections, dribbles, and writes how they ended."""
    clients = []
    for index in range(count):
        client = socket.socket()
        kind = list(SLOW_KINDS)[index % 3]
        if kind == "reader":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        client.sendall(SLOW_KINDS[kind])
        client.setblocking(False)
        clients.append((kind, client))
    end = time.monotonic() + SLOW_SECONDS
    while time.monotonic() < end:
        for kind, client in clients:
            if kind != "reader":
                try:
                    client.send(b"x")
                except OSError:
                    pass
        time.sleep(1)
    timed_out = {"head": 0, "body": 0}
    still_open = {kind: 0 for kind in SLOW_KINDS}
    for kind, client in clients:
        client.settimeout(2)
        total, first = 0, b""
        try:
            while total < WHOLE_READ:
                piece = client.recv(1 << 20)
                if not piece:
                    break
                first = first or piece
                total += len(piece)
            else:
                still_open[kind] += 1
        except TimeoutError:
            still_open[kind] += 1
        except OSError:
            pass
        if kind != "reader" and first.startswith(b"HTTP/1.1 408 "):
            timed_out[kind] += 1
    os.write(result, repr((timed_out, still_open)).encode())


def slow(server, options):
    load = NormalLoad(server)
    load.run(0.5)
    alone, _ = load.run(5)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            slow_clients(server.port, options.slow, writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        time.sleep(2)
        beside, count = load.run(SLOW_SECONDS - 6)
        with os.fdopen(reading, "rb") as file:
            text = file.read().decode()
    finally:
        os.waitpid(child, 0)
    if not text:
        raise Failure("the slow clients failed")
    timed_out, still_open = eval(text)  # what the child wrote, not what came from the server
    figures = (f"p99 alone {alone:.2f} ms, beside {options.slow} slow connections {beside:.2f} ms ({count} requests), "
               f"408 for {timed_out['head']} heads and {timed_out['body']} bodies, still open {still_open}")
    if any(still_open.values()):
        raise Failure("not all were cut off: " + figures)
    wanted = [len(range(index, options.slow, 3)) for index in range(2)]
    if [timed_out["head"], timed_out["body"]] != wanted:
        raise Failure(f"408 was due for {wanted}: {figures}")
    if load.failures:
        raise Failure(f"{load.failures} of the normal requests failed: {figures}")
    # Up to --p99-floor a busy machine does not fail, because both times are then a few milliseconds; 0 checks the factor alone.
    if beside > max(2 * alone, options.p99_floor):
        raise Failure("the normal load suffers: " + figures)
    server.check_alive()
    return figures


# Descriptors

def descriptors(server, options):
    lines_before = server.text().count("\n")
    clients = []
    for _ in range(options.clients):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", server.port))
        clients.append(client)
    time.sleep(1)
    cpu, start = server.cpu_seconds(), time.monotonic()
    time.sleep(3)
    used, seconds = server.cpu_seconds() - cpu, time.monotonic() - start
    lines = server.text().splitlines()[lines_before:]
    for client in clients:
        client.close()
    latency = server.check_alive(20)
    again = [server.check_alive() for _ in range(50)]
    figures = (f"{options.clients} clients: {used:.2f} s of CPU in {seconds:.1f} s, {len(lines)} log lines, "
               f"first good response after {latency * 1000:.0f} ms, then at most {max(again) * 1000:.1f} ms")
    if used > 0.3:
        raise Failure("it spins: " + figures)
    if len(lines) > 2 or not lines:
        raise Failure(f"log lines: {lines[:5]}; {figures}")
    return figures + f"; {lines[0]!r}"


# Large transfers

def transfer(server, options):
    size, start = options.size, time.monotonic()
    with server.connect(60) as client:
        client.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % size)
        buffer, total = bytearray(1 << 20), 0
        while count := client.recv_into(buffer):
            total += count
    down = time.monotonic() - start
    if total < size:
        raise Failure(f"{total} bytes of a download of {size}")
    after_download = server.status("VmHWM")
    start, piece = time.monotonic(), bytes(1 << 20)
    with server.connect(60) as client:
        client.sendall(b"PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % size)
        left = size
        while left > 0:
            client.sendall(piece[:left])
            left -= len(piece)
        response = b""
        while more := client.recv(65536):
            response += more
    up = time.monotonic() - start
    peak = server.status("VmHWM")
    figures = (f"{size / 1e9:g} GB down in {down:.1f} s (VmHWM {after_download / 1024:.1f} MiB), "
               f"up in {up:.1f} s (VmHWM {peak / 1024:.1f} MiB)")
    if not response.startswith(b"HTTP/1.1 200 ") or f"{size}\n".encode() not in response:
        raise Failure(f"the upload gets the response {response[:300]!r}; {figures}")
    if peak > 64 * 1024:
        raise Failure("more than 64 MiB: " + figures)
    return figures


PARTS = {"requests": mutated_requests, "slow": slow, "descriptors": descriptors, "transfer": transfer, "memory": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS) + "; default: all")
    parser.add_argument("--server", default=".build/release/bench-server")
    parser.add_argument("--backend", choices=["both", "epoll", "io_uring"], default="both")
    parser.add_argument("--count", type=int, default=20_000, help="mutated requests")
    parser.add_argument("--slow", type=int, default=150, help="slow connections")
    parser.add_argument("--p99-floor", type=float, default=5, help="ms of p99 that are good beside slow ones anyway")
    parser.add_argument("--clients", type=int, default=1_000, help="clients of a server with 256 descriptors")
    parser.add_argument("--size", type=int, default=1_000_000_000, help="bytes of each transfer")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    results = []

    def run(part, backend):
        server = None
        try:
            server = Server(options.server, backend, 256 if part == "descriptors" else None)
            line = f"PASS {part} on {backend}: {PARTS[part](server, options)}"
        except (Failure, OSError) as error:
            line = f"FAIL {part} on {backend}: {error}"
        finally:
            if server:
                server.stop()
        results.append(line)
        print(line, flush=True)

    for part in options.parts or PARTS:
        for backend in ["epoll", "io_uring"] if options.backend == "both" else [options.backend]:
            run(part, backend)
    return any(line.startswith("FAIL") for line in results)


if __name__ == "__main__":
    sys.exit(main())
