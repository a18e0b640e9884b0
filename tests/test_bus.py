"""The bus: everybody hears every commit in order, and one slow listener harms only itself."""

import asyncio

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


async def test_listeners_hear_commits_in_order(sqlite_db: Database) -> None:
    """What a transaction emits reaches each listener after the commit, numbered; a failed one is not heard."""
    bus = Bus()
    sqlite_db.listen(bus.publish)
    one, two = bus.subscribe(), bus.subscribe()
    for kind in ("incident.created", "incident.acknowledged"):
        async with sqlite_db.transaction() as tx:
            tx.emit(Event(type=kind, organization_id="o"))
    with pytest.raises(ValueError, match="given up"):
        await _fail(sqlite_db)
    for listener in (one, two):
        heard = [await listener.next(), await listener.next()]
        assert [(event.seq, event.type) for event in heard if event] == [
            (1, "incident.created"),
            (2, "incident.acknowledged"),
        ]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(listener.next(), 0.01)


async def test_who_falls_behind_is_dropped_alone() -> None:
    """The 257th waiting event ends a listener; the others go on."""
    bus = Bus()
    slow, quick = bus.subscribe(), bus.subscribe(1000)
    bus.publish(events(1, 256))
    assert not slow.is_lost
    bus.publish(events(257, 258))
    assert slow.is_lost
    assert not quick.is_lost
    assert len(bus) == 1
    got = []
    while (event := await slow.next()) is not None:
        got.append(event.seq)
    assert got == list(range(1, 257))


async def test_closing_ends_every_listener() -> None:
    """At the stop of the server a waiting listener is let go."""
    bus = Bus()
    listener = bus.subscribe()
    bus.close()
    assert await listener.next() is None
    assert len(bus) == 0
