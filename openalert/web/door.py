"""The way of every inbound message from its request to its commit, whatever dialect its sender speaks.

What may succeed later is answered with 503 and nothing else, because senders give up on any other code; what can
never succeed is refused with the reason, and kept for a person to see.
"""

import hashlib
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import structlog

from openalert import telemetry
from openalert.domain.errors import NotFound, OpenAlertError, Unauthenticated, Unavailable
from openalert.sources import Habits, Inbound, Reading, context_of, using
from openalert.sources.remembered import Readings
from openalert.sources.text import storable
from openalert.storage import routes
from openalert.storage.database import Database
from openalert.storage.routes import Route
from openalert.usecases import profiles
from openalert.usecases.inbound import Delivery, Outcome, Then
from openalert.usecases.intake import Intake
from openalert.usecases.profiles import Profile
from openalert.usecases.subscriptions import Subscriptions
from openalert.web.asgi import Receive, Scope, header

log = structlog.get_logger(__name__)

KEYS_REMEMBERED = 10_000
TRIES = 3
"""How often a message is read while its integration is being changed."""
LONGEST_SERVICE = 100
UNPACKED = 8
"""So many times its length a compressed body becomes, as a rule."""


class Delivered(msgspec.Struct, frozen=True):
    """A message that is taken in."""

    outcome: Outcome
    reading: Reading
    trace_id: str


class Door:
    """What every ingestion route does alike: look up the key, read the body, take the message in."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        max_body: int,
        subscriptions: Subscriptions | None = None,
    ) -> None:
        """`subscriptions`: confirms what Amazon SNS asks before it sends; None: such a question stays unanswered."""
        self.database = database
        self.max_body = max_body
        self.begun = database.clock()
        """Since when messages are taken in."""
        self._subscriptions = subscriptions
        self._intake = intake
        self.memory = intake.memory
        self._readings = Readings()
        # How messages of keys were read when last looked at, by hash. Only a hint that saves a look-up: whether a key
        # is good now, and read by this, is decided inside the transaction that takes its message in.
        self._known: dict[str, Profile] = {}

    def inbound(self, scope: Scope) -> Inbound:
        """Everything about the request but its body."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["query_string"] else {}
        return Inbound(headers=headers, query=query, received_at=self.database.clock())

    def read(self, source: str, content: bytes, inbound: Inbound) -> Reading:
        """What a body says, read by what the source does and by the habits of the integration; see `sources.read`."""
        return self._readings.read(source, content, inbound, limit=self.max_body)

    async def admit(self, key: str) -> str:
        """As `recognize`, for a request that brings new events: also Unavailable while memory is short."""
        try:
            self.memory.promise(0)
        except Unavailable:
            self._readings.forget()
            raise
        return await self.recognize(key)

    async def recognize(self, key: str) -> str:
        """What is stored of a key. Refuse an unknown or disabled one: NotFound. Good ones are remembered."""
        key_hash = hashed(key)
        if key_hash not in self._known:
            await self._look_up(key_hash)
        return key_hash

    async def _look_up(self, key_hash: str) -> Profile:
        async with self.database.read() as reader:
            profile = await profiles.by_key_hash(reader, key_hash)
        if len(self._known) >= KEYS_REMEMBERED:
            self._known.clear()
        self._known[key_hash] = profile
        return profile

    async def prove(self, key: str, inbound: Inbound, content: bytes) -> None:
        """Refuse a sender that does not prove itself as the integration asks by now: Unauthenticated."""
        profile = await self._look_up(hashed(key))
        refused = profile.refused(inbound.headers, content, inbound.received_at)
        if refused is not None:
            raise refused

    async def route(self, key: str) -> Route:
        """Where the key leads, be it switched off; NotFound for an unknown one."""
        key_hash = hashed(key)
        async with self.database.read() as reader:
            route = (await routes.by_key_hash(reader, [key_hash])).get(key_hash)
        if route is None:
            raise NotFound("integration")
        return route

    async def take_in(
        self,
        scope: Scope,
        inbound: Inbound,
        *,
        key: str,
        source: str,
        content: bytes,
        read: Callable[[], Reading],
        then: Then | None = None,
    ) -> Delivered:
        """Read the message and take it in; returns after the commit, of which `then` is a part.

        Whatever `read` refuses is kept in quarantine and raised again, and so is Unauthenticated for a sender that
        does not prove itself as the integration asks; NotFound when the key is not good any more.
        """
        return await self.take_in_of(
            hashed(key), scope["request_id"], inbound, source=source, content=content, read=read, then=then
        )

    async def take_in_of(
        self,
        key_hash: str,
        trace_id: str,
        inbound: Inbound,
        *,
        source: str,
        content: bytes,
        read: Callable[[], Reading],
        then: Then | None = None,
    ) -> Delivered:
        """As `take_in`, for what came by no request: `key_hash` is that of the integration that it is for."""
        outcome, reading = await self._submitted(
            inbound,
            read,
            then,
            key_hash=key_hash,
            source=source,
            content=content,
            trace_id=trace_id,
        )
        if isinstance(outcome.error, NotFound):
            self._known.pop(key_hash, None)
        if outcome.error is not None or reading is None:
            raise outcome.error or NotFound("integration")
        if self._subscriptions and reading.confirm and outcome.payload_id:
            self._subscriptions.answer_soon(reading.confirm, outcome.payload_id)
        return Delivered(outcome, reading, trace_id)

    async def _submitted(
        self,
        inbound: Inbound,
        read: Callable[[], Reading],
        then: Then | None,
        *,
        key_hash: str,
        source: str,
        content: bytes,
        trace_id: str,
    ) -> tuple[Outcome, Reading | None]:
        """Read and submit; again where the integration was changed in between."""
        for _ in range(TRIES):
            profile = self._known.get(key_hash) or await self._look_up(key_hash)
            refused = profile.refused(inbound.headers, content, inbound.received_at)
            reading, failure = (None, refused) if refused else attempted(read, source, profile.habits)
            delivery = Delivery(
                key_hash=key_hash,
                content=content,
                content_type=inbound.headers.get("content-type", "")[:200],
                source=source,
                reading=reading,
                failure=failure,
                trace_id=trace_id,
                context=context_of(inbound),
                as_of=profile.as_of,
                service=service_in(inbound),
                then=then,
            )
            begun = time.perf_counter()
            outcome = await self._intake.submit(delivery)
            telemetry.INGEST_COMMIT.observe(time.perf_counter() - begun)
            if not outcome.is_stale:
                return outcome, reading
            self._known.pop(key_hash, None)
        raise Unavailable("The integration is being changed. Send it again.", retry_after=5)


