"""One message that came in: as it arrived, while it is worked through, what became of it, and what is kept of it."""

from collections.abc import Awaitable, Callable

import msgspec

from openalert.domain import hops
from openalert.domain.access import Actor
from openalert.domain.errors import OpenAlertError, Unauthenticated
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.service import Payload, PayloadContext, ReadAs
from openalert.sources import Reading
from openalert.storage.routes import AsOf, Route
from openalert.storage.transaction import Transaction
from openalert.usecases import keeping
from openalert.usecases.opening import Concerned

REASONS_KEPT = 20


class Delivery(msgspec.Struct, kw_only=True):
    """One message as it arrived, read as far as it could be."""

    key_hash: str
    content: bytes
    content_type: str
    source: str
    """The source that the path named."""
    reading: Reading | None
    failure: OpenAlertError | None = None
    """Why it could not be read; it goes to quarantine."""
    trace_id: str
    replay_of: str | None = None
    """The payload that an operator sends through again."""
    then: "Then | None" = None
    """What else becomes true with it, once it is taken in."""
    is_own: bool = False
    """Whether we found it out ourselves, so that there is no message to keep."""
    context: PayloadContext = PayloadContext()
    as_of: AsOf | None = None
    """What it was read and checked by; None: by what this very transaction knows."""
    service: str = ""
    """The service that its address names instead of the integration's: a slug or an id of the same team."""
    outcome: str | None = None
    """What its payload is kept as, where that is not told by its reading."""


class Outcome(msgspec.Struct, kw_only=True):
    """What became of one message."""

    error: OpenAlertError | None = None
    processed: int = 0
    deduplicated: int = 0
    incidents: list[tuple[str, int]] = []
    """Id and number of those it concerned, first those to which it did something."""
    payload_id: str | None = None
    """The message as it is kept; None when it is not."""
    is_stale: bool = False
    """It was read by what the integration was before; nothing was done, it is to be read again."""


Then = Callable[[Transaction, Route, Outcome], Awaitable[None]]
"""Writes in the transaction of a delivery what goes with it in its dialect."""


class Message(Concerned):
    """One delivery while it is worked through: what it did to which incident."""

    def __init__(self, delivery: Delivery, route: Route, now: Instant) -> None:
        super().__init__(
            Actor(
                kind="integration",
                id=route.integration_id,
                name=route.integration_name,
                organization_id=route.organization_id,
            )
        )
        self.delivery = delivery
        self.route = route
        self.payload_id = "" if delivery.is_own else new_id(now)
        self.outcome = Outcome()
        self.going_on: dict[str, int] = {}
        """Incidents, with their numbers, of which it repeats alerts and does no more."""
        self.read_as: list[ReadAs] = []
        self.note = ""
        """What people should know of it, beyond what its reading says."""
        self.keep = False
        """Whether the message changed anything, so that its body is kept."""
        self.hops = hops.passed(delivery.context.headers)
        self.dropped: list[str] = []
        """Of each alert of it that a rule dropped: why."""

    def is_news(self, now: Instant) -> bool:
        """Whether to note that the sender was heard: at most once a second, and never for what we say in its place
        or for somebody who did not prove to be the sender.
        """
        is_from_sender = self.delivery.outcome is None and not isinstance(
            self.delivery.failure, Unauthenticated
        )
        return is_from_sender and self.route.heard_before(now)


def payload(message: Message, reading: Reading, now: Instant) -> Payload:
    """The row that keeps a message which was read, and what became of it."""
    delivery = message.delivery
    body, encoding = keeping.as_text(delivery.content)
    reasons = [f"item {skipped.index}: {skipped.reason}" for skipped in reading.skipped[:REASONS_KEPT]]
    reasons += list(dict.fromkeys(message.dropped))[:REASONS_KEPT]
    return Payload(
        id=message.payload_id,
        integration_id=message.route.integration_id,
        received_at=now,
        source=reading.source,
        content_type=delivery.content_type,
        body=body,
        body_encoding=encoding,
        body_size=len(delivery.content),
        outcome=_became(message, reading),
        reason="; ".join(filter(None, (*reasons, "" if reasons else reading.note, message.note))),
        alert_count=len(reading.signals),
        trace_id=delivery.trace_id,
        context=delivery.context,
        read_as=message.read_as,
    )


def _became(message: Message, reading: Reading) -> str:
    if message.delivery.outcome:
        return message.delivery.outcome
    if message.delivery.replay_of:
        return "replayed"
    if reading.skipped:
        return "partial"
    return "accepted" if len(reading.signals) > len(message.dropped) else "ignored"


async def quarantine(tx: Transaction, message: Message) -> None:
    """Keep what could not be read, or whose sender did not prove itself."""
    delivery, failure = message.delivery, message.delivery.failure
    message.outcome.error = failure
    await keeping.unread(
        tx,
        delivery.content,
        Payload(
            id=message.payload_id,
            integration_id=message.route.integration_id,
            received_at=tx.now,
            source=delivery.source,
            content_type=delivery.content_type,
            body="",
            body_encoding="",
            body_size=len(delivery.content),
            outcome="refused" if isinstance(failure, Unauthenticated) else "quarantined",
            reason=failure.message if failure else "It could not be read.",
            trace_id=delivery.trace_id,
            context=delivery.context,
        ),
    )
