#!/usr/bin/env python3
"""What a request costs, as counts that a noisy machine does not change: instructions, heap allocations and system calls.

  instructions  by callgrind, on epoll: it does not know io_uring
  allocations   by a malloc that counts, loaded before the C library
  syscalls      by strace

Each figure is the difference between two readings around a number of requests on connections that are warm, so that
the server's start does not count. The client sends only when all threads of the server sleep: how many requests the
server finds at a time is then the same in each run. bench/counts.sh builds the server and installs the tools.
"""

import argparse
import glob
import mmap
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import baselines
from support import (BROWSER, CORES, JSON, PLAIN, ROOT, Failure, Server, Threads, backends, prefer_client,
                     receive_exactly, response_length, run_on)

DEPTH = 16
# Name, a request, how many of it are in one batch.
KINDS = [("get", PLAIN, 1), ("browser", BROWSER, 1), ("pipelined", PLAIN, DEPTH), ("json", JSON, 1)]
WARM_UP = 64


class Client:
    """Connections that each send a batch at a time, all of them before the first response is read."""

    def __init__(self, server, connections, request, size):
        self.batch = request * size
        self.length = response_length(server, request) * size
        self.threads = Threads(server.process.pid)
        self.sockets = [server.connect(60) for _ in range(connections)]

    def run(self, rounds):
        for _ in range(rounds):
            self.threads.wait_until_asleep()
            for client in self.sockets:
                client.sendall(self.batch)
            for client in self.sockets:
                receive_exactly(client, self.length)
        self.threads.wait_until_asleep()

    def close(self):
        self.threads.close()
        for client in self.sockets:
            client.close()


def measure(server, kind, connections, rounds, reading):
    """The difference of `reading()` for a request."""
    _, request, size = kind
    client = Client(server, connections, request, size)
    try:
        client.run(WARM_UP)
        before = reading()
        client.run(rounds)
        return (reading() - before) / (rounds * connections * size)
    finally:
        client.close()


def share_a_core():
    """The server does not run before the client has sent everything: on the core that they share, it has to wait for that.

    How often system calls have to be counted, of which the least is the figure: without the real-time priority the client may
    be interrupted, which only adds calls.
    """
    run_on(CORES[0])
    # Where real-time priorities are not allowed, at least neither of them is woken in place of the other.
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    return 1 if prefer_client() else 5


# Instructions


class Callgrind:
    """A server under callgrind, whose counter is read by writing it out."""

    def __init__(self, program, directory, arguments):
        # Valgrind 3.19 gives up on the debugging information of a program that Swift 6.3 has linked.
        stripped = directory / "bench-server"
        subprocess.run(["objcopy", "--strip-debug", program, stripped], check=True)
        self.output = directory / "callgrind"
        self.total = 0
        self.seen = set()
        self.last = None
        self.server = Server(
            stripped, "epoll", arguments=arguments, environment={"SWIFT_DETERMINISTIC_HASHING": "1"},
            wrapper=["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.output}"])

    def read(self):
        done = subprocess.run(["vgdb", f"--pid={self.server.process.pid}", "dump"], capture_output=True, text=True, timeout=60)
        written = set(glob.glob(f"{self.output}.*")) - self.seen
        if done.returncode or not written:
            raise Failure(f"callgrind wrote nothing: {done.stderr}")
        self.seen |= written
        self.last = max(written, key=lambda path: os.stat(path).st_size)
        for path in written:
            found = re.findall(r"^totals: ([0-9]+)", pathlib.Path(path).read_text(encoding="ascii"), re.MULTILINE)
            self.total += sum(int(number) for number in found)
        return self.total


def self_costs(path):
    """Instructions by function, without those of the functions that it calls. callgrind_annotate 3.19 misreads these files."""
    costs, names, function, is_call = {}, {}, "", False
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        named = re.match(r"(c?fn)=\(([0-9]+)\)(?: (.*))?", line)
        if named:
            if named[3]:
                names[named[2]] = named[3]
            if named[1] == "fn":
                function = named[2]
        elif line.startswith("calls="):
            is_call = True
        elif re.match(r"[-+*0-9]\S* [0-9]+$", line):
            if not is_call:
                costs[function] = costs.get(function, 0) + int(line.split()[1])
            is_call = False
    return sorted(((cost, names[function]) for function, cost in costs.items()), reverse=True)


