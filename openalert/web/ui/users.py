"""Pages of people: who there is, what they may do, how they are reached."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, Role, can
from openalert.domain.errors import Invalid
from openalert.domain.user import User
from openalert.storage import contact_methods, teams
from openalert.storage import users as stored_users
from openalert.storage.database import Database, Reader, Transaction
from openalert.usecases import users
from openalert.web.ui import choices, shifts
from openalert.web.ui.forms import REFUSALS, Errors, attempt, forget_shown, show_once, shown_once, values_of
from openalert.web.ui.frame import Values, Web, act, address, answer, go, sent, shell

PAGE = 100
_NAMES = ("name", "email", "role", "timezone", "phone_number")
FIELDS = {
    "name": ("name", "The name"),
    "email": ("email", "The address"),
    "timezone": ("timezone", "The time zone"),
    "phoneNumber": ("phone_number", "The number"),
    "role": ("role", "The role"),
}
_ROLES = {
    "member": "Member: works on what their teams own",
    "viewer": "Viewer: reads, and may still be on call",
    "admin": "Admin: changes everything but owners",
    "owner": "Owner: changes everything",
}


def new_password() -> str:
    """A password of 96 random bits that can be read out, for handing over once."""
    text = secrets.token_hex(12)
    return "-".join(text[at : at + 6] for at in range(0, 24, 6))


@get("/users", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """Everybody of the organization."""
    return await _list(request, db, actor, cursor[:64], {}, {})


@post("/users", include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Add somebody with a password that is shown once, to be handed over."""
    typed = await sent(request)
    password = new_password()
    hashed = await users.new_password_hash(password)

    async def body(tx: Transaction) -> User:
        me = await stored_users.get(tx, tx.actor, tx.actor.user_id or "")
        return await users.create(
            tx,
            email=typed.get("email", ""),
            name=typed.get("name", ""),
            role=_role(typed.get("role", "")),
            timezone=me.timezone if me else "UTC",
            password_hash=hashed,
        )

    made, errors = await attempt(db, actor, body, FIELDS)
    if made is None:
        return await _list(request, db, actor, "", typed, errors)
    return show_once(request, go(f"/users/{made.id}", f"{made.name} can sign in now."), made.id, password)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise Invalid("Choose one of the roles.", field="role") from None


