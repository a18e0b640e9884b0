"""SQL for many subscribers of a status page at once: lists that are searched, lists that come in, how sending went."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.status_page import PublicStatus
from openalert.domain.status_subscriber import (
    GIVE_UP_AFTER,
    LAST,
    DeliveryState,
    Mailing,
    MailingKind,
    Subscriber,
    SubscriberKind,
    SubscriberState,
)
from openalert.storage.rows import columns_of
from openalert.storage.transaction import Reader, Transaction

_COLUMNS = ", ".join(columns_of(Subscriber))


class Narrowed(msgspec.Struct, frozen=True, kw_only=True):
    """Which subscribers of a page a list shows."""

    state: SubscriberState | None = None
    kind: SubscriberKind | None = None
    component_id: str | None = None
    """Those that chose this component."""
    words: str = ""
    """Part of the address, or of the contact of a webhook."""


class Sending(msgspec.Struct, kw_only=True):
    """A mailing to all whom it concerns, and what it tells of."""

    id: str
    kind: MailingKind
    incident_id: str | None
    title: str | None
    status: PublicStatus | None
    created_at: Instant
    spread_at: Instant | None
    states: dict[DeliveryState, int] = {}
    reasons: dict[str, int] = {}
    """Why deliveries failed, the most frequent first."""


class Received(msgspec.Struct, kw_only=True):
    """What one subscriber was sent, or is to be."""

    kind: MailingKind
    title: str | None
    update_status: PublicStatus | None
    status: DeliveryState
    attempts: int
    created_at: Instant
    sent_at: Instant | None
    failure_reason: str | None


async def page(
    reader: Reader, page_id: str, narrowed: Narrowed, *, before: str, limit: int
) -> list[Subscriber]:
    """Those of a page that the list shows, the newest first."""
    conditions = ["page_id = :page_id", "id < :before"]
    parameters: dict[str, Any] = {"page_id": page_id, "before": before or "~", "limit": limit}
    if narrowed.state is not None:
        conditions.append("state = :state")
        parameters["state"] = narrowed.state.value
    if narrowed.kind is not None:
        conditions.append("kind = :kind")
        parameters["kind"] = narrowed.kind.value
    if narrowed.component_id is not None:
        conditions.append(
            "id IN (SELECT subscriber_id FROM status_subscriber_components WHERE component_id = :component_id)"
        )
        parameters["component_id"] = narrowed.component_id
    if narrowed.words:
        conditions.append("(lower(address) LIKE :words ESCAPE '!' OR lower(contact) LIKE :words ESCAPE '!')")
        parameters["words"] = f"%{_escaped(narrowed.words.lower())}%"
    return await reader.all(
        Subscriber,
        f"SELECT {_COLUMNS} FROM status_subscribers WHERE {' AND '.join(conditions)} "
        "ORDER BY id DESC LIMIT :limit",
        **parameters,
    )


def _escaped(words: str) -> str:
    return words.replace("!", "!!").replace("%", "!%").replace("_", "!_")


async def by_keys(reader: Reader, page_id: str, keys: Collection[str]) -> dict[str, Subscriber]:
    """Those of a page with these addresses, by the key of the address."""
    found = await reader.all(
        Subscriber,
        f"SELECT {_COLUMNS} FROM status_subscribers "
        f"WHERE page_id = :page_id AND {reader.any_of('address_key', 'keys')}",
        page_id=page_id,
        keys=sorted(set(keys)),
    )
    return {each.address_key: each for each in found}


async def insert(tx: Transaction, some: Sequence[Subscriber], chosen: Mapping[str, Collection[str]]) -> None:
    """New ones with the components that they chose, by their ids."""
    await tx.insert("status_subscribers", *some)
    await tx.many(
        "INSERT INTO status_subscriber_components (subscriber_id, component_id) VALUES (:id, :component_id)",
        [
            {"id": subscriber_id, "component_id": each}
            for subscriber_id, component_ids in chosen.items()
            for each in component_ids
        ],
    )


async def worked(tx: Transaction, subscriber_id: str) -> None:
    """It took something: what failed before does not count any more."""
    await tx.execute(
        "UPDATE status_subscribers SET failures = 0 WHERE id = :id AND failures > 0", id=subscriber_id
    )


async def kinds_off(reader: Reader, page_id: str) -> set[SubscriberKind]:
    """The ways that the page does not offer."""
    rows = await reader.rows(
        "SELECT kind FROM status_subscriber_kinds_off WHERE page_id = :page_id", page_id=page_id
    )
    return {SubscriberKind(row[0]) for row in rows}


async def switch(tx: Transaction, page_id: str, off: Collection[SubscriberKind]) -> None:
    """From now on the page does not offer these ways, and all others."""
    await tx.execute("DELETE FROM status_subscriber_kinds_off WHERE page_id = :page_id", page_id=page_id)
    await tx.many(
        "INSERT INTO status_subscriber_kinds_off (page_id, kind) VALUES (:page_id, :kind)",
        [{"page_id": page_id, "kind": kind.value} for kind in sorted(set(off))],
    )


async def sendings(reader: Reader, page_id: str, limit: int) -> list[Sending]:
    """The newest mailings to many of a page, with what became of them."""
    found = await reader.all(
        Sending,
        "SELECT m.id, m.kind, m.incident_id, i.title, u.status, m.created_at, m.spread_at "
        "FROM status_mailings m LEFT JOIN status_incidents i ON i.id = m.incident_id "
        "LEFT JOIN status_updates u ON u.id = m.update_id "
        "WHERE m.page_id = :page_id AND m.kind IN ('update', 'moved') ORDER BY m.id DESC LIMIT :limit",
        page_id=page_id,
        limit=limit,
    )
    by_id = {each.id: each for each in found}
    rows = await reader.rows(
        "SELECT mailing_id, status, failure_reason, count(*) FROM status_deliveries "
        f"WHERE {reader.any_of('mailing_id', 'ids')} GROUP BY mailing_id, status, failure_reason "
        "ORDER BY 4 DESC",
        ids=sorted(by_id),
    )
    for mailing_id, status, reason, count in rows:
        sending, state = by_id[mailing_id], DeliveryState(status)
        sending.states[state] = sending.states.get(state, 0) + int(count)
        if state is DeliveryState.FAILED and reason:
            sending.reasons[reason] = sending.reasons.get(reason, 0) + int(count)
    return found


async def received(reader: Reader, subscriber_id: str, limit: int) -> list[Received]:
    """The newest deliveries of one of them."""
    return await reader.all(
        Received,
        "SELECT m.kind, i.title, u.status AS update_status, d.status, d.attempts, m.created_at, d.sent_at, "
        "d.failure_reason FROM status_deliveries d JOIN status_mailings m ON m.id = d.mailing_id "
        "LEFT JOIN status_incidents i ON i.id = m.incident_id LEFT JOIN status_updates u ON u.id = m.update_id "
        "WHERE d.subscriber_id = :subscriber_id ORDER BY d.mailing_id DESC LIMIT :limit",
        subscriber_id=subscriber_id,
        limit=limit,
    )


async def untold_of_move(reader: Reader, page_id: str) -> int:
    """How many were imported and not told yet that their news comes from here."""
    count: int = await reader.value(
        "SELECT count(*) FROM status_subscribers s WHERE page_id = :page_id AND state = 'active' "
        "AND kind = 'email' AND origin = 'import'",
        page_id=page_id,
    )
    return count


async def tell_of_move(tx: Transaction, mailing: Mailing) -> int:
    """Make the deliveries of a mailing that tells whoever was imported, each once and never again; how many."""
    await tx.insert("status_mailings", mailing)
    await tx.execute(
        """
        INSERT INTO status_deliveries (mailing_id, subscriber_id, channel, place, status, attempts, due_at,
            give_up_at, is_repeat, updated_at)
        SELECT CAST(:id AS TEXT), s.id, s.kind, CAST(:place AS BIGINT), 'pending', 0, CAST(:now AS BIGINT),
            CAST(:give_up_at AS BIGINT), FALSE, CAST(:now AS BIGINT)
        FROM status_subscribers s
        WHERE s.page_id = :page_id AND s.state = 'active' AND s.kind = 'email' AND s.origin = 'import'
        """,
        id=mailing.id,
        page_id=mailing.page_id,
        place=LAST,
        now=tx.now,
        give_up_at=tx.now + GIVE_UP_AFTER,
    )
    told = await tx.changed(
        "UPDATE status_subscribers SET origin = 'moved' "
        "WHERE page_id = :page_id AND state = 'active' AND kind = 'email' AND origin = 'import' RETURNING id",
        page_id=mailing.page_id,
    )
    return len(told)
