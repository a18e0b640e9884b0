"""Static files from memory."""

import gzip
from typing import Any

import pytest

from openalert.web import assets

pytestmark = pytest.mark.anyio


async def _get(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request straight to the ASGI application: status, headers, body."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await assets.serve({"type": "http", "method": method, "path": path, "headers": raw}, receive, send)
    start, body = sent
    return start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, body["body"]


async def test_a_hashed_address_may_be_kept_for_ever() -> None:
    """The address that pages use is immutable, has an ETag and the right type."""
    status, headers, body = await _get(assets.url("openalert.css"))
    assert status == 200
    assert "immutable" in headers["cache-control"]
    assert headers["content-type"] == "text/css; charset=utf-8"
    assert body.startswith(b"/* Layers")
    assert int(headers["content-length"]) == len(body)


async def test_an_old_or_bare_address_answers_but_is_not_kept() -> None:
    """During an upgrade an old page still finds its files, and never keeps the wrong ones."""
    for path in ("/static/000000000000/openalert.js", "/static/openalert.js"):
        status, headers, _ = await _get(path)
        assert (status, headers["cache-control"]) == (200, "no-cache")


async def test_gzip_only_where_asked_for() -> None:
    """The compressed form is the same content, smaller, and fonts are not compressed twice."""
    _, plain_headers, plain = await _get(assets.url("openalert.js"))
    _, zipped_headers, zipped = await _get(assets.url("openalert.js"), accept_encoding="br, gzip")
    assert "content-encoding" not in plain_headers
    assert zipped_headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped) == plain
    assert len(zipped) < len(plain) / 2
    _, font_headers, _ = await _get(assets.url("vendor/inter-latin.woff2"), accept_encoding="gzip")
    assert "content-encoding" not in font_headers


async def test_what_has_not_changed_is_not_sent_again() -> None:
    """If-None-Match with the current ETag gives 304 without a body."""
    _, headers, _ = await _get(assets.url("logo.svg"))
    status, _, body = await _get(assets.url("logo.svg"), if_none_match=headers["etag"])
    assert (status, body) == (304, b"")
    assert (await _get(assets.url("logo.svg"), if_none_match='"other"'))[0] == 200


async def test_head_tells_the_length_without_the_body() -> None:
    """HEAD answers as GET does, without content."""
    status, headers, body = await _get(assets.url("logo.svg"), method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 0


@pytest.mark.parametrize(
    "path", ["/static/", "/static/nothing.css", "/static/x/../../config.py", "/static/css/1-tokens.css"]
)
async def test_nothing_else_is_served(path: str) -> None:
    """Only names that are assets answer; there is no path on disk to walk to."""
    assert (await _get(path))[0] == 404


async def test_only_reading_is_allowed() -> None:
    """POST to a file is refused."""
    assert (await _get(assets.url("logo.svg"), method="POST"))[0] == 405


def test_an_unknown_asset_is_found_out_when_the_template_renders() -> None:
    """A mistyped name is an error, not a broken picture."""
    with pytest.raises(LookupError):
        assets.url("openalert.cs")


def test_own_style_and_script_stay_small() -> None:
    """At most 60 kB of our own style sheet and script leave the server, compressed."""
    own = [assets.ASSETS[name].zipped or b"" for name in ("openalert.css", "openalert.js")]
    assert sum(map(len, own)) < 60_000
