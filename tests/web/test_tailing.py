"""What one reader on this machine is told: everything once and in order, whatever becomes of it or of the log."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from openalert.app import OpenAlert
from openalert.domain.canary import HOME
from openalert.domain.event import Event
from openalert.web import tailing
from openalert.web.tailing import Tailing
from tests.web.live_client import until

pytestmark = [pytest.mark.anyio, pytest.mark.proves("WS-1")]


class Reader:
    """What was told, to somebody who may stop to read."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()

    async def write(self, line: bytes) -> None:
        """Take one message."""
        await self.reads.wait()
        self.heard.append(json.loads(line))

    @property
    def words(self) -> list[tuple[str, int]]:
        """The kind and the number of each."""
        return [(each["type"], each["seq"]) for each in self.heard]


@asynccontextmanager
async def told(app: OpenAlert, after: int | None = None) -> AsyncIterator[Reader]:
    """A reader that is told, from its first word on."""
    reader = Reader()
    task = asyncio.create_task(Tailing(app.database, app.bus, reader.write, after).run())
    try:
        await until(lambda: bool(reader.heard))
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def happen(app: OpenAlert, count: int, *, of: str = "o") -> None:
    """So many events in one commit."""
    async with app.database.transaction() as tx:
        for _ in range(count):
            tx.emit(Event(type="test", organization_id=of))


def told_of(numbers: Sequence[int]) -> list[tuple[str, int]]:
    """As events with these numbers are told."""
    return [("test", number) for number in numbers]


async def test_what_happens_from_now_on_is_told_once_and_in_order(app: OpenAlert) -> None:
    """After which event that is comes first; what canaries do is not told, and is no gap."""
    await happen(app, 3)
    async with told(app) as reader:
        assert reader.words == [("ready", 3)]
        for _ in range(3):
            await happen(app, 1)
            await happen(app, 2, of=HOME)
        await happen(app, 1)
        await until(lambda: reader.words[-1] == ("test", 13))
        assert reader.words[1:] == told_of([4, 7, 10, 13])


async def test_who_comes_back_is_told_what_was_missed(
    app: OpenAlert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than is read at once, and what happens meanwhile."""
    monkeypatch.setattr(tailing, "PAGE", 4)
    await happen(app, 10)
    async with told(app, 2) as reader:
        await happen(app, 3)
        await until(lambda: reader.words[-1] == ("test", 13))
        assert reader.words == [("ready", 2), *told_of(range(3, 14))]


async def test_who_does_not_read_for_long_misses_nothing(app: OpenAlert) -> None:
    """However much happens meanwhile: it lies in the log."""
    async with told(app) as reader:
        reader.reads.clear()
        for _ in range(4):
            await happen(app, 300)
        reader.reads.set()
        await until(lambda: reader.words[-1] == ("test", 1200))
        assert reader.words[1:] == told_of(range(1, 1201))


async def test_what_is_kept_no_more_and_what_never_was_is_said(app: OpenAlert) -> None:
    """By the number after which it goes on."""
    await happen(app, 5)
    async with app.database.transaction() as tx:
        await tx.execute("DELETE FROM events WHERE seq < 4")
    for after, first in ((2, ("resync", 5)), (3, ("test", 4)), (9, ("resync", 5))):
        async with told(app, after) as reader:
            await until(lambda reader=reader: len(reader.heard) > 1)
            assert reader.words[:2] == [("ready", after), first]


async def test_numbers_that_stand_for_other_events_now_are_said(app: OpenAlert) -> None:
    """A standby took over without the last events: the log goes on, with numbers that were told already."""
    async with told(app) as reader:
        await happen(app, 3)
        await until(lambda: reader.words[-1] == ("test", 3))
        app.bus.missed()
        await until(lambda: reader.words[-1] == ("resync", 3))
        await happen(app, 1)
        await until(lambda: reader.words[-1] == ("test", 4))
        assert reader.words[1:] == [*told_of([1, 2, 3]), ("resync", 3), *told_of([4])]


async def test_who_hangs_up_is_not_told_any_more(app: OpenAlert) -> None:
    """Nobody follows for them."""
    before = len(app.bus)
    async with told(app):
        assert len(app.bus) == before + 1
    assert len(app.bus) == before
