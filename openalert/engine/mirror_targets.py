"""Where mirrors of status pages lie: a folder, what a command makes of a folder, or a bucket."""

import asyncio
import posixpath
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from openalert.domain.status_copy import CopyFile
from openalert.notifiers import mirror_command
from openalert.notifiers.notifier import NotifierError
from openalert.notifiers.s3 import Bucket
from openalert.storage import static_folder, status_mirrors
from openalert.storage.database import Database

T = TypeVar("T")

AT_ONCE = 4
"""Requests to a bucket that are on their way together."""
_LAST = ("index.html", "copy.json")
"""Of a page: they come after everything that they lead to."""


class Brought(msgspec.Struct, frozen=True):
    """How much was done."""

    written: int
    removed: int


class Target(Protocol):
    """Where a mirror lies."""

    async def bring(self, name: str, files: Sequence[CopyFile]) -> Brought:
        """Let it hold these files and no others of ours; OpenAlertError or NotifierError where that fails."""

    async def close(self) -> None:
        """Give back what is open."""


class Folder:
    """A folder, and a command that carries it on if there is one."""

    def __init__(self, path: Path, command: Sequence[str] = (), seconds: float = 0) -> None:
        """`seconds`: how long the command may take."""
        self._path = path
        self._command = command
        self._seconds = seconds

    async def bring(self, name: str, files: Sequence[CopyFile]) -> Brought:  # noqa: ARG002 - the protocol of targets
        """Write what has changed, then let the command carry it."""
        done = await asyncio.to_thread(static_folder.write, self._path, files)
        if self._command:
            await mirror_command.run(self._command, self._path, self._seconds)
        return Brought(len(done.written), len(done.removed))

    async def close(self) -> None:
        """Nothing is open."""


class Store:
    """A bucket; what lies there by our hand is written down before and after it is sent."""

    def __init__(self, database: Database, bucket: Bucket) -> None:
        self._database = database
        self._bucket = bucket

    async def bring(self, name: str, files: Sequence[CopyFile]) -> Brought:
        """Send what has changed, the front pages last, and take away what vanished.

        What arrived is noted even if the rest does not, so that the next try goes on from there. A page that is not
        to be seen any more goes first.
        """
        known = await self._database.look(lambda reader: status_mirrors.files(reader, name))
        changed = [each for each in files if known.get(each.path) != each.digest]
        gone = sorted(known.keys() - {each.path for each in files})
        homes = {posixpath.dirname(each.path) for each in files if posixpath.basename(each.path) == _LAST[1]}
        hidden = [path for path in gone if not any(_is_below(path, home) for home in homes)]
        # Whatever happens from here on, it is known what may lie there.
        await self._note(name, dict.fromkeys((each.path for each in changed), ""))
        await self._remove(name, hidden)
        last = [each for each in changed if _is_last(each.path, homes)]
        await self._send(name, [each for each in changed if each not in last])
        await self._send(name, last)
        await self._remove(name, [path for path in gone if path not in hidden])
        return Brought(len(changed), len(gone))

    async def close(self) -> None:
        """Ends what is open."""
        await self._bucket.close()

    async def _send(self, name: str, some: Sequence[CopyFile]) -> None:
        arrived: dict[str, str] = {}

        async def send(file: CopyFile) -> None:
            await self._bucket.put(
                file.path,
                file.body,
                self._database.clock(),
                content_type=file.content_type,
                cache_control=file.cache_control,
            )
            arrived[file.path] = file.digest

        try:
            await _all(some, send)
        finally:
            await self._note(name, arrived)

    async def _remove(self, name: str, paths: Sequence[str]) -> None:
        removed: list[str] = []

        async def remove(path: str) -> None:
            await self._bucket.delete(path, self._database.clock())
            removed.append(path)

        try:
            await _all(paths, remove)
        finally:
            if removed:
                await self._database.act(lambda tx: status_mirrors.drop_files(tx, name, removed))

    async def _note(self, name: str, digests: Mapping[str, str]) -> None:
        if digests:
            await self._database.act(lambda tx: status_mirrors.put_files(tx, name, digests))


def _is_below(path: str, home: str) -> bool:
    return not home or path.startswith(f"{home}/")


def _is_last(path: str, homes: Collection[str]) -> bool:
    return posixpath.basename(path) in _LAST and posixpath.dirname(path) in homes


async def _all(some: Sequence[T], do: Callable[[T], Awaitable[None]]) -> None:
    """Do it for all of them, a few at once; the first failure ends what has not begun, and is raised."""
    waiting = iter(some)
    failed: list[NotifierError] = []

    async def work() -> None:
        for each in waiting:
            if failed:
                return
            try:
                await do(each)
            except NotifierError as error:
                failed.append(error)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(AT_ONCE, len(some))):
            tasks.create_task(work())
    if failed:
        raise failed[0]
