"""JSON `/users`: people, their roles, passwords and second factors."""

from datetime import datetime
from functools import partial
from typing import Any

from litestar import Request, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission, Role, can
from openalert.domain.errors import NotFound
from openalert.domain.links_back import LinksBack
from openalert.domain.user import User
from openalert.storage.database import Database
from openalert.usecases import links, password_resets, second_factors, users
from openalert.usecases.signin import token_hash
from openalert.web.api import contact_methods
from openalert.web.api.invitations import MAKES_LINK
from openalert.web.api.wire import READS, WRITES, Input, Output, moment
from openalert.web.guards import Credential
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


class UserOut(Output):
    """A person. The phone number is shown to the person and to admins alone."""

    id: str
    email: str
    name: str
    phone_number: str | None
    timezone: str
    is_active: bool
    role: Role
    created_at: datetime
    updated_at: datetime


class UserIn(Input):
    """A new person; with a password they can sign in at once."""

    email: str
    name: str
    role: Role = Role.MEMBER
    timezone: str = "UTC"
    phone_number: str | None = None
    password: str | None = None


class UserPatch(Input):
    """What to change of a person."""

    email: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    phone_number: str | UnsetType | None = UNSET
    timezone: str | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    role: Role | UnsetType = UNSET


class PasswordIn(Input):
    """A new password; one's own needs the current one too."""

    password: str
    current_password: str | None = None


class PasswordLinkOut(Output):
    """A link to a new password; `link` is there only where this server sends no mail."""

    expires_at: datetime
    link: str | UnsetType = UNSET


def show(actor: Actor, user: User) -> UserOut:
    """A person as the actor may see them."""
    is_close = actor.user_id == user.id or can(actor, Permission.CONFIGURE, None)
    return UserOut(
        id=user.id,
        email=user.email,
        name=user.name,
        phone_number=user.phone_number if is_close else None,
        timezone=user.timezone,
        is_active=user.is_active,
        role=user.role,
        created_at=moment(user.created_at),
        updated_at=moment(user.updated_at),
    )


@get("/", responses=READS)
async def list_users(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[UserOut]:
    """Everybody in the organization."""
    async with db.read() as reader:
        return await paged(partial(users.page, reader, actor), partial(show, actor), limit, cursor)


@post("/", responses=WRITES)
async def create_user(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[UserIn]
) -> UserOut:
    """Add a person, who is reached by the address given from now on."""
    members = data.members()
    password = members.pop("password")
    if password is not None:
        members["password_hash"] = await users.new_password_hash(password, about=(data.name, data.email))
    async with db.transaction(actor) as tx:
        return show(actor, await users.create(tx, **members))


@get("/me", responses=READS)
async def get_me(db: NamedDependency[Database], actor: NamedDependency[Actor]) -> UserOut:
    """Whoever asks; 404 for an API key, which is no person."""
    async with db.read() as reader:
        return show(actor, await users.me(reader, actor))


@patch("/me", responses=WRITES)
async def update_me(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[UserPatch]
) -> UserOut:
    """Change one's own name, zone or phone number."""
    async with db.transaction(actor) as tx:
        return show(actor, await users.update(tx, _own_id(actor), **data.members()))


@get("/{user_id:str}", responses=READS)
async def get_user(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> UserOut:
    """One person."""
    async with db.read() as reader:
        return show(actor, await users.get(reader, actor, user_id))


@patch("/{user_id:str}", responses=WRITES)
async def update_user(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    data: JSONBody[UserPatch],
) -> UserOut:
    """Change a person; the organization always keeps an active owner."""
    async with db.transaction(actor) as tx:
        return show(actor, await users.update(tx, user_id, **data.members()))


@delete("/{user_id:str}", responses=WRITES)
async def delete_user(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> None:
    """Deactivate a person: no sign-in and no page any more, while the name stays in what happened."""
    async with db.transaction(actor) as tx:
        await users.deactivate(tx, user_id)


@post("/{user_id:str}/password", status_code=204, responses=WRITES)
async def set_password(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
    data: JSONBody[PasswordIn],
) -> None:
    """Set a password; every other session of the person ends."""
    shown: Credential | None = request.scope.get("credential")  # type: ignore[assignment]  # set by the guard
    kept = token_hash(shown.text) if shown is not None and shown.kind == "session" else ""
    await users.change_password(
        db, actor, user_id, password=data.password, current=data.current_password, keep_session=kept
    )


@post("/{user_id:str}/password-link", status_code=200, responses=WRITES, opt=MAKES_LINK)
async def send_password_link(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    user_id: FromPath[str],
) -> PasswordLinkOut:
    """Mail somebody a link to a new password; from a server that sends no mail, `link` is shown this once.

    Good once, for half an hour; for three days where the person has no password yet.
    """
    by_mail = request.app.state.config.sends_mail
    async with db.transaction(actor) as tx:
        reset = await password_resets.send(tx, user_id, by_mail=by_mail)
        claims = links.of_reset(reset, await users.get(tx, actor, user_id))
    handed = UNSET if by_mail else links.address(links_back.base_url, links_back.secret, claims)
    return PasswordLinkOut(expires_at=moment(reset.expires_at), link=handed)


@delete("/{user_id:str}/second-factor", responses=WRITES)
async def reset_second_factor(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> None:
    """Take away the second factor of a colleague who has lost it: authenticator app, passkeys and recovery codes.

    They are signed out everywhere. One's own is removed in the browser.
    """
    async with db.transaction(actor) as tx:
        await second_factors.reset(tx, user_id)


def _own_id(actor: Actor) -> str:
    if actor.user_id is None:
        raise NotFound("user")
    return actor.user_id


routes = Router(
    path="/users",
    tags=["users"],
    route_handlers=[
        list_users,
        create_user,
        get_me,
        update_me,
        get_user,
        update_user,
        delete_user,
        set_password,
        send_password_link,
        reset_second_factor,
        *contact_methods.handlers,
    ],
)
