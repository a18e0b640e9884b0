"""Pages of teams: who is in them, what they own, and their places for messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, Role, can
from openalert.domain.channel import CHANNEL_KINDS
from openalert.domain.drill import Rhythm
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.team import Team
from openalert.storage import channels as stored_channels
from openalert.storage import schedules, services, users
from openalert.storage import teams as stored
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import drills, teams
from openalert.usecases import schedules as duty
from openalert.web.ui import choices
from openalert.web.ui.forms import Errors, attempt, forget_shown, shown_once, values_of
from openalert.web.ui.frame import Values, Web, act, address, answer, go, sent, shell

PAGE = 100
_FIELDS = {
    "name": ("name", "The name"),
    "description": ("description", "The description"),
    "userId": ("user_id", "Person"),
}
ROLES = {
    Role.VIEWER: "sees everything of the team; can be on call, and answers what pages them",
    Role.MEMBER: "also acknowledges, resolves, writes notes, takes over shifts, sends tests",
    Role.ADMIN: "also sets up services, schedules, policies and channels, and looks after members and keys",
    Role.OWNER: "also deletes the team and makes owners",
}
"""What each role may do in a team, in plain words."""
RHYTHMS = {"off": "Off", "weekly": "Every week", "monthly": "Every month"}
DRILLS_SHOWN = 20
CHANNEL_FIELDS = {
    "name": ("channel_name", "The name"),
    "email": ("address", "The address"),
    "config.url": ("address", "The address"),
    "config.address": ("address", "The address"),
}


@get("/teams", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """Every team in view."""
    return await _list(request, db, actor, cursor[:64], {}, {})


@post("/teams", include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Make a team; who makes it owns it."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Team:
        return await teams.create(tx, name=typed.get("name", ""), description=typed.get("description", ""))

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _list(request, db, actor, "", typed, errors)
    return go(f"/teams/{made.id}", f"{made.name} is there. Add its people.")


async def _list(
    request: Web, db: Database, actor: Actor, cursor: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        rows = await teams.page(reader, actor, after=cursor, limit=PAGE + 1)
        shown = rows[:PAGE]
        context = await shell(
            request,
            reader,
            actor,
            "/teams",
            teams=await _rows(reader, actor, shown),
            can_create=can(actor, Permission.CONFIGURE, None),
            errors=errors,
            values=values_of(typed, ("name", "description")),
            older=address("/teams", cursor=shown[-1].id) if len(rows) > PAGE else None,
            newest="/teams" if cursor else None,
        )
    return answer(request, "teams/list.html", context, 422 if errors else 200)


async def _rows(reader: Reader, actor: Actor, shown: Sequence[Team]) -> list[Values]:
    memberships = await stored.members(reader, [each.id for each in shown]) if shown else {}
    rotas = await schedules.page(reader, actor, limit=choices.MOST)
    answers = await duty.on_call_of(reader, rotas)
    ids = {one.user_id for some in memberships.values() for one in some}
    people = await users.named(reader, actor, ids | duty.people_of(now for _, now in answers))
    on_call: dict[str, list[str]] = {}
    for rota, now in answers:
        names = [people[one.user_id].name for one in now.people if one.user_id in people]
        on_call.setdefault(rota.team_id, []).extend(names)
    count: dict[str, int] = {}
    for service in await services.page(reader, actor, after="", limit=choices.MOST):
        count[service.team_id] = count.get(service.team_id, 0) + 1
    return [
        {
            "href": f"/teams/{each.id}",
            "name": each.name,
            "description": each.description,
            "members": [
                people[one.user_id].name for one in memberships.get(each.id, []) if one.user_id in people
            ],
            "services": count.get(each.id, 0),
            "on_call": list(dict.fromkeys(on_call.get(each.id, []))),
        }
        for each in shown
    ]


@get("/teams/{team_id:str}", include_in_schema=False)
async def show(
    request: Web, team_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """One team."""
    return await team_page(request, db, actor, team_id, {}, {})


async def team_page(
    request: Web,
    db: Database,
    actor: Actor,
    team_id: str,
    typed: Mapping[str, str],
    errors: Errors,
    *,
    leaving: str = "",
) -> Response[Any]:
    """The page of a team, with what was typed into one of its forms and what was wrong with it.

    `leaving` is the id of a member who was to be taken out while the team counts on them.
    """
    async with db.read() as reader:
        team = await teams.get(reader, actor, team_id)
        members = await teams.members(reader, actor, team.id)
        inside = {user.id for _, user in members}
        may_own = can(actor, Permission.OWN, team.id)
        on_call = await _on_call(reader, actor, team.id)
        secrets = shown_once(request)
        context = await shell(
            request,
            reader,
            actor,
            "/teams",
            team={
                "id": team.id,
                "name": team.name,
                "description": team.description,
                "can_edit": can(actor, Permission.CONFIGURE, team.id),
                "can_respond": can(actor, Permission.RESPOND, team.id),
                "can_delete": may_own,
                "is_mine": actor.user_id in inside,
                "my_id": actor.user_id,
            },
            members=[
                {
                    "id": user.id,
                    "name": user.name,
                    "email": user.email,
                    "role": membership.role.value,
                    "on_call": user.id in on_call,
                    "is_active": user.is_active,
                    "may_change": may_own or membership.role is not Role.OWNER,
                }
                for membership, user in members
            ],
            others=[pair for pair in await choices.people(reader, actor) if pair[0] not in inside],
            roles=[
                (role.value, role.value.capitalize()) for role in Role if may_own or role is not Role.OWNER
            ],
            leaving=next(
                ({"id": user.id, "name": user.name} for _, user in members if user.id == leaving), None
            ),
            move_to=[pair for pair in await choices.teams_to_configure(reader, actor) if pair[0] != team.id],
            explained=ROLES,
            owns=await _owns(reader, actor, team.id),
            drills=await _drills(reader, actor, team),
            channel_kinds=[(kind.type, kind.words) for kind in CHANNEL_KINDS.values()],
            channels=[
                {
                    "id": each.id,
                    "name": each.name,
                    "type": each.type,
                    "address": str(next(iter(each.config.values()), "")),
                    "is_enabled": each.is_enabled,
                    "secret": secrets.get(each.id),
                }
                for each in await stored_channels.page(reader, actor, team_id=team.id, limit=choices.MOST)
            ],
            errors=errors,
            values={"name": team.name, "description": team.description}
            | values_of(typed, ("channel_name", "address", "type"))
            | {name: typed[name] for name in ("name", "description") if name in typed},
        )
    return forget_shown(request, answer(request, "teams/show.html", context, 422 if errors else 200))


async def _on_call(reader: Reader, actor: Actor, team_id: str) -> set[str]:
    rotas = await schedules.page(reader, actor, team_id=team_id, limit=choices.MOST)
    return duty.people_of(now for _, now in await duty.on_call_of(reader, rotas))


async def _drills(reader: Reader, actor: Actor, team: Team) -> Values:
    rows = await drills.of_team(reader, actor, team.id, limit=DRILLS_SHOWN)
    people = await users.named(reader, actor, {each.user_id for each in rows})
    return {
        "rhythm": team.drills.value,
        "rhythms": list(RHYTHMS.items()),
        "rows": [
            {
                "name": people[each.user_id].name if each.user_id in people else "somebody who is gone",
                "state": each.state.value,
                "channel": each.channel,
                "reason": each.reason,
                "at": each.answered_at or each.reminded_at or each.sent_at or each.due_at or each.updated_at,
            }
            for each in rows
        ],
    }


async def _owns(reader: Reader, actor: Actor, team_id: str) -> list[Values]:
    own = await choices.of_team(reader, actor, team_id)
    kinds = [
        ("Services", "activity", "services", "/services"),
        ("Schedules", "calendar-clock", "schedules", "/schedules"),
        ("Escalation policies", "chevrons-up", "policies", "/escalation-policies"),
    ]
    return [
        {
            "words": words,
            "icon": icon,
            "things": [{"name": name, "href": f"{path}/{key}"} for key, name in own[kind]],
        }
        for words, icon, kind, path in kinds
    ]


@post("/teams/{team_id:str}", include_in_schema=False)
async def update(
    request: Web, team_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Rename or describe the team."""
    typed = await sent(request)

    async def body(tx: Transaction) -> Team:
        return await teams.update(
            tx, team_id, name=typed.get("name", ""), description=typed.get("description", "")
        )

    changed, errors = await attempt(db, actor, body, _FIELDS)
    if changed is None:
        return await team_page(request, db, actor, team_id, typed, errors)
    return go(f"/teams/{team_id}", "Saved.")


