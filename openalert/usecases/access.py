"""What every act asks first: may this actor see it, and may they do it?

What the actor may not see is not found, whether or not it exists; an id inside a body that names such a
thing is refused in the words that an unknown id gets.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from msgspec import UNSET, UnsetType

from openalert.domain.access import SYSTEM, Actor, Permission, Role, can, scope_of
from openalert.domain.errors import Forbidden, Invalid, NotFound
from openalert.domain.team import Team
from openalert.domain.user import User
from openalert.storage import teams, users
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import sees_team

T = TypeVar("T")


class Owned(Protocol):
    """Something that a team has."""

    organization_id: str
    team_id: str
    name: str


_NEEDS = {
    Permission.SEE: "a viewer",
    Permission.RESPOND: "a member, admin or owner",
    Permission.CONFIGURE: "an admin or owner",
    Permission.OWN: "an owner",
}


def require(actor: Actor, permission: Permission, team_id: str | None, noun: str = "team") -> None:
    """Pass, or raise: NotFound(noun) for a team out of sight, Forbidden for too little right in it.

    `team_id` None asks about the organization as a whole. The team must be of the actor's organization:
    it comes from a row that was read with `storage.visible`.
    """
    if team_id is not None and not sees_team(actor, team_id):
        raise NotFound(noun)
    if can(actor, permission, team_id):
        return
    if actor.scopes is not None and (scope := scope_of(permission, team_id)) not in actor.scopes:
        raise Forbidden(f"This API key was not made for that: it lacks the scope {scope}.")
    if actor.is_confined and team_id is None:
        raise Forbidden("This API key acts in one team and has no say in the organization.")
    where = "team" if team_id is not None else "organization"
    raise Forbidden(f"This needs {_NEEDS[permission]} of the {where}; ask one of them.")


def may_manage(actor: Actor, user: User) -> None:
    """Pass, or raise Forbidden: only admins change other people, and nobody changes somebody above them."""
    require(actor, Permission.CONFIGURE, None)
    if actor.role.rank < user.role.rank:
        raise Forbidden(f"{user.name} is {article(user.role)}; only an owner can change that.")


async def acting(reader: Reader, user_id: str) -> Actor | None:
    """Somebody who acts without being signed in, with the rights of this moment; None for who is switched off."""
    user = await users.get(reader, SYSTEM, user_id)
    if user is None or not user.is_active:
        return None
    return Actor(
        kind="user",
        id=user.id,
        name=user.name,
        organization_id=user.organization_id,
        role=user.role,
        teams=await teams.roles(reader, user.id),
    )


def article(role: Role) -> str:
    """`an owner`, `a viewer`."""
    return f"an {role}" if role in (Role.OWNER, Role.ADMIN) else f"a {role}"


def sees(actor: Actor, organization_id: str, team_id: str) -> bool:
    """Whether a row of this organization and team is in the actor's view."""
    return actor.organization_id in (None, organization_id) and sees_team(actor, team_id)


def named(actor: Actor, things: Sequence[Owned], noun: str) -> str:
    """The first of some things as a refusal may name it: `escalation policy 'Nights'`, or that it is hidden."""
    for thing in things:
        if sees(actor, thing.organization_id, thing.team_id):
            return f"{noun} {thing.name!r}"
    return f"{noun} of a team that you are not in"


def found(value: T | None, noun: str, *, given: str = "", look: str = "") -> T:
    """The value, or NotFound(noun) when there is none; `given` and `look` are for commands on the machine."""
    if value is None:
        raise NotFound(noun, given=given, look=look)
    return value


def home(actor: Actor) -> str:
    """The id of the organization in which the actor makes things."""
    if actor.organization_id is None:
        raise Forbidden("Only somebody of an organization can make this.")
    return actor.organization_id


async def team_for(tx: Transaction, team_id: str, permission: Permission = Permission.CONFIGURE) -> Team:
    """The team that a body names as the owner of something new."""
    team = await teams.get(tx, tx.actor, team_id)
    if team is None:
        raise unknown("teamId", "team", team_id)
    require(tx.actor, permission, team.id)
    return team


async def new_owner(tx: Transaction, present: str, wanted: str | UnsetType) -> Team | None:
    """The team that something moves to, for admins of both; None when it stays where it is."""
    return None if wanted is UNSET or wanted == present else await team_for(tx, wanted)


async def see_team(reader: Reader, actor: Actor, team_id: str) -> Team:
    """The team that a path names."""
    return found(await teams.get(reader, actor, team_id), "team")


def unknown(field: str, noun: str, value: str) -> Invalid:
    """The refusal of an id in a body, the same for an unknown and for a hidden one."""
    return Invalid(f"{field}: there is no {noun} {value[:64]!r}.", field=field)


def all_known(ids: Collection[str], known: Collection[str], field: str, noun: str) -> None:
    """Pass if each of the ids is known, else raise Invalid naming the field and the first that is not."""
    for value in ids:
        if value not in known:
            raise unknown(field, noun, value)


def given(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the changes that were given, as msgspec leaves out by UNSET what a body did not hold."""
    return {name: value for name, value in changes.items() if value is not UNSET}
