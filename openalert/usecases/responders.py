"""Responders: ask somebody for help, come, decline, lead; who works on an incident beside whoever acknowledged it.

Whoever is asked is paged by their own rules, also while somebody else has the incident, until they have answered or it
is over. Being a responder is the right to answer the incident, whatever their role in its team.
"""

from collections.abc import Sequence

import msgspec

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.escalation import Target, TargetType
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.responder import (
    LONGEST_MESSAGE,
    LONGEST_WAY,
    Responder,
    ResponderRole,
    ResponderState,
    in_minutes,
    request,
)
from openalert.domain.user import User
from openalert.notifiers.text import one_line
from openalert.storage import notifications, recipients, responders, schedules, teams, users
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import access, incidents, notify, transitions
from openalert.usecases import schedules as duty
from openalert.usecases.work import Work

MOST_ASKED = 50
"""So many people can be asked by one act."""


class Asked(msgspec.Struct):
    """What became of asking people."""

    incident: Incident
    people: list[Responder]
    """Each of them as a responder now, in the order in which they were named."""
    asked: list[str]
    """Names of those who are paged."""
    already: list[str]
    """Names of those who had been asked, or were there."""
    notes: list[str]
    """Who cannot be reached, or not now, and why."""


async def listed(reader: Reader, actor: Actor, incident_id: str) -> list[Responder]:
    """The responders of an incident that the actor may see, the commander first."""
    incident = await incidents.see(reader, actor, incident_id)
    return await responders.of_incident(reader, incident.id)


async def get(reader: Reader, actor: Actor, incident_id: str, which: str) -> Responder:
    """One responder of an incident that the actor may see, by their own id or that of the person."""
    incident = await incidents.see(reader, actor, incident_id)
    return await find(reader, incident.id, which)


async def find(reader: Reader, incident_id: str, which: str) -> Responder:
    """One of the incident's responders, by their own id or that of the person."""
    for each in await responders.of_incident(reader, incident_id):
        if which in (each.id, each.user_id):
            return each
    raise NotFound("responder")


async def ask(
    tx: Transaction,
    incident_id: str,
    *,
    targets: Sequence[Target],
    role: ResponderRole = ResponderRole.RESPONDER,
    message: str = "",
) -> Asked:
    """Ask people, whoever is on call in schedules now, or all members of teams, to help; they are paged.

    Whoever was asked already and has not declined is not paged again. Asking oneself is coming.
    """
    incident = await _of(tx, incident_id, Permission.RESPOND)
    _must_be_open(incident)
    people = await _people(tx, incident, targets)
    if role is ResponderRole.COMMANDER and len(people) != 1:
        raise Invalid("An incident has one commander: name one person.", field="role")
    words = one_line(message, LONGEST_MESSAGE + 1)
    if len(words) > LONGEST_MESSAGE:
        raise Invalid(f"message has at most {LONGEST_MESSAGE} characters.", field="message")
    work = Work(tx)
    known = {each.user_id: each for each in await responders.of_incident(tx, incident.id)}
    done = Asked(incident, [], [], [], [])
    for person in people:
        before = known.get(person.id)
        if person.id == tx.actor.user_id:
            done.people.append(await _come(work, incident, before, person.name))
        elif before is not None and before.state is not ResponderState.DECLINED:
            done.people.append(before)
            done.already.append(person.name)
        else:
            done.people.append(await _page(work, incident, before, person, words, done))
    if done.asked:
        work.tell(incident, "responder_asked", people=done.asked, message=words, notes=done.notes)
        work.say(incident, "responder_added")
        told = {"people": done.asked, "message": words}
        transitions.record(tx, "responder_asked", incident, after=told)
    if role is ResponderRole.COMMANDER:
        await _lead(work, incident, done.people[0], people[0].name)
    await work.flush()
    return done


async def come(tx: Transaction, incident_id: str, *, minutes: float = 0, via: str | None = None) -> Responder:
    """The actor is coming, asked or not; `minutes` says in how many they are there, 0: they are."""
    incident = await _of(tx, incident_id, None)
    before = await responders.get(tx, incident.id, _a_person(tx.actor, incident))
    if before is None:
        access.require(tx.actor, Permission.RESPOND, incident.team_id)
    if not 0 <= minutes * MINUTE <= LONGEST_WAY:
        raise Invalid("Say in how many minutes you are there, at most 24 hours.", field="minutes")
    _must_be_open(incident)
    work = Work(tx)
    arrives_at = tx.now + int(minutes * MINUTE) if minutes else None
    done = await _come(work, incident, before, tx.actor.name, arrives_at, via)
    await work.flush()
    return done


