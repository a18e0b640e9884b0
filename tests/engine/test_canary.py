"""The canary takes the whole way of an alert, says where it stood still, and leaves nothing behind."""

from typing import Any

import pytest

from openalert.domain.access import SYSTEM
from openalert.domain.canary import HOME
from openalert.domain.instant import DAY, MINUTE, SECOND
from openalert.engine import canary as flying
from openalert.engine.canary import Canary
from openalert.engine.engine import Engine
from openalert.engine.self_watch import SelfWatch
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.notifiers.null import NullNotifier
from openalert.notifiers.own_door import Refused
from openalert.storage import canary as stored
from openalert.storage import incidents, organizations
from openalert.usecases import canary, warnings
from tests import make
from tests.cast import LINKS_BACK, World
from tests.invariants import broken

pytestmark = pytest.mark.anyio
KEY = canary.key_of(b"a secret")
LEFT = ("incidents", "alerts", "timeline", "notifications", "notification_attempts", "timers", "payloads")


class Door:
    """The ingestion of a world, whose engine acts and whose clock goes on after every message."""

    def __init__(self, world: World, lasts: float = 2) -> None:
        self.world, self.lasts = world, lasts
        self.posted: list[str] = []

    async def post(self, key: str, alert: dict[str, Any]) -> str:
        """As `OwnDoor.post`."""
        self.posted.append(alert["status"])
        outcome = (await self.world.post_all([(alert, key)], "generic"))[0]
        await self.world.advance(seconds=self.lasts)
        return outcome.incidents[0][0]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not make a canary late that flies."""
    monkeypatch.setattr(flying, "BUDGET", 60 * SECOND)


async def _flying(world: World, null: Any = None, door: Any = None) -> Canary:
    world.engine = Engine(world.db, {"null": null or NullNotifier()}, LINKS_BACK)
    await world.engine.begin()
    return Canary(world.db, door or Door(world), world.engine.node, KEY)


@pytest.mark.proves("SM-1")
async def test_a_canary_passes_every_hop_and_nothing_of_it_stays(world: World) -> None:
    """Taken in, opened, paged by the timer of a second later, claimed, sent, resolved; then only its run is left."""
    flight = await _flying(world)
    for _ in range(3):
        run = await flight.fly()
        assert (run.is_green, run.reason) == (True, "")
        assert (run.paged_ms or 0) >= 1_000
        assert (run.sent_ms or 0) >= (run.claimed_ms or 0) > 0
    for table in LEFT:
        assert await world.value(f"SELECT count(*) FROM {table}") == 0, table
    async with world.db.read() as reader:
        assert len(await stored.latest(reader, 10)) == 3
    assert await broken(world.db) == []


@pytest.mark.proves("HA-1", "F-39")
async def test_a_canary_belongs_to_the_run_that_sent_it_also_after_a_fence(world: World) -> None:
    """Another node ends this one's run, which begins anew: its next canary is on record under the new run."""
    flight = await _flying(world)
    before = (await flight.fly()).run_id
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE runs SET fenced_at = :now WHERE id = :id", now=tx.now, id=before)
    assert not await world.engine.node.renew()
    assert (await flight.fly()).is_green
    async with world.db.read() as reader:
        noted = [each.run_id for each in await stored.latest(reader, 2)]
    assert noted == [world.engine.node.run_id, before]
    assert noted[0] != before


async def test_nobody_sees_canaries(world: World) -> None:
    """No organization, incident, warning or audit entry tells of them, also while one is under way."""
    seen: list[Any] = []

    class Looking(Door):
        async def post(self, key: str, alert: dict[str, Any]) -> str:
            incident = await super().post(key, alert)
            async with self.world.db.read() as reader:
                seen.append(await incidents.open_counts(reader))
                seen.append([each.id for each in await organizations.every(reader) if each.id == HOME])
                seen.append(await reader.value("SELECT count(*) FROM audit_log"))
            found = (await warnings.look(self.world.db, SYSTEM)).findings
            seen.append([each for each in found if HOME in (each.team_id, each.subject_id)])
            return incident

    before = await world.value("SELECT count(*) FROM audit_log")
    flight = await _flying(world, door=Looking(world))
    assert (await flight.fly()).is_green
    assert seen == [{}, [], before, []] * 2


class Broken(NullNotifier):
    """A last hop that accepts nothing."""

    async def send(self, message: Message, now: int) -> Receipt:
        """Refused."""
        raise NotifierError(Reason.UNREACHABLE, "No.")


