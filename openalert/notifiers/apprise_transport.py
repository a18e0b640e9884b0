"""Requests of Apprise, sent by our own client: Apprise writes them, and we connect, bound and judge.

Apprise speaks by `requests`, in threads, to wherever an address says. Here every such request of a message is handed to
`notifiers/http`: addresses are checked, nothing is followed, time and size are bounded, and how far it got is known.
Loading this module loads `requests`, which costs a quarter of a second; so it is loaded with the first message.
"""

import asyncio
import io
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from contextvars import ContextVar
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from openalert.notifiers.http import Answer, HttpClient
from openalert.notifiers.notifier import LostAnswer, NotifierError

_OURS = {"accept-encoding", "connection", "content-length", "host", "transfer-encoding"}
_NOT_SHOWN = {"content-encoding", "content-length", "location", "transfer-encoding"}
"""A body that is cut off, or not packed as it says, would be an error to `requests`, though the status is certain."""
_BODIES = (bytes, bytearray)


class Call:
    """One message on its way through Apprise: its time, its requests, and what became of each."""

    def __init__(self, http: HttpClient, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """`loop` runs the client; the message may take so many seconds in all."""
        self._http = http
        self._loop = loop
        self._ends = time.monotonic() + seconds
        self._over = threading.Event()
        self.outcomes: list[Answer | NotifierError | LostAnswer] = []
        self.targets = 1
        """How many receivers the address names."""

    def end(self) -> None:
        """Nobody waits any more: what Apprise would still request is refused."""
        self._over.set()

    def pause(self, last_io: Any = None, wait: float | None = None) -> None:  # noqa: ARG002 - the shape of `throttle`
        """Stands in for a plugin's pauses between requests: no longer than the message has time."""
        self._over.wait(min(wait or 0, max(self._ends - time.monotonic(), 0)))

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request, made by the event loop while this thread waits."""
        left = self._ends - time.monotonic()
        if self._over.is_set() or left <= 0:
            raise requests.exceptions.Timeout("The message has had its time.")
        answer = asyncio.run_coroutine_threadsafe(
            self._http.request(method, url, headers=headers, body=body), self._loop
        )
        try:
            # The client ends by its own deadline, and then knows how far it got; this one is for a loop that stands.
            self.outcomes.append(answer.result(left + 2))
        except (NotifierError, LostAnswer) as error:
            self.outcomes.append(error)
            raise requests.exceptions.ConnectionError(error.detail) from None
        except (TimeoutError, CancelledError):
            answer.cancel()
            self.outcomes.append(LostAnswer("The service did not answer in time."))
            raise requests.exceptions.Timeout("no answer") from None
        return answer.result()


CURRENT: ContextVar[Call | None] = ContextVar("apprise_call", default=None)
"""The message that this thread is sending."""


class Adapter(HTTPAdapter):
    """What every session of `requests` connects by: inside a call by our client, elsewhere as it always did."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """One request; a redirect comes back as an answer that leads nowhere."""
        call = CURRENT.get()
        if call is None:
            return super().send(request, *args, **options)
        answer = call.request(
            request.method or "GET", request.url or "", _headers(request.headers), _body(request.body)
        )
        shown = {name: value for name, value in answer.headers.items() if name not in _NOT_SHOWN}
        return self.build_response(
            request,
            HTTPResponse(
                body=io.BytesIO(answer.body), headers=shown, status=answer.status, preload_content=False
            ),
        )


def _headers(given: Mapping[str, str | bytes]) -> dict[str, str]:
    plain = {
        name: value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in given.items()
    }
    return {name: value for name, value in plain.items() if name.lower() not in _OURS}


def _body(given: Any) -> bytes:
    if given is None:
        return b""
    if isinstance(given, str):
        return given.encode("utf-8", "replace")
    if isinstance(given, _BODIES):
        return bytes(given)
    raise requests.exceptions.InvalidSchema("A body that is read while it is sent is not sent.")


requests.sessions.HTTPAdapter = Adapter  # type: ignore[attr-defined]  # what a new session connects by
