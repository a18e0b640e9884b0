"""A storm comes due at one instant: its steps share transactions, and each is still done once, whole, and by itself."""

from collections.abc import Sequence
from typing import Any

import pytest

from openalert.domain.errors import Unavailable
from openalert.domain.incident import Incident
from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.outage import Outage
from openalert.engine import escalate
from openalert.storage import incidents, timers
from openalert.storage.timers import Timer
from openalert.storage.transaction import Transaction
from openalert.usecases import escalation
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio

MANY = 450
"""More than two transactions' full."""


async def _storm(world: World, count: int = MANY) -> None:
    posts = [(world.group(world.alert(f"Disk{number}")), "A") for number in range(count)]
    for begin in range(0, count, 50):
        await world.post_all(posts[begin : begin + 50])


@pytest.mark.proves("ES-1", "ES-2")
async def test_each_step_of_a_storm_is_done_once(world: World) -> None:
    """Every incident has one page for level 1 and one for level 2, though levels were reached all together."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5), repeats=0)
    await _storm(world)
    assert await escalate.run_due(world.db) == MANY
    assert await escalate.run_due(world.db) == 0
    world.clock.advance(5 * MINUTE)
    assert await escalate.run_due(world.db) == MANY
    async with world.db.read() as reader:
        found = await reader.rows(
            "SELECT level, user_id, count(*), count(DISTINCT incident_id) FROM notifications WHERE kind = 'page' "
            "GROUP BY level, user_id ORDER BY level"
        )
        steps = await reader.rows(
            "SELECT escalation_level, escalation_next_at, last_seq, count(*) FROM incidents "
            "GROUP BY escalation_level, escalation_next_at, last_seq"
        )
        due = await reader.rows("SELECT due_at, level, count(*) FROM timers GROUP BY due_at, level")
    assert [tuple(row) for row in found] == [(1, world.alice.id, MANY, MANY), (2, world.bob.id, MANY, MANY)]
    [(reached, next_at, seq, together)] = steps
    assert (reached, seq, together) == (2, 3, MANY)
    assert [tuple(row) for row in due] == [(next_at, 3, MANY)]


async def test_steps_that_have_everything_in_common_are_few_statements(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred steps read whom they page as often as two do: once."""
    await world.policy(level(1, world.alice), repeats=0)
    asked = []
    original = escalation.notify.reach

    async def counting(*arguments: Any, **named: Any) -> Any:
        asked.append(arguments[1])
        return await original(*arguments, **named)

    monkeypatch.setattr(escalation.notify, "reach", counting)
    await _storm(world, 200)
    assert await escalate.run_due(world.db) == 200
    assert len(asked) == 1


@pytest.mark.proves("ES-1")
async def test_one_that_breaks_among_hundreds_is_put_off_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found by halves, so few are tried again with it, and one hundred and ninety-nine are paged."""
    await world.policy(level(1, world.alice), repeats=0)
    await _storm(world, 200)
    poisoned = (await world.incident(77)).id
    broken = []
    original = escalation.steps

    async def breaking(tx: Transaction, due: Sequence[Timer], *, outage: Outage | None = None) -> None:
        if any(each.incident_id == poisoned for each in due):
            broken.append(len(due))
            raise RuntimeError("poison")
        await original(tx, due, outage=outage)

    monkeypatch.setattr(escalation, "steps", breaking)
    await escalate.run_due(world.db)
    assert broken[:4] == [200, 100, 50, 25]
    assert broken[-1] == 1
    assert len(broken) <= 9
    async with world.db.read() as reader:
        paged = await reader.rows("SELECT DISTINCT incident_id FROM notifications WHERE kind = 'page'")
        waiting = await timers.get(reader, poisoned, "escalate")
    assert len(paged) == 199
    assert poisoned not in {row[0] for row in paged}
    assert waiting is not None
    assert waiting.failures == 1
    assert waiting.due_at > world.clock()


async def test_all_that_a_step_changes_of_an_incident_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Levels, a level that reaches nobody, the repetition and the end: what memory has, the row has afterwards."""
    stepped: list[str] = []
    original = incidents.step

    async def comparing(tx: Transaction, some: Sequence[Incident]) -> None:
        await original(tx, some)
        written = await incidents.get_many(tx, [each.id for each in some])
        assert list(written.values()) == sorted(some, key=lambda each: list(written).index(each.id))
        stepped.extend(each.escalation_state for each in some)

    monkeypatch.setattr(incidents, "step", comparing)
    await world.policy(level(1, world.alice), level(2, minutes=5), level(3, world.bob, minutes=5), repeats=1)
    await world.fires("DiskFull")
    for _ in range(8):
        await world.advance(minutes=5)
    assert set(stepped) == {"running", "exhausted"}
    assert len(stepped) >= 7


