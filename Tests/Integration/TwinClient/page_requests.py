"""Pages, fields, statuses and paths."""

import itertools

from request import Request, get

ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def plain():
    for target in (
            "/", "/write/str", "/write/bytes", "/write/dict", "/write/list", "/write/parts", "/write/type", "/write/empty",
            "/write/none", "/write/after", "/finish/dict", "/finish/raise", "/finish/status", "/chunks", "/chunks/length",
            "/chunks/broken", "/chunks/late", "/big?n=0", "/big?n=1", "/big?n=65536", "/big?n=100000", "/big?n=1048577",
            "/headers/types", "/headers/many", "/headers/default", "/headers/default?fail", "/headers/default?fail=1",
            "/error/reason", "/error/log", "/error/crash", "/error/discard", "/error/send", "/error/json/404",
            "/error/json/crash", "/error/json/503", "/error/argument", "/error/argument?needed=x", "/gone", "/nothing", "/gone/x",
            "/path/pos/a/b", "/path/named/2024/x", "/path/opt", "/path/opt/a", "/path/rest/", "/path/rest/a/b/c", "/path/first",
            "/path/word", "/init/a", "/init/b", "/reverse", "/reverse/unknown", "/nested/a", "/nested/b", "/nested/c",
            "/matcher", "/callable", "/fallback/x/y", "/fallback/", "/inner/ok", "/inner/none", "/inner/secret?name=a",
            "/slash/add/", "/slash/add", "/slash/add?a=1&b=%20", "/slash/remove", "/slash/remove/", "/slash/remove///?q=1",
            "/methods/all", "/methods/get", "/methods/more", "/methods/cors", "/hooks/prepare", "/hooks/stop", "/hooks/refuse",
            "/hooks/redirect", "/hooks/async", "/hooks/order?key=k1", "/notes/k1", "/notes/unknown", "/notes/a/b", "/hooks/detach",
            "/upper/text", "/where", "/login", "/login?next=/a", "/logout", "/whoami", "/private", "/private?a=1&b=2",
            "/private/absolute", "/private/absolute?x=%20y", "/private/own", "/cookie/set", "/cookie/all", "/xsrf/form",
            "/xsrf/submit", "/page?name=World", "/page?name=%3Cb%3E%26%22%27&item=first&item=second", "/page?name=x&admin",
            "/page", "/page?name=x&item=%7B%7Bname%7D%7D&item=%7B%25", "/page/links", "/sse?count=0", "/sse?count=3",
            "/static-url?path=hello.txt", "/static-url?path=hello.txt&host", "/static-url?path=none.txt", "/robots.txt",
            "/favicon.ico", "/gz/none", "/redirect/temp", "/redirect/perm"):
        yield get(target)
    for target in ("/", "/write/str", "/write/none", "/chunks", "/chunks/length", "/error/404", "/methods/get", "/slash/add",
                   "/redirect/temp", "/etag/own", "/etag/auto?body=x", "/private", "/hooks/stop", "/gone", "/nothing",
                   "/request", "/static/hello.txt", "/files/", "/gz/text?n=5000", "/path/opt/x", "/cookie/set"):
        yield Request("HEAD", target)
    for method, target in itertools.product(
            ALL_METHODS + ("PROPFIND", "TRACE", "FOO", "get"),
            ("/methods/all", "/methods/get", "/methods/post", "/methods/more", "/methods/cors", "/callable", "/fallback/m", "/gone",
             "/nothing", "/hooks/stop", "/hooks/refuse", "/inner/none", "/request", "/static/hello.txt", "/stream/upload",
             "/redirect/static", "/slash/add", "/slash/add/", "/slash/remove", "/slash/remove/", "/xsrf/submit", "/xsrf/exempt")):
        yield Request(method, target, (), b"" if method in ("POST", "PUT", "PATCH") else None)
    for host in ("virtual.example", "VIRTUAL.example", "virtual.example:8080", "a.wild.example", "a.b.wild.example", "wild.example",
                 "virtualXexample", "other.example", "xwild.example", "[::1]:80", "127.0.0.1"):
        yield get("/where", host=host, name=host)
        yield get("/callable", host=host, name=host)
        yield get("/request?a=1", host=host, name=host)
    yield get("/where", host=None, version="HTTP/1.0", name="HTTP/1.0 without Host")
    yield get("/request", host=None, version="HTTP/1.0", name="HTTP/1.0 without Host")
    yield get("http://virtual.example/where", name="absolute form")
    yield get("http://virtual.example/request?q", name="absolute form")
    yield get("/request?", name="empty query")
    yield get("/request?a=%C3%BC&b=+", ("X-Forwarded-For", "1.2.3.4"), ("X-Scheme", "https"))
    for value in ("2", "1", "", "22"):
        yield get("/matcher", ("X-Api", value), name=value)


