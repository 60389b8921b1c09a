#!/usr/bin/env python3
"""Real clients of HTTP/2 against bench-server, on both backends: curl, nghttp and h2load (Debian's nghttp2-client), and those
of http2_peers.py where they are installed.

    Tests/Integration/http2.py .build/debug/bench-server [--backend epoll|io_uring|both]
"""

import argparse
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import http2_peers


class Failure(Exception):
    pass


def require(condition, message):
    if not condition:
        raise Failure(message)


def run(*command, data=None, timeout=60):
    done = subprocess.run(command, input=data, capture_output=True, timeout=timeout)
    require(done.returncode == 0, f"{' '.join(command)}: {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class Server:
    """bench-server on a free port; stopped at the end of the block."""

    def __init__(self, program, backend, files):
        self.command = [program, "--port", "0", "--backend", backend, "--static", files]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        require(found, f"the server does not say where it serves: {line}")
        self.url = found.group(0)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def curl(url, *options, data=None):
    return run("curl", "--silent", "--show-error", "--http2-prior-knowledge", "--max-time", "50", *options, url, data=data)


def check_curl(server, files):
    require(curl(f"{server.url}/plaintext") == b"Hello, World!", "curl: plaintext")
    version = curl(f"{server.url}/plaintext", "--output", "/dev/null", "--write-out", "%{http_version} %{http_code}")
    require(version == b"2 200", f"curl: {version}")
    require(urllib.request.urlopen(f"{server.url}/plaintext", timeout=20).read() == b"Hello, World!", "HTTP/1.1 on the same port")
    body = os.urandom(3_000_000)
    require(curl(f"{server.url}/echo", "--data-binary", "@-", data=body) == body, "curl: a body of 3 MB, both ways")
    large = (files / "large.bin").read_bytes()
    require(curl(f"{server.url}/static/large.bin") == large, "curl: a file")
    part = curl(f"{server.url}/static/large.bin", "--range", "1000-1999")
    require(part == large[1000:2000], "curl: a range of a file")
    expected = hashlib.sha256(large).hexdigest()
    slow = curl(f"{server.url}/static/large.bin", "--limit-rate", "4M")
    require(hashlib.sha256(slow).hexdigest() == expected, "curl: a file, slowly")
    head = curl(f"{server.url}/plaintext", "--head").decode()
    require("HTTP/2 200" in head and "content-length: 13" in head, f"curl: HEAD: {head}")


def check_nghttp(server):
    text = run("nghttp", "--verbose", "--null-out", f"{server.url}/plaintext", f"{server.url}/json").decode()
    require(text.count(":status: 200") == 2, f"nghttp: {text}")
    require("SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100" in text, "nghttp: the announced number of streams")
    text = run("nghttp", "--verbose", "--null-out", "--data=/etc/passwd", "--expect-continue", f"{server.url}/echo").decode()
    require(":status: 100" in text and ":status: 200" in text, f"nghttp: 100-continue: {text}")


def check_h2load(server):
    text = run(
        "h2load", "--requests=20000", "--clients=10", "--max-concurrent-streams=100", f"{server.url}/plaintext"
    ).decode()
    require("20000 succeeded, 0 failed, 0 errored, 0 timeout" in text, f"h2load: {text}")
    text = run("h2load", "--requests=50", "--clients=5", "--max-concurrent-streams=10", f"{server.url}/bytes/1000000").decode()
    require("50 succeeded, 0 failed" in text, f"h2load, a megabyte each: {text}")


def check_peers(server):
    for name, check in http2_peers.CHECKS.items():
        try:
            reason = check(server.url)
        except (AssertionError, subprocess.SubprocessError) as error:
            raise Failure(f"{name}: {error}") from None
        if reason:
            print(f"http2: NOTICE: {name} is not tested: {reason}")


def check_shutdown(program, backend, files):
    """A load that goes on while the server drains loses no request that was begun."""
    with Server(program, backend, str(files)) as server:
        load = subprocess.Popen(
            ["h2load", "--duration=4", "--clients=4", "--max-concurrent-streams=10", f"{server.url}/plaintext"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        time.sleep(1.5)
        server.process.send_signal(signal.SIGTERM)
        require(server.process.wait(20) == 0, "the server ends in order")
        text = load.communicate(timeout=60)[0]
        require(re.search(r"status codes: \d+ 2xx, 0 3xx, 0 4xx, 0 5xx", text), f"h2load while the server drains: {text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--backend", default="both", choices=["epoll", "io_uring", "both"])
    arguments = parser.parse_args()
    backends = ["epoll", "io_uring"] if arguments.backend == "both" else [arguments.backend]
    with tempfile.TemporaryDirectory() as folder:
        files = pathlib.Path(folder)
        (files / "large.bin").write_bytes(os.urandom(5_000_000))
        for backend in backends:
            with Server(arguments.program, backend, folder) as server:
                check_curl(server, files)
                check_nghttp(server)
                check_h2load(server)
                check_peers(server)
            check_shutdown(arguments.program, backend, files)
            print(f"http2: {backend}: all clients are served, and a shutdown loses nothing")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"http2: FAILED: {failure}")
