"""SQL for notifications: made, cancelled while they wait, looked up and counted; sending them is `deliveries`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from openalert.domain.access import Actor
from openalert.domain.ids import first_id
from openalert.domain.instant import Instant
from openalert.domain.notification import Attempt, Notification, NotificationKind, give_up_at
from openalert.domain.severity import Severity
from openalert.storage.rows import columns_of
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible

COLUMNS = ", ".join(columns_of(Notification))


async def enqueue(tx: Transaction, notifications: Sequence[Notification]) -> None:
    """New rows; one whose effect is there already is left out."""
    await tx.insert_with("notifications", notifications, {}, " ON CONFLICT (effect_key) DO NOTHING")


async def cancel_pages_of(tx: Transaction, incident_id: str, user_id: str, reason: str) -> int:
    """Pages of the incident to this person that nobody has claimed will not be sent; how many there were."""
    cancelled = await tx.changed(
        "UPDATE notifications SET due_at = NULL, updated_at = :now, "
        "status = CASE WHEN status = 'pending' THEN 'cancelled' ELSE status END, "
        "failure_reason = CASE WHEN status = 'pending' THEN CAST(:reason AS TEXT) ELSE failure_reason END "
        "WHERE incident_id = :incident_id AND user_id = :user_id AND kind = 'page' "
        "AND status IN ('pending', 'unknown') AND due_at IS NOT NULL RETURNING id",
        incident_id=incident_id,
        user_id=user_id,
        reason=reason,
        now=tx.now,
    )
    return len(cancelled)


async def cancel_pages(
    tx: Transaction, incident_ids: Sequence[str], reason: str, *, asked_too: bool = False
) -> dict[str, int]:
    """Pages of these incidents that nobody has claimed will not be sent; how many of each incident.

    Those that ask somebody for help stay, unless they are meant too: who acknowledges may still need others.
    """
    cancelled = await tx.changed(
        "UPDATE notifications SET due_at = NULL, updated_at = :now, "
        "status = CASE WHEN status = 'pending' THEN 'cancelled' ELSE status END, "
        "failure_reason = CASE WHEN status = 'pending' THEN CAST(:reason AS TEXT) ELSE failure_reason END "
        f"WHERE {tx.any_of('incident_id', 'ids')} AND kind = 'page' AND status IN ('pending', 'unknown') "
        "AND due_at IS NOT NULL AND (ask_id IS NULL OR CAST(:asked_too AS BIGINT) = 1) RETURNING incident_id",
        asked_too=int(asked_too),
        ids=list(incident_ids),
        reason=reason,
        now=tx.now,
    )
    return {incident_id: cancelled.count(incident_id) for incident_id in dict.fromkeys(cancelled)}


async def cancel_ask(tx: Transaction, ask_id: str, reason: str) -> None:
    """What is left of the pages by which somebody was asked for help will not be sent."""
    await tx.execute(
        "UPDATE notifications SET due_at = NULL, updated_at = :now, "
        "failure_reason = CASE WHEN status = 'pending' THEN CAST(:reason AS TEXT) ELSE failure_reason END, "
        "status = CASE WHEN status = 'pending' THEN 'cancelled' ELSE status END "
        "WHERE ask_id = :ask_id AND status IN ('pending', 'unknown') AND due_at IS NOT NULL",
        ask_id=ask_id,
        reason=reason,
        now=tx.now,
    )


async def move_held(tx: Transaction, user_id: str, severity: Severity, until: Instant) -> int:
    """Pages about incidents this severe that are held for the person are held until then instead; how many.

    Those that are over meanwhile count too, as they are still to be listed.
    """
    moved = await tx.changed(
        "UPDATE notifications SET due_at = due_at - held_until + CAST(:until AS BIGINT), "
        "give_up_at = give_up_at - held_until + CAST(:until AS BIGINT), held_until = :until, updated_at = :now "
        "WHERE user_id = :user_id AND kind = 'page' AND held_until > :now "
        "AND incident_id IN (SELECT id FROM incidents WHERE severity = :severity) RETURNING id",
        user_id=user_id,
        severity=severity,
        until=until,
        now=tx.now,
    )
    return len(moved)


async def cancel_tests(tx: Transaction, user_id: str, made_at: Instant, reason: str) -> None:
    """What is left of a test page that was made for the person then is not wanted any more."""
    await tx.execute(
        "UPDATE notifications SET due_at = NULL, status = 'cancelled', failure_reason = CAST(:reason AS TEXT), "
        "updated_at = :now WHERE user_id = :user_id AND kind = 'test' AND created_at = :made_at "
        "AND status = 'pending'",
        user_id=user_id,
        made_at=made_at,
        reason=reason,
        now=tx.now,
    )


async def tested_since(reader: Reader, user_ids: Collection[str], since: Instant) -> dict[str, int]:
    """How many test pages were made since then for each of these people; whoever got none is left out."""
    rows = await reader.rows(
        "SELECT user_id, count(DISTINCT created_at) FROM notifications "
        f"WHERE {reader.any_of('user_id', 'ids')} AND kind = 'test' AND created_at > :since GROUP BY user_id",
        ids=sorted(user_ids),
        since=since,
    )
    return {row[0]: row[1] for row in rows}


async def cancel_held_digests(tx: Transaction, user_id: str, reason: str) -> None:
    """The lists of what was held that the person is still to get are not wanted any more."""
    await tx.execute(
        "UPDATE notifications SET due_at = NULL, status = 'cancelled', failure_reason = CAST(:reason AS TEXT), "
        "updated_at = :now WHERE user_id = :user_id AND kind = 'digest' AND held_until > :now "
        "AND status = 'pending'",
        user_id=user_id,
        reason=reason,
        now=tx.now,
    )


async def cancel_effect(tx: Transaction, effect_key: str, reason: str) -> None:
    """The message with this effect is not wanted any more; what has left, has left."""
    await tx.execute(
        "UPDATE notifications SET due_at = NULL, updated_at = :now, "
        "failure_reason = CASE WHEN status = 'pending' THEN CAST(:reason AS TEXT) ELSE failure_reason END, "
        "status = CASE WHEN status = 'pending' THEN 'cancelled' ELSE status END "
        "WHERE effect_key = :effect_key AND status IN ('pending', 'unknown')",
        effect_key=effect_key,
        reason=reason,
        now=tx.now,
    )


async def by_effect(reader: Reader, effect_keys: Sequence[str]) -> dict[str, Notification]:
    """The messages with these effects, by effect."""
    found = await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE {reader.any_of('effect_key', 'effects')}",
        effects=list(effect_keys),
    )
    return {each.effect_key: each for each in found}


async def codes_since(reader: Reader, user_id: str, since: Instant) -> int:
    """How many codes were written to addresses of this person since then."""
    count = await reader.value(
        "SELECT count(*) FROM notifications WHERE user_id = :user AND kind = 'code' AND created_at > :since",
        user=user_id,
        since=since,
    )
    return int(count or 0)


async def costly_codes(
    reader: Reader, organization_id: str, channels: Sequence[str], since: Instant
) -> list[tuple[str, str]]:
    """To whom and to which address codes went by these channels since then: the person's id and the address."""
    rows = await reader.rows(
        "SELECT user_id, address FROM notifications WHERE id > :first AND kind = 'code' "
        f"AND organization_id = :organization_id AND {reader.any_of('channel', 'channels')}",
        first=first_id(since),
        organization_id=organization_id,
        channels=list(channels),
    )
    return [(row[0], row[1]) for row in rows]


