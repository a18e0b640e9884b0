"""The handoff note on the page of a schedule: what was left for those on call, and the form to leave something."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission, can
from openalert.domain.handoff_note import FRESH_FOR, LONGEST_WORDS, Facts, HandoffNote
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import handoff_drafts, handoff_notes
from openalert.web.ui.frame import Values, Web, act, sent

GONE = "somebody who is gone"


async def noted(reader: Reader, actor: Actor, schedule_id: str) -> Values:
    """What `schedules/handoff.html` takes."""
    notes = await handoff_notes.of_schedule(reader, actor, schedule_id, limit=1)
    names = await handoff_drafts.names_in(reader, [notes.running, *notes.handed])
    last = notes.handed[0] if notes.handed else None
    if last is not None and reader.now - (last.handed_at or 0) > FRESH_FOR:
        last = None
    return {
        "last": _note(last, names) if last is not None and last.says_something else None,
        "amends": _note(last, names) if last is not None and actor.user_id in last.user_ids else None,
        "draft": _note(notes.running, names),
        "mine": actor.user_id in notes.running.user_ids,
        "can_write": can(actor, Permission.RESPOND, notes.schedule.team_id),
        "longest": LONGEST_WORDS,
    }


def _note(note: HandoffNote, names: Mapping[str, str]) -> Values:
    return {
        "id": note.id,
        "people": [names.get(each, GONE) for each in note.user_ids],
        "handed_at": note.handed_at,
        "words": note.words,
        "author": names.get(note.words_by_id or "", GONE) if note.words else "",
        "open": _incidents(note.facts, names, is_open=True),
        "over": _incidents(note.facts, names, is_open=False),
        "more": note.facts.more,
        "covers": [
            {
                "name": names.get(each.user_id, GONE),
                "instead": names.get(each.instead_of_id, GONE) if each.instead_of_id else "",
                "start": each.start_at,
                "end": each.end_at,
                "reason": each.reason,
            }
            for each in note.facts.covers
        ],
    }


def _incidents(facts: Facts, names: Mapping[str, str], *, is_open: bool) -> list[Values]:
    return [
        {
            "href": f"/incidents/{each.id}",
            "number": each.number,
            "title": each.title,
            "severity": each.severity.value,
            "paged": each.paged,
            "by": names.get(each.acknowledged_by_id, GONE) if each.acknowledged_by_id else "",
            "snoozed_until": each.snoozed_until,
        }
        for each in facts.incidents
        if each.is_open == is_open
    ]


@post("/schedules/{schedule_id:str}/handoff-note", include_in_schema=False)
async def write(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Leave words with the shift that runs; with a `note_id`, with the one that was handed over."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        await handoff_notes.write(tx, schedule_id, typed.get("words", ""), typed.get("note_id", ""))
        return "Saved. Whoever comes next gets it." if not typed.get("note_id") else "Saved."

    return await act(db, actor, f"/schedules/{schedule_id}#handoff", body)


ROUTES: Sequence[HTTPRouteHandler] = [write]
