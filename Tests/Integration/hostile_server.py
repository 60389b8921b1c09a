"""The server that hostile.py and the programs in bench/ load: on a free port, watched, and always ended by its process id."""

import os
import resource
import signal
import socket
import subprocess
import tempfile
import time

GOOD = b"GET /plaintext HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET /plaintext HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Failure(Exception):
    pass


class Server:
    """A bench-server of its own, with its log in a file.

    `wrapper` is a command that runs it; `prepare` is called in the new process before that.
    """

    def __init__(self, program, backend, descriptors=None, arguments=(), wrapper=(), environment=None, prepare=None):
        self.log = tempfile.TemporaryFile()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
            if prepare:
                prepare()

        command = [*wrapper, program, "--port", str(self.port), "--backend", backend, "--shutdown-timeout", "1", *arguments]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, preexec_fn=limit,
                                        env={**os.environ, **(environment or {})})
        deadline = time.monotonic() + 60
        while True:
            try:
                self.ask()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.stop()
                    raise Failure("the server does not start: " + self.text()) from None
                time.sleep(0.05)

    def connect(self, timeout=20.0):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def ask(self, timeout=1.0):
        """Seconds for one good request on a new connection; it is an OSError where it takes longer than `timeout`."""
        start = time.monotonic()
        with self.connect(timeout) as client:
            client.sendall(LAST)
            response = b""
            while True:
                client.settimeout(max(0.001, timeout - (time.monotonic() - start)))
                piece = client.recv(65536)
                if not piece:
                    break
                response += piece
        if not response.startswith(b"HTTP/1.1 200 ") or not response.endswith(b"Hello, World!"):
            raise Failure(f"a good request gets the response {response[:200]!r}")
        return time.monotonic() - start

    def check_alive(self, within=10.0):
        if self.process.poll() is not None:
            raise Failure(f"the server has ended with {self.process.returncode}: {self.text()[-2000:]}")
        try:
            return self.ask(within)
        except OSError as error:
            raise Failure(f"a good request gets no response within {within} s: {error}") from None

    def status(self, name):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