def status_and_fields():
    for code in (200, 201, 203, 205, 206, 299, 302, 304, 400, 404, 418, 429, 451, 500, 503, 599, 799, 999, 1000, 99, 100, 101, 0,
                 99999999999999999999):
        yield get("/status/%d" % code)
        yield get("/error/%d" % code)
    for reason in ("Fine", "", "a%20b", "%3Cscript%3E", "a%0Db", "a%0D%0AX-Evil:%201", "a%0Ab", "%C3%BC", "a%00b", "a%7Fb", "a%09b"):
        yield get("/status/200?reason=" + reason)
        yield get("/status/404?reason=" + reason)
    values = ["text", "", "a%20b", "%20a%20", "a%09b", "a%0D%0AX-Evil:%201", "a%0DX", "a%0AX", "a%00b", "a%01b", "a%7Fb", "%C3%BC", "%FF",
              "a%0B", "a%0Bb", "a%1Fb", "%E2%80%A8", "%C2%85x", "a%C2%8Db", "%0D%0A%20folded"]
    for value in values:
        yield get("/headers/set?value=" + value)
        yield get("/redirect/to?url=" + value)
        yield get("/headers/name?name=" + value)
    for name in ("X-New", "x%3Ay", "X%20Y", "(x)", "Set-Cookie", "Content-Length", "Transfer-Encoding", "Connection", "a" * 100, "X-A%3A%201%0D%0AX-B"):
        yield get("/headers/name?name=" + name)
    for url in ("/a", "https://other.example/x?y=1%23z", "//evil", "a/b", "%20/x", "?q", "%23f", "/%2520", "/a%20b", "javascript:alert(1)"):
        yield get("/redirect/to?url=" + url)
    for code in (300, 301, 302, 303, 304, 305, 307, 308, 310, 399, 400, 200, 500, 1000):
        yield get("/redirect/status/%d" % code)
    for target in ("/redirect/static", "/redirect/static?a=1&b=%20x&a=2", "/redirect/found", "/redirect/found?q", "/redirect/swap/a/b",
                   "/redirect/swap/a/b?x=1", "/redirect/swap/%C3%BC/a%20b", "/redirect/swap/a%2Fb/c", "/redirect/swap/%3Fx/%23y",
                   "/redirect/swap/%0D%0AX/b", "/redirect/away/x", "/redirect/away//evil.example", "/redirect/away/%2Fevil.example",
                   "/redirect/away/%5Cevil.example", "/redirect/away/%2F%2Fevil.example/x", "/redirect/away///evil.example",
                   "/redirect/away/https://evil.example", "/redirect/away/%09/evil.example", "/redirect/away/"):
        yield get(target)
    yield get("/headers/echo", ("X-Test", "one"), ("x-test", " two  "), ("X-Test", "a,b"), name="three")
    yield get("/headers/echo", name="none")
    yield get("/headers/echo", ("X-Test", ""), name="empty")
    yield get("/headers/echo", ("X-Test", "gr\u00c3\u00bc"), name="UTF-8")
    yield get("/headers/echo", ("X-Test", "gr\u00fc"), name="Latin-1")


def paths():
    for path in ("/path/pos/%C3%BC/a%20b", "/path/pos/a%2Fb/c", "/path/pos/a+b/c", "/path/pos/%FF/x", "/path/pos/%/x", "/path/pos/%zz/x",
                 "/path/pos/a/", "/path/pos//b", "/path/named/24/x", "/path/named/20245/x", "/path/named/2024/a%20b", "/path/opt/",
                 "/path/opt/%C3%BC", "/path/opt/a/b", "/path/rest/a%2Fb", "/path/rest//x", "/path/rest/%00", "/path/rest/..%2f",
                 "/path/latin1/%FF%FE", "/path/latin1/%C3%BC", "/path/latin1/a", "/path/WORD", "/path/w0rd", "/path/w%6Frd",
                 "/PATH/first", "//path/first", "/path//first", "/path/first/", "/path/first?x", "/path/./first", "/path/rest/a\u00c3\u00bc",
                 "/path/rest/a;b=c", "/path/rest/" + "x" * 3000, "/callable/", "/error/json/abc", "/slash/add//", "//slash/add",
                 "/slash/addx"):
        yield get(path)
