"""/callbacks/telegram: updates that Telegram posts, where it is told to (telegram.updates = "webhook").

Telegram shows that it is Telegram by a secret that only it was told, made from the key of this installation.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.config import Config
from openalert.domain.errors import Forbidden, Invalid
from openalert.storage.database import Database
from openalert.usecases import telegram
from openalert.usecases.telegram import Update
from openalert.web.guards import stranger
from openalert.web.ui.frame import Web

PATH = "/callbacks/telegram"
_HEADER = "x-telegram-bot-api-secret-token"


def secret_token(secret: bytes, bot_token: str) -> str:
    """What Telegram sends along: 64 hexadecimal digits, others for another bot or installation."""
    return hmac.digest(secret, b"openalert telegram webhook\0" + bot_token.encode(), hashlib.sha256).hex()


@post(PATH, opt={"public": True}, include_in_schema=False, status_code=200)
async def take(request: Web, db: NamedDependency[Database]) -> Response[Any]:
    """One update. The answer holds what the bot says, so that no further request is needed."""
    config: Config = request.app.state.config
    given = request.headers.get(_HEADER, "").encode("utf-8", "replace")
    expected = secret_token(request.app.state.secret, config.telegram.bot_token).encode()
    is_open = config.telegram.bot_token and config.telegram.updates == "webhook"
    if not hmac.compare_digest(given, expected) or not is_open:
        raise Forbidden(
            "This does not come from the Telegram bot of this installation.", code="BAD_SIGNATURE"
        )
    try:
        update = msgspec.json.decode(await request.body(), type=Update)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"This is no update of Telegram: {error}.") from None
    call = await telegram.take(db, update, stranger(request), config.base_url)
    return Response({"method": call.method, **call.parameters} if call is not None else None)


ROUTES: Sequence[HTTPRouteHandler] = [take]
