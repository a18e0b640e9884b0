"""The Bot API of Telegram: one call, one result or one named failure.

https://core.telegram.org/bots/api, section "Making requests": every answer is an object with `ok`, and either `result`
or `error_code`, `description` and sometimes `parameters`.
"""

import ssl
from collections.abc import Mapping
from typing import Any

import msgspec

from openalert.domain.instant import Instant
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import (
    RETRY_AFTER,
    Answer,
    HttpClient,
    OutgoingSettings,
    for_provider,
    retry_after,
)
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason, in_doubt
from openalert.notifiers.text import one_line

BASE_URL = "https://api.telegram.org"
POLL_SECONDS = 25
"""How long Telegram keeps a request for updates open when there are none."""
_LARGEST_UPDATES = 2 * 1024 * 1024
_NOT_THERE = (
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "bot is not a member",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
    "user is deactivated",
    "group chat was deactivated",
)
"""Beginnings or middles of descriptions that mean: this chat will never take a message as things are."""


class TelegramSettings(msgspec.Struct, kw_only=True, frozen=True):
    """The bot."""

    bot_token: str = ""
    """From @BotFather; empty: there is no bot."""
    base_url: str = BASE_URL


class _Parameters(msgspec.Struct):
    migrate_to_chat_id: int | None = None
    retry_after: float | None = None


class _Envelope(msgspec.Struct):
    ok: bool
    result: msgspec.Raw = msgspec.Raw()
    error_code: int | None = None
    description: str = ""
    parameters: _Parameters | None = None


class BotUser(msgspec.Struct):
    """Who the bot is."""

    id: int
    username: str = ""


class Moved(Exception):
    """The group has become a supergroup, which has another id."""

    def __init__(self, chat_id: int) -> None:
        super().__init__(f"moved to {chat_id}")
        self.chat_id = chat_id


class TelegramBot:
    """The bot of this installation. Safe to use from many tasks at once."""

    def __init__(
        self,
        settings: TelegramSettings,
        outgoing: OutgoingSettings | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.settings = settings
        allowed = for_provider(outgoing or OutgoingSettings(), settings.base_url)
        waiting = msgspec.structs.replace(
            allowed, deadline=POLL_SECONDS + allowed.deadline, max_answer=_LARGEST_UPDATES
        )
        self._http = HttpClient(allowed, tls=tls, resolver=resolver)
        self._waiting = HttpClient(waiting, tls=tls, resolver=resolver)
        self._me: BotUser | None = None

    @property
    def is_configured(self) -> bool:
        """Whether there is a bot at all."""
        return bool(self.settings.bot_token)

    async def call(self, method: str, parameters: Mapping[str, Any], now: Instant) -> msgspec.Raw:
        """The result of a method; NotifierError, LostAnswer or Moved when there is none."""
        return await self._ask(self._http, method, parameters, now)

    async def updates(self, offset: int | None, now: Instant) -> msgspec.Raw:
        """What happened since, as an array of updates; waits up to `POLL_SECONDS` when there is nothing yet.

        `offset`, one more than the last that was seen, tells Telegram to forget those before it.
        """
        parameters = {"timeout": POLL_SECONDS, "limit": 50, "allowed_updates": ["message", "callback_query"]}
        if offset is not None:
            parameters["offset"] = offset
        return await self._ask(self._waiting, "getUpdates", parameters, now)

    async def me(self, now: Instant, *, fresh: bool = False) -> BotUser:
        """Who the bot is, asked once."""
        if self._me is None or fresh:
            self._me = msgspec.json.decode(await self.call("getMe", {}, now), type=BotUser)
        return self._me

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()
        await self._waiting.close()

    async def _ask(
        self, http: HttpClient, method: str, parameters: Mapping[str, Any], now: Instant
    ) -> msgspec.Raw:
        if not self.is_configured:
            raise NotifierError(Reason.MISCONFIGURED, "telegram.bot_token is not configured.", permanent=True)
        answer = await http.request(
            "POST",
            f"{self.settings.base_url}/bot{self.settings.bot_token}/{method}",
            headers={"Content-Type": "application/json"},
            body=msgspec.json.encode(parameters),
        )
        return result(answer, now)


def result(answer: Answer, now: Instant) -> msgspec.Raw:
    """What an answer holds; a refusal becomes NotifierError with Telegram's own words, or Moved."""
    wait = retry_after(answer.headers.get("retry-after"), now)
    try:
        envelope = msgspec.json.decode(answer.body, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(answer, wait) from None
    if envelope.ok and bytes(envelope.result):
        return envelope.result
    status, parameters = envelope.error_code or answer.status, envelope.parameters
    if parameters and parameters.migrate_to_chat_id is not None:
        raise Moved(parameters.migrate_to_chat_id)
    if parameters and parameters.retry_after is not None:
        wait = min(max(parameters.retry_after, RETRY_AFTER[0]), RETRY_AFTER[1])
    raise _refused(status, one_line(envelope.description, 200), wait)


def _unreadable(answer: Answer, wait: float | None) -> Exception:
    """An answer that is not Telegram's: of a proxy, of a server in trouble, or cut off."""
    if answer.status == 200 and not answer.complete:
        return LostAnswer("Telegram's answer broke off.")
    detail = f"The answer is not Telegram's: {answer.excerpt()}"
    if answer.status == 429:
        return NotifierError(Reason.RATE_LIMITED, detail, retry_after=wait)
    if answer.status >= 500:
        doubt = in_doubt(answer.status)
        return NotifierError(Reason.PROVIDER_FAILED, detail, retry_after=wait, is_in_doubt=doubt)
    return NotifierError(Reason.BAD_RESPONSE, detail)


def _refused(status: int, description: str, wait: float | None) -> NotifierError:
    detail = f"Telegram answered {status} {description}"
    match status:
        case 429:
            return NotifierError(Reason.RATE_LIMITED, detail, retry_after=wait)
        case 401 | 404:
            # An unknown token is Unauthorized, one of the wrong form Not Found.
            return NotifierError(
                Reason.AUTH_FAILED, f"{detail}; telegram.bot_token is not valid.", permanent=True
            )
        case 403:
            return NotifierError(Reason.REJECTED_RECIPIENT, detail, permanent=True)
        case 400 if any(words in description.lower() for words in _NOT_THERE):
            return NotifierError(Reason.REJECTED_RECIPIENT, detail, permanent=True)
        case 408 | 409:
            return NotifierError(Reason.REFUSED, detail)
        case _ if 400 <= status < 500:
            return NotifierError(Reason.REFUSED, detail, permanent=True)
        case _ if status >= 500:
            doubt = in_doubt(status)
            return NotifierError(Reason.PROVIDER_FAILED, detail, retry_after=wait, is_in_doubt=doubt)
        case _:
            return NotifierError(Reason.BAD_RESPONSE, detail)
