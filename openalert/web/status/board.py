"""The board: the newest picture of every status page, in memory and on disk.

Answering a reader asks nothing of the database, so that a page is there while the engine is overloaded, the database is
locked or the disk is full (promise SP-1). A picture is taken anew after each commit that changes its page, a few
seconds after one that another node made, and once a minute; where that fails the last one stays up and says how old it
is.
"""

import asyncio
import hashlib
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from openalert.domain.errors import Unavailable
from openalert.domain.event import Event
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.public_page import PublicPage
from openalert.storage import status_pages
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.supervisor import Watched
from openalert.usecases import status_view
from openalert.web.status import html
from openalert.web.status.answers import Answer
from openalert.web.status.renderings import render

log = structlog.get_logger(__name__)

FOLDER = "status-pages"
EVENT = "status_page.updated"
EVERY = 60.0
"""Seconds between two pictures of a page that nobody changes: its bars and times go on."""
LOOK = 5.0
"""Seconds between two looks for changes that nobody told us of: of another node, or from before a start that failed."""
LONGEST_ROUND = 600.0
"""Seconds that one round may take before it hangs and is begun again."""
AGAIN = 5.0
"""Seconds until a picture that could not be taken is tried again."""
KEEP_AFTER = 15 * MINUTE
"""A picture on disk is at most this much older than the one in memory, of pages that nobody changes."""


class Shown:
    """One page as it is shown: a picture, and the answers made of it so far."""

    def __init__(self, page: PublicPage, now: Instant) -> None:
        """`now` tells how old the picture is."""
        self.page = page
        self._now = now
        self._answers: dict[tuple[str, str], Answer] = {}

    def answer(self, name: str, base: str) -> Answer | None:
        """What is answered at this address of the page, made when it is first asked for; None: nothing."""
        found = self._answers.get((name, base))
        if found is None:
            found = render(self.page, name, base, self._now)
            if found is not None:
                self._answers[(name, base)] = found
        return found


