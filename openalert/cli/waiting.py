"""What answers on our port while a start waits for a database that can be read and answers no commit.

To end would mend nothing, and whoever restarts what ends would do so for as long as that lasts: so the server is alive,
not ready, and says why, and begins by itself.
"""

import asyncio
import socket
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType

import msgspec
import structlog

from openalert import telemetry
from openalert.cli import systemd
from openalert.domain.errors import Unavailable
from openalert.domain.ids import new_id
from openalert.storage import wall_clock
from openalert.web import problems

log = structlog.get_logger(__name__)

REQUEST_SECONDS = 10.0
LONGEST_HEAD = 16 * 1024
AGAIN_SECONDS = 5
EXTENSION_SECONDS = 60
"""So much more time systemd gives a start each time that it is told that this one still waits."""
_ALIVE = (b"/health", b"/health/live")
_READY = (b"/ready", b"/health/ready")


class WaitingRoom:
    """Opens when there is something to wait for, and closes when the server itself takes over."""

    def __init__(self, listener: socket.socket) -> None:
        """`listener` stays open: what has connected and was not yet answered is left to the server."""
        self._listener = listener
        self._cause = ""
        self._opening: asyncio.Task[asyncio.Server] | None = None

    async def __aenter__(self) -> "WaitingRoom":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opening is not None:
            (await self._opening).close()
            if error is None:
                log.info("commits are answered again; the start goes on")
                telemetry.say("Commits are answered again: OpenAlert starts.")

    def tell(self, cause: str) -> None:
        """Why the start waits: a clause without a full stop, the same or another one each second."""
        if self._opening is None:
            log.error("the start waits: nothing can be stored now", cause=cause)
            telemetry.say(f"OpenAlert waits: {cause}. It starts by itself when commits are answered.")
            self._opening = asyncio.create_task(self._open(), name="waiting room")
        self._cause = cause
        systemd.notify(f"STATUS=waits: {cause}\nEXTEND_TIMEOUT_USEC={EXTENSION_SECONDS * 1_000_000}")

    async def _open(self) -> asyncio.Server:
        return await asyncio.start_server(self._answer, sock=self._listener.dup(), limit=LONGEST_HEAD)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(REQUEST_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                    if writer.is_closing():
                        return
                    writer.write(self.answer_to(head))
                    await writer.drain()
                    writer.write_eof()
                    # What is closed with something unread is cut off, and our answer with it.
                    while await reader.read(LONGEST_HEAD):
                        pass
        finally:
            writer.close()

    def answer_to(self, head: bytes) -> bytes:
        """The whole answer to a request that begins like this."""
        method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        status, headers, body = self._judge(path)
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"content-length: {len(body)}", "cache-control: no-store", "connection: close", "", ""]
        return "\r\n".join(lines).encode() + (b"" if method == b"HEAD" else body)

    def _judge(self, path: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        if path in _ALIVE or path in _READY:
            good = path in _ALIVE
            told = {
                "status": "ok" if good else "unavailable",
                "checks": {"engine": good}
                if good
                else {"running": False, "engine": False, "database": False},
                "waits": self._cause,
            }
            again = [] if good else [("retry-after", str(AGAIN_SECONDS))]
            return (
                200 if good else 503,
                [("content-type", "application/json"), *again],
                msgspec.json.encode(told),
            )
        return problems.answer(
            Unavailable(
                f"This server starts when the database stores anything: {self._cause}. Try again in a few seconds.",
                retry_after=AGAIN_SECONDS,
            ),
            new_id(wall_clock()),
        )