async def test_a_canary_that_is_not_sent_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hop is named, and its rows are removed."""
    flight = await _flying(world, Broken())
    for seconds in (3, 15, 60):  # what stands still is noticed soon where a busy machine lets it come so far
        monkeypatch.setattr(flying, "BUDGET", seconds * SECOND)
        run = await flight.fly()
        if run.failed_at == "sent":
            break
    assert (run.failed_at, run.reason) == ("sent", "Within 10 s its page was not handed over.")
    assert await world.value("SELECT count(*) FROM incidents") == 0


async def test_a_canary_that_is_not_taken_in_says_why(world: World) -> None:
    """The words of the ingestion address are kept."""

    class Shut:
        async def post(self, key: str, alert: dict[str, Any]) -> str:
            raise Refused("The ingestion address answered 503.")

    run = await (await _flying(world, door=Shut())).fly()
    assert (run.failed_at, run.reason) == ("accepted", "The ingestion address answered 503.")


async def test_what_a_dead_server_left_is_removed(world: World) -> None:
    """A canary whose server died is cleared away by the next one, two minutes later, and by none before."""
    flight = await _flying(world)
    await canary.settle(world.db, KEY)
    await world.post_all([({"title": "Canary", "dedup_key": "left", "severity": "critical"}, KEY)], "generic")
    await flight.fly()
    assert await world.value("SELECT count(*) FROM incidents") == 1
    await world.advance(minutes=3)
    await flight.fly()
    assert await world.value("SELECT count(*) FROM incidents") == 0


async def test_green_runs_are_kept_for_two_days_and_failures_for_ninety(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the table does not grow with time; and one that failed does not keep the next from flying."""
    monkeypatch.setattr(flying, "BUDGET", 3 * SECOND)
    await (await _flying(world, Broken())).fly()
    monkeypatch.setattr(flying, "BUDGET", 60 * SECOND)
    await (await _flying(world)).fly()
    world.clock.advance(3 * DAY)
    await (await _flying(world)).fly()
    async with world.db.read() as reader:
        assert [run.is_green for run in await stored.latest(reader, 10)] == [True, False]
        assert len(await stored.failures(reader, 0, 10)) == 1


async def test_another_secret_lets_canaries_in_by_another_key(world: World) -> None:
    """After the signing key was changed the next canary still comes in."""
    assert (await (await _flying(world)).fly()).is_green
    world.engine = Engine(world.db, {"null": NullNotifier()}, LINKS_BACK)
    await world.engine.begin()
    again = Canary(world.db, Door(world), world.engine.node, canary.key_of(b"another secret"))
    assert (await again.fly()).is_green


@pytest.mark.proves("SM-1")
async def test_the_look_counts_what_is_late_and_what_reaches_nobody(world: World) -> None:
    """A failed last page of an open incident is a trouble; that it was resolved ends it."""
    flight = await _flying(world)
    watch = SelfWatch(world.db, world.engine, flight, None, every=60, supervisor=world.db.supervisor)
    world.engine.audited_at = world.clock()
    await flight.fly()
    assert (await watch.look()).would_page
    await world.policy(make.level(1, world.alice))
    await world.fires("disk full")  # nobody has a notifier for mail here: every page fails for good
    await world.advance(minutes=30)
    world.engine.audited_at = world.clock()
    await flight.fly()
    found = (await watch.look()).troubles
    assert [each.kind.value for each in found] == ["undeliverable"]
    await world.resolves("disk full")
    assert (await watch.look()).would_page


@pytest.mark.proves("SM-1", "NO-6")
async def test_a_page_that_its_provider_never_answers_waits_and_reaches_nobody(world: World) -> None:
    """While it is to be sent again its channel is named; when that had no answer either, nobody is known to be told."""
    flight = await _flying(world)
    watch = SelfWatch(world.db, world.engine, flight, None, every=60, supervisor=world.db.supervisor)
    await world.policy(make.level(1, world.alice))
    await world.fires("disk full")
    await world.advance(seconds=2)
    in_doubt = (
        "UPDATE notifications SET status = 'unknown', due_at = {} WHERE kind = 'page' AND channel = 'email'"
    )
    async with world.db.transaction() as tx:
        await tx.execute(in_doubt.format("give_up_at"))
    world.clock.advance(2 * MINUTE)
    words = [each.words for each in (await watch.look()).troubles if each.kind == "pages"]
    assert len(words) == 1
    assert "(E-mail), and nobody was told of its incident." in words[0]
    async with world.db.transaction() as tx:
        await tx.execute(in_doubt.format("NULL"))
        await tx.execute("UPDATE incidents SET escalation_state = 'exhausted'")
    assert "undeliverable" in [each.kind for each in (await watch.look()).troubles]
