"""The weekly report to owners: what to mend before it keeps a page from arriving; nothing when nothing is wrong.

When the next one is due stands in a row. That instant moves in the transaction that queues the mail, so a server that
dies neither loses nor doubles one, and one that was off for a month sends one.
"""

from collections.abc import Sequence

import msgspec

from openalert.domain.access import Actor, Role
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.notification import Notification, NotificationKind, give_up_at, priority_of
from openalert.domain.notification_plan import Callee, plan, zone_in
from openalert.domain.warning import LEAST_TOLD, Finding, when
from openalert.domain.weekly_report import due_at, is_another_month, next_monday
from openalert.notifiers.notifier import OPEN, Action, Message, Point
from openalert.storage import notification_rules, notifications, recipients, weekly_reports
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.weekly_reports import Owned, WeeklyReport
from openalert.usecases.warnings import Outlook

BATCH = 200
MOST_TOLD = 20
"""So many warnings stand in a mail; further ones are counted."""
MOST_IN_SHORT = 5
"""The same where a message is a few lines."""
WEEKLY = "weekly"
"""The member of the content that makes a message a weekly report."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a report says; kept with its message, as it was when it was written."""

    at: Instant
    findings: tuple[Finding, ...]
    """Empty: everything is in order."""
    more: int = 0
    """How many further warnings there are."""
    hints: int = 0
    """How many things are worth a look and keep nothing from arriving."""
    people: int = 0


async def plan_next(tx: Transaction) -> int:
    """Plan the next report of owners who have none ahead, and anew for those who live by other clocks now."""
    found = await weekly_reports.waiting(tx, BATCH)
    for each in found:
        zone = zone_in(each.timezone)
        period = each.period or next_monday(zone, tx.now)
        row = WeeklyReport(
            user_id=each.user_id, period=period, timezone=each.timezone, due_at=due_at(zone, period)
        )
        await weekly_reports.put(tx, row)
    return len(found)


async def reader_of(reader: Reader, due: WeeklyReport) -> Actor | None:
    """Whose eyes the report is written for: an owner's, and where they own teams alone, of these. None: nobody's."""
    owned = await weekly_reports.owned(reader, due.user_id)
    if not _owns(owned) or not (await notification_rules.preferences(reader, due.user_id)).weekly_report:
        return None
    first = owned[0]
    is_owner = first.role is Role.OWNER
    return Actor(
        kind="user",
        id=first.user_id,
        name=first.name,
        organization_id=first.organization_id,
        role=Role.OWNER if is_owner else Role.MEMBER,
        teams={each.team_id: Role.OWNER for each in owned if each.team_id is not None},
    )


def _owns(owned: Sequence[Owned]) -> bool:
    return any(each.role is Role.OWNER or each.team_id is not None for each in owned)


async def send(tx: Transaction, due: WeeklyReport, outlook: Outlook | None) -> int:
    """Queue the report that is due, if there is anything to say, and plan the next one; how many messages.

    `outlook` None: the person wants none.
    """
    owned = await weekly_reports.owned(tx, due.user_id)
    if not _owns(owned):
        await weekly_reports.drop(tx, due.user_id)
        return 0
    zone = zone_in(owned[0].timezone)
    period = next_monday(zone, tx.now, due.period)
    report = _report(outlook, is_another_month(zone, due.sent_at, tx.now)) if outlook is not None else None
    rows = await _messages(tx, due, owned[0], report) if report is not None else []
    following = WeeklyReport(
        user_id=due.user_id,
        period=period,
        timezone=owned[0].timezone,
        due_at=due_at(zone, period),
        sent_at=tx.now if rows else due.sent_at,
    )
    if not await weekly_reports.move(tx, due, following):
        return 0
    await weekly_reports.cancel_waiting(tx, due.user_id)
    await notifications.enqueue(tx, rows)
    return len(rows)


def _report(outlook: Outlook, is_new_month: bool) -> Report | None:
    """What there is to say: what is wrong, or once a month that nothing is."""
    wrong = [each for each in outlook.findings if each.severity.rank >= LEAST_TOLD.rank]
    if not wrong and not is_new_month:
        return None
    return Report(
        at=outlook.at,
        findings=tuple(wrong[:MOST_TOLD]),
        more=max(len(wrong) - MOST_TOLD, 0),
        hints=len(outlook.findings) - len(wrong),
        people=outlook.people,
    )


