"""JSON `/schedules/{id}/handoff-notes`: what whoever goes off call leaves for whoever comes."""

from datetime import datetime

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.handoff_note import HandoffNote
from openalert.domain.severity import Severity
from openalert.storage.database import Database
from openalert.usecases import handoff_notes
from openalert.web.api.wire import READS, WRITES, Input, Output, moment, moment_or_none
from openalert.web.paging import Page


class NotedIncidentOut(Output):
    """An incident that was open at the handoff, or paged somebody of the shift."""

    id: str
    number: int
    title: str
    severity: Severity
    is_open: bool
    paged: bool
    acknowledged_by_id: str | None
    snoozed_until: datetime | None


class NotedCoverOut(Output):
    """Somebody who stood in during the shift."""

    user_id: str
    instead_of_id: str | None
    start_time: datetime
    end_time: datetime
    reason: str


class HandoffNoteOut(Output):
    """A note: own words, and what was known without anybody writing it."""

    id: str
    schedule_id: str
    user_ids: list[str]
    start_time: datetime
    handed_at: datetime | None
    words: str
    words_by_id: str | None
    words_at: datetime | None
    incidents: list[NotedIncidentOut]
    more_incidents: int
    covers: list[NotedCoverOut]


class HandoffNoteIn(Input):
    """Words for whoever comes; with `noteId` they go to the note that was handed over last."""

    words: str
    note_id: str = ""


@get("/{schedule_id:str}/handoff-notes", responses=READS)
async def list_handoff_notes(
    db: NamedDependency[Database], actor: NamedDependency[Actor], schedule_id: FromPath[str]
) -> Page[HandoffNoteOut]:
    """The draft of the shift that runs, then the last twenty that were handed over, the newest first, in one page."""
    async with db.read() as reader:
        notes = await handoff_notes.of_schedule(reader, actor, schedule_id)
        return Page(items=[show(each) for each in (notes.running, *notes.handed)])


@put("/{schedule_id:str}/handoff-notes", responses=WRITES)
async def write_handoff_note(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    schedule_id: FromPath[str],
    data: JSONBody[HandoffNoteIn],
) -> HandoffNoteOut:
    """Leave words for whoever comes, while the shift runs or until the next one ends."""
    async with db.transaction(actor) as tx:
        return show(await handoff_notes.write(tx, schedule_id, data.words, data.note_id))


def show(note: HandoffNote) -> HandoffNoteOut:
    """A note as it is answered."""
    return HandoffNoteOut(
        id=note.id,
        schedule_id=note.schedule_id,
        user_ids=list(note.user_ids),
        start_time=moment(note.from_at),
        handed_at=moment_or_none(note.handed_at),
        words=note.words,
        words_by_id=note.words_by_id,
        words_at=moment_or_none(note.words_at),
        incidents=[
            NotedIncidentOut(
                id=each.id,
                number=each.number,
                title=each.title,
                severity=each.severity,
                is_open=each.is_open,
                paged=each.paged,
                acknowledged_by_id=each.acknowledged_by_id,
                snoozed_until=moment_or_none(each.snoozed_until),
            )
            for each in note.facts.incidents
        ],
        more_incidents=note.facts.more,
        covers=[
            NotedCoverOut(
                user_id=each.user_id,
                instead_of_id=each.instead_of_id or None,
                start_time=moment(each.start_at),
                end_time=moment(each.end_at),
                reason=each.reason,
            )
            for each in note.facts.covers
        ],
    )


handlers = [list_handoff_notes, write_handoff_note]