async def _list(
    request: Web, db: Database, actor: Actor, cursor: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        rows = await users.page(reader, actor, after=cursor, limit=PAGE + 1)
        shown = rows[:PAGE]
        context = await shell(
            request,
            reader,
            actor,
            "/users",
            users=await _rows(reader, actor, shown),
            can_edit=can(actor, Permission.CONFIGURE, None),
            roles=_roles(actor),
            errors=errors,
            values=values_of(typed, _NAMES, role="member"),
            older=address("/users", cursor=shown[-1].id) if len(rows) > PAGE else None,
            newest="/users" if cursor else None,
        )
    return answer(request, "users/list.html", context, 422 if errors else 200)


def _roles(actor: Actor) -> choices.Choices:
    """The roles that this actor may give."""
    return [(key, words) for key, words in _ROLES.items() if can(actor, Permission(Role(key).rank), None)]


async def _rows(reader: Reader, actor: Actor, shown: Sequence[User]) -> list[Values]:
    may_see = can(actor, Permission.CONFIGURE, None)
    ways = await contact_methods.verified(reader, [each.id for each in shown]) if may_see and shown else {}
    on_call = await shifts.on_now(reader, actor)
    team_names = await choices.names_of_teams(reader, actor)
    memberships = await teams.members(reader, list(team_names)) if team_names else {}
    of_person: dict[str, list[str]] = {}
    for team_id, some in memberships.items():
        for one in some:
            of_person.setdefault(one.user_id, []).append(team_names[team_id])
    rows: list[Values] = [
        {
            "id": each.id,
            "href": "/me" if each.id == actor.user_id else f"/users/{each.id}",
            "name": each.name,
            "email": each.email,
            "role": each.role.value,
            "teams": of_person.get(each.id, []),
            "on_call": on_call.get(each.id, []),
            "ways": list(dict.fromkeys(one.type for one in ways.get(each.id, []))) if may_see else None,
            "is_active": each.is_active,
        }
        for each in shown
    ]
    return sorted(rows, key=lambda row: (not row["is_active"], str(row["name"]).casefold()))


@get("/users/{user_id:str}", include_in_schema=False)
async def show(
    request: Web, user_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """One person; oneself is `/me`."""
    if user_id == actor.user_id:
        return go("/me")
    return await _page(request, db, actor, user_id, {}, {})


async def _page(
    request: Web, db: Database, actor: Actor, user_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        user = await users.get(reader, actor, user_id)
        may_manage = can(actor, Permission.CONFIGURE, None) and actor.role.rank >= user.role.rank
        duty = await shifts.of_person(reader, actor, user.id)
        methods = await contact_methods.of_user(reader, user.id) if may_manage else []
        team_names = await choices.names_of_teams(reader, actor)
        memberships = await teams.members(reader, list(team_names)) if team_names else {}
        context = await shell(
            request,
            reader,
            actor,
            "/users",
            user={
                "id": user.id,
                "name": user.name,
                "email": user.email,
                "timezone": user.timezone,
                "role": user.role.value,
                "is_active": user.is_active,
                "has_password": user.password_hash is not None,
                "can_edit": may_manage,
            },
            on=duty.on,
            shifts=duty.shifts,
            teams=[
                {"name": team_names[team_id], "href": f"/teams/{team_id}", "role": one.role.value}
                for team_id, some in memberships.items()
                for one in some
                if one.user_id == user.id
            ],
            methods=[
                {"type": each.type, "address": each.address, "verified": each.verified_at is not None}
                for each in methods
            ],
            password=shown_once(request).get(user.id),
            roles=_roles(actor),
            errors=errors,
            values=values_of(
                typed,
                _NAMES,
                name=user.name,
                email=user.email,
                role=user.role.value,
                timezone=user.timezone,
                phone_number=user.phone_number or "",
            ),
        )
    return forget_shown(request, answer(request, "users/show.html", context, 422 if errors else 200))


@post("/users/{user_id:str}", include_in_schema=False)
async def update(
    request: Web, user_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Change a person."""
    typed = await sent(request)

    async def body(tx: Transaction) -> User:
        return await users.update(
            tx,
            user_id,
            name=typed.get("name", ""),
            email=typed.get("email", ""),
            role=_role(typed.get("role", "")),
            timezone=typed.get("timezone", ""),
        )

    changed, errors = await attempt(db, actor, body, FIELDS)
    if changed is None:
        return await _page(request, db, actor, user_id, typed, errors)
    return go(f"/users/{user_id}", "Saved.")


@post("/users/{user_id:str}/deactivate", include_in_schema=False)
async def deactivate(
    user_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Nobody signs in as this person any more, and nobody pages them."""

    async def body(tx: Transaction) -> str:
        await users.deactivate(tx, user_id)
        return (
            "Switched off: signed out everywhere and no longer paged. Look at the rotations that name them."
        )

    return await act(db, actor, f"/users/{user_id}", body)


@post("/users/{user_id:str}/activate", include_in_schema=False)
async def activate(
    user_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """The person is back."""

    async def body(tx: Transaction) -> str:
        return f"{(await users.update(tx, user_id, is_active=True)).name} is back."

    return await act(db, actor, f"/users/{user_id}", body)


@post("/users/{user_id:str}/password", include_in_schema=False)
async def reset_password(
    request: Web, user_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """A new password, shown this once; every session of the person ends."""
    if user_id == actor.user_id:
        return go("/me", "Change your own password here.", "bad")
    password = new_password()
    try:
        await users.change_password(db, actor, user_id, password=password, current=None)
    except REFUSALS as error:
        return go(f"/users/{user_id}", error.message, "bad")
    said = "The old password no longer works, and every session is over."
    return show_once(request, go(f"/users/{user_id}", said), user_id, password)


ROUTES: Sequence[HTTPRouteHandler] = [
    index,
    create,
    show,
    update,
    deactivate,
    activate,
    reset_password,
]
