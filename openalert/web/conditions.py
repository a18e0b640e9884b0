"""Conditions of a request to the API: If-None-Match, If-Match, Idempotency-Key, and the headers that answer them.

One mechanism for every route. What a condition asks is decided inside the transaction of the act, by a database that
the handler takes for the database: its first transaction begins with the conditions, and where an answer is to
be kept it ends only once that answer is known, so that the act and its answer are committed together or not at all.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, cast

import msgspec
from litestar import Request, Response

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.errors import NotFound, OpenAlertError, TooLarge
from openalert.domain.idempotency import KeptAnswer, check_key
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import idempotency
from openalert.web import etags
from openalert.web.asgi import ASGIApp, Message, Receive, Scope, Send
from openalert.web.etags import Plan
from openalert.web.guards import SAFE
from openalert.web.problems import send_problem, with_head

MOST_BYTES = 256 * 1024
"""The largest body of the API, whatever `server.max_body_bytes` allows monitoring to send (S-46)."""
_KEPT_HEADERS = (b"content-type", b"etag", b"location")


class Replayed(Exception):
    """Nothing is left to do but to say again what was said."""

    def __init__(self, answer: KeptAnswer) -> None:
        super().__init__("answered before")
        self.answer = answer


class _Within:
    """A database for the GET of an object that is asked for from inside a transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """The transaction itself, which sees what it has done so far."""
        yield self._tx


@Database.register
class Conditions:
    """The database as one changing request sees it; what is not here is the database's own."""

    def __init__(self, scope: Scope, plan: Plan) -> None:
        self._scope = scope
        self._plan = plan
        self._state = scope["litestar_app"].state
        self._database: Database = self._state.access.database
        self._if_match = _header(scope, b"if-match")
        self._key = _header(scope, b"idempotency-key") if scope["method"] == "POST" else None
        self._body = hashlib.sha256()
        self._begun = False
        self._open: AsyncExitStack | None = None
        self._tx: Transaction | None = None
        self.etag: str | None = None
        """The version of the object: after the act where the answer shows it, before it where that refused it."""
        self.was_replayed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @asynccontextmanager
    async def transaction(self, actor: Actor = SYSTEM) -> AsyncIterator[Transaction]:
        """As that of the database; the first one of a request holds its conditions.

        Raises PreconditionFailed, Conflict (the key was another request's) or Replayed before anything is done.
        """
        if self._begun:
            await self.settle()
            async with self._database.transaction(actor) as tx:
                yield tx
            return
        self._begun = True
        key = None if self._key is None else check_key(self._key)
        kept = None
        async with AsyncExitStack() as stack:
            tx = await stack.enter_async_context(self._database.transaction(actor))
            if key is not None:
                kept = await idempotency.recall(tx, key, self._request())
            if kept is None:
                if self._if_match is not None:
                    self.etag = await self._present(tx)
                    etags.require(self.etag, self._if_match)
                    self.etag = None
                yield tx
                if self._plan.answers_object:
                    with suppress(NotFound):  # given away to whom the caller does not see
                        self.etag = await self._present(tx)
                if key is not None:
                    self._tx, self._open = tx, stack.pop_all()
        if kept is not None:
            # Only here, after the commit: what was read may be of an act that shares it.
            self.was_replayed = True
            raise Replayed(kept)

    async def settle(self, status: int = 0, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        """End the transaction that waits for its answer, and keep the answer if it says that the act was done."""
        if self._open is None or self._tx is None:
            return
        stack, self._open = self._open, None
        async with stack:
            if 200 <= status < 300 and self._key is not None:
                await idempotency.keep(
                    self._tx,
                    self._key,
                    self._request(),
                    status=status,
                    headers=headers or {},
                    body=body.decode(),
                )

    async def abandon(self, error: BaseException) -> None:
        """Undo what waits for an answer that will never be."""
        stack, self._open = self._open, None
        if stack is not None:
            await stack.__aexit__(type(error), error, error.__traceback__)

    def listening(self, receive: Receive) -> Receive:
        """`receive` that gives up on a body that is larger than any of ours, and takes note of it where it matters."""
        size = 0

        async def noted() -> Message:
            nonlocal size
            message = await receive()
            part = message.get("body", b"")
            size += len(part)
            if size > MOST_BYTES:
                raise TooLarge(f"At most {MOST_BYTES} bytes are read here.", limit=MOST_BYTES)
            if self._key is not None:
                self._body.update(part)
            return message

        return noted

    def _request(self) -> str:
        """Keyed, because bodies may hold a password."""
        said = f"{self._scope['method']} {self._scope['path']}\n{self._body.hexdigest()}"
        return hmac.new(self._state.secret, b"idempotency\n" + said.encode(), "sha256").hexdigest()

    async def _present(self, tx: Transaction) -> str:
        given = {
            **self._scope["path_params"],
            "db": _Within(tx),
            "actor": tx.actor,
            "links_back": self._state.links_back,
        }
        return await etags.present(self._plan, given)


class Conditional:
    """ASGI middleware of the API: answers conditions, and gives the versions, limits and addresses in headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        plan: Plan | None = scope["route_handler"].opt.get("plan")
        if scope["method"] == "OPTIONS":
            await self.app(scope, receive, _Allowing(scope, send))
        elif plan is None or not (plan.is_object or scope["method"] not in SAFE):
            await self.app(scope, receive, send)
        elif plan.is_object:
            await self.app(scope, receive, _Shown(scope, send))
        else:
            conditions = scope["conditions"] = Conditions(scope, plan)
            answer = _Answered(scope, plan, conditions, send)
            try:
                await self.app(scope, conditions.listening(receive), answer)
            except BaseException as error:
                await conditions.abandon(error)
                raise
            finally:
                await conditions.settle()


class _Allowing:
    """`send` of OPTIONS: Litestar names the methods of the first handler of a path, this names those of all."""

    def __init__(self, scope: Scope, send: Send) -> None:
        routes = scope["litestar_app"].routes
        allowed = {
            method
            for route in routes
            if getattr(route, "path_format", "") == scope["path_template"]
            for method in getattr(route, "methods", ())
        }
        self._allow = with_head(allowed)
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = _without(message["headers"], b"allow", b"content-type")
            message["headers"] = [*kept, (b"allow", ", ".join(self._allow).encode())]
        await self._send(message)


class _Shown:
    """`send` of a GET: with the version of what is shown, or 304 if the caller has that one."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._seen = _header(scope, b"if-none-match")
        self._send = send
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] != 200:
                self._start = {}
                await self._send(message)
            else:
                self._start = message
            return
        start, self._start = self._start, {}
        if start:
            etag = etags.of_bytes(message.get("body", b""))
            start["headers"] = [*start["headers"], (b"etag", etag.encode())]
            if self._seen is not None and etags.is_named(etag, self._seen, strong=False):
                start["status"] = 304
                start["headers"] = _without(start["headers"], b"content-type", b"content-length")
                message = {**message, "body": b""}
            await self._send(start)
        await self._send(message)


