"""Socket Mode: what people press and write in Slack, by a WebSocket that we open; Slack need not reach us.

Slack gives out an address for one connection, sends envelopes, and waits for each to be acknowledged by its id; it ends
every connection after some hours and says so before (docs.slack.dev/apis/events-api/using-socket-mode).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from openalert.domain.instant import Instant
from openalert.notifiers.notifier import NotifierError, Reason
from openalert.notifiers.slack_api import SlackApi

log = structlog.get_logger(__name__)

LARGEST_ENVELOPE = 1024 * 1024
OPENING_SECONDS = 10.0
LONGEST_PAUSE = 60.0
"""Seconds between two tries to connect; the first is one second after a failure, then twice as long each time."""

Receive = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any] | None]]
"""What to do with an envelope of this type and payload; what it returns goes back with the acknowledgement."""


class Envelope(msgspec.Struct):
    """What Slack sends: one of its own words (`hello`, `disconnect`), or something to acknowledge."""

    type: str
    envelope_id: str = ""
    payload: dict[str, Any] = {}
    accepts_response_payload: bool = False
    reason: str = ""


class SlackSocket:
    """One connection at a time, for as long as `run` runs."""

    def __init__(
        self,
        api: SlackApi,
        receive: Receive,
        clock: Callable[[], Instant],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`pause` waits between two tries, in seconds."""
        self._api = api
        self._receive = receive
        self._clock = clock
        self._pause = pause
        self.is_connected = False
        self.last_failure = ""
        """Why the newest try to connect failed; empty once one succeeded."""

    async def run(self) -> None:
        """Be connected; ends only by being cancelled."""
        failures = 0
        while True:
            try:
                await self._one_connection()
                failures = 0
            except Exception as error:
                failures = 1 if self.is_connected else failures + 1
                self.is_connected = False
                self.last_failure = error.detail if isinstance(error, NotifierError) else _words(error)
                log.warning("no connection to Slack", error=self.last_failure, failures=failures)
                if not isinstance(error, (NotifierError, WebSocketException, OSError, TimeoutError)):
                    # A fault of ours: it is told in full, and still somebody wants to answer a page.
                    log.exception("the connection to Slack broke")
                asked = error.retry_after if isinstance(error, NotifierError) else None
                await self._pause(asked or min(2.0 ** min(failures - 1, 10), LONGEST_PAUSE))

    async def _one_connection(self) -> None:
        """Connect, and take what comes until Slack wants another connection."""
        url = _checked(await self._api.open_socket(self._clock()), self._api.settings.base_url)
        async with connect(
            url,
            proxy=None,
            open_timeout=OPENING_SECONDS,
            max_size=LARGEST_ENVELOPE,
            user_agent_header="OpenAlert",
        ) as socket:
            async for text in socket:
                if not await self._take(socket, text):
                    break
            else:
                raise NotifierError(Reason.UNREACHABLE, "Slack closed the connection.")
        self.is_connected = False

    async def _take(self, socket: ClientConnection, text: str | bytes) -> bool:
        """One envelope: done, then acknowledged. False: Slack ends this connection."""
        try:
            envelope = msgspec.json.decode(text, type=Envelope)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            log.warning("an envelope of Slack cannot be read")
            return True
        if envelope.type == "hello":
            self.is_connected, self.last_failure = True, ""
            log.info("connected to Slack")
        elif envelope.type == "disconnect":
            if envelope.reason == "link_disabled":
                raise NotifierError(Reason.MISCONFIGURED, "Socket Mode is switched off in the Slack app.")
            return False
        elif envelope.envelope_id:
            answer: dict[str, Any] = {"envelope_id": envelope.envelope_id}
            try:
                said = await self._receive(envelope.type, envelope.payload)
                if said is not None and envelope.accepts_response_payload:
                    answer["payload"] = said
            except Exception:
                # One envelope that breaks us must neither end the connection nor come again for ever.
                log.exception("an envelope of Slack could not be handled", type=envelope.type)
            await socket.send(msgspec.json.encode(answer).decode())
        return True


def _checked(url: str, base_url: str) -> str:
    """The address, if it is Slack's or on the host that the configuration names; NotifierError otherwise."""
    ours = urlsplit(base_url)
    try:
        scheme, host = urlsplit(url).scheme, urlsplit(url).hostname or ""
    except ValueError:
        scheme = host = ""
    is_slack = scheme == "wss" and host.endswith(".slack.com")
    is_named = host == ours.hostname and scheme in ("wss", "ws" if ours.scheme == "http" else "wss")
    if not is_slack and not is_named:
        raise NotifierError(Reason.BAD_RESPONSE, "Slack gave out an address that is not Slack's.")
    return url


def _words(error: BaseException) -> str:
    return f"The WebSocket to Slack broke off: {type(error).__name__}."
