"""Keeps mirrors of status pages up to date: copies in folders and buckets that live when this machine does not.

What is to be done follows from two rows: the version that a page has, written with each change of it, and the one that
a mirror shows. So nothing that was committed is forgotten when the process dies, and many changes are one piece of
work. Each mirror has a task of its own, beside the engine's loops; what fails is tried again later and later.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from openalert import telemetry
from openalert.config import Config, sections
from openalert.domain.errors import OpenAlertError
from openalert.domain.event import Event
from openalert.domain.instant import MINUTE, SECOND, Instant
from openalert.domain.public_page import PublicPage
from openalert.domain.status_copy import CopyFile, MirrorState
from openalert.engine.mirror_targets import Folder, Store, Target
from openalert.notifiers.configured import bucket_settings, outgoing_settings
from openalert.notifiers.notifier import NotifierError
from openalert.notifiers.s3 import Bucket
from openalert.storage import status_mirrors, status_pages
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.supervisor import Watched
from openalert.usecases import status_view
from openalert.usecases.status_view import Archived

log = structlog.get_logger(__name__)

EVENT = "status_page.updated"
FOLDER = "status-mirrors"
"""In the data folder: what commands are given that name no folder."""
QUIET_SECONDS = 2.0
"""From a change to the copy, so that several words said at once are copied once."""
LOOK_SECONDS = 30.0
"""Between two looks where nobody was told of a change, as on another node or after a fault."""
Draw = Callable[[PublicPage, Archived], Iterator[CopyFile]]


class Mirror(msgspec.Struct, frozen=True, kw_only=True):
    """One mirror as it is configured."""

    name: str
    slugs: tuple[str, ...]
    """Empty: every public page."""
    every: Instant
    """So often it is made anew without a change."""
    place: str
    """Names where it lies and what it holds: another one is another mirror."""
    target: Target

    def path(self, page: PublicPage, file: CopyFile) -> CopyFile:
        """One page that is named lies at the top; otherwise each has a folder of its slug."""
        return file if len(self.slugs) == 1 else file.below(page.slug)

    def shows(self, slug: str) -> bool:
        """Whether the page belongs to it, if it is public."""
        return not self.slugs or slug in self.slugs


class StatusMirrors:
    """The mirrors of this process."""

    def __init__(
        self,
        database: Database,
        mirrors: Sequence[Mirror],
        draw: Draw,
        base_url: str,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        """`draw` makes the files of a page. `leads`: whether mirrors are this node's to follow at this moment."""
        self._leads = leads
        self._database = database
        self._mirrors = mirrors
        self._draw = draw
        self._base_url = base_url
        self._news = {each.name: asyncio.Event() for each in mirrors}
        self._tasks: list[Watched] = []

    def hear(self, events: list[Event]) -> None:
        """Look again after what a commit has changed. Fits `Database.listen`."""
        if any(event.type == EVENT for event in events):
            for news in self._news.values():
                news.set()

    async def start(self) -> None:
        """Follow every change from now on, and what was left undone."""
        with suppress(OpenAlertError):
            await self.forget()
        if not self._mirrors:
            return
        self._database.listen(self.hear)
        for each in self._mirrors:
            self._tasks.append(self._begin_following(each))

    def _begin_following(self, mirror: Mirror) -> Watched:
        return self._database.supervisor.start(f"mirror {mirror.name}", lambda _: self._follow(mirror))

    async def stop(self) -> None:
        """Break off what is under way: the next run does it again."""
        await self._database.supervisor.stop(*self._tasks)
        self._tasks.clear()
        for each in self._mirrors:
            await each.target.close()

    async def forget(self) -> None:
        """Drop what is known of mirrors that are configured no more."""
        names = [each.name for each in self._mirrors]
        if {each.name for each in await self._database.look(status_mirrors.every)} - set(names):
            await self._database.act(lambda tx: status_mirrors.forget_others(tx, names))

    async def run_due(self) -> int:
        """Bring up to date what is due, to its end; how many mirrors that were."""
        return sum([await self._step(each) < 0 for each in self._mirrors])

    async def _follow(self, mirror: Mirror) -> None:
        news = self._news[mirror.name]
        while True:
            pause = LOOK_SECONDS
            try:
                if self._leads():
                    pause = await self._step(mirror)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                log.warning("status mirror could not be looked after", mirror=mirror.name, reason=str(error))
            try:
                async with asyncio.timeout(max(QUIET_SECONDS, min(pause, LOOK_SECONDS))):
                    await news.wait()
                    await asyncio.sleep(QUIET_SECONDS)
            except TimeoutError:
                pass
            news.clear()

    async def _step(self, mirror: Mirror) -> float:
        """Do what is due; seconds until there is more to do, below zero when something was done."""
        state = await self._database.look(lambda reader: status_mirrors.get(reader, mirror.name))
        if state is None or state.target != mirror.place:
            state = await self._begin(mirror)
        now = self._database.clock()
        wanted = await self._database.look(lambda reader: _versions(reader, mirror))
        self._measure(state, now)
        due = state.due(wanted, now, mirror.every)
        if due > now:
            return (due - now) / SECOND
        await self._bring(mirror, state)
        return -1.0

    async def _begin(self, mirror: Mirror) -> MirrorState:
        """A mirror of which nothing is known, or that lies elsewhere from now on."""
        state = MirrorState(name=mirror.name, target=mirror.place)

        async def put(tx: Any) -> None:
            await status_mirrors.put(tx, state)
            await status_mirrors.forget_files(tx, mirror.name)

        await self._database.act(put)
        return state

    async def _bring(self, mirror: Mirror, state: MirrorState) -> None:
        """Draw the pages, carry them there, and write down how that went."""
        pages = await self._database.look(lambda reader: self._pictures(reader, mirror))
        began = time.monotonic()
        try:
            files = [file for page, old in pages async for file in self._drawn(mirror, page, old)]
            done = await mirror.target.bring(mirror.name, files)
        except (OpenAlertError, NotifierError) as error:
            detail = error.detail if isinstance(error, NotifierError) else error.message
            after = (error.retry_after or 0) if isinstance(error, NotifierError) else 0
            log.warning(
                "status mirror failed", mirror=mirror.name, reason=detail, attempts=state.attempts + 1
            )
            state.failed(detail, self._database.clock(), int(after * SECOND))
        except Exception:
            log.exception("status mirror broke", mirror=mirror.name)
            state.failed("It broke; the server's log says how.", self._database.clock())
        else:
            log.info(
                "status mirror is up to date",
                mirror=mirror.name,
                written=done.written,
                removed=done.removed,
                seconds=round(time.monotonic() - began, 1),
            )
            state.succeeded(
                {page.id: page.version for page, _ in pages}, self._database.clock(), mirror.every
            )
        await self._database.act(lambda tx: status_mirrors.put(tx, state))
        self._measure(state, self._database.clock())

    async def _drawn(self, mirror: Mirror, page: PublicPage, old: Archived) -> AsyncIterator[CopyFile]:
        """The files of a page. After each the others have as long a turn, so that nobody waits for a page of years."""
        began = time.monotonic()
        for file in self._draw(page, old):
            yield mirror.path(page, file)
            await asyncio.sleep(time.monotonic() - began)
            began = time.monotonic()

    async def _pictures(self, reader: Reader, mirror: Mirror) -> list[tuple[PublicPage, Archived]]:
        found = []
        for page in await status_pages.every(reader):
            if page.is_public and mirror.shows(page.slug):
                picture = await status_view.of_page(reader, page, self._base_url)
                found.append((picture, await status_view.archived(reader, picture)))
        return found

    def _measure(self, state: MirrorState, now: Instant) -> None:
        since = state.failing_since
        telemetry.MIRROR_SUCCESS.labels(mirror=state.name).set((state.done_at or 0) / SECOND)
        telemetry.MIRROR_FAILING.labels(mirror=state.name).set(
            max(0, now - since) / SECOND if since is not None else 0
        )


