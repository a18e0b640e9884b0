"""Every open incident has exactly one live reason: whatever is done to its rows, the auditor gives it back."""

import time

import pytest

from openalert.domain.instant import HOUR, MINUTE
from openalert.engine import escalate
from openalert.storage import Database, auditing
from openalert.usecases import incidents
from tests.cast import World
from tests.invariants import broken
from tests.make import level

pytestmark = [pytest.mark.anyio, pytest.mark.proves("ES-9")]


@pytest.mark.parametrize(
    ("state", "damage", "pages"),
    [
        ("triggered", "DELETE FROM timers", True),
        ("triggered", "UPDATE timers SET episode = episode + 1", True),
        ("triggered", "UPDATE timers SET due_at = due_at + 3600000", False),
        ("triggered", "UPDATE incidents SET escalation_next_at = NULL", False),
        ("triggered", "UPDATE incidents SET escalation_state = 'stopped'", False),
        ("triggered", "UPDATE incidents SET escalation_state = 'exhausted'", False),
        ("snoozed", "DELETE FROM timers", False),
        ("snoozed", "UPDATE timers SET due_at = due_at - 60000", False),
        ("snoozed", "UPDATE timers SET kind = 'escalate'", False),
        ("acknowledged", "INSERT INTO timers SELECT id, 'escalate', 0, episode, 0, 2, 0 FROM incidents", False),
        ("resolved", "INSERT INTO timers SELECT id, 'unsnooze', 0, episode, 0, 2, 0 FROM incidents", False),
    ],
)  # fmt: skip
async def test_whatever_is_lost_is_found_and_mended(
    world: World, state: str, damage: str, pages: bool
) -> None:
    """Found once, repaired so that every rule holds, and nobody is paged but for an escalation that was lost."""
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    incident = (await world.incident()).id
    if state == "snoozed":
        await world.does(incidents.snooze, incident, until=world.clock() + HOUR)
    elif state == "acknowledged":
        await world.does(incidents.acknowledge, incident)
    elif state == "resolved":
        await world.resolves("DiskFull")
        world.mailbox(world.bob).got_update("Resolved")
    async with world.db.transaction() as tx:
        await tx.execute(damage)
    assert await broken(world.db) != []
    assert await escalate.audit(world.db) == 1
    assert await escalate.audit(world.db) == 0
    assert await broken(world.db) == []
    await world.engine.run_until_idle()
    if pages:
        world.mailbox(world.charlie).got("DiskFull")
        assert "The escalation had lost its timer; it goes on now" in await world.story()
        assert await world.value("SELECT count(*) FROM notifications WHERE kind = 'notice'") == 1


async def test_a_step_that_fails_and_is_put_off_is_no_stray(world: World) -> None:
    """Its timer is later than the incident says, because it failed: it comes again by itself."""
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=5))
    await world.fires("DiskFull")
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE timers SET failures = 1, due_at = due_at + 1000")
    assert await escalate.audit(world.db) == 0
    assert await broken(world.db) == []


MANY = 100_000
PORTION = 10_000
PLANS = ("incidents_escalating", "incidents_snoozed", "timers")


async def _many(db: Database, count: int) -> None:
    """So many open incidents of one service, each with its timer; in portions, as a transaction has little time."""
    for first in range(0, count, PORTION):
        await _some(db, first, PORTION)


async def _some(db: Database, first: int, count: int) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            """
            INSERT INTO incidents (id, organization_id, team_id, service_id, number, title, status, phase, severity,
                group_key, episode, triggered_at, alert_count, firing_count, last_seq, escalation_state,
                escalation_level, escalation_cycle, escalation_next_at, escalation_reached, updated_at)
            WITH RECURSIVE n (i) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :last)
            SELECT 'many-' || i, (SELECT organization_id FROM services), (SELECT team_id FROM services),
                (SELECT id FROM services), 1000 + i, 'x', 'triggered', 'investigating', 'high', 'g' || i, 1, :now, 0, 0,
                0, 'running', 1, 0, :later, true, :now FROM n
            """,
            first=first,
            last=first + count - 1,
            now=tx.now,
            later=tx.now + MINUTE,
        )
        await tx.execute(
            "INSERT INTO timers SELECT id, 'escalate', :later, 1, 0, 2, 0 FROM incidents "
            "WHERE id LIKE 'many-%' AND number >= :number",
            number=1000 + first,
            later=tx.now + MINUTE,
        )


async def test_the_look_goes_by_its_own_indexes(sqlite_db: Database, clock: object) -> None:
    """What is searched is what is open and should have a timer, not history."""
    async with sqlite_db.read() as reader:
        for look, index in zip(auditing.LOOKS, PLANS, strict=True):
            for sql in (look.end, look.strays):
                given = {"after": "", "until": "x", "limit": 1, "slice": 1}
                used = {name: value for name, value in given.items() if f":{name}" in sql}
                rows = await reader.rows(f"EXPLAIN QUERY PLAN {sql}", **used)
                assert any("SEARCH" in str(row) and index in str(row) for row in rows), rows
                assert not any("TEMP B-TREE FOR ORDER" in str(row) for row in rows), rows


@pytest.mark.campaign
async def test_the_look_is_quick_among_a_hundred_thousand_open_incidents(world: World) -> None:
    """Each slice stays below a twentieth of a second, so that nobody has a reason to switch it off."""
    await world.policy(level(1, world.bob))
    await _many(world.db, MANY)
    took: list[float] = []
    for look in auditing.LOOKS:
        after: str | None = ""
        while after is not None:
            begun = time.perf_counter()
            async with world.db.read() as reader:
                found, after = await auditing.strays(reader, look, after, 100)
            took.append(time.perf_counter() - begun)
            assert found == []
    took.sort()
    middle, last = took[len(took) // 2], took[-1]
    print(f"{world.db.dialect}: {len(took)} looks, p50 {middle * 1000:.1f} ms, max {last * 1000:.1f} ms")
    assert middle < 0.05


async def test_every_slice_of_many_incidents_is_looked_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong behind the end of the first slice is found and mended like the rest."""
    monkeypatch.setattr(auditing, "SLICE", 1)
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    for name in ("One", "Two", "Three"):
        await world.fires(name)
    async with world.db.transaction() as tx:
        await tx.execute("DELETE FROM timers")
    assert await escalate.audit(world.db) == 3
    assert await escalate.audit(world.db) == 0
