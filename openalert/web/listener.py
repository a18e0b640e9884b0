"""One WebSocket that listens: who it is, what it asks for, what it was told, and why it ends.

A client that resumes by its first message, or says by coming what it heard last, hears each event once and in order:
news wait for that. One that does not keep up is closed with 1013 and resumes from the event log.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

import msgspec

from openalert import telemetry
from openalert.domain.access import Actor
from openalert.domain.errors import NotFound
from openalert.storage import events
from openalert.storage.database import Database
from openalert.usecases import incidents
from openalert.web.asgi import Pipe, Receive, Send
from openalert.web.broadcast import ANEW, Broadcast, News, hears, message, ready, resync
from openalert.web.guards import Credential

AUTH_SECONDS = 5.0
HOLD_SECONDS = 1.0
"""News wait so long for a client that has just come: who resumes by its first message hears each in order."""
TURNS = 4
"""Of the event loop, before news wait no more: in them is heard whatever lies there from a client, also where this
process stood still until the time was over. One comes before anything is read, one reads, one wakes whoever hears it.
"""
LONGEST_NUMBER = 18
"""Digits."""
LARGEST_FRAME = 4096
FRAMES_PER_SECOND = 20
PAGE = 500

UNAUTHENTICATED = 4401
TRY_AGAIN_LATER = 1013
TOO_BIG = 1009
POLICY = 1008


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


class Hub(Protocol):
    """What a connection asks of whoever has all of them."""

    broadcast: Broadcast

    @property
    def database(self) -> Database:
        """What is read for those who resume."""

    async def identify(self, credential: Credential) -> Actor | None:
        """Whose it is now; None: nobody's."""

    def enter(self, connection: "Connection") -> None:
        """Count the connection in, from now on it is told; Closed when its owner has too many."""

    def leave(self, connection: "Connection") -> None:
        """Count it out."""


