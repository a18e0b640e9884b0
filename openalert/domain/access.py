"""Who acts, and what they may do: organization roles, team roles, scopes of keys, and the one question `can`.

What a role may do is the matrix in `web/matrix.txt`; this is the rule behind its lines.
"""

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


class Scope(StrEnum):
    """A kind of acts that an API key can be used for, whatever its role would allow beside."""

    READ = "read"
    """Look; every key may, as acts answer with what they changed."""
    RESPOND = "respond"
    """Acknowledge, resolve, note, override, test."""
    CONFIGURE = "configure"
    """Change what teams have: services, integrations, schedules, policies, channels, members."""
    ADMIN = "admin"
    """Whatever concerns the organization: people, teams as such, keys, settings, the audit log."""
    WATCH = "watch"
    """Learn, as `openalert watch` does, who is on call and how they are reached; and nothing else at all."""


ORDINARY = frozenset(Scope) - {Scope.WATCH}
"""What a key is for unless it is made for less. To watch is never part of it: a key for that is for nothing else."""


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
    is_confined: bool = False
    """An API key that acts in `teams` alone and has no say in the organization, whatever its role."""
    scopes: frozenset[Scope] | None = None
    """What an API key may be used for; None: not narrowed."""
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
        """Whether the whole organization is in view: for its admins, and for keys that no team confines."""
        if self.organization_id is None:
            return True
        if self.kind == "api_key":
            return not self.is_confined
        return self.role.rank >= Role.ADMIN.rank


SYSTEM = Actor(kind="system", id=None, name="OpenAlert", organization_id=None, role=Role.OWNER)


def program_of(organization_id: str, by: Actor = SYSTEM) -> Actor:
    """The program inside one organization, as which commands on the machine act: it may do everything there.

    `by` is whoever it acts for: its name when that is a command, and the way that it came.
    """
    name = by.name if by.kind == SYSTEM.kind else SYSTEM.name
    return msgspec.structs.replace(SYSTEM, name=name, organization_id=organization_id).by_way_of(by)


def command(words: str) -> Actor:
    """The program as it acts for a command on the machine, before it is inside of an organization: `user add`."""
    return msgspec.structs.replace(SYSTEM, name=f"openalert {words}")


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
    """Whether `actor` may do this in the team; None asks about the organization as a whole."""
    if actor.organization_id is None:
        return True
    if actor.scopes is not None and scope_of(permission, team_id) not in actor.scopes:
        return False
    role = role_in(actor, team_id)
    return role is not None and role.rank >= permission


def role_in(actor: Actor, team_id: str | None) -> Role | None:
    """The role that counts in the team, None outside of it; in the organization when `team_id` is None.

    Whoever sees all teams has their role in each. A viewer of the organization stays a viewer in every team.
    """
    if team_id is None:
        return Role.VIEWER if actor.is_confined else actor.role
    if actor.sees_all_teams:
        return actor.role
    role = actor.teams.get(team_id)
    is_viewer = actor.kind == "user" and actor.role is Role.VIEWER
    return Role.VIEWER if role is not None and is_viewer else role


def scope_of(permission: Permission, team_id: str | None) -> Scope:
    """What a key needs to be used for this."""
    if permission is Permission.SEE:
        return Scope.READ
    if team_id is None or permission is Permission.OWN:
        return Scope.ADMIN
    return Scope.RESPOND if permission is Permission.RESPOND else Scope.CONFIGURE


def least(*roles: Role) -> Role:
    """The lowest of some roles."""
    return min(roles, key=lambda role: role.rank)
