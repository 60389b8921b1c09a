#!/usr/bin/env python3
"""Sends the same requests to a Tornado application and to its twin, and reports where the responses differ.

The Tornado application (Twin/twin_app.py) runs in a virtual environment of its own below .build/. Where that cannot be made, for want of
network, its responses are taken from the record Twin/tornado.json, which --record writes. Differences that are right as they are stand with
their reasons in Twin/differences.json; the exit status is 1 where there is another one.
"""

import argparse
import importlib.util
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "TwinClient"))

import all_requests  # noqa: E402
import client  # noqa: E402
import socket_trips  # noqa: E402
import trips  # noqa: E402
from compare import Explained, differences, normal  # noqa: E402

ROOT = HERE.parent.parent
RECORD = HERE / "Twin" / "tornado.json"
DIFFERENCES = HERE / "Twin" / "differences.json"
DOCUMENT = ROOT / "docs" / "tornado-map.md"
TORNADO = "tornado==6.6.1"
H2 = "h2==4.1.0"
# Requests and conversations that mean something in HTTP/1.x only, and why.
OF_HTTP1 = {
    "HTTP/1.0 without Host": "HTTP/2 has no such version",
    "absolute form": "a target is a path in HTTP/2",
    "declared 100 MiB and 1": "a body that is not as long as declared is malformed (RFC 9113, 8.1.1)",
    "GET /hooks/detach": "a stream of HTTP/2 has no connection of its own to hand over",
    "GET /headers/name?name=Content-Length": "a response that is cut has a head in HTTP/1.1; HTTP/2 resets its stream",
    "trip unused_body": "the next request on the same connection is another stream",
    "trip disconnect": "it closes a connection of HTTP/1.1",
}


class Server:
    """A program that serves on a free port, ended by its process id."""

    def __init__(self, command):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([*command, "--port", str(self.port)], stdout=self.log, stderr=self.log)

    def __enter__(self):
        deadline = time.monotonic() + 20
        while True:
            try:
                client.ask(self.port, "GET", "/", timeout=1)
                return self
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.__exit__()
                    raise SystemExit("twin: the server does not start: " + self.text()) from None
                time.sleep(0.05)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-4000:]


def python():
    """The interpreter of an environment that has Tornado; None where there is none and none can be made."""
    folder = ROOT / ".build" / "twin-venv"
    interpreter = folder / "bin" / "python"
    check = [interpreter, "-c", "import tornado, sys; sys.exit(tornado.version != '%s')" % TORNADO.partition("==")[2]]
    if interpreter.exists() and subprocess.run(check, capture_output=True, check=False).returncode == 0:
        return interpreter
    for command in ([sys.executable, "-m", "venv", folder], [interpreter, "-m", "pip", "install", "-q", "--timeout", "10", "--retries", "1", TORNADO]):
        try:
            made = subprocess.run(command, capture_output=True, check=False, timeout=180)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if made.returncode:
            return None
    return interpreter


