#!/usr/bin/env python3
"""Makes TLS connections one after the other, each with one request: bench/handshakes.py PORT COUNT full|resumed 1.2|1.3

Used by bench/handshakes.sh, which measures the server. Ends with 1 where a session was not continued that had to be.
"""

import socket
import ssl
import sys

REQUEST = b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def main():
    port, count, kind, version = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # The certificate is the bench's own; the server's work is measured.
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = {
        "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
    session, resumed = None, 0
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port))
        # Otherwise the request of a resumed session waits 40 ms for the acknowledgement of the handshake's last message.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(connection, session=session) as client:
            client.sendall(REQUEST)
            response = b""
            while piece := client.recv(65536):
                response += piece
            if not response.endswith(b"Hello, World!"):
                sys.exit(f"a response of {response[:200]!r}")
            resumed += client.session_reused
            if kind == "resumed":
                session = client.session
    if kind == "resumed" and resumed < count - 1:
        sys.exit(f"{resumed} of {count - 1} sessions were continued")


if __name__ == "__main__":
    main()
