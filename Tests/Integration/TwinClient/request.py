"""A request of the comparison."""

FORM = ("Content-Type", "application/x-www-form-urlencoded")
MULTIPART = ("Content-Type", "multipart/form-data; boundary=B")


class Request:
    """`ident` names the request in reports, in the record and in the list of explained differences."""

    def __init__(self, method, target, headers=(), body=None, name=None, **options):
        self.method, self.target, self.headers, self.body = method, target, tuple(headers), body
        self.options = options
        self.ident = " ".join(filter(None, [method, target if len(target) < 120 else target[:60] + "...", name]))


def get(target, *headers, **options):
    return Request("GET", target, headers, **options)


def post(target, body=b"", *headers, method="POST", **options):
    return Request(method, target, headers, body, **options)


def form(target, body, **options):
    return post(target, body, FORM, name=options.pop("name", body[:60].decode("latin-1")), **options)


def part(header, content=b"x", boundary=b"B"):
    return b"--" + boundary + b"\r\n" + header + b"\r\n\r\n" + content + b"\r\n"


FORM_DATA = (part(b'Content-Disposition: form-data; name="field"', b" value ")
             + part(b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain', b"content")
             + b"--B--\r\n")
