"""/auth/passkeys/…: what `static/passkeys.js` asks for and brings back when somebody uses a passkey."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from openalert.domain.access import Actor
from openalert.domain.errors import NotFound, Unauthenticated
from openalert.domain.user import User
from openalert.storage.database import Database
from openalert.usecases import passkeys, second_factors, signin, users
from openalert.usecases.passkeys import Site
from openalert.web.cookies import browser_of, entered, replaced, step_of
from openalert.web.guards import safe_next, session_token

Web = Request[Any, Any, Any]
_PUBLIC: dict[str, Any] = {"public": True}


class SignInOptionsIn(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the passkey comes after a password; without one it stands for itself."""

    after_password: bool = msgspec.field(name="afterPassword", default=False)


class SignInIn(msgspec.Struct, forbid_unknown_fields=True):
    """The signature of a device (`PublicKeyCredential.toJSON()`), and where to go then."""

    credential: dict[str, Any]
    after_password: bool = msgspec.field(name="afterPassword", default=False)
    next: str = "/"


class RegistrationOptionsIn(msgspec.Struct, forbid_unknown_fields=True):
    """For whom it becomes: whoever is signed in, or whoever has to set up a second factor to get in.

    Both may be in one browser, and be two people; so the page says which it is.
    """

    enrolling: bool = False


class RegistrationIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new passkey (`PublicKeyCredential.toJSON()`), and what its owner calls it."""

    credential: dict[str, Any]
    name: str = ""
    enrolling: bool = False


def site_of(request: Web) -> Site:
    """The site to which passkeys are bound; NotFound where browsers let none be used."""
    site = passkeys.site_of(request.app.state.config.base_url)
    if site is None:
        raise NotFound("page")
    return site


@post("/auth/passkeys/options", opt=_PUBLIC, status_code=200, include_in_schema=False)
async def sign_in_options(
    request: Web, db: NamedDependency[Database], data: JSONBody[SignInOptionsIn]
) -> dict[str, Any]:
    """What a device is to sign."""
    _refuse_alone(request, data.after_password)
    step = step_of(request) or "none" if data.after_password else ""
    return await passkeys.sign_in_options(db, site_of(request), browser_of(request), step)


@post("/auth/passkeys/sign-in", opt=_PUBLIC, status_code=200, include_in_schema=False)
async def sign_in(request: Web, db: NamedDependency[Database], data: JSONBody[SignInIn]) -> Response[Any]:
    """A session for whoever's passkey signed."""
    _refuse_alone(request, data.after_password)
    outcome = await passkeys.sign_in(
        db,
        site_of(request),
        browser_of(request),
        credential=data.credential,
        step_token=step_of(request) or "none" if data.after_password else "",
    )
    await replaced(request, db)
    return entered(request, Response({"next": safe_next(data.next)}), outcome)


@post("/auth/passkeys/registration/options", opt=_PUBLIC, status_code=200, include_in_schema=False)
async def registration_options(
    request: Web, db: NamedDependency[Database], data: JSONBody[RegistrationOptionsIn]
) -> dict[str, Any]:
    """What a device is to make a passkey of: for whoever is signed in, or has to set up a second factor first."""
    user, _ = await _who(request, db, data.enrolling)
    return await passkeys.registration_options(db, site_of(request), user)


@post("/auth/passkeys/registration", opt=_PUBLIC, status_code=200, include_in_schema=False)
async def register(
    request: Web, db: NamedDependency[Database], data: JSONBody[RegistrationIn]
) -> Response[Any]:
    """A new passkey; whoever had to set one up is signed in with it."""
    user, actor = await _who(request, db, data.enrolling)
    site = site_of(request)
    token = step_of(request) if data.enrolling else ""
    await passkeys.register(
        db, actor, site, user, name=data.name, credential=data.credential, step_token=token
    )
    here: Response[Any] = Response({"next": "/me/security"})
    if not token:
        return here
    outcome = await second_factors.enrolled(db, token, browser_of(request))
    await replaced(request, db)
    return entered(request, here, outcome)


def _refuse_alone(request: Web, after_password: bool) -> None:
    """NotFound for a passkey without a password where everybody signs in by single sign-on."""
    if request.app.state.config.oidc.only and not after_password:
        raise NotFound("page")


async def _who(request: Web, db: Database, enrolling: bool) -> tuple[User, Actor]:
    """Whose passkey it becomes: of the session, or of the sign-in that waits for a second factor to be set up."""
    scope: Any = request.scope
    actor: Actor | None = scope.get("actor")
    async with db.read() as reader:
        if enrolling:
            user = await second_factors.enrolling(reader, step_of(request))
            return user, signin.as_actor(user, browser_of(request))
        if actor is None:
            raise Unauthenticated("Sign in first.")
        await signin.require_fresh(reader, actor, session_token(request.scope))
        return await users.me(reader, actor), actor


ROUTES: Sequence[HTTPRouteHandler] = [sign_in_options, sign_in, registration_options, register]
