#!/usr/bin/env python3
"""The Autobahn test suite of RFC 6455 and RFC 7692 (517 cases) against bench-server's /ws, on both backends.

    Tests/Integration/autobahn.py .build/release/bench-server [PART...] [--backend epoll|io_uring|both] [--wstest COMMAND]

The parts: protocol (cases 1 to 7 and 10), limits (9), deflate-1 to deflate-5 (12.1 to 12.5), window-1 to window-7 (13.1 to 13.7); all
where none is named. Each has a time limit of its own: the suite is slow, and on a busy machine a part takes several minutes. A case passes
with the result OK or INFORMATIONAL; anything else, NON-STRICT among it, fails the run.

The suite is a program of Python 2: `pip install --target DIRECTORY autobahntestsuite` by a pip of Python 2.7. Where its directory is
not on the path, it is run with PYTHONPATH=DIRECTORY and WSTEST="python2.7 -c 'from autobahntestsuite.wstest import run; run()'".
Without it, nothing is run, and that is said.
"""

import argparse
import collections
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from hostile_server import Failure, Server

# The cases of each part, their number, and the most seconds that they may take.
PARTS = {
    "protocol": ([*(f"{section}.*" for section in range(1, 8)), "10.*"], 247, 300),
    "limits": (["9.*"], 54, 900),
    **{f"deflate-{number}": ([f"12.{number}.*"], 18, 900) for number in range(1, 6)},
    **{f"window-{number}": ([f"13.{number}.*"], 18, 900) for number in range(1, 8)},
}
PASSED = {"OK", "INFORMATIONAL"}


def run(command, port, cases, folder, seconds):
    """The results of the cases by their ids, as the suite writes them."""
    specification = folder / "spec.json"
    specification.write_text(json.dumps({
        "outdir": str(folder / "reports"),
        "servers": [{"agent": "twister", "url": f"ws://127.0.0.1:{port}/ws"}],
        "cases": cases, "exclude-cases": [], "exclude-agent-cases": {},
    }), encoding="utf-8")
    log = folder / "log"
    with open(log, "wb") as output:
        try:
            subprocess.run([*command, "-m", "fuzzingclient", "-s", str(specification)], cwd=folder, stdout=output,
                           stderr=subprocess.STDOUT, timeout=seconds, check=True)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            raise Failure(f"{error}: {log.read_text(errors='replace')[-1000:]}") from None
    return json.loads((folder / "reports" / "index.json").read_text(encoding="utf-8"))["twister"]


def check(program, backend, name, command):
    """Runs one part; the failures, one a line."""
    cases, count, seconds = PARTS[name]
    server = Server(program, backend)
    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as folder:
            results = run(command, server.port, cases, pathlib.Path(folder), seconds)
        server.check_alive()
    finally:
        server.stop()
    seen = collections.Counter(result["behavior"] for result in results.values())
    seen_closing = collections.Counter(result["behaviorClose"] for result in results.values())
    print(f"{name} on {backend}: {len(results)} cases in {time.monotonic() - start:.0f} s: {dict(seen)}, "
          f"ways to close: {dict(seen_closing)}", flush=True)
    failures = [f"{name} on {backend}: case {case}: {result['behavior']}, closing: {result['behaviorClose']}"
                for case, result in results.items()
                if not {result["behavior"], result["behaviorClose"]} <= PASSED]
    if len(results) != count:
        failures.append(f"{name} on {backend}: {len(results)} cases were run, not {count}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the bench-server to test, a release build")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--backend", choices=["epoll", "io_uring", "both"], default="both")
    parser.add_argument("--wstest", default=os.environ.get("WSTEST", "wstest"), help="the command that runs the suite")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    command = shlex.split(options.wstest)
    if not command or not shutil.which(command[0]):
        print(f"NOTICE: {options.wstest} is not installed: the Autobahn test suite is not run")
        return 0
    failures = []
    for backend in ["epoll", "io_uring"] if options.backend == "both" else [options.backend]:
        for name in options.parts or PARTS:
            failures += check(options.program, backend, name, command)
    for failure in failures:
        print("FAIL " + failure)
    return int(bool(failures))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, OSError) as error:
        sys.exit(f"autobahn.py: {error}")
