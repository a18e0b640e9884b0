"""Held alerts: what is set keeps them from paging, and lets them go exactly once."""

from collections.abc import Iterator

import pytest

from openalert.domain.alert import AlertStatus
from openalert.domain.alert_filter import AlertFilter
from openalert.domain.errors import NotFound
from openalert.domain.handling import Draft, Hold, HoldKind, Named, Stage
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.severity import Severity
from openalert.domain.trace import MOST_STEPS, Step, sentence, shortened
from openalert.storage import alert_lists, alerts, holds
from openalert.storage.transaction import Reader
from openalert.usecases import alerts as acts
from openalert.usecases import holding, rulebook, traces
from tests import make
from tests.cast import World, level
from tests.invariants import broken

pytestmark = pytest.mark.anyio


class Book:
    """What the team of the world has set, as a test wants it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.routing: list[Named] = []
        self.holding: list[Named] = []
        monkeypatch.setattr(rulebook, "ROUTING", (self._load(self.routing),))
        monkeypatch.setattr(rulebook, "HOLDING", (self._load(self.holding),))

    @staticmethod
    def _load(stages: list[Named]) -> rulebook.Loader:
        async def load(reader: Reader, team_id: str) -> Named | None:
            return Named("set by the test", lambda draft: [stage.apply(draft) for stage in stages] and None)

        return load

    def route(self, change: Stage) -> None:
        """What changes a draft."""
        self.routing.append(Named("rule", change))

    def hold(self, kind: HoldKind, ref: str, *, until: Instant | None = None, title: str = "") -> None:
        """What holds every alert whose title has these words."""

        def stage(draft: Draft) -> None:
            if title in draft.title and (until is None or until > draft.now):
                draft.hold(Hold(kind=kind, ref_id=ref, name=f"{ref} of the test", until=until))

        self.holding.append(Named(ref, stage))


@pytest.fixture
async def book(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Book]:  # type: ignore[misc]
    """A rulebook that is read for every message."""
    monkeypatch.setattr(rulebook, "_kept", rulebook._kept.__class__())
    await world.policy(level(1, world.alice))
    async with world.db.transaction() as tx:
        await holds.changed(tx, world.cast.team.id)
    yield Book(monkeypatch)
    assert await broken(world.db) == []


def _door(severity: str) -> dict[str, str]:
    """An alert whose severity is no part of its identity."""
    return {"title": "Disk", "state": "alerting", "severity": severity, "alert_uid": "disk"}


async def _alert(world: World) -> alerts.Alert:
    async with world.db.read() as reader:
        found = await alert_lists.search(reader, world.as_(world.alice), AlertFilter(), limit=10)
    return found.items[0]


async def _story(world: World) -> list[str]:
    alert = await _alert(world)
    async with world.db.read() as reader:
        return [step.code for step in await traces.of_alert(reader, world.as_(world.alice), alert.id)]


async def test_a_held_alert_pages_nobody_and_is_seen(world: World, book: Book) -> None:
    """It is listed as suppressed, without incident, with what holds it and a trace that says so."""
    book.hold(HoldKind.MAINTENANCE, "window", until=world.clock.now + 10 * MINUTE)
    outcome = await world.fires("Disk")
    assert outcome.processed == 1
    assert outcome.incidents == []
    alert = await _alert(world)
    assert (alert.status, alert.incident_id) == (AlertStatus.SUPPRESSED, None)
    async with world.db.read() as reader:
        held = await traces.holding(reader, world.as_(world.alice), alert.id)
    assert [(row.kind, row.ref_id) for row in held] == [(HoldKind.MAINTENANCE, "window")]
    assert await _story(world) == ["received", "held"]
    await world.advance(minutes=5)
    world.is_quiet()


async def test_it_is_let_go_once_when_its_time_is_over(world: World, book: Book) -> None:
    """At the end of the window it pages as if it had just come, and never again."""
    book.hold(HoldKind.MAINTENANCE, "window", until=world.clock.now + 10 * MINUTE)
    await world.fires("Disk")
    await world.advance(minutes=10)
    world.mailbox(world.alice).got("Disk")
    alert = await _alert(world)
    assert alert.status is AlertStatus.FIRING
    assert alert.incident_id == (await world.incident(1)).id
    assert await _story(world) == ["received", "held", "released", "let_go", "opened"]
    await world.advance(minutes=60)
    assert await world.value("SELECT count(*) FROM incidents") == 1


async def test_what_ends_while_it_is_held_tells_nobody(world: World, book: Book) -> None:
    """A resolve passes; when the window ends nothing is left to let go."""
    book.hold(HoldKind.MAINTENANCE, "window", until=world.clock.now + 10 * MINUTE)
    await world.fires("Disk")
    await world.resolves("Disk")
    assert (await _alert(world)).status is AlertStatus.RESOLVED
    await world.advance(minutes=30)
    world.is_quiet()
    assert await world.value("SELECT count(*) FROM alert_holds WHERE released_at IS NULL") == 0


async def test_a_person_may_resolve_what_is_held(world: World, book: Book) -> None:
    """It is over, and so is what held it."""
    book.hold(HoldKind.SILENCE, "silence")
    await world.fires("Disk")
    await world.does(acts.resolve, (await _alert(world)).id)
    assert await world.value("SELECT count(*) FROM alert_holds WHERE released_at IS NULL") == 0


async def test_the_last_of_several_lets_it_go(world: World, book: Book) -> None:
    """A window and a silence at once: it stays held until both are over."""
    book.hold(HoldKind.MAINTENANCE, "window", until=world.clock.now + 10 * MINUTE)
    book.hold(HoldKind.SILENCE, "silence", until=world.clock.now + 20 * MINUTE)
    await world.fires("Disk")
    await world.advance(minutes=15)
    world.is_quiet()
    assert await _story(world) == ["received", "held", "held", "released"]
    await world.advance(minutes=5)
    world.mailbox(world.alice).got("Disk")


async def test_what_begins_meanwhile_holds_it_on(world: World, book: Book) -> None:
    """When the first window ends a second one is open: the alert is held by that."""
    book.hold(HoldKind.MAINTENANCE, "first", until=world.clock.now + 10 * MINUTE)
    await world.fires("Disk")
    book.hold(HoldKind.MAINTENANCE, "second", until=world.clock.now + 30 * MINUTE)
    await world.advance(minutes=20)
    world.is_quiet()
    await world.advance(minutes=10)
    world.mailbox(world.alice).got("Disk")


async def test_an_act_ends_what_has_no_end(world: World, book: Book) -> None:
    """What holds without an end holds until somebody ends it; the engine lets go by itself then."""
    book.hold(HoldKind.RULE, "rule")
    await world.fires("Disk")
    await world.advance(minutes=600)
    world.is_quiet()
    book.holding.clear()
    async with world.db.transaction() as tx:
        await holds.end(tx, "rule")
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Disk")


async def test_an_end_may_be_moved(world: World, book: Book) -> None:
    """A window that is made longer holds longer."""
    book.hold(HoldKind.MAINTENANCE, "window", until=world.clock.now + 10 * MINUTE)
    await world.fires("Disk")
    async with world.db.transaction() as tx:
        await holds.move_end(tx, "window", world.clock.now + 30 * MINUTE)
    await world.advance(minutes=20)
    world.is_quiet()
    await world.advance(minutes=10)
    world.mailbox(world.alice).got("Disk")


async def test_a_delay_holds_an_alert_once(world: World, book: Book) -> None:
    """A delay that is over does not begin anew, although its rule still says so."""
    book.routing.append(
        Named(
            "delay",
            lambda draft: draft.hold(
                Hold(kind=HoldKind.DELAY, ref_id="delay", name="Wait", until=draft.now + 5 * MINUTE)
            ),
        )
    )
    await world.fires("Disk")
    await world.advance(minutes=4)
    world.is_quiet()
    await world.advance(minutes=1)
    world.mailbox(world.alice).got("Disk")


async def test_what_becomes_worse_is_looked_at_again(world: World, book: Book) -> None:
    """A rule hides what is low; the same alert comes as critical and pages."""

    def quiet(draft: Draft) -> None:
        if draft.severity.rank < Severity.HIGH.rank:
            draft.hold(Hold(kind=HoldKind.RULE, ref_id="low", name="Low ones"))

    book.route(quiet)
    await world.posts(_door("info"))
    await world.advance(minutes=5)
    world.is_quiet()
    await world.posts(_door("critical"))
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Disk")
    assert await world.value("SELECT count(*) FROM alerts") == 1
    assert (await world.incident(1)).severity is Severity.CRITICAL


async def test_a_severity_that_was_set_is_not_undone_by_a_repeat(world: World, book: Book) -> None:
    """The rule says low; each repeat says critical, and it stays low."""

    def low(draft: Draft) -> None:
        draft.severity = Severity.LOW

    book.route(low)
    for _ in range(3):
        await world.fires("Disk", severity="critical")
    assert (await _alert(world)).severity is Severity.LOW
    assert (await world.incident(1)).severity is Severity.LOW


async def test_a_dropped_alert_leaves_its_message_alone(world: World, book: Book) -> None:
    """No alert and no incident, neither of its beginning nor of its end; the message says why."""

    def drop(draft: Draft) -> None:
        draft.dropped = "The rule “Tests” dropped it."

    book.route(drop)
    await world.fires("Disk")
    await world.resolves("Disk")
    assert await world.value("SELECT count(*) FROM alerts") == 0
    assert await world.value("SELECT count(*) FROM payloads WHERE reason LIKE '%“Tests”%'") == 2
    assert await world.value("SELECT count(*) FROM payloads WHERE outcome = 'ignored'") == 2


async def test_an_alert_may_go_to_another_service(world: World, book: Book) -> None:
    """It belongs to that service and team, and pages by that service's policy."""
    org = world.cast.organization
    others = await make.team(world.db, org, "Others")
    await make.member(world.db, others, world.bob)
    policy = await make.policy(world.db, others, level(1, world.bob))
    target = await make.service(world.db, others, policy, "Elsewhere")

    def send(draft: Draft) -> None:
        draft.service_id = target.id

    book.route(send)
    await world.fires("Disk")
    await world.advance(seconds=1)
    world.mailbox(world.bob).got("Disk")
    world.is_quiet_for(world.alice)
    incident = await world.incident(1)
    assert (incident.service_id, incident.team_id) == (target.id, others.id)


