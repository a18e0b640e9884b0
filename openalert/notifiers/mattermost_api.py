"""Mattermost's API, version 4: one request, one object or one named failure (https://api.mattermost.com)."""

import ssl
from typing import Any
from urllib.parse import quote

import msgspec

from openalert.domain.instant import Instant
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings, for_provider, retry_after
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason, in_doubt
from openalert.notifiers.text import one_line


class MattermostSettings(msgspec.Struct, kw_only=True, frozen=True):
    """The server and the bot account there."""

    url: str = ""
    """Where people open Mattermost; empty: there is none."""
    bot_token: str = ""


class Mattermost:
    """One Mattermost server, as its bot sees it. Safe to use from many tasks at once."""

    def __init__(
        self,
        settings: MattermostSettings,
        outgoing: OutgoingSettings | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self.settings = settings
        allowed = outgoing or OutgoingSettings()
        if settings.url:
            allowed = for_provider(allowed, settings.url)
        self._http = HttpClient(allowed, tls=tls, resolver=resolver)
        self._me = ""
        self._direct: dict[str, str] = {}

    @property
    def is_configured(self) -> bool:
        """Whether there is a server and a bot."""
        return bool(self.settings.url and self.settings.bot_token)

    async def me(self, now: Instant) -> dict[str, Any]:
        """The bot's own account."""
        found = await self.ask("GET", "/users/me", None, now)
        self._me = str(found["id"])
        return found

    async def find(self, name: str, now: Instant) -> dict[str, Any]:
        """The account with this e-mail address or user name; NotifierError when there is none."""
        way = "email" if "@" in name[1:] else "username"
        return await self.ask("GET", f"/users/{way}/{quote(name.lstrip('@'), safe='')}", None, now)

    async def direct(self, user_id: str, now: Instant) -> str:
        """The id of the channel that the bot has with this person alone."""
        if user_id not in self._direct:
            if not self._me:
                await self.me(now)
            made = await self.ask("POST", "/channels/direct", [self._me, user_id], now)
            self._direct[user_id] = str(made["id"])
        return self._direct[user_id]

    async def ask(self, method: str, path: str, content: Any, now: Instant) -> dict[str, Any]:
        """The object that a request is answered with."""
        if not self.is_configured:
            raise NotifierError(Reason.MISCONFIGURED, "mattermost.url is not configured.", permanent=True)
        answer = await self._http.request(
            method,
            f"{self.settings.url}/api/v4{path}",
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.settings.bot_token}",
            },
            body=b"" if content is None else msgspec.json.encode(content),
        )
        return result(answer, now)

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()


def result(answer: Answer, now: Instant) -> dict[str, Any]:
    """What an answer holds; a refusal becomes NotifierError with Mattermost's own words."""
    wait = retry_after(answer.headers.get("retry-after") or answer.headers.get("x-ratelimit-reset"), now)
    try:
        found = msgspec.json.decode(answer.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = {}
    # An error has an `id` too, and its status in the body: whatever stands before Mattermost may answer 200 with it.
    told = found.get("status_code")
    status = told if answer.status in (200, 201) and isinstance(told, int) and told >= 400 else answer.status
    if status in (200, 201):
        if isinstance(found.get("id"), str):
            return found
        if not answer.complete:
            raise LostAnswer("Mattermost's answer broke off.")
        raise NotifierError(
            Reason.BAD_RESPONSE, f"The answer is not Mattermost's: {answer.excerpt()}", permanent=False
        )
    raise _refused(answer, status, one_line(str(found.get("message", "")), 200), wait)


def _refused(answer: Answer, status: int, words: str, wait: float | None) -> NotifierError:
    detail = f"Mattermost answered {status} {words}" if words else f"It answered {answer.excerpt()}"
    match status:
        case 429:
            return NotifierError(Reason.RATE_LIMITED, detail, retry_after=wait)
        case 401:
            return NotifierError(
                Reason.AUTH_FAILED, f"{detail}; mattermost.bot_token is not valid.", permanent=True
            )
        case 403 | 404 if words:
            return NotifierError(Reason.REJECTED_RECIPIENT, detail, permanent=True)
        case 408:
            return NotifierError(Reason.REFUSED, detail)
        case _ if 400 <= status < 500 and words:
            return NotifierError(Reason.REFUSED, detail, permanent=True)
        case _ if status >= 500:
            doubt = in_doubt(status)
            return NotifierError(Reason.PROVIDER_FAILED, detail, retry_after=wait, is_in_doubt=doubt)
        case _:
            return NotifierError(Reason.BAD_RESPONSE, detail)
