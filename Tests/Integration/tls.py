#!/usr/bin/env python3
"""Real TLS clients against a running bench-server on loopback, on each backend: curl, openssl s_client, Python's ssl.

  versions   TLS 1.2 and 1.3 by curl, everything older or weaker is refused, bodies both ways
  names      the certificate for each host name, client certificates none, optional and required
  sessions   tickets of TLS 1.2 and 1.3 are good in each process, renegotiation is refused
  ends       close_notify both ways, and plain HTTP on the port of TLS
  reload     certificates change under load, by SIGHUP and by their files: no request fails
  slow       2,000 clients that stop in the ClientHello, beside a normal load
  memory     an idle connection with TLS, beside one without

Each part prints one PASS or FAIL line a backend; the exit status is 1 where one failed.
"""

import argparse
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from hostile_server import Failure, LAST, Server

MAKE = """
set -e
newkey() { openssl ecparam -name prime256v1 -genkey -noout -out $1; }
issue() { # NAME SUBJECT ALTERNATIVES
  newkey $1.key
  openssl req -new -key $1.key -subj "$2" -out $1.csr
  printf 'subjectAltName=%s\\n' "$3" >$1.ext
  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile $1.ext -out $1.crt
  cat $1.crt ca.pem >$1.pem
}
newkey ca.key
openssl req -x509 -new -key ca.key -subj "/CN=Test CA" -days 30 -out ca.pem
issue first "/CN=first" "DNS:localhost,IP:127.0.0.1"
issue second "/CN=second" "DNS:localhost,IP:127.0.0.1"
issue wild "/CN=wild" "DNS:*.example.com"
issue alice "/CN=alice" "email:alice@example.org"
"""


class Certificates:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="twister-tls-"))
        subprocess.run(["sh", "-c", MAKE], cwd=self.folder, check=True, capture_output=True)

    def __getitem__(self, name):
        return str(self.folder / name)

    def use(self, name):
        """Puts a certificate and its key where the server reads them, each by a rename, as tools do."""
        for suffix, place in ((".key", "live.key"), (".pem", "live.pem")):
            shutil.copy(self[name + suffix], self["new"])
            os.rename(self["new"], self[place])

    def remove(self):
        shutil.rmtree(self.folder)


class TLSServer(Server):
    def __init__(self, program, backend, files, arguments=(), **others):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.tls_port = probe.getsockname()[1]
        self.files = files
        files.use("first")
        super().__init__(program, backend, arguments=[
            "--tls-port", str(self.tls_port), "--tls-certificate", files["live.pem"], "--tls-key", files["live.key"],
            "--tls-certificate", files["wild.pem"], "--tls-key", files["wild.key"], *arguments], **others)

    def context(self, version=None):
        context = ssl.create_default_context(cafile=self.files["ca.pem"])
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def secured(self, context=None, host="localhost"):
        return (context or self.context()).wrap_socket(
            socket.create_connection(("127.0.0.1", self.tls_port), 10), server_hostname=host)


def require(condition, message):
    if not condition:
        raise Failure(message)


def curl(server, *arguments, path="/plaintext"):
    return subprocess.run(
        ["curl", "-sS", "--http1.1", "--max-time", "20", "--cacert", server.files["ca.pem"], *arguments,
         f"https://localhost:{server.tls_port}{path}"], capture_output=True)


def s_client(server, *arguments, send=b""):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls_port}", "-CAfile", server.files["ca.pem"], *arguments],
        input=send, capture_output=True, timeout=30)
    return (done.stdout + done.stderr).decode(errors="replace")


