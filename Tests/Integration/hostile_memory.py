"""The part `memory` of hostile.py: what a crowd of long messages and bodies leaves behind."""

import struct
import time
import zlib

from hostile_server import Failure

# The most KiB that may stay. Free memory at the end of a thread's heap stays with glibc, up to 64 MiB, whatever it is asked for.
KEPT = 72 * 1024


def upgraded(server, extension=b""):
    """A WebSocket, as a socket behind its handshake."""
    client = server.connect(60)
    client.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + extension + b"\r\n")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        octet = client.recv(1)
        if not octet:
            raise Failure(f"the handshake gets {head[:200]!r}")
        head += octet
    return client


def drain(client, count):
    while count > 0:
        piece = client.recv(min(count, 1 << 20))
        if not piece:
            raise Failure(f"the connection ends {count} bytes early")
        count -= len(piece)


def memory(server, options):
    size, count = 4 << 20, 60
    header = b"\x82\xff" + struct.pack(">Q", size) + bytes(4)
    deflated = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = (packer.compress(bytes(size)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]

    def whole():
        clients = [upgraded(server) for _ in range(count)]
        for client in clients:
            client.sendall(header + bytes(size - 1))
        for client in clients:
            client.sendall(bytes(1))
            drain(client, 10 + size)
        return clients

    def broken_off():
        clients = [upgraded(server) for _ in range(count)]
        for client in clients:
            client.sendall(header + bytes(size - 1))
        return clients

    def compressed():
        clients = [upgraded(server, deflated) for _ in range(count)]
        for client in clients:
            client.sendall(b"\xc2\xfe" + struct.pack(">H", len(packed)) + bytes(4) + packed)
        for client in clients:
            drain(client, 2)
        return clients

    def bodies():
        clients = [server.connect(60) for _ in range(count)]
        for client in clients:
            client.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + bytes(size - 1))
        for client in clients:
            client.sendall(bytes(1))
            drain(client, size)
        return clients

    figures = []
    for crowd in (whole, broken_off, compressed, bodies):
        before = server.status("VmRSS")
        clients = crowd()
        peak = server.status("VmRSS")
        for client in clients:
            client.close()
        deadline = time.monotonic() + 10
        while (after := server.status("VmRSS")) - before > KEPT and time.monotonic() < deadline:
            time.sleep(0.1)
        figures.append(f"{crowd.__name__} {before / 1024:.0f}, {peak / 1024:.0f}, {after / 1024:.0f} MiB")
        if after - before > KEPT:
            raise Failure("memory is kept (before, with the clients, after them): " + "; ".join(figures))
    server.check_alive(5)
    return "before, with the clients, after them: " + "; ".join(figures)
