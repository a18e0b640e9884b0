"""Pages on which one signs in: by password, with a second step where needed; and the way out of a forgotten one."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from openalert.config import Config
from openalert.domain.errors import RateLimited, Unavailable
from openalert.storage import users
from openalert.storage.database import Database
from openalert.usecases import passkeys, password_resets
from openalert.usecases.signin import Opened, Step
from openalert.usecases.single_sign_on import SingleSignOn, allows_password
from openalert.web.cookies import browser_of
from openalert.web.guards import safe_next
from openalert.web.ui.frame import Values, Web, address, answer, flash, go, plain, sent

PASSWORDS: dict[str, Any] = {"public": True, "password": True}
"""Routes for strangers that are about passwords of ours."""


def after_password(outcome: Opened | Step, target: str) -> Response[None]:
    """Where a right password leads: to where one wanted to go, or to the second step before it."""
    if isinstance(outcome, Opened):
        return go(safe_next(target))
    step = "/login/enrol" if outcome.must_enrol else "/login/second"
    return go(address(step, next=safe_next(target)))


def _passkeys_work(request: Web) -> bool:
    """Whether somebody can sign in with a passkey instead of a password."""
    config = request.app.state.config
    return passkeys.site_of(config.base_url) is not None and not config.oidc.only


@get("/login", opt={"public": True}, include_in_schema=False)
async def login(request: Web, db: NamedDependency[Database], email: FromQuery[str] = "") -> Response[Any]:
    """Sign in; on a server without people, the way to the set-up."""
    target = safe_next(request.query_params.get("next"))
    if request.scope.get("actor") is not None:
        return go(target)
    async with db.read() as reader:
        if not await users.exists(reader):
            return go("/setup")
    said, only = flash(request), request.app.state.config.oidc.only
    context = plain(
        request,
        db.clock(),
        email=email[:254],
        next=target,
        passkeys_work=_passkeys_work(request),
        only=only,
        errors={"": said["text"]} if said and said["tone"] == "bad" else {},
        note=said["text"] if said and said["tone"] == "good" else None,
        provider=_provider(request, target),
        passwords=_passwords(request),
    )
    return answer(request, "sign_in/login.html", context)


def _provider(request: Web, target: str) -> Values | None:
    """The button of single sign-on, when there is a provider; after signing out, the way out of there too."""
    sso: SingleSignOn | None = request.app.state.single_sign_on
    if sso is None:
        return None
    config: Config = request.app.state.config
    has_left = request.query_params.get("signed_out") == "1"
    return {
        "label": sso.label,
        "href": address("/auth/login", next=target),
        "sign_out": sso.provider.sign_out_url(f"{config.base_url}/login") if has_left else None,
    }


def _passwords(request: Web) -> bool:
    """Whether the form is shown: where single sign-on is the only way, just to those who ask for it by `?local=1`."""
    rules = request.app.state.config.oidc
    return not rules.only or (allows_password(rules) and request.query_params.get("local") == "1")


@get("/forgotten", opt=PASSWORDS, include_in_schema=False)
async def forgotten(request: Web, db: NamedDependency[Database], email: FromQuery[str] = "") -> Response[Any]:
    """Where to send a link; without a mail server, whom to ask."""
    context = plain(
        request,
        db.clock(),
        email=email[:254],
        sends_mail=request.app.state.config.sends_mail,
        sent=False,
        errors={},
    )
    return answer(request, "sign_in/forgotten.html", context)


@post("/forgotten", opt=PASSWORDS, include_in_schema=False)
async def send_link(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """The same answer whether or not anybody is here by that address."""
    email = (await sent(request)).get("email", "")[:254]
    errors, status = {}, 200
    if request.app.state.config.sends_mail:
        try:
            await password_resets.request(db, email=email, browser=browser_of(request))
        except (RateLimited, Unavailable) as error:
            errors, status = {"": error.message}, error.status
    context = plain(
        request,
        db.clock(),
        email=email,
        sends_mail=request.app.state.config.sends_mail,
        sent=not errors,
        errors=errors,
    )
    return answer(request, "sign_in/forgotten.html", context, status)


ROUTES: Sequence[HTTPRouteHandler] = [login, forgotten, send_link]
