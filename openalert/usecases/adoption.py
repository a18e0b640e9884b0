"""Key adoption: an admin opens a window, strange keys gather with what came by them, and each is given a place or not.

Outside of a window nothing is kept and every unknown key is refused. Inside, whoever comes with one is told what a
known key is told, and nobody learns from it which keys are known.
"""

import base64
from collections.abc import Sequence

import msgspec

from openalert.domain import adoption as rules
from openalert.domain.access import Actor, Permission
from openalert.domain.adoption import AdoptionWindow, StrangeKey, StrangeMessage
from openalert.domain.alert import Alert
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound, OpenAlertError, Unavailable
from openalert.domain.ids import new_id
from openalert.domain.instant import HOUR, SECOND, Instant
from openalert.domain.opsgenie import IdentifierType
from openalert.domain.service import Integration
from openalert.sources import Inbound, Reading, body, read
from openalert.storage import adoption, routes
from openalert.storage import imported_keys as known_keys
from openalert.storage import integrations as stored
from openalert.storage.routes import Route
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, imported_keys, ingest, integrations, opsgenie, opsgenie_acts
from openalert.usecases.access import found, require
from openalert.usecases.inbound import Delivery
from openalert.usecases.keeping import as_text
from openalert.usecases.opsgenie_creation import understood

CREATE, MESSAGE, ACKNOWLEDGE, CLOSE, COUNTED = "create", "message", "acknowledge", "close", ""
"""What is asked for; what is only counted, such as a tag for an alert, makes no sense without its beginning."""
_REFUSALS = (Conflict, Forbidden, Invalid, NotFound)
SHOWN_TITLES = 4


class Stranger(msgspec.Struct, frozen=True, kw_only=True):
    """A request by a key that nobody knows."""

    key_hash: str
    key_hint: str
    dialect: str
    address: str
    act: str
    source: str = ""
    identifier: str = ""
    identifier_type: str = ""
    content_type: str = ""
    content: bytes = b""
    title: str = ""


class Shown(msgspec.Struct, frozen=True):
    """A strange key as people see it."""

    key: StrangeKey
    says: list[str]
    """What the first different ones of its messages say."""
    sources: list[str]
    """As what they were read."""


async def window(reader: Reader, actor: Actor) -> AdoptionWindow | None:
    """The open window of the actor's organization."""
    require(actor, Permission.CONFIGURE, None)
    now_open = await adoption.open_window(reader)
    is_ours = now_open is not None and now_open.organization_id == actor.organization_id
    return now_open if is_ours else None


async def strange_keys(reader: Reader, actor: Actor) -> list[Shown]:
    """Every key that waits for a decision, the first that came first."""
    require(actor, Permission.CONFIGURE, None)
    organization_id = actor.organization_id or ""
    said = await adoption.titles(reader, organization_id)
    return [
        Shown(
            key,
            [title for _, title in said.get(key.id, [])][:SHOWN_TITLES],
            sorted({source for source, _ in said.get(key.id, [])}),
        )
        for key in await adoption.of_organization(reader, organization_id)
    ]


async def open_window(tx: Transaction, length: Instant = rules.USUAL_LENGTH) -> AdoptionWindow:
    """Keep what comes by unknown keys for so long from now; one that is open is replaced. For organization admins.

    Conflict while another organization of this installation has one open: an unknown key says nothing of whose it is.
    """
    require(tx.actor, Permission.CONFIGURE, None)
    if not rules.SHORTEST_LENGTH <= length <= rules.LONGEST_LENGTH:
        raise Invalid("durationMinutes must be from 1 minute to 7 days.", field="durationMinutes")
    now_open = await adoption.open_window(tx)
    if now_open is not None and now_open.organization_id != tx.actor.organization_id:
        raise Conflict(
            "Somebody else on this server adopts keys at the moment. Try again later.", code="ADOPTION_TAKEN"
        )
    if now_open is None:
        await adoption.forget_dismissed(tx, tx.actor.organization_id or "")
    else:
        await adoption.close_window(tx, now_open.id, tx.now)
    made = AdoptionWindow(
        id=new_id(tx.now),
        organization_id=tx.actor.organization_id or "",
        opened_at=tx.now,
        closes_at=tx.now + length,
    )
    await adoption.insert_window(tx, made)
    _record(tx, "opened", made.id, "Adoption of keys", after={"hours": round(length / HOUR, 2)})
    return made