async def test_a_snooze_that_ends_with_a_step_of_the_same_incident_wins(world: World) -> None:
    """Both rows of one incident in one look: the end of the snooze begins the escalation anew, at level 1."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5), repeats=0)
    await world.fires("DiskFull")
    incident = await world.incident(1)
    now = world.clock()
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE incidents SET snoozed_until = :now WHERE id = :id", now=now, id=incident.id)
        await timers.put(
            tx,
            [
                Timer(incident_id=incident.id, kind=kind, due_at=now, episode=incident.episode, level=2)
                for kind in ("escalate", "unsnooze")
            ],
        )
    assert await escalate.run_due(world.db) == 2
    async with world.db.read() as reader:
        left = await timers.of_incidents(reader, [incident.id])
    assert list(left) == [(incident.id, "escalate")]
    assert left[incident.id, "escalate"].level == 2
    assert (await world.incident(1)).episode == incident.episode + 1


@pytest.mark.proves("ES-1", "F-09")
async def test_a_step_that_the_database_refuses_now_and_then_does_not_wait_for_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused ten times in a row while smaller commits are taken: each time it comes again a second later."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    refused = 0
    original = escalation.steps

    async def refusing(tx: Transaction, due: Sequence[Timer], *, outage: Outage | None = None) -> None:
        nonlocal refused
        if refused < 10:
            refused += 1
            raise Unavailable("database or disk is full")
        await original(tx, due, outage=outage)

    monkeypatch.setattr(escalation, "steps", refusing)
    for _ in range(11):
        await escalate.run_due(world.db)
        world.clock.advance(SECOND)
    assert refused == 10
    await world.engine.run_until_idle()
    world.mailbox(world.alice).got("DiskFull")


async def _pages(world: World) -> list[tuple[str, str, str, str]]:
    """Of every page: the title of its incident, whom it is for, by which channel, and why."""
    async with world.db.read() as reader:
        rows = await reader.rows(
            "SELECT i.title, u.name, n.channel, n.reason FROM notifications n "
            "JOIN incidents i ON i.id = n.incident_id JOIN users u ON u.id = n.user_id "
            "WHERE n.kind = 'page' ORDER BY i.title, u.name, n.channel"
        )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


@pytest.mark.parametrize("has_policy", [True, False])
async def test_steps_of_one_moment_page_each_as_bad_as_it_is(world: World, has_policy: bool) -> None:
    """Alice has a text message for what is critical alone: of two incidents of one transaction, that one brings it."""
    await make.contact_method(world.db, world.alice, "sms", "+4915112345678")
    await (world.policy(level(1, world.alice)) if has_policy else world.without_policy())
    bodies = [
        {"title": severity, "dedup_key": severity, "severity": severity} for severity in ("critical", "low")
    ]
    await world.post_all([(body, "A") for body in bodies])
    assert await escalate.run_due(world.db) == 2
    assert [page[:3] for page in await _pages(world)] == [
        ("critical", "Alice", "email"),
        ("critical", "Alice", "sms"),
        ("low", "Alice", "email"),
    ]


async def test_steps_of_one_moment_tell_each_team_what_it_may_know(world: World) -> None:
    """Two teams escalate by one policy: only whose it is reads what the policy and the team in it are called."""
    others = await make.team(world.db, world.cast.organization, "Others")
    policy = await make.policy(world.db, world.core, level(1, world.core))
    await world.without_policy(policy)
    theirs = await make.service(world.db, others, policy, "Theirs")
    await make.integration(world.db, theirs, "C")
    await world.post_all([(world.group(world.alert("Core")), "A"), (world.group(world.alert("Others")), "C")])
    assert await escalate.run_due(world.db) == 2
    why = {(title, reason) for title, _, _, reason in await _pages(world)}
    assert why == {
        ("Core", "You are a member of Core (Core policy, level 1)."),
        ("Others", "You are a member of another team (a policy of another team, level 1)."),
    }


async def test_steps_of_one_moment_tell_each_team_s_own_owners(world: World) -> None:
    """Two services without a policy: Alice is paged for that of Core, Bob for that of his own team."""
    others = await make.team(world.db, world.cast.organization, "Others")
    await make.member(world.db, others, world.bob, make.Role.OWNER)
    await world.without_policy()
    await make.integration(world.db, await make.service(world.db, others, None, "Theirs"), "C")
    await world.post_all([(world.group(world.alert("Core")), "A"), (world.group(world.alert("Others")), "C")])
    assert await escalate.run_due(world.db) == 2
    assert [page[:2] for page in await _pages(world)] == [("Core", "Alice"), ("Others", "Bob")]
