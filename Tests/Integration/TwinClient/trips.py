"""Conversations of several requests. Each returns what it has seen; both applications have to show the same."""

import base64
import hashlib
import hmac
import http.cookies
import json
import os
import re
import socket
import time
from urllib.parse import quote

from client import ask

SECRET = b"twin-cookie-secret-0123456789abcdef"
KEYS = {0: SECRET, 1: b"twin-key-one-0123456789", 2: b"twin-key-two-0123456789"}


def sign(name, value, key_version=0, moment=None, key=None):
    """A signed value, by the description of the format."""
    fields = (str(key_version), str(int(moment or time.time())), name, base64.b64encode(value.encode()).decode())
    signed = "2|" + "".join("%d:%s|" % (len(part), part) for part in fields)
    return signed + hmac.new(key or KEYS[key_version], signed.encode(), hashlib.sha256).hexdigest()


def is_signed(value, name, content, key_version):
    try:
        moment = int(value.split("|")[2].partition(":")[2])
    except (IndexError, ValueError):
        return False
    return value == sign(name, content, key_version, moment) and abs(moment - time.time()) < 60


def value_of(response):
    if response is None:
        return None
    return json.loads(response.body)["value"] if response.status == 200 else response.status


def cookie_of(response, name):
    jar = http.cookies.SimpleCookie()
    for field in response.values("set-cookie"):
        jar.load(field)
    return jar[name].value if name in jar else None


def read(port, route, name, value, days="36500"):
    return value_of(ask(port, "GET", "%s?name=%s&days=%s" % (route, quote(name), days), [("Cookie", '%s="%s"' % (name, value))]))


def signed_values(port):
    seen = {}
    for content in ("", "text", "gr\u00fc\u00dfe \u2713", "a|b", " blank ", "x" * 2000, "\n"):
        made = ask(port, "GET", "/signed/make?name=a&value=" + quote(content)).body.decode()
        seen["make " + content[:9]] = is_signed(made, "a", content, 0)
        seen["read " + content[:9]] = value_of(ask(port, "GET", "/signed/read?name=a&signed=" + quote(made)))
        rotated = ask(port, "GET", "/rotate/make?name=a&value=" + quote(content)).body.decode()
        seen["rotate " + content[:9]] = is_signed(rotated, "a", content, 2), read(port, "/rotate/get", "a", rotated)
        cookie = cookie_of(ask(port, "GET", "/signed/set?name=a&value=" + quote(content)), "a")
        seen["cookie " + content[:9]] = cookie is not None and is_signed(cookie, "a", content, 0)
        seen["peer " + content[:9]] = read(port, "/signed/get", "a", sign("a", content))
    now = time.time()
    for name, value in {
            "other name": sign("b", "x"), "old": sign("a", "x", moment=now - 32 * 86400), "nearly old": sign("a", "x", moment=now - 30 * 86400),
            "future": sign("a", "x", moment=now + 3600), "far future": sign("a", "x", moment=now + 90 * 86400),
            "other key": sign("a", "x", key=b"k"), "key version 1": sign("a", "x", 1, key=SECRET), "key 1": sign("a", "x", 1),
            "key 2": sign("a", "x", 2), "key 3": sign("a", "x", 3, key=KEYS[2]),
            "version 1": "eA==|%d|%s" % (now, hmac.new(SECRET, b"aeA==%d" % now, hashlib.sha1).hexdigest())}.items():
        seen[name] = [read(port, route, "a", value, "31") for route in ("/signed/get", "/rotate/get")]
        seen[name + ", version"] = json.loads(ask(port, "GET", "/rotate/version?name=a", [("Cookie", 'a="%s"' % value)]).body)["version"]
    for days in ("0", "0.0001", "-1", "1e9", "29"):
        seen["days " + days] = read(port, "/signed/get", "a", sign("a", "x", moment=now - 30 * 86400), days)
    return seen


def flipped_values(port):
    """Where a value is still read although one bit of it, or its length, is another."""
    seen = {}
    for route, value in (("/signed/read", sign("a", "value")), ("/rotate/get", sign("a", "value", 2))):
        wrong = []
        for place in range(len(value)):
            for changed in (chr(ord(value[place]) ^ 1), chr(ord(value[place]) ^ 32), "", "0", "|"):
                forged = value[:place] + changed + value[place + 1:]
                if forged == value or not forged.isprintable():
                    continue
                if route == "/signed/read":
                    result = value_of(ask(port, "GET", "/signed/read?name=a&signed=" + quote(forged)))
                else:
                    result = read(port, route, "a", forged)
                if result is not None:
                    wrong.append(str(result))
        seen[route] = sorted(set(wrong))
    return seen


