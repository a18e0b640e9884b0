"""POST and PUT /webhooks/{source}/{key}: a message comes in, 202 goes out after its commit.

An ASGI application of its own, beside Litestar: this is where a storm arrives. The path says how a body is read,
the key where it goes. What may succeed later is answered with 503 and nothing else, because senders give up on
any other code; what can never succeed gets a 4xx with the reason, and is kept for a person to see.
"""

import hashlib
import time
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import structlog

from openalert import telemetry
from openalert.domain.errors import NotFound, OpenAlertError, TooLarge, Unavailable
from openalert.sources import Inbound, Reading, named, read
from openalert.storage import routes
from openalert.storage.database import Database
from openalert.usecases.ingest import Delivery, Outcome
from openalert.usecases.intake import Intake
from openalert.usecases.subscriptions import Subscriptions
from openalert.web.asgi import Receive, Scope, Send
from openalert.web.problems import Refused

log = structlog.get_logger(__name__)

PREFIX = "/webhooks/"
KEYS_REMEMBERED = 10_000
_JSON = [(b"content-type", b"application/json")]


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

    def __init__(
        self,
        database: Database,
        intake: Intake,
        max_body: int,
        subscriptions: Subscriptions | None = None,
    ) -> None:
        """Without `subscriptions` nobody answers a sender's question."""
        self._database = database
        self._subscriptions = subscriptions
        self._intake = intake
        self._max_body = max_body
        # Hashes of keys that were good when last looked at. Only a hint that saves a look-up: whether a key is
        # good now is decided inside the transaction that takes its message in.
        self._good: dict[str, None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        source, key_hash = _parts(scope["path"])
        method = scope["method"]
        asked = _event_in_query(scope["query_string"]) if method == "GET" else None
        if method in ("GET", "HEAD") and asked is None:
            await self._explain(key_hash, send, with_body=method == "GET")
            return
        if asked is None and method not in ("POST", "PUT"):
            raise Refused(405, "Post alerts here.", code="METHOD_NOT_ALLOWED", allow=["POST", "PUT", "GET"])
        if key_hash not in self._good:
            await self._look_up(key_hash)
        try:
            content, refused = asked or await _body(receive), None
        except TooLarge as error:
            content, refused = b"", error
        outcome, reading, trace_id = await self._take_in(scope, source, key_hash, content, refused)
        if outcome.error is not None:
            if isinstance(outcome.error, NotFound):
                self._good.pop(key_hash, None)
            raise outcome.error
        if self._subscriptions and reading and reading.confirm and outcome.payload_id:
            self._subscriptions.answer_soon(reading.confirm, outcome.payload_id)
        await _answer(send, 202, _encode(_accepted(outcome, reading, trace_id)), _JSON)

    async def _take_in(
        self, scope: Scope, source: str, key_hash: str, content: bytes, refused: OpenAlertError | None
    ) -> tuple[Outcome, Reading | None, str]:
        trace_id = scope["request_id"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["query_string"] else {}
        inbound = Inbound(headers=headers, query=query, received_at=self._database.clock())
        reading, failure = (None, refused) if refused else _read(source, content, inbound, self._max_body)
        delivery = Delivery(
            key_hash=key_hash,
            content=content,
            content_type=headers.get("content-type", "")[:200],
            source=source,
            reading=reading,
            failure=failure,
            trace_id=trace_id,
        )
        begun = time.perf_counter()
        outcome = await self._intake.submit(delivery)
        telemetry.INGEST_COMMIT.observe(time.perf_counter() - begun)
        return outcome, reading, trace_id

    async def _look_up(self, key_hash: str) -> None:
        """Refuse an unknown or disabled key before its body is read."""
        async with self._database.read() as reader:
            route = (await routes.by_key_hash(reader, [key_hash])).get(key_hash)
        if route is None or not route.is_active:
            raise NotFound("integration")
        if len(self._good) >= KEYS_REMEMBERED:
            self._good.clear()
        self._good[key_hash] = None

    async def _explain(self, key_hash: str, send: Send, *, with_body: bool) -> None:
        """Somebody opened the address in a browser: say what it is for."""
        async with self._database.read() as reader:
            route = (await routes.by_key_hash(reader, [key_hash])).get(key_hash)
        if route is None:
            raise NotFound("integration")
        name = escape(route.integration_name)
        state = "" if route.is_active else " It is switched off and takes nothing."
        body = (
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}</title>"
            f"<h1>{name}</h1><p>This is the webhook address of an integration. Point your monitoring system here: "
            f"it posts its alerts to this address.{state}</p></html>"
        ).encode()
        await _answer(send, 200, body if with_body else b"", [(b"content-type", b"text/html; charset=utf-8")])


def observe(delivery: Delivery, outcome: Outcome) -> None:
    """Count what became of a message."""
    source = delivery.reading.source if delivery.reading else delivery.source
    if outcome.error is None:
        result = "accepted"
    elif isinstance(outcome.error, NotFound):
        result = "unknown_key"
    else:
        result = "quarantined"
        telemetry.QUARANTINED.inc()
        log.warning(
            "message quarantined", source=source, reason=outcome.error.message, trace_id=delivery.trace_id
        )
    _counter(source, result).inc()


@lru_cache(maxsize=256)
def _counter(source: str, result: str) -> Any:
    return telemetry.INGEST.labels(source, result)


def _parts(path: str) -> tuple[str, str]:
    """The source that the path names, and the hash of its key; a longer tail is tolerated."""
    name, _, rest = path[len(PREFIX) :].partition("/")
    key, source = rest.partition("/")[0], named(name)
    if not key or source is None:
        raise NotFound("integration")
    return source, hashlib.sha256(key.encode()).hexdigest()


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


def _read(
    source: str, content: bytes, inbound: Inbound, limit: int
) -> tuple[Reading | None, OpenAlertError | None]:
    try:
        return read(source, content, inbound, limit=limit), None
    except OpenAlertError as error:
        return None, error
    except Exception as error:
        # A fault of ours must not cost the sender its alert: the body is kept, and 503 makes it come again.
        log.exception("source broke", source=source)
        return None, Unavailable(f"The message could not be read ({type(error).__name__}).", retry_after=30)


async def _body(receive: Receive) -> bytes:
    """The whole body; its size and time are bounded by the middleware."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Refused(400, "The sender went away.", code="DISCONNECTED")
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "The sender went away.", code="DISCONNECTED")
        parts.append(message.get("body", b""))
    return b"".join(parts)


def _accepted(outcome: Outcome, reading: Reading | None, trace_id: str) -> Accepted:
    skipped = reading.skipped if reading else []
    return Accepted(
        status="accepted",
        alerts_processed=outcome.processed,
        deduplicated=outcome.deduplicated,
        incidents=[{"id": incident_id, "number": number} for incident_id, number in outcome.incidents],
        trace_id=trace_id,
        skipped=[{"index": item.index, "reason": item.reason} for item in skipped],
        note=reading.note if reading else None,
    )


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
