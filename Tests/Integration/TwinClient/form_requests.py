"""Arguments, bodies and forms."""

import gzip
import zlib

from request import FORM, FORM_DATA, MULTIPART, form, get, part, post


def arguments():
    values = ["a", "", "%20a%20", "a&name=b", "%C3%BC", "%FF", "a%00b", "a%01b", "a%09b", "a%0D%0Ab", "%0Bx%0C", "%1F", "a+b", "a%2Bb",
              "a=b", "%", "%zz", "%C2%A0x%C2%A0", "%E2%80%83x", "%7F", "a%C2%85", "a;name=b", "%ED%A0%80", "%C0%AF", "a%0", "%1C", "%1Cx%1D"]
    for route in ("one", "default", "nostrip", "all", "query", "body"):
        for value in values:
            yield get("/args/%s?name=%s" % (route, value))
            yield form("/args/" + route, b"name=" + value.encode())
        yield get("/args/" + route)
        yield get("/args/%s?name" % route)
        yield get("/args/%s?na%%6De=x" % route)
        yield get("/args/%s?name=\u00c3\u00bc" % route)
        yield get("/args/%s?name=x&a=\u00ff" % route)
        yield get("/args/%s?&&=&name=x&" % route)
        yield form("/args/%s?name=query" % route, b"name=form")
        yield form("/args/%s?name=query" % route, b"other=form")
        yield post("/args/%s?name=query" % route, b"name=form", name="no type")
        yield post("/args/%s?name=query" % route, b"name=form", ("Content-Type", "text/plain"), name="text")
        yield post("/args/" + route, b"name=form", ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), name="charset")
        yield post("/args/" + route, b"name=form", ("Content-Type", "APPLICATION/X-WWW-FORM-URLENCODED"), name="upper case")
        yield post("/args/" + route, b"name=form", ("Content-Type", "application/x-www-form-urlencodedx"), name="another type")
    for kinds in (("application/x-www-form-urlencoded",) * 2, ("application/x-www-form-urlencoded", "text/plain"),
                  ("text/plain", "application/x-www-form-urlencoded"), ("text/plain",) * 2):
        yield post("/args/default", b"name=form", *(("Content-Type", kind) for kind in kinds), name="types " + ", ".join(kinds))
    for n in ("1", "-5", "+7", "0", "007", "1.5", "", "x", "0x10", "1e3", "%201%20", "1_000", "%D9%A1", "9223372036854775806",
              "9223372036854775807", "99999999999999999999", "-9223372036854775808", "--1", "1%002"):
        yield get("/args/int?n=" + n)
        yield form("/args/int", b"n=" + n.encode())
    yield get("/args/int")
    for count in (1000, 20000):
        yield form("/form", b"&".join(b"a=%d" % (i % 10) for i in range(count)), name="%d arguments" % count)
    yield form("/form", b"&".join(b"a=1" for _ in range(20001)), name="20001 arguments")
    yield get("/form?" + "&".join("a=1" for _ in range(5000)), name="5000 arguments")
    yield get("/form?" + "&" .join("b" for _ in range(20000)), name="20000 arguments")
    yield get("/form?" + "&" .join("b" for _ in range(20001)), name="20001 arguments")
    for query in ("a=1&b=2&a=3", "a", "=x", "a=%20x%20", "%C3%BC=%C3%BC", "%FF=1", "a=%FF", "a%00=b%00"):
        yield get("/form?" + query)
        yield form("/form", query.encode())
        yield form("/form", query.encode(), method="PUT")
    yield post("/form", gzip.compress(b"a=1&b=2"), FORM, ("Content-Encoding", "gzip"), name="gzip")
    yield post("/form", b"a=1&b=2", FORM, ("Content-Encoding", "gzip"), name="no gzip")
    yield post("/form", b"a=1&b=2", FORM, ("Content-Encoding", "identity"), name="identity")
    yield post("/form", b"a=1&b=2", FORM, ("Content-Encoding", "br"), name="br")


