"""Whether what was due was in time: counted once, in the transaction that does it; misses with their cause."""

import pytest

from openalert.domain.canary import CanaryRun
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, MINUTE, SECOND
from openalert.domain.outage import Ending, Outage
from openalert.domain.slo import DAYS_KEPT, LEAST_FOR_A_BUDGET, Line, Objective, SloDay, line, percent
from openalert.engine import housekeeping
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import canary, outages
from openalert.storage import slo as stored
from openalert.storage.slo import SeenMiss
from openalert.usecases import slo
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def counted(world: World, objective: Objective) -> tuple[int, int]:
    """How much was in time, and how much was not."""
    async with world.db.read() as reader:
        found = line(objective, await stored.days(reader), reader.now)
    return found.kept, found.missed


async def missed(world: World) -> list[SeenMiss]:
    """The misses that an owner sees."""
    async with world.db.read() as reader:
        return await slo.misses(reader, make.actor(world.alice), limit=50)


async def stands_still(world: World, seconds: float) -> None:
    """Time passes in which the engine does nothing; then it does what is due."""
    world.clock.advance(round(seconds * SECOND))
    await world.engine.run_until_idle()


def refuses(_: Message) -> Receipt:
    """A provider that takes nothing for good."""
    raise NotifierError(Reason.REJECTED_RECIPIENT, "550 No such user", permanent=True)


def dawdles(_: Message) -> Receipt:
    """A provider that is away."""
    raise NotifierError(Reason.UNREACHABLE, "connection refused")


@pytest.mark.proves("ES-1", "NO-3")
async def test_what_is_in_time_is_counted_once_and_canaries_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page and its step, the second level five minutes later; an answer leaves nothing due."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("disk full")
    assert await counted(world, Objective.STEPS) == (1, 0)
    assert await counted(world, Objective.PAGES) == (1, 0)
    await world.advance(minutes=5)
    assert await counted(world, Objective.STEPS) == (2, 0)
    assert await counted(world, Objective.PAGES) == (2, 0)
    await world.engine.run_until_idle()
    assert await counted(world, Objective.PAGES) == (2, 0), "looking again counts nothing"
    assert await missed(world) == []
    monkeypatch.setattr(slo, "HOME", world.cast.organization.id)
    await world.fires("cpu hot")
    assert await counted(world, Objective.STEPS) == (2, 0)
    assert await counted(world, Objective.PAGES) == (2, 0)


@pytest.mark.proves("ES-1")
async def test_a_late_step_is_a_miss_with_its_cause(world: World) -> None:
    """An outage explains it, else canaries that failed then, else nobody knows; five seconds are in time."""
    await world.policy(
        level(1, world.alice),
        level(2, world.bob, minutes=5),
        level(3, world.charlie, minutes=5),
        level(4, world.bob, minutes=5),
    )
    await world.fires("disk full")
    await stands_still(world, 5 * 60 + 5)
    assert await counted(world, Objective.STEPS) == (2, 0)
    begun = world.clock()
    await stands_still(world, 5 * 60 + 6)
    (busy,) = await missed(world)
    assert (busy.what, busy.late, busy.reason) == ("Level 3", 6 * SECOND, slo.BUSY)
    assert (busy.number, busy.title, busy.due_at) == (1, "disk full", begun + 5 * MINUTE)
    world.clock.advance(6 * MINUTE)
    async with world.db.transaction() as tx:
        run = CanaryRun(id=new_id(tx.now - 50 * SECOND), run_id="r", started_at=tx.now, failed_at="accepted")
        run.reason = "The ingestion address answered 503."
        await canary.note(tx, run)
    await world.engine.run_until_idle()
    assert (await missed(world))[0].reason == (
        "Canaries failed then too: The ingestion address answered 503."
    )
    world.clock.advance(20 * MINUTE)
    async with world.db.transaction() as tx:
        gone = Outage(since=tx.now - 18 * MINUTE, until=tx.now - SECOND, ending=Ending.DIED)
        await outages.note(tx, "r", gone)
    await world.engine.run_until_idle()
    assert (await missed(world))[0].reason == f"The server was {gone.words}."
    assert await counted(world, Objective.STEPS) == (2, 3)


