"""Connecting Mattermost, from my own page: the bot asks the account whether it is mine."""

from collections.abc import Sequence

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid, NotFound
from openalert.notifiers.mattermost import MattermostNotifier
from openalert.storage.database import Database
from openalert.usecases import mattermost
from openalert.web.ui.frame import Web, go, own_id, sent


@post("/me/contact-methods/mattermost", include_in_schema=False)
async def connect(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Ask the account."""
    notifier: MattermostNotifier | None = request.app.state.mattermost
    if notifier is None or not own_id(actor):
        raise NotFound("page")
    try:
        name = await mattermost.ask(db, notifier, actor, (await sent(request)).get("account", "")[:200])
    except Invalid as error:
        return go("/me#contact-methods", error.message, "bad")
    return go("/me#contact-methods", f"The bot has asked {name} in Mattermost. Press It is me there.")


ROUTES: Sequence[HTTPRouteHandler] = [connect]
