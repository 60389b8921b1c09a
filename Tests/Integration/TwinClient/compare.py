"""What of a response is compared, and which differences are explained."""

import calendar
import email.utils
import fnmatch
import hashlib
import json
import re
import time

import client

# Fields that say something of the application; all others are the server's own affair.
COMPARED = ("allow", "access-control-allow-origin", "cache-control", "content-encoding", "content-language", "content-location",
            "content-range", "content-type", "etag", "expires", "last-modified", "location", "set-cookie", "vary", "accept-ranges")
# What no client may see.
SECRETS = (b"crash-detail", b"TOP-SECRET", b"half a page", b"log-only", b"Traceback", b"root:", b"Twister/", b".swift")


def normal(request, response):
    """A dictionary that is the same for responses which mean the same."""
    if response is None:
        return {"status": 0}
    # The type of a file whose part names none: neither has the one of RFC 7578, 4.4.
    body = client.decoded(response).replace(b"application/unknown", b"application/octet-stream")
    seen = {"status": response.status, "complete": response.complete}
    secrets = [secret.decode() for secret in SECRETS if secret in body or any(secret.decode() in value for _, value in response.fields)]
    if secrets:
        seen["secrets"] = secrets
    for name in sorted({name for name, _ in response.fields}):
        if name == "content-type" and 300 <= response.status < 400:
            continue    # there is no content
        if name in COMPARED or name.startswith("x-") or name == "server" and "Twin" in (response.get(name) or ""):
            seen[name] = field(name, response.values(name))
    if request.target.startswith("/status/") or request.target == "/error/reason":
        seen["reason"] = response.reason
    if request.target == "/chunks" or request.target.startswith("/chunks/") or request.target.startswith("/hooks/detach"):
        seen["chunked"] = response.get("transfer-encoding")
        seen["length"] = response.get("content-length")
    kind = (response.get("content-type") or "").lower()
    if "problem+json" in kind or response.status >= 400 and ("html" in kind or "json" not in kind):
        seen.pop("content-type", None)
        return seen     # an error page
    if "json" in kind and body:
        try:
            seen["json"] = json.loads(body)
        except ValueError:
            seen["body"] = text(body)
    elif "multipart/byteranges" in kind:
        boundary = re.search(r'boundary="?([^";]*)', response.get("content-type")).group(1)
        seen["content-type"] = ["multipart/byteranges"]
        seen["body"] = text(body.replace(boundary.encode(), b"BOUNDARY").strip())
    elif request.method != "HEAD" and response.status not in (301, 302, 303, 307, 308):
        seen["body"] = text(re.sub(rb'value="2\|[0-9a-f|]*"', b'value="TOKEN"', body))
    return seen


def text(body):
    if len(body) > 300:
        return "%d octets, %s" % (len(body), hashlib.sha256(body).hexdigest())
    return body.decode("latin-1")


def field(name, values):
    if name == "set-cookie":
        return sorted(cookie(value) for value in values)
    if name in ("allow", "vary"):
        return sorted({part.strip().lower() for value in values for part in value.split(",")})
    if name == "content-type":
        return [value.lower().replace(" ", "") for value in values]
    if name == "expires":
        return [moment(value) for value in values]
    if name == "etag" and len(values) == 1 and not re.search("fixed|weak-tag|f-1|early", values[0]):
        return ["strong" if values[0].startswith('"') else "weak"]
    return values


def cookie(value):
    """Attributes in order of their names, times that depend on the present as their distance from it."""
    first, *attributes = [part.strip() for part in value.split(";")]
    first = re.sub(r'^(\w+=)"?2\|.*', r"\1SIGNED", first)
    known = []
    for attribute in attributes:
        key, _, content = attribute.partition("=")
        if key.lower() == "expires":
            content = moment(content)
        known.append("%s=%s" % (key.lower(), content))
    return "; ".join([first] + sorted(known))


# Dates that a request or a handler names. Once a day each of them is a whole number of days away, so they are told by their text.
FIXED_DATES = ("Wed, 02 Jan 2030 03:04:05 GMT", "Wed, 01 Jan 2031 00:00:00 GMT")


def moment(content):
    """A date, or its distance from the present where that is a number of days, or of few minutes."""
    parsed = email.utils.parsedate(content)
    if parsed is None or content in FIXED_DATES:
        return content
    distance = calendar.timegm(parsed) - time.time()
    if distance < -600:
        return "past"
    days = round(distance / 86400)
    return "%d days" % days if abs(distance - days * 86400) < 120 else content


class Explained:
    """The differences that are right as they are, with their reasons: Twin/differences.json."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.entries = json.load(file)
        self.used = [0] * len(self.entries)

    def find(self, ident, aspect, ours):
        for number, entry in enumerate(self.entries):
            if aspect in entry["aspects"] and any(fnmatch.fnmatchcase(ident, pattern) for pattern in entry["requests"]):
                if "twister" in entry and ours not in entry["twister"]:
                    continue
                self.used[number] += 1
                return entry["reason"]
        return None


def differences(theirs, ours):
    """(aspect, Tornado's, Twister's) of each that differs. Where the statuses do, the rest follows from that."""
    aspects = theirs.keys() | ours.keys()
    if theirs.get("status") != ours.get("status"):
        aspects = {"status", "secrets"}
    for aspect in sorted(aspects):
        if theirs.get(aspect) != ours.get(aspect):
            yield aspect, theirs.get(aspect), ours.get(aspect)
