"""Pages of people: who there is, what they may do, how they are reached."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission, Role, can
from openalert.domain.errors import Invalid
from openalert.domain.invitation import Invitation
from openalert.domain.second_factor import SecondFactorRule
from openalert.domain.user import User
from openalert.storage import contact_methods as stored_contact_methods
from openalert.storage import teams
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import (
    contact_methods,
    identities,
    invitations,
    links,
    notification_rules,
    password_resets,
    reachability,
    second_factors,
    signin,
    users,
)
from openalert.web.ui import choices, reaching, shifts
from openalert.web.ui.forms import Errors, attempt, forget_shown, show_once, shown_once, values_of
from openalert.web.ui.frame import Values, Web, act, address, answer, go, sent, sent_all, shell
from openalert.web.ui.invitations import PASSWORDS, on_its_way, pending
from openalert.web.ui.links import link
from openalert.web.ui.security import session_row
from openalert.web.ui.single_sign_on import identity_row

PAGE = 100
_NAMES = ("name", "email", "role", "timezone", "phone_number")
FIELDS = {
    "name": ("name", "The name"),
    "email": ("email", "The address"),
    "timezone": ("timezone", "The time zone"),
    "phoneNumber": ("phone_number", "The number"),
    "role": ("role", "The role"),
}
_RULES = {
    SecondFactorRule.OPTIONAL: "Everybody decides about a second factor themselves.",
    SecondFactorRule.ADMINS: "Admins and owners need a second factor from now on.",
    SecondFactorRule.EVERYONE: "Everybody needs a second factor from now on.",
}
_ROLES = {
    "member": "Member: works on what their teams own",
    "viewer": "Viewer: reads, and may still be on call",
    "admin": "Admin: changes everything but owners",
    "owner": "Owner: changes everything",
}


@get("/users", include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """Everybody of the organization."""
    return await _list(request, db, actor, cursor[:64], {}, {})


@post("/users", opt=PASSWORDS, include_in_schema=False)
async def invite(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Invite somebody: by mail, or with a link that is shown once, to be handed over."""
    typed = await sent(request)
    chosen = await sent_all(request, "team_id")

    async def body(tx: Transaction) -> Invitation:
        role = _role(typed.get("role", ""))
        return await invitations.create(
            tx,
            email=typed.get("email", ""),
            role=role,
            # A viewer of the organization is one in every team, and still may be on call.
            team_roles=dict.fromkeys(chosen, Role.VIEWER if role is Role.VIEWER else Role.MEMBER),
            by_mail=request.app.state.config.sends_mail,
        )

    made, errors = await attempt(db, actor, body, FIELDS)
    if made is None:
        return await _list(request, db, actor, "", typed, errors, chosen)
    return on_its_way(request, made)


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise Invalid("Choose one of the roles.", field="role") from None


async def _list(
    request: Web,
    db: Database,
    actor: Actor,
    cursor: str,
    typed: Mapping[str, str],
    errors: Errors,
    chosen: Sequence[str] = (),
) -> Response[Any]:
    may_manage = can(actor, Permission.CONFIGURE, None)
    may_invite = may_manage and not request.app.state.config.oidc.only
    async with db.read() as reader:
        rule = await second_factors.rule(reader, actor)
        rows = await users.page(reader, actor, after=cursor, limit=PAGE + 1)
        shown = rows[:PAGE]
        context = await shell(
            request,
            reader,
            actor,
            "/users",
            users=await _rows(reader, actor, shown),
            can_edit=may_manage,
            can_invite=may_invite,
            invitations=await pending(reader, actor, limit=PAGE) if may_invite else [],
            handed=shown_once(request),
            rule=rule.value,
            may_rule=can(actor, Permission.OWN, None),
            sends_mail=request.app.state.config.sends_mail,
            roles=_roles(actor),
            teams=await choices.names_of_teams(reader, actor),
            chosen=chosen,
            errors=errors,
            values=values_of(typed, _NAMES, role="member"),
            older=address("/users", cursor=shown[-1].id) if len(rows) > PAGE else None,
            newest="/users" if cursor else None,
        )
    return forget_shown(request, answer(request, "users/list.html", context, 422 if errors else 200))


