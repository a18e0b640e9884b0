"""What the metrics show of the database: what is open and late, was in time, who could be paged and who is on call."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from openalert import telemetry
from openalert.domain.access import SYSTEM
from openalert.domain.instant import DAY, SECOND
from openalert.domain.slo import Objective, SloDay
from openalert.domain.warning import WarningKind
from openalert.engine import escalate, measures
from openalert.storage import duties
from openalert.storage.duties import Duty
from openalert.usecases import incidents, schedules, warnings
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


def _value(name: str, **labels: str) -> Any:
    return telemetry.registry.get_sample_value(f"openalert_{name}", labels)


def _all(metric: Any) -> dict[tuple[str, ...], float]:
    """The values of a metric by its labels."""
    (found,) = metric.collect()
    return {tuple(sample.labels.values()): sample.value for sample in found.samples}


@pytest.fixture(autouse=True)
def _clear() -> Iterator[None]:
    """What other tests measured is gone, as is what these do."""
    of_people = (telemetry.RESPONDER_REACHABLE, telemetry.ONCALL, telemetry.ONCALL_PEOPLE)
    for metric in of_people:
        metric.clear()
    yield
    for metric in of_people:
        metric.clear()


async def test_what_is_open_and_how_late(world: World) -> None:
    """Counted over all organizations; what is due later is not late, and what is done neither."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    for name in ("DiskFull", "SlowQueries", "NoMemory"):
        await world.post_all([(world.group(world.alert(name)), "A")])
    world.clock.advance(7 * SECOND)
    await measures.work(world.db)
    assert _value("incidents_open") == 3
    assert (_value("oldest_due_timer_seconds"), _value("oldest_unsent_page_seconds")) == (7, 0)
    await escalate.run_due(world.db)
    world.clock.advance(9 * SECOND)
    await measures.work(world.db)
    assert (_value("oldest_due_timer_seconds"), _value("oldest_unsent_page_seconds")) == (0, 9)
    await world.advance()
    await measures.work(world.db)
    assert (_value("oldest_due_timer_seconds"), _value("oldest_unsent_page_seconds")) == (0, 0)
    for number in (1, 2, 3):
        await world.does(incidents.resolve, (await world.incident(number)).id)
    await measures.work(world.db)
    assert _value("incidents_open") == 0
    assert (_value("oldest_due_timer_seconds"), _value("oldest_unsent_page_seconds")) == (0, 0)


async def test_a_page_that_is_to_leave_later_is_not_late(world: World) -> None:
    """Whoever wants to be paged after five minutes is, and until then it waits for nobody."""
    mail = str(await world.value("SELECT id FROM contact_methods WHERE user_id = :id", id=world.alice.id))
    await make.notification_rule(world.db, world.alice, mail, minutes=5)
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    for seconds, late in ((0, 0), (299, 0), (4, 3)):
        world.clock.advance(seconds * SECOND)
        await measures.work(world.db)
        assert _value("oldest_unsent_page_seconds") == late


@pytest.mark.proves("ES-1", "NO-3")
async def test_what_was_in_time(world: World) -> None:
    """The share of the last thirty days by objective; all of it where nothing was due."""
    await measures.work(world.db)
    assert _all(telemetry.SLO_RATIO) == {("steps",): 1, ("pages",): 1}
    assert _all(telemetry.SLO_MISSES) == {("steps",): 0, ("pages",): 0}
    today = world.clock() // DAY
    async with world.db.transaction() as tx:
        for objective, day, kept, missed in (
            (Objective.STEPS, today, 3, 1),
            (Objective.PAGES, today - 29, 0, 2),
            (Objective.PAGES, today - 31, 5, 5),
        ):
            await tx.insert("slo_days", SloDay(objective=objective, day=day, kept=kept, missed=missed))
    await measures.work(world.db)
    assert _all(telemetry.SLO_RATIO) == {("steps",): 0.75, ("pages",): 0}
    assert _all(telemetry.SLO_MISSES) == {("steps",): 1, ("pages",): 2}


async def test_by_how_many_ways_each_could_be_reached(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as they have; of so many people that the metrics stay readable; nobody stays who is gone."""
    await make.contact_method(world.db, world.bob, "webhook", "https://bob.example/")
    telemetry.RESPONDER_REACHABLE.labels(user="gone").set(1)
    await measures.reach(world.db)
    assert _all(telemetry.RESPONDER_REACHABLE)[(world.bob.id,)] == 2
    assert ("gone",) not in _all(telemetry.RESPONDER_REACHABLE)
    monkeypatch.setattr(measures, "MOST_MEASURED", 1)
    await measures.reach(world.db)
    assert len(_all(telemetry.RESPONDER_REACHABLE)) == 1


async def test_who_is_on_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A series for each person, the count for each schedule with 0 for a gap; of so many schedules, and none of old."""
    ids = []
    for name, people in (("Both", (world.alice, world.bob)), ("Nobody", ())):
        made = await world.does(schedules.create, team_id=world.core.id, name=name, timezone="UTC")
        ids.append(made.id)
        async with world.db.transaction() as tx:
            who = tuple(sorted(each.id for each in people))
            await duties.put(tx, [Duty(schedule_id=made.id, user_ids=who, noted_at=tx.now)])
    both, nobody = ids
    telemetry.ONCALL.labels(schedule="gone", user="gone").set(1)
    telemetry.ONCALL_PEOPLE.labels(schedule="gone").set(1)
    await measures.on_call(world.db)
    assert _all(telemetry.ONCALL) == {(both, world.alice.id): 1, (both, world.bob.id): 1}
    assert _all(telemetry.ONCALL_PEOPLE) == {(both,): 2, (nobody,): 0}
    monkeypatch.setattr(measures, "MOST_MEASURED", 1)
    await measures.on_call(world.db)
    assert set(_all(telemetry.ONCALL_PEOPLE)) == {(both,)}


async def test_how_many_warnings_there_are_of_each_kind(world: World) -> None:
    """None of most: their series says so."""
    nobody = await make.user(world.db, world.cast.organization, "Dora", reachable=False)
    for name in ("One", "Two"):
        await make.policy(world.db, world.core, level(1, nobody), name=name)
    outlook = await warnings.look(world.db, SYSTEM)
    found = Counter(each.kind for each in outlook.findings)
    assert len(set(found.values()) - {0}) > 0
    measures.warnings(outlook)
    assert _all(telemetry.WARNINGS) == {(kind.value,): found[kind] for kind in WarningKind}
    assert max(found.values()) < len(outlook.findings)