def hashed(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def service_in(inbound: Inbound) -> str:
    """The service that the address names: a slug or an id; "" for none."""
    return storable(inbound.query.get("service", ""))[:LONGEST_SERVICE].strip()


def attempted(
    read: Callable[[], Reading], source: str, habits: Habits
) -> tuple[Reading | None, OpenAlertError | None]:
    """What the message says by the integration's habits, or why it cannot be read."""
    try:
        with using(habits):
            return read(), None
    except OpenAlertError as error:
        return None, error
    except Exception as error:
        # A fault of ours must not cost the sender its alert: the body is kept, and 503 makes it come again.
        log.exception("source broke", source=source)
        return None, Unavailable(f"The message could not be read ({type(error).__name__}).", retry_after=30)


async def body_of(receive: Receive) -> bytes:
    """The whole body; its size and time are bounded by the middleware, which also refuses one that breaks off."""
    message = await receive()
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


def length_of(scope: Scope, most: int) -> int:
    """How long the body will be at most, by what the request says of it; `most` where it does not say.

    One that is compressed is counted as what text becomes.
    """
    said = header(scope, b"content-length")
    if said.isdigit():
        return min(int(said) * (UNPACKED if header(scope, b"content-encoding") else 1), most)
    return most if header(scope, b"transfer-encoding") else 0


async def swallow(receive: Receive) -> None:
    """Read the body and keep nothing of it: whoever is still sending does not hear an answer."""
    while (await receive()).get("more_body"):
        pass


def observe(delivery: Delivery, outcome: Outcome) -> None:
    """Count what became of a message."""
    source = delivery.reading.source if delivery.reading else delivery.source
    if outcome.is_stale:
        return
    if outcome.error is None:
        result = "accepted"
    elif isinstance(outcome.error, NotFound):
        result = "unknown_key"
    elif isinstance(outcome.error, Unauthenticated):
        result = "refused"
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
