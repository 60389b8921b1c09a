#!/usr/bin/env python3
"""Ends and restarts a busy server, and counts the requests that are lost and the connections that are refused meanwhile.

128 clients send one request after the other on connections that they keep, 100 more wait for responses that take 500 ms.
SIGUSR2 has to lose nothing: no request without its response, no refused connection. SIGTERM may refuse connections once the
server has ended, but a request that was sent on an open connection has to be responded to; the same while SIGHUP has workers
replaced.
"""

import argparse
import errno
import os
import pathlib
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

FAST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SLOW = b"GET /sleep/500 HTTP/1.1\r\nHost: a\r\n\r\n"


class Failure(Exception):
    pass


class Connection:
    """A client that sends one request after the other, on a new connection where the server has closed the last one."""

    def __init__(self, load, request):
        self.load = load
        self.request = request
        self.socket = None
        self.connect()

    def connect(self):
        self.received = b""
        self.waits = False
        self.socket = socket.socket()
        # A connection that takes long must not hold up the other clients.
        self.socket.setblocking(False)
        self.is_connected = False
        result = self.socket.connect_ex(("127.0.0.1", self.load.port))
        if result not in (0, errno.EINPROGRESS):
            return self.refuse(os.strerror(result))
        self.load.selector.register(self.socket, selectors.EVENT_WRITE, self)

    def refuse(self, reason):
        self.load.refused.append(reason)
        self.socket.close()
        self.socket = None

    def connected(self):
        self.load.selector.unregister(self.socket)
        result = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if result:
            return self.refuse(os.strerror(result))
        self.is_connected = True
        self.load.selector.register(self.socket, selectors.EVENT_READ, self)
        self.send()

    def send(self):
        self.waits = True
        self.sent = time.monotonic()
        try:
            self.socket.sendall(self.request)
        except OSError as error:
            self.lose(f"send: {error}")

    def close(self):
        self.load.selector.unregister(self.socket)
        self.socket.close()
        self.socket = None

    def lose(self, reason):
        if self.waits:
            # A client that the machine has held up may have sent on a connection that was idle for so long that it was closed.
            was_late = self.sent - self.load.held_up < 1
            (self.load.late if was_late else self.load.lost).append(reason)
        self.close()
        if not self.load.is_ending:
            self.connect()

    def ready(self):
        if not self.is_connected:
            return self.connected()
        try:
            piece = self.socket.recv(65536)
        except OSError as error:
            return self.lose(f"receive: {error}")
        if not piece:
            return self.lose("the connection closed without a response")
        self.received += piece
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        lower = head.lower()
        length = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self.waits = False
        self.received = b""
        if not head.startswith(b"HTTP/1.1 200 "):
            self.load.lost.append(head.split(b"\r\n")[0].decode())
        self.load.done += 1
        if b"connection: close" in lower:
            self.close()
            if not self.load.is_ending:
                self.connect()
        elif not self.load.is_ending:
            self.send()
        else:
            self.close()


class Load:
    def __init__(self, port, fast, slow):
        self.port = port
        self.selector = selectors.DefaultSelector()
        self.lost = []
        self.late = []
        # When the load was last held up for longer than half the time that idle connections get.
        self.held_up = float("-inf")
        self.refused = []
        self.done = 0
        self.is_ending = False
        self.connections = [Connection(self, FAST) for _ in range(fast)] + [Connection(self, SLOW) for _ in range(slow)]

    def run(self, seconds, until=None):
        now = time.monotonic()
        deadline = now + seconds
        while now < deadline and not (until and until()):
            for key, _ in self.selector.select(0.02):
                if key.data.socket is not None:
                    key.data.ready()
            before, now = now, time.monotonic()
            if now - before > 0.125:
                self.held_up = now

    def finish(self):
        """Lets the responses that are under way arrive; a client that gets one goes."""
        self.is_ending = True
        self.run(30, until=lambda: all(connection.socket is None for connection in self.connections))
        for connection in self.connections:
            if connection.socket is not None and connection.waits:
                self.lost.append("no response within 30 s")


