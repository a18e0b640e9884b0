"""The page on which one signs in with a password."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from openalert.storage import users
from openalert.storage.database import Database
from openalert.usecases.single_sign_on import SingleSignOn
from openalert.web.guards import safe_next
from openalert.web.ui.frame import Values, Web, address, answer, flash, go, plain


@get("/login", opt={"public": True}, include_in_schema=False)
async def login(request: Web, db: NamedDependency[Database], email: FromQuery[str] = "") -> Response[Any]:
    """Sign in; on a server without people, the way to the set-up."""
    target = safe_next(request.query_params.get("next"))
    if request.scope.get("actor") is not None:
        return go(target)
    async with db.read() as reader:
        if not await users.exists(reader):
            return go("/setup")
    said = flash(request)
    context = plain(
        request,
        db,
        email=email[:254],
        next=target,
        errors={"": said["text"]} if said and said["tone"] == "bad" else {},
        note=said["text"] if said and said["tone"] == "good" else None,
        provider=_provider(request, target),
    )
    return answer(request, "sign_in/login.html", context)


def _provider(request: Web, target: str) -> Values | None:
    """The button of single sign-on, when there is a provider."""
    sso: SingleSignOn | None = request.app.state.single_sign_on
    return {"label": sso.label, "href": address("/auth/login", next=target)} if sso is not None else None


ROUTES: Sequence[HTTPRouteHandler] = [login]