async def in_flight(reader: Reader, incident_id: str) -> list[Notification]:
    """Pages that are with a provider at this moment."""
    return await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE incident_id = :incident_id AND kind = 'page' "
        "AND status = 'sending'",
        incident_id=incident_id,
    )


async def paged(reader: Reader, incident_ids: Sequence[str]) -> list[Notification]:
    """Pages that left, or may have left: whoever got one hears how it ends."""
    return await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE {reader.any_of('incident_id', 'ids')} AND kind = 'page' "
        "AND status IN ('sending', 'sent', 'delivered', 'unknown') ORDER BY id",
        ids=list(incident_ids),
    )


async def last_page(reader: Reader, incident_id: str, episode: int) -> Instant | None:
    """When the last page of this episode was planned; None: none was."""
    at: Instant | None = await reader.value(
        "SELECT max(created_at) FROM notifications WHERE incident_id = :incident_id AND episode = :episode "
        "AND kind = 'page'",
        incident_id=incident_id,
        episode=episode,
    )
    return at


async def first_taken(reader: Reader, row: Notification) -> str:
    """What the provider called the first message about the same incident at the same address; empty: there is none."""
    found = await reader.value(
        "SELECT provider_id FROM notifications WHERE incident_id = :incident_id AND channel = :channel "
        "AND address = :address AND id <> :id AND provider_id IS NOT NULL AND status IN ('sent', 'delivered') "
        "ORDER BY id LIMIT 1",
        incident_id=row.incident_id,
        channel=row.channel,
        address=row.address,
        id=row.id,
    )
    return str(found or "")


async def is_page_in_doubt(reader: Reader, row: Notification) -> bool:
    """Whether a page of the same incident to the same person, or to the same address, was left without an answer, and
    nothing else about it was surely taken there, whatever the same news do that leave by other ways at this moment.
    """
    most = await reader.value(
        "SELECT max(CASE WHEN status IN ('sent', 'delivered') THEN 2 WHEN kind = 'page' AND status = 'unknown' THEN 1 "
        "ELSE 0 END) FROM notifications WHERE incident_id = :incident_id AND id <> :id "
        "AND (kind = 'page' OR created_at < :created_at) "
        "AND (user_id = :user_id OR channel = :channel AND address = :address)",
        incident_id=row.incident_id,
        id=row.id,
        created_at=row.created_at,
        user_id=row.user_id,
        channel=row.channel,
        address=row.address,
    )
    return bool(most == 1)


