"""What the metrics show of the database: what is late, what was in time, who could be paged, who is on call."""

from openalert import telemetry
from openalert.domain.instant import SECOND
from openalert.domain.slo import Objective
from openalert.domain.slo import line as slo_line
from openalert.domain.warning import WarningKind
from openalert.storage import duties, incidents, notifications, slo, timers
from openalert.storage.database import Database
from openalert.usecases import reachability
from openalert.usecases.warnings import Outlook

MOST_MEASURED = 1_000
"""People, and schedules, that have a metric of their own: more would make the metrics unreadable."""


async def work(database: Database) -> None:
    """How many incidents are open, how late what is due is, and what share of it was in time lately."""
    async with database.read() as reader:
        due = await timers.next_due(reader)
        page = await notifications.oldest_unsent_page(reader)
        counts = await incidents.open_counts(reader)
        known = await slo.days(reader)
        now = reader.now
    for objective in Objective:
        line = slo_line(objective, known, now)
        telemetry.SLO_MISSES.labels(objective=objective.value).set(line.missed)
        telemetry.SLO_RATIO.labels(objective=objective.value).set(1 if line.ratio is None else line.ratio)
    telemetry.INCIDENTS_OPEN.set(sum(counts.values()))
    telemetry.OLDEST_DUE_TIMER.set(max(0, now - due) / SECOND if due is not None else 0)
    telemetry.OLDEST_UNSENT_PAGE.set(max(0, now - page) / SECOND if page is not None else 0)


async def reach(database: Database) -> None:
    """By how many ways each person who may be paged could be reached."""
    async with database.read() as reader:
        found = await reachability.of_responders(reader)
    telemetry.RESPONDER_REACHABLE.clear()
    for user_id, their in list(found.items())[:MOST_MEASURED]:
        telemetry.RESPONDER_REACHABLE.labels(user=user_id).set(their.ways)


async def on_call(database: Database) -> None:
    """Who is on call, as the look for handoffs noted it."""
    async with database.read() as reader:
        noted = await duties.every(reader, limit=MOST_MEASURED)
    telemetry.ONCALL.clear()
    telemetry.ONCALL_PEOPLE.clear()
    for duty in noted:
        telemetry.ONCALL_PEOPLE.labels(schedule=duty.schedule_id).set(len(duty.user_ids))
        for user_id in duty.user_ids:
            telemetry.ONCALL.labels(schedule=duty.schedule_id, user=user_id).set(1)


def warnings(outlook: Outlook) -> None:
    """How many warnings of each kind there are in all organizations."""
    for kind in WarningKind:
        count = sum(each.kind is kind for each in outlook.findings)
        telemetry.WARNINGS.labels(kind=kind.value).set(count)
