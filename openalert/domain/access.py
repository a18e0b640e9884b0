"""Who acts, and what they may do: organization roles, team roles, and the one question `can`."""

from enum import IntEnum, StrEnum

import msgspec


class Role(StrEnum):
    """A role in the organization or in a team; each may do what those after it may."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"

    @property
    def rank(self) -> int:
        """4 for owner down to 1 for viewer."""
        return 4 - list(Role).index(self)


class Permission(IntEnum):
    """What an act needs: the value is the rank of the least role that may."""

    SEE = 1
    """Read what the team has."""
    RESPOND = 2
    """Acknowledge, resolve, note, override, test: what a person on call does."""
    CONFIGURE = 3
    """Change services, integrations, schedules, policies, channels, members."""
    OWN = 4
    """Delete the team, make owners."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who does it: a person, an API key, an integration, or the program itself."""

    kind: str
    """`user`, `api_key`, `integration`, `system` or `anonymous`."""
    id: str | None
    name: str
    organization_id: str | None
    """None only for the program itself, which sees everything."""
    role: Role = Role.VIEWER
    """The role in the organization; owners and admins have it in every team."""
    teams: dict[str, Role] = {}
    """Team id to the role there."""
    address: str = ""
    """From where, as the audit log has it; empty for what came by no request."""
    request_id: str = ""

    def by_way_of(self, other: "Actor") -> "Actor":
        """This actor, having come by the other's request."""
        return msgspec.structs.replace(self, address=other.address, request_id=other.request_id)

    @property
    def user_id(self) -> str | None:
        """The person's id; None for keys, integrations and the program."""
        return self.id if self.kind == "user" else None

    @property
    def sees_all_teams(self) -> bool:
        """Whether the whole organization is in view."""
        return self.organization_id is None or self.role.rank >= Role.ADMIN.rank


SYSTEM = Actor(kind="system", id=None, name="OpenAlert", organization_id=None, role=Role.OWNER)


def stranger(address: str, request_id: str) -> Actor:
    """Somebody who has not signed in: of no organization, so that nothing is in view."""
    return Actor(
        kind="anonymous",
        id=None,
        name="Somebody not signed in",
        organization_id="",
        address=address,
        request_id=request_id,
    )


def can(actor: Actor, permission: Permission, team_id: str | None) -> bool:
    """Whether `actor` may do this in the team; None asks about the organization as a whole.

    A viewer of the organization stays a viewer in every team. API keys act with their role in every team.
    """
    if actor.organization_id is None:
        return True
    if actor.kind == "api_key" or team_id is None or actor.sees_all_teams:
        return actor.role.rank >= permission
    role = actor.teams.get(team_id)
    if role is None:
        return False
    if actor.role is Role.VIEWER:
        return permission == Permission.SEE
    return role.rank >= permission