def bodies():
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for kind in (None, "text/plain", "x/y; a=b"):
            fields = [("Content-Type", kind)] if kind else []
            yield post("/echo", bytes(range(256)), *fields, method=method, name=kind)
    yield post("/echo", gzip.compress(b"x" * 100000), ("Content-Encoding", "gzip"), name="gzip")
    yield post("/echo", gzip.compress(b""), ("Content-Encoding", "gzip"), name="empty gzip")
    yield post("/echo", gzip.compress(b"a") + gzip.compress(b"b"), ("Content-Encoding", "gzip"), name="two gzip members")
    yield post("/echo", gzip.compress(b"hello")[:-5], ("Content-Encoding", "gzip"), name="cut gzip")
    yield post("/echo", b"junk", ("Content-Encoding", "gzip"), name="junk gzip")
    yield post("/echo", gzip.compress(b"x" * 10), ("Content-Encoding", "GZIP"), name="GZIP")
    yield post("/echo", gzip.compress(b"x" * 10), ("Content-Encoding", "x-gzip"), name="x-gzip")
    yield post("/echo", zlib.compress(b"x" * 10), ("Content-Encoding", "deflate"), name="deflate")
    yield post("/echo", gzip.compress(b"z" * (8 << 20)), ("Content-Encoding", "gzip"), name="8 MiB of gzip")
    yield post("/echo", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", ("Transfer-Encoding", "chunked"), name="chunked")
    yield post("/echo", b"5;x=y\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n", ("Transfer-Encoding", "chunked"), name="extension and trailer")
    yield post("/echo", b"", name="empty")
    yield post("/echo", b"q" * (1 << 20), name="1 MiB")
    yield post("/echo", b"x", ("Content-Length", "104857601"), name="declared 100 MiB and 1")
    for kind, body in (
            ("application/json", b'{"name": "a", "count": 1}'), ("application/json; charset=utf-8", b'{"name": "a", "count": -1}'),
            ("APPLICATION/JSON", b'{"name": "", "count": 0, "more": []}'), ("application/json ; x", b'{"name": "\\u00fc\\n", "count": 7}'),
            ("text/plain", b"{}"), (None, b"{}"), ("application/x-www-form-urlencoded", b"name=a&count=1"),
            ("application/vnd.x+json", b'{"name": "a", "count": 1}'), ("application/json", b""), ("application/json", b"{"),
            ("application/json", b"[]"), ("application/json", b"1"), ("application/json", b"null"), ("application/json", b"{}"),
            ("application/json", b'{"name": 1, "count": 1}'), ("application/json", b'{"name": "a", "count": "1"}'),
            ("application/json", b'{"name": "a", "count": 1.5}'), ("application/json", b'{"name": "a", "count": true}'),
            ("application/json", b'{"name": "a", "count": null}'), ("application/json", b'{"name": null, "count": 1}'),
            ("application/json", b'{"name": "a", "count": 1.0}'), ("application/json", b'{"name": "a", "count": 9223372036854775807}'),
            ("application/json", b'{"name": "a", "count": 99999999999999999999}'), ("application/json", b'{"name": "\xff", "count": 1}'),
            ("application/json", b"'x'"), ("application/json", b'{"name": "a", "count": 1} x'), ("application/json", b"[" * 100000),
            ("application/json", b'{"name": "a", "name": "b", "count": 1}'), ("application/json", b'\xef\xbb\xbf{"name": "a", "count": 1}'),
            ("application/json", b'{"name": "\\ud83d\\ude00", "count": 1e2}'), ("application/json", b'{"name": "a", "count": 1,}'),
            ("application/json", b'{"name": "\\ud83d", "count": 1}'), ("application/json", b'{"name": "a", "count": 1, "x": "\\ud83d"}'),
            ("application/json", b'{"name": "a", "count": NaN}'), ("application/json", b'{"name": "a", "count": 01}')):
        yield post("/json", body, *([("Content-Type", kind)] if kind else []), name="%s %s" % (kind, body[:50].decode("latin-1")))
    for size in (0, 1, 65536, 99999, 100000, 100001, 300000):
        yield post("/stream/upload", b"u" * size, name=str(size))
        yield post("/stream/upload", b"u" * size, method="PUT", name=str(size))
        yield post("/stream/limit", b"u" * size, name=str(size))
        yield post("/stream/refuse", b"u" * size, name=str(size))
    yield post("/stream/upload?slow", b"u" * 200000, name="slow")
    yield post("/stream/upload", gzip.compress(b"v" * 50000), ("Content-Encoding", "gzip"), name="gzip")
    yield post("/stream/upload", b"3\r\nabc\r\n0\r\n\r\n", ("Transfer-Encoding", "chunked"), name="chunked")
    yield post("/stream/upload", b"abc", ("Expect", "100-continue"), name="100-continue")
    yield post("/stream/refuse", b"abc", ("Expect", "100-continue"), name="100-continue")
    yield post("/stream/upload", FORM_DATA, MULTIPART, name="a form")


def multipart():
    disposition = b'Content-Disposition: form-data; name="a"'
    variants = {
        "plain": FORM_DATA,
        "no final newline": FORM_DATA[:-2],
        "preamble": b"preamble\r\n" + FORM_DATA,
        "epilogue": FORM_DATA + b"epilogue",
        "no final boundary": part(disposition),
        "final boundary only": b"--B--\r\n",
        "empty": b"",
        "no disposition": part(b"Content-Type: text/plain") + b"--B--\r\n",
        "attachment": part(b'Content-Disposition: attachment; name="a"') + b"--B--\r\n",
        "no name": part(b"Content-Disposition: form-data") + b"--B--\r\n",
        "empty name": part(b'Content-Disposition: form-data; name=""') + b"--B--\r\n",
        "token name": part(b"Content-Disposition: form-data; name=a") + b"--B--\r\n",
        "upper case": part(b'CONTENT-DISPOSITION: Form-Data; NAME="a"') + b"--B--\r\n",
        "empty file name": part(disposition + b'; filename=""') + b"--B--\r\n",
        "no type": part(disposition + b'; filename="f"') + b"--B--\r\n",
        "file name with path": part(disposition + b'; filename="../../etc/passwd"') + b"--B--\r\n",
        "file name of Windows": part(disposition + b'; filename="C:\\dir\\f.txt"') + b"--B--\r\n",
        "file name with quotes": part(disposition + b'; filename="a\\"b.txt"') + b"--B--\r\n",
        "file name with semicolon": part(disposition + b'; filename="a;b.txt"') + b"--B--\r\n",
        "file name in UTF-8": part(disposition + '; filename="gr\u00fc\u00dfe.txt"'.encode()) + b"--B--\r\n",
        "file name in Latin-1": part(disposition + b'; filename="gr\xfc.txt"') + b"--B--\r\n",
        "file name percent": part(disposition + b'; filename="a%22b%0D.txt"') + b"--B--\r\n",
        "filename*": part(disposition + b"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt") + b"--B--\r\n",
        "filename and filename*": part(disposition + b"; filename=\"a.txt\"; filename*=UTF-8''b.txt") + b"--B--\r\n",
        "filename* in Latin-1": part(disposition + b"; filename*=ISO-8859-1''gr%FC.txt") + b"--B--\r\n",
        "filename* in Windows-1252": part(disposition + b"; filename*=windows-1252''%80.txt") + b"--B--\r\n",
        "filename* not UTF-8": part(disposition + b"; filename*=UTF-8''%FF.txt") + b"--B--\r\n",
        "filename* not UTF-8 and filename": part(disposition + b"; filename=\"a.txt\"; filename*=UTF-8''%FF.txt") + b"--B--\r\n",
        "quote that does not end": part(disposition + b'; filename="a.txt') + b"--B--\r\n",
        "text behind a quote": part(disposition + b'; filename="a.txt"b') + b"--B--\r\n",
        "two file names": part(disposition + b'; filename="a"; filename="b"') + b"--B--\r\n",
        "two types": part(disposition + b'; filename="a"\r\nContent-Type: a/b\r\nContent-Type: c/d') + b"--B--\r\n",
        "continued": part(disposition + b'; filename*0="a"; filename*1="b.txt"') + b"--B--\r\n",
        "NUL": part(disposition + b'; filename="a\0b"') + b"--B--\r\n",
        "bare LF": FORM_DATA.replace(b"\r\n", b"\n"),
        "boundary in content": part(disposition, b"x--B--y\r\n--BX") + b"--B--\r\n",
        "CRLF content": part(disposition, b"\r\n\r\n") + b"--B--\r\n",
        "empty content": part(disposition, b"") + b"--B--\r\n",
        "binary": part(disposition + b'; filename="b"', bytes(range(256))) + b"--B--\r\n",
        "not UTF-8": part(disposition, b"\xff") + b"--B--\r\n",
        "two of a field": part(disposition, b"1") + part(disposition, b"2") + b"--B--\r\n",
        "files of two fields": b"".join(part(b'Content-Disposition: form-data; name="%s"; filename="%d"' % (field, i), b"%d" % i)
                                        for i, field in enumerate((b"a", b"b", b"a", b"c", b"b"))) + b"--B--\r\n",
        "transfer encoding": part(disposition + b"\r\nContent-Transfer-Encoding: base64", b"eA==") + b"--B--\r\n",
        "folded": part(b'Content-Disposition: form-data;\r\n name="a"') + b"--B--\r\n",
        "no blank line": b"--B\r\n" + disposition + b"\r\nx\r\n--B--\r\n",
        "no header": b"--B\r\n\r\nx\r\n--B--\r\n",
        "white space behind boundary": FORM_DATA.replace(b"--B\r\n", b"--B \t\r\n"),
        "two dispositions": part(disposition + b'\r\nContent-Disposition: form-data; name="b"') + b"--B--\r\n",
        "_charset_": part(b'Content-Disposition: form-data; name="_charset_"', b"iso-8859-1") + b"--B--\r\n",
        "long header": part(disposition + b"\r\nX: " + b"y" * 9000) + b"--B--\r\n",
        "longer header": part(disposition + b"\r\nX: " + b"y" * 11000) + b"--B--\r\n",
        "1,500 parts": b"".join(part(disposition, b"%d" % i) for i in range(1500)) + b"--B--\r\n",
        "1,501 parts": b"".join(part(disposition, b"%d" % i) for i in range(1501)) + b"--B--\r\n",
        "type of the part": part(disposition + b'; filename="f"\r\nContent-Type: text/html; charset="x"') + b"--B--\r\n",
        "name with percent": part(b'Content-Disposition: form-data; name="a%20b"') + b"--B--\r\n",
        "name in UTF-8": part('Content-Disposition: form-data; name="gr\u00fc"'.encode()) + b"--B--\r\n",
        "name with blank": part(b'Content-Disposition: form-data; name=" a "') + b"--B--\r\n",
    }
    for name, body in variants.items():
        yield post("/form", body, MULTIPART, name="multipart: " + name)
    for kind in ('multipart/form-data; boundary="B"', "multipart/form-data; charset=x; boundary=B", "multipart/form-data;boundary=B",
                 "Multipart/Form-Data; Boundary=B", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=C",
                 'multipart/form-data; boundary=""', "multipart/mixed; boundary=B", "multipart/form-data; boundary=B; boundary=C",
                 "multipart/form-data, boundary=B", "multipart/form-data; boundary = B", "multipart/form-data; boundary=" + "x" * 200,
                 'multipart/form-data; boundary="B', "multipart/form-datax; boundary=B", "multipart/form-data; boundary=B "):
        yield post("/form", FORM_DATA, ("Content-Type", kind), name="type: " + kind)
        yield post("/args/body", FORM_DATA.replace(b'"field"', b'"name"'), ("Content-Type", kind), name="type: " + kind)
    long = "x" * 70
    yield post("/form", part(disposition, boundary=long.encode()) + b"--" + long.encode() + b"--\r\n",
               ("Content-Type", "multipart/form-data; boundary=" + long), name="boundary of 70")
    yield post("/form", part(disposition, boundary=b"a b'()+_,-./:=?") + b"--a b'()+_,-./:=?--\r\n",
               ("Content-Type", "multipart/form-data; boundary=\"a b'()+_,-./:=?\""), name="boundary of odd characters")
    for cut in range(0, len(FORM_DATA), 7):
        yield post("/form", FORM_DATA[:cut], MULTIPART, name="cut at %d" % cut)