def versions(program, backend, files):
    server = TLSServer(program, backend, files)
    try:
        for version in ("1.2", "1.3"):
            pinned = (f"--tlsv{version}", "--tls-max", version)
            version_of = curl(server, *pinned, "--http2", "-o", "/dev/null", "-w", "%{http_version}").stdout
            require(version_of == b"2", f"curl chooses HTTP/2 by ALPN with TLS {version}: {version_of}")
            require(curl(server, *pinned).stdout == b"Hello, World!", f"curl with TLS {version}")
            require(len(curl(server, *pinned, path="/bytes/3000000").stdout) == 3_000_000, f"a download with TLS {version}")
            body = os.urandom(1_000_000)
            with open(files["body"], "wb") as file:
                file.write(body)
            echoed = curl(server, *pinned, "--data-binary", "@" + files["body"], "-H",
                          "Content-Type: application/octet-stream", path="/echo")
            require(echoed.stdout == body, f"an echo with TLS {version}")
        for arguments in (["-tls1_1"], ["-tls1_2", "-cipher", "AES128-SHA"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
                          ["-tls1_2", "-cipher", "aNULL"]):
            output = s_client(server, *arguments, "-cipher", "ALL:@SECLEVEL=0") if "-tls1_1" in arguments else s_client(
                server, *arguments)
            require("Cipher is (NONE)" in output or "error" in output.lower(), f"{arguments} is accepted: {output}")
        require(curl(server, "--resolve", f"www.x:{server.tls_port}:127.0.0.1").stdout == b"Hello, World!", "curl")
        old = curl(server, "--http1.0", "-w", " %{http_version}")
        require(old.stdout == b"Hello, World! 1.1", f"curl --http1.0: {old.stdout} {old.stderr}")
        require("No ALPN negotiated" not in s_client(server, "-alpn", "http/1.1"), "http/1.1 is not agreed on")
        require("Compression: NONE" in s_client(server, "-tls1_2"), "compression is on")
    finally:
        server.stop()


def names(program, backend, files):
    server = TLSServer(program, backend, files)
    try:
        for name, subject in (("a.example.com", "wild"), ("localhost", "first"), ("unknown.org", "first")):
            output = s_client(server, "-servername", name)
            require(f"subject=CN = {subject}" in output, f"{name} gets {output[:500]}")
        require("subject=CN = first" in s_client(server, "-noservername"), "no name gets another than the first")
    finally:
        server.stop()
    pair = ("--cert", files["alice.pem"], "--key", files["alice.key"])
    for mode, with_one, without in (("optional", True, True), ("required", True, False), ("none", True, True)):
        server = TLSServer(program, backend, files, ["--tls-client-ca", files["ca.pem"], "--tls-client-auth", mode])
        try:
            for arguments, expected in ((pair, with_one), ((), without)):
                served = curl(server, *arguments).stdout == b"Hello, World!"
                require(served == expected, f"client certificates {mode}, {arguments}: served {served}")
        finally:
            server.stop()


def sessions(program, backend, files):
    server = TLSServer(program, backend, files, ["--processes", "2"])
    try:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = server.context(version)
            session, reused = None, 0
            for _ in range(20):
                with context.wrap_socket(socket.create_connection(("127.0.0.1", server.tls_port), 10),
                                         server_hostname="localhost", session=session) as client:
                    client.sendall(LAST)
                    while client.recv(65536):
                        pass
                    reused += client.session_reused
                    session = client.session
            require(reused == 19, f"{version.name}: {reused} of 19 sessions were continued")
    finally:
        server.stop()
    server = TLSServer(program, backend, files)
    try:
        output = s_client(server, "-tls1_2", send=b"R\n" + LAST)
        require("no renegotiation" in output, f"renegotiation: {output[-600:]}")
        server.check_alive()
    finally:
        server.stop()


def ends(program, backend, files):
    server = TLSServer(program, backend, files)
    try:
        context = server.context()
        with server.secured(context) as client:
            client.suppress_ragged_eofs = False
            client.sendall(LAST)
            response = b""
            # Raises SSLEOFError where close_notify is missing.
            while piece := client.recv(65536):
                response += piece
            require(response.endswith(b"Hello, World!"), f"the response is {response!r}")
            client.unwrap()
        # The client's own end: the server ends, too.
        with server.secured(context) as client:
            client.unwrap()
        # A client that has sent its request and ends its side without close_notify gets the response.
        with server.secured(context) as client:
            client.sendall(LAST)
            socket.socket(fileno=os.dup(client.fileno())).shutdown(socket.SHUT_WR)
            require(client.recv(65536).startswith(b"HTTP/1.1 200"), "no response")
        with socket.create_connection(("127.0.0.1", server.tls_port), 10) as client:
            client.sendall(LAST)
            response = b""
            while piece := client.recv(65536):
                response += piece
            require(response.startswith(b"HTTP/1.1 400 ") and b"https" in response, f"plain HTTP gets {response!r}")
    finally:
        server.stop()


class Load:
    """Clients that send requests, on open connections and on new ones, until they are stopped."""

    def __init__(self, server, kept=4, new=2):
        self.server = server
        self.context = server.context()
        self.failures, self.times, self.handshakes = [], [], []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(index < kept,)) for index in range(kept + new)]
        for thread in self.threads:
            thread.start()

    def run(self, keeps):
        request = LAST.replace(b"Connection: close\r\n", b"") if keeps else LAST
        client = None
        while not self.ended.is_set():
            try:
                start = time.monotonic()
                if client is None:
                    client = self.server.secured(self.context)
                client.sendall(request)
                response = client.recv(65536)
                while not response.endswith(b"Hello, World!"):
                    piece = client.recv(65536)
                    require(piece, f"a response ends after {response!r}")
                    response += piece
                (self.times if keeps else self.handshakes).append(time.monotonic() - start)
                if not keeps:
                    client.close()
                    client = None
            except (OSError, Failure) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                client = None
            time.sleep(0.002)
        if client:
            client.close()

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    @staticmethod
    def p99(times):
        return sorted(times)[int(len(times) * 0.99)] if times else float("inf")


