"""The cookies by which browsers are known: a session, a sign-in half done or on its way, and the browser itself."""

from typing import Any

from litestar import Request, Response
from litestar.datastructures import Cookie

from openalert.domain.instant import SECOND
from openalert.domain.single_sign_on import ATTEMPT_LASTS
from openalert.storage.database import Database
from openalert.usecases import signin
from openalert.usecases.signin import BROWSER_REMEMBERED, STEP_LASTS, Browser, Opened, Step
from openalert.web.guards import Access, session_token, stranger

Web = Request[Any, Any, Any]


def browser_of(request: Web) -> Browser:
    """What is known of the browser that asks."""
    return Browser(
        address=request.client.host if request.client else "",
        user_agent=request.headers.get("user-agent", "")[:200],
        token=request.cookies.get(_name(request, "browser"), "")[:100],
        request_id=stranger(request).request_id,
    )


def step_of(request: Web) -> str:
    """The token of the sign-in that waits for its second factor; empty when there is none."""
    return request.cookies.get(_name(request, "step"), "")[:100]


def departure_of(request: Web) -> str:
    """The secret of a sign-in that this browser began at the identity provider; empty when there is none."""
    return request.cookies.get(_name(request, "departure"), "")[:100]


def depart(request: Web, response: Response[Any], secret: str) -> Response[Any]:
    """The answer that sends the browser to the identity provider: it alone can bring back what comes of it."""
    return _give(request, response, "departure", secret, ATTEMPT_LASTS // SECOND)


def entered(request: Web, response: Response[Any], outcome: Opened | Step) -> Response[Any]:
    """The answer with the cookies of the session, or of the step before it."""
    if isinstance(outcome, Step):
        return _give(request, response, "step", outcome.token, STEP_LASTS // SECOND)
    _give(request, response, "browser", outcome.browser, BROWSER_REMEMBERED // SECOND)
    if step_of(request):
        forget(request, response, "step")
    return give_session(request, response, outcome.token)


async def replaced(request: Web, db: Database) -> None:
    """Whoever signs in again in the same browser leaves no session behind."""
    token = session_token(request.scope)
    if token:
        async with db.transaction(stranger(request)) as tx:
            await signin.sign_out(tx, token)


def give_session(request: Web, response: Response[Any], token: str) -> Response[Any]:
    """The answer with the cookie of the session that this token opens."""
    return _give(request, response, "session", token, None)


def forget(request: Web, response: Response[Any], kind: str) -> Response[Any]:
    """The answer that takes a cookie away: `session`, `step` or `browser`."""
    return _give(request, response, kind, "", 0)


def _give(request: Web, response: Response[Any], kind: str, value: str, max_age: int | None) -> Response[Any]:
    access: Access = request.app.state.access
    response.set_cookie(
        Cookie(
            key=_name(request, kind),
            value=value,
            max_age=max_age,
            path="/",
            httponly=True,
            secure=access.is_https,
            samesite="lax",
        )
    )
    return response


def _name(request: Web, kind: str) -> str:
    access: Access = request.app.state.access
    if kind == "session":
        return access.cookie
    # `__Host-`: the browser itself holds it to this host, and takes it over TLS alone.
    return f"__Host-openalert_{kind}" if access.is_https else f"openalert_{kind}"
