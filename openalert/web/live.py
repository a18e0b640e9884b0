"""WebSocket `/api/v1/ws`: what was committed, to whoever may know it, as it happens.

Who somebody is and which teams they see is asked again every second, for a hundred sessions or keys at a time: one
that was ended or revoked is closed with 4401, a team that was left is silent. One connection is `listener`'s; who is
told what, and when, is `broadcast`'s.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import parse_qs

import structlog

from openalert import telemetry
from openalert.bus import Bus
from openalert.domain.access import Actor
from openalert.domain.errors import OpenAlertError
from openalert.storage import events
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.supervisor import Watched
from openalert.usecases.signin import SignedIn
from openalert.web.asgi import PIPE, Pipe, Receive, Scope, Send, only_websocket
from openalert.web.broadcast import Broadcast
from openalert.web.guards import Access, Credential
from openalert.web.listener import POLICY, TRY_AGAIN_LATER, UNAUTHENTICATED, Closed, Connection

log = structlog.get_logger(__name__)

RECHECK_SECONDS = 1.0
LONGEST_RECHECK = 60.0
RECHECK_REST = 20
"""Times as long as a look took until the next: it is every second until thousands are signed in."""
MOST_BETWEEN_SECONDS = 3.0
"""No session that has ended listens much longer than this, however many there are."""
LONGEST_ROUND = 60.0
ASKED_TOGETHER = 100
SIGN_INS_AT_ONCE = 16
CLOSE_SECONDS = 5.0
CONNECTIONS_EACH = 20

GOING_AWAY = 1001
FAULT = 1011


class Shown:
    """One session or key, and every connection that was opened with it."""

    def __init__(self) -> None:
        self.actor: Actor | None = None
        """Who it is, as it was last asked: one object for all, so that others see at once that it is the same."""
        self.connections: list[Connection] = []

    def is_now(self, actor: Actor) -> None:
        """Whose it is now."""
        if self.actor != actor:
            self.actor = actor
            for connection in self.connections:
                connection.actor = actor


class Live:
    """The ASGI application of the path, and everybody connected to it."""

    def __init__(self, access: Access, bus: Bus) -> None:
        self.access = access
        self.stopping = False
        self.broadcast = Broadcast(lambda: access.database.look(events.last))
        self._shown: dict[Credential, Shown] = {}
        self._each: Counter[str] = Counter()
        self._signing_in = asyncio.Semaphore(SIGN_INS_AT_ONCE)
        self._tasks: list[Watched] = []
        bus.follow(self.broadcast.heard, self.broadcast.missed)

    @property
    def database(self) -> Database:
        """What those who resume read."""
        return self.access.database

    async def start(self) -> None:
        """Begin to tell, and to ask again who everybody is; OpenAlertError where the database cannot be read."""
        await self.broadcast.begin()
        supervisor = self.database.supervisor
        self._tasks = [
            supervisor.start("websocket access", self._recheck_forever, most_seconds=LONGEST_RECHECK),
            supervisor.start("websocket events", self.broadcast.run, most_seconds=LONGEST_ROUND),
        ]

    async def stop(self) -> None:
        """Send everybody away: they come back to the server that follows."""
        self.stopping = True
        for shown in list(self._shown.values()):
            _end(shown, Closed(GOING_AWAY, "the server is stopping"))
        tasks, self._tasks = self._tasks, []
        await self.database.supervisor.stop(*tasks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, from its opening to its end."""
        if scope["type"] != "websocket":
            await only_websocket(send)
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
        pipe: Pipe | None = scope.get("extensions", {}).get(PIPE)
        (after,) = parse_qs(scope["query_string"].decode("latin-1")).get("after", [""])[-1:]
        connection = Connection(self, receive, send, pipe, after)
        if pipe is not None:
            pipe.freed = connection.again
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
        if connection.credential is None or connection.actor is None:
            raise Closed(UNAUTHENTICATED, "authenticate first")
        key = _owner(connection)
        if self._each[key] >= CONNECTIONS_EACH:
            raise Closed(POLICY, f"at most {CONNECTIONS_EACH} connections each")
        self._each[key] += 1
        shown = self._shown.setdefault(connection.credential, Shown())
        shown.connections.append(connection)
        shown.is_now(connection.actor)
        connection.actor = shown.actor
        self.broadcast.add(connection)
        telemetry.WEBSOCKET_CLIENTS.inc()

    def leave(self, connection: Connection) -> None:
        """Count it out."""
        shown = self._shown.get(connection.credential) if connection.credential is not None else None
        if shown is not None and connection in shown.connections:
            key = _owner(connection)
            shown.connections.remove(connection)
            if not shown.connections and connection.credential is not None:
                del self._shown[connection.credential]
            self.broadcast.remove(connection)
            self._each[key] -= 1
            if not self._each[key]:
                del self._each[key]
            telemetry.WEBSOCKET_CLIENTS.dec()

    async def identify(self, credential: Credential) -> Actor | None:
        """Whose it is; a few at a time, so that all who come back at once do not hold up everybody else."""
        async with self._signing_in:
            return await self.access.identify(credential)

    async def recheck(self) -> None:
        """Ask once for every session and key who it belongs to now."""
        every = list(self._shown)
        for begin in range(0, len(every), ASKED_TOGETHER):
            some = every[begin : begin + ASKED_TOGETHER]
            for credential, signed_in in (await self._found(some)).items():
                shown = self._shown.get(credential)
                if shown is None:
                    continue
                if signed_in is None:
                    _end(shown, Closed(UNAUTHENTICATED, "no longer signed in"))
                else:
                    shown.is_now(signed_in.actor)

    async def _found(self, credentials: Sequence[Credential]) -> dict[Credential, SignedIn | None]:
        async def find(reader: Reader) -> dict[Credential, SignedIn | None]:
            return await self.access.find_all(reader, credentials)

        return await self.database.look(find)

    async def _recheck_forever(self, watched: Watched) -> None:
        took = 0.0
        while True:
            await asyncio.sleep(max(RECHECK_SECONDS, min(RECHECK_REST * took, MOST_BETWEEN_SECONDS)))
            began = time.monotonic()
            try:
                with watched.step():
                    await self.recheck()
            except OpenAlertError as error:
                # Not knowing is no reason to send everybody away, nor to stop asking.
                log.warning("websocket access not checked", error=error.message)
            took = time.monotonic() - began


def _end(shown: Shown, why: Closed) -> None:
    for connection in list(shown.connections):
        connection.end(why)


def _owner(connection: Connection) -> str:
    return f"{connection.actor.kind}:{connection.actor.id}" if connection.actor else ""


async def _close(send: Send, code: int, reason: str) -> None:
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await send({"type": "websocket.close", "code": code, "reason": reason})