@post("/teams/{team_id:str}/drills", include_in_schema=False)
async def drill(
    request: Web, team_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """How often everybody in the team gets a fire drill."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        wanted = typed.get("drills", "")
        if wanted not in RHYTHMS:
            raise Invalid("Choose one of them.", field="drills")
        await teams.update(tx, team_id, drills=Rhythm(wanted))
        return "Saved."

    return await act(db, actor, f"/teams/{team_id}", body)


@post("/teams/{team_id:str}/delete", include_in_schema=False)
async def delete(
    team_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Delete a team that has nothing left."""
    _, errors = await attempt(db, actor, lambda tx: teams.delete(tx, team_id))
    if errors:
        return go(f"/teams/{team_id}", " ".join(errors.values()), "bad")
    return go("/teams", "The team is deleted.")


@post("/teams/{team_id:str}/members", include_in_schema=False)
async def add_member(
    request: Web, team_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Take somebody in."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        user_id = typed.get("user_id", "")
        made = await teams.put_member(tx, team_id, user_id, _role(typed.get("role", "member")))
        named = await users.named(tx, tx.actor, [made.user_id])
        return f"{named[made.user_id].name} is in the team now."

    return await act(db, actor, f"/teams/{team_id}", body)


@post("/teams/{team_id:str}/members/{user_id:str}", include_in_schema=False)
async def change_member(
    request: Web,
    team_id: FromPath[str],
    user_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Another role for somebody, or none any more."""
    typed = await sent(request)
    leaves = typed.get("act") == "remove"

    async def body(tx: Transaction) -> str:
        named = await users.named(tx, tx.actor, [user_id])
        name = named[user_id].name if user_id in named else "The person"
        if leaves:
            await teams.remove_member(tx, team_id, user_id, anyway=typed.get("anyway") == "yes")
            return f"{name} is out of the team."
        made = await teams.put_member(tx, team_id, user_id, _role(typed.get("role", "")))
        return f"{name} has the role {made.role} now."

    is_mine = leaves and user_id == actor.user_id and not actor.sees_all_teams
    try:
        return await act(
            db, actor, "/teams" if is_mine else f"/teams/{team_id}", body, but=("STILL_ON_DUTY",)
        )
    except Conflict as error:
        return await team_page(request, db, actor, team_id, {}, {"": error.message}, leaving=user_id)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise Invalid("Choose one of the roles.", field="role") from None


ROUTES: Sequence[HTTPRouteHandler] = [index, create, show, update, drill, delete, add_member, change_member]
