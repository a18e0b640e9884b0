"""WebSocket `/api/v1/ws`: what was committed, to whoever may know it, as it happens.

Who somebody is and which teams they see is asked again every second, for all connections in one snapshot: a session
that was ended or a key that was revoked is closed with 4401, a team that was left is silent. A client that does
not keep up is closed with 1013 and resumes from the event log.
"""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from openalert import telemetry
from openalert.bus import Bus, Subscription
from openalert.domain.access import Actor
from openalert.domain.errors import NotFound, OpenAlertError
from openalert.domain.event import Event
from openalert.domain.instant import rfc3339
from openalert.storage import events
from openalert.supervisor import Watched
from openalert.usecases import access as rights
from openalert.usecases import incidents
from openalert.web.asgi import Receive, Scope, Send
from openalert.web.guards import Access, Credential

log = structlog.get_logger(__name__)

AUTH_SECONDS = 5.0
RECHECK_SECONDS = 1.0
LONGEST_RECHECK = 60.0
CLOSE_SECONDS = 5.0
LARGEST_FRAME = 4096
FRAMES_PER_SECOND = 20
CONNECTIONS_EACH = 20
PAGE = 500

UNAUTHENTICATED = 4401
TRY_AGAIN_LATER = 1013
TOO_BIG = 1009
POLICY = 1008
GOING_AWAY = 1001
FAULT = 1011


class Incoming(msgspec.Struct, rename="camel"):
    """What a client may say; which members count depends on `type`."""

    type: str
    token: str = ""
    incident_id: str = ""
    after: int = -1


class Closed(Exception):
    """This connection is to end with `code`."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def message(event: Event) -> dict[str, Any]:
    """An event as it leaves."""
    return {
        "seq": event.seq,
        "type": event.type,
        "teamId": event.team_id,
        "incidentId": event.incident_id,
        "at": rfc3339(event.at),
        "data": event.data,
    }


class Connection:
    """One WebSocket after its opening."""

    def __init__(self, live: "Live", receive: Receive, send: Send) -> None:
        self._live = live
        self._receive = receive
        self._send = send
        self._sending = asyncio.Lock()
        self._sent_to = 0
        self._frames: list[float] = []
        self.credential: Credential | None = None
        self.actor: Actor | None = None
        self.over = asyncio.Event()
        """Set when who it belongs to may no longer listen."""

    async def run(self, credential: Credential | None) -> None:
        """Serve until one side ends it."""
        by_message = credential is None or not await self._sign_in(credential)
        if by_message:
            await self._authenticate()
        self._live.enter(self)
        subscription = self._live.bus.subscribe()
        tasks: list[asyncio.Task[None]] = []
        try:
            if by_message:
                await self._greet()
            tasks += [
                asyncio.create_task(self._listen(), name="websocket in"),
                asyncio.create_task(self._tell(subscription), name="websocket out"),
                asyncio.create_task(self._watch_access(), name="websocket access"),
                asyncio.create_task(self._watch_pace(subscription), name="websocket pace"),
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._live.leave(self)
            self._live.bus.unsubscribe(subscription)

    async def _sign_in(self, credential: Credential) -> bool:
        self.actor = await self._live.access.identify(credential)
        self.credential = credential if self.actor is not None else None
        return self.actor is not None

    async def _authenticate(self) -> None:
        """The first message must say who it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(AUTH_SECONDS):
                first = await self._next()
                if first.type == "auth" and await self._sign_in(Credential("key", first.token)):
                    return
        raise Closed(UNAUTHENTICATED, "authenticate first")

    async def _greet(self) -> None:
        """Tell who signed in by message that it worked, and after which event it hears."""
        async with self._live.access.database.read() as reader:
            newest = await events.last(reader)
        await self._say({"type": "ready", "seq": newest})

    async def _listen(self) -> None:
        while True:
            incoming = await self._next()
            if incoming.type == "subscribe":
                await self._subscribe(incoming.incident_id)
            elif incoming.type == "resume":
                await self._resume(incoming.after)
            elif incoming.type == "ping":
                await self._say({"type": "pong"})
            elif incoming.type not in ("unsubscribe", "pong", "auth"):
                await self._refuse("VALIDATION_ERROR", f"There is no message type {incoming.type[:40]!r}.")

    async def _subscribe(self, incident_id: str) -> None:
        """Confirm the room by silence: all that the caller may see is sent already, the rest is not found."""
        try:
            async with self._live.access.database.read() as reader:
                await incidents.see(reader, self._who(), incident_id)
        except NotFound as error:
            await self._refuse("NOT_FOUND", error.message, incidentId=incident_id)

    async def _resume(self, after: int) -> None:
        """Tell everything after `after`, or say that it is no longer known."""
        async with self._sending:
            position = after
            while True:
                async with self._live.access.database.read() as reader:
                    oldest, newest = await events.oldest(reader), await events.last(reader)
                    if position < (oldest or newest + 1) - 1 or position > newest:
                        await self._write({"type": "resync", "seq": newest})
                        return
                    page = await events.after(reader, position, PAGE)
                for event in page:
                    await self._pass_on(event)
                if len(page) < PAGE:
                    return
                position = page[-1].seq

    async def _tell(self, subscription: Subscription) -> None:
        while (event := await subscription.next()) is not None:
            async with self._sending:
                if event.seq > self._sent_to:
                    await self._pass_on(event)

    async def _watch_access(self) -> None:
        await self.over.wait()
        raise Closed(UNAUTHENTICATED, "no longer signed in")

    async def _watch_pace(self, subscription: Subscription) -> None:
        """A task of its own: the one that sends is stuck when the client does not read."""
        await subscription.over.wait()
        if self._live.stopping:
            raise Closed(GOING_AWAY, "the server is stopping")
        telemetry.WEBSOCKET_DROPPED.inc()
        raise Closed(TRY_AGAIN_LATER, "too far behind; connect again and resume")

    async def _pass_on(self, event: Event) -> None:
        """Send the event if it is for this listener. The sending lock is held."""
        self._sent_to = max(self._sent_to, event.seq)
        actor = self._who()
        if event.team_id is None:
            visible = actor.organization_id == event.organization_id
        else:
            visible = rights.sees(actor, event.organization_id, event.team_id)
        if visible:
            await self._write(message(event))

    def _who(self) -> Actor:
        if self.actor is None:
            raise Closed(UNAUTHENTICATED, "no longer signed in")
        return self.actor

    async def _next(self) -> Incoming:
        """The next message of the client that can be read; what cannot is answered with an error."""
        while True:
            received = await self._receive()
            if received["type"] == "websocket.disconnect":
                raise Closed(0)
            data = received.get("text") or received.get("bytes") or b""
            raw = data.encode(errors="surrogatepass") if isinstance(data, str) else data
            if len(raw) > LARGEST_FRAME:
                raise Closed(TOO_BIG, f"at most {LARGEST_FRAME} bytes")
            self._count_frame()
            try:
                return msgspec.json.decode(raw, type=Incoming)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                await self._refuse("VALIDATION_ERROR", 'Send JSON such as {"type":"resume","after":0}.')

    def _count_frame(self) -> None:
        now = time.monotonic()
        self._frames = [then for then in self._frames if now - then < 1.0]
        self._frames.append(now)
        if len(self._frames) > FRAMES_PER_SECOND:
            raise Closed(POLICY, f"at most {FRAMES_PER_SECOND} messages a second")

    async def _refuse(self, code: str, words: str, **details: Any) -> None:
        await self._say({"type": "error", "code": code, "message": words, **details})

    async def _say(self, body: dict[str, Any]) -> None:
        async with self._sending:
            await self._write(body)

    async def _write(self, body: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "text": msgspec.json.encode(body).decode()})


