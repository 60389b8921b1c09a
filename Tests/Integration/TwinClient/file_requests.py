"""Entity tags, files, compression and languages."""

import itertools

from request import Request, get, post


def tags():
    fields = ('"fixed-tag"', 'W/"fixed-tag"', '"other"', "*", '"a", "fixed-tag"', '"a","b"', "fixed-tag", "", '"fixed-tag', "W/*", '"weak-tag"',
              'W/"weak-tag"', '"f-1"', '"early-1"', 'W/"early-1"', '"a,b", "f-1"')
    for path in ("own", "weak", "none", "fields", "early?key=e"):
        yield get("/etag/" + path)
        for field in fields:
            yield get("/etag/" + path, ("If-None-Match", field), name="none " + field)
            yield get("/etag/" + path, ("If-Match", field), name="match " + field)
    yield Request("HEAD", "/etag/own", [("If-None-Match", '"fixed-tag"')], name="HEAD")
    for body in ("", "x", "gr%C3%BC%C3%9Fe"):
        yield get("/etag/auto?body=" + body)
    tag = '"%s"' % "11f6ad8ec52a2984abaafd7c3b516503785c2072"   # SHA-1 of "x"
    yield get("/etag/auto?body=x", ("If-None-Match", tag), name="same")
    yield get("/etag/auto?body=y", ("If-None-Match", tag), name="other")
    yield get("/etag/auto?body=x", ("If-Modified-Since", "Thu, 01 Jan 2099 00:00:00 GMT"), name="date")
    yield get("/etag/auto")
    yield post("/etag/auto", b"", ("If-None-Match", "*"), name="star")
    yield post("/etag/auto", b"", ("If-Match", '"x"'), name="match")
    yield get("/write/dict", ("If-None-Match", "*"), name="star")


def files():
    names = ("hello.txt", "alphabet.txt", "style.css", "app.js", "page.json", "image.svg", "long.txt", "data.bin", "empty.txt", "big.bin", "noext",
             "archive.tar.gz", ".hidden", "robots.txt", "sub/index.html", "sub/page.html", "nodefault/note.txt", "with%20space.txt",
             "gr%C3%BC%C3%9Fe.txt", "a+b.txt", "percent%2541.txt", "percent%41.txt", "percentA.txt", "link-in.txt", "link-out.txt",
             "link-dir/secret.txt", "link-dir", "link-dir/", "pipe", "", "sub", "sub/", "nodefault", "nodefault/", "none.txt", "sub/none",
             "hello.txt/", "hello.txt/x", "hello.txt?v=abc", "hello.txt?v=", "sub?x=1", "HELLO.TXT", "h%65llo.txt", "hello.txt%00",
             "hello.txt%00.png", "a%2Bb.txt", "with+space.txt", "sub//page.html", "sub%2Fpage.html", "./hello.txt", "sub/./page.html", "%2E/hello.txt",
             "x" * 300, "sub/" * 200 + "x", "gr\u00c3\u00bc\u00c3\u009fe.txt", "gr%FC%DFe.txt", "hello.txt%20", "hello.txt.", "sub\\page.html")
    for prefix, name in itertools.product(("/static/", "/files/", "/custom/", "/gz/files/"), names):
        yield get(prefix + name)
    escapes = ("../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "%2e%2e%2fsecret.txt", "%252e%252e/secret.txt", "..%252fsecret.txt",
               "..%c0%afsecret.txt", "%c0%ae%c0%ae/secret.txt", "..\\secret.txt", "..%5csecret.txt", "%2e%2e%5csecret.txt", "....//secret.txt",
               "..../secret.txt", ".../secret.txt", "..;/secret.txt", "..%00/secret.txt", "%00../secret.txt", "sub/../../secret.txt",
               "sub/..%2f..%2fsecret.txt", "sub/%2e%2e/%2e%2e/secret.txt", "./../secret.txt", ".//../secret.txt", "/../secret.txt",
               "//../secret.txt", "%2f..%2fsecret.txt", "%2fetc/passwd", "/etc/passwd", "//etc/passwd", "file:///etc/passwd", "..%ef%bc%8fsecret.txt",
               "\uff0e\uff0e/secret.txt".encode().decode("latin-1"), "%u002e%u002e/secret.txt", "..%u2215secret.txt", "%e0%80%ae%e0%80%ae/secret.txt",
               "..%2f..%2f..%2f..%2fetc%2fpasswd", "link-dir/../../secret.txt", "link-out.txt", "link-dir/secret.txt", "../public-private/secret.txt",
               "..%2fpublic-private%2fsecret.txt", "sub/..", "sub/../hello.txt", "..", "../", "%2e%2e", ".", "%2e", "..%09/secret.txt",
               "..%20/secret.txt", "../public/hello.txt", "..%2Fpublic/hello.txt", "~/secret.txt", "$HOME", "hello.txt/../../secret.txt",
               "%5c%5chost%5cshare", "C:%5csecret.txt", "..%3fsecret.txt", "..?/secret.txt", "..#/secret.txt", "%2e%2e%2f" * 20 + "etc/passwd")
    for prefix, name in itertools.product(("/static/", "/files/", "/custom/", "/gz/files/", "/static/sub/"), escapes):
        yield get(prefix + name)
    for prefix in ("/static/", "/files/", "/custom/"):
        target = prefix + "alphabet.txt"
        for field in ("bytes=0-4", "bytes=20-", "bytes=-5", "bytes=0-0", "bytes=25-25", "bytes=26-", "bytes=30-40", "bytes=5-2", "bytes=-0",
                      "bytes=-100", "bytes=0-100", "bytes=", "bytes", "bytes=a-b", "bytes=0-4,10-14", "bytes=0-4, -2", "bytes=30-,40-",
                      "octets=0-4", "bytes=0-25", "bytes=0-", "Bytes=0-4", "bytes = 0-4", "bytes=0 - 4", "bytes=+1-4", "bytes=1-+4",
                      "bytes=99999999999999999999-", "bytes=0-99999999999999999999", "bytes=--5", "bytes=1_0-12", "bytes=0x1-4",
                      "bytes=" + ",".join("0-1" for _ in range(50))):
            yield get(target, ("Range", field), name="Range " + field[:40])
        yield Request("HEAD", target, [("Range", "bytes=0-4")], name="HEAD with Range")
        yield get(prefix + "empty.txt", ("Range", "bytes=0-4"), name="Range of nothing")
        date = "Tue, 02 Jan 2024 03:04:05 GMT"
        for field in (date, "Tue, 02 Jan 2024 03:04:04 GMT", "Tue, 02 Jan 2024 03:04:06 GMT", "Thu, 01 Jan 2099 00:00:00 GMT", "nonsense", "",
                      "Tuesday, 02-Jan-24 03:04:05 GMT", "Tue Jan  2 03:04:05 2024"):
            yield get(target, ("If-Modified-Since", field), name="If-Modified-Since " + field)
            yield get(target, ("If-Unmodified-Since", field), name="If-Unmodified-Since " + field)
            yield get(target, ("Range", "bytes=0-4"), ("If-Range", field), name="If-Range " + field)
        yield get(target, ("If-None-Match", "*"), name="none *")
        yield get(target, ("If-None-Match", '"x"'), name="none x")
        yield get(target, ("If-None-Match", '"x"'), ("If-Modified-Since", date), name="none x and date")
        yield get(target, ("If-Match", "*"), name="match *")
        yield get(target, ("If-Match", '"x"'), name="match x")
        yield get(target, ("Range", "bytes=0-4"), ("If-Range", '"x"'), name="If-Range x")
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            yield Request(method, target)


