"""Conversations over WebSocket, frame by frame. Each returns what it has seen, by name."""

import base64
import hashlib
import json
import os
import re
import socket
import struct
import zlib

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NAMES = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
DEFLATE = "permessage-deflate"


class Socket:
    """A client that sends what it is told to, well-formed or not."""

    def __init__(self, port, target, extra=(), without=(), method="GET", version="HTTP/1.1", key=None):
        self.key = key or base64.b64encode(os.urandom(16)).decode()
        fields = {"Host": "127.0.0.1:%d" % port, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": self.key,
                  "Sec-WebSocket-Version": "13"}
        fields = [(name, value) for name, value in fields.items() if name not in without] + list(extra)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        head = "%s %s %s\r\n" % (method, target, version) + "".join("%s: %s\r\n" % field for field in fields) + "\r\n"
        self.socket.sendall(head.encode())
        self.unread = b""
        while b"\r\n\r\n" not in self.unread:
            piece = self.socket.recv(65536)
            if not piece:
                break
            self.unread += piece
        head, _, self.unread = self.unread.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0] else None
        self.fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def handshake(self):
        """The parts of the response that belong to the protocol."""
        if self.status != 101:
            return self.status, self.fields.get("sec-websocket-version")
        accept = base64.b64encode(hashlib.sha1((self.key + GUID).encode()).digest()).decode()
        return (self.status, self.fields.get("upgrade", "").lower(), self.fields.get("connection", "").lower(),
                self.fields.get("sec-websocket-accept") == accept, self.fields.get("sec-websocket-protocol"),
                self.fields.get("sec-websocket-extensions"))

    def send(self, opcode, payload=b"", fin=True, reserved=0, masked=True):
        first = (0x80 if fin else 0) | reserved << 4 | opcode
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size)
        if not masked:
            return self.socket.sendall(bytes([first]) + length + payload)
        mask = os.urandom(4)
        data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        return self.socket.sendall(bytes([first, length[0] | 0x80]) + length[1:] + mask + data)

    def exactly(self, count):
        while len(self.unread) < count:
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError
            self.unread += piece
        taken, self.unread = self.unread[:count], self.unread[count:]
        return taken

    def frame(self):
        """The next frame: its opcode, whether it is the last of its message and compressed, and its payload; None: closed."""
        try:
            first, second = self.exactly(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", self.exactly(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self.exactly(8))
            return first & 0x0F, first & 0x80 != 0, first & 0x40 != 0, self.exactly(size)
        except (EOFError, ConnectionError):
            return None

    def message(self, inflater=None):
        """The next message, put together from its frames, or control frame; "closed" where none comes any more."""
        opcode, payload, compressed = None, b"", False
        while True:
            frame = self.frame()
            if frame is None:
                return "closed"
            if frame[0] == CLOSE:
                return "close", struct.unpack(">H", frame[3][:2])[0] if frame[3] else None, frame[3][2:].decode()
            if frame[0] >= CLOSE:
                return NAMES[frame[0]], frame[3].decode("latin-1")
            if frame[0] != CONTINUATION:
                opcode, compressed = frame[0], frame[2]
            payload += frame[3]
            if frame[1]:
                if compressed:
                    payload = inflater.decompress(payload + b"\0\0\xff\xff") if inflater else b"compressed"
                return NAMES[opcode], payload.decode("latin-1") if len(payload) < 100 else hashlib.sha256(payload).hexdigest()

    def rest(self, limit=8):
        """All that comes until the server closes."""
        seen = []
        while len(seen) < limit and (not seen or seen[-1] != "closed"):
            seen.append(self.message())
        return seen


def handshakes(port):
    host = "http://127.0.0.1:%d" % port
    cases = {
        "plain": {}, "version 8": {"without": ("Sec-WebSocket-Version",), "extra": [("Sec-WebSocket-Version", "8")]},
        "version 12": {"without": ("Sec-WebSocket-Version",), "extra": [("Sec-WebSocket-Version", "12")]},
        "no version": {"without": ("Sec-WebSocket-Version",)}, "no key": {"without": ("Sec-WebSocket-Key",)},
        "no upgrade": {"without": ("Upgrade",)}, "no connection": {"without": ("Connection",)},
        "other protocol": {"without": ("Upgrade",), "extra": [("Upgrade", "h2c")]},
        "upper case": {"without": ("Upgrade",), "extra": [("Upgrade", "WebSocket")]},
        "connection of several": {"without": ("Connection",), "extra": [("Connection", "keep-alive, Upgrade")]},
        "POST": {"method": "POST", "extra": [("Content-Length", "0")]},
        "same origin": {"extra": [("Origin", host)]}, "same origin in upper case": {"extra": [("Origin", host.upper())]},
        "other port": {"extra": [("Origin", "http://127.0.0.1:1")]}, "null": {"extra": [("Origin", "null")]},
        "trusted elsewhere": {"extra": [("Origin", "https://trusted.example")]},
        "old field": {"extra": [("Sec-WebSocket-Origin", "https://evil.example")]},
        "deflate that is off": {"extra": [("Sec-WebSocket-Extensions", DEFLATE)]},
        "unknown extension": {"extra": [("Sec-WebSocket-Extensions", "x-unknown; a=1")]},
        "subprotocol": {"extra": [("Sec-WebSocket-Protocol", "chat.v1")]},
    }
    seen = {}
    for name, case in cases.items():
        with Socket(port, "/ws/echo", **case) as client:
            seen[name] = client.handshake()
    for target, origin in (("/ws/origin", "https://trusted.example"), ("/ws/origin", "https://evil.example"), ("/ws/origin", host),
                           ("/ws/refuse", host), ("/ws/room/UPPER", host), ("/ws/none", host)):
        with Socket(port, target, extra=[("Origin", origin)]) as client:
            seen["%s from %s" % (target, origin.replace(host, "here"))] = client.handshake()
    return seen


def messages(port):
    seen = {}
    sent = {"empty": b"", "text": b"hello", "umlauts": "gr\u00fc\u00dfe \u2713".encode(), "125": b"a" * 125, "126": b"a" * 126,
            "65535": b"b" * 65535, "65536": b"c" * 65536, "megabyte": b"d" * (1 << 20)}
    with Socket(port, "/ws/echo") as client:
        for name, payload in sent.items():
            for opcode in (TEXT, BINARY):
                client.send(opcode, payload)
                seen["%s %s" % (NAMES[opcode], name)] = client.message()
        client.send(BINARY, bytes(range(99)))
        seen["all bytes"] = client.message()
        client.send(TEXT, b"one", fin=False)
        client.send(CONTINUATION, b"", fin=False)
        client.send(PING, b"between")
        client.send(CONTINUATION, b"two")
        seen["fragments and a ping"] = client.message(), client.message()
        client.send(PONG, b"unasked")
        client.send(TEXT, b"after")
        seen["a pong that nobody asked for"] = client.message()
        # The character is cut between the two frames.
        client.send(TEXT, "\u2713".encode()[:2], fin=False)
        client.send(CONTINUATION, "\u2713".encode()[2:])
        seen["a character in two frames"] = client.message()
        for _ in range(50):
            client.send(TEXT, b"x")
        seen["fifty at once"] = [client.message() for _ in range(50)]
    with Socket(port, "/ws/room/kitchen") as client:
        kind, text = client.message()
        seen["room"] = kind, json.loads(text)
    return seen


def subprotocols(port):
    seen = {}
    for offered in ((), ("chat.v1",), ("chat.v2",), ("chat.v1, chat.v2",), ("chat.v1", "chat.v2"), ("other",), (" chat.v1 ,other",)):
        with Socket(port, "/ws/sub", extra=[("Sec-WebSocket-Protocol", value) for value in offered]) as client:
            seen[repr(offered)] = client.handshake(), client.message()
    return seen


def pings(port):
    seen = {}
    with Socket(port, "/ws/ping") as client:
        client.send(TEXT, b"ping data")
        seen["server's"] = client.message()
        client.send(PONG, b"data")
        seen["its pong"] = client.message()
        client.send(PING, b"mine")
        seen["client's"] = client.message(), client.message()
        client.send(TEXT, b"ping ")
        seen["without data"] = client.message()
    return seen


def closes(port):
    from trips import await_notes  # noqa: PLC0415
    seen = {}
    for name, payload in {"none": b"", "1000": struct.pack(">H", 1000), "1001 with a reason": struct.pack(">H", 1001) + b"away",
                          "3000": struct.pack(">H", 3000), "4999 umlaut": struct.pack(">H", 4999) + "\u00fc".encode()}.items():
        key = os.urandom(8).hex()
        with Socket(port, "/ws/close?key=" + key) as client:
            client.send(CLOSE, payload)
            seen["client " + name] = client.rest(), await_notes(port, key, 1)
    for name in ("none", "1000", "1001 going", "3000 own", "4000 gr\u00fc\u00dfe"):
        key = os.urandom(8).hex()
        with Socket(port, "/ws/close?key=" + key) as client:
            client.send(TEXT, name.encode())
            first = client.message()
            client.send(CLOSE, b"" if name == "none" else struct.pack(">H", int(name.split(" ")[0])))
            seen["server " + name] = first, client.rest(), await_notes(port, key, 1)
    key = os.urandom(8).hex()
    with Socket(port, "/ws/close?key=" + key):
        pass
    seen["without a frame"] = await_notes(port, key, 1)
    return seen


def limits(port):
    seen = {}
    for size in (1023, 1024, 1025, 5000):
        with Socket(port, "/ws/limit") as client:
            client.send(TEXT, b"a" * size)
            first = client.message()
            seen[str(size)] = first if first == "closed" or first[0] == "text" else (first[:2], client.rest())
    with Socket(port, "/ws/limit") as client:
        client.send(TEXT, b"a" * 1000, fin=False)
        client.send(CONTINUATION, b"a" * 1000)
        first = client.message()
        seen["two frames"] = first[:2] if isinstance(first, tuple) else first
    return seen


def violations(port):
    """What a client must not do. The server ends the connection."""
    def once(*frames):
        with Socket(port, "/ws/echo") as client:
            for opcode, payload, options in frames:
                client.send(opcode, payload, **options)
            seen = client.rest(3)
            return [(entry[0], entry[1]) if entry[0] == "close" else entry for entry in seen]

    return {
        "reserved bit": once((TEXT, b"a", {"reserved": 2})), "compressed": once((TEXT, b"a", {"reserved": 4})),
        "opcode 3": once((3, b"", {})), "opcode 11": once((11, b"", {})),
        "not UTF-8": once((TEXT, b"\xff", {})), "surrogate": once((TEXT, b"\xed\xa0\x80", {})),
        "half a character": once((TEXT, b"\xe2\x9c", {})),
        "long ping": once((PING, b"a" * 126, {})), "fragmented ping": once((PING, b"a", {"fin": False})),
        "continuation of nothing": once((CONTINUATION, b"a", {})),
        "text inside a message": once((TEXT, b"a", {"fin": False}), (TEXT, b"b", {})),
        "close of one byte": once((CLOSE, b"\x03", {})), "close 1005": once((CLOSE, struct.pack(">H", 1005), {})),
        "close 999": once((CLOSE, struct.pack(">H", 999), {})),
        "close with bad UTF-8": once((CLOSE, struct.pack(">H", 1000) + b"\xff", {})),
    }


def unmasked(port):
    with Socket(port, "/ws/echo") as client:
        client.send(TEXT, b"bare", masked=False)
        first = client.message()
        return {"frame": (first[0], first[1]) if isinstance(first, tuple) else first}


def deflate(port):
    seen = {}
    offers = ("", "; client_max_window_bits", "; client_max_window_bits=10", "; server_max_window_bits=10",
              "; server_no_context_takeover", "; client_no_context_takeover", "; server_no_context_takeover; client_no_context_takeover",
              "; server_max_window_bits=7", "; server_max_window_bits=16", "; server_max_window_bits", "; unknown",
              "; server_no_context_takeover=1", "; client_max_window_bits; client_max_window_bits")
    for offer in offers:
        with Socket(port, "/ws/deflate", extra=[("Sec-WebSocket-Extensions", DEFLATE + offer)]) as client:
            answer = client.fields.get("sec-websocket-extensions")
            seen["offer" + offer] = client.status, sorted(re.split(r"\s*;\s*", answer)) if answer else None
    for several in (DEFLATE + "; unknown, " + DEFLATE, "x-other, " + DEFLATE):
        with Socket(port, "/ws/deflate", extra=[("Sec-WebSocket-Extensions", several)]) as client:
            seen["offers " + several] = client.status, client.fields.get("sec-websocket-extensions")
    with Socket(port, "/ws/deflate", extra=[("Sec-WebSocket-Extensions", DEFLATE)]) as client:
        deflater = zlib.compressobj(wbits=-15)
        inflater = zlib.decompressobj(wbits=-15)
        for name, payload in {"text": b"hello hello hello", "the same": b"hello hello hello", "empty": b"", "long": b"abc" * 50000}.items():
            data = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
            client.send(TEXT, data[:-4], reserved=4)
            seen["compressed " + name] = client.message(inflater)
        client.send(TEXT, b"plain")
        seen["plain"] = client.message(inflater)
        client.send(TEXT, b"\xff\xff\xff", reserved=4)
        end = client.rest(3)
        seen["not deflate"] = [(entry[0], entry[1]) if entry[0] == "close" else entry for entry in end]
    return seen


TRIPS = {"socket " + function.__name__: function for function in (
    handshakes, messages, subprotocols, pings, closes, limits, violations, unmasked, deflate)}
