"""What those concerned by a swap are told, as they want to hear of handoffs; whoever acts is not told of it."""

from collections.abc import Collection

from openalert.domain.ids import new_id
from openalert.domain.instant import Instant, to_datetime
from openalert.domain.notification import Notification, NotificationKind, give_up_at, priority_of
from openalert.domain.notification_plan import Callee, plan
from openalert.domain.schedule import Schedule
from openalert.domain.swap import Swap
from openalert.domain.walltime import zone_named
from openalert.storage import notifications, recipients
from openalert.storage.transaction import Transaction


async def offered(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """The person asked hears of it, or everybody in the team."""
    team = {} if swap.to_user_id else await recipients.members(tx, [schedule.team_id])
    asked = [swap.to_user_id] if swap.to_user_id else team.get(schedule.team_id, [])
    wanted = "asks you to swap a shift" if swap.in_return else "offers a shift"
    await _tell(tx, schedule, swap, "offered", asked, swap.user_id, wanted)


async def taken(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """Whose shift it was hears who has it; who was made to take it too."""
    concerned = [swap.user_id, swap.taken_by_id or ""]
    done = "swapped shifts with" if swap.in_return else "takes a shift of"
    await _tell(tx, schedule, swap, "taken", concerned, swap.taken_by_id, done, swap.user_id)


async def declined(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """Whose shift it is hears that it stays theirs."""
    await _tell(
        tx,
        schedule,
        swap,
        "declined",
        [swap.user_id],
        swap.to_user_id,
        "did not take a shift of",
        swap.user_id,
    )


async def withdrawn(tx: Transaction, schedule: Schedule, before: Swap) -> None:
    """Whoever was asked or had taken it, and whose shift it is, hear that it is undone."""
    concerned = [before.user_id, before.taken_by_id or before.to_user_id or ""]
    undone = "has a shift back" if before.taken_by_id else "offers a shift no more"
    await _tell(tx, schedule, before, "withdrawn", concerned, before.user_id, undone)


async def expired(tx: Transaction, schedule: Schedule, swap: Swap) -> None:
    """Whose shift it is hears that nobody took it."""
    await _tell(tx, schedule, swap, "expired", [swap.user_id], swap.user_id, "keeps a shift that nobody took")


async def _tell(
    tx: Transaction,
    schedule: Schedule,
    swap: Swap,
    event: str,
    to: Collection[str],
    who: str | None,
    does: str,
    whose: str | None = None,
) -> None:
    """`who` `does` something, in words; `whose` follows them."""
    told = set(to) - {"", tx.actor.user_id or ""} - ({swap.user_id} if event == "offered" else set())
    people = {
        callee.user_id: callee for callee in await recipients.callees(tx, told | {who or "", whose or ""})
    }
    named = {user_id: callee.name for user_id, callee in people.items()}
    rows: list[Notification] = []
    for user_id in sorted(told & set(people)):
        callee = people[user_id]
        if not callee.is_active or not callee.preferences.handoffs:
            continue
        subject, verb = named.get(who or "", "Somebody"), does
        yours = " yours" if does.endswith(" of") else " you"
        mine = yours if whose == user_id else f" {named.get(whose, 'somebody')}" if whose else ""
        headline = f"{subject} {verb}{mine} in {schedule.name}"
        rows += _messages(tx, schedule, swap, event, callee, headline)
    await notifications.enqueue(tx, rows)


def _messages(
    tx: Transaction, schedule: Schedule, swap: Swap, event: str, callee: Callee, headline: str
) -> list[Notification]:
    planned = plan(callee, None, tx.now, kind=NotificationKind.HANDOFF)
    return [
        Notification(
            id=new_id(tx.now),
            effect_key=f"swap:{swap.id}:{event}:{callee.user_id}:{step.number}",
            organization_id=schedule.organization_id,
            team_id=None,
            incident_id=None,
            kind=NotificationKind.HANDOFF,
            priority=priority_of(NotificationKind.HANDOFF),
            step=step.number,
            user_id=callee.user_id,
            contact_method_id=step.way.id,
            channel=step.way.type,
            address=step.way.address,
            reason="You want to hear when your turn begins and ends.",
            content={"headline": headline, "body": _body(swap, callee)},
            due_at=step.due_at,
            held_until=step.held_until,
            give_up_at=give_up_at(NotificationKind.HANDOFF, step.due_at),
            created_at=tx.now,
            updated_at=tx.now,
        )
        for step in planned.steps
    ]


def _body(swap: Swap, callee: Callee) -> str:
    lines = [f"{_span(swap.start_at, swap.end_at, callee)}."]
    if swap.in_return is not None:
        lines.append(f"In return: {_span(*swap.in_return, callee)}.")
    if swap.note:
        lines.append(swap.note)
    return "\n".join(lines)


def _span(start: Instant, end: Instant, callee: Callee) -> str:
    zone = zone_named(callee.timezone)
    first, last = (to_datetime(each).astimezone(zone) for each in (start, end))
    return f"{first:%a %d %b, %H:%M} to {last:%a %d %b, %H:%M}"
