"""Fire drills: planned for everybody in a team that wants them, sent when they disturb least, reminded of once.

What must happen is a row with a time. Writers take turns, so whoever finds a row due finds it as it is: a second
node, or the same one after a restart, sees that it was done.
"""

from openalert.domain.access import Actor
from openalert.domain.drill import (
    ENDS_AFTER,
    PUT_OFF,
    REMINDS_AFTER,
    Drill,
    DrillState,
    next_slot,
    next_way,
    working,
)
from openalert.domain.ids import new_id
from openalert.domain.instant import HOUR, Instant
from openalert.domain.notification import Notification, NotificationKind, NotificationPriority, give_up_at
from openalert.domain.notification_plan import Callee, Way, awake, zone_in
from openalert.storage import drills, notifications, recipients, teams
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.access import see_team
from openalert.usecases.test_pages import DRILL, PROVES, effects

BATCH = 200
CALM = 4 * HOUR
"""So long after a page whose incident is still open nobody is drilled."""
_ASKS = (DrillState.PLANNED, DrillState.SENT)
"""What sends something next."""


async def of_team(
    reader: Reader, actor: Actor, team_id: str, *, user_id: str | None = None, after: str = "", limit: int
) -> list[Drill]:
    """The drills of a team, planned and past, the newest first; for everybody who sees the team."""
    team = await see_team(reader, actor, team_id)
    return await drills.of_team(reader, team.id, user_id=user_id, after=after, limit=limit)


async def plan(tx: Transaction) -> int:
    """Plan the next drill of whoever has none ahead; how many."""
    found = await drills.waiting(tx, BATCH)
    for each in found:
        seed = f"{each.team_id}:{each.user_id}"
        period, at, end = next_slot(each.rhythm, zone_in(each.timezone), seed, tx.now, each.last_period)
        drill = Drill(
            id=new_id(tx.now),
            organization_id=each.organization_id,
            team_id=each.team_id,
            user_id=each.user_id,
            period=period,
            due_at=at,
            give_up_at=end,
            created_at=tx.now,
            updated_at=tx.now,
        )
        await drills.insert(tx, drill)
    return len(found)


async def step(tx: Transaction, drill_id: str) -> None:
    """What is due for this drill: it is sent, its person is reminded, or it is over."""
    drill = await drills.get(tx, drill_id)
    if drill is None or drill.due_at is None or drill.due_at > tx.now:
        return
    if drill.state in _ASKS:
        await _ask(tx, drill)
    else:
        _end(drill, DrillState.UNANSWERED)
    await drills.update(tx, drill)


async def _ask(tx: Transaction, drill: Drill) -> None:
    is_reminder = drill.state is DrillState.SENT
    left_out = DrillState.UNANSWERED if is_reminder else DrillState.SKIPPED
    callee = next(iter(await recipients.callees(tx, [drill.user_id])), None)
    why = await _why_never(tx, drill, callee)
    if callee is None or why:
        _end(drill, left_out, why)
        return
    if not is_reminder and tx.now >= drill.give_up_at:
        _end(drill, left_out, drill.reason or "its time was over before it could be sent")
        return
    why, until = await _why_later(tx, drill, callee)
    if not why:
        await _send(tx, drill, callee)
    elif until < drill.give_up_at:
        drill.due_at, drill.reason = until, why
    else:
        _end(drill, left_out, why)


def _end(drill: Drill, state: DrillState, reason: str = "") -> None:
    drill.state, drill.due_at, drill.reason = state, None, reason


async def _why_never(tx: Transaction, drill: Drill, callee: Callee | None) -> str:
    """Why nothing can be sent at all."""
    if callee is None or not callee.is_active:
        return "the person is deactivated"
    if await teams.member(tx, drill.team_id, drill.user_id) is None:
        return "the person is no longer in the team"
    return "" if callee.ways else "the person has no verified address"


async def _why_later(tx: Transaction, drill: Drill, callee: Callee) -> tuple[str, Instant]:
    """Why it should not come now, and when to look again."""
    zone = zone_in(callee.timezone)
    quiet_until = awake(callee, None, tx.now)
    if working(zone, tx.now) > tx.now:
        why, until = "outside of working hours", tx.now
    elif quiet_until > tx.now:
        why, until = "the person wanted quiet", quiet_until
    elif await drills.is_being_paged(tx, callee.user_id, tx.now - CALM):
        why, until = "the person was being paged", tx.now + PUT_OFF
    elif drill.state is DrillState.PLANNED and await drills.is_open(tx, callee.user_id):
        why, until = "another drill waited for its answer", tx.now + PUT_OFF
    else:
        return "", tx.now
    return why, working(zone, until)


async def _send(tx: Transaction, drill: Drill, callee: Callee) -> None:
    is_reminder = drill.state is DrillState.SENT
    same = next((way for way in callee.ways if way.id == drill.contact_method_id), None)
    way = same or next_way(callee.ways, await drills.by_way(tx, callee.user_id))
    await notifications.enqueue(tx, [await _message(tx, drill, way, is_reminder=is_reminder)])
    drill.contact_method_id, drill.channel, drill.reason = way.id, way.type, ""
    if is_reminder:
        drill.state, drill.reminded_at, drill.due_at = DrillState.REMINDED, tx.now, tx.now + ENDS_AFTER
    else:
        drill.state, drill.sent_at, drill.due_at = DrillState.SENT, tx.now, tx.now + REMINDS_AFTER


async def _message(tx: Transaction, drill: Drill, way: Way, *, is_reminder: bool) -> Notification:
    named = await recipients.names(tx, [drill.team_id])
    return Notification(
        id=new_id(tx.now),
        effect_key=effects(drill.id)[is_reminder],
        organization_id=drill.organization_id,
        team_id=None,
        incident_id=None,
        kind=NotificationKind.TEST,
        priority=NotificationPriority.LOW,
        user_id=drill.user_id,
        contact_method_id=way.id,
        channel=way.type,
        address=way.address,
        reason=f"The team {named[drill.team_id]} has fire drills.",
        content={PROVES: True, DRILL: drill.id, "reminder": is_reminder},
        due_at=tx.now,
        give_up_at=give_up_at(NotificationKind.TEST, tx.now),
        created_at=tx.now,
        updated_at=tx.now,
    )
