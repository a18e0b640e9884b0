"""Slack's Web API: one method, one call, and what Slack's answer means to whoever waits for the message.

Slack answers 200 also to what it refuses (`"ok": false`), so the body decides. Error codes are those of
docs.slack.dev/reference/methods; one that is not known here is taken for a refusal that stands.
"""

from typing import Any
from urllib.parse import urlencode

import msgspec

from openalert.domain.instant import Instant
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import Answer, HttpClient, OutgoingSettings, for_provider, retry_after
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason

BASE_URL = "https://slack.com/api"
LARGEST_ANSWER = 1024 * 1024
"""Bytes: a hundred messages of a conversation, with their blocks."""
WANTED_SCOPES = {
    "chat:write": "send and change messages",
    "im:write": "write to people",
    "im:history": "see whether a message arrived, and read what people answer",
    "channels:history": "see whether a message arrived in a channel",
    "groups:history": "see whether a message arrived in a private channel",
    "users:read": "find people",
    "users:read.email": "find people by their e-mail address",
    "commands": "answer /openalert",
}
"""What the bot must be allowed, and what for: as in the manifest of docs/channels/slack.md."""


class SlackSettings(msgspec.Struct, kw_only=True, frozen=True):
    """The way to one Slack workspace."""

    bot_token: str = ""
    """Begins with `xoxb-`; empty: nothing is sent."""
    signing_secret: str = ""
    """Proves that a request comes from Slack; empty: none is believed."""
    app_token: str = ""
    """Begins with `xapp-`; opens the socket by which Slack reaches us where no port is open to it."""
    base_url: str = BASE_URL

    def __repr__(self) -> str:
        """Never a token."""
        return f"SlackSettings({self.base_url})"


class SlackApi:
    """The Web API as our bot. Safe to use from many tasks at once."""

    def __init__(
        self,
        settings: SlackSettings,
        outgoing: OutgoingSettings | None = None,
        *,
        resolver: Resolver | None = None,
    ) -> None:
        """`outgoing`: limits of requests; the host of `base_url` may lie in a private network."""
        self.settings = settings
        limits = msgspec.structs.replace(outgoing or OutgoingSettings(), max_answer=LARGEST_ANSWER)
        self._http = HttpClient(for_provider(limits, settings.base_url), resolver=resolver)

    async def call(self, method: str, arguments: dict[str, Any], now: Instant) -> dict[str, Any]:
        """What Slack answered to a method that takes JSON; NotifierError when it refused, LostAnswer."""
        body = msgspec.json.encode(arguments)
        return _judge(await self._request(method, "application/json; charset=utf-8", body), now)

    async def ask(self, method: str, arguments: dict[str, str], now: Instant) -> dict[str, Any]:
        """The same for methods that only read, some of which take nothing but forms; an answer is never lost."""
        kind = "application/x-www-form-urlencoded"
        try:
            return _judge(await self._request(method, kind, urlencode(arguments).encode()), now)
        except LostAnswer as lost:
            raise NotifierError(Reason.TIMEOUT, lost.detail) from lost

    async def who_am_i(self, now: Instant) -> tuple[dict[str, Any], list[str]]:
        """The workspace and the bot (`auth.test`), and which of `WANTED_SCOPES` the token lacks."""
        try:
            answer = await self._request("auth.test", "application/x-www-form-urlencoded", b"")
        except LostAnswer as lost:
            raise NotifierError(Reason.TIMEOUT, lost.detail) from lost
        found = _judge(answer, now)
        granted = {scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",")}
        return found, [scope for scope in WANTED_SCOPES if scope not in granted]

    async def open_socket(self, now: Instant) -> str:
        """The address of a WebSocket that is good for one connection (Socket Mode)."""
        form = "application/x-www-form-urlencoded"
        try:
            answer = await self._request("apps.connections.open", form, b"", self.settings.app_token)
        except LostAnswer as lost:
            raise NotifierError(Reason.TIMEOUT, lost.detail) from lost
        return str(_judge(answer, now).get("url", ""))

    async def close(self) -> None:
        """Ends what is open."""
        await self._http.close()

    async def _request(self, method: str, kind: str, body: bytes, token: str = "") -> Answer:
        token = token or self.settings.bot_token
        if not token:
            raise NotifierError(
                Reason.MISCONFIGURED,
                "Slack is not connected: set `bot_token` in the [slack] section of openalert.toml.",
                permanent=True,
            )
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        url = f"{self.settings.base_url.rstrip('/')}/{method}"
        return await self._http.request("POST", url, headers=headers, body=body)


class SlackError(NotifierError):
    """Slack said no; `code` is its own word for it."""

    def __init__(self, code: str, answer: Answer, now: Instant) -> None:
        """What the code means, in words that say what to do."""
        reason, permanent, words = _CODES.get(code, (Reason.REFUSED, True, ""))
        super().__init__(
            reason,
            f"Slack answered {code}" + (f": {words}." if words else "."),
            permanent=permanent,
            retry_after=retry_after(answer.headers.get("retry-after"), now),
        )
        self.code = code


