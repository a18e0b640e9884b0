"""The dead-man's switch is proven by silence: what it hears meanwhile, and that the good word always comes back."""

from typing import Any

import pytest

from openalert.domain.access import SYSTEM
from openalert.domain.canary import CanaryRun
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.domain.switch_proof import HOLDS_FOR, Outcome, SwitchProof, switch_of
from openalert.engine import self_watch
from openalert.engine.self_watch import SelfWatch, Silence
from openalert.storage import switch_proofs as stored
from openalert.usecases import switch_proofs
from tests.cast import World

pytestmark = pytest.mark.anyio
SWITCH = switch_of("https://switch.example/ping")


class Switch:
    """Elsewhere: what it heard."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def well(self) -> None:
        self.heard.append("well")

    async def ill(self, reason: str) -> bool:
        self.heard.append(reason)
        return True

    async def close(self) -> None:
        pass


class Flight:
    """Canaries that come through, or do not."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.last: CanaryRun | None = None
        self.green_at: int | None = world.clock()

    def lands(self) -> None:
        now = self.world.clock()
        self.last, self.green_at = CanaryRun(id="c", run_id="r", started_at=now, resolved_ms=1), now

    def falls(self) -> None:
        self.last = CanaryRun(id="c", run_id="r", started_at=self.world.clock())
        self.last.failed("The ingestion address answered 503.")