async def decline(tx: Transaction, incident_id: str, *, via: str | None = None) -> Responder:
    """The actor, who was asked or had come, is not coming after all. Conflict for whoever was not asked."""
    incident = await _of(tx, incident_id, None)
    before = await responders.get(tx, incident.id, _a_person(tx.actor, incident))
    if before is None:
        access.require(tx.actor, Permission.RESPOND, incident.team_id)
        raise Conflict(f"Nobody asked you to help with #{incident.number}.", code="NOT_ASKED")
    if before.state is ResponderState.DECLINED:
        return before
    work = Work(tx)
    was_leading = before.role is ResponderRole.COMMANDER
    before.state, before.answered_at, before.arrives_at = ResponderState.DECLINED, tx.now, None
    before.role = ResponderRole.RESPONDER
    await notifications.cancel_ask(tx, before.ask_id, f"{tx.actor.name} cannot come.")
    await responders.update(tx, before)
    work.tell(incident, "responder_declined", via=via, was_commander=was_leading)
    work.say(incident, "responder_removed")
    transitions.record(tx, "responder_declined", incident, after={"via": via})
    await work.flush()
    return before


async def give_role(tx: Transaction, incident_id: str, which: str, role: ResponderRole) -> Responder:
    """Another role for a responder, by their own id or that of the person; a commander takes the place of the last."""
    incident = await _of(tx, incident_id, Permission.RESPOND)
    responder = await find(tx, incident.id, which)
    name = await _name(tx, responder)
    work = Work(tx)
    if role is ResponderRole.COMMANDER:
        if responder.state is ResponderState.DECLINED:
            raise Conflict(f"{name} declined; ask them again first.", code="NOT_ASKED")
        await _lead(work, incident, responder, name)
    elif responder.role is not role:
        responder.role = role
        await responders.update(tx, responder)
        work.tell(incident, "commander_changed", name=None, instead_of=name)
        work.say(incident, "updated")
        transitions.record(tx, "commander_changed", incident, {"commander": name}, {"commander": None})
    await work.flush()
    return responder


async def remove(tx: Transaction, incident_id: str, which: str) -> None:
    """They are a responder no more; what was still to page them is not sent."""
    incident = await _of(tx, incident_id, Permission.RESPOND)
    responder = await find(tx, incident.id, which)
    work = Work(tx)
    name = await _name(tx, responder)
    await notifications.cancel_ask(tx, responder.ask_id, f"{tx.actor.name} asks them no more.")
    await responders.delete(tx, responder)
    work.tell(incident, "responder_removed", name=name, userId=responder.user_id)
    work.say(incident, "responder_removed")
    transitions.record(tx, "responder_removed", incident, {"responder": name}, {"responder": None})
    await work.flush()


async def is_asked(reader: Reader, incident: Incident, user_id: str | None) -> bool:
    """Whether somebody waits for this person to say if they come."""
    if user_id is None:
        return False
    found = await responders.get(reader, incident.id, user_id)
    return found is not None and found.state is ResponderState.PENDING


async def _of(tx: Transaction, incident_id: str, needs: Permission | None) -> Incident:
    incident = await incidents.see(tx, tx.actor, incident_id)
    if needs is not None:
        access.require(tx.actor, needs, incident.team_id)
    return incident


def _must_be_open(incident: Incident) -> None:
    if not incident.is_open:
        raise Conflict(
            f"Incident #{incident.number} is resolved; reopen it to ask for help.",
            code="INVALID_STATUS_TRANSITION",
            status=incident.status,
            allowed=["triggered"],
        )


def _a_person(actor: Actor, incident: Incident) -> str:
    if actor.user_id is None:
        access.require(actor, Permission.RESPOND, incident.team_id)
        raise Invalid("Only a person can come; an API key is nobody.")
    return actor.user_id


async def _people(tx: Transaction, incident: Incident, targets: Sequence[Target]) -> list[User]:
    """Whom the targets mean at this moment, each once. Invalid for what is unknown, hidden or means nobody."""
    ids: list[str] = []
    for target in targets:
        ids += await _meant(tx, target)
    found = await users.named(tx, tx.actor, ids)
    people = [
        found[each]
        for each in dict.fromkeys(ids)
        if each in found and found[each].is_active and found[each].organization_id == incident.organization_id
    ]
    if not people:
        raise Invalid("There is no such person.", field="userId")
    if len(people) > MOST_ASKED:
        raise Invalid(f"At most {MOST_ASKED} people can be asked at once.", field="targets")
    return people


