"""One request over HTTP/2 on a connection of its own, by the library h2, which is strict with what the server sends."""

import socket

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

# Fields that HTTP/2 does not have (RFC 9113, 8.2.2); the client of HTTP/1.1 sends them where a request wants them.
OF_CONNECTION = ("connection", "host", "keep-alive", "transfer-encoding", "te", "upgrade", "http2-settings")
CONFIGURATION = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)


class Reset(Exception):
    """The server has reset the stream before its response was complete, or has closed the connection."""

    def __init__(self, code):
        super().__init__(h2.errors.ErrorCodes(code).name)
        self.code = code


def fields_of(method, target, headers, host):
    pseudo = [(b":method", method), (b":scheme", b"http"), (b":path", target)]
    if host is not None:
        pseudo.append((b":authority", host))
    plain = [(name.lower(), value.strip()) for name, value in headers if name.lower() not in OF_CONNECTION]
    return [(octets(name), octets(value)) for name, value in pseudo + plain]


def octets(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")


class Violation(OSError):
    """The server has sent what h2 does not allow."""


class Exchange:
    """The client's side of one stream."""

    def __init__(self, port, timeout):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.connection = h2.connection.H2Connection(CONFIGURATION)
        self.head, self.body, self.is_over, self.is_cut = None, bytearray(), False, None

    def run(self, fields, body):
        self.connection.initiate_connection()
        self.connection.send_headers(1, fields, end_stream=not body)
        rest = memoryview(body or b"")
        while not self.is_over:
            try:
                while rest and (room := min(self.connection.local_flow_control_window(1), self.connection.max_outbound_frame_size)):
                    self.connection.send_data(1, bytes(rest[:room]), end_stream=len(rest) <= room)
                    rest = rest[room:]
            except h2.exceptions.StreamClosedError:
                rest = b""
            if not self.step():
                break

    def step(self):
        """Sends what is to be sent, and takes what comes. Returns False where the server has closed."""
        try:
            self.socket.sendall(self.connection.data_to_send())
            received = self.socket.recv(1 << 16)
        except ConnectionError:
            return False
        for event in self.connection.receive_data(received) if received else ():
            if isinstance(event, h2.events.ResponseReceived):
                self.head = event.headers
            elif isinstance(event, h2.events.DataReceived):
                self.body += event.data
                self.connection.acknowledge_received_data(event.flow_controlled_length, 1)
            elif isinstance(event, h2.events.StreamEnded):
                self.is_over = True
            elif isinstance(event, h2.events.StreamReset):
                self.is_over, self.is_cut = True, event.error_code
        return bool(received)


def exchange(port, method, target, headers, body, host, timeout):
    """Status, fields and body of the final response, and whether it is complete.

    Raises Reset where there is none."""
    made = Exchange(port, timeout)
    with made.socket:
        try:
            made.run(fields_of(method, target, headers, host), body)
        except h2.exceptions.ProtocolError as error:
            raise Violation(str(error)) from error
    if made.head is None:
        raise Reset(made.is_cut or h2.errors.ErrorCodes.CONNECT_ERROR)
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in made.head]
    is_complete = made.is_over and made.is_cut in (None, h2.errors.ErrorCodes.NO_ERROR)
    return int(fields[0][1]), fields[1:], bytes(made.body), is_complete