async def test_a_service_of_another_organization_is_no_target(world: World, book: Book) -> None:
    """A rule that names a foreign or missing service sends nothing away."""
    org = await make.organization(world.db, "Strangers")
    team = await make.team(world.db, org, "Strangers")
    foreign = await make.service(world.db, team, name="Foreign")

    def send(draft: Draft) -> None:
        draft.service_id = foreign.id

    book.route(send)
    await world.fires("Disk")
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Disk")


async def test_a_group_that_was_chosen_makes_one_incident(world: World, book: Book) -> None:
    """Alerts of different groups go to one incident where a rule says so."""

    def together(draft: Draft) -> None:
        draft.regroup("all")

    book.route(together)
    for name in ("Disk", "Load", "Memory"):
        await world.fires(name)
    assert (await world.incident(1)).alert_count == 3
    assert await world.value("SELECT count(*) FROM incidents") == 1


async def test_a_stage_that_breaks_is_left_out(world: World, book: Book) -> None:
    """Whatever is wrong with a rule, the alert pages, and its trace says what was left out."""

    def breaks(draft: Draft) -> None:
        raise ZeroDivisionError

    book.route(breaks)
    await world.fires("Disk")
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Disk")
    assert await _story(world) == ["received", "failed", "opened"]


async def test_a_held_alert_that_lost_its_hold_is_let_go(world: World, book: Book) -> None:
    """Somebody deletes rows by hand: the engine finds the alert and pages."""
    book.hold(HoldKind.SILENCE, "silence", until=world.clock.now + 600 * MINUTE)
    await world.fires("Disk")
    book.holding.clear()
    async with world.db.transaction() as tx:
        await tx.execute("DELETE FROM alert_holds")
    await world.advance(minutes=2)
    async with world.db.transaction() as tx:
        await holding.let_go(tx, await holds.stranded(tx, 10))
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Disk")


