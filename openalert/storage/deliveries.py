"""SQL for sending: what is due, claimed before it leaves and settled after, and whose next way is to begin."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from openalert.domain.instant import Instant
from openalert.domain.notification import (
    Attempt,
    Notification,
    NotificationKind,
    NotificationPriority,
    give_up_at,
)
from openalert.storage.notifications import COLUMNS
from openalert.storage.runs import GONE, MAY_CLAIM
from openalert.storage.transaction import Reader, Transaction

MOST_LOST_CLAIMS = 5
"""So many attempts may end with the process that made them."""

# A page may still be claimed while its incident is triggered, in the same episode, and not snoozed; one that asks
# somebody for help while they have not answered and the incident is not over, whoever else works on it. News is for
# those whom a page reached, or may have reached: whether one on its way did is known only after the news was planned.
_WANTED = (
    "(CASE WHEN kind = 'update' AND effect_key LIKE 'update:%' THEN EXISTS (SELECT 1 FROM notifications p "
    "WHERE p.incident_id = notifications.incident_id AND p.kind = 'page' AND p.channel = notifications.channel "
    "AND p.address = notifications.address AND p.status IN ('sending', 'sent', 'delivered', 'unknown')) "
    "WHEN kind <> 'page' THEN TRUE WHEN ask_id IS NOT NULL THEN EXISTS (SELECT 1 FROM incident_responders r "
    "JOIN incidents i ON i.id = r.incident_id WHERE r.ask_id = notifications.ask_id "
    "AND r.state = 'pending' AND i.status <> 'resolved') "
    "ELSE EXISTS (SELECT 1 FROM incidents i WHERE i.id = notifications.incident_id "
    "AND i.status = 'triggered' AND i.episode = notifications.episode "
    "AND (i.snoozed_until IS NULL OR i.snoozed_until <= :now)) END)"
)
# News of an incident waits while the same address is being paged for it, and for older news (promise NO-7).
_ITS_TURN = (
    "(kind NOT IN ('update', 'follow') OR NOT EXISTS (SELECT 1 FROM notifications e "
    "WHERE e.incident_id = notifications.incident_id AND e.id < notifications.id AND e.due_at IS NOT NULL "
    "AND (e.kind IN ('update', 'follow') OR e.kind = 'page' AND e.status = 'sending') "
    "AND e.channel = notifications.channel AND e.address = notifications.address))"
)
_PLACE = "channel || ' ' || address"


def place(notification: Notification) -> str:
    """Where it goes: one address of one channel."""
    return f"{notification.channel} {notification.address}"


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
        f"AND NOT {reader.any_of(_PLACE, 'busy_places')} AND {_ITS_TURN} "
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
        f"OR {reader.any_of(_PLACE, 'places')}) ORDER BY give_up_at LIMIT 100",
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


async def claim(
    tx: Transaction, ids: Sequence[str], run_id: str, provider: int | None = None
) -> list[Notification]:
    """Take these for sending, as far as they are still wanted: in one order with every acknowledgement.

    `provider` is the one that is to try them; None: the one that they have.
    """
    claimed = await tx.all(
        Notification,
        "UPDATE notifications SET possible_repeat = (status = 'unknown' OR possible_repeat), status = 'sending', "
        "attempts = attempts + 1, run_id = :run_id, claimed_at = :now, updated_at = :now, "
        "provider = COALESCE(CAST(:provider AS BIGINT), provider) "
        f"WHERE {tx.any_of('id', 'ids')} AND status IN ('pending', 'unknown') AND due_at <= :now AND {_WANTED} "
        f"AND {_ITS_TURN} AND {MAY_CLAIM} "
        f"RETURNING {COLUMNS}",
        ids=list(ids),
        run_id=run_id,
        provider=provider,
        now=tx.now,
    )
    await tx.insert(
        "notification_attempts",
        *(
            Attempt(
                notification_id=each.id,
                attempt=each.attempts,
                started_at=tx.now,
                ended_at=None,
                outcome="sending",
                detail="",
                provider=each.provider,
            )
            for each in claimed
        ),
    )
    return claimed


async def cancel_unwanted(tx: Transaction, ids: Sequence[str]) -> None:
    """Those that nobody wants any more: never to be claimed. What may have left stays `unknown`."""
    await tx.execute(
        "UPDATE notifications SET due_at = NULL, updated_at = :now, "
        "failure_reason = CASE WHEN status <> 'pending' THEN failure_reason "
        "WHEN kind = 'update' THEN 'No page reached this address.' "
        "ELSE 'The incident no longer needed it.' END, "
        "status = CASE WHEN status = 'pending' THEN 'cancelled' ELSE status END "
        f"WHERE {tx.any_of('id', 'ids')} AND status IN ('pending', 'unknown') AND NOT {_WANTED}",
        ids=list(ids),
        now=tx.now,
    )


async def settle(tx: Transaction, settled: Notification, outcome: str, detail: str) -> bool:
    """Write what became of one that this run claimed; False if it was taken from it meanwhile.

    That a provider has it still counts where it was taken back as `unknown` and nobody has sent it again.
    """
    won = await tx.changed(
        "UPDATE notifications SET status = :status, due_at = :due_at, sent_at = :sent_at, "
        "failure_reason = :failure_reason, provider_id = :provider_id, provider = :provider, updated_at = :now "
        "WHERE id = :id AND (status = 'sending' OR status = 'unknown' AND CAST(:status AS TEXT) = 'sent') "
        "AND run_id = :run_id AND attempts = :attempts RETURNING id",
        id=settled.id,
        status=settled.status,
        due_at=settled.due_at,
        sent_at=settled.sent_at,
        failure_reason=settled.failure_reason,
        provider_id=settled.provider_id,
        provider=settled.provider,
        run_id=settled.run_id,
        attempts=settled.attempts,
        now=tx.now,
    )
    await tx.execute(
        "UPDATE notification_attempts SET ended_at = :now, outcome = :outcome, detail = :detail "
        "WHERE notification_id = :id AND attempt = :attempt",
        id=settled.id,
        attempt=settled.attempts,
        outcome=outcome,
        detail=detail[:1000],
        now=tx.now,
    )
    return bool(won)


async def abandoned(reader: Reader, run_id: str, claimed_before: Instant) -> list[Notification]:
    """Claimed by a run that is no node any more, or by this one so long ago that its sender cannot be at work."""
    return await reader.all(
        Notification,
        f"SELECT {COLUMNS} FROM notifications WHERE status = 'sending' AND due_at IS NOT NULL "
        f"AND ({GONE} OR run_id = :run_id AND claimed_at < :claimed_before)",
        run_id=run_id,
        claimed_before=claimed_before,
    )


async def give_back(tx: Transaction, claimed: Notification) -> None:
    """It did not leave, for certain: as if it had not been claimed. Nothing happens if it was taken meanwhile."""
    back = await tx.changed(
        "UPDATE notifications SET status = CASE WHEN possible_repeat THEN 'unknown' ELSE 'pending' END, "
        "attempts = attempts - 1, due_at = :now, updated_at = :now "
        "WHERE id = :id AND status = 'sending' AND run_id = :run_id AND attempts = :attempts RETURNING id",
        id=claimed.id,
        run_id=claimed.run_id,
        attempts=claimed.attempts,
        now=tx.now,
    )
    if back:
        await tx.execute(
            "DELETE FROM notification_attempts WHERE notification_id = :id AND attempt = :attempt",
            id=claimed.id,
            attempt=claimed.attempts,
        )


def is_last_claim(lost: Notification, now: Instant) -> bool:
    """Whether a claim whose sender is gone was the last one, see `give_up_claim`."""
    return lost.possible_repeat and (lost.attempts >= MOST_LOST_CLAIMS or lost.give_up_at <= now)


async def give_up_claim(tx: Transaction, lost: Notification) -> bool:
    """A sender is gone: nobody knows whether the message left. It is sent again, marked.

    Also when that was a repeat already, since a process that dies twice may have sent nothing at all; but then only
    until it would be given up anyway, and a few times, lest it be the message that kills.
    """
    won = await tx.changed(
        "UPDATE notifications SET status = 'unknown', updated_at = :now, "
        "due_at = CAST(:due_at AS BIGINT) "
        "WHERE id = :id AND status = 'sending' AND attempts = :attempts RETURNING id",
        id=lost.id,
        due_at=None if is_last_claim(lost, tx.now) else tx.now,
        attempts=lost.attempts,
        now=tx.now,
    )
    await tx.execute(
        "UPDATE notification_attempts SET ended_at = :now, outcome = 'unknown', detail = :detail "
        "WHERE notification_id = :id AND attempt = :attempt",
        id=lost.id,
        attempt=lost.attempts,
        detail="The server stopped before the answer was recorded.",
        now=tx.now,
    )
    return bool(won)


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
