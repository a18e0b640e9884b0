"""/callbacks/mattermost: buttons that were pressed, as Mattermost posts them; each carries a signature of ours."""

import hmac
from collections.abc import Sequence

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.config import Config
from openalert.domain.errors import Forbidden
from openalert.notifiers.mattermost import PATH, signature
from openalert.storage.database import Database
from openalert.usecases import mattermost
from openalert.usecases.mattermost import Pressed
from openalert.web.guards import stranger
from openalert.web.ui.frame import Web


@post(PATH, opt={"public": True}, include_in_schema=False, status_code=200)
async def take(request: Web, db: NamedDependency[Database]) -> Response[dict[str, str]]:
    """One press. The answer is shown to whoever pressed, and to nobody else."""
    config: Config = request.app.state.config
    try:
        pressed = msgspec.json.decode(await request.body(), type=Pressed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unsigned() from None
    token = config.mattermost.bot_token
    given = pressed.context.signature.encode("utf-8", "replace")
    expected = signature(token, pressed.context.data.encode("utf-8", "replace").decode()).encode()
    if not hmac.compare_digest(given, expected) or not token:
        raise _unsigned()
    said = await mattermost.press(db, pressed, stranger(request), config.base_url)
    return Response({"ephemeral_text": said})


def _unsigned() -> Forbidden:
    return Forbidden("This is no button of this installation in Mattermost.", code="BAD_SIGNATURE")


ROUTES: Sequence[HTTPRouteHandler] = [take]