async def close_window(tx: Transaction) -> None:
    """Refuse unknown keys again from now on; what is kept stays until it is decided about."""
    now_open = await window(tx, tx.actor)
    if now_open is not None:
        await adoption.close_window(tx, now_open.id, tx.now)
        _record(tx, "closed", now_open.id, "Adoption of keys")


async def is_welcome(reader: Reader, key_hash: str) -> bool:
    """Whether a window is open in which this unknown key may be kept; a hint that saves a turn at the writer."""
    if await adoption.open_window(reader) is None:
        return False
    known = await adoption.by_hash(reader, key_hash)
    return known is None or known.dismissed_at is None


async def is_only_counted(reader: Reader, stranger: Stranger) -> bool:
    """Whether nothing more of this key is kept, and it was counted within this second: then no write is needed."""
    known = await adoption.by_hash(reader, stranger.key_hash)
    return (
        known is not None
        and known.dismissed_at is None
        and not known.has_room(len(stranger.content))
        and reader.now - known.last_at < SECOND
    )


async def keep(tx: Transaction, stranger: Stranger) -> bool:
    """Keep or count a request by an unknown key; False where it has to be refused.

    Unavailable when the key was given a place in this moment: come again, and go there.
    """
    now_open = await adoption.open_window(tx)
    if now_open is None:
        return False
    if await known_keys.is_taken(tx, stranger.key_hash):
        raise Unavailable("This key is known by now. Send it again.", retry_after=1)
    known = await adoption.by_hash(tx, stranger.key_hash)
    if known is None:
        known = await _first(tx, now_open.organization_id, stranger)
    if known is None or known.dismissed_at is not None:
        return False
    known.message_count += 1
    known.last_at = tx.now
    size = len(stranger.content)
    if stranger.act != COUNTED and known.has_room(size):
        known.kept_count += 1
        known.kept_bytes += size
        await adoption.insert_message(tx, _message(stranger, known.id, tx.now))
    await adoption.note_key(tx, known)
    return True


async def _first(tx: Transaction, organization_id: str, stranger: Stranger) -> StrangeKey | None:
    """A key that comes for the first time; None when as many are kept as there may be."""
    place = rules.place_of(stranger.address)
    many, from_there = await adoption.crowd(tx, organization_id, place)
    if many >= rules.MOST_KEYS or from_there >= rules.MOST_KEYS_OF_A_PLACE:
        return None
    made = StrangeKey(
        id=new_id(tx.now),
        organization_id=organization_id,
        key_hash=stranger.key_hash,
        key_hint=stranger.key_hint,
        dialect=stranger.dialect,
        address=place,
        first_at=tx.now,
        last_at=tx.now,
    )
    await adoption.insert_key(tx, made)
    return made


def _message(stranger: Stranger, key_id: str, now: Instant) -> StrangeMessage:
    text, encoding = as_text(stranger.content)
    return StrangeMessage(
        id=new_id(now),
        key_id=key_id,
        received_at=now,
        act=stranger.act,
        source=stranger.source,
        identifier=stranger.identifier[:512],
        identifier_type=stranger.identifier_type,
        content_type=stranger.content_type,
        body=text,
        body_encoding=encoding,
        title=stranger.title,
    )