async def test_several_of_one_group_are_let_go_into_one_incident(world: World, book: Book) -> None:
    """Three alerts of one notification, held together, are one incident and one page."""
    book.hold(HoldKind.MAINTENANCE, "window", until=world.clock.now + 10 * MINUTE)
    await world.posts(world.group(*[world.alert("Disk", host=host) for host in "abc"]))
    await world.advance(minutes=10)
    world.mailbox(world.alice).got("Disk")
    world.is_quiet()
    assert (await world.incident(1)).firing_count == 3


async def test_a_service_that_is_gone_lets_nobody_be_paged(world: World, book: Book) -> None:
    """Its service is deleted while it is held: it ends, and its trace says so."""
    book.hold(HoldKind.MAINTENANCE, "window", until=world.clock.now + 10 * MINUTE)
    await world.fires("Disk")
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE services SET deleted_at = :now", now=tx.now)
    await world.advance(minutes=10)
    world.is_quiet()
    assert await world.value("SELECT status FROM alerts") == "resolved"


async def test_a_stranger_sees_no_trace(world: World, book: Book) -> None:
    """The trace of an alert is its team's."""
    await world.fires("Disk")
    alert = await _alert(world)
    async with world.db.read() as reader:
        with pytest.raises(NotFound):
            await traces.of_alert(reader, make.actor(world.cast.charlie), alert.id)


def test_every_kind_of_hold_has_words() -> None:
    """No step of a trace shows a raw code or an unfilled brace."""
    for kind in HoldKind:
        for code in ("held", "released"):
            text = sentence(Step(at=0, code=code, data={"kind": str(kind), "name": "{x}", "until": 0}))
            assert text.endswith(".")
            assert "{name}" not in text
            assert "_" not in text


def test_a_trace_stays_short() -> None:
    """Of too many steps the first and the newest are kept."""
    steps = [Step(at=at, code="held") for at in range(100)]
    kept = shortened(steps)
    assert len(kept) == MOST_STEPS
    assert (kept[0].at, kept[1].at, kept[-1].at) == (0, 61, 99)


async def test_what_ends_while_it_is_held_is_held_no_more(world: World, book: Book) -> None:
    """Its source says that it is over: nothing holds it, and nothing is due when the window ends."""
    book.hold(HoldKind.MAINTENANCE, "window", until=world.clock.now + 10 * MINUTE)
    await world.fires("Disk")
    await world.resolves("Disk")
    async with world.db.read() as reader:
        assert await holds.next_due(reader) is None