class Board:
    """All pages, by slug and by their own domain."""

    def __init__(self, database: Database, base_url: str, data_dir: Path) -> None:
        self._database = database
        self._base_url = base_url
        self._folder = data_dir / FOLDER
        self._by_id: dict[str, Shown] = {}
        self._by_slug: dict[str, Shown] = {}
        self._by_domain: dict[str, Shown] = {}
        self._written: dict[str, Instant] = {}
        self._changed: set[str] = set()
        self._to_disk: dict[str, PublicPage | None] = {}
        """What the disk lags behind; None: the page is gone."""
        self._heard = asyncio.Event()
        self._busy = asyncio.Lock()
        self._tasks: list[Watched] = []

    def of_slug(self, slug: str) -> Shown | None:
        """The page with this slug."""
        return self._by_slug.get(slug)

    def of_domain(self, name: str) -> Shown | None:
        """The page with this domain of its own, in lower case."""
        return self._by_domain.get(name)

    def hear(self, events: list[Event]) -> None:
        """Note what a commit has changed. Fits `Database.listen`."""
        for event in events:
            if event.type == EVENT:
                self._changed.add(event.data["id"])
                self._heard.set()

    async def start(self) -> None:
        """Show what was kept, then what is; from now on follow every change."""
        for page in await asyncio.to_thread(kept, self._folder):
            self._show(Shown(page, self._database.clock()))
        with suppress(Unavailable):
            await self.refresh_all()
        # Templates are compiled beside: else the first reader would wait for them, and no change may.
        start = self._database.supervisor.start
        self._tasks = [
            start("status page pictures", self._follow, most_seconds=LONGEST_ROUND),
            start("status page templates", _warm_up, may_end=True),
        ]

    async def stop(self) -> None:
        """Follow no more."""
        await self._database.supervisor.stop(*self._tasks)
        self._tasks.clear()

    async def refresh_all(self) -> None:
        """Take every picture anew, and forget pages that are gone."""
        async with self._busy:
            self._changed.clear()
            there = await self._database.look(status_pages.every)
            for page_id in self._by_id.keys() - {page.id for page in there}:
                self._forget(page_id)
            for page in there:
                await self._take(page.id, changed=False)
            await self._save()

    async def refresh(self) -> None:
        """Take anew the pictures of pages that have changed. The disk comes after all of them: it may be slow."""
        async with self._busy:
            while self._changed:
                page_id = self._changed.pop()
                try:
                    await self._take(page_id, changed=True)
                except BaseException:
                    self._changed.add(page_id)
                    raise
            await self._save()

    async def look(self) -> None:
        """Note what has changed without our having heard of it."""
        there = await self._database.look(status_pages.versions)
        here = {page_id: shown.page.version for page_id, shown in self._by_id.items()}
        self._changed |= {each for each in there.keys() | here.keys() if there.get(each) != here.get(each)}

    async def _follow(self, watched: Watched) -> None:
        """Run until cancelled. What fails is tried again; the pages stay up meanwhile."""
        loop = asyncio.get_running_loop()
        due, pause = loop.time() + EVERY, LOOK
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._heard.wait()
            self._heard.clear()
            try:
                with watched.step():
                    if loop.time() >= due:
                        await self.refresh_all()
                        due = loop.time() + EVERY
                    else:
                        await self.look()
                        await self.refresh()
                pause = max(0.0, min(LOOK, due - loop.time()))
            except Exception as error:  # noqa: BLE001 - whatever it is, the pages stay up
                log.warning("status pages could not be made anew", reason=str(error))
                self.age()
                pause = 0.0
                await asyncio.sleep(AGAIN)

    def age(self) -> None:
        """Let pages that cannot be made anew say how old they are."""
        now = self._database.clock()
        for shown in list(self._by_id.values()):
            self._show(Shown(shown.page, now))

    async def _take(self, page_id: str, *, changed: bool) -> None:
        async def read(reader: Reader) -> PublicPage | None:
            page = await status_pages.one(reader, page_id)
            return await status_view.of_page(reader, page, self._base_url) if page else None

        picture = await self._database.look(read)
        if picture is None:
            self._forget(page_id)
            return
        self._show(Shown(picture, self._database.clock()))
        if changed or picture.as_of - self._written.get(page_id, 0) >= KEEP_AFTER:
            self._to_disk[page_id] = picture

    def _show(self, shown: Shown) -> None:
        page = shown.page
        self._take_down(page.id)
        self._by_id[page.id] = self._by_slug[page.slug] = shown
        if page.custom_domain:
            self._by_domain[page.custom_domain] = shown

    def _take_down(self, page_id: str) -> None:
        before = self._by_id.pop(page_id, None)
        if before is None:
            return
        if self._by_slug.get(before.page.slug) is before:
            del self._by_slug[before.page.slug]
        domain = before.page.custom_domain or ""
        if self._by_domain.get(domain) is before:
            del self._by_domain[domain]

    def _forget(self, page_id: str) -> None:
        self._take_down(page_id)
        self._written.pop(page_id, None)
        self._to_disk[page_id] = None

    async def _save(self) -> None:
        """Let the disk follow."""
        while self._to_disk:
            page_id, picture = self._to_disk.popitem()
            if picture is None:
                await asyncio.to_thread(self._discard, page_id)
            else:
                await asyncio.to_thread(self._keep, picture)

    def _keep(self, page: PublicPage) -> None:
        """Write the picture beside the old one, then take its place; a full disk costs nothing but this copy."""
        path = self._file(page.id)
        fresh = path.with_suffix(".new")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            fresh.write_bytes(msgspec.json.encode(page))
            fresh.replace(path)
            self._written[page.id] = page.as_of
        except OSError as error:
            log.warning("a status page cannot be kept on disk", reason=str(error))

    def _discard(self, page_id: str) -> None:
        with suppress(OSError):
            self._file(page_id).unlink(missing_ok=True)

    def _file(self, page_id: str) -> Path:
        return self._folder / f"{hashlib.sha256(page_id.encode()).hexdigest()[:32]}.json"


async def _warm_up(_: Watched) -> None:
    await asyncio.to_thread(html.nothing)


def kept(folder: Path) -> list[PublicPage]:
    """The pictures on disk; one that cannot be read is left out, as it is taken anew anyway."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=PublicPage))
        except (OSError, ValueError) as error:
            log.info("a kept status page cannot be read", file=path.name, reason=str(error))
    return found