async def _versions(reader: Reader, mirror: Mirror) -> Mapping[str, int]:
    """What the mirror is to show."""
    return {
        page.id: page.version
        for page in await status_pages.every(reader)
        if page.is_public and mirror.shows(page.slug)
    }


def configured_mirrors(config: Config, database: Database) -> list[Mirror]:
    """The mirrors of the configuration."""
    found = []
    for each in config.status_pages.mirror:
        place = (each.folder, each.command, each.bucket, each.endpoint, each.region, each.prefix, each.pages)
        found.append(
            Mirror(
                name=each.name,
                slugs=each.pages,
                every=each.every_minutes * MINUTE,
                place=hashlib.sha256(repr(place).encode()).hexdigest(),
                target=_target(config, each, database),
            )
        )
    return found


def _target(config: Config, mirror: sections.Mirror, database: Database) -> Target:
    if not mirror.bucket:
        folder = Path(mirror.folder) if mirror.folder else config.data_dir / FOLDER / mirror.name
        return Folder(folder, mirror.command, mirror.command_seconds)
    usual = config.status_pages
    settings = bucket_settings(
        msgspec.structs.replace(
            mirror,
            access_key_id=mirror.access_key_id or usual.access_key_id,
            secret_access_key=mirror.secret_access_key or usual.secret_access_key,
        )
    )
    return Store(database, Bucket(settings, outgoing_settings(config)))
