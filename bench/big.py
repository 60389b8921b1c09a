#!/usr/bin/env python3
"""Bodies that do not fit into memory: how much of it the server takes for one, and how long 64 other clients wait meanwhile.

  form  a file in a form, saved to the disk as it arrives (multipart() and part.save(to:))
  file  a request's body as it is, saved to the disk as it arrives (bodyStream)
  down  a sparse file, sent by StaticFileHandler

The server has a core of its own where there are two; the peak of its resident memory is the kernel's own figure. What was saved
is compared with what was sent, and removed.
"""

import argparse
import multiprocessing
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from support import (CORES, OTHERS, ROOT, Failure, Server, after, backends, begin_peak_anew, others, prefer_client,
                     prefer_server_on_first_core, run_on)

PARTS = ["form", "file", "down"]
MEBIBYTE = 1 << 20
# What is sent again and again.
BLOCK = os.urandom(MEBIBYTE)
BOUNDARY = b"a-boundary-that-is-not-in-the-block"
# The space that has to stay free on the disk.
SPARE = 2 << 30


# The client, in a process of its own


def response(client):
    received = b""
    while piece := client.recv(65536):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise Failure(f"a response of {received[:200]!r}")
    return body


def upload(client, size, head, before=b"", behind=b""):
    """Sends a body of `size` bytes with others around it; the size that the server tells."""
    length = len(before) + size + len(behind)
    client.sendall(head + f"Host: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n".encode() + before)
    for start in range(0, size, MEBIBYTE):
        client.sendall(BLOCK[:size - start])
    client.sendall(behind)
    return int(response(client))


def upload_form(client, size):
    head = b"POST /upload-form HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=" + BOUNDARY + b"\r\n"
    before = b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n'
    return upload(client, size, head, before, b"\r\n--" + BOUNDARY + b"--\r\n")


def upload_file(client, size):
    return upload(client, size, b"PUT /upload-file HTTP/1.1\r\n")


def download(client, _):
    """The bytes of the body, whose last ones are not zero."""
    client.sendall(b"GET /static/sparse HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    received, room, last = b"", bytearray(MEBIBYTE), b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(65536)
        if not piece:
            raise Failure(f"a response of {received[:200]!r}")
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise Failure(f"a response of {received[:200]!r}")
    count, last = len(body), body[-1:]
    while got := client.recv_into(room):
        count, last = count + got, room[got - 1:got]
    if last != b"!":
        raise Failure("the end of the file did not arrive")
    return count


def transfer(part, port, size, result):
    try:
        run_on(CORES[-1])
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            client.settimeout(120)
            start = time.monotonic()
            count = {"form": upload_form, "file": upload_file, "down": download}[part](client, size)
            result.send((count, time.monotonic() - start))
    except (Failure, OSError, ValueError) as error:
        result.send(str(error))


# The server's side


def check_saved(path, size):
    """The first and the last bytes, and some between them, are those that were sent."""
    if path.stat().st_size != size:
        raise Failure(f"{path.stat().st_size} bytes were saved of {size}")
    with path.open("rb") as file:
        for start in {0, size // 3, size // 2, max(size - 4096, 0)}:
            file.seek(start)
            piece = file.read(4096)
            offset = start % MEBIBYTE
            if piece != (BLOCK + BLOCK)[offset:offset + len(piece)]:
                raise Failure(f"other bytes were saved than were sent, from {start} on")


def make_sparse(path, size):
    with path.open("wb") as file:
        file.truncate(size - 1)
        file.seek(size - 1)
        file.write(b"!")


def run(options, backend, part, folder):
    """The line of figures, and whether they are within the limits."""
    size = options.size * MEBIBYTE
    if part == "down":
        make_sparse(folder / "sparse", size)
    server = Server(options.binary, backend, arguments=["--uploads", str(folder), "--static", str(folder)],
                    prepare=prefer_server_on_first_core)
    process = None
    try:
        alone, _ = others(server, after(1))
        begin_peak_anew(server)
        reading, writing = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=transfer, args=(part, server.port, size, writing))
        process.start()
        p99, count = others(server, lambda: reading.poll() or not process.is_alive())
        result = reading.recv() if reading.poll() else "the client has ended early"
        if isinstance(result, str):
            raise Failure(result)
        received, seconds = result
        if received != size:
            raise Failure(f"{received} bytes of {size}")
        if part != "down":
            check_saved(folder / part, size)
        peak = server.status("VmHWM") / 1024
        server.check_alive(5)
        line = (f"{part} on {backend}: {options.size} MiB in {seconds:.1f} s ({options.size / seconds:.0f} MiB/s), peak "
                f"{peak:.1f} MiB resident (at most {options.memory}), p99 of {OTHERS} others {p99:.2f} ms (at most "
                f"{options.p99:.0f}; {alone:.2f} ms alone; {count} requests)")
        return line, peak <= options.memory and p99 < options.p99
    finally:
        if process:
            process.kill()
            process.join()
        server.stop()
        for path in folder.iterdir():
            path.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="form, file, down; default: all")
    parser.add_argument("--binary", default=str(ROOT / ".build/release/bench-server"), help="the bench-server to load")
    parser.add_argument("--backend", choices=["available", "both", "epoll", "io_uring"], default="available")
    parser.add_argument("--size", type=int, default=10_240, metavar="MIB", help="of each body; default 10,240")
    parser.add_argument("--small", action="store_true", help="512 MiB: for CI")
    parser.add_argument("--folder", default=str(ROOT / ".build"), help="where bodies are saved, and removed; default: .build")
    parser.add_argument("--memory", type=float, default=64, metavar="MIB", help="the most resident memory")
    parser.add_argument("--p99", type=float, default=10, metavar="MS", help="most that the others' 99th percentile may be")
    parser.add_argument("--check", action="store_true", help="end with 1 where a limit is broken")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if options.small:
        options.size = 512
    if options.size < 1:
        parser.error("--size is at least 1")
    needed = options.size * MEBIBYTE + SPARE
    if shutil.disk_usage(options.folder).free < needed:
        raise Failure(f"{options.folder} has less than {needed / 1e9:.1f} GB free")
    available, failed = backends(options.binary, options.backend), False
    run_on(CORES[-1])
    prefer_client()
    with tempfile.TemporaryDirectory(prefix="big-", dir=options.folder) as folder:
        for part in options.parts or PARTS:
            for backend in available:
                try:
                    line, is_good = run(options, backend, part, pathlib.Path(folder))
                except Failure as failure:
                    line, is_good = f"{part} on {backend}: {failure}", False
                print(("PASS " if is_good else "FAIL ") + line, flush=True)
                failed = failed or not is_good
    return int(failed and options.check)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failure, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"big.py: {error}")
