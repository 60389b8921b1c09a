"""One request on a connection of its own, and its response as it came, octet by octet."""

import socket
import zlib


class Response:
    def __init__(self, status, reason, fields, body, complete):
        self.status, self.reason, self.fields, self.body, self.complete = status, reason, fields, body, complete

    def values(self, name):
        return [value for field, value in self.fields if field == name]

    def get(self, name):
        return next(iter(self.values(name)), None)


# Whether `ask` speaks HTTP/2, with the library h2.
speaks_http2 = False


def ask(port, method, target, headers=(), body=None, host="twin.example", version="HTTP/1.1", raw=None, timeout=15):
    """`target` and the fields are text of Latin-1, sent as they are. `raw` replaces the whole request."""
    if speaks_http2:
        return ask_over_http2(port, method, target, headers, body, host, timeout)
    if raw is None:
        lines = ["%s %s %s" % (method, target, version)]
        if host is not None:
            lines.append("Host: " + host)
        lines += ["%s: %s" % field for field in headers]
        names = {name.lower() for name, _ in headers}
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            lines.append("Content-Length: %d" % len(body))
        if "connection" not in names:
            lines.append("Connection: close")
        raw = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")
    with socket.create_connection(("127.0.0.1", port), timeout) as client:
        try:
            client.sendall(raw)
        except OSError:
            pass    # a server that refuses a body closes early
        received = bytearray()
        while True:
            try:
                piece = client.recv(1 << 16)
            except ConnectionError:
                break
            if not piece:
                break
            received += piece
    return parse(bytes(received), method)


def ask_over_http2(port, method, target, headers, body, host, timeout):
    import over_http2

    if any(name.lower() == "transfer-encoding" for name, _ in headers):
        body, _ = unchunked(body)
    try:
        status, fields, content, complete = over_http2.exchange(port, method, target, headers, body, host, timeout)
    except over_http2.Reset as reset:
        # A malformed request has no response in HTTP/2 (RFC 9113, 8.1.1).
        return Response(400, "", [], b"", True) if reset.code == 1 else None
    return Response(status, "", fields, content, complete)


def parse(received, method):
    """The final response; None where there is none."""
    while True:
        head, separator, rest = received.partition(b"\r\n\r\n")
        if not separator:
            return None
        lines = head.decode("latin-1").split("\r\n")
        status = lines[0].split(" ", 2)
        if int(status[1]) >= 200:
            break
        received = rest
    fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
    response = Response(int(status[1]), status[2] if len(status) > 2 else "", fields, rest, True)
    length = response.get("content-length")
    if method == "HEAD" or response.status in (204, 304):
        response.complete = not rest
    elif "chunked" in (response.get("transfer-encoding") or ""):
        response.body, response.complete = unchunked(rest)
    elif length is not None:
        response.complete = len(rest) == int(length)
    return response


def unchunked(octets):
    body = b""
    while True:
        line, separator, octets = octets.partition(b"\r\n")
        if not separator:
            return body, False
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            return body, octets == b"\r\n"
        body += octets[:size]
        if octets[size:size + 2] != b"\r\n":
            return body, False
        octets = octets[size + 2:]


def decoded(response):
    """The body without its content coding."""
    coding = response.get("content-encoding")
    if coding in ("gzip", "deflate") and response.body:
        return zlib.decompressobj(47).decompress(response.body)
    return response.body
