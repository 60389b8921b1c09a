"""Cookies, tokens, origins and logins."""

import itertools
from urllib.parse import quote

from request import FORM, MULTIPART, Request, form, get, part, post


def cookies():
    for field in ("a=1", "a=1; b=2", "a=1; a=2", 'a="q"', 'a="x\\"y"', 'a="\\303\\274"', "a=", "a", "=a", ";;", "a=1;b=2", " a = 1 ", "a=1=2",
                  "a=%C3%BC", "a=\u00c3\u00bc", "a=\u00fc", 'a="1', "a=1, b=2", "a=\"a;b\"", "$Version=1; a=1", "a=1;; b=2", "A=1; a=2",
                  "a[]=1", "a b=1", "\u00e9=1", 'a="\\101\\0"', "a=1; expires=x", "a=\ttab"):
        yield get("/cookie/all", ("Cookie", field), name=field)
        yield get("/cookie/get?name=a", ("Cookie", field), name=field)
    yield get("/cookie/all", ("Cookie", "a=1"), ("Cookie", "b=2"), name="two fields")
    yield get("/cookie/get")
    makes = ["name=a&value=b", "name=a&value=", "name=a&value=a%20b", "name=a&value=%22", "name=a&value=a%3Bb", "name=a&value=a,b",
             "name=a&value=%C3%BC", "name=a&value=%E2%82%AC", "name=a&value=a%0Ab", "name=a&value=a%0D%0ASet-Cookie:x=y", "name=a&value=%00",
             "name=a&value=%7F", "name=a&value=a%5Cb", "name=&value=b", "name=a%20b&value=c", "name=a%3Db&value=c", "name=a%3Bb&value=c",
             "name=%C3%BC&value=c", "name=a%0D&value=c", "name=path&value=c", "name=a:b&value=c", "name=a", "value=b", "",
             "name=a&value=b&domain=example.com", "name=a&value=b&domain=x%3Bpath=/", "name=a&value=b&domain=a%0D%0Ab", "name=a&value=b&domain=",
             "name=a&value=b&domain=%20x", "name=a&value=b&path=/p", "name=a&value=b&path=", "name=a&value=b&path=/a%3Bb",
             "name=a&value=b&path=/a%0Ab", "name=a&value=b&path=/%C3%BC", "name=a&value=b&path=/a%20b", "name=a&value=b&samesite=Lax",
             "name=a&value=b&samesite=strict", "name=a&value=b&samesite=None&secure", "name=a&value=b&samesite=None",
             "name=a&value=b&samesite=x%3By", "name=a&value=b&samesite=odd", "name=a&value=b&max_age=60", "name=a&value=b&max_age=0",
             "name=a&value=b&max_age=-1", "name=a&value=b&max_age=x", "name=a&value=b&max_age=1.5", "name=a&value=b&expires=0",
             "name=a&value=b&expires=1893553445", "name=a&value=b&expires=1893553445.7", "name=a&value=b&expires=x",
             "name=a&value=b&expires=-1", "name=a&value=b&expires=1e30", "name=a&value=b&expires=inf", "name=a&value=b&expires=nan",
             "name=a&value=b&expires=300000000000", "name=a&value=b&httponly&secure", "name=__Host-a&value=b", "name=__Host-a&value=b&secure",
             "name=__Secure-a&value=b", "name=a&value=" + "x" * 4000, "name=a&value=" + "x" * 5000, "name=a&value=()/<=>?@[]{}",
             "name=a&value=%C2%80", "name=a&value=b&domain=%C3%BC.example", "name=a&value=1&max_age=99999999999999999999"]
    for query in makes:
        yield get("/cookie/make?" + query)
    for query in ("name=a", "name=a&domain=example.com", "name=a&path=/p", "name=a%0Db", "name=a&domain=x%3By", "name=a&path=/%0D", "", "name="):
        yield get("/cookie/clear?" + query)
    yield get("/signed/get")
    yield get("/signed/get?name=none")
    yield get("/signed/read?name=a&signed=")
    yield get("/rotate/version?name=none")
    for value in ("", "x", "2|", "2|1:0|", "1|2|3", "2|1:9|10:1700000000|1:a|4:YQ==|" + "0" * 64, "3|x", "2|1:0|10:x|1:a|4:YQ==|" + "0" * 64,
                  "2|99999999999999999999:0|x", "2|-1:0|10:1700000000|1:a|4:YQ==|ff", "2|1:2|10:1700000000|1:a|4:YQ==|"):
        yield get("/signed/get?name=a", ("Cookie", 'a="%s"' % value), name=value)
        yield get("/signed/read?name=a&signed=" + quote(value))
        yield get("/rotate/version?name=a", ("Cookie", 'a="%s"' % value), name=value)
        yield get("/rotate/get?name=a", ("Cookie", 'a="%s"' % value), name=value)


