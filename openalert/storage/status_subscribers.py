"""SQL for subscribers of status pages; the URLs of those that have one stand sealed in a column of its own."""

from collections.abc import Collection, Sequence
from typing import Any

from openalert.domain.instant import Instant
from openalert.domain.status_subscriber import Subscriber, SubscriberKind, SubscriberState
from openalert.storage.rows import columns_of, to_parameters
from openalert.storage.sealed import SUBSCRIBER_URLS
from openalert.storage.transaction import Reader, Transaction

COLUMNS = ", ".join(columns_of(Subscriber))
MOST_AT_ONCE = 2_000
"""Rows that one transaction changes: a long one would keep others from writing, pages among them."""


async def insert(tx: Transaction, subscriber: Subscriber) -> None:
    """A new one, without a URL."""
    await tx.insert("status_subscribers", subscriber)


async def update(tx: Transaction, subscriber: Subscriber) -> None:
    """Write everything about the subscriber that may change."""
    await tx.execute(
        """
        UPDATE status_subscribers SET address = :address, contact = :contact, state = :state,
            is_selective = :is_selective, incident_id = :incident_id, language = :language, origin = :origin,
            asks = :asks, asked_at = :asked_at, confirm_until = :confirm_until, confirmed_at = :confirmed_at,
            quarantined_at = :quarantined_at, quarantine_reason = :quarantine_reason,
            unsubscribed_at = :unsubscribed_at, failures = :failures, forget_at = :forget_at,
            updated_at = :updated_at
        WHERE id = :id
        """,
        **to_parameters(subscriber),
    )


async def put_url(tx: Transaction, subscriber_id: str, url: str | None) -> None:
    """Seal the URL to which it is told; None: forget it."""
    place = SUBSCRIBER_URLS.place(subscriber_id)
    await tx.execute(
        "UPDATE status_subscribers SET sealed = :sealed WHERE id = :id",
        sealed=tx.database.vault.seal(url.encode(), place) if url is not None else None,
        id=subscriber_id,
    )


async def url(reader: Reader, subscriber_id: str) -> str | None:
    """The URL to which it is told, if it has one; `Unreadable` when the key is lost."""
    sealed = await reader.value("SELECT sealed FROM status_subscribers WHERE id = :id", id=subscriber_id)
    if not sealed:
        return None
    return reader.database.vault.open(sealed, SUBSCRIBER_URLS.place(subscriber_id)).decode()


async def delete(tx: Transaction, subscriber_id: str) -> None:
    """Forget everything about one; what waits for them finds nobody."""
    await tx.execute("DELETE FROM status_subscribers WHERE id = :id", id=subscriber_id)


async def get(reader: Reader, subscriber_id: str) -> Subscriber | None:
    """One of them; whether the actor may see it is for its page to say."""
    return await reader.one(
        Subscriber, f"SELECT {COLUMNS} FROM status_subscribers WHERE id = :id", id=subscriber_id
    )


async def some(reader: Reader, ids: Collection[str]) -> dict[str, Subscriber]:
    """These of them, by id; those that are gone are left out."""
    found = await reader.all(
        Subscriber,
        f"SELECT {COLUMNS} FROM status_subscribers WHERE {reader.any_of('id', 'ids')}",
        ids=sorted(set(ids)),
    )
    return {each.id: each for each in found}


async def by_address(reader: Reader, page_id: str, address_key: str) -> Subscriber | None:
    """The one of the page with this address, whatever its state."""
    return await reader.one(
        Subscriber,
        f"SELECT {COLUMNS} FROM status_subscribers WHERE page_id = :page_id AND address_key = :key",
        page_id=page_id,
        key=address_key,
    )


async def of_page(
    reader: Reader,
    page_id: str,
    *,
    states: Sequence[SubscriberState] | None = None,
    kinds: Sequence[SubscriberKind] | None = None,
    before: str = "~",
    limit: int,
) -> list[Subscriber]:
    """Those of a page, the newest first."""
    conditions = ["page_id = :page_id", "id < :before"]
    parameters = dict[str, Any](page_id=page_id, before=before, limit=limit)
    if states is not None:
        conditions.append(reader.any_of("state", "states"))
        parameters["states"] = [state.value for state in states]
    if kinds is not None:
        conditions.append(reader.any_of("kind", "kinds"))
        parameters["kinds"] = [kind.value for kind in kinds]
    return await reader.all(
        Subscriber,
        f"SELECT {COLUMNS} FROM status_subscribers WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit",
        **parameters,
    )


async def counts(reader: Reader, page_id: str) -> dict[tuple[SubscriberKind, SubscriberState], int]:
    """How many there are of each kind in each state."""
    found = await reader.rows(
        "SELECT kind, state, count(*) FROM status_subscribers WHERE page_id = :page_id GROUP BY kind, state",
        page_id=page_id,
    )
    return {(SubscriberKind(kind), SubscriberState(state)): int(count) for kind, state, count in found}


async def count(reader: Reader, page_id: str) -> int:
    """How many rows of a page there are, whatever their state."""
    found: int = await reader.value(
        "SELECT count(*) FROM status_subscribers WHERE page_id = :page_id", page_id=page_id
    )
    return found


async def choices(reader: Reader, subscriber_ids: Collection[str]) -> dict[str, list[str]]:
    """The components that each of these chose and that are still on the page."""
    found: dict[str, list[str]] = {}
    for subscriber_id, component_id in await reader.rows(
        "SELECT s.subscriber_id, s.component_id FROM status_subscriber_components s "
        "JOIN status_components c ON c.id = s.component_id "
        f"WHERE {reader.any_of('s.subscriber_id', 'ids')} AND c.deleted_at IS NULL "
        "ORDER BY c.position, c.id",
        ids=sorted(set(subscriber_ids)),
    ):
        found.setdefault(subscriber_id, []).append(component_id)
    return found


async def choose(tx: Transaction, subscriber_id: str, component_ids: Collection[str]) -> None:
    """They chose these components, and no others."""
    await tx.execute("DELETE FROM status_subscriber_components WHERE subscriber_id = :id", id=subscriber_id)
    await tx.many(
        "INSERT INTO status_subscriber_components (subscriber_id, component_id) VALUES (:id, :component_id)",
        [{"id": subscriber_id, "component_id": each} for each in sorted(set(component_ids))],
    )


async def forget(tx: Transaction, now: Instant) -> bool:
    """Drop what nobody confirmed in time, and all of pages that are gone; whether there may be more.

    Of those who had left before somebody typed their address again it is still known that they left.
    """
    await tx.execute(
        "UPDATE status_subscribers SET state = 'unsubscribed', address = '', contact = '', sealed = NULL, "
        "asks = 0, asked_at = NULL, forget_at = NULL, updated_at = :now "
        "WHERE forget_at <= :now AND unsubscribed_at IS NOT NULL",
        now=now,
    )
    gone = await tx.changed(
        "DELETE FROM status_subscribers WHERE id IN (SELECT id FROM status_subscribers "
        "WHERE forget_at <= :now AND unsubscribed_at IS NULL LIMIT :most) RETURNING id",
        now=now,
        most=MOST_AT_ONCE,
    )
    orphans = await tx.changed(
        "DELETE FROM status_subscribers WHERE id IN (SELECT s.id FROM status_pages p "
        "JOIN status_subscribers s ON s.page_id = p.id WHERE p.deleted_at IS NOT NULL LIMIT :most) RETURNING id",
        most=MOST_AT_ONCE,
    )
    return max(len(gone), len(orphans)) == MOST_AT_ONCE
