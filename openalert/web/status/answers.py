"""Answers as they leave the server: body, gzip form and headers, worked out once and sent many times."""

import gzip
import re
from collections.abc import Sequence

import msgspec

from openalert.domain.public_page import PublicPage
from openalert.web import etags
from openalert.web.asgi import Whole

Headers = list[tuple[bytes, bytes]]

HTML = "text/html; charset=utf-8"
JSON = "application/json"
_WORTH_ZIPPING = 400
"""Bytes below which gzip saves less than its own header costs."""
_NO_TEXT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What neither XML nor HTML takes."""


class Answer(msgspec.Struct, frozen=True):
    """One answer of a page."""

    etag: str
    plain: Whole
    zipped: Whole
    """The plain one where gzip saves nothing."""
    unchanged_headers: Headers
    """Of a 304."""


def answer(
    page: PublicPage, body: bytes, content_type: str, extra: Sequence[tuple[bytes, bytes]] = ()
) -> Answer:
    """The answer with this body; whether it may be kept, read from other sites and listed is for the page to say."""
    etag = etags.of_bytes(body)
    common: Headers = [
        (b"etag", b"W/" + etag.encode()),  # weak: one for the plain and the gzip form
        (b"vary", b"accept-encoding" if page.is_public else b"accept-encoding, cookie, authorization"),
        (b"cache-control", b"public, max-age=30" if page.is_public else b"private, no-cache"),
        *_of_page(page),
        *extra,
    ]
    kind = (b"content-type", content_type.encode())
    plain = zipped = Whole([*common, kind, _length(body)], body)
    if len(body) >= _WORTH_ZIPPING:
        smaller = gzip.compress(body, 6, mtime=0)
        zipped = Whole([*common, kind, _length(smaller), (b"content-encoding", b"gzip")], smaller)
    return Answer(etag=etag, plain=plain, zipped=zipped, unchanged_headers=common)


def as_bytes(document: str) -> bytes:
    """A document without the control characters that somebody may have typed into their words."""
    return _NO_TEXT.sub("", document).encode()


def _of_page(page: PublicPage) -> Headers:
    """Search engines list only what is for everybody, and other sites embed only that."""
    if not page.is_public:
        return [(b"x-robots-tag", b"noindex, nofollow")]
    found: Headers = [
        (b"access-control-allow-origin", b"*"),
        (b"cross-origin-resource-policy", b"cross-origin"),
    ]
    return found if page.is_indexed else [*found, (b"x-robots-tag", b"noindex, nofollow")]


def _length(body: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", str(len(body)).encode())
