"""The socket beside the database: how commands on the machine reach the running server.

One JSON object a line: `{"command", "arguments"}` in, `{"lines"}` or `{"error", "code"}` out; `tail` answers with
one line for each event after the one that its `after` names, or from now on, until the other side hangs up. The file is
readable and writable by its owner alone, which is all the access control there is: whoever may open it could as well
open the database.
"""

import asyncio
import os
import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from openalert.bus import Bus
from openalert.domain.errors import OpenAlertError
from openalert.storage.database import Database
from openalert.storage.standstill import within
from openalert.usecases import console
from openalert.web.tailing import Tailing

log = structlog.get_logger(__name__)

LONGEST_LINE = 65_536
Act = Callable[..., Awaitable[list[str]]]
_LONGEST_PATH = 100
"""A socket's path may have 107 bytes on Linux, 103 on others."""


class Question(msgspec.Struct):
    """What a command asks."""

    command: str
    arguments: dict[str, Any] = {}


class Reply(msgspec.Struct, omit_defaults=True):
    """What it is told."""

    lines: list[str] = []
    error: str | None = None
    code: str | None = None


def socket_path(database_url: str, data_dir: Path) -> Path:
    """Where the socket of this database is: beside an SQLite file, else in the data folder."""
    match = re.match(r"sqlite:///(.+)", database_url)
    if match:
        file = Path(match.group(1))
        return file.with_name(file.name + ".sock")
    return data_dir / "admin.sock"


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A spelling of the path that is short enough for a socket."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class AdminSocket:
    """The server's end."""

    def __init__(
        self, path: Path, database: Database, bus: Bus, facts: Mapping[str, str], acts: Mapping[str, Act]
    ) -> None:
        """`facts`: what `where` answers, such as the address that the server listens on.

        `acts`: commands to the process itself, beside those to what it keeps.
        """
        self._path = path
        self._database = database
        self._bus = bus
        self._facts = facts
        self._acts = acts
        self._server: asyncio.Server | None = None
        self._talking: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; a file that a killed server left is replaced (the database's lock says that it is dead)."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with reachable(self._path) as name:
            before = os.umask(0o177)
            try:
                listener.bind(name)
            finally:
                os.umask(before)
        self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=LONGEST_LINE)

    async def stop(self) -> None:
        """Hang up and remove the file."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._talking:
            task.cancel()
        await asyncio.gather(*self._talking, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._talking.add(task)
            task.add_done_callback(self._talking.discard)
        try:
            async with asyncio.timeout(10):
                line = await reader.readline()
            await self._answer(line, reader, writer)
        except (TimeoutError, ConnectionError, ValueError) as error:
            log.warning("admin socket", error=str(error))
        finally:
            with suppress(ConnectionError):
                writer.close()

    async def _answer(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = msgspec.json.decode(line, type=Question)
            if question.command == "tail":
                await self._tail(question.arguments.get("after"), reader, writer)
                return
            if question.command == "where":
                reply = Reply(lines=[self._facts.get(str(question.arguments.get("fact")), "")])
            elif question.command in self._acts:
                reply = Reply(lines=await self._acts[question.command](**question.arguments))
            else:
                with within():
                    reply = Reply(
                        lines=await console.run(self._database, question.command, question.arguments)
                    )
        except OpenAlertError as error:
            reply = Reply(error=error.message, code=error.code)
        except (msgspec.DecodeError, TypeError) as error:
            reply = Reply(error=f"The command could not be read: {error}.", code="VALIDATION_ERROR")
        except Exception:
            log.exception("command failed")
            reply = Reply(error="The server failed at it; its log says why.", code="INTERNAL_ERROR")
        await _say(writer, msgspec.json.encode(reply))

    async def _tail(self, after: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(line: bytes) -> None:
            await _say(writer, line)

        tailing = Tailing(self._database, self._bus, write, after if isinstance(after, int) else None)
        hung_up, telling = asyncio.create_task(reader.read(1)), asyncio.create_task(tailing.run())
        try:
            await asyncio.wait({hung_up, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hung_up.cancel()
            telling.cancel()
            await asyncio.gather(hung_up, telling, return_exceptions=True)


async def _say(writer: asyncio.StreamWriter, line: bytes) -> None:
    """One line; ConnectionResetError where nobody is there any more, which uvloop takes for a mistake of ours."""
    if writer.is_closing():
        raise ConnectionResetError("whoever asked has gone")
    writer.write(line + b"\n")
    await writer.drain()