class Connection:
    """One WebSocket after its opening."""

    def __init__(self, hub: "Hub", receive: Receive, send: Send, pipe: Pipe | None, after: str) -> None:
        """Without a `pipe` news are sent like anything else, by a task of its own.

        `after`: the number of the last event that the client has heard, as its address says; empty: that does not say.
        """
        self._hub = hub
        self._receive = receive
        self._send = send
        self._pipe = pipe
        self._after = after
        self._sending = asyncio.Lock()
        self._telling: asyncio.Task[None] | None = None
        self._is_held = True
        """Whether news wait for what the client says first."""
        self._is_resuming = False
        self._frames: list[float] = []
        self._task: asyncio.Task[Any] | None = None
        self._why: Closed | None = None
        self._has_resumed = False
        self._began = 0
        """The number of the first event that it could be told of as it happened."""
        self._holding: asyncio.Handle | None = None
        self.position = 0
        self.credential: Credential | None = None
        self.actor: Actor | None = None

    async def run(self, credential: Credential | None) -> None:
        """Serve until one side ends it."""
        by_message = credential is None or not await self._sign_in(credential)
        if by_message:
            await self._authenticate()
        self._task = asyncio.current_task()
        self._hub.enter(self)
        try:
            if by_message:
                await self._greet()
            self._began = self.position
            if self._after:
                await self._go_on()
            if self._is_held:
                self._holding = asyncio.get_running_loop().call_later(HOLD_SECONDS, self._wait_on, TURNS)
            await self._listen()
        except asyncio.CancelledError:
            if self._why is None or self._task is None:
                raise
            self._task.uncancel()
            raise self._why from None
        finally:
            self._hub.leave(self)
            if self._telling is not None:
                self._telling.cancel()
            if self._holding is not None:
                self._holding.cancel()

    def end(self, why: Closed) -> None:
        """It is to end, whatever it waits for."""
        if self._why is None and self._task is not None:
            self._why = why
            self._task.cancel()

    def _wait_on(self, turns: int) -> None:
        """The time is over: hear what lies there already, then let news go."""
        if turns:
            self._holding = asyncio.get_running_loop().call_soon(self._wait_on, turns - 1)
        else:
            self._let_go()

    def _let_go(self) -> None:
        """News wait no more."""
        if self._is_held:
            self._is_held = False
            if self._holding is not None:
                self._holding.cancel()
                self._holding = None
            self.again()

    def again(self) -> None:
        """News are taken again."""
        self._hub.broadcast.again(self)

    def take(self, news: News) -> bool:
        """Tell the client; False while something else is being said, or what was is not taken yet."""
        if self._is_held or self._sending.locked() or self._telling is not None:
            return False
        if self._pipe is not None:
            return self._pipe.write(news.frames)
        self._telling = asyncio.create_task(self._tell(news), name="websocket out")
        return True

    def lose(self) -> None:
        """The client is too far behind, unless it was us who let it wait."""
        if self._is_held or self._is_resuming:
            return
        telemetry.WEBSOCKET_DROPPED.inc()
        self.end(Closed(TRY_AGAIN_LATER, "too far behind; connect again and resume"))

    async def _tell(self, news: News) -> None:
        try:
            async with self._sending:
                for text in news.texts:
                    await self._write(text)
        except Exception:  # noqa: BLE001 - whoever listens to the client hears that it is gone
            return
        finally:
            self._telling = None
            self.again()

    async def _sign_in(self, credential: Credential) -> bool:
        self.actor = await self._hub.identify(credential)
        self.credential = credential if self.actor is not None else None
        return self.actor is not None

    async def _authenticate(self) -> None:
        """The first message must say who it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(AUTH_SECONDS):
                first = await self._next()
                if first.type == "auth" and await self._sign_in(Credential("key", first.token)):
                    self._after = self._after if first.after < 0 else str(first.after)
                    return
        raise Closed(UNAUTHENTICATED, "authenticate first")

    async def _go_on(self) -> None:
        """Tell what was missed before anything else, to whoever said by coming which event was their last."""
        if len(self._after) > LONGEST_NUMBER or not (self._after.isascii() and self._after.isdigit()):
            await self._refuse("VALIDATION_ERROR", "`after` is the number of an event.")
            return
        await self._resume(int(self._after))
        self._let_go()

    async def _greet(self) -> None:
        """Tell who signed in by message that it worked, and after which event it hears."""
        async with self._saying():
            age = self._hub.broadcast.ages
            async with self._hub.database.read() as reader:
                newest = await events.last(reader)
            await self._write(ready(newest))
            self._knows(newest, age)

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
            self._let_go()

    async def _subscribe(self, incident_id: str) -> None:
        """Refuse an incident that the caller may not see; else say nothing, for all they may see is told anyway."""
        try:
            async with self._hub.database.read() as reader:
                await incidents.see(reader, self._who(), incident_id)
        except NotFound as error:
            await self._refuse("NOT_FOUND", error.message, incidentId=incident_id)

    async def _resume(self, after: int) -> None:
        """Tell everything after `after`, or say that it is no longer known.

        What this connection was told since its opening is not told by its first resume: that may have been on its way
        when it was. Whoever resumes once more wants all of it again.
        """
        async with self._saying():
            if self.position == ANEW:
                return  # which is what it is told next
            told = range(0) if self._has_resumed else range(self._began, self.position)
            self._is_resuming = self._has_resumed = True
            try:
                await self._tell_after(after, told)
            finally:
                self._is_resuming = False

    async def _tell_after(self, position: int, told: range) -> None:
        age = self._hub.broadcast.ages
        while True:
            async with self._hub.database.read() as reader:
                oldest, newest = await events.oldest(reader), await events.last(reader)
                if position < (oldest or newest + 1) - 1 or position > newest:
                    await self._write(resync(newest))
                    self._knows(max(newest, told.stop - 1), age)
                    return
                page = await events.after(reader, position, PAGE)
            for event in page:
                if event.seq not in told and hears(self._who(), event.organization_id, event.team_id):
                    await self._write(message(event))
            position = page[-1].seq if page else position
            if len(page) < PAGE:
                self._knows(max(position, told.stop - 1), age)
                return

    def _knows(self, newest: int, age: int) -> None:
        """It knows all up to this event, as the log was read in that age of the broadcast."""
        self.position = newest + 1 if age == self._hub.broadcast.ages else ANEW

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
        async with self._saying():
            await self._write(msgspec.json.encode(body))

    @asynccontextmanager
    async def _saying(self) -> AsyncIterator[None]:
        """Nothing else is said meanwhile, and news wait."""
        async with self._sending:
            yield
        self.again()

    async def _write(self, text: bytes) -> None:
        try:
            await self._send({"type": "websocket.send", "text": text.decode()})
        except OSError:  # so ASGI says that the client is gone, which is nobody's fault
            raise Closed(0) from None
