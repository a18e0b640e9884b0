"""Bytes to values, and a refusal for whatever is none."""

import gzip
import json
import zlib
from typing import Any
from urllib.parse import urlencode

import pytest

from openalert.domain.errors import Invalid, OpenAlertError, TooLarge, Unsupported
from openalert.sources import Inbound, body

ALERT = {"title": "Größe"}


def decode(content: bytes, content_type: str = "application/json", **headers: str) -> Any:
    """The value of a body with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return body.decode(content, Inbound(headers={"content-type": content_type, **named}, received_at=0))


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (json.dumps(ALERT).encode(), "application/json"),
        (json.dumps(ALERT, ensure_ascii=False).encode(), "application/json; charset=utf-8"),
        (b"\xef\xbb\xbf" + json.dumps(ALERT).encode(), "application/json"),
        (b"\r\n " + json.dumps(ALERT).encode() + b"\n", "application/json"),
        (json.dumps(ALERT).encode(), "application/x-www-form-urlencoded"),
        (json.dumps(ALERT).encode(), "text/plain; charset=UTF-8"),
        (json.dumps(ALERT).encode(), ""),
        (json.dumps(ALERT, ensure_ascii=False).encode("latin-1"), "application/json; charset=ISO-8859-1"),
        (json.dumps(ALERT, ensure_ascii=False).encode(), "application/json; charset=ISO-8859-1"),
        (json.dumps(ALERT).encode("utf-16"), "application/json"),
        (json.dumps(ALERT).encode("utf-16-le"), "application/json; charset=utf-16le"),
        (urlencode({"payload": json.dumps(ALERT)}).encode(), "application/x-www-form-urlencoded"),
        (urlencode({"payload": json.dumps(ALERT)}).encode(), "application/json"),
        (urlencode({"x": "", "data": json.dumps(ALERT)}).encode(), "application/x-www-form-urlencoded"),
        (urlencode(ALERT).encode(), "application/x-www-form-urlencoded"),
        (
            b'--X\r\nContent-Disposition: form-data; name="data"\r\n\r\n'
            + json.dumps(ALERT).encode()
            + b"\r\n--X--",
            'multipart/form-data; boundary="X"',
        ),
        (
            b"--X\r\nContent-Disposition: form-data; name=title\r\n\r\nGr\xc3\xb6\xc3\x9fe\r\n--X--\r\n",
            "multipart/form-data; boundary=X",
        ),
    ],
)
def test_one_alert_in_many_wrappings(content: bytes, content_type: str) -> None:
    """The content type is a hint; what the body holds decides."""
    assert decode(content, content_type) == ALERT


def test_plain_text_is_a_message() -> None:
    """A script that posts a line of text has said something; half a JSON document has not."""
    assert decode(b"disk full on web-1", "text/plain") == {"message": "disk full on web-1"}
    with pytest.raises(Invalid):
        decode(b'{"title": "x', "text/plain")


MALFORMED = {
    "empty": b"",
    "spaces": b" \r\n\t",
    "trailing comma": b'{"a":1,}',
    "trailing garbage": b'{"a":1} x',
    "two values": b'{"a":1}{"b":2}',
    "comment": b'{"a":1} // x',
    "single quotes": b"{'a':1}",
    "bare word": b"{a:1}",
    "not a number": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "leading zero": b'{"a":01}',
    "control character": b'{"a":"\n"}',
    "raw NUL": b'{"a":"\x00"}',
    "latin-1": b'{"a":"\xe9"}',
    "overlong": b'{"a":"\xc0\xaf"}',
    "surrogate bytes": b'{"a":"\xed\xa0\x80"}',
    "bad escape": b'{"a":"\\x41"}',
    "utf-32": '{"a":1}'.encode("utf-32"),
    "utf-16 without mark": '{"a":1}'.encode("utf-16-be"),
    "deep list": b"[" * 100_000,
    "deep closed list": b"[" * 5_000 + b"]" * 5_000,
    "deep object": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "deep in a form": b"payload=" + b"[" * 5_000 + b"]" * 5_000,
    "html": b"<html></html>",
    "binary": bytes(range(256)),
    "form with broken json": b"payload=%7B%22title",
    "many fields": b"a=b&" * 10_000,
    "many parts": b"--X\r\n" * 10_000,
    "no boundary": b"title=x",
}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "multipart/form-data; boundary=X", "application/json; charset=punycode"],
)
@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_bodies_are_refused_with_a_sentence(content: bytes, content_type: str) -> None:
    """A body that can never succeed is refused the same way each time, and says what to send instead."""
    with pytest.raises(OpenAlertError) as first:
        decode(content, content_type)
    with pytest.raises(OpenAlertError) as second:
        decode(content, content_type)
    assert first.value.status == 400
    assert first.value.message == second.value.message
    assert first.value.message.endswith(".")


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"a":"x\\u0000y\\\\u0000"}', {"a": "xy\\u0000"}),
        (b'{"a\\u0000":["\\u0000"]}', {"a": [""]}),
        (b'{"a":"x\\ud83d"}', {"a": "x\ufffd"}),
        (b'{"a":"\\udc00\\ud800"}', {"a": "\ufffd\ufffd"}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"a":-0}', {"a": 0}),
        (b'{"a":43434343434343434343}', {"a": 43434343434343434343}),
        (b'{"a":9223372036854775808}', {"a": 2**63}),
        (b'{"a":1e400}', {"a": "1e400"}),
        (b'{"__proto__":{"x":1}}', {"__proto__": {"x": 1}}),
    ],
)
def test_odd_but_valid_json_is_read(content: bytes, value: Any) -> None:
    """Valid JSON is never a reason to lose an alert, and what comes out can be stored everywhere."""
    assert decode(content) == value


def test_endless_digits_are_cut() -> None:
    """A number of a megabyte costs nothing and does not stop the alert."""
    assert len(decode(b'{"a":' + b"9" * 1_000_000 + b"}")["a"]) == 400


def test_size_limits() -> None:
    """The limit holds before and after decompression, and a bomb is not unpacked."""
    with pytest.raises(TooLarge):
        decode(b" " * (body.LIMIT + 1))
    with pytest.raises(TooLarge):
        decode(gzip.compress(b" " * 50 * body.LIMIT), content_encoding="gzip")
    content = b'{"a":"' + b"x" * (body.LIMIT - 8) + b'"}'
    assert len(content) == body.LIMIT
    assert decode(gzip.compress(content), content_encoding="gzip") == decode(content)


def test_encodings() -> None:
    """gzip is read; broken gzip and every other encoding are refused."""
    assert decode(gzip.compress(b"{}"), content_encoding=" GZIP ") == {}
    for content in (b"{}", gzip.compress(b"{}")[:-4], b""):
        with pytest.raises(Invalid):
            decode(content, content_encoding="gzip")
    with pytest.raises(Unsupported):
        decode(zlib.compress(b"{}"), content_encoding="deflate")