def _judge(answer: Answer, now: Instant) -> dict[str, Any]:
    """The members of an answer that says `ok`; the failure that it is otherwise."""
    detail = f"Slack answered {answer.excerpt()}"
    wait = retry_after(answer.headers.get("retry-after"), now)
    match answer.status:
        case 200:
            return _read(answer, now)
        case 429:
            raise NotifierError(Reason.RATE_LIMITED, detail, retry_after=wait)
        case 401 | 403:
            raise NotifierError(Reason.AUTH_FAILED, detail, permanent=True)
        case 408:
            raise NotifierError(Reason.REFUSED, detail, retry_after=wait)
        case status if status >= 500:
            raise NotifierError(Reason.PROVIDER_FAILED, detail, retry_after=wait)
        case status if 300 <= status < 400:
            raise NotifierError(Reason.BAD_RESPONSE, f"{detail}; is slack.base_url right?", permanent=True)
        case _:
            raise NotifierError(Reason.REFUSED, detail, permanent=True)


def _read(answer: Answer, now: Instant) -> dict[str, Any]:
    if not answer.complete:
        raise LostAnswer("Slack answered 200, and the rest of its answer did not come.")
    try:
        found = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("ok"), bool):
        raise NotifierError(Reason.BAD_RESPONSE, f"That is not Slack's answer: {answer.excerpt()}")
    if not found["ok"]:
        raise SlackError(str(found.get("error", "no error"))[:100], answer, now)
    return found


_INVITE = "invite the bot into the channel with /invite @OpenAlert"
_TOKEN = "install the app again and set slack.bot_token to the new token"  # noqa: S105 - words
_CODES: dict[str, tuple[Reason, bool, str]] = {
    # code -> (reason, whether it stands, what to do)
    "ratelimited": (Reason.RATE_LIMITED, False, "too many messages at once"),
    "rate_limited": (Reason.RATE_LIMITED, False, "too many messages at once"),
    "message_limit_exceeded": (Reason.RATE_LIMITED, False, "the workspace sends too many messages"),
    "internal_error": (Reason.PROVIDER_FAILED, False, "Slack is in trouble"),
    "fatal_error": (Reason.PROVIDER_FAILED, False, "Slack is in trouble"),
    "service_unavailable": (Reason.PROVIDER_FAILED, False, "Slack is in trouble"),
    "request_timeout": (Reason.PROVIDER_FAILED, False, "Slack is in trouble"),
    "team_added_to_org": (Reason.PROVIDER_FAILED, False, "the workspace is being moved"),
    "channel_not_found": (
        Reason.REJECTED_RECIPIENT,
        True,
        f"there is no such channel, or the bot may not see it; {_INVITE}",
    ),
    "not_in_channel": (Reason.REJECTED_RECIPIENT, True, _INVITE),
    "is_archived": (Reason.GONE, True, "the channel is archived"),
    "user_not_found": (Reason.REJECTED_RECIPIENT, True, "there is no such person"),
    "users_not_found": (Reason.REJECTED_RECIPIENT, True, "nobody there has this e-mail address"),
    "user_disabled": (Reason.GONE, True, "the person's Slack account is switched off"),
    "user_not_visible": (Reason.REJECTED_RECIPIENT, True, "the bot may not see this person"),
    "cannot_dm_bot": (Reason.REJECTED_RECIPIENT, True, "that is a bot and no person"),
    "messages_tab_disabled": (
        Reason.MISCONFIGURED,
        True,
        "switch on the messages tab of the app (App Home), as in the manifest",
    ),
    "restricted_action": (Reason.REJECTED_RECIPIENT, True, "the workspace does not let the bot write there"),
    "restricted_action_read_only_channel": (Reason.REJECTED_RECIPIENT, True, "the channel is read-only"),
    "invalid_auth": (Reason.AUTH_FAILED, True, f"the token is wrong; {_TOKEN}"),
    "not_authed": (Reason.AUTH_FAILED, True, f"the token is missing; {_TOKEN}"),
    "token_revoked": (Reason.AUTH_FAILED, True, f"the token was revoked; {_TOKEN}"),
    "token_expired": (Reason.AUTH_FAILED, True, f"the token has expired; {_TOKEN}"),
    "account_inactive": (Reason.AUTH_FAILED, True, f"the app was removed from the workspace; {_TOKEN}"),
    "missing_scope": (Reason.AUTH_FAILED, True, "add the scopes of the manifest and install the app again"),
    "not_allowed_token_type": (Reason.AUTH_FAILED, True, "that is another kind of token"),
    "no_permission": (Reason.AUTH_FAILED, True, "add the scopes of the manifest and install the app again"),
    "access_denied": (Reason.AUTH_FAILED, True, "the workspace does not let the app do this"),
    "org_login_required": (Reason.AUTH_FAILED, True, "the workspace is being moved into an organization"),
    "ekm_access_denied": (Reason.AUTH_FAILED, True, "the workspace's administrators have suspended this"),
    "msg_too_long": (Reason.REFUSED, True, "the message is too long"),
    "msg_blocks_too_long": (Reason.REFUSED, True, "the message is too long"),
    "invalid_blocks": (Reason.REFUSED, True, "the layout of the message is not accepted"),
    "invalid_blocks_format": (Reason.REFUSED, True, "the layout of the message is not accepted"),
}
