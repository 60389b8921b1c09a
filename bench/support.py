"""What the programs here that count and measure share: requests, the server, and what /proc tells of it."""

import os
import pathlib
import re
import select
import socket
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "Integration"))

from hostile_server import GOOD, Failure, Server  # noqa: E402

PLAIN = GOOD
# A value that the server encodes for each request.
JSON = GOOD.replace(b"/plaintext", b"/json")
# The twelve fields that a desktop browser sends to a site where somebody is signed in.
BROWSER = (
    b"GET /plaintext HTTP/1.1\r\n"
    b"Host: www.example.com:8888\r\n"
    b"Connection: keep-alive\r\n"
    b'sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"\r\n'
    b"sec-ch-ua-mobile: ?0\r\n"
    b'sec-ch-ua-platform: "Linux"\r\n'
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    b"Sec-Fetch-Site: same-origin\r\n"
    b"Sec-Fetch-Mode: navigate\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    b"Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; _ga=GA1.1.1234567890.1700000000\r\n"
    b"\r\n"
)


def response_length(server, request):
    """The bytes of one response, which is the same length each time; the first request of a connection shows it."""
    with server.connect() as client:
        client.sendall(request)
        received = b""
        while True:
            received += client.recv(65536)
            head, _, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: ([0-9]+)", head)
            if length and len(body) >= int(length[1]):
                break
        if not received.startswith(b"HTTP/1.1 200 "):
            raise Failure(f"a response of {received[:200]!r}")
        return len(received)


def receive_exactly(client, count):
    while count > 0:
        piece = client.recv(min(count, 1 << 20))
        if not piece:
            raise Failure("the server closed a connection")
        count -= len(piece)


def io_uring_is_refused(program):
    """Whether the server cannot have a ring on this machine, by the server's own word."""
    try:
        Server(program, "io_uring").stop()
        return False
    except Failure as failure:
        if "io_uring" in str(failure):
            return True
        raise


def backends(program, wanted):
    """The backends to measure. Of those that are available, one that is refused is named, not left out in silence."""
    if wanted != "available":
        return ["epoll", "io_uring"] if wanted == "both" else [wanted]
    if io_uring_is_refused(program):
        print("NOTICE: io_uring is refused on this machine, epoll only", flush=True)
        return ["epoll"]
    return ["epoll", "io_uring"]


class Threads:
    """The states of a process's threads, so that a client can wait until the server is asleep."""

    def __init__(self, pid):
        self.pid = pid
        self.files = []

    def close(self):
        for file in self.files:
            os.close(file)
        self.files = []

    def are_asleep(self):
        try:
            if not self.files:
                for task in os.listdir(f"/proc/{self.pid}/task"):
                    self.files.append(os.open(f"/proc/{self.pid}/task/{task}/stat", os.O_RDONLY))
            for file in self.files:
                stat = os.pread(file, 512, 0)
                if stat[stat.rindex(b")") + 2:][:1] != b"S":
                    return False
            return True
        except (ProcessLookupError, FileNotFoundError):
            # A thread has ended: look for those that are left.
            self.close()
            return False

    def wait_until_asleep(self):
        deadline = time.monotonic() + 30
        while not self.are_asleep():
            if time.monotonic() > deadline:
                raise Failure("the server does not come to rest")
            time.sleep(0.00005)


def smaps(pid, name):
    """A figure of /proc/PID/smaps_rollup, in bytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    raise Failure(f"no {name} in smaps_rollup")


# The cores that this process was given. A server that is measured has the first one to itself, its clients have the last.
CORES = sorted(os.sched_getaffinity(0))


def run_on(core):
    os.sched_setaffinity(0, {core})


def prefer_server():
    """In the server's process, before it starts: other programs on its core get little, where one may ask for that.

    With autogroups (sched(7)) a nice value counts only within a session, so the server gets a session of its own.
    """
    try:
        os.setsid()
        os.setpriority(os.PRIO_PROCESS, 0, -15)
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write("-15")
    except OSError:
        pass


def prefer_client():
    """This process, which sleeps most of the time, runs as soon as it can; those that it starts do not. Whether that is allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        return True
    except OSError:
        return False


def prefer_server_on_first_core():
    """The same, on the first core."""
    run_on(CORES[0])
    prefer_server()


def begin_peak_anew(server):
    """The peak of resident memory, VmHWM, counts from now on (proc(5))."""
    with open(f"/proc/{server.process.pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


# Clients that are timed while the server is busy with something else
OTHERS = 64


def after(seconds):
    """A condition that holds once so many seconds have passed."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def others(server, is_over):
    """The 99th percentile in milliseconds and the number of requests of clients that each ask 20 times a second.

    They ask until `is_over` returns true, which is asked for after each wait.
    """
    length = response_length(server, PLAIN)
    poller, clients = select.epoll(), {}
    for _ in range(OTHERS):
        client = server.connect(30)
        client.setblocking(False)
        clients[client.fileno()] = client
        poller.register(client.fileno(), select.EPOLLIN)
    begun, left, times = {}, dict.fromkeys(clients, 0), []
    now = time.perf_counter()
    ended = None
    due = sorted((now + index * 0.05 / OTHERS, fd) for index, fd in enumerate(clients))
    try:
        while ended is None or begun:
            while ended is None and due and due[0][0] <= now:
                _, fd = due.pop(0)
                begun[fd], left[fd] = time.perf_counter(), length
                clients[fd].send(PLAIN)
            timeout = min(max(0.0, due[0][0] - now), 0.05) if due and ended is None else 0.05
            for fd, _ in poller.poll(timeout):
                piece = clients[fd].recv(65536)
                if not piece:
                    raise Failure("the server closed the connection of a client that behaves")
                left[fd] -= len(piece)
                if left[fd] == 0:
                    times.append(time.perf_counter() - begun[fd])
                    due.append((max(begun.pop(fd) + 0.05, time.perf_counter()), fd))
            now = time.perf_counter()
            if ended is None and is_over():
                ended = now
            if ended is not None and now > ended + 10:
                raise Failure(f"{len(begun)} clients got no response within 10 s")
    finally:
        poller.close()
        for client in clients.values():
            client.close()
    times.sort()
    return times[len(times) * 99 // 100] * 1000, len(times)
