"""Whether what was due was in time: counted where it is done, in the same transaction; and who may see it.

Canaries are not counted: they are judged by themselves. What nobody wanted any more was not due.
"""

from collections.abc import Sequence

import msgspec

from openalert.domain.access import Actor, Permission
from openalert.domain.canary import HOME
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.notification import Notification, NotificationKind, NotificationStatus
from openalert.domain.outage import Outage
from openalert.domain.slo import BOUND, MOST_MISSES_A_DAY, Line, Miss, Objective, line
from openalert.domain.timeline import span
from openalert.storage import outages
from openalert.storage import slo as stored
from openalert.storage.slo import SeenMiss
from openalert.storage.timers import Timer
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.access import require
from openalert.usecases.channel_states import NAMES

OUTAGES_ASKED = 20
LONGEST_REASON = 300
BUSY = "No cause was noted: the machine or its database was busy."


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The objectives as of now."""

    lines: Sequence[Line]
    running: float
    """The share of the time, at most thirty days, in which the server was there: 0 to 1."""
    since: Instant
    """Since when that is known."""


class Step(msgspec.Struct, frozen=True):
    """A step of an escalation, or the end of a snooze, that is done now."""

    organization_id: str
    incident_id: str
    due_at: Instant
    what: str
    failures: int
    """How often it had failed before."""


def step(incident: Incident, timer: Timer) -> Step:
    """A step that its timer asked for; to be made before the incident's next one is planned."""
    due_at = timer.due_at
    if timer.failures:
        # A step that failed comes again, and its timer forgets when it was due.
        planned = incident.snoozed_until if timer.kind == "unsnooze" else incident.escalation_next_at
        due_at = min(due_at, planned or due_at)
    if timer.kind == "unsnooze":
        what = "End of the snooze"
    else:
        what = f"Level {timer.level}" if timer.level else "The owners, as the last step"
    return Step(incident.organization_id, incident.id, due_at, what, timer.failures)


async def steps_done(tx: Transaction, done: Sequence[Step]) -> None:
    """These are done now, together: one row counts those that were in time."""
    ours = [each for each in done if each.organization_id != HOME]
    late = [each for each in ours if tx.now - each.due_at > BOUND[Objective.STEPS]]
    if len(late) < len(ours):
        await stored.count(tx, Objective.STEPS, kept=len(ours) - len(late))
    for each in late:
        why = f"It had failed {each.failures} times." if each.failures else ""
        await _missed(
            tx,
            Objective.STEPS,
            each.organization_id,
            each.incident_id,
            each.due_at,
            tx.now,
            each.what,
            why,
        )


async def page_ended(tx: Transaction, row: Notification, *, was_taken: bool) -> None:
    """Nothing more is done about a page: a provider has it, or nobody. `was_taken`: it counted before."""
    if (
        row.kind is not NotificationKind.PAGE
        or row.organization_id == HOME
        or row.due_at is not None
        or was_taken
    ):
        return
    due_at, is_taken = row.first_due_at, row.status is NotificationStatus.SENT
    if is_taken and tx.now - due_at <= BOUND[Objective.PAGES]:
        await stored.count(tx, Objective.PAGES, kept=1)
        return
    why = await stored.why_before(tx, row.id) if is_taken else row.failure_reason or ""
    if is_taken and not why and row.claimed_at is not None:
        why = _slow(row, row.claimed_at, tx.now)
    await _missed(
        tx,
        Objective.PAGES,
        row.organization_id,
        row.incident_id,
        due_at,
        tx.now if is_taken else None,
        f"Page by {NAMES.get(row.channel, row.channel)}",
        why,
    )


def _slow(row: Notification, claimed_at: Instant, now: Instant) -> str:
    """Where the time went of a page that was taken by the first who was asked."""
    if now - claimed_at > (claimed_at - row.first_due_at):
        return f"The provider took {span(now - claimed_at)} to answer."
    if row.bundle_id is not None:
        return "It waited for others of a storm, to leave with them as one message."
    return f"It waited for {span(claimed_at - row.first_due_at)} before it left."


async def _missed(
    tx: Transaction,
    objective: Objective,
    organization_id: str,
    incident_id: str | None,
    due_at: Instant,
    done_at: Instant | None,
    what: str,
    why: str,
) -> None:
    so_far = await stored.missed_today(tx, objective)
    await stored.count(tx, objective, missed=1)
    if so_far >= MOST_MISSES_A_DAY:
        return
    reason = await _why(tx, due_at, why)
    await stored.keep(
        tx,
        Miss(
            id=new_id(tx.now),
            objective=objective,
            organization_id=organization_id,
            incident_id=incident_id,
            due_at=due_at,
            done_at=done_at,
            what=what,
            reason=reason[:LONGEST_REASON],
        ),
    )


async def _why(reader: Reader, due_at: Instant, why: str) -> str:
    """That nobody was there explains everything; then what is known of the thing itself; then what canaries met."""
    for outage in await outages.newest(reader, OUTAGES_ASKED):
        if outage.since <= reader.now and outage.until >= due_at:
            return f"The server was {outage.words}."
    if why:
        return why
    met = await stored.canary_meanwhile(reader, due_at - MINUTE, reader.now)
    return f"Canaries failed then too: {met}" if met else BUSY


# --- who may see it -------------------------------------------------------------------------------


async def standing(reader: Reader, gone: Sequence[Outage], known_since: Instant) -> Standing:
    """The lines of all objectives; `gone`: when nobody was there since `known_since`."""
    known = await stored.days(reader)
    whole = max(1, reader.now - known_since)
    away = sum(max(0, min(each.until, reader.now) - max(each.since, known_since)) for each in gone)
    return Standing(
        lines=[line(each, known, reader.now) for each in Objective],
        running=max(0.0, 1 - away / whole),
        since=known_since,
    )


async def misses(reader: Reader, actor: Actor, *, before: str | None = None, limit: int) -> list[SeenMiss]:
    """What was not in time, of the actor's organization, the newest first."""
    require(actor, Permission.CONFIGURE, None)
    return await stored.misses(reader, actor, before=before, limit=limit)
