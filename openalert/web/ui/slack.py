"""Slack on my own page: ask my account there whether it is me."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor
from openalert.domain.errors import Conflict, Invalid, NotFound, RateLimited, Unavailable
from openalert.usecases.slack import Slack
from openalert.web.ui.frame import Web, go, own_id, sent


@post("/me/contact-methods/slack", include_in_schema=False)
async def connect(request: Web, actor: NamedDependency[Actor]) -> Response[Any]:
    """Find my Slack account and write to it; pressing the button there connects it."""
    slack: Slack | None = request.app.state.slack
    user_id = own_id(actor)
    if slack is None:
        raise NotFound("page")
    typed = await sent(request)
    try:
        said = await slack.ask(actor, user_id, typed.get("member", ""))
    except (Invalid, Conflict, RateLimited, Unavailable) as error:
        return go("/me#slack", error.message, "bad")
    return go("/me#slack", said)


ROUTES: Sequence[HTTPRouteHandler] = [connect]
