"""What is pressed and written in Telegram, asked for by this server: no port has to be open for it.

Long polling: Telegram keeps each request open until there is something. What has been done is remembered in the
database, in the transaction that did it, so that a server that starts anew does nothing twice; what Telegram tells only
after a day is gone there. With a webhook instead, this only says where Telegram has to post.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from openalert.domain.access import stranger
from openalert.domain.errors import Unavailable
from openalert.notifiers.notifier import LostAnswer, NotifierError
from openalert.notifiers.telegram_api import Moved, TelegramBot
from openalert.storage.database import Database
from openalert.supervisor import Watched
from openalert.usecases import telegram
from openalert.usecases.telegram import Call, Update

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 60.0
WATCH_SECONDS = 1.0
"""Between two looks of a node that does not ask whether it has to by now."""
ALLOWED_UPDATES = ["message", "callback_query"]


class TelegramUpdates:
    """One task for one bot."""

    def __init__(
        self,
        database: Database,
        bot: TelegramBot,
        base_url: str,
        *,
        webhook: dict[str, Any] | None = None,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        """`webhook`: `url` and `secret_token` for Telegram to post to; None: it is asked.

        `leads`: whether asking is this node's at this moment: Telegram answers one at a time.
        """
        self._leads = leads
        self._database = database
        self._bot = bot
        self._base_url = base_url
        self._webhook = webhook
        self._task: Watched | None = None
        self._doing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = self._database.supervisor.start(
            "telegram updates", lambda _: self._run(), may_end=self._webhook is not None
        )

    async def stop(self) -> None:
        """Ask no more; what is being done is done to its end."""
        if self._task is not None:
            await self._database.supervisor.stop(self._task)
        if self._doing is not None:
            await asyncio.wait([self._doing])
        await self._bot.close()

    async def _run(self) -> None:
        await self._patiently(self._prepare)
        if self._webhook is not None:
            return
        offset: int | None = None
        while True:
            if not self._leads():
                offset = None
                await asyncio.sleep(WATCH_SECONDS)
                continue
            asked = offset
            offset = await self._patiently(lambda asked=asked: self.poll(asked))

    async def _patiently(self, step: Any) -> Any:
        """What the step gives, however often Telegram has to be asked for it."""
        pause = 1.0
        while True:
            try:
                return await step()
            except (NotifierError, LostAnswer, Moved, Unavailable) as error:
                wait = getattr(error, "retry_after", None) or pause
                log.warning("telegram does not answer", error=str(error), again_in=wait)
            except Exception:
                wait = pause
                log.exception("telegram updates broke")
            await asyncio.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _prepare(self) -> None:
        """Telegram either posts or is asked, never both."""
        if self._webhook is None:
            await self._bot.call("deleteWebhook", {}, self._database.clock())
        else:
            wanted = {**self._webhook, "allowed_updates": ALLOWED_UPDATES}
            await self._bot.call("setWebhook", wanted, self._database.clock())

    async def poll(self, offset: int | None) -> int | None:
        """Do what Telegram tells at this moment or within half a minute; what to ask for next."""
        answer = await self._bot.updates(offset, self._database.clock())
        for raw in msgspec.json.decode(answer, type=list[msgspec.Raw]):
            told = msgspec.json.decode(raw, type=dict[str, Any])
            # Shielded: what has begun is done, also when the server stops in this moment.
            self._doing = asyncio.create_task(self._do(raw), name="telegram update")
            await asyncio.shield(self._doing)
            offset = int(told["update_id"]) + 1
        return offset

    async def _do(self, raw: msgspec.Raw) -> None:
        try:
            update = msgspec.json.decode(raw, type=Update)
        except msgspec.DecodeError as error:
            log.warning("an update of telegram cannot be read", error=str(error))
            return
        try:
            call = await telegram.take(self._database, update, stranger("", "telegram"), self._base_url)
        except Unavailable:
            raise
        except Exception:
            log.exception("an update of telegram broke", update_id=update.update_id)
            return
        if call is not None:
            await self._say(call)

    async def _say(self, call: Call) -> None:
        """Tell whoever pressed or wrote; that it was done does not depend on it."""
        try:
            await self._bot.call(call.method, call.parameters, self._database.clock())
        except (NotifierError, LostAnswer, Moved) as error:
            log.warning("telegram was not answered", error=str(error))
