"""JSON `/teams`: who owns what, and who belongs to it."""

from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from openalert.domain import drill as drill_of
from openalert.domain.access import Actor, Role
from openalert.domain.drill import DrillState, Rhythm
from openalert.domain.team import Team, TeamMember
from openalert.domain.user import User
from openalert.storage.database import Database
from openalert.usecases import drills, teams
from openalert.web.api.wire import READS, WRITES, Input, Output, moment, moment_or_none
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


class TeamOut(Output):
    """A team."""

    id: str
    name: str
    slug: str
    description: str
    drills: Rhythm
    created_at: datetime
    updated_at: datetime


class TeamIn(Input):
    """A new team."""

    name: str
    slug: str | None = None
    description: str = ""


class TeamPatch(Input):
    """What to change of a team."""

    name: str | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    drills: Rhythm | UnsetType = UNSET


class Drill(Output):
    """A test page that came to a member by itself, or will."""

    id: str
    user_id: str
    state: DrillState
    channel: str | None
    reason: str | None
    due_at: datetime | None
    sent_at: datetime | None
    reminded_at: datetime | None
    answered_at: datetime | None


class MemberUser(Output):
    """Whom a membership means."""

    id: str
    name: str
    email: str
    is_active: bool


class MemberOut(Output):
    """A person in a team."""

    user_id: str
    role: Role
    created_at: datetime
    user: MemberUser


class MemberIn(Input):
    """Whom to take into the team, and as what."""

    user_id: str
    role: Role = Role.MEMBER


class MemberRole(Input):
    """What the person is to be in the team."""

    role: Annotated[Role, msgspec.Meta(description="The role in this team.")]


def show(team: Team) -> TeamOut:
    """A team as it is answered."""
    return TeamOut(
        id=team.id,
        name=team.name,
        slug=team.slug,
        description=team.description,
        drills=team.drills,
        created_at=moment(team.created_at),
        updated_at=moment(team.updated_at),
    )


def show_drill(drill: drill_of.Drill) -> Drill:
    """A drill as it is answered; by what kind of way it went, and no address."""
    return Drill(
        id=drill.id,
        user_id=drill.user_id,
        state=drill.state,
        channel=drill.channel,
        reason=drill.reason or None,
        due_at=moment_or_none(drill.due_at),
        sent_at=moment_or_none(drill.sent_at),
        reminded_at=moment_or_none(drill.reminded_at),
        answered_at=moment_or_none(drill.answered_at),
    )


def show_member(member: TeamMember, user: User) -> MemberOut:
    """A membership as it is answered."""
    return MemberOut(
        user_id=member.user_id,
        role=member.role,
        created_at=moment(member.created_at),
        user=MemberUser(id=user.id, name=user.name, email=user.email, is_active=user.is_active),
    )


@get("/", responses=READS)
async def list_teams(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[TeamOut]:
    """The teams that the caller may see."""
    async with db.read() as reader:
        return await paged(partial(teams.page, reader, actor), show, limit, cursor)


@post("/", responses=WRITES)
async def create_team(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[TeamIn]
) -> TeamOut:
    """Make a team; whoever makes it becomes its owner."""
    async with db.transaction(actor) as tx:
        return show(await teams.create(tx, **data.members()))


@get("/{team_id:str}", responses=READS)
async def get_team(
    db: NamedDependency[Database], actor: NamedDependency[Actor], team_id: FromPath[str]
) -> TeamOut:
    """One team."""
    async with db.read() as reader:
        return show(await teams.get(reader, actor, team_id))


@patch("/{team_id:str}", responses=WRITES)
async def update_team(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: FromPath[str],
    data: JSONBody[TeamPatch],
) -> TeamOut:
    """Rename or describe a team, or choose how often its members get a fire drill."""
    async with db.transaction(actor) as tx:
        return show(await teams.update(tx, team_id, **data.members()))


@delete("/{team_id:str}", responses=WRITES)
async def delete_team(
    db: NamedDependency[Database], actor: NamedDependency[Actor], team_id: FromPath[str]
) -> None:
    """Delete a team that owns nothing any more; its past incidents keep its name."""
    async with db.transaction(actor) as tx:
        await teams.delete(tx, team_id)


@get("/{team_id:str}/members", responses=READS)
async def list_members(
    db: NamedDependency[Database], actor: NamedDependency[Actor], team_id: FromPath[str]
) -> Page[MemberOut]:
    """Everybody in the team, in one page."""
    async with db.read() as reader:
        return Page(items=[show_member(*each) for each in await teams.members(reader, actor, team_id)])


@post("/{team_id:str}/members", responses=WRITES)
async def add_member(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: FromPath[str],
    data: JSONBody[MemberIn],
) -> MemberOut:
    """Take a person into the team, or give another role there."""
    async with db.transaction(actor) as tx:
        await teams.put_member(tx, team_id, data.user_id, data.role)
        return show_member(*await teams.member(tx, actor, team_id, data.user_id))


@get("/{team_id:str}/members/{user_id:str}", responses=READS)
async def get_member(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: FromPath[str],
    user_id: FromPath[str],
) -> MemberOut:
    """One person in the team."""
    async with db.read() as reader:
        return show_member(*await teams.member(reader, actor, team_id, user_id))


@patch("/{team_id:str}/members/{user_id:str}", responses=WRITES)
async def update_member(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: FromPath[str],
    user_id: FromPath[str],
    data: JSONBody[MemberRole],
) -> MemberOut:
    """Give a member another role."""
    async with db.transaction(actor) as tx:
        await teams.put_member(tx, team_id, user_id, data.role)
        return show_member(*await teams.member(tx, actor, team_id, user_id))


@delete("/{team_id:str}/members/{user_id:str}", responses=WRITES)
async def remove_member(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: FromPath[str],
    user_id: FromPath[str],
    anyway: Annotated[
        bool, QueryParameter(description="Also while the team counts on them; for admins of the team.")
    ] = False,
) -> None:
    """Take a person out of the team; 409 `STILL_ON_DUTY` while it counts on them."""
    async with db.transaction(actor) as tx:
        await teams.remove_member(tx, team_id, user_id, anyway=anyway)


@get("/{team_id:str}/drills", responses=READS)
async def list_drills(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: FromPath[str],
    user_id: Annotated[
        str | None, QueryParameter(name="userId", description="Only those of this person.")
    ] = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[Drill]:
    """The fire drills of a team, the newest first: test pages that came by themselves, and what became of them."""
    async with db.read() as reader:
        read = partial(drills.of_team, reader, actor, team_id, user_id=user_id)
        return await paged(read, show_drill, limit, cursor)


routes = Router(
    path="/teams",
    tags=["teams"],
    route_handlers=[
        list_teams,
        create_team,
        get_team,
        update_team,
        delete_team,
        list_members,
        add_member,
        get_member,
        update_member,
        remove_member,
        list_drills,
    ],
)
