"""GET /auth/login and /auth/callback: to the identity provider, and back from it."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid, OpenAlertError, RateLimited, Unavailable
from openalert.storage.database import Database
from openalert.usecases import signin, single_sign_on
from openalert.usecases.single_sign_on import Answered, Finished
from openalert.usecases.throttle import network_of
from openalert.web.cookies import browser_of, depart, departure_of, entered
from openalert.web.guards import Access, safe_next, session_token, stranger
from openalert.web.problems import for_people
from openalert.web.ui.frame import Web, address, answer, go, plain
from openalert.web.ui.single_sign_on import configured, explained

_MOST_QUERY = 8 * 1024


@get("/auth/login", opt={"public": True}, include_in_schema=False)
async def begin(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """To the identity provider; to the page with the password when there is none or it is down."""
    target = safe_next(request.query_params.get("next"))
    sso = request.app.state.single_sign_on
    if request.scope.get("actor") is not None:
        return go(target)
    if sso is None:
        return go(address("/login", next=target))
    try:
        access: Access = request.app.state.access
        network = network_of(request.client.host if request.client else "")
        await access.departures.spend_shared(network, db.clock())
        url, secret = await single_sign_on.begin(
            db, sso, secret=departure_of(request), browser=browser_of(request), target=target
        )
    except (Unavailable, RateLimited) as error:
        return go(address("/login", next=target), error.message, "bad")
    response: Response[Any] = Response(None, status_code=303, headers={"location": url})
    return depart(request, response, secret)


@get("/auth/callback", opt={"public": True}, include_in_schema=False)
async def finish(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """Back from the identity provider: signed in, connected, explained, or refused with what to do."""
    scope: Any = request.scope
    actor: Actor | None = scope.get("actor")
    try:
        finished = await single_sign_on.finish(
            db,
            configured(request),
            _answered(request),
            secret=departure_of(request),
            actor=actor,
            browser=browser_of(request),
        )
    except OpenAlertError as error:
        if not for_people(scope):
            raise
        return _refused(request, db, error)
    if finished.purpose == single_sign_on.EXPLAIN and actor is not None:
        return await explained(request, db, actor, finished)
    if finished.purpose == single_sign_on.CONNECT:
        return go(finished.target, f"Connected: {configured(request).label} signs you in from now on.")
    return await _signed_in(request, db, finished)


async def _signed_in(request: Web, db: Database, finished: Finished) -> Response[Any]:
    """The cookie of the new session; one that the browser had before is over."""
    token = session_token(request.scope)
    if token:
        async with db.transaction(stranger(request)) as tx:
            await signin.sign_out(tx, token)
    assert finished.opened is not None  # noqa: S101 - signing in opens a session or is refused
    return entered(request, go(finished.target), finished.opened)


def _answered(request: Web) -> Answered:
    """The query of the way back; every member at most once, as RFC 6749 section 3.1 wants it."""
    if len(request.scope["query_string"]) > _MOST_QUERY:
        raise Invalid("The way back from the identity provider is too long.")
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in Answered.__struct_fields__:
            if name in given:
                raise Invalid("The way back from the identity provider says something twice.")
            given[name] = value
    return Answered(**given)


def _refused(request: Web, db: Database, error: OpenAlertError) -> Response[str]:
    context = plain(
        request,
        db.clock(),
        message=error.message,
        code=error.code,
        signed_in=request.scope.get("actor") is not None,
        request_id=str(request.scope.get("request_id", "")),
    )
    return answer(request, "sign_in/refused.html", context, error.status)


ROUTES: Sequence[HTTPRouteHandler] = [begin, finish]