def observe(server, wanted):
    """What a server shows: each request's response and each conversation's outcome, by name."""
    seen = {}
    for request in all_requests.requests():
        if wanted in request.ident:
            try:
                response = client.ask(server.port, request.method, request.target, request.headers, request.body, **request.options)
            except OSError as error:
                seen[request.ident] = {"status": type(error).__name__}
                continue
            seen[request.ident] = normal(request, response)
    for name, trip in (trips.TRIPS | socket_trips.TRIPS).items():
        if wanted in name:
            try:
                seen["trip " + name] = trip(server.port)
            except (OSError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                seen["trip " + name] = {"error": repr(error)}
    if server.process.poll() is not None:
        raise SystemExit("twin: a server has died: " + server.text())
    # As it comes out of the record.
    return json.loads(json.dumps(seen))


def write_record(seen):
    """Each response once, and the requests with the numbers of theirs."""
    known = {}
    numbers = {ident: known.setdefault(json.dumps(response, sort_keys=True), len(known)) for ident, response in seen.items()}
    with open(RECORD, "w", encoding="utf-8") as file:
        file.write('{"responses": [\n%s\n],\n"requests": {\n%s\n}}\n' % (
            ",\n".join(known), ",\n".join("%s: %d" % (json.dumps(ident), number) for ident, number in numbers.items())))


def read_record():
    with open(RECORD, encoding="utf-8") as file:
        record = json.load(file)
    return {ident: record["responses"][number] for ident, number in record["requests"].items()}


def tornado(arguments):
    interpreter = None if arguments.recorded else python()
    if interpreter is None:
        print("twin: NOTICE: no Tornado, comparing with its recorded responses")
        return {ident: seen for ident, seen in read_record().items() if arguments.only in ident}
    with Server([interpreter, HERE / "Twin" / "twin_app.py"]) as server:
        return observe(server, arguments.only)


def has_h2():
    """Whether the library h2 is there; where it is not, an environment of its own is made for it."""
    folder = ROOT / ".build" / "h2-venv"
    for attempt in (None, [sys.executable, "-m", "venv", folder], [folder / "bin" / "python", "-m", "pip", "install", "-q", "--timeout", "10", "--retries", "1", H2]):
        try:
            if attempt and subprocess.run(attempt, capture_output=True, check=False, timeout=180).returncode:
                return False
        except (OSError, subprocess.TimeoutExpired):
            return False
        sys.path.extend(str(path) for path in folder.glob("lib/python3*/site-packages") if str(path) not in sys.path)
        importlib.invalidate_caches()
        if importlib.util.find_spec("h2"):
            return True
    return False


def compare_versions(program, backend, wanted):
    """The same requests over HTTP/1.1 and over HTTP/2, each to a server of its own. Returns how many responses differ."""
    seen = []
    for client.speaks_http2 in (False, True):
        with Server([program, "--backend", backend]) as server:
            seen.append(observe(server, wanted))
    client.speaks_http2 = False
    count = 0
    for ident, first in seen[0].items():
        if any(ident.endswith(name) for name in OF_HTTP1):
            continue
        for aspect, one, two in differences(*(outcome if isinstance(outcome, dict) else {"outcome": outcome} for outcome in (first, seen[1][ident]))):
            if isinstance(one, dict) and one.get("version") == "HTTP/1.1":
                one = one | {"version": "HTTP/2.0"}
            # Neither reasons nor chunks are in HTTP/2.
            if aspect not in ("reason", "chunked") and one != two:
                count += 1
                print("%s: %s\n    %s: HTTP/1.1 %s, HTTP/2 %s" % (backend, ident, aspect, json.dumps(one)[:300], json.dumps(two)[:300]))
    print("twin: %s: %d requests and conversations over both versions of HTTP, %d differences" % (backend, len(seen[0]), count))
    return count


def compare(theirs, ours, explained, backend, verbose):
    unexplained = count = 0
    for ident, seen in theirs.items():
        other = ours.get(ident)
        if not isinstance(seen, dict) or not isinstance(other, dict):
            seen, other = {"outcome": seen}, {"outcome": other}
        for aspect, their, our in differences(seen, other):
            count += 1
            reason = explained.find(ident, aspect, our)
            if reason is None or verbose:
                print("%s: %s\n    %s: Tornado %s, Twister %s" % (backend, ident, aspect, json.dumps(their)[:300], json.dumps(our)[:300])
                      + ("\n    " + reason if reason else ""))
            unexplained += reason is None
    for ident in sorted(theirs.keys() ^ ours.keys()):
        print("%s: %s\n    is in one of the two only: write the record anew by --record" % (backend, ident))
        unexplained += 1
    print("twin: %s: %d requests and conversations, %d differences, %d of them unexplained"
          % (backend, len(theirs), count, unexplained))
    return unexplained


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / ".build" / "debug" / "twin"), help="the twin")
    parser.add_argument("--backend", choices=("both", "epoll", "io_uring"), default="both")
    parser.add_argument("--record", action="store_true", help="write Tornado's responses to Twin/tornado.json")
    parser.add_argument("--recorded", action="store_true", help="compare with the record, without Tornado")
    parser.add_argument("--only", default="", metavar="TEXT", help="only requests whose name holds this text")
    parser.add_argument("--verbose", action="store_true", help="show the explained differences, too")
    parser.add_argument("--http2", action="store_true", help="compare the twin over HTTP/1.1 and over HTTP/2, without Tornado")
    arguments = parser.parse_args()
    backends = ("epoll", "io_uring") if arguments.backend == "both" else (arguments.backend,)
    if arguments.http2:
        if not has_h2():
            print("twin: NOTICE: no library h2, nothing is compared over HTTP/2")
            return 0
        return 1 if sum(compare_versions(arguments.program, backend, arguments.only) for backend in backends) else 0
    theirs = tornado(arguments)
    if arguments.record:
        write_record(theirs)
    explained = Explained(DIFFERENCES)
    unexplained = 0
    for backend in backends:
        with Server([arguments.program, "--backend", backend]) as server:
            unexplained += compare(theirs, observe(server, arguments.only), explained, backend, arguments.verbose)
    for entry, used in zip(explained.entries, explained.used):
        if not used and not arguments.only:
            print("twin: no request shows this difference any more: %s" % entry["reason"])
            unexplained += 1
    document = DOCUMENT.read_text(encoding="utf-8")
    for entry in explained.entries:
        if "- %s\n" % entry["reason"] not in document:
            print("twin: docs/tornado-map.md does not list: %s" % entry["reason"])
            unexplained += 1
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
