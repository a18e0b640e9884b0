"""Dialects of others: senders made for another pager post here unchanged, and are answered in its words.

An ASGI application beside Litestar, like `web.webhooks`, because storms arrive here too. `WAYS` is the table of all
routes: a dialect is a file that adds its own. What may succeed later is answered with 503 and nothing else.
"""

from urllib.parse import unquote

import structlog

from openalert.domain.errors import OpenAlertError, Unavailable
from openalert.web.asgi import Receive, Scope, Send
from openalert.web.dialects import (
    alertmanager,
    oncall,
    opsgenie_alerts,
    opsgenie_heartbeats,
    opsgenie_json,
    opsgenie_reads,
    pagerduty,
)
from openalert.web.dialects.way import Answer, Call, Way
from openalert.web.door import Door
from openalert.web.problems import Refused

log = structlog.get_logger(__name__)

WAYS: tuple[Way, ...] = (
    *pagerduty.WAYS,
    *alertmanager.WAYS,
    *opsgenie_reads.WAYS,
    *opsgenie_alerts.WAYS,
    *opsgenie_heartbeats.WAYS,
    *opsgenie_json.WAYS,
    *oncall.WAYS,
)
"""Of two that fit a path the first answers."""
PREFIXES = (
    "/v2/", "/generic/", "/integration/", "/x-ere/", "/api/v2/", "/alertmanager/",
    "/v1/json/", "/integrations/v1/", "/jsm/ops/integration/",
)  # fmt: skip
"""Below these nothing else answers; every path of `WAYS` begins with one of them."""


class Dialects:
    """The ASGI application below `PREFIXES`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._by_length: dict[int, list[tuple[tuple[str, ...], dict[str, Way]]]] = {}
        for way in WAYS:
            parts = _parts(way.path)
            known = self._by_length.setdefault(len(parts), [])
            ways = next((ways for other, ways in known if other == parts), None)
            if ways is None:
                known.append((parts, ways := {}))
            ways[way.method] = way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        way, names = self._find(_parts_of(scope), scope["method"])
        scope["path_template"] = way.path
        call = Call(self._door, scope, receive, names)
        try:
            answer = await way.handle(call)
        except OpenAlertError as error:
            answer = way.refuse(_passing(error), scope["request_id"])
        except Exception as error:
            log.exception("dialect broke", path=way.path)
            answer = way.refuse(_fault(error), scope["request_id"])
        finally:
            call.end()
        if answer.status == 503:
            await call.forget()
        await _send(send, answer, with_body=scope["method"] != "HEAD")

    def _find(self, given: tuple[str, ...], method: str) -> tuple[Way, dict[str, str]]:
        """Who answers, and what stands at the places of the path; Refused when nobody does."""
        for parts, ways in self._by_length.get(len(given), ()):
            names = _names(parts, given)
            if names is not None:
                way = ways.get("GET" if method == "HEAD" else method)
                if way is None:
                    raise Refused(
                        405,
                        "This address does not take that method.",
                        code="METHOD_NOT_ALLOWED",
                        allow=sorted(ways),
                    )
                return way, names
        raise Refused(404, "There is nothing at this address.", code="NOT_FOUND")


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))


def _parts_of(scope: Scope) -> tuple[str, ...]:
    """The parts of the path as they were meant: a slash that came as `%2F` belongs to its part."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%2" not in raw:
        return _parts(scope["path"])
    return tuple(unquote(part, errors="replace") for part in _parts(raw.decode("latin-1")))


def _names(parts: tuple[str, ...], given: tuple[str, ...]) -> dict[str, str] | None:
    """What the path has where the way has `{name}`; None when it is another way."""
    names = {}
    for part, text in zip(parts, given, strict=True):
        if part.startswith("{"):
            if not text:
                return None
            names[part[1:-1]] = text
        elif part != text:
            return None
    return names


def _passing(error: OpenAlertError) -> OpenAlertError:
    """What a sender may be told: of our own faults that they pass."""
    return error if error.status < 500 or error.status == 503 else _fault(error)


def _fault(error: Exception) -> Unavailable:
    return Unavailable(f"The message could not be taken in ({type(error).__name__}).", retry_after=30)


async def _send(send: Send, answer: Answer, *, with_body: bool) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    headers = [*answer.headers, length]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body if with_body else b"", "more_body": False})