async def _messages(tx: Transaction, due: WeeklyReport, owner: Owned, report: Report) -> list[Notification]:
    callees = await recipients.callees(tx, [owner.user_id])
    return [row for callee in callees for row in _to(tx, due, owner, callee, report)]


def _to(
    tx: Transaction, due: WeeklyReport, owner: Owned, callee: Callee, report: Report
) -> list[Notification]:
    planned = plan(callee, None, tx.now, kind=NotificationKind.DIGEST)
    whose = "the organization" if owner.role is Role.OWNER else "a team"
    return [
        Notification(
            id=new_id(tx.now),
            effect_key=f"digest:weekly:{owner.user_id}:{due.period}:{step.number}:{step.way.id}",
            organization_id=owner.organization_id,
            team_id=None,
            incident_id=None,
            kind=NotificationKind.DIGEST,
            priority=priority_of(NotificationKind.DIGEST),
            step=step.number,
            user_id=owner.user_id,
            contact_method_id=step.way.id,
            channel=step.way.type,
            address=step.way.address,
            reason=f"You own {whose}.",
            content={WEEKLY: msgspec.to_builtins(report)},
            due_at=step.due_at,
            give_up_at=give_up_at(NotificationKind.DIGEST, step.due_at),
            created_at=tx.now,
            updated_at=tx.now,
        )
        for step in planned.steps
    ]


def is_weekly(row: Notification) -> bool:
    """Whether this message is a weekly report."""
    return WEEKLY in row.content


def write(row: Notification, message: Message, base_url: str) -> None:
    """Put the words into the message: all of them into a mail, the worst few where a message is a few lines."""
    report = msgspec.convert(row.content[WEEKLY], Report)
    message.reason = f"{row.reason} This report is switched off at {base_url}/me/rules."
    if not report.findings:
        message.headline = f"Everything is in order: {_people(report.people)}"
        message.body = (
            "Nothing was found that would keep a page from arriving in the coming 30 days."
            f"{_hints(report)}\n\nYou hear this once a month; when something is wrong, every Monday."
        )
        return
    count = len(report.findings) + report.more
    what = "1 thing" if count == 1 else f"{count} things"
    zone = zone_in(message.timezone)
    points = [
        Point(
            tone=each.severity.value,
            words=each.words,
            when=when(each, zone, report.at),
            detail=each.detail,
            url=f"{base_url}{each.link}",
        )
        for each in report.findings
    ]
    message.actions = [Action(verb=OPEN, label="See all warnings", url=f"{base_url}/warnings")]
    if row.channel == "email":
        message.points = points
        them = "it keeps" if count == 1 else "they keep"
        message.headline = f"{what} to mend before {them} a page from arriving"
        message.body = f"The coming 30 days, as far as they can be known; the worst first.{_more(report)}"
    else:
        # A locked telephone shows the first line and perhaps no more.
        message.headline = f"{what} to mend{', first' if count > 1 else ''}: {_in_short(points[0])}"
        message.body = _others_in_short(points[1:], count - 1)


def _people(number: int) -> str:
    if number == 0:
        return "nobody is to be paged yet"
    return "1 person, reachable" if number == 1 else f"{number} people, all reachable"


def _hints(report: Report) -> str:
    if not report.hints:
        return ""
    return f" {'1 hint is' if report.hints == 1 else f'{report.hints} hints are'} on the page of warnings."


def _more(report: Report) -> str:
    more = (
        f" {report.more} more {'is' if report.more == 1 else 'are'} not listed here." if report.more else ""
    )
    return more + _hints(report)


def _in_short(point: Point) -> str:
    return f"{point.words}{f', {point.when}' if point.when else ''}"


def _others_in_short(points: Sequence[Point], count: int) -> str:
    """Those after the first, which the headline tells."""
    lines = [f"{_in_short(each)}." for each in points[: MOST_IN_SHORT - 1]]
    if count > len(lines):
        lines.append(f"And {count - len(lines)} more.")
    return "\n".join(lines)
