#!/usr/bin/env python3
"""The example Chat in windows of a headless Chromium: two by WebSocket, over http and https, and one without WebSocket.

Over https the pages come by HTTP/2, and so do their WebSockets (RFC 8441); over http both come by HTTP/1.1.

    Tests/Integration/chat.py .build/debug/Chat [--backend epoll|io_uring|both] [--screenshot FILE]

Runs where Chromium is installed; elsewhere it says that nothing was run.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time


class Failure(Exception):
    pass


def require(condition, message):
    if not condition:
        raise Failure(message)


class Chat:
    """The server on free ports; stopped at the end of the block."""

    def __init__(self, program, backend, folder):
        key, certificate = folder / "key.pem", folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "1", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        self.command = [program, "--port", "0", "--backend", backend, "--tls-port", "0", "--tls-certificate", certificate,
                        "--tls-key", key]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.urls = {}
        while len(self.urls) < 2:
            line = self.process.stdout.readline()
            require(line, "the server has ended before it served")
            for scheme, address in re.findall(r"(https?)://(127\.0\.0\.1:\d+)", line):
                self.urls[scheme] = f"{scheme}://{address}"
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Browser:
    """Chromium, by its DevTools protocol over two pipes (--remote-debugging-pipe): messages of JSON, each with a NUL behind it."""

    def __init__(self, program, folder):
        to_read, self.output = os.pipe()
        self.input, to_write = os.pipe()

        def move():
            # Chromium reads from descriptor 3 and writes to 4. The copies above them keep one from closing the other.
            first, second = os.dup2(to_read, 10), os.dup2(to_write, 11)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--ignore-certificate-errors", "--remote-debugging-pipe", f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=move)
        os.close(to_read)
        os.close(to_write)
        self.received, self.number = b"", 0
        # The status of each WebSocket's handshake, by the session of its window.
        self.handshakes = {}

    def call(self, method, session=None, **parameters):
        """The result of a command; of the events that come before it, those of handshakes are noted."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.output, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 60
        while True:
            while b"\0" in self.received:
                text, self.received = self.received.split(b"\0", 1)
                answer = json.loads(text)
                if answer.get("method") == "Network.webSocketHandshakeResponseReceived":
                    self.handshakes[answer["sessionId"]] = answer["params"]["response"]["status"]
                if answer.get("id") == self.number:
                    require("error" not in answer, f"{method}: {answer.get('error')}")
                    return answer["result"]
            ready, _, _ = select.select([self.input], [], [], max(0, end - time.monotonic()))
            require(ready, f"{method}: the browser does not answer")
            piece = os.read(self.input, 1 << 20)
            require(piece, f"{method}: the browser has ended")
            self.received += piece

    def window(self, url, script=None):
        target = self.call("Target.createTarget", url="about:blank", newWindow=True)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable", session)
        self.call("Network.enable", session)
        if script:
            self.call("Page.addScriptToEvaluateOnNewDocument", session, source=script)
        self.call("Page.navigate", session, url=url)
        return Window(self, session, target)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.input)
        os.close(self.output)


class Window:
    def __init__(self, browser, session, target):
        self.browser, self.session, self.target = browser, session, target

    def value(self, expression):
        return self.browser.call("Runtime.evaluate", self.session, expression=expression, returnByValue=True)["result"].get("value")

    def wait(self, expression, wanted):
        end = time.monotonic() + 60
        while (seen := self.value(expression)) != wanted:
            require(time.monotonic() < end, f"{expression} is {seen!r}, not {wanted!r}")
            time.sleep(0.05)

    def wait_for_state(self, text):
        self.wait("document.getElementById('state')?.textContent", text)

    def require_handshake(self, status):
        seen = self.browser.handshakes.get(self.session)
        require(seen == status, f"the handshake of the WebSocket has the status {seen}, not {status}")

    def wait_for_messages(self, *texts):
        self.wait("JSON.stringify([...document.querySelectorAll('#messages li')].map((item) => item.textContent))",
                  json.dumps(texts, separators=(",", ":"), ensure_ascii=False))

    def send(self, text):
        """Types the text and presses Enter, as a user does."""
        self.value("document.getElementById('body').focus()")
        self.browser.call("Input.insertText", self.session, text=text)
        for kind in "keyDown", "keyUp":
            self.browser.call("Input.dispatchKeyEvent", self.session, type=kind, key="Enter", code="Enter", text="\r",
                              windowsVirtualKeyCode=13)

    def screenshot(self, path):
        data = self.browser.call("Page.captureScreenshot", self.session, format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)


def check(chat, browser, scheme, screenshot):
    url = f"{chat.urls[scheme]}/?room={scheme}"
    first, second = browser.window(url), browser.window(url)
    for window in first, second:
        window.wait_for_state("connected by WebSocket")
        # 101 is HTTP/1.1's, and 200 the one of HTTP/2.
        window.require_handshake(200 if scheme == "https" else 101)
    first.send("hello from the first window")
    second.wait_for_messages("hello from the first window")
    # Markup is text, and so are characters beyond ASCII.
    second.send("<b>höher</b>")
    for window in first, second:
        window.wait_for_messages("hello from the first window", "<b>höher</b>")
    # A window without WebSocket gets what was said before, and takes part.
    third = browser.window(url, "delete window.WebSocket")
    third.wait_for_state("connected by long polling")
    third.wait_for_messages("hello from the first window", "<b>höher</b>")
    third.send("by polling")
    for window in first, second, third:
        window.wait_for_messages("hello from the first window", "<b>höher</b>", "by polling")
    # Another room is another conversation.
    other = browser.window(f"{chat.urls[scheme]}/?room=other-{scheme}")
    other.wait_for_state("connected by WebSocket")
    other.wait_for_messages()
    if screenshot:
        first.screenshot(screenshot)
    for window in first, second, third, other:
        window.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the example Chat")
    parser.add_argument("--backend", choices=["epoll", "io_uring", "both"], default="both")
    parser.add_argument("--screenshot", type=pathlib.Path, help="writes a picture of a window (PNG)")
    options = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("NOTICE: Chromium is not installed: the example Chat is not run in a browser")
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        browser = Browser(program, folder / "profile")
        try:
            for backend in ["epoll", "io_uring"] if options.backend == "both" else [options.backend]:
                with Chat(options.program, backend, folder) as chat:
                    for scheme in "http", "https":
                        check(chat, browser, scheme, options.screenshot)
                        print(f"PASS chat in Chromium over {scheme} on {backend}", flush=True)
        finally:
            browser.stop()


if __name__ == "__main__":
    try:
        main()
    except (Failure, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"chat.py: {error}")
