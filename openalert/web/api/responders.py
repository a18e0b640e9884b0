"""JSON `/incidents/{id}/responders`: who works on an incident, who was asked to, and what they answered."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.escalation import Target, TargetType
from openalert.domain.instant import MINUTE
from openalert.domain.responder import LONGEST_MESSAGE, LONGEST_WAY, Responder, ResponderRole, ResponderState
from openalert.storage.database import Database
from openalert.usecases import responders
from openalert.web.api.escalation_policies import TargetBody
from openalert.web.api.wire import READS, WRITES, Input, Output, moment, moment_or_none
from openalert.web.paging import Page

VIA = "API"
Message = Annotated[str, msgspec.Meta(max_length=LONGEST_MESSAGE)]
MinutesAway = Annotated[float, msgspec.Meta(ge=0, le=LONGEST_WAY / MINUTE)]


class ResponderOut(Output):
    """Somebody who works on an incident, or was asked to."""

    id: str
    user_id: str
    role: ResponderRole
    state: ResponderState
    message: str
    asked_by_id: str | None
    asked_at: datetime
    answered_at: datetime | None
    arrives_at: datetime | None


class ResponderIn(Input):
    """Whom to ask for help, as what, and with what."""

    user_id: str
    role: ResponderRole = ResponderRole.RESPONDER
    message: Message = ""


class HelpIn(Input):
    """People, whoever is on call in schedules, or all members of teams, and what they are to help with."""

    targets: Annotated[list[TargetBody], msgspec.Meta(min_length=1, max_length=20)]
    message: Message = ""


class ResponderPatch(Input):
    """Another role."""

    role: ResponderRole


class Coming(Input):
    """In how many minutes one will be there; 0: at once, or it is not said."""

    minutes: MinutesAway = 0


def show(responder: Responder) -> ResponderOut:
    """A responder as it is answered."""
    return ResponderOut(
        id=responder.id,
        user_id=responder.user_id,
        role=responder.role,
        state=responder.state,
        message=responder.message,
        asked_by_id=responder.asked_by_id,
        asked_at=moment(responder.asked_at),
        answered_at=moment_or_none(responder.answered_at),
        arrives_at=moment_or_none(responder.arrives_at),
    )


@get("/{incident_id:str}/responders", responses=READS)
async def list_responders(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> Page[ResponderOut]:
    """Who works on it or was asked to, the incident commander first, in one page."""
    async with db.read() as reader:
        found = await responders.listed(reader, actor, incident_id)
        return Page(items=[show(each) for each in found])


@post("/{incident_id:str}/responders", responses=WRITES)
async def add_responder(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[ResponderIn],
) -> ResponderOut:
    """Ask a person for help: they are paged by their own rules and answer whether they come.

    Whoever has been asked and has not declined is not paged again. A new `incident_commander` takes the place of the
    present one.
    """
    async with db.transaction(actor) as tx:
        targets = [Target(type=TargetType.USER, id=data.user_id)]
        await responders.ask(tx, incident_id, targets=targets, role=data.role, message=data.message)
        return show(await responders.find(tx, incident_id, data.user_id))


@post("/{incident_id:str}/responders/ask", responses=WRITES, status_code=200)
async def ask_for_help(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[HelpIn],
) -> Page[ResponderOut]:
    """Ask several at once: people, whoever is on call in a schedule now, all members of a team. At most 50 people."""
    targets = [Target(type=each.type, id=each.id, turn=each.turn) for each in data.targets]
    async with db.transaction(actor) as tx:
        asked = await responders.ask(tx, incident_id, targets=targets, message=data.message)
        return Page(items=[show(each) for each in asked.people])


@get("/{incident_id:str}/responders/{responder_id:str}", responses=READS)
async def get_responder(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    responder_id: FromPath[str],
) -> ResponderOut:
    """One of them; the person's own id names the responder as well."""
    async with db.read() as reader:
        return show(await responders.get(reader, actor, incident_id, responder_id))


@patch("/{incident_id:str}/responders/{responder_id:str}", responses=WRITES)
async def change_responder(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    responder_id: FromPath[str],
    data: JSONBody[ResponderPatch],
) -> ResponderOut:
    """Give another role; the person's own id names the responder as well. There is at most one commander."""
    async with db.transaction(actor) as tx:
        return show(await responders.give_role(tx, incident_id, responder_id, data.role))


@delete("/{incident_id:str}/responders/{responder_id:str}", responses=WRITES)
async def remove_responder(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    responder_id: FromPath[str],
) -> None:
    """Take somebody off; what was still to page them is not sent. The person's own id names them as well."""
    async with db.transaction(actor) as tx:
        await responders.remove(tx, incident_id, responder_id)


@post("/{incident_id:str}/join", responses=WRITES, status_code=200)
async def join_incident(
    actor: NamedDependency[Actor],
    db: NamedDependency[Database],
    incident_id: FromPath[str],
    data: JSONBody[Coming | None] = None,
) -> ResponderOut:
    """Say that one is coming to help, asked or not; the incident stays as it is. Only people can."""
    async with db.transaction(actor) as tx:
        return show(await responders.come(tx, incident_id, minutes=data.minutes if data else 0, via=VIA))


@post("/{incident_id:str}/decline", responses=WRITES, status_code=200)
async def decline_incident(
    actor: NamedDependency[Actor], db: NamedDependency[Database], incident_id: FromPath[str]
) -> ResponderOut:
    """Say that one is not coming; whoever asked sees it, and can ask somebody else."""
    async with db.transaction(actor) as tx:
        return show(await responders.decline(tx, incident_id, via=VIA))


handlers = [
    list_responders,
    get_responder,
    add_responder,
    ask_for_help,
    change_responder,
    remove_responder,
    join_incident,
    decline_incident,
]
