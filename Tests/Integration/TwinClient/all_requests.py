"""The requests that twin.py sends to both applications."""

import itertools

from file_requests import compression, files, languages, tags
from form_requests import arguments, bodies, multipart
from page_requests import paths, plain, status_and_fields
from user_requests import cookies, forgery, login


def requests():
    """All of them, in the order in which they are sent; of several with one name the first."""
    known = set()
    for request in itertools.chain(plain(), status_and_fields(), paths(), arguments(), bodies(), multipart(), cookies(), forgery(), login(),
                                   tags(), files(), compression(), languages()):
        if request.ident not in known:
            known.add(request.ident)
            yield request
