"""POST and PUT /webhooks/{source}/{key}: a message comes in, 202 goes out after its commit.

An ASGI application of its own, beside Litestar: this is where a storm arrives. The path says how a body is read,
the key where it goes.
"""

from html import escape
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from openalert.domain.errors import NotFound, TooLarge, Unavailable
from openalert.sources import Reading, named
from openalert.web.asgi import WHOLE, Receive, Scope, Send, Whole
from openalert.web.door import Delivered, Door, body_of, length_of, swallow
from openalert.web.problems import Refused

PREFIX = "/webhooks/"
_ALERTMANAGER = "/api/v2/alerts"
_JSON = [(b"content-type", b"application/json")]
_MOST_HEADS = 1024
"""Heads are remembered for bodies below so many bytes: the answer to a message with some ten alerts."""


class Accepted(msgspec.Struct, rename="camel", omit_defaults=True):
    """The body of a 202."""

    status: str
    alerts_processed: int
    deduplicated: int
    incidents: list[dict[str, Any]]
    trace_id: str
    skipped: list[dict[str, Any]] = []
    note: str | None = None


_encode = msgspec.json.Encoder().encode


class Webhooks:
    """The ASGI application below /webhooks/."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._heads: dict[int, Whole] = {}
        """The head of a 202, encoded once for each length of its body: in a storm encoding it is what costs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        source, key = _parts(scope["path"])
        method = scope["method"]
        asked = _event_in_query(scope["query_string"]) if method == "GET" else None
        if method in ("GET", "HEAD") and asked is None:
            await self._explain(key, send, with_body=method == "GET")
            return
        if asked is None and method not in ("POST", "PUT"):
            raise Refused(405, "Post alerts here.", code="METHOD_NOT_ALLOWED", allow=["POST", "PUT", "GET"])
        try:
            key_hash = await self._door.admit(key)
            promised = self._door.memory.reserve(0 if asked else length_of(scope, self._door.max_body))
        except Unavailable:
            await swallow(receive)
            raise
        try:
            delivered = await self._take_in(scope, source, key_hash, asked, receive)
        finally:
            self._door.memory.release(promised)
        # Prometheus and vmalert append the path of Alertmanager's API, and older ones take nothing but its 200.
        status = 200 if scope["path"].rstrip("/").endswith(_ALERTMANAGER) else 202
        body = _encode(_accepted(delivered))
        if WHOLE in (scope.get("extensions") or ()) and len(body) < _MOST_HEADS:
            await send({"type": WHOLE, "status": status, "answer": self._head(len(body)), "body": body})
        else:
            await _answer(send, status, body, _JSON)

    def _head(self, length: int) -> Whole:
        """The same for every answer whose body has this length: nearly all of them have one of a few."""
        head = self._heads.get(length)
        if head is None:
            head = self._heads[length] = Whole([*_JSON, (b"content-length", b"%d" % length)], b"")
        return head

    async def _take_in(
        self, scope: Scope, source: str, key_hash: str, asked: bytes | None, receive: Receive
    ) -> Delivered:
        inbound = self._door.inbound(scope)
        try:
            content, refused = asked or await body_of(receive), None
        except TooLarge as error:
            content, refused = b"", error

        def reading() -> Reading:
            if refused is not None:
                raise refused
            return self._door.read(source, content, inbound)

        return await self._door.take_in_of(
            key_hash, scope["request_id"], inbound, source=source, content=content, read=reading
        )

    async def _explain(self, key: str, send: Send, *, with_body: bool) -> None:
        """Somebody opened the address in a browser: say what it is for."""
        route = await self._door.route(key)
        name = escape(route.integration_name)
        state = "" if route.is_active else " It is switched off and takes nothing."
        body = (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title>"
            f"<h1>{name}</h1><p>This is the webhook address of an integration. Point your monitoring system here: "
            f"it posts its alerts to this address.{state}</p></html>"
        ).encode()
        await _answer(send, 200, body if with_body else b"", [(b"content-type", b"text/html; charset=utf-8")])


def _parts(path: str) -> tuple[str, str]:
    """The source that the path names, and the key; a longer tail is tolerated."""
    name, _, rest = path[len(PREFIX) :].partition("/")
    key, source = rest.partition("/")[0], named(name)
    if not key or source is None:
        raise NotFound("integration")
    return source, key


def _event_in_query(query: bytes) -> bytes | None:
    """Uptime Kuma may ask instead of posting: `?msg=…&heartbeat={…}&monitor={…}` as the body it would have posted."""
    if b"msg=" not in query or b"heartbeat=" not in query:
        return None
    try:
        fields = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=20))
        objects = {name: msgspec.json.decode(fields.get(name) or "null") for name in ("heartbeat", "monitor")}
        return msgspec.json.encode(objects | {"msg": fields.get("msg", "")})
    except (ValueError, RecursionError, OverflowError):
        return None


def _accepted(delivered: Delivered) -> Accepted:
    outcome, reading = delivered.outcome, delivered.reading
    return Accepted(
        status="accepted",
        alerts_processed=outcome.processed,
        deduplicated=outcome.deduplicated,
        incidents=[{"id": incident_id, "number": number} for incident_id, number in outcome.incidents],
        trace_id=delivered.trace_id,
        skipped=[{"index": item.index, "reason": item.reason} for item in reading.skipped],
        note=reading.note,
    )


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