@pytest.mark.proves("NO-3")
async def test_a_page_that_nobody_took_or_too_late_is_a_miss(world: World) -> None:
    """Refused for good: never; taken by the second try after a minute: late, with what the first one said."""
    await world.policy(level(1, world.alice))
    world.email.behave = refuses
    await world.fires("disk full")
    (never,) = [each for each in await missed(world) if each.title == "disk full"][-1:]
    assert (never.late, never.what, "No such user" in never.reason) == (None, "Page by E-mail", True)
    before = (await counted(world, Objective.PAGES))[1]
    world.email.behave = dawdles
    await world.fires("cpu hot")
    await world.advance(seconds=20)
    world.email.behave = None
    await world.advance(minutes=1)
    late = (await missed(world))[0]
    assert late.title == "cpu hot"
    assert late.late is not None
    assert late.late > 15 * SECOND
    assert "connection refused" in late.reason
    assert (await counted(world, Objective.PAGES))[1] > before


async def test_a_storm_of_misses_is_counted_and_some_are_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what is kept has a bound, whatever goes wrong."""
    monkeypatch.setattr(slo, "MOST_MISSES_A_DAY", 3)
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    for number in range(5):
        await world.fires(f"disk {number}")
    await stands_still(world, 6 * 60)
    assert (await counted(world, Objective.STEPS))[1] == 5
    assert sum(each.objective is Objective.STEPS for each in await missed(world)) == 3


async def test_another_organization_sees_no_miss_of_ours(world: World) -> None:
    """The numbers are the installation's; what was missed is of those whose incident it was."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("disk full")
    await stands_still(world, 6 * 60)
    other = await make.organization(world.db, "Elsewhere")
    stranger = await make.user(world.db, other, "Zoe", make.Role.OWNER)
    async with world.db.read() as reader:
        assert await slo.misses(reader, make.actor(stranger), limit=50) == []
    assert len(await missed(world)) >= 1


async def test_a_month_is_thirty_rows_and_old_ones_go(world: World) -> None:
    """The window moves with the days; what is older than is ever shown is dropped."""
    async with world.db.transaction() as tx:
        for back in (0, 1, 29, 30, DAYS_KEPT + 1):
            await tx.insert("slo_days", SloDay(objective=Objective.STEPS, day=tx.now // DAY - back, kept=10))
    assert await counted(world, Objective.STEPS) == (30, 0)
    await housekeeping.forget(world.db, 30)
    assert await world.value("SELECT count(*) FROM slo_days") == 4


async def test_the_shares_cost_the_same_whatever_was_done(world: World) -> None:
    """Reading the lines looks at days and the newest misses, by their indexes, and never at what was done."""
    if world.db.dialect != "sqlite":
        pytest.skip("POSTGRES PLANS BY SIZE: a table of thirty rows is read as a whole there")
    for sql in (
        "SELECT * FROM slo_days WHERE objective = 'steps' AND day > 1 ORDER BY day",
        "SELECT id FROM slo_misses WHERE organization_id = 'o' AND id < 'x' ORDER BY id DESC LIMIT 20",
    ):
        async with world.db.read() as reader:
            plan = " ".join(str(row[3]) for row in await reader.rows(f"EXPLAIN QUERY PLAN {sql}"))
        assert "SEARCH" in plan, plan
        assert "SCAN" not in plan, plan


def test_a_share_is_never_made_better_than_it_is() -> None:
    """99.9999 % is not 100 %, and a budget is told where there is enough to tell it by."""
    assert [percent(each) for each in (1.0, 0.999999, 0.9998, 0.973, 0.0)] == [
        "100 %",
        "99.99 %",
        "99.98 %",
        "97.3 %",
        "0 %",
    ]

    def of(kept: int, missed: int) -> Line:
        return line(Objective.PAGES, [SloDay(objective=Objective.PAGES, day=0, kept=kept, missed=missed)], 0)

    assert (of(0, 0).ratio, of(0, 0).is_met) == (None, True)
    assert (of(99, 1).is_met, of(99, 1).budget_left) == (False, None)
    assert of(LEAST_FOR_A_BUDGET * 10 - 5, 5).budget_left == pytest.approx(0.5)
    assert of(LEAST_FOR_A_BUDGET, 900).budget_left == 0
