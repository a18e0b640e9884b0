"""The bus: everybody hears every commit in order."""

import pytest

from openalert.bus import Bus
from openalert.domain.event import Event
from openalert.storage import Database

pytestmark = pytest.mark.anyio


def events(first: int, last: int) -> list[Event]:
    """Events with these numbers."""
    return [Event(seq=seq, type="incident.created", organization_id="o") for seq in range(first, last + 1)]


async def _fail(database: Database) -> None:
    async with database.transaction() as tx:
        tx.emit(Event(type="incident.resolved", organization_id="o"))
        raise ValueError("given up")


async def test_followers_hear_commits_in_order(sqlite_db: Database) -> None:
    """What a transaction emits reaches each after the commit, numbered; a failed one is not heard."""
    bus = Bus()
    sqlite_db.listen(bus.publish)
    one: list[Event] = []
    two: list[Event] = []
    for heard in (one, two):
        bus.follow(heard.extend, heard.clear)
    for kind in ("incident.created", "incident.acknowledged"):
        async with sqlite_db.transaction() as tx:
            tx.emit(Event(type=kind, organization_id="o"))
    with pytest.raises(ValueError, match="given up"):
        await _fail(sqlite_db)
    for heard in (one, two):
        assert [(event.seq, event.type) for event in heard] == [
            (1, "incident.created"),
            (2, "incident.acknowledged"),
        ]


async def test_whoever_ends_it_hears_nothing_more() -> None:
    """The others go on, and are told where something was missed."""
    bus = Bus()
    one: list[Event] = []
    two: list[Event] = []
    misses: list[str] = []
    end = bus.follow(one.extend, lambda: misses.append("one"))
    bus.follow(two.extend, lambda: misses.append("two"))
    bus.publish(events(1, 2))
    end()
    bus.publish(events(3, 3))
    bus.missed()
    assert ([event.seq for event in one], [event.seq for event in two]) == ([1, 2], [1, 2, 3])
    assert misses == ["two"]
    assert len(bus) == 1