def _roles(actor: Actor) -> choices.Choices:
    """The roles that this actor may give."""
    return [(key, words) for key, words in _ROLES.items() if can(actor, Permission(Role(key).rank), None)]


async def _rows(reader: Reader, actor: Actor, shown: Sequence[User]) -> list[Values]:
    may_see = can(actor, Permission.CONFIGURE, None)
    ways = (
        await stored_contact_methods.verified(reader, [each.id for each in shown])
        if may_see and shown
        else {}
    )
    reach = await reachability.of_people(reader, [each.id for each in shown]) if may_see else {}
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
            "reach": reach.get(each.id),
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
    return await page(request, db, actor, user_id, {}, {})


async def page(
    request: Web, db: Database, actor: Actor, user_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    """One person's page with what was typed and what is wrong with it."""
    async with db.read() as reader:
        user = await users.get(reader, actor, user_id)
        may_manage = can(actor, Permission.CONFIGURE, None) and actor.role.rank >= user.role.rank
        duty = await shifts.of_person(reader, actor, user.id)
        reach = await reachability.of_user(reader, actor, user.id)
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
            picture=reaching.picture(await notification_rules.callee(reader, actor, user.id), reader.now)
            if may_manage
            else [],
            reach=reach,
            base=f"/users/{user.id}",
            methods=reaching.methods(await contact_methods.of_user(reader, actor, user.id), reach, reader.now)
            if may_manage
            else [],
            kinds=reaching.kinds(request.app.state.config),
            handed=shown_once(request).get(user.id),
            sends_mail=request.app.state.config.sends_mail,
            passwords=not request.app.state.config.oidc.only,
            sessions=[session_row(each) for each in await signin.sessions(reader, actor, user.id)]
            if may_manage
            else [],
            factors=await second_factors.of(reader, user.id) if may_manage else None,
            identities=[identity_row(each) for each in await identities.of_user(reader, actor, user.id)]
            if may_manage
            else [],
            roles=_roles(actor),
            errors=errors,
            values=values_of(
                typed,
                (*_NAMES, "type", "address"),
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
        return await page(request, db, actor, user_id, typed, errors)
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


@post("/users/{user_id:str}/password", opt=PASSWORDS, include_in_schema=False)
async def send_password_link(
    request: Web, user_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """A link to a new password: by mail, or shown this once, to be handed over."""
    here = f"/users/{user_id}"
    by_mail = request.app.state.config.sends_mail

    async def body(tx: Transaction) -> tuple[User, str]:
        reset = await password_resets.send(tx, user_id, by_mail=by_mail)
        user = await users.get(tx, tx.actor, user_id)
        return user, link(request, links.of_reset(reset, user))

    done, errors = await attempt(db, actor, body)
    if done is None:
        return go(here, " ".join(errors.values()), "bad")
    user, handed = done
    if by_mail:
        return go(here, f"A link to a new password is on its way to {user.email}.")
    return show_once(request, go(here), user_id, handed)


@post("/users/{user_id:str}/sessions/end", include_in_schema=False)
async def end_sessions(
    user_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Sign somebody out everywhere."""

    async def body(tx: Transaction) -> str:
        await signin.end_sessions_of(tx, user_id)
        return "Signed out everywhere."

    return await act(db, actor, f"/users/{user_id}#sessions", body)


@post("/users/{user_id:str}/second-factor/reset", include_in_schema=False)
async def reset_second_factor(
    user_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Take away the second factor of a colleague who has lost it."""

    async def body(tx: Transaction) -> str:
        user = await second_factors.reset(tx, user_id)
        return f"{user.name} signs in with the password alone, and is signed out everywhere."

    return await act(db, actor, f"/users/{user_id}", body)


@post("/users/second-factor", include_in_schema=False)
async def require_second_factor(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Say who needs a second factor."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        return _RULES[await second_factors.set_rule(tx, typed.get("rule", ""))]

    return await act(db, actor, "/users#second-factor", body)


ROUTES: Sequence[HTTPRouteHandler] = [
    index,
    invite,
    require_second_factor,
    show,
    update,
    deactivate,
    activate,
    send_password_link,
    end_sessions,
    reset_second_factor,
]
