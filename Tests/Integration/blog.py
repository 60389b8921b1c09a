#!/usr/bin/env python3
"""Drives the example Blog as a browser does, over HTTP: blog.py [PROGRAM]

It makes the author, logs in, publishes an entry with a picture, changes it and logs out. A forged XSRF token and a tampered
login cookie are refused. The server has a folder of its own and a free port."""

import http.client
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import xml.etree.ElementTree

PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else ".build/debug/Blog")
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005000"
    "1ffa2b9a3c00000000049454e44ae426082")


class Browser:
    """Keeps cookies, follows no redirects, and knows the token of the last page."""

    def __init__(self, port):
        self.port, self.cookies, self.token = port, {}, ""

    def request(self, method, path, body=None, content_type=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if content_type:
            headers["Content-Type"] = content_type
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.content = response.read()
        for field in response.headers.get_all("Set-Cookie") or []:
            name, _, value = field.split(";")[0].partition("=")
            self.cookies[name] = value
            if "max-age=0" in field.lower():
                del self.cookies[name]
        found = re.search(rb'_xsrf(?:" value="|=)([^"]+)"', response.content)
        if found:
            self.token = found[1].decode()
        connection.close()
        return response

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, **fields):
        fields.setdefault("_xsrf", self.token)
        return self.request("POST", path, urllib.parse.urlencode(fields), "application/x-www-form-urlencoded")

    def publish(self, path, title, text, picture=None, token=None):
        boundary = "------------------------d74496d66958873e"
        parts = [(f'name="{name}"', "text/plain", value.encode()) for name, value in (("title", title), ("text", text))]
        # A browser sends a file without a name where none was chosen.
        name = "picture.png" if picture else ""
        parts.append((f'name="picture"; filename="{name}"', "image/png", picture or b""))
        body = b"".join(
            f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\nContent-Type: {kind}\r\n\r\n".encode() + value + b"\r\n"
            for head, kind, value in parts) + f"--{boundary}--\r\n".encode()
        query = urllib.parse.urlencode({"_xsrf": self.token if token is None else token})
        return self.request("POST", f"{path}?{query}", body, f"multipart/form-data; boundary={boundary}")


def check(condition, what):
    if not condition:
        sys.exit(f"blog.py: FAILED: {what}")
    print(f"blog.py: {what}")


def drive(port):
    author = Browser(port)
    check(author.get("/").status == 200, "the home page is there before there are entries")
    check(author.get("/auth/login").headers["Location"] == "/auth/create", "the first visitor makes the author")
    author.get("/auth/create")
    account = {"name": "Ann", "email": "ann@example.com", "password": "correct horse"}
    check(author.post("/auth/create", **account).status == 302, "the author is made")
    check(author.post("/auth/create", **account).status == 409, "there is no second one")
    check(author.post("/auth/logout").status == 302, "the author logs out")
    check(author.get("/compose").headers["Location"] == "/auth/login?next=%2Fcompose", "writing needs a login")
    author.get("/auth/login?next=%2Fcompose")
    login = {"email": "ann@example.com", "next": "/compose"}
    check(author.post("/auth/login", password="wrong", **login).status == 403, "a wrong password is refused")
    check(author.post("/auth/login", password="correct horse", **login).headers["Location"] == "/compose",
          "a right one leads back to the form")

    author.get("/compose")
    response = author.publish("/compose", "Grüße & <b>", "See https://example.com/\r\n\r\n<script>", PICTURE)
    check(response.status == 302 and response.headers["Location"] == "/entry/grusse-b", "an entry is published")
    page = author.get("/entry/grusse-b").content.decode()
    check("The entry is published." in page and "&lt;script&gt;" in page and "<script>" not in page, "its page is escaped")
    check('<a href="https://example.com/">' in page, "addresses are links")
    source = re.search(r'<img src="([^"]+)"', page)[1]
    picture = author.get(source)
    check(picture.content == PICTURE and picture.headers["Content-Type"] == "image/png", "the picture came through")
    author.get("/compose/1")
    check(author.publish("/compose/1", "Changed", "New text").status == 302, "it is changed")
    page = author.get("/entry/grusse-b").content.decode()
    check("<h1>Changed</h1>" in page and source in page, "and keeps its address and its picture")
    feed = xml.etree.ElementTree.fromstring(author.get("/feed").content)
    check(feed.findtext("{*}entry/{*}title") == "Changed", "the feed is Atom")

    author.get("/compose")
    good = author.token
    for token in ["", "x", "2|00000000|00000000000000000000000000000000|1", good[:-20] + "0" * 20]:
        if token != good:
            check(author.publish("/compose", "Forged", "text", token=token).status == 403, f"refused token {token[:12]!r}")
    for name in ("blog_author",):
        value = author.cookies[name]
        for place in (0, len(value) // 2, len(value) - 2):
            thief = Browser(port)
            thief.cookies = dict(author.cookies)
            other = "1" if value[place] != "1" else "2"
            thief.cookies[name] = value[:place] + other + value[place + 1:]
            thief.token = good
            check(thief.publish("/compose", "Forged", "text").status == 403, f"refused cookie, changed at {place}")
    check(b"Forged" not in author.get("/archive").content, "nothing forged was published")
    author.get("/")
    check(author.post("/auth/logout").status == 302 and "blog_author" not in author.cookies, "the author logs out")
    check(author.publish("/compose", "Late", "text").status == 403, "and cannot write any more")


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [PROGRAM, "--port", "0", "--data", f"{folder}/data"], stderr=subprocess.PIPE, text=True, cwd=folder)
        try:
            for line in server.stderr:
                if found := re.search(r"serving on http://127\.0\.0\.1:(\d+)", line):
                    drive(int(found[1]))
                    break
            else:
                sys.exit("blog.py: FAILED: the server has not started")
        finally:
            server.terminate()
            server.wait(timeout=20)
    check(server.returncode == 0, "the server ends on SIGTERM")


main()
