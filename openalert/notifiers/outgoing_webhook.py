"""One attempt of an outgoing webhook, by the Standard Webhooks specification: signed, sent, and what came back.

Unlike a page, an attempt is never in doubt: whatever is not answered with 2xx is tried again under the same id.
"""

import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from openalert import telemetry
from openalert.domain import hops
from openalert.domain.instant import DAY, SECOND, Instant
from openalert.notifiers.addresses import Resolver
from openalert.notifiers.http import HttpClient, OutgoingSettings, authorities, parse_url, retry_after
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason
from openalert.notifiers.text import one_line
from openalert.notifiers.webhook import signature

LONGEST_EXCERPT = 1_000
"""Characters of an answer that are kept."""
MOST_ANSWER = 16_384
"""Bytes of an answer that are read."""
DELIVERED = "delivered"
LOST = "no_answer"
_SHORTEST_HIDDEN = 6
"""Secrets shorter than this are words that stand in any text."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent where."""

    receiver: str
    """The webhook's id: requests to different receivers share nothing."""
    url: str
    webhook_id: str
    """Equal on every attempt."""
    body: bytes
    headers: Mapping[str, str]
    secrets: Sequence[str]
    """What signs, the newest first."""
    hidden: Sequence[str]
    """What never stands in an excerpt of the answer, should the receiver send it back."""
    timeout_seconds: int
    hops: int = 0
    """How many OpenAlert instances the news had passed when it reached this one."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an attempt."""

    outcome: str
    """`delivered`, `no_answer`, or a reason of `NotifierError`."""
    status_code: int | None = None
    detail: str = ""
    """The beginning of the answer, or a sentence that says why there is none; holds no secret."""
    retry_after: float | None = None
    """Seconds, as the receiver asks for."""

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has it."""
        return self.outcome == DELIVERED

    @property
    def is_gone(self) -> bool:
        """Whether the receiver says that it wants nothing more, ever."""
        return self.status_code == 410


class OutgoingSender:
    """Sends attempts; each webhook by a client of its own, so that none waits for another's receiver."""

    def __init__(
        self,
        settings: OutgoingSettings,
        *,
        base_url: str,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """`base_url` is our own: nothing is sent there. `tls`: trust other authorities than the system's.

        `resolver`: of all receivers; None: each has threads of its own, so that a name that hangs holds up nobody.
        """
        self._settings = settings
        self._own_netloc = parse_url(base_url).netloc
        self._tls = tls
        self._resolver = resolver
        self._clients: dict[str, tuple[tuple[int, bool], HttpClient]] = {}
        """By receiver: for which time, and whether encrypted."""

    async def send(self, request: Request, now: Instant) -> Reply:
        """One attempt within its time; never raises for what the receiver or the network does."""
        try:
            if parse_url(request.url).netloc == self._own_netloc:
                return Reply(outcome=Reason.LOOP.value, detail="The URL is that of this OpenAlert itself.")
            if request.hops >= hops.MOST:
                return Reply(
                    outcome=Reason.LOOP.value, detail="The news went round through OpenAlert instances."
                )
            client = await self._client(request)
            answer = await client.request(
                "POST", request.url, headers=_headers(request, now // SECOND), body=request.body
            )
        except NotifierError as error:
            return Reply(outcome=error.reason.value, detail=_harmless(error.detail, request))
        except LostAnswer as error:
            return Reply(outcome=LOST, detail=_harmless(error.detail, request))
        excerpt = _harmless(answer.body[:MOST_ANSWER].decode("utf-8", "replace"), request)
        return Reply(
            outcome=_outcome(answer.status),
            status_code=answer.status,
            detail=excerpt,
            retry_after=retry_after(answer.headers.get("retry-after"), now, DAY / SECOND),
        )

    async def close(self) -> None:
        """Ends what is open."""
        for _, client in self._clients.values():
            await client.close()
        self._clients.clear()

    async def forget(self, but: Sequence[str]) -> None:
        """Ends the clients of receivers that are not among these."""
        for receiver in [each for each in self._clients if each not in but]:
            await self._clients.pop(receiver)[1].close()

    async def _client(self, request: Request) -> HttpClient:
        manner = (request.timeout_seconds, request.url.startswith("https:"))
        known = self._clients.get(request.receiver)
        if known is not None and known[0] == manner:
            return known[1]
        if self._tls is None and manner[1]:
            # Once for all requests: a client without them reads them anew for each connection.
            self._tls = await authorities()
        settings = msgspec.structs.replace(
            self._settings, deadline=float(request.timeout_seconds), max_answer=MOST_ANSWER
        )
        client = HttpClient(settings, tls=self._tls, resolver=self._resolver)
        self._clients[request.receiver] = (manner, client)
        return client


def _headers(request: Request, timestamp: int) -> dict[str, str]:
    try:
        signed = [
            signature(secret, request.webhook_id, timestamp, request.body) for secret in request.secrets
        ]
    except ValueError as error:
        raise NotifierError(
            Reason.MISCONFIGURED, "Its signing secret is not valid; make a new one."
        ) from error
    return dict(request.headers) | {
        "Content-Type": "application/json",
        "webhook-id": request.webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signed),
        hops.HEADER: str(request.hops + 1),
    }


def _outcome(status: int) -> str:
    if 200 <= status < 300:
        return DELIVERED
    known: dict[int, Reason] = {410: Reason.GONE, 429: Reason.RATE_LIMITED}
    if status in known:
        return known[status].value
    if status in (401, 402, 403, 407):
        return Reason.AUTH_FAILED.value
    if 400 <= status < 500:
        return Reason.REFUSED.value
    return Reason.PROVIDER_FAILED.value if status >= 500 else Reason.BAD_RESPONSE.value


def _harmless(text: str, request: Request) -> str:
    """A text on one line and of bounded length, without what is ours to keep."""
    for secret in sorted((*request.hidden, *request.secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_HIDDEN:
            text = text.replace(secret, telemetry.HIDDEN)
    return one_line(telemetry.redact(text), LONGEST_EXCERPT)


def sent_headers(webhook_id: str, shown: Mapping[str, str], secret: Sequence[str]) -> dict[str, Any]:
    """The headers of a request as a log may show them."""
    return {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        **shown,
        **dict.fromkeys(secret, telemetry.HIDDEN),
    }