def forgery():
    for site, origin, method in itertools.product(
            (None, "same-origin", "none", "same-site", "cross-site", "odd", ""),
            (None, "http://twin.example", "https://twin.example", "http://TWIN.example", "http://twin.example:80", "https://evil.example",
             "https://trusted.example", "http://trusted.example", "https://trusted.example.evil.example", "null", ""),
            ("POST", "GET")):
        if method == "GET" and site != "cross-site":
            continue
        fields = ([("Sec-Fetch-Site", site)] if site is not None else []) + ([("Origin", origin)] if origin is not None else [])
        yield Request(method, "/origin/submit", fields, b"" if method == "POST" else None, name="%s %s" % (site, origin))
    token = "2|01020304|" + "a1" * 16 + "|1700000000"
    again = "2|00000000|" + bytes(a ^ b for a, b in zip(b"\xa1" * 16, b"\1\2\3\4" * 4)).hex() + "|1800000000"
    raw = bytes(a ^ b for a, b in zip(b"\xa1" * 16, b"\1\2\3\4" * 4)).hex()
    tokens = (token, again, raw, "", "x", "2|", "2|||", "2|01|02|3", token + "|", token[:-1], token.replace("a1", "a2", 1), token.upper(),
              "3" + token[1:], "1|" + raw, "2|zz|00|1", "2|01020304||1700000000", "2|01020304|" + "a1" * 17 + "|1700000000", "\u00ff", "a" * 600)
    for cookie, sent in itertools.product((None, token, "", "x", raw), tokens + (None,)):
        fields = [("Cookie", '_xsrf="%s"' % cookie)] if cookie is not None else []
        body = b"" if sent is None else b"_xsrf=" + quote(sent, encoding="latin-1").encode()
        yield post("/xsrf/submit", body, FORM, *fields, name="cookie %s form %s" % (cookie, sent and sent[:80]))
    cookie = ("Cookie", "_xsrf=" + token)
    for sent in tokens[:14]:
        yield post("/xsrf/submit", b"", cookie, ("X-XSRFToken", sent), name="X-XSRFToken " + sent)
        yield post("/xsrf/submit", b"", cookie, ("X-CSRFToken", sent), name="X-CSRFToken " + sent)
        yield post("/xsrf/submit?_xsrf=" + quote(sent), b"", cookie, name="query")
    for method in ("PUT", "PATCH", "DELETE"):
        yield post("/xsrf/submit", b"", method=method)
        yield post("/xsrf/submit", b"", cookie, ("X-XSRFToken", again), method=method, name="right")
    yield post("/xsrf/submit", part(b'Content-Disposition: form-data; name="_xsrf"', again.encode()) + b"--B--\r\n", cookie,
               MULTIPART, name="multipart")
    yield post("/xsrf/submit", b"_xsrf=" + again.encode() + b"&_xsrf=x", FORM, cookie, name="two")
    # A method that the handler does not have, with the token in its form.
    for sent in (again, "x"):
        yield post("/xsrf/token", b"_xsrf=" + sent.encode(), FORM, cookie, name="form " + sent[:1])
        yield post("/xsrf/token", part(b'Content-Disposition: form-data; name="_xsrf"', sent.encode()) + b"--B--\r\n", cookie, MULTIPART,
                   name="multipart " + sent[:1])
    yield post("/xsrf/exempt")
    yield post("/xsrf/nothing")


def login():
    for after in ("", "/a", "/a%3Fb=1", "//evil", "/%5Cevil", "/a%5Cb", "https://evil.example", "/a%0D%0AX-Evil:1", "/a%09b", "/%09/evil",
                  "%20/a", "a", "/%C3%BC", "/a%7F", "/a%00", "%2F%2Fevil", "/a//b", "/."):
        yield form("/login", b"name=ann&next=" + after.encode())
        yield form("/login?next=" + after, b"name=ann")
        yield get("/login?next=" + after)
    yield form("/login", b"next=/")
    yield form("/login", b"name=ann")
    yield form("/login", b"name=")
    for method in ("POST", "HEAD", "PUT"):
        yield Request(method, "/private", (), b"" if method != "HEAD" else None, name="nobody")
    for target in ("/private?q=%C3%BC&x=a+b", "/private?next=/x", "/private/absolute?a=1", "/private/own?a=1"):
        yield get(target)