def tokens(port):
    page = ask(port, "GET", "/xsrf/token")
    token, cookie = json.loads(page.body)["token"], cookie_of(page, "_xsrf")
    fields = [("Cookie", "_xsrf=" + cookie), ("Content-Type", "application/x-www-form-urlencoded")]

    def submit(sent, fields=fields):
        return ask(port, "POST", "/xsrf/submit", fields, b"_xsrf=" + quote(sent).encode()).status
    again = ask(port, "GET", "/xsrf/token", [("Cookie", "_xsrf=" + cookie)])
    html = ask(port, "GET", "/xsrf/form", [("Cookie", "_xsrf=" + cookie)]).body.decode()
    flipped = set()
    for place in range(2, 11 + 32):     # mask and token
        if token[place] != "|":
            flipped.add(submit(token[:place] + "%x" % (int(token[place], 16) ^ 1) + token[place + 1:]))
    return {
        "right": submit(token), "the cookie": submit(cookie), "of the page again": submit(json.loads(again.body)["token"]),
        "sets it again": cookie_of(again, "_xsrf"), "of the form": submit(re.search('value="([^"]*)"', html).group(1)),
        "form": re.sub('value="[^"]*"', "value", html), "is masked": token != json.loads(again.body)["token"], "flipped": sorted(flipped),
        "of another": submit(json.loads(ask(port, "GET", "/xsrf/token").body)["token"]), "format": re.sub("[0-9a-f]", "h", token),
    }


def logins(port):
    response = ask(port, "POST", "/login", [("Content-Type", "application/x-www-form-urlencoded")], b"name=%3Cann%3E&next=/private")
    cookie = [("Cookie", 'user="%s"' % cookie_of(response, "user"))]
    forged = [("Cookie", 'user="%s"' % sign("user", "eve", key=b"guess"))]
    return {
        "who": ask(port, "GET", "/whoami", cookie).body.decode().replace(" ", ""), "private": ask(port, "GET", "/private", cookie).body.decode(),
        "post": ask(port, "POST", "/private", cookie, b"").body.decode(), "forged": ask(port, "GET", "/private", forged).status,
        "nobody": json.loads(ask(port, "GET", "/whoami", forged).body), "peer": ask(port, "GET", "/private", [
            ("Cookie", 'user="%s"' % sign("user", "bob"))]).body.decode(), "empty": ask(port, "GET", "/private", [
                ("Cookie", 'user="%s"' % sign("user", ""))]).status,
        "logout": ask(port, "GET", "/logout", cookie).get("location"),
    }


def file_tags(port):
    seen = {}
    for prefix, accept in (("/static/", ""), ("/files/", ""), ("/gz/files/", "gzip")):
        target, base = prefix + "long.txt", [("Accept-Encoding", accept)]
        tag = ask(port, "GET", target, base).get("etag")
        weak = "W/" + tag if not tag.startswith("W/") else tag

        def status(*fields, target=target, base=base):
            return ask(port, "GET", target, base + list(fields)).status
        seen[prefix] = {
            "none": status(("If-None-Match", tag)), "weak": status(("If-None-Match", weak)), "list": status(("If-None-Match", '"a", ' + tag)),
            "before date": status(("If-None-Match", tag), ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")),
            "head": ask(port, "HEAD", target, base + [("If-None-Match", tag)]).status,
        }
        if not accept:
            seen[prefix] |= {
                "match": status(("If-Match", tag)), "range": status(("Range", "bytes=0-3"), ("If-Range", tag)),
                "weak range": status(("Range", "bytes=0-3"), ("If-Range", weak)),
                "range of the same": status(("Range", "bytes=0-3"), ("If-None-Match", tag))}
    for path in ("/gz/text?n=5000", "/gz/json", "/write/str", "/page?name=x"):
        for accept in ("", "gzip"):
            tag = ask(port, "GET", path, [("Accept-Encoding", accept)]).get("etag")
            seen[path + accept] = ask(port, "GET", path, [("Accept-Encoding", accept), ("If-None-Match", tag)]).status
    for path in ("/gz/files/long.txt", "/gz/text?n=5000"):
        tags = [ask(port, "GET", path, [("Accept-Encoding", accept)]).get("etag") for accept in ("identity", "gzip")]
        seen[path + " in the other coding"] = tags[0] == tags[1], [
            ask(port, "GET", path, [("Accept-Encoding", accept), ("If-None-Match", tag)]).status
            for accept, tag in zip(("identity", "gzip"), reversed(tags))]
    url = json.loads(ask(port, "GET", "/static-url?path=hello.txt").body)["url"]
    seen["static_url"] = re.sub("v=.*", "v", url), ask(port, "GET", url).get("cache-control")
    return seen


def disconnect(port):
    key = os.urandom(8).hex()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /hooks/closed?key=%s HTTP/1.1\r\nHost: a\r\n\r\n" % key.encode())
        notes = await_notes(port, key, 1)
    return notes, await_notes(port, key, 2)


def await_notes(port, key, count):
    deadline = time.monotonic() + 5
    while True:
        notes = json.loads(ask(port, "GET", "/notes/" + key).body)["notes"]
        if len(notes) >= count or time.monotonic() > deadline:
            return notes
        time.sleep(0.01)


def early_tag(port):
    key = os.urandom(8).hex()
    target = "/etag/early?key=" + key
    statuses = [ask(port, "GET", target).status, ask(port, "GET", target, [("If-None-Match", '"early-1"')]).status]
    return statuses, await_notes(port, key, 1)


def unused_body(port):
    """A connection goes on behind a response, also where the request's body was not needed."""
    raw = (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" b"GET /write/str HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(raw)
        received = b""
        while piece := client.recv(65536):
            received += piece
    return received.count(b"HTTP/1.1 200"), received.endswith("gr\u00fc\u00dfe \u2713".encode())


TRIPS = {function.__name__: function for function in (
    signed_values, flipped_values, tokens, logins, file_tags, disconnect, early_tag, unused_body)}
