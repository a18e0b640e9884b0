"""SQL for what the server asks about its own work: what is late, and what reaches nobody."""

import msgspec

from openalert.domain.canary import HOME
from openalert.domain.ids import first_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.notification import NotificationKind, budget, give_up_at
from openalert.domain.self_watch import PAGE_AGE, Work
from openalert.storage.transaction import Reader

_TOLD = (
    "EXISTS (SELECT 1 FROM notifications t WHERE t.incident_id = n.incident_id AND t.episode = n.episode "
    "AND t.status IN ('sent', 'delivered') AND t.kind = 'page')"
)


async def work(reader: Reader) -> Work:
    """What waits, the canaries' own aside where pages are meant: they are judged by themselves."""
    due_at = await reader.value("SELECT min(due_at) FROM timers")
    failing = await reader.value("SELECT count(*) FROM timers WHERE failures > 2")
    late = await reader.rows(
        "SELECT n.channel, min(n.give_up_at) FROM notifications n WHERE n.due_at IS NOT NULL AND n.kind = 'page' "
        "AND n.status IN ('pending', 'sending', 'unknown') AND n.give_up_at < :late "
        f"AND n.organization_id <> :home AND NOT {_TOLD} GROUP BY n.channel ORDER BY n.channel",
        late=give_up_at(NotificationKind.PAGE, reader.now - PAGE_AGE),
        home=HOME,
    )
    undeliverable = await reader.value(
        "SELECT count(DISTINCT n.incident_id) FROM notifications n JOIN incidents i ON i.id = n.incident_id "
        "WHERE (n.status = 'failed' OR n.status = 'unknown' AND n.due_at IS NULL) AND n.kind = 'page' "
        "AND n.id >= :since AND n.organization_id <> :home "
        f"AND i.status = 'triggered' AND i.episode = n.episode AND i.escalation_state <> 'running' AND NOT {_TOLD}",
        since=first_id(reader.now - DAY),
        home=HOME,
    )
    oldest = min((row[1] for row in late), default=None)
    return Work(
        due_at=due_at,
        failing=failing or 0,
        waiting_since=None if oldest is None else oldest - budget(NotificationKind.PAGE),
        waiting_by=tuple(row[0] for row in late),
        undeliverable=undeliverable or 0,
    )


class Unsent(msgspec.Struct, frozen=True, kw_only=True):
    """Pages of a channel that are due, or on their way, and not accepted yet."""

    channel: str
    pages: int
    since: Instant
    """When the oldest was due."""


async def unsent(reader: Reader) -> list[Unsent]:
    """By channel, those that are due at this moment."""
    rows = await reader.rows(
        "SELECT channel, count(*), min(give_up_at) FROM notifications WHERE due_at IS NOT NULL AND kind = 'page' "
        "AND status IN ('pending', 'sending') AND give_up_at <= :due AND organization_id <> :home "
        "GROUP BY channel ORDER BY channel",
        due=give_up_at(NotificationKind.PAGE, reader.now),
        home=HOME,
    )
    return [
        Unsent(channel=row[0], pages=row[1], since=row[2] - budget(NotificationKind.PAGE)) for row in rows
    ]


async def dead_letters(reader: Reader, since_id: str) -> int:
    """Messages made since then that failed for good."""
    found: int | None = await reader.value(
        "SELECT count(*) FROM notifications WHERE status = 'failed' AND id >= :since AND organization_id <> :home",
        since=since_id,
        home=HOME,
    )
    return found or 0