def compression():
    codings = (None, "gzip", "gzip, deflate, br", "*", "identity", "", "gzip;q=0", "gzip;q=0.5, identity", "deflate", "br", "GZIP", "x-gzip",
               "gzip;q=1.0", "*;q=0", "identity;q=0", "gzip;q=0.000, *", "notgzip", "gzip;q=x", "gzip ; q=0.8", "gzipx")
    for coding in codings:
        fields = [("Accept-Encoding", coding)] if coding is not None else []
        for path in ("text?n=5000", "text?n=100", "text?n=1024", "text?n=1023", "text?n=0", "json", "png", "flushed", "coded", "vary", "none",
                     "files/long.txt", "files/hello.txt", "files/data.bin", "files/big.bin", "files/none", "files/image.svg"):
            yield get("/gz/" + path, *fields, name=coding)
    gz = ("Accept-Encoding", "gzip")
    yield Request("HEAD", "/gz/text?n=5000", [gz], name="gzip")
    yield Request("HEAD", "/gz/files/long.txt", [gz], name="gzip")
    yield get("/gz/files/long.txt", gz, ("Range", "bytes=0-9"), name="gzip and Range")
    yield get("/write/str", gz, name="outside")


def languages():
    for field in (None, "de", "de-DE", "fr", "fr-FR", "fr_FR", "fr-CA", "en", "en-US,de", "de;q=0.5,fr-FR;q=0.9", "xx", "*", "", "de;q=0", "DE", ";;;",
                  "de-x-y", "xx, de", "de;q=nan", "fr-fr;q=0.1, de;q=0.2", "de; q=0.1, fr-FR", "es;q=1, de;q=0.9"):
        for n in ("", "?n=1", "?n=2", "?n=0"):
            yield get("/locale" + n, *([("Accept-Language", field)] if field is not None else []), name=field)
    yield get("/locale?n=x")
    for last in ("5", "0", "x", "", "-1", "+1", " 2", "1.0", "99999999999999999999"):
        yield get("/sse?count=2", ("Last-Event-ID", last), name=last)
