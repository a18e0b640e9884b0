"""What comes back from a message: acknowledge or resolve by the signed link, as the person it was sent to."""

import msgspec

from openalert.domain import action
from openalert.domain.access import Actor, Role
from openalert.domain.action import ActionClaims, Verb
from openalert.domain.errors import Conflict, NotFound
from openalert.domain.incident import Incident
from openalert.storage import incidents, recipients
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.incidents import Answered, acknowledge, resolve


class Invitation(msgspec.Struct, frozen=True):
    """What a signed link offers: to whom, about what."""

    claims: ActionClaims
    incident: Incident
    person_name: str
    has_expired: bool


async def invitation(reader: Reader, secret: bytes, token: str) -> Invitation:
    """What the link offers; NotFound for what we did not sign, or whose person or incident is gone."""
    claims = action.read(secret, token)
    incident = await incidents.get(reader, claims.incident_id) if claims else None
    if claims is None or incident is None:
        raise NotFound("action link")
    people = await recipients.people(reader, [claims.user_id])
    if not people or not people[0].is_active:
        raise NotFound("action link")
    return Invitation(claims, incident, people[0].name, action.has_expired(claims, reader.now))


def as_actor(offered: Invitation) -> Actor:
    """The person of the link: being paged for an incident is the right to answer it, whatever the role."""
    return Actor(
        kind="user",
        id=offered.claims.user_id,
        name=offered.person_name,
        organization_id=offered.incident.organization_id,
        role=Role.MEMBER,
        teams={offered.incident.team_id: Role.MEMBER},
    )


async def accept(tx: Transaction, secret: bytes, token: str) -> Answered:
    """Do what the link offers; pressing twice is harmless. Conflict once it has expired."""
    offered = await invitation(tx, secret, token)
    if offered.has_expired:
        raise Conflict("The link has expired; open the incident and sign in.", code="ACTION_EXPIRED")
    tx.actor = as_actor(offered).by_way_of(tx.actor)
    if offered.claims.verb is Verb.RESOLVE:
        return await resolve(tx, offered.incident.id, via="e-mail link")
    if not offered.incident.is_open:
        return Answered(offered.incident, False, [])
    return await acknowledge(tx, offered.incident.id, via="e-mail link")
