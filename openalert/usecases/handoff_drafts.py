"""What is known of a shift when it is handed over: what is open, what paged, what sleeps, who stood in."""

from collections.abc import Collection, Iterable

import msgspec

from openalert.domain.access import SYSTEM
from openalert.domain.handoff_note import (
    FRESH_FOR,
    LOOKS_BACK,
    MOST_NOTED,
    Facts,
    HandoffNote,
    NotedIncident,
    covers,
    in_order,
)
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.schedule import Schedule
from openalert.storage import handoff_notes, incidents, pages_received, recipients, schedules
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader, Transaction

SEEN_WITHIN = 2 * MINUTE
"""A handoff is seen so long after it at the latest: an override that began since then is what handed over."""
_OPEN = (IncidentStatus.TRIGGERED, IncidentStatus.ACKNOWLEDGED)


async def gather(reader: Reader, schedule: Schedule, user_ids: Collection[str], since: Instant) -> Facts:
    """The facts of a shift of these people from an instant until now, about incidents of the schedule's team."""
    start = max(since, reader.now - LOOKS_BACK)
    wanted = IncidentFilter(statuses=_OPEN, team_id=schedule.team_id)
    open_ = await incidents.search(reader, SYSTEM, wanted, limit=MOST_NOTED + 1)
    paged = await pages_received.incident_ids(
        reader, sorted(user_ids), schedule.team_id, start, reader.now + 1, limit=10 * MOST_NOTED
    )
    known = {each.id: each for each in open_} | await incidents.get_many(reader, paged)
    ours = (each for each in known.values() if each.team_id == schedule.team_id)
    noted = in_order(_noted(each, reader.now, paged=each.id in paged) for each in ours)
    plan = (await schedules.plans(reader, [schedule], start, reader.now))[schedule.id]
    return Facts(
        incidents=noted[:MOST_NOTED],
        more=max(len(noted) - MOST_NOTED, 0),
        covers=covers(plan.overrides, start, reader.now - SEEN_WITHIN)[:MOST_NOTED],
    )


def _noted(incident: Incident, now: Instant, *, paged: bool) -> NotedIncident:
    return NotedIncident(
        id=incident.id,
        number=incident.number,
        title=incident.title,
        severity=incident.severity,
        is_open=incident.is_open,
        paged=paged,
        acknowledged_by_id=incident.acknowledged_by_id,
        snoozed_until=incident.snoozed_until if incident.is_snoozed(now) else None,
    )


async def hand_over(
    tx: Transaction, schedule: Schedule, user_ids: Collection[str], since: Instant
) -> HandoffNote:
    """The note of a shift that has just ended, with what was written during it."""
    facts = await gather(tx, schedule, user_ids, since)
    note = await handoff_notes.running(tx, schedule.id)
    if note is None:
        note = begun(tx, schedule, user_ids, since)
        note = msgspec.structs.replace(note, handed_at=tx.now, facts=facts)
        await handoff_notes.insert(tx, note)
    else:
        note = msgspec.structs.replace(note, user_ids=tuple(user_ids), handed_at=tx.now, facts=facts)
        await handoff_notes.update(tx, note)
    return note


def begun(reader: Reader, schedule: Schedule, user_ids: Collection[str], since: Instant) -> HandoffNote:
    """The note of a shift that runs, before anybody wrote anything; not stored."""
    return HandoffNote(
        id=new_id(reader.now),
        schedule_id=schedule.id,
        team_id=schedule.team_id,
        user_ids=tuple(user_ids),
        from_at=since,
    )


async def left_for_nobody(reader: Reader, schedule: Schedule) -> HandoffNote | None:
    """The newest note, where it is for whoever comes now: after a gap that was not too long."""
    for note in await handoff_notes.handed(reader, schedule.id, schedule.team_id, limit=1):
        if note.handed_at is not None and reader.now - note.handed_at <= FRESH_FOR:
            return note
    return None


async def names_in(reader: Reader, notes: Iterable[HandoffNote]) -> dict[str, str]:
    """How everybody is called who occurs in the notes."""
    ids: set[str] = set()
    for note in notes:
        ids |= {*note.user_ids, note.words_by_id or ""}
        ids |= {each.acknowledged_by_id or "" for each in note.facts.incidents}
        ids |= {one for each in note.facts.covers for one in (each.user_id, each.instead_of_id)}
    return await recipients.names(reader, sorted(ids - {""})) if ids - {""} else {}