def subject(server):
    with server.secured() as client:
        return dict(pair[0] for pair in client.getpeercert()["subject"])["commonName"]


def reload(program, backend, files):
    server = TLSServer(program, backend, files, ["--loops", "2"])
    try:
        load = Load(server)
        try:
            for round_number in range(6):
                name = ("second", "first")[round_number % 2]
                files.use(name)
                if round_number < 3:
                    server.process.send_signal(signal.SIGHUP)
                deadline = time.monotonic() + 60
                while subject(server) != name:
                    require(time.monotonic() < deadline, f"{name} is not served: {server.text()[-1000:]}")
                    time.sleep(0.02)
            with open(files["live.pem"], "w", encoding="ascii") as file:
                file.write("broken")
            server.process.send_signal(signal.SIGHUP)
            refusal = f"stay as they were: {files['live.pem']}: there is no certificate in it"
            while refusal not in server.text():
                require(time.monotonic() < deadline + 60,
                        f"the log does not say which file is broken and why: {server.text()[-1000:]}")
                time.sleep(0.02)
            require(subject(server) == "first", "a broken file has replaced the certificate")
            # On a busy machine the load takes its time.
            while time.monotonic() < deadline + 60 and (len(load.times) <= 100 or len(load.handshakes) <= 50):
                time.sleep(0.02)
        finally:
            load.stop()
        require(not load.failures, f"{len(load.failures)} failed: {load.failures[:3]}")
        require(len(load.times) > 100 and len(load.handshakes) > 50, "there was too little load")
        return f"{len(load.times)} requests, {len(load.handshakes)} new connections, 0 failed"
    finally:
        server.stop()


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def slow(program, backend, files):
    server = TLSServer(program, backend, files)
    try:
        def measure():
            load = Load(server, kept=2, new=1)
            time.sleep(4)
            load.stop()
            require(not load.failures, f"requests fail: {load.failures[:3]}")
            return load

        before, rss = measure(), server.status("VmRSS")
        hello = client_hello()
        clients = []
        for _ in range(2000):
            client = socket.create_connection(("127.0.0.1", server.tls_port), 10)
            client.sendall(hello[:-1])
            clients.append(client)
        during, rss_during = measure(), server.status("VmRSS")
        for client in clients:
            client.close()
        # A busy machine has pauses of its own.
        for name in ("times", "handshakes"):
            normal, under = Load.p99(getattr(before, name)), Load.p99(getattr(during, name))
            require(under < 2 * normal + 0.005, f"{name}: p99 {normal * 1000:.1f} ms, {under * 1000:.1f} ms beside slow clients")
        growth = (rss_during - rss) * 1024 / 2000
        require(growth < 8192, f"a slow client takes {growth:.0f} bytes")
        return (f"p99 {Load.p99(before.times) * 1000:.1f} and {Load.p99(during.times) * 1000:.1f} ms, of new connections "
                f"{Load.p99(before.handshakes) * 1000:.1f} and {Load.p99(during.handshakes) * 1000:.1f} ms; "
                f"{growth:.0f} bytes a slow client")
    finally:
        server.stop()


def memory(program, backend, files):
    server = TLSServer(program, backend, files)
    request = LAST.replace(b"Connection: close\r\n", b"")
    try:
        def cost(connect, count=1000):
            for warm in range(50):
                connect().close()
            before = server.status("VmRSS")
            clients = [connect() for _ in range(count)]
            for client in clients:
                client.sendall(request)
                client.recv(65536)
            time.sleep(0.5)
            after = server.status("VmRSS")
            for client in clients:
                client.close()
            time.sleep(0.5)
            return (after - before) * 1024 / count

        plain = cost(server.connect)
        context = server.context()
        secured = cost(lambda: server.secured(context))
        require(secured - plain <= 24 * 1024, f"an idle connection: {plain:.0f} bytes, with TLS {secured:.0f}")
        return f"an idle connection takes {plain:.0f} bytes, with TLS {secured:.0f}"
    finally:
        server.stop()


PARTS = {part.__name__: part for part in (versions, names, sessions, ends, reload, slow, memory)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="all where none is named")
    parser.add_argument("--backend", choices=["io_uring", "epoll", "both"], default="both")
    parser.add_argument("--binary", default=".build/release/bench-server")
    options = parser.parse_args()
    backends = ["io_uring", "epoll"] if options.backend == "both" else [options.backend]
    files, failed = Certificates(), False
    try:
        for name in options.parts or PARTS:
            for backend in backends:
                try:
                    note = PARTS[name](options.binary, backend, files)
                    print(f"PASS {name} ({backend})" + (f": {note}" if note else ""), flush=True)
                except (Failure, OSError, subprocess.SubprocessError) as error:
                    failed = True
                    print(f"FAIL {name} ({backend}): {error}", flush=True)
    finally:
        files.remove()
    sys.exit(failed)


if __name__ == "__main__":
    main()
