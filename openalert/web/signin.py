"""/auth/login, /auth/logout, /auth/profile: the one way in for people, for browsers and for programs alike."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid, OpenAlertError, RateLimited, Unauthenticated, Unavailable
from openalert.storage.database import Database
from openalert.usecases import second_factors, signin, single_sign_on, users
from openalert.usecases.signin import Browser, Opened, Step
from openalert.web.api.users import UserOut, show
from openalert.web.api.wire import READS, WRITES
from openalert.web.cookies import browser_of, entered, forget, replaced
from openalert.web.guards import safe_next, session_token
from openalert.web.ui.frame import address, go
from openalert.web.ui.sign_in import after_password

Web = Request[Any, Any, Any]
_MOST_BYTES = 8 * 1024


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    """What signs in, as JSON or as a form."""

    email: str
    password: str
    next: str = "/"
    code: str = ""
    """Of the authenticator app, for programs that cannot be asked for it afterwards."""


@post(
    "/auth/login",
    opt={"public": True, "takes": Credentials, "shows": UserOut},
    status_code=200,
    summary="Sign in",
    responses=WRITES,
)
async def login(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """Open a session by `{"email", "password"}` (and `code` of a second factor): the cookie and the profile."""
    is_form = _is_form(request)
    given = await _credentials(request, is_form=is_form)
    browser = browser_of(request)
    try:
        outcome = await single_sign_on.sign_in_with_password(
            db, request.app.state.config.oidc, email=given.email, password=given.password, browser=browser
        )
        if isinstance(outcome, Step) and not is_form:
            outcome = await _second_step(db, outcome, given.code, browser)
    except (Unauthenticated, RateLimited, Unavailable) as error:
        if is_form:
            return _again(given, error)
        raise
    response: Response[Any] = after_password(outcome, given.next) if is_form else Response(None)
    if isinstance(outcome, Opened):
        await replaced(request, db)
        if not is_form:
            response = Response(await _profile(db, outcome.actor))
    return entered(request, response, outcome)


async def _second_step(db: Database, step: Step, code: str, browser: Browser) -> Opened:
    """The code that came with the password; Unauthenticated says what is missing."""
    if step.must_enrol:
        raise Unauthenticated(
            "Your organization asks for a second factor: sign in with a browser and set one up.",
            code="SECOND_FACTOR_REQUIRED",
        )
    if not code:
        raise Unauthenticated(
            'Send the code of your authenticator app too, as "code".', code="SECOND_FACTOR_REQUIRED"
        )
    return await second_factors.enter_code(db, step.token, code, browser)


@post("/auth/logout", status_code=200, summary="Sign out", opt={"answers": 204}, responses=WRITES)
async def logout(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """End the session of the cookie; an API key is revoked, not signed out."""
    token = session_token(request.scope)
    if token:
        async with db.transaction(actor) as tx:
            await signin.sign_out(tx, token)
    page = "/login?signed_out=1" if request.app.state.single_sign_on is not None else "/login"
    response: Response[Any] = go(page) if _is_browser(request) else Response(None, status_code=204)
    return forget(request, response, "session")


@get("/auth/profile", summary="Who is signed in", responses=READS)
async def profile(db: NamedDependency[Database], actor: NamedDependency[Actor]) -> UserOut:
    """The person of the session."""
    return await _profile(db, actor)


async def _profile(db: Database, actor: Actor) -> UserOut:
    async with db.read() as reader:
        return show(actor, await users.me(reader, actor))


def _is_browser(request: Web) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _is_form(request: Web) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


async def _credentials(request: Web, *, is_form: bool) -> Credentials:
    body = await request.body()
    if len(body) > _MOST_BYTES:
        raise Invalid("That is too long to be an address and a password.")
    try:
        if is_form:
            return msgspec.convert(dict(parse_qsl(body.decode(), keep_blank_values=True)), Credentials)
        return msgspec.json.decode(body, type=Credentials)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"Send email and password: {error}.") from None


def _again(given: Credentials, error: OpenAlertError) -> Response[Any]:
    """Back to the form with the sentence and the address that was typed."""
    return go(address("/login", email=given.email[:254], next=safe_next(given.next)), error.message, "bad")


ROUTES: Sequence[HTTPRouteHandler] = [login, logout, profile]
