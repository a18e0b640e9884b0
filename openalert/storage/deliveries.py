"""SQL for sending: what is due, what waits too long, and whose next way is to begin."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from openalert.domain.bundling import MOST, Told, Topic
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.notification import Notification, NotificationKind, NotificationPriority, give_up_at
from openalert.storage.notifications import COLUMNS, ITS_TURN, PLACE
from openalert.storage.transaction import Reader, Transaction


async def waiting_channels(reader: Reader) -> list[str]:
    """The channels for which anything waits, found without looking at all that does."""
    rows = await reader.rows(
        "WITH RECURSIVE waiting (channel) AS (SELECT min(channel) FROM notifications WHERE due_at IS NOT NULL "
        "UNION ALL SELECT (SELECT min(n.channel) FROM notifications n WHERE n.due_at IS NOT NULL "
        "AND n.channel > waiting.channel) FROM waiting WHERE waiting.channel IS NOT NULL) "
        "SELECT channel FROM waiting WHERE channel IS NOT NULL"
    )
    return [row[0] for row in rows]


async def due(
    reader: Reader,
    now: Instant,
    room: Callable[[str, NotificationPriority], int],
    busy_places: Callable[[NotificationPriority], Sequence[str]] = lambda _: (),
) -> list[Notification]:
    """What is to be sent now: by priority, within one and a channel the longest waiting first.

    `room` says how many of a channel fit for a priority, counting those of higher priority; `busy_places` which places
    (`place` of a notification) take no more of it: what goes there is left out, lest it stand before others.
    """
    found: list[Notification] = []
    chosen: Counter[str] = Counter()
    channels = await waiting_channels(reader)
    for priority in NotificationPriority:
        for channel in channels:
            limit = room(channel, priority) - chosen[channel]
            if limit > 0:
                lane = await _lane(reader, now, channel, priority, limit, busy_places(priority))
                chosen[channel] += len(lane)
                found += lane
    return found


async def _lane(
    reader: Reader,
    now: Instant,
    channel: str,
    priority: NotificationPriority,
    limit: int,
    busy_places: Sequence[str],
) -> list[Notification]:
    return await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE channel = :channel AND priority = :priority "
        "AND due_at <= :now AND status IN ('pending', 'unknown') "
        f"AND NOT {reader.any_of(PLACE, 'busy_places')} AND {ITS_TURN} "
        "ORDER BY due_at LIMIT :limit",
        channel=channel,
        priority=int(priority),
        now=now,
        limit=limit,
        busy_places=list(busy_places),
    )


async def over(
    reader: Reader, now: Instant, channels: Sequence[str], places: Sequence[str]
) -> list[Notification]:
    """What waits for one of these channels or places although its time to be sent is over."""
    if not channels and not places:
        return []
    return await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE give_up_at <= :now AND due_at IS NOT NULL "
        f"AND status IN ('pending', 'unknown') AND ({reader.any_of('channel', 'channels')} "
        f"OR {reader.any_of(PLACE, 'places')}) ORDER BY give_up_at LIMIT 100",
        now=now,
        channels=list(channels),
        places=list(places),
    )


async def put_off(tx: Transaction, ids: Sequence[str], until: Instant) -> None:
    """Nobody sends these before then, nor what leaves together with one of them; it is no try."""
    await tx.execute(
        "UPDATE notifications SET due_at = :until, updated_at = :now "
        f"WHERE ({tx.any_of('id', 'ids')} OR due_at <= :now AND bundle_id IN "
        f"(SELECT n.bundle_id FROM notifications n WHERE {tx.any_of('n.id', 'ids')})) "
        "AND status IN ('pending', 'unknown') AND due_at < :until",
        ids=list(ids),
        until=until,
        now=tx.now,
    )


async def give_up(tx: Transaction, row: Notification) -> bool:
    """The end of one that was never sent again; what may have left already stays `unknown`."""
    won = await tx.changed(
        "UPDATE notifications SET due_at = NULL, updated_at = :now, failure_reason = :reason, "
        "status = CASE WHEN status = 'pending' THEN 'failed' ELSE status END "
        "WHERE id = :id AND status IN ('pending', 'unknown') AND due_at IS NOT NULL RETURNING id",
        id=row.id,
        reason=row.failure_reason,
        now=tx.now,
    )
    return bool(won)


_SAME_PERSON = (
    "n.incident_id = :incident_id AND n.episode = :episode AND n.cycle = :cycle AND n.level = :level "
    "AND n.user_id = :user_id AND n.kind = 'page' AND n.id <> :id"
)

_UNDERWAY = (
    "(n.status IN ('sent', 'delivered') OR n.status IN ('pending', 'sending', 'unknown') "
    "AND n.due_at IS NOT NULL AND n.give_up_at <= :begun AND n.give_up_at > :after)"
)
# What waited for the end of somebody's night is a step like any other once that is over.
_NOT_HELD = "(n.held_until IS NULL OR n.held_until <= :now)"


def _person_of(page: Notification) -> dict[str, Any]:
    return {
        name: getattr(page, name) for name in ("incident_id", "episode", "cycle", "level", "user_id", "id")
    }


async def late(reader: Reader, due_before: Instant) -> list[Notification]:
    """Pages in work that were first due, and given to another provider, before then, of people who have a step in the
    same level still before them, and whom nothing of that level has reached or has begun to reach since then.
    """
    return await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE due_at IS NOT NULL AND kind = 'page' "
        "AND user_id IS NOT NULL AND give_up_at <= :before AND status IN ('pending', 'sending', 'unknown') "
        "AND (sent_at IS NULL OR sent_at <= :sent_before) "
        "AND EXISTS (SELECT 1 FROM notifications n WHERE n.incident_id = notifications.incident_id "
        "AND n.episode = notifications.episode AND n.cycle = notifications.cycle "
        "AND n.level = notifications.level AND n.user_id = notifications.user_id AND n.kind = 'page' "
        f"AND n.status = 'pending' AND n.attempts = 0 AND n.due_at > :now AND {_NOT_HELD}) "
        "AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.incident_id = notifications.incident_id "
        "AND n.episode = notifications.episode AND n.cycle = notifications.cycle "
        "AND n.level = notifications.level AND n.user_id = notifications.user_id AND n.kind = 'page' "
        f"AND n.id <> notifications.id AND {_UNDERWAY}) ORDER BY give_up_at LIMIT 100",
        before=give_up_at(NotificationKind.PAGE, due_before),
        sent_before=due_before,
        after=give_up_at(NotificationKind.PAGE, due_before),
        begun=give_up_at(NotificationKind.PAGE, reader.now),
        now=reader.now,
    )


async def is_underway(reader: Reader, page: Notification, due_after: Instant | None) -> bool:
    """Whether another page of the same level has reached, or may yet reach, the same person by a way that has begun.

    `due_after`: only what was accepted, or became due after this, counts.
    """
    found = await reader.value(
        f"SELECT 1 FROM notifications n WHERE {_SAME_PERSON} AND {_UNDERWAY} LIMIT 1",
        **_person_of(page),
        begun=give_up_at(NotificationKind.PAGE, reader.now),
        after=0 if due_after is None else give_up_at(NotificationKind.PAGE, due_after),
    )
    return found is not None


async def hasten(tx: Transaction, page: Notification) -> list[Notification]:
    """The next pages of the same level to the same person are due now; which ones."""
    return await tx.all(
        Notification,
        "UPDATE notifications SET due_at = :now, give_up_at = :give_up_at, updated_at = :now "
        "WHERE id IN (SELECT n.id FROM notifications n "
        f"WHERE {_SAME_PERSON} AND n.status = 'pending' AND n.attempts = 0 AND {_NOT_HELD} AND n.due_at = ("
        f"SELECT min(n.due_at) FROM notifications n WHERE {_SAME_PERSON} AND n.status = 'pending' "
        f"AND n.attempts = 0 AND {_NOT_HELD} AND n.due_at > :now)) RETURNING {COLUMNS}",
        **_person_of(page),
        give_up_at=give_up_at(NotificationKind.PAGE, tx.now),
        now=tx.now,
    )


async def told_lately(reader: Reader, ways: Sequence[str], since: Instant) -> dict[str, Told]:
    """What pages were sent by each of these contact methods after that."""
    rows = await reader.rows(
        "SELECT contact_method_id, service_id, priority, COALESCE(bundle_id, id) FROM notifications "
        f"WHERE {reader.any_of('contact_method_id', 'ways')} AND claimed_at > :since AND kind = 'page'",
        ways=list(ways),
        since=since,
    )
    topics: dict[str, set[Topic]] = {}
    messages: dict[str, set[str]] = {}
    for way, service_id, priority, message in rows:
        topics.setdefault(way, set()).add((service_id, priority))
        messages.setdefault(way, set()).add(message)
    return {way: Told(len(messages[way]), frozenset(topics[way])) for way in messages}


class Bundle(msgspec.Struct, frozen=True):
    """Pages that wait to leave together."""

    bundle_id: str
    due_at: Instant
    pages: int = 0


async def open_bundle(reader: Reader, way: str, service_id: str | None) -> Bundle | None:
    """One that gathers pages about this service to this contact method at the moment, and has room."""
    return await reader.one(
        Bundle,
        "SELECT bundle_id, due_at, count(*) AS pages FROM notifications WHERE contact_method_id = :way "
        "AND kind = 'page' AND claimed_at IS NULL AND status = 'pending' AND bundle_id IS NOT NULL AND due_at > :now "
        "AND COALESCE(service_id, '') = :service_id GROUP BY bundle_id, due_at HAVING count(*) < :most LIMIT 1",
        most=MOST,
        way=way,
        service_id=service_id or "",
        now=reader.now,
    )


async def join(tx: Transaction, ids: Sequence[str], bundle: Bundle) -> None:
    """These wait and leave with the bundle; it is no try."""
    await tx.execute(
        "UPDATE notifications SET bundle_id = :bundle_id, due_at = :due_at, updated_at = :now "
        f"WHERE {tx.any_of('id', 'ids')} AND status = 'pending' AND claimed_at IS NULL",
        ids=list(ids),
        bundle_id=bundle.bundle_id,
        due_at=bundle.due_at,
        now=tx.now,
    )


async def leave_behind(tx: Transaction, bundle_ids: Sequence[str]) -> None:
    """What still waits when the rest of its bundle has left is a bundle of its own: what is reported of one message is
    not true of the other.
    """
    rows = await tx.rows(
        f"SELECT DISTINCT bundle_id FROM notifications WHERE {tx.any_of('bundle_id', 'bundles')} "
        "AND status IN ('pending', 'unknown') AND due_at IS NOT NULL",
        bundles=list(bundle_ids),
    )
    await tx.many(
        "UPDATE notifications SET bundle_id = :own WHERE bundle_id = :bundle_id "
        "AND status IN ('pending', 'unknown') AND due_at IS NOT NULL",
        [{"bundle_id": row[0], "own": new_id(tx.now)} for row in rows],
    )


async def together_with(reader: Reader, bundle_ids: Sequence[str]) -> dict[str, str]:
    """All that is due now with these bundles: the bundle of each, by id."""
    rows = await reader.rows(
        f"SELECT id, bundle_id FROM notifications WHERE {reader.any_of('bundle_id', 'bundles')} "
        "AND status IN ('pending', 'unknown') AND due_at <= :now",
        bundles=list(bundle_ids),
        now=reader.now,
    )
    return {row[0]: row[1] for row in rows}
