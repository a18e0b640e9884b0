"""What nobody needs goes in portions, all of it, and never anything that somebody may still want."""

from typing import Any

import pytest

from openalert.domain.instant import DAY
from openalert.engine import housekeeping
from openalert.storage import events, payloads
from tests.cast import World, level
from tests.invariants import broken

pytestmark = pytest.mark.anyio


async def test_what_a_storm_left_goes_in_portions_and_all_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seventy messages by threes, their events by fives; the message of an alert that still fires stays."""
    monkeypatch.setattr(payloads, "MOST_AT_ONCE", 3)
    monkeypatch.setattr(events, "MOST_AT_ONCE", 5)
    monkeypatch.setattr(events, "KEPT_AT_LEAST", 4)
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("Still on")), "A")])
    for number in range(35):
        await world.post_all([(world.group(world.alert(f"Alert {number}")), "A")])
        await world.post_all([(world.group(world.alert(f"Alert {number}", "resolved")), "A")])
    assert await world.value("SELECT count(*) FROM payloads") == 71
    biggest: list[int] = []
    act = world.db.act

    async def counted(body: Any, *rest: Any) -> Any:
        before = await _kept(world)
        result = await act(body, *rest)
        biggest.append(before - await _kept(world))
        return result

    world.clock.advance(31 * DAY)
    monkeypatch.setattr(world.db, "act", counted)
    await housekeeping.forget(world.db, 30)
    monkeypatch.undo()
    assert await world.value("SELECT count(*) FROM payloads") == 1
    assert (
        await world.value("SELECT a.title FROM alerts a JOIN payloads p ON p.id = a.payload_id") == "Still on"
    )
    assert await world.value("SELECT count(*) FROM events") == 4
    assert max(biggest) == 5
    assert await broken_but_for_the_first_event(world) == []


async def broken_but_for_the_first_event(world: World) -> list[str]:
    """Events were forgotten here on purpose."""
    return [line for line in await broken(world.db) if not line.startswith("the first event")]


async def _kept(world: World) -> int:
    counted = await world.value("SELECT (SELECT count(*) FROM payloads) + (SELECT count(*) FROM events)")
    return int(counted)
