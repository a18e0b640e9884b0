"""Pages behind links that let somebody in once: accept an invitation, choose a new password.

Looking changes nothing, pressing does: a mail scanner that follows a link uses nothing up.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import SYSTEM
from openalert.domain.errors import NotFound
from openalert.domain.link import LinkClaims
from openalert.storage import organizations, users
from openalert.storage.database import Database
from openalert.usecases import invitations, links, password_resets
from openalert.usecases.signin import Opened
from openalert.web.cookies import browser_of, entered, replaced
from openalert.web.ui.forms import REFUSALS, Errors, refused, values_of
from openalert.web.ui.frame import Web, address, answer, go, plain, sent
from openalert.web.ui.sign_in import PASSWORDS, after_password

_FIELDS = {
    "name": ("name", "Your name"),
    "timezone": ("timezone", "The time zone"),
    "password": ("password", "It"),
}


def secret_of(request: Web) -> bytes:
    """What signs the links; the application puts it on its state."""
    secret: bytes = request.app.state.secret
    return secret


def link(request: Web, claims: LinkClaims) -> str:
    """The link in full, to be handed over by whoever made it."""
    return links.address(request.app.state.config.base_url, secret_of(request), claims)


async def _typed_password(request: Web) -> str:
    form = await request.form()  # not trimmed: spaces belong to a password
    return str(form.get("password", ""))


@get("/reset/{token:str}", opt=PASSWORDS, include_in_schema=False)
async def show_reset(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[str]:
    """Whose password it is, and one field."""
    return await _reset_page(request, token, db, {})


async def _reset_page(request: Web, token: str, db: Database, errors: Errors) -> Response[str]:
    try:
        async with db.read() as reader:
            user = await password_resets.opened(reader, secret_of(request), token)
    except NotFound:
        return _void(request, db, "password")
    context = plain(request, db.clock(), path=f"/reset/{token}", email=user.email, errors=errors)
    return answer(request, "sign_in/reset.html", context, 422 if errors else 200)


@post("/reset/{token:str}", opt=PASSWORDS, include_in_schema=False)
async def reset(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[Any]:
    """Take the new password; signing in with it comes next, with the second factor if there is one."""
    try:
        password = await _typed_password(request)
        user = await password_resets.finish(
            db, secret_of(request), token, password=password, browser=browser_of(request)
        )
    except NotFound:
        return _void(request, db, "password")
    except REFUSALS as error:
        return await _reset_page(request, token, db, refused(error, _FIELDS))
    return go(address("/login", email=user.email), "Your password is changed. Sign in with it.")


@get("/invitation/{token:str}", opt=PASSWORDS, include_in_schema=False)
async def show_invitation(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[str]:
    """Who invites, where to and as what; name, zone and password."""
    return await _invitation_page(request, token, db, {}, {})


async def _invitation_page(
    request: Web, token: str, db: Database, typed: Mapping[str, str], errors: Errors
) -> Response[str]:
    try:
        async with db.read() as reader:
            invitation = await invitations.opened(reader, secret_of(request), token)
            organization = await organizations.get(reader, invitation.organization_id)
            hosts = await users.named(reader, SYSTEM, [invitation.invited_by_id or ""])
    except NotFound:
        return _void(request, db, "invitation")
    context = plain(
        request,
        db.clock(),
        path=f"/invitation/{token}",
        email=invitation.email,
        organization=organization.name if organization else "OpenAlert",
        host=next((host.name for host in hosts.values()), None),
        role=invitation.role.value,
        errors=errors,
        values=values_of(typed, ("name", "timezone"), name=invitation.name, timezone="UTC"),
    )
    return answer(request, "sign_in/invitation.html", context, 422 if errors else 200)


@post("/invitation/{token:str}", opt=PASSWORDS, include_in_schema=False)
async def accept(request: Web, token: FromPath[str], db: NamedDependency[Database]) -> Response[Any]:
    """Join, and be signed in."""
    typed = await sent(request)
    try:
        outcome = await invitations.accept(
            db,
            secret_of(request),
            token,
            name=typed.get("name", ""),
            timezone=typed.get("timezone", "") or "UTC",
            password=await _typed_password(request),
            browser=browser_of(request),
        )
    except NotFound:
        return _void(request, db, "invitation")
    except REFUSALS as error:
        return await _invitation_page(request, token, db, typed, refused(error, _FIELDS))
    if isinstance(outcome, Opened):
        await replaced(request, db)
    return entered(request, after_password(outcome, "/me"), outcome)


def _void(request: Web, db: Database, what: str) -> Response[str]:
    """The same page for a link that is used, withdrawn, over, or was never ours."""
    return answer(request, "sign_in/void.html", plain(request, db.clock(), what=what), 404)


ROUTES: Sequence[HTTPRouteHandler] = [show_reset, reset, show_invitation, accept]
