"""Connecting Telegram, from my own page: a code for the bot, shown once, and a link that sends it."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor
from openalert.domain.chat import shown_code
from openalert.domain.errors import NotFound
from openalert.notifiers.notifier import LostAnswer, NotifierError
from openalert.notifiers.telegram_api import Moved, TelegramBot
from openalert.storage.database import Database
from openalert.usecases import chat_codes
from openalert.usecases.telegram import KIND
from openalert.web.ui.frame import Web, answer, own_id, shell


@post("/me/contact-methods/telegram", include_in_schema=False, status_code=200)
async def connect(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """A code, and how it gets to the bot."""
    bot: TelegramBot | None = request.app.state.telegram
    if bot is None:
        raise NotFound("page")
    async with db.transaction(actor) as tx:
        code = await chat_codes.make(tx, own_id(actor), kind=KIND)
    name, problem = await _name(bot, db)
    async with db.read() as reader:
        context = await shell(
            request,
            reader,
            actor,
            "/me",
            code=shown_code(code),
            bot=name,
            href=f"https://t.me/{name}?start={code}" if name else "",
            problem=problem,
        )
    return answer(request, "me/connect_telegram.html", context)


async def _name(bot: TelegramBot, db: Database) -> tuple[str, str]:
    """What the bot is called, or why that is not known at this moment."""
    try:
        return (await bot.me(db.clock())).username, ""
    except (NotifierError, LostAnswer) as error:
        return "", error.detail
    except Moved:
        return "", "Telegram's answer makes no sense."


ROUTES: Sequence[HTTPRouteHandler] = [connect]