class Server:
    def __init__(self, program, backend, processes):
        self.log = tempfile.NamedTemporaryFile("w+b", prefix="twister-restart-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.processes = processes
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--backend", backend, "--processes", str(processes),
             "--shutdown-timeout", "10"], stdout=self.log, stderr=self.log)
        self.wait_for("serving on", processes)

    def text(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_for(self, text, count):
        deadline = time.monotonic() + 30
        while self.text().count(text) < count:
            if time.monotonic() > deadline:
                raise Failure(f"no {text!r} in the log:\n{self.text()}")
            time.sleep(0.02)


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def serving_process(port):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = b""
        while piece := client.recv(65536):
            received += piece
    return int(received.rpartition(b"\r\n\r\n")[2])


def end(pid):
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return
        except OSError:
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    raise Failure("the server did not end")


def restarts(program, backend, processes, rounds, fast, slow):
    server = Server(program, backend, processes)
    load = Load(server.port, fast, slow)
    load.run(1)
    old = server.process.pid
    for number in range(rounds):
        starts = server.text().count("serving on")
        os.kill(old, signal.SIGUSR2)
        load.run(30, until=lambda: server.text().count("serving on") >= starts + processes)
        ended = server.text().count("stopped")
        load.run(30, until=lambda: server.text().count("stopped") >= (number + 1) * processes)
        load.run(0.3)
        if server.text().count("stopped") < (number + 1) * processes:
            raise Failure(f"the old program did not end ({ended}):\n{server.text()[-4000:]}")
        worker = serving_process(server.port)
        old = parent_of(worker) if processes > 1 else worker
        if number == 0:
            server.process.wait(20)
    load.finish()
    end(old)
    return load, server


def ends(program, backend, processes, rounds, fast, slow, replaces=False):
    """Ends servers by SIGTERM; with `replaces` while their workers are being replaced, at another moment in each round."""
    lost, done = [], 0
    for number in range(rounds):
        server = Server(program, backend, processes)
        load = Load(server.port, fast, slow)
        load.run(0.7)
        if replaces:
            server.process.send_signal(signal.SIGHUP)
            load.run(0.02 * number)
        server.process.send_signal(signal.SIGTERM)
        # Clients go on until their connections are refused.
        load.run(30, until=lambda: server.process.poll() is not None)
        if server.process.poll() != 0:
            raise Failure(f"status {server.process.poll()}:\n{server.text()[-4000:]}")
        load.is_ending = True
        load.run(0.3)
        lost += load.lost
        done += load.done
    return lost, done


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path, help="OperatedFixture")
    parser.add_argument("--backend", choices=["epoll", "io_uring", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--fast", type=int, default=128)
    parser.add_argument("--slow", type=int, default=100)
    options = parser.parse_args()
    failed = False
    for backend in ["epoll", "io_uring"] if options.backend == "both" else [options.backend]:
        for processes in (1, 2):
            load, _ = restarts(options.program, backend, processes, options.rounds, options.fast, options.slow)
            print(f"{backend}, {processes} process(es): {options.rounds} restarts, {load.done} responses, "
                  f"{len(load.lost)} lost, {len(load.refused)} refused, {len(load.late)} sent too late", flush=True)
            for reason in sorted(set(load.lost + load.refused)):
                print(f"  {(load.lost + load.refused).count(reason)} x {reason}")
            failed |= bool(load.lost or load.refused)
            for replaces in (False, True) if processes > 1 else (False,):
                lost, done = ends(
                    options.program, backend, processes, options.rounds, options.fast, options.slow, replaces)
                print(f"{backend}, {processes} process(es): {options.rounds} ends{' in a replacement' if replaces else ''}, "
                      f"{done} responses, {len(lost)} lost", flush=True)
                for reason in sorted(set(lost)):
                    print(f"  {lost.count(reason)} x {reason}")
                failed |= bool(lost)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"restart.py: {failure}", file=sys.stderr)
        sys.exit(1)