class Watched:
    """A server that watches itself, told when to look."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(self_watch, "elapsed", lambda: self.passed)
        self.world, self.switch, self.flight, self.passed = world, Switch(), Flight(world), 0.0
        self.begin_anew()

    def begin_anew(self) -> None:
        """The server is started: what it held in memory is gone."""
        any_flight: Any = self.flight
        any_switch: Any = self.switch
        self.watch = SelfWatch(
            self.world.db,
            self.world.engine,
            any_flight,
            any_switch,
            every=60,
            supervisor=self.world.db.supervisor,
            switch_id=SWITCH,
        )
        self.watch._silence = Silence(lambda: self.passed)

    async def looks(self, *, after: int = MINUTE) -> list[str]:
        """What the switch hears by the next look."""
        self.world.clock.advance(after)
        self.passed += after / SECOND
        self.world.engine.audited_at = self.world.clock()
        if self.flight.last is None or self.flight.last.is_green:
            self.flight.lands()
        self.switch.heard.clear()
        await self.watch.look()
        return list(self.switch.heard)


@pytest.fixture
def watched(world: World, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """It hears that all is well once a minute."""
    return Watched(world, monkeypatch)


async def _begin(world: World, minutes: int = 5) -> SwitchProof:
    async with world.db.transaction() as tx:
        return await switch_proofs.begin(tx, SWITCH, minutes)


async def _answer(world: World, outcome: Outcome) -> SwitchProof:
    async with world.db.transaction() as tx:
        return await switch_proofs.answer(tx, SWITCH, outcome)


async def _standing(world: World) -> Any:
    async with world.db.read() as reader:
        return await switch_proofs.standing(reader, SWITCH)


@pytest.mark.proves("SM-1")
async def test_silence_ends_by_itself_and_by_an_answer(world: World, watched: Watched) -> None:
    """Five minutes of nothing, then well again; the next one ends with the word that the page came."""
    assert await watched.looks() == ["well"]
    await _begin(world, 5)
    for _ in range(4):
        assert await watched.looks() == []
    assert await watched.looks() == ["well"], "the time is over"
    assert not (await _standing(world)).is_proven(world.clock()), "nobody said that it came"
    await _begin(world, 30)
    assert await watched.looks() == []
    proof = await _answer(world, Outcome.CAME)
    assert (proof.outcome, proof.ended_by) == (Outcome.CAME, SYSTEM.name)
    assert await watched.looks() == ["well"]
    found = await _standing(world)
    assert found.is_proven(world.clock())
    assert not found.is_proven(world.clock() + HOLDS_FOR + DAY), "telephones and accounts change"


async def test_an_answer_may_come_after_the_silence_and_only_once(world: World) -> None:
    """Within a day; a second word, or one about nothing, is refused."""
    with pytest.raises(Conflict, match="no silence"):
        await _answer(world, Outcome.CAME)
    await _begin(world, 5)
    with pytest.raises(Conflict, match="already"):
        await _begin(world, 5)
    world.clock.advance(6 * MINUTE)
    with pytest.raises(Conflict, match="no silence"):
        await _answer(world, Outcome.STOPPED)
    await _answer(world, Outcome.MISSED)
    with pytest.raises(Conflict, match="no silence"):
        await _answer(world, Outcome.CAME)
    assert (await _standing(world)).proven is None
    await _begin(world, 5)
    world.clock.advance(2 * DAY)
    with pytest.raises(Conflict, match="within a day"):
        await _answer(world, Outcome.CAME)
    await _begin(world, 5)


async def test_what_is_no_time_is_refused(world: World) -> None:
    """No switch, no silence; and none that is a moment or a day long."""
    async with world.db.transaction() as tx:
        with pytest.raises(Conflict, match=r"self_monitor\.url"):
            await switch_proofs.begin(tx, "", 5)
        for minutes in (0, 1, 61, -5):
            with pytest.raises(Invalid, match="2 to 60 minutes"):
                await switch_proofs.begin(tx, SWITCH, minutes)


@pytest.mark.proves("SM-1")
async def test_a_restart_neither_ends_nor_prolongs_it(world: World, watched: Watched) -> None:
    """When it ends is a row: a server that is killed and begun again is silent until then, and no longer."""
    await _begin(world, 5)
    assert await watched.looks() == []
    watched.begin_anew()
    assert await watched.looks() == []
    watched.begin_anew()
    assert await watched.looks(after=4 * MINUTE) == ["well"]


async def test_a_clock_that_is_set_back_does_not_prolong_it(world: World, watched: Watched) -> None:
    """Neither by an hour while the server runs, nor to before its begin when it starts."""
    await _begin(world, 5)
    assert await watched.looks() == []
    world.clock.advance(-30 * SECOND)
    assert await watched.looks(after=30 * SECOND) == [], "30 s back and forth: still silent"
    world.clock.advance(-30 * SECOND)
    for _ in range(3):
        await watched.looks(after=MINUTE)
        world.clock.advance(-MINUTE)
    assert await watched.looks(after=MINUTE) == ["well"], "five real minutes are over"
    await _answer(world, Outcome.STOPPED)
    await _begin(world, 5)
    watched.begin_anew()
    world.clock.advance(-HOUR)
    assert await watched.looks() == ["well"]


@pytest.mark.proves("SM-1")
async def test_real_trouble_is_told_and_the_silence_is_over(world: World, watched: Watched) -> None:
    """The switch hears the bad word also while it is being proven; that proves nothing, and is kept as such."""
    await _begin(world, 30)
    assert await watched.looks() == []
    watched.flight.falls()
    assert "answered 503" in (await watched.looks())[0]
    assert (await _standing(world)).last.outcome is Outcome.TROUBLE
    watched.flight.lands()
    assert await watched.looks() == ["well"]
    with pytest.raises(Conflict):
        await _answer(world, Outcome.CAME)


async def test_without_the_database_what_was_known_holds(
    world: World, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silence that is known ends in time although nobody can be asked."""
    await _begin(world, 5)
    assert await watched.looks() == []

    async def gone(*_: Any) -> Any:
        raise OSError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(switch_proofs, "standing", gone)
        assert await watched.looks() == []
        assert await watched.looks(after=4 * MINUTE) == ["well"]


async def test_a_proof_is_of_one_switch(world: World) -> None:
    """Another address has proven nothing."""
    await _begin(world)
    await _answer(world, Outcome.CAME)
    async with world.db.read() as reader:
        other = await switch_proofs.standing(reader, switch_of("https://elsewhere.example/"))
        assert (other.last, other.proven) == (None, None)
        assert len(await stored.newest(reader, SWITCH, 10)) == 1