async def adopt(
    tx: Transaction, key_id: str, *, integration_id: str = "", service_id: str = "", name: str = ""
) -> tuple[Integration, int]:
    """Let the key lead to an integration, or to a new one of a service; what came by it is taken in, in order.

    All of it in this transaction, so that every message is taken in exactly once; how many there were.
    """
    key = found(await adoption.get(tx, tx.actor.organization_id or "", key_id), "strange key")
    require(tx.actor, Permission.CONFIGURE, None)
    if service_id and not integration_id:
        kind = "opsgenie_api" if key.dialect == "opsgenie" else "v1"
        called = name.strip() or f"{_PAGERS[key.dialect]} …{key.key_hint}"
        made, _ = await integrations.create(tx, service_id=service_id, name=called, kind=kind)
        integration_id = made.id
    if not integration_id:
        raise Invalid("Choose where it belongs: integrationId or serviceId.", field="integrationId")
    integration = found(await stored.get(tx, tx.actor, integration_id), "integration")
    kept = await adoption.messages(tx, key.id)
    await adoption.delete_key(tx, key.id)
    await imported_keys.add_hash(tx, integration.id, key.key_hash, key.key_hint)
    await _replay(tx, key, kept)
    _record(
        tx,
        "adopted",
        key.id,
        f"…{key.key_hint}",
        after={"integration_id": integration.id, "messages": len(kept)},
    )
    return integration, len(kept)


_PAGERS = {"opsgenie": "Opsgenie", "oncall": "OnCall"}


async def _replay(tx: Transaction, key: StrangeKey, kept: Sequence[StrangeMessage]) -> None:
    """Take messages in as if they came now, in the order in which they came."""
    for message in kept:
        route = (await routes.by_key_hash(tx, [key.key_hash])).get(key.key_hash)
        if route is None:
            return
        if message.act in (CREATE, MESSAGE):
            await ingest.take_in(tx, [_delivery(key, message, tx.now)])
        else:
            await _act(tx, route, message)


def _delivery(key: StrangeKey, message: StrangeMessage, now: Instant) -> Delivery:
    content = base64.b64decode(message.body) if message.body_encoding == "base64" else message.body.encode()
    inbound = Inbound(headers={"content-type": message.content_type}, received_at=now)
    reading: Reading | None = None
    failure: OpenAlertError | None = None
    then = None
    try:
        if message.act == CREATE:
            creation = understood(content, inbound, body.LIMIT, message.id)
            reading, then = creation.reading, creation.then
        else:
            reading = read(message.source, content, inbound)
    except OpenAlertError as error:
        failure = error
    return Delivery(
        key_hash=key.key_hash,
        content=content,
        content_type=message.content_type,
        source=message.source,
        reading=reading,
        failure=failure,
        trace_id=message.id,
        replay_of=message.id,
        then=then,
    )


async def _act(tx: Transaction, route: Route, message: StrangeMessage) -> None:
    """Acknowledge or close what an earlier message began; what cannot be done is left."""
    alert = await opsgenie.find(
        tx, route, message.identifier, IdentifierType(message.identifier_type or "id")
    )
    if alert is None:
        return
    perform = opsgenie_acts.close if message.act == CLOSE else opsgenie_acts.acknowledge
    try:
        await _as_integration(tx, route, alert, perform)
    except _REFUSALS:
        return


async def _as_integration(tx: Transaction, route: Route, alert: Alert, perform: opsgenie.Act) -> None:
    admin, tx.actor = tx.actor, opsgenie.actor_of(route, alert)
    try:
        await perform(tx, alert)
    finally:
        tx.actor = admin


async def dismiss(tx: Transaction, key_id: str) -> None:
    """Nobody wants the key: what came by it is forgotten, and it is refused for the rest of the window."""
    key = found(await adoption.get(tx, tx.actor.organization_id or "", key_id), "strange key")
    require(tx.actor, Permission.CONFIGURE, None)
    await adoption.delete_messages(tx, key.id)
    key.dismissed_at = tx.now
    await adoption.note_key(tx, key)
    _record(tx, "dismissed", key.id, f"…{key.key_hint}", after={"messages": key.message_count})


def _record(tx: Transaction, act: str, id: str, name: str, after: dict[str, object] | None = None) -> None:  # noqa: A002 - as audit.record
    audit.record(tx, f"adoption.{act}", kind="adoption", id=id, name=name, after=after)
