"""SQL for handoff notes."""

from openalert.domain.handoff_note import HandoffNote
from openalert.domain.instant import Instant
from openalert.storage.rows import to_json
from openalert.storage.transaction import Reader, Transaction


async def running(reader: Reader, schedule_id: str) -> HandoffNote | None:
    """What was written during the shift that runs."""
    return await reader.one(
        HandoffNote,
        "SELECT * FROM handoff_notes WHERE schedule_id = :id AND handed_at IS NULL",
        id=schedule_id,
    )


async def handed(reader: Reader, schedule_id: str, team_id: str, *, limit: int) -> list[HandoffNote]:
    """The notes that were handed over while the schedule was the team's, the newest first."""
    return await reader.all(
        HandoffNote,
        "SELECT * FROM handoff_notes WHERE schedule_id = :id AND team_id = :team_id "
        "AND handed_at IS NOT NULL ORDER BY handed_at DESC, id DESC LIMIT :limit",
        id=schedule_id,
        team_id=team_id,
        limit=limit,
    )


async def insert(tx: Transaction, note: HandoffNote) -> None:
    """A new note."""
    await tx.insert("handoff_notes", note)


async def update(tx: Transaction, note: HandoffNote) -> None:
    """Write what a note says now."""
    await tx.execute(
        "UPDATE handoff_notes SET user_ids = :user_ids, handed_at = :handed_at, words = :words, "
        "words_by_id = :words_by_id, words_at = :words_at, facts = :facts WHERE id = :id",
        id=note.id,
        user_ids=to_json(note.user_ids),
        handed_at=note.handed_at,
        words=note.words,
        words_by_id=note.words_by_id,
        words_at=note.words_at,
        facts=to_json(note.facts),
    )


async def forget(tx: Transaction, before: Instant) -> None:
    """What was handed over before is of no use any more."""
    await tx.execute("DELETE FROM handoff_notes WHERE handed_at < :before", before=before)