def instructions(program, rounds, top, arguments):
    figures = {}
    with tempfile.TemporaryDirectory() as directory:
        callgrind = Callgrind(program, pathlib.Path(directory), arguments)
        try:
            for kind in KINDS:
                number = measure(callgrind.server, kind, 1, rounds // (4 if kind[2] > 1 else 1), callgrind.read)
                figures[f"instructions/epoll/{kind[0]}"] = number
                if top:
                    costs = self_costs(callgrind.last)
                    print(f"{kind[0]}: {number:.0f} instructions a request, of which")
                    total = sum(cost for cost, _ in costs)
                    text = "".join(f"{cost / total * number:10.1f}  {function}\n" for cost, function in costs[:top])
                    demangler = shutil.which("swift-demangle")
                    if demangler:
                        text = subprocess.run([demangler, "--simplified"], input=text, capture_output=True, text=True, check=True).stdout
                    print(text, flush=True)
        finally:
            callgrind.server.stop()
    return figures


# Heap allocations


def allocations(program, backend, rounds, arguments):
    figures = {}
    with tempfile.TemporaryDirectory() as directory:
        library, counter = f"{directory}/allocations.so", f"{directory}/counter"
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-O2", "-D_GNU_SOURCE", "-fno-builtin", "-shared", "-fPIC", "-o", library,
                        ROOT / "bench" / "allocations.c"], check=True)
        with open(counter, "w+b") as file:
            file.write(bytes(8))
            file.flush()
            with mmap.mmap(file.fileno(), 8) as memory:
                server = Server(program, backend, arguments=arguments, environment={"LD_PRELOAD": library, "TWISTER_ALLOCATIONS": counter})
                try:
                    for kind in KINDS:
                        figures[f"allocations/{backend}/{kind[0]}"] = measure(
                            server, kind, 1, rounds, lambda: int.from_bytes(memory[:8], sys.byteorder))
                finally:
                    server.stop()
    return figures


# System calls


def strace(server, kind, connections, rounds):
    """Strace counts from when it attaches until it is told to leave, so the client runs in between."""
    _, request, size = kind
    client = Client(server, connections, request, size)
    try:
        client.run(WARM_UP)
        with tempfile.NamedTemporaryFile("r") as table:
            tracer = subprocess.Popen(
                ["strace", "-f", "-c", "-U", "calls,name", "-o", table.name, "-p", str(server.process.pid)],
                stderr=subprocess.PIPE, text=True)
            try:
                attached = tracer.stderr.readline()
                if "attached" not in attached:
                    raise Failure(f"strace does not attach: {attached}")
                client.run(rounds)
            finally:
                tracer.send_signal(signal.SIGINT)
                tracer.communicate(timeout=30)
            lines = [line.split() for line in table.read().splitlines()]
    finally:
        client.close()
    calls = {line[1]: int(line[0]) for line in lines if len(line) == 2 and line[0].isdigit() and line[1] != "total"}
    requests = rounds * connections * size
    return sum(calls.values()) / requests, {call: round(count / requests, 3) for call, count in calls.items()}


def system_calls(program, backend, rounds, repeats, details, arguments):
    figures = {}
    server = Server(program, backend, arguments=arguments)
    try:
        for kind, connections in [(KINDS[0], 1), (KINDS[0], 64), (KINDS[2], 1)]:
            name = f"syscalls/{backend}/{kind[0]}" + (f"-{connections}" if connections > 1 else "")
            batches = rounds // (16 if connections > 1 else 1)
            figures[name], details[name] = min(
                (strace(server, kind, connections, batches) for _ in range(repeats)), key=lambda counted: counted[0])
    finally:
        server.stop()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / ".build/release/bench-server"), help="the bench-server to measure")
    parser.add_argument("--backend", choices=["available", "both", "epoll", "io_uring"], default="available")
    parser.add_argument("--only", choices=["instructions", "allocations", "syscalls"], action="append",
                        help="some of the counts; may be given more than once")
    parser.add_argument("--rounds", type=int, default=4_000, help="requests or batches for each figure")
    parser.add_argument("--argument", action="append", default=[], metavar="ARGUMENT",
                        help="an argument of the server, as in --argument=--access-log; may be given more than once")
    parser.add_argument("--top", type=int, default=0, metavar="N", help="print the N functions with the most instructions")
    baselines.add_options(parser)
    options = parser.parse_args()
    wanted = options.only or ["instructions", "allocations", "syscalls"]

    repeats = share_a_core()
    figures, details = {}, {}
    available = backends(options.binary, options.backend)
    if "instructions" in wanted and "epoll" in available:
        figures |= instructions(options.binary, options.rounds, options.top, options.argument)
    for backend in available:
        if "allocations" in wanted:
            figures |= allocations(options.binary, backend, options.rounds, options.argument)
        if "syscalls" in wanted:
            figures |= system_calls(options.binary, backend, options.rounds, repeats, details, options.argument)
    return baselines.finish(options, figures, details)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"counts.py: {error}")