async def last_paged(reader: Reader, incident_id: str, user_id: str) -> Instant | None:
    """When the newest page of the incident to this person was planned that left, or may have left."""
    at: Instant | None = await reader.value(
        "SELECT max(created_at) FROM notifications WHERE incident_id = :incident_id AND user_id = :user_id "
        "AND kind = 'page' AND status IN ('sending', 'sent', 'delivered', 'unknown')",
        incident_id=incident_id,
        user_id=user_id,
    )
    return at


async def was_paged(reader: Reader, incident_id: str, episode: int, user_id: str) -> bool:
    """Whether a page of this run of the escalation has left, or may have, to this person, or they are a responder."""
    found = await reader.value(
        "SELECT 1 FROM notifications WHERE incident_id = :incident_id AND episode = :episode AND kind = 'page' "
        "AND user_id = :user_id AND ask_id IS NULL "
        "AND status IN ('sending', 'sent', 'delivered', 'failed', 'unknown') "
        "UNION ALL SELECT 1 FROM incident_responders WHERE incident_id = :incident_id AND user_id = :user_id "
        "LIMIT 1",
        incident_id=incident_id,
        episode=episode,
        user_id=user_id,
    )
    return found is not None


async def still_hopeful(reader: Reader, page: Notification) -> bool:
    """Whether another page of the same level may still reach, or has reached, somebody; not what is held for later."""
    found = await reader.value(
        "SELECT 1 FROM notifications WHERE incident_id = :incident_id AND kind = 'page' AND episode = :episode "
        "AND cycle = :cycle AND level = :level AND id <> :id AND status NOT IN ('failed', 'cancelled') "
        "AND (held_until IS NULL OR held_until <= :now) LIMIT 1",
        incident_id=page.incident_id,
        episode=page.episode,
        cycle=page.cycle,
        level=page.level,
        id=page.id,
        now=reader.now,
    )
    return found is not None


async def of_incident(reader: Reader, incident_id: str, *, limit: int = 200) -> list[Notification]:
    """Every message of an incident, newest first."""
    return await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE incident_id = :incident_id ORDER BY id DESC LIMIT :limit",
        incident_id=incident_id,
        limit=limit,
    )


async def attempts_of(reader: Reader, ids: Sequence[str]) -> list[Attempt]:
    """The tries of these messages, in order."""
    if not ids:
        return []
    return await reader.all(
        Attempt,
        f"SELECT * FROM notification_attempts WHERE {reader.any_of('notification_id', 'ids')} "
        "ORDER BY notification_id, attempt",
        ids=list(ids),
    )


async def get(reader: Reader, notification_id: str) -> Notification | None:
    """One by its id."""
    return await reader.one(
        Notification, f"SELECT {COLUMNS} FROM notifications WHERE id = :id", id=notification_id
    )


async def by_provider_id(reader: Reader, channel: str, provider_id: str) -> Notification | None:
    """The newest message of this channel that the provider calls so."""
    return await reader.one(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE provider_id = :provider_id AND channel = :channel "
        "ORDER BY id DESC LIMIT 1",
        provider_id=provider_id,
        channel=channel,
    )


async def search(
    reader: Reader, actor: Actor, wanted: Mapping[str, str], *, limit: int, before: str | None = None
) -> list[Notification]:
    """Newest first; `wanted` narrows by `incident_id`, `user_id`, `status`, `channel`, `kind`, `since` (instant)."""
    condition, parameters = visible(reader, actor)
    conditions: list[str] = [condition]
    values: dict[str, Any] = parameters
    for name in ("incident_id", "user_id", "status", "channel", "kind"):
        if name in wanted:
            conditions.append(f"{name} = :{name}")
            values[name] = wanted[name]
    if "since" in wanted:
        conditions.append("created_at >= :since")
        values["since"] = int(wanted["since"])
    if before is not None:
        conditions.append("id < :before")
        values["before"] = before
    return await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit",
        **values,
        limit=limit,
    )


async def shift(tx: Transaction, by: int) -> None:
    """The wall clock was stepped by `by` milliseconds: waits are elapsed time, see `timers.shift`."""
    await tx.execute(
        "UPDATE notifications SET due_at = due_at + :by, give_up_at = give_up_at + :by, "
        "claimed_at = claimed_at + :by WHERE due_at IS NOT NULL "
        # What waits for the end of somebody's night waits by the clock on their wall (promise ES-5).
        "AND (held_until IS NULL OR attempts > 0)",
        by=by,
    )


async def page_is_due(reader: Reader) -> bool:
    """Whether a page waits that could leave now."""
    return (
        await reader.value(
            "SELECT 1 FROM notifications WHERE due_at <= :now AND kind = 'page' "
            "AND status IN ('pending', 'unknown') LIMIT 1",
            now=reader.now,
        )
        is not None
    )


async def oldest_unsent_page(reader: Reader) -> Instant | None:
    """Since when the page waits that has waited longest; a later step waits only once it is due."""
    oldest: Instant | None = await reader.value(
        "SELECT min(give_up_at) FROM notifications WHERE due_at IS NOT NULL AND kind = 'page' "
        "AND status IN ('pending', 'sending', 'unknown')"
    )
    return None if oldest is None else oldest - give_up_at(NotificationKind.PAGE, 0)