async def _meant(tx: Transaction, target: Target) -> list[str]:
    match target.type:
        case TargetType.USER:
            user = await users.get(tx, tx.actor, target.id)
            if user is None or not user.is_active:
                raise Invalid("There is no such person.", field="userId")
            return [user.id]
        case TargetType.SCHEDULE:
            schedule = await schedules.get(tx, tx.actor, target.id)
            if schedule is None:
                raise access.unknown("targets", "schedule", target.id)
            on_call = (await duty.meant(tx, [target], tx.now)).get(target, [])
            if not on_call:
                nobody = notify.TURNS[target.turn][1].capitalize()
                raise Invalid(f"{nobody} for {schedule.name}.", field="targets")
            return on_call
        case TargetType.TEAM:
            team = await teams.get(tx, tx.actor, target.id)
            if team is None:
                raise access.unknown("targets", "team", target.id)
            members = (await recipients.members(tx, [team.id])).get(team.id, [])
            if not members:
                raise Invalid(f"{team.name} has no members.", field="targets")
            return members
    raise Invalid("Ask people, schedules or teams; a channel cannot come.", field="targets")


async def _page(
    work: Work, incident: Incident, before: Responder | None, person: User, words: str, done: Asked
) -> Responder:
    """Ask one person, by their own rules, as if a level of an escalation had named them."""
    responder = Responder(
        id=before.id if before is not None else new_id(work.now),
        incident_id=incident.id,
        user_id=person.id,
        ask_id=new_id(work.now),
        asked_by_id=work.tx.actor.user_id,
        asked_by_name=work.tx.actor.name,
        message=words,
        asked_at=work.now,
    )
    await responders.put(work.tx, [responder])
    found = await notify.reach(
        work.tx, [Target(type=TargetType.USER, id=person.id)], work.tx.actor, severity=incident.severity
    )
    for recipient in found.recipients:
        notify.ask(work, incident, recipient, responder.ask_id, request(responder, incident.number))
    notify.promise_digests(work, incident.organization_id, found)
    done.asked.append(person.name)
    done.notes += [*found.misses, *(each.words for each in found.held), *found.notes]
    return responder


async def _come(
    work: Work,
    incident: Incident,
    before: Responder | None,
    name: str,
    arrives_at: Instant | None = None,
    via: str | None = None,
) -> Responder:
    actor = work.tx.actor
    if before is not None and before.state is ResponderState.JOINED and before.arrives_at == arrives_at:
        return before
    responder = before or Responder(
        id=new_id(work.now),
        incident_id=incident.id,
        user_id=actor.user_id or "",
        ask_id=new_id(work.now),
        asked_by_id=actor.user_id,
        asked_by_name=name,
        asked_at=work.now,
    )
    responder.state, responder.answered_at = ResponderState.JOINED, work.now
    responder.arrives_at = arrives_at
    await responders.put(work.tx, [responder])
    await notifications.cancel_ask(work.tx, responder.ask_id, f"{name} is coming.")
    minutes = in_minutes(arrives_at, work.now) if arrives_at is not None else 0
    work.tell(incident, "responder_joined", minutes=minutes, via=via, userId=responder.user_id)
    work.say(incident, "responder_added")
    transitions.record(work.tx, "responder_joined", incident, after={"minutes": minutes, "via": via})
    return responder


async def _lead(work: Work, incident: Incident, responder: Responder, name: str) -> None:
    """One commander at a time: the one before becomes a responder like the others."""
    if responder.role is ResponderRole.COMMANDER:
        return
    former = None
    for other in await responders.of_incident(work.tx, incident.id):
        if other.role is ResponderRole.COMMANDER and other.id != responder.id:
            former = await _name(work.tx, other)
            other.role = ResponderRole.RESPONDER
            await responders.update(work.tx, other)
    responder.role = ResponderRole.COMMANDER
    await responders.update(work.tx, responder)
    work.tell(incident, "commander_changed", name=name, instead_of=former, userId=responder.user_id)
    work.say(incident, "updated")
    transitions.record(work.tx, "commander_changed", incident, {"commander": former}, {"commander": name})


async def _name(reader: Reader, responder: Responder) -> str:
    names = await recipients.names(reader, [responder.user_id])
    return names.get(responder.user_id, "a person who is gone")
