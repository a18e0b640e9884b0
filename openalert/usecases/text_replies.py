"""What somebody answers in words: found out which incident is meant and what is wanted, done, and told in a sentence.

Whoever proved that the words are this person's (a telephone number of theirs, an address that names them) asks here.
"""

import msgspec

from openalert.domain.access import SYSTEM
from openalert.domain.action import Verb
from openalert.domain.errors import OpenAlertError
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import DAY
from openalert.domain.reply import KEYS, TextAnswer, Wish, parse
from openalert.notifiers.text import one_line
from openalert.storage import incidents, reply_codes, services
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import replies
from openalert.usecases.replies import SNOOZE_FOR

MOST_LISTED = 5
"""So many open incidents are told in one answer: it has to fit into a text message."""
_TITLE = 40
_LATE = DAY
"""Whoever answers without a code may mean what was resolved this long ago."""

HELP = (
    "1 acknowledges, 2 resolves, 3 escalates, 7 snoozes for an hour, 8 hands on, 9 lists what is open; with the "
    "number of the message: 1 12. Words do too: ack 12, resolve 12, snooze 12 30m."
)


class _Known(msgspec.Struct, frozen=True):
    """An incident and what this person calls it."""

    code: int
    incident: Incident


async def answer_text(
    tx: Transaction, *, user_id: str, text: str, via: str, incident_id: str | None = None
) -> str:
    """Do what this person wrote, and what to tell them. Whatever they wrote, nothing is raised for it.

    `incident_id`: what the way they wrote by names already; a code in the text may name another. Without either it
    is the only page of theirs that is open.
    """
    try:
        tx.actor = await replies.person(tx, user_id)
        known = await _known(tx, user_id)
        understood = parse(text)
        if understood is None or understood.wants is Wish.HELP:
            return _help(understood, known)
        if understood.wants is Wish.LIST:
            return await _list(tx, _open(known))
        return await _about_one(tx, user_id, understood, known, via, incident_id)
    except OpenAlertError as refused:
        return refused.message


async def _known(reader: Reader, user_id: str) -> list[_Known]:
    """What this person was paged for and is open, or was until a day ago; the newest first."""
    codes = await reply_codes.recent(reader, user_id, reader.now - _LATE)
    found = await incidents.get_many(reader, [each.incident_id for each in codes])
    return [_Known(each.code, found[each.incident_id]) for each in codes if each.incident_id in found]


def _open(known: list[_Known]) -> list[_Known]:
    return [each for each in known if each.incident.is_open]


async def _about_one(
    tx: Transaction,
    user_id: str,
    understood: TextAnswer,
    known: list[_Known],
    via: str,
    incident_id: str | None,
) -> str:
    if understood.code is not None:
        incident_id = await reply_codes.named(tx, user_id, understood.code)
        if incident_id is None:
            return f"{understood.code} is no number of yours. {await _list(tx, _open(known))}"
    meant = await incidents.get(tx, incident_id) if incident_id else None
    if meant is None:
        candidates = _candidates(known, understood.wants)
        if len(candidates) != 1:
            return await _which(tx, understood, candidates)
        meant = candidates[0].incident
    if not isinstance(understood.wants, Verb):
        return f"What about #{meant.number} {_title(meant)}? {HELP}"
    tx.actor = await replies.paged_person(tx, user_id, meant)
    reply = await replies.answer(
        tx, meant.id, understood.wants, via=via, snooze_for=understood.snooze_for or SNOOZE_FOR
    )
    return reply.said


def _candidates(known: list[_Known], wants: Verb | Wish | None) -> list[_Known]:
    """What an answer without a code can mean: what still asks for it, else what is open, else what was last."""
    waiting = [each for each in _open(known) if each.incident.status is IncidentStatus.TRIGGERED]
    if wants is Verb.ACKNOWLEDGE and waiting:
        return waiting
    return _open(known) or known[:1]


async def _which(reader: Reader, understood: TextAnswer, candidates: list[_Known]) -> str:
    if not candidates:
        return "Nothing is open that you were paged for."
    listed = await _list(reader, candidates)
    verb = understood.wants.replace("_", " ") if isinstance(understood.wants, Verb) else ""
    example = f"{_key_of(understood.wants)} {candidates[0].code}"
    return f"Which one? {listed} Answer {example} to {verb} the first." if verb else f"Which one? {listed}"


def _key_of(wants: Verb | Wish | None) -> str:
    return next((key for key, verb in KEYS.items() if verb is wants), "1")


async def _list(reader: Reader, known: list[_Known]) -> str:
    """What is open, each with its code, as sentences for a small screen."""
    if not known:
        return "Nothing is open that you were paged for."
    shown = known[:MOST_LISTED]
    named = await services.named(reader, SYSTEM, [each.incident.service_id for each in shown])
    lines = []
    for each in shown:
        service = named.get(each.incident.service_id)
        where = f" on {one_line(service.name, 20)}" if service else ""
        status = "" if each.incident.status is IncidentStatus.TRIGGERED else f", {each.incident.status}"
        lines.append(f"{each.code}: {_title(each.incident)}{where} ({each.incident.severity}{status})")
    more = f"; and {len(known) - len(shown)} more" if len(known) > len(shown) else ""
    return "; ".join(lines) + more + "."


def _help(understood: TextAnswer | None, known: list[_Known]) -> str:
    start = "" if understood is not None else "That was not understood. "
    open_ = _open(known)
    only = f" Open: {', '.join(str(each.code) for each in open_[:MOST_LISTED])}." if open_ else ""
    return f"{start}{HELP}{only}"


def _title(incident: Incident) -> str:
    return one_line(incident.title, _TITLE) or f"incident #{incident.number}"