class Live:
    """The ASGI application of the path, and everybody connected to it."""

    def __init__(self, access: Access, bus: Bus) -> None:
        self.access = access
        self.bus = bus
        self.stopping = False
        self._connections: set[Connection] = set()
        self._each: Counter[str] = Counter()
        self._task: Watched | None = None

    def start(self) -> None:
        """Begin to ask again who everybody is."""
        self._task = self.access.database.supervisor.start(
            "websocket access", self._recheck_forever, most_seconds=LONGEST_RECHECK
        )

    async def stop(self) -> None:
        """Send everybody away: they come back to the server that follows."""
        self.stopping = True
        self.bus.close()
        if self._task is not None:
            task, self._task = self._task, None
            await self.access.database.supervisor.stop(task)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, from its opening to its end."""
        if scope["type"] != "websocket":
            await _only_websocket(send)
            return
        opening = await receive()
        if opening["type"] != "websocket.connect":
            return
        credential = self.access.credential(scope)
        foreign = credential is not None and credential.kind == "session" and not self._is_own(scope)
        if foreign or self.stopping:
            await send({"type": "websocket.close", "code": 4403, "reason": ""})
            return
        await send({"type": "websocket.accept"})
        connection = Connection(self, receive, send)
        try:
            await connection.run(credential)
        except Closed as closed:
            if closed.code:
                await _close(send, closed.code, closed.reason)
        except OpenAlertError as error:
            await _close(send, TRY_AGAIN_LATER, error.message[:100])
        except Exception:
            log.exception("websocket failed")
            await _close(send, FAULT, "")

    def _is_own(self, scope: Scope) -> bool:
        return self.access.is_own_origin(scope)

    def enter(self, connection: Connection) -> None:
        """Count the connection in; Closed when its owner has too many."""
        key = _owner(connection)
        if self._each[key] >= CONNECTIONS_EACH:
            raise Closed(POLICY, f"at most {CONNECTIONS_EACH} connections each")
        self._each[key] += 1
        self._connections.add(connection)
        telemetry.WEBSOCKET_CLIENTS.inc()

    def leave(self, connection: Connection) -> None:
        """Count it out."""
        if connection in self._connections:
            key = _owner(connection)
            self._connections.discard(connection)
            self._each[key] -= 1
            if not self._each[key]:
                del self._each[key]
            telemetry.WEBSOCKET_CLIENTS.dec()

    async def recheck(self) -> None:
        """Ask once for every connection who it belongs to now."""
        if not self._connections:
            return
        async with self.access.database.read() as reader:
            found: dict[Credential, Actor | None] = {}
            for connection in list(self._connections):
                credential = connection.credential
                if credential is None:
                    continue
                if credential not in found:
                    signed_in = await self.access.find(reader, credential)
                    found[credential] = signed_in.actor if signed_in else None
                actor = found[credential]
                if actor is None:
                    connection.over.set()
                else:
                    connection.actor = actor

    async def _recheck_forever(self, watched: Watched) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                with watched.step():
                    await self.recheck()
            except OpenAlertError as error:
                # Not knowing is no reason to send everybody away, nor to stop asking.
                log.warning("websocket access not checked", error=error.message)


def _owner(connection: Connection) -> str:
    return f"{connection.actor.kind}:{connection.actor.id}" if connection.actor else ""


async def _close(send: Send, code: int, reason: str) -> None:
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await send({"type": "websocket.close", "code": code, "reason": reason})


async def _only_websocket(send: Send) -> None:
    body = b'{"status":426,"code":"UPGRADE_REQUIRED","message":"Connect with a WebSocket."}'
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"upgrade", b"websocket"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 426, "headers": headers})
    await send({"type": "http.response.body", "body": body})
