"""Opsgenie's way to be spoken to: the key of an integration in a header or in the address, envelopes, refusals.

https://docs.opsgenie.com/docs/authentication and …/docs/response. Every answer names its request; a refusal has a
sentence and, where a member is at fault, that member. `/jsm/ops/integration` before the path is Jira Service
Management's address for the same.
"""

import base64
import binascii
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from openalert.domain.errors import Invalid, NotFound, OpenAlertError, Unauthenticated, Unavailable
from openalert.domain.ids import new_id
from openalert.sources import Reading
from openalert.storage import routes
from openalert.storage.database import Database
from openalert.storage.routes import Route
from openalert.usecases.inbound import Then
from openalert.web.dialects import adopting
from openalert.web.dialects.adopting import UNKNOWN_KEY
from openalert.web.dialects.way import Answer, Call, Way, json, retry_after
from openalert.web.door import Delivered, hashed

NOT_PROCESSABLE = "Request body is not processable. Please check the errors."
SERVICE_MANAGEMENT = "/jsm/ops/integration"
_LONGEST_KEY = 200
_ERROR_TYPES = {
    400: "BadRequest",
    401: "AuthenticationFailed",
    403: "AccessDenied",
    404: "EntityNotFound",
    413: "PayloadTooLarge",
    415: "UnsupportedMediaType",
    422: "ValidationFailed",
    503: "ServiceUnavailable",
}

_TAKEN_IN = {("POST", "/v2/alerts"), ("POST", "/v1/json/{source}"), ("PUT", "/v1/json/{source}")}
"""Messages, of which the door keeps those whose sender does not prove itself."""

Handler: TypeAlias = Callable[["GenieCall"], Awaitable[Answer]]


class GenieCall:
    """One request of an Opsgenie client: the call, its own id, and the integration whose key it has."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.id = new_id(call.door.database.clock())
        self._begun = time.perf_counter()
        self._route: Route | None = None
        self.key = ""
        """The key that was admitted."""
        self._content: bytes | None = None

    @property
    def database(self) -> Database:
        """Where everything is kept."""
        return self.call.door.database

    @property
    def route(self) -> Route:
        """Where the key leads; `admit` has been called."""
        if self._route is None:
            raise Unauthenticated(UNKNOWN_KEY)
        return self._route

    async def admit(self, key: str) -> None:
        """Look up whose key it is; Unauthenticated when it is nobody's."""
        if not key or len(key) > _LONGEST_KEY:
            raise Unauthenticated(UNKNOWN_KEY)
        key_hash = hashed(key)
        async with self.database.read() as reader:
            route = (await routes.by_key_hash(reader, [key_hash])).get(key_hash)
        if route is None or not route.is_active:
            raise Unauthenticated(UNKNOWN_KEY)
        self._route, self.key = route, key

    async def take_in(
        self, source: str, content: bytes, read: Callable[[], Reading], then: Then | None = None
    ) -> Delivered:
        """Take in a message by the key that was admitted; see `Door.take_in`."""
        return await self.call.take_in(self.key, source, content, read, then)

    async def content(self) -> bytes:
        """The body as it came, however often it is asked for."""
        if self._content is None:
            self._content = await self.call.body()
        return self._content

    async def members(self) -> dict[str, Any]:
        """The object in the body; an empty one when there is no body. Invalid for anything else."""
        content = await self.content()
        value = self.call.decoded(content) if content.strip() else None
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Invalid("The body is not a JSON object.")
        return value

    def listed(self, name: str) -> list[str]:
        """The values of a query parameter that may be repeated, or hold several between commas."""
        query = self.call.scope["query_string"].decode("latin-1")
        found = [value for key, value in parse_qsl(query) if key == name]
        return [part.strip() for value in found for part in value.split(",") if part.strip()]

    def envelope(self, status: int, members: Mapping[str, Any], *headers: tuple[bytes, bytes]) -> Answer:
        """An answer with the members that every one of Opsgenie's has."""
        took = round(time.perf_counter() - self._begun, 3)
        common = (
            (b"x-request-id", self.id.encode()),
            (b"x-response-time", str(took).encode()),
            (b"x-ratelimit-state", b"OK"),
            (b"x-ratelimit-period-in-sec", b"60"),
        )
        return json(status, {**members, "took": took, "requestId": self.id}, *common, *headers)

    def accepted(self, result: str = "Request will be processed") -> Answer:
        """The answer to everything that changes an alert."""
        return self.envelope(202, {"result": result})

    def refusal(self, error: OpenAlertError) -> Answer:
        """What Opsgenie's clients read of a refusal."""
        status, message = error.status, error.message
        if isinstance(error, NotFound) and error.code == "INTEGRATION_NOT_FOUND":
            status, message = 401, UNKNOWN_KEY
        members: dict[str, Any] = {"message": message}
        if isinstance(error, Invalid):
            field = str(error.details.get("field") or "")
            status = 422 if field else 400
            members = {"message": NOT_PROCESSABLE, "errors": {field or "body": message}}
        kind = error.details.get("error_type") or _ERROR_TYPES.get(status, "RequestFailed")
        headers = ((b"x-opsgenie-errortype", str(kind).encode()), *retry_after(error))
        return self.envelope(status, members, *headers)


def ways(method: str, path: str, handler: Handler) -> tuple[Way, ...]:
    """The ways to a handler that wants a key in the header or in the address."""

    async def keyed(genie: GenieCall) -> Answer:
        key = key_of(genie.call)
        try:
            await genie.admit(key)
        except Unauthenticated:
            if method == "GET":
                raise
            await adopting.keep_of_opsgenie(genie.call, path, key, genie.content)
            return genie.accepted()
        if (method, path) not in _TAKEN_IN:
            await genie.call.door.prove(key, genie.call.inbound, await genie.content())
        return await handler(genie)

    return open_ways(method, path, keyed)


def open_ways(method: str, path: str, handler: Handler) -> tuple[Way, ...]:
    """The ways to a handler that finds the key by itself."""

    async def handle(call: Call) -> Answer:
        genie = GenieCall(call)
        try:
            return await handler(genie)
        except OpenAlertError as error:
            if error.status >= 500 and not isinstance(error, Unavailable):
                raise
            return genie.refusal(error)

    return tuple(Way(method, prefix + path, handle, _refuse) for prefix in ("", SERVICE_MANAGEMENT))


def key_of(call: Call) -> str:
    """The key that a request carries: `GenieKey`, basic authentication with it as name or password, or `?apiKey=`."""
    scheme, _, given = call.inbound.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "geniekey":
        return given.strip()
    if scheme.lower() == "basic":
        return _basic(given.strip())
    return call.inbound.query.get("apiKey", "").strip() or given.strip()


def _basic(given: str) -> str:
    try:
        text = base64.b64decode(given, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    name, _, password = text.partition(":")
    return password.strip() or name.strip()


def _refuse(error: OpenAlertError, request_id: str) -> Answer:
    """A refusal where there is no call: something broke, or the address takes another method."""
    return json(
        error.status, {"message": error.message, "took": 0.0, "requestId": request_id}, *retry_after(error)
    )
