"""Handoff notes: what whoever goes off call leaves, to be read, and to be written while and after the shift runs."""

from collections.abc import Sequence

import msgspec

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict
from openalert.domain.handoff_note import HandoffNote, check_words, in_words
from openalert.domain.notification_plan import zone_in
from openalert.domain.schedule import Schedule
from openalert.storage import duties, handoff_notes, notifications, recipients
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, handoff_drafts, schedules
from openalert.usecases.access import found, require
from openalert.usecases.handoffs import messages_to

MOST_SHOWN = 20


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to read about the handoffs of a schedule."""

    schedule: Schedule
    running: HandoffNote
    """Of the shift that runs, as it would be handed over now."""
    handed: Sequence[HandoffNote]
    """The newest first."""


async def of_schedule(reader: Reader, actor: Actor, schedule_id: str, *, limit: int = MOST_SHOWN) -> Notes:
    """The draft of the shift that runs, and the notes that were handed over."""
    schedule = await schedules.get(reader, actor, schedule_id)
    note = await _running(reader, schedule)
    facts = await handoff_drafts.gather(reader, schedule, note.user_ids, note.from_at)
    return Notes(
        schedule=schedule,
        running=msgspec.structs.replace(note, facts=facts),
        handed=await handoff_notes.handed(reader, schedule.id, schedule.team_id, limit=limit),
    )


async def _running(reader: Reader, schedule: Schedule) -> HandoffNote:
    """What was written so far, by those who are on call now; a shift that nobody looked at yet begins now."""
    duty = (await duties.of(reader, [schedule.id])).get(schedule.id)
    user_ids, since = (duty.user_ids, duty.noted_at) if duty else ((), reader.now)
    note = await handoff_notes.running(reader, schedule.id)
    if note is None:
        return handoff_drafts.begun(reader, schedule, user_ids, since)
    return msgspec.structs.replace(note, user_ids=user_ids)


async def write(tx: Transaction, schedule_id: str, words: str, note_id: str = "") -> HandoffNote:
    """Leave words for whoever comes: with the shift that runs, or with the note that was handed over last.

    Those who are on call now hear of words that come after the handoff.
    """
    schedule = await schedules.get(tx, tx.actor, schedule_id)
    require(tx.actor, Permission.RESPOND, schedule.team_id, "schedule")
    before = await _handed(tx, schedule, note_id) if note_id else await _running(tx, schedule)
    is_new = not note_id and await handoff_notes.running(tx, schedule.id) is None
    after = msgspec.structs.replace(
        before, words=check_words(words), words_by_id=tx.actor.user_id, words_at=tx.now
    )
    if is_new:
        await handoff_notes.insert(tx, after)
    else:
        await handoff_notes.update(tx, after)
    audit.record(
        tx,
        "handoff_note.written",
        kind="handoff_note",
        id=after.id,
        name=schedule.name,
        team_id=schedule.team_id,
        before={"words": before.words},
        after={"words": after.words},
    )
    schedules.changed(tx, schedule)
    if note_id and after.words and not before.words:
        await _tell(tx, schedule, after)
    return after


async def _handed(reader: Reader, schedule: Schedule, note_id: str) -> HandoffNote:
    listed = await handoff_notes.handed(reader, schedule.id, schedule.team_id, limit=MOST_SHOWN)
    note = found(next((each for each in listed if each.id == note_id), None), "handoff note")
    if note.id != listed[0].id:
        raise Conflict("The shift after this one has been handed over, too; the note stays as it is.")
    return note


async def _tell(tx: Transaction, schedule: Schedule, note: HandoffNote) -> None:
    duty = (await duties.of(tx, [schedule.id])).get(schedule.id)
    names = await handoff_drafts.names_in(tx, [note])
    rows = []
    for callee in await recipients.callees(tx, duty.user_ids if duty else ()):
        if callee.user_id != note.words_by_id and callee.preferences.handoffs:
            told = msgspec.structs.replace(note, facts=type(note.facts)())
            rows += messages_to(
                tx,
                schedule,
                callee,
                effect=f"note:{note.id}",
                headline=f"A handoff note for {schedule.name}",
                body="\n".join(in_words(told, names, zone_in(callee.timezone))),
                reason="Whoever was on call before you wrote it.",
                opens=("The note", f"/schedules/{schedule.id}#handoff"),
            )
    await notifications.enqueue(tx, rows)
