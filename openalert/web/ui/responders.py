"""Responders on the page of an incident: who helps, who was asked, and the forms that ask, answer and lead."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid, NotFound
from openalert.domain.escalation import Target, TargetType
from openalert.domain.incident import Incident
from openalert.domain.notification import Notification, NotificationStatus
from openalert.domain.responder import Responder, ResponderRole, ResponderState, in_minutes
from openalert.storage import responders as stored
from openalert.storage import schedules, teams, users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import responders

Values = dict[str, Any]
Fields = dict[str, str]

ARRIVALS = [("0", "now"), ("5", "in 5 min"), ("10", "in 10 min"), ("30", "in 30 min"), ("60", "in an hour")]
_MOST_CHOICES = 100


async def shown(reader: Reader, actor: Actor, incident: Incident, messages: Sequence[Notification]) -> Values:
    """The responders, whether the reader is one or waits to be answered, and who may be asked."""
    found = await stored.of_incident(reader, incident.id)
    people = await users.named(reader, actor, [each.user_id for each in found])
    own = next((each for each in found if each.user_id == actor.user_id), None)
    return {
        "list": [
            _one(reader, each, people[each.user_id].name, messages)
            for each in found
            if each.user_id in people
        ],
        "own": own.state.value if own is not None else None,
        "request": _request(own),
        "arrivals": ARRIVALS,
        "choices": await _choices(reader, actor) if incident.is_open else [],
    }


def _one(reader: Reader, responder: Responder, name: str, messages: Sequence[Notification]) -> Values:
    pages = [row for row in messages if row.ask_id == responder.ask_id]
    arrives = responder.arrives_at
    return {
        "id": responder.id,
        "user_id": responder.user_id,
        "name": name,
        "leads": responder.role is ResponderRole.COMMANDER,
        "state": responder.state.value,
        "minutes": in_minutes(arrives, reader.now) if arrives is not None else 0,
        "at": responder.answered_at or responder.asked_at,
        "by": responder.asked_by_name,
        "message": responder.message,
        # Whoever asked should not wait for somebody whom nothing has reached.
        "unreached": responder.state is ResponderState.PENDING
        and all(row.status in (NotificationStatus.FAILED, NotificationStatus.CANCELLED) for row in pages),
    }


def _request(own: Responder | None) -> Values | None:
    if own is None or own.state is not ResponderState.PENDING:
        return None
    return {"by": own.asked_by_name, "message": own.message, "at": own.asked_at}


async def _choices(reader: Reader, actor: Actor) -> list[tuple[str, list[tuple[str, str]]]]:
    """Whom one may ask, under headings; schedules and teams stand for whoever they mean now."""
    everybody = await users.page(reader, actor, after="", limit=200)
    some = await schedules.page(reader, actor, after="", limit=_MOST_CHOICES)
    groups = await teams.page(reader, actor, after="", limit=_MOST_CHOICES)
    offered = [
        ("People", "user", [(each.id, each.name) for each in everybody if each.is_active]),
        ("On call now", "schedule", [(each.id, each.name) for each in some]),
        ("Whole teams", "team", [(each.id, each.name) for each in groups]),
    ]
    return [
        (heading, [(f"{kind}:{key}", name) for key, name in sorted(things, key=lambda pair: pair[1])])
        for heading, kind, things in offered
        if things
    ]


async def _ask(tx: Transaction, incident_id: str, fields: Fields) -> str:
    kind, _, key = fields.get("who", "").partition(":")
    if kind not in ("user", "schedule", "team") or not key:
        raise Invalid("Choose whom to ask.", field="who")
    done = await responders.ask(
        tx,
        incident_id,
        targets=[Target(type=TargetType(kind), id=key)],
        role=ResponderRole.COMMANDER if fields.get("lead") else ResponderRole.RESPONDER,
        message=fields.get("message", ""),
    )
    said = [f"{_named(done.asked)} asked to help and paged now."] if done.asked else []
    said += [f"{_named(done.already)} asked already, and not paged again."] if done.already else []
    if not said:
        said.append(f"You are a responder of #{done.incident.number}.")
    return " ".join([*said, *(f"{note[0].upper()}{note[1:]}." for note in done.notes if note)])


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more} {'were' if len(names) > 1 else 'was'}"


async def _join(tx: Transaction, incident_id: str, fields: Fields) -> str:
    minutes = fields.get("minutes", "") or "0"
    if not (minutes.isascii() and minutes.isdigit() and len(minutes) < 5):
        raise Invalid("Say in how many minutes you are there.", field="minutes")
    await responders.come(tx, incident_id, minutes=int(minutes))
    return "You are a responder; whoever works on it sees that you are coming."


async def _decline(tx: Transaction, incident_id: str, _: Fields) -> str:
    await responders.decline(tx, incident_id)
    return "You are not coming; whoever asked you sees it."


@contextmanager
def _still_there() -> Iterator[None]:
    """Whoever was taken off while the page was open is no page that is missing."""
    try:
        yield
    except NotFound as gone:
        if gone.code != "RESPONDER_NOT_FOUND":
            raise
        raise Invalid("They are no responder of this incident any more.", field="user_id") from gone


async def _lead(tx: Transaction, incident_id: str, fields: Fields) -> str:
    role = ResponderRole.RESPONDER if fields.get("role") == "responder" else ResponderRole.COMMANDER
    with _still_there():
        await responders.give_role(tx, incident_id, fields.get("user_id", ""), role)
    return "There is a new incident commander." if role is ResponderRole.COMMANDER else "Nobody leads now."


async def _release(tx: Transaction, incident_id: str, fields: Fields) -> str:
    with _still_there():
        await responders.remove(tx, incident_id, fields.get("user_id", ""))
    return "They are a responder no more."


VERBS = {"ask": _ask, "join": _join, "decline": _decline, "lead": _lead, "release": _release}
"""What the forms post to `/incidents/{id}/{verb}`."""
