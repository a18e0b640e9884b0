"""How an incident stands towards one answer of one person: still asked for, done already, or too late.

The page behind a link shows it, and an answer is given by it, so that both say the same: whoever answers twice, or
after somebody else, changes nothing and hears who was first.
"""

from enum import StrEnum

import msgspec

from openalert.domain.action import Verb
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import Instant
from openalert.domain.responder import ResponderState
from openalert.storage import notifications, responders, timeline
from openalert.storage.transaction import Reader

_GOES_ON = (Verb.ESCALATE, Verb.HAND_ON)
_WENT_ON = ("escalated_by_hand", "handed_on")


class State(StrEnum):
    """What an answer would still do."""

    ASK = "ask"
    """It is waited for."""
    DONE = "done"
    """This person did it already."""
    ALREADY = "already"
    """Somebody else was first, or it ended by itself."""
    NOBODY = "nobody"
    """There is no next level to go to."""


class Standing(msgspec.Struct, frozen=True):
    """The state, and what made it so."""

    state: State
    past: str = ""
    """What was done: `acknowledged`, `resolved`, `snoozed`, `escalated`, `handed on`, `joined`, `declined`.

    `withdrawn`: nobody asks for it any more. Empty: nothing yet.
    """
    by_id: str | None = None
    at: Instant | None = None
    until: Instant | None = None
    """Until when it is silent, where it was snoozed."""


async def of(
    reader: Reader, incident: Incident, verb: Verb, user_id: str | None, *, until: Instant = 0
) -> Standing:
    """What this verb would do for this person. `until`: how long they want it silent; 0: any time will do."""
    if verb in (Verb.JOIN, Verb.DECLINE) and user_id is not None:
        return await _of_coming(reader, incident, verb, user_id)
    if incident.status is IncidentStatus.RESOLVED:
        return _did("resolved", incident.resolved_by_id, incident.resolved_at, user_id)
    if incident.status is IncidentStatus.ACKNOWLEDGED and verb in (Verb.ACKNOWLEDGE, *_GOES_ON):
        return _did("acknowledged", incident.acknowledged_by_id, incident.acknowledged_at, user_id)
    if verb is Verb.SNOOZE and incident.is_snoozed(reader.now) and until <= (incident.snoozed_until or 0):
        last = await timeline.newest(reader, incident.id, ["snoozed"])
        who, at = (last.actor_id, last.at) if last else (None, None)
        return msgspec.structs.replace(_did("snoozed", who, at, user_id), until=incident.snoozed_until)
    if verb in _GOES_ON:
        return await _of_going_on(reader, incident, user_id)
    return Standing(State.ASK)


async def _of_coming(reader: Reader, incident: Incident, verb: Verb, user_id: str) -> Standing:
    """Whoever was asked for help may change their mind until it is over."""
    asked = await responders.get(reader, incident.id, user_id)
    said = ResponderState.JOINED if verb is Verb.JOIN else ResponderState.DECLINED
    if asked is not None and asked.state is said:
        return Standing(State.DONE, said.value, user_id, asked.answered_at)
    if incident.status is IncidentStatus.RESOLVED:
        return _did("resolved", incident.resolved_by_id, incident.resolved_at, user_id)
    # Somebody took them off the list: nobody waits for them any more.
    return Standing(State.ASK) if asked is not None else Standing(State.ALREADY, "withdrawn")


async def _of_going_on(reader: Reader, incident: Incident, user_id: str | None) -> Standing:
    """Whoever sent it on does so once for each time they are paged."""
    if user_id is not None:
        last = await timeline.newest(reader, incident.id, _WENT_ON, actor_id=user_id)
        paged_at = await notifications.last_paged(reader, incident.id, user_id)
        if last is not None and paged_at is not None and last.at >= paged_at:
            past = "handed on" if last.kind == "handed_on" else "escalated"
            return Standing(State.DONE, past, user_id, last.at)
    return Standing(State.NOBODY if incident.escalation_next_at is None else State.ASK)


def _did(past: str, by_id: str | None, at: Instant | None, user_id: str | None) -> Standing:
    state = State.DONE if by_id is not None and by_id == user_id else State.ALREADY
    return Standing(state, past, by_id, at)