class _Answered:
    """`send` of an act: nothing leaves before the act and the answer to it are durable."""

    def __init__(self, scope: Scope, plan: Plan, conditions: Conditions, send: Send) -> None:
        self._scope = scope
        self._plan = plan
        self._conditions = conditions
        self._send = send
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, {}
        if start:
            body = message.get("body", b"")
            start["headers"] = [*start["headers"], *self._own_headers(start["status"], body)]
            try:
                await self._conditions.settle(start["status"], _kept(start["headers"]), body)
            except OpenAlertError as error:
                await send_problem(self._scope, self._send, error)
                return
            start["headers"] = [*start["headers"], *_limits(self._scope)]
            await self._send(start)
        await self._send(message)

    def _own_headers(self, status: int, body: bytes) -> list[tuple[bytes, bytes]]:
        headers: list[tuple[bytes, bytes]] = []
        if self._conditions.was_replayed:
            return headers
        etag = self._conditions.etag
        if status == 201 and self._plan.new_id is not None:
            name = msgspec.json.decode(body, type=dict[str, Any])[self._plan.new_id]
            headers.append((b"location", f"{self._scope['path'].rstrip('/')}/{name}".encode()))
            if not self._plan.is_secret:
                etag = etags.of_bytes(body)
        if etag is not None:
            headers.append((b"etag", etag.encode()))
        return headers


def middleware(app: Any) -> Any:
    """`Conditional` around the application, in the form that Litestar takes."""
    return Conditional(app)


def database(request: Request[Any, Any, Any]) -> Database:
    """Dependency `db` of the API: the database, with the conditions of the request where it changes something."""
    scope: Any = request.scope
    return cast("Database", scope.get("conditions") or request.app.state.access.database)


def replay(_: Request[Any, Any, Any], replayed: Replayed) -> Response[bytes]:
    """The answer of before, word for word."""
    kept = replayed.answer
    headers = {**kept.headers, "idempotency-replayed": "true"}
    return Response(
        content=kept.body.encode(),
        status_code=kept.status,
        media_type=headers.pop("content-type", "application/json"),
        headers=headers,
    )


def _limits(scope: Scope) -> list[tuple[bytes, bytes]]:
    """How the caller stands with the limit of changes, where one was counted."""
    access = scope["litestar_app"].state.access
    if "limited_as" not in scope:
        return []
    standing = access.writes.standing(scope["limited_as"], access.database.clock())
    if standing is None:
        return []
    return [
        (b"ratelimit-limit", b"%d" % standing.limit),
        (b"ratelimit-remaining", b"%d" % standing.remaining),
        (b"ratelimit-reset", b"%d" % standing.reset),
    ]


def _kept(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in headers if name in _KEPT_HEADERS}


def _without(headers: list[tuple[bytes, bytes]], *names: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name not in names]


def _header(scope: Scope, name: bytes) -> str | None:
    found = [value for key, value in scope["headers"] if key == name]
    return b", ".join(found).decode("latin-1") if found else None
