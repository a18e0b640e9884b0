"""The head of an answer as it leaves the server, and answers that are sent whole."""

import logging
from typing import Any

import pytest

from openalert.web.asgi import WHOLE, Whole
from openalert.web.head import joined
from tests.cli.test_connection import HOST, answered, serving

pytestmark = pytest.mark.anyio

THREE = Whole([(b"content-length", b"3")], b"")
LAST = b"Connection: close\r\n\r\n"


async def several(scope: Any, receive: Any, send: Any) -> None:
    """`/whole` is sent in one piece, as are `/one` and `/two` with one head; `/sized` in two; `/pieces` has no length,
    `/split` a header of two lines.
    """
    assert scope["type"] == "http"
    if scope["path"] in ("/one", "/two"):
        body = scope["path"][1:].encode()
        await send({"type": WHOLE, "status": 202, "answer": THREE, "body": body})
        return
    if scope["path"] == "/whole":
        answer = Whole([(b"content-type", b"text/plain"), (b"content-length", b"5")], b"ready")
        await send({"type": WHOLE, "status": 200, "answer": answer})
        return
    headers = {
        "/sized": (b"Content-Length", b"6"),
        "/pieces": (b"X-Told", b"a"),
        "/split": (b"X-Told", b"a\r\nset-cookie: b"),
    }
    await send({"type": "http.response.start", "status": 200, "headers": [headers[scope["path"]]]})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await send({"type": "http.response.body", "body": b"two"})


async def asked(path: bytes, *more: bytes, method: bytes = b"GET") -> bytes:
    """All that the server says to this request, and to those sent behind it at once."""
    async with serving(app=several) as port:
        return await answered(port, method + b" " + path + b" HTTP/1.1\r\n" + HOST, *more)


async def test_an_answer_that_is_whole_has_all_that_others_have() -> None:
    """Status line, its own headers, those that every answer has, an id, the body; and the connection goes on."""
    told = await asked(b"/whole", b"\r\n", b"GET /whole HTTP/1.1\r\n" + HOST + LAST)
    first, second = told.split(b"ready", 1)
    head = first.lower()
    assert head.startswith(b"http/1.1 200 ok\r\n")
    for line in (b"\r\ndate: ", b"\r\ncontent-length: 5\r\n", b"\r\nx-content-type-options: nosniff\r\n"):
        assert head.count(line) == 1
    assert head.count(b"\r\nx-request-id: ") == 1
    assert b"connection: close" not in head
    assert second.endswith(b"connection: close\r\n\r\nready")


async def test_answers_of_one_head_have_bodies_and_ids_of_their_own() -> None:
    """What is joined for good is what they share."""
    told = await asked(b"/one", b"\r\n", b"GET /two HTTP/1.1\r\n" + HOST + LAST)
    answers = [part.partition(b"\r\n\r\n") for part in told.split(b"HTTP/1.1 202 Accepted\r\n")[1:]]
    assert [body for _, _, body in answers] == [b"one", b"two"]
    ids = {line for head, _, _ in answers for line in head.split(b"\r\n") if line.startswith(b"x-request-id")}
    assert len(ids) == 2


async def test_whole_answers_keep_their_turn() -> None:
    """Three requests in one packet, the second answered in pieces: answered in the order they were asked in."""
    pipelined = b"\r\nGET /pieces HTTP/1.1\r\n" + HOST + b"\r\nGET /whole HTTP/1.1\r\n" + HOST + LAST
    async with serving(app=several) as port:
        told = await answered(port, b"GET /whole HTTP/1.1\r\n" + HOST + pipelined)
    bodies = [part.partition(b"\r\n\r\n")[2] for part in told.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert bodies == [b"ready", b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", b"ready"]


async def test_a_header_stays_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """What would be a header more is not sent at all, also in an answer that is whole."""
    told = await asked(b"/split", LAST)
    assert b"set-cookie" not in told
    assert told == b"" or told.startswith(b"HTTP/1.1 500 ")
    assert any(record.levelno >= logging.ERROR for record in caplog.records)
    for name, value in (
        (b"a\r\nb", b"c"),
        (b"a b", b"c"),
        (b"a", b"c\n"),
        (b"a", b"\0"),
        (b"a", b"b\r\nc: d"),
    ):
        with pytest.raises(RuntimeError):
            joined([(b"x", b"y"), (name, value)])


@pytest.mark.parametrize("path", [b"/whole", b"/sized", b"/pieces"])
async def test_a_head_is_asked_for_as_often_as_one_likes(path: bytes) -> None:
    """HEAD is answered with the head of a GET and without a body, and the connection goes on."""
    again = b"HEAD " + path + b" HTTP/1.1\r\n" + HOST + LAST
    told = await asked(path, b"\r\n", again, method=b"HEAD")
    assert told.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert told.count(b"\r\ncontent-length: ") == (0 if path == b"/pieces" else 2)
    assert [part.partition(b"\r\n\r\n")[2] for part in told.split(b"HTTP/1.1 ")[1:]] == [b"", b""]
