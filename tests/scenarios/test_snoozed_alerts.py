"""Alerts that people snooze or suppress: they page nobody meanwhile, and what still fires comes back exactly once."""

from collections.abc import AsyncIterator

import pytest

from openalert.domain.access import Role
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.alert_deed import AlertDeed, DeedKind
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import HOUR, MINUTE
from openalert.storage import alerts as stored
from openalert.usecases import alerts, incidents, linking, merging
from tests import make
from tests.cast import World, level
from tests.invariants import broken

pytestmark = pytest.mark.anyio
NEVER = "01a1fcb0-3e2a-7001-9b71-89e183c71ecc"


@pytest.fixture
async def paged(world: World) -> AsyncIterator[World]:
    """Alice first, Bob five minutes later; whatever happens, what is stored makes sense at the end."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    yield world
    assert await broken(world.db) == []


async def _alert(world: World, title: str) -> Alert:
    alert_id = await world.value(f"SELECT id FROM alerts WHERE title = '{title}' ORDER BY id DESC LIMIT 1")
    async with world.db.read() as reader:
        found = await stored.get(reader, alert_id)
    assert found is not None
    return found


async def _does(world: World, kind: DeedKind, *titles: str, minutes: int | None = None) -> None:
    """Alice does it to these alerts at once; then the engine does what is due."""
    ids = [(await _alert(world, title)).id for title in titles]
    until = None if minutes is None else world.clock() + minutes * MINUTE
    async with world.db.transaction(world.as_(world.alice)) as tx:
        done = await alerts.many(tx, ids, AlertDeed(kind=kind, until=until))
    assert done.refused == {}
    await world.engine.run_until_idle()


def _both(world: World) -> dict[str, object]:
    return world.group(world.alert("Disk", instance="db1") | {"annotations": {"summary": "db1"}},
                       world.alert("Disk", instance="db2") | {"annotations": {"summary": "db2"}})  # fmt: skip


async def test_a_snoozed_alert_pages_again_if_it_still_fires(paged: World) -> None:
    """Its incident is silent so long, Bob is not called; then Alice is paged anew, once."""
    await paged.fires("Disk")
    paged.mailbox(paged.alice).got("Disk")
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=30)
    alert, incident = await _alert(paged, "Disk"), await paged.incident()
    assert (alert.status, alert.incident_id) == (AlertStatus.SUPPRESSED, incident.id)
    assert alert.snoozed_until == incident.snoozed_until == paged.clock() + 30 * MINUTE
    assert (incident.status, incident.firing_count) == (IncidentStatus.TRIGGERED, 1)
    await paged.advance(minutes=29)
    paged.is_quiet()
    await paged.advance(minutes=1)
    paged.mailbox(paged.alice).got("Disk")
    paged.mailbox(paged.alice).is_empty()
    alert = await _alert(paged, "Disk")
    assert (alert.status, alert.snoozed_until) == (AlertStatus.FIRING, None)
    assert (await paged.incident()).snoozed_until is None
    await paged.advance(minutes=5)
    paged.mailbox(paged.bob).got("Disk")


async def test_what_ends_while_it_is_snoozed_is_over(paged: World) -> None:
    """The resolve passes, its incident is resolved with it, and nothing comes back."""
    await paged.fires("Disk")
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=30)
    await paged.resolves("Disk")
    assert (await paged.incident()).status is IncidentStatus.RESOLVED
    assert await paged.value("SELECT count(*) FROM alert_holds WHERE released_at IS NULL") == 0
    paged.mailbox(paged.alice).got("Disk")
    paged.mailbox(paged.alice).got_update("Resolved")
    await paged.advance(minutes=60)
    paged.is_quiet()


async def test_what_is_suppressed_stays_so_until_it_is_let_go(paged: World) -> None:
    """A month later nobody has been paged; then Alice lets it go, and it pages within a second."""
    await paged.fires("Disk")
    paged.mailbox(paged.alice).got("Disk")
    await _does(paged, DeedKind.SUPPRESS, "Disk")
    await paged.advance(minutes=31 * 24 * 60)
    paged.is_quiet()
    await _does(paged, DeedKind.RELEASE, "Disk")
    paged.mailbox(paged.alice).got("Disk")
    assert (await _alert(paged, "Disk")).status is AlertStatus.FIRING


async def test_one_that_fires_keeps_its_incident_paging(paged: World) -> None:
    """Of two alerts one is snoozed: the escalation goes on; once the other is snoozed too it stops."""
    await paged.posts(_both(paged))
    paged.mailbox(paged.alice).got("db1")
    await _does(paged, DeedKind.SNOOZE, "db1", minutes=60)
    assert (await paged.incident()).snoozed_until is None
    await paged.advance(minutes=5)
    paged.mailbox(paged.bob).got("db1")
    await _does(paged, DeedKind.SNOOZE, "db2", minutes=20)
    assert (await paged.incident()).snoozed_until == paged.clock() + 20 * MINUTE
    await paged.advance(minutes=19)
    paged.is_quiet()
    await paged.advance(minutes=1)
    paged.mailbox(paged.alice).got("db1")
    assert (await _alert(paged, "db1")).status is AlertStatus.SUPPRESSED


async def test_when_the_last_that_pages_ends_the_snoozed_ones_stay_silent(paged: World) -> None:
    """Nothing is left that anybody should be called for; the incident stays open for what is snoozed."""
    await paged.posts(_both(paged))
    paged.mailbox(paged.alice).got("db1")
    await _does(paged, DeedKind.SUPPRESS, "db1")
    await paged.posts(paged.group(paged.alert("Disk", "resolved", instance="db2")))
    incident = await paged.incident()
    assert (incident.status, incident.firing_count) == (IncidentStatus.TRIGGERED, 1)
    assert incident.is_quiet(paged.clock())
    await paged.advance(minutes=60)
    paged.is_quiet()


async def test_a_person_who_resolves_the_last_that_pages_leaves_silence(paged: World) -> None:
    """As when its source does."""
    await paged.posts(_both(paged))
    paged.mailbox(paged.alice).got("db1")
    await _does(paged, DeedKind.SUPPRESS, "db1")
    await _does(paged, DeedKind.RESOLVE, "db2")
    assert (await paged.incident()).is_quiet(paged.clock())
    await paged.advance(minutes=60)
    paged.is_quiet()


async def test_a_new_alert_of_the_group_ends_the_silence(paged: World) -> None:
    """What nobody has snoozed pages, although everything else of its incident is snoozed."""
    await paged.fires("Disk", instance="db1")
    paged.mailbox(paged.alice).got("Disk")
    await _does(paged, DeedKind.SUPPRESS, "Disk")
    await paged.fires("Disk", instance="db2")
    paged.mailbox(paged.alice).got("Disk")
    assert (await paged.incident()).snoozed_until is None
    await paged.advance(minutes=5)
    paged.mailbox(paged.bob).got("Disk")


async def test_what_a_person_snoozed_stays_so(paged: World) -> None:
    """An alert that comes back does not end the snooze of its incident; when that is over it pages."""
    await paged.fires("Disk")
    paged.mailbox(paged.alice).got("Disk")
    incident = await paged.incident()
    await paged.does(incidents.snooze, incident.id, until=paged.clock() + HOUR)
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=10)
    await paged.advance(minutes=59)
    paged.is_quiet()
    await paged.advance(minutes=1)
    paged.mailbox(paged.alice).got("Disk")


async def test_a_snooze_of_the_incident_that_ends_first_does_not_page_for_snoozed_alerts(
    paged: World,
) -> None:
    """The incident stays silent until its alert comes back."""
    await paged.fires("Disk")
    paged.mailbox(paged.alice).got("Disk")
    incident = await paged.incident()
    await paged.does(incidents.snooze, incident.id, until=paged.clock() + 10 * MINUTE)
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=60)
    await paged.advance(minutes=59)
    paged.is_quiet()
    await paged.advance(minutes=1)
    paged.mailbox(paged.alice).got("Disk")
    paged.mailbox(paged.alice).is_empty()


async def test_an_acknowledged_incident_comes_back_too(paged: World) -> None:
    """Whoever has it and snoozes its alert is asked again when that is over."""
    await paged.fires("Disk")
    paged.mailbox(paged.alice).got("Disk")
    await paged.does(incidents.acknowledge, (await paged.incident()).id)
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=10)
    await paged.advance(minutes=10)
    paged.mailbox(paged.alice).got("Disk")
    assert (await paged.incident()).status is IncidentStatus.TRIGGERED


async def test_snoozing_again_moves_the_end(paged: World) -> None:
    """The last word counts, earlier or later, and a suppression takes the place of a snooze."""
    await paged.fires("Disk")
    paged.mailbox(paged.alice).got("Disk")
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=10)
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=30)
    await paged.advance(minutes=29)
    paged.is_quiet()
    await _does(paged, DeedKind.SUPPRESS, "Disk")
    assert (await _alert(paged, "Disk")).snoozed_until is None
    await paged.advance(minutes=600)
    paged.is_quiet()
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=1)
    await paged.advance(minutes=1)
    paged.mailbox(paged.alice).got("Disk")


async def test_resolving_the_incident_ends_what_holds_its_alerts(paged: World) -> None:
    """Nothing is let go afterwards; the next occurrence pages like any other."""
    await paged.fires("Disk")
    paged.mailbox(paged.alice).got("Disk")
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=30)
    await paged.does(incidents.resolve, (await paged.incident()).id)
    assert await paged.value("SELECT count(*) FROM alert_holds WHERE released_at IS NULL") == 0
    alert = await _alert(paged, "Disk")
    assert (alert.status, alert.snoozed_until) == (AlertStatus.RESOLVED, None)
    await paged.advance(minutes=60)
    paged.is_quiet()
    await paged.fires("Disk")
    paged.mailbox(paged.alice).got("Disk")


async def test_moving_the_last_that_pages_away_leaves_silence(paged: World) -> None:
    """What stays behind is snoozed, so that the incident that lost its alert calls nobody."""
    await paged.posts(_both(paged))
    paged.mailbox(paged.alice).got("db1")
    await _does(paged, DeedKind.SUPPRESS, "db1")
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        await linking.unlink(
            tx, (await _alert(paged, "db2")).incident_id or "", (await _alert(paged, "db2")).id
        )
    await paged.engine.run_until_idle()
    assert (await paged.incident(1)).is_quiet(paged.clock())
    paged.mailbox(paged.alice).got("db2")


async def test_merging_a_quiet_incident_keeps_what_is_snoozed_in_count(paged: World) -> None:
    """Into another that fires: nothing is lost, and the snoozed alert comes back where it is."""
    await paged.fires("Disk")
    await paged.fires("Load")
    paged.mailbox(paged.alice).got("Disk")
    paged.mailbox(paged.alice).got("Load")
    await _does(paged, DeedKind.SNOOZE, "Disk", minutes=30)
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        one, two = await paged.incident(1), await paged.incident(2)
        await merging.merge(tx, two.id, [one.id])
    await paged.advance(minutes=30)
    assert (await _alert(paged, "Disk")).status is AlertStatus.FIRING
    assert (await paged.incident(2)).firing_count == 2


async def test_nothing_is_asked_of_a_transaction_twice(paged: World) -> None:
    """Letting go what is let go, acknowledging what is acknowledged: told, and nothing changes."""
    await paged.fires("Disk")
    alert = await _alert(paged, "Disk")
    alice = paged.as_(paged.alice)
    async with paged.db.transaction(alice) as tx:
        refused = await alerts.many(tx, [alert.id, NEVER], AlertDeed(kind=DeedKind.RELEASE))
    assert list(refused.refused.values()) == ["Nothing holds the alert.", "There is no such alert."]
    with pytest.raises(Conflict):
        async with paged.db.transaction(alice) as tx:
            await alerts.one(tx, alert.id, AlertDeed(kind=DeedKind.RELEASE))
    await paged.resolves("Disk")
    for kind in (DeedKind.ACKNOWLEDGE, DeedKind.SUPPRESS, DeedKind.RELEASE):
        with pytest.raises(Conflict):
            async with paged.db.transaction(alice) as tx:
                await alerts.one(tx, alert.id, AlertDeed(kind=kind))
    async with paged.db.transaction(alice) as tx:
        assert (await alerts.resolve(tx, alert.id)).status is AlertStatus.RESOLVED


@pytest.mark.parametrize(
    "deed",
    [
        AlertDeed(kind=DeedKind.SNOOZE),
        AlertDeed(kind=DeedKind.SNOOZE, until=1),
        AlertDeed(kind=DeedKind.SUPPRESS, until=9_999_999_999_999),
        AlertDeed(kind=DeedKind.TAG),
        AlertDeed(kind=DeedKind.TAG, add=("",)),
        AlertDeed(kind=DeedKind.TAG, add=("x" * 51,)),
        AlertDeed(kind=DeedKind.TAG, add=tuple(f"t{number}" for number in range(21))),
        AlertDeed(kind=DeedKind.ASSIGN, user_id=NEVER),
    ],
)
async def test_what_cannot_be_done_is_refused(paged: World, deed: AlertDeed) -> None:
    """A snooze without end, in the past, for years; no tags, bad tags; somebody who is not there."""
    await paged.fires("Disk")
    with pytest.raises(Invalid):
        async with paged.db.transaction(paged.as_(paged.alice)) as tx:
            await alerts.one(tx, (await _alert(paged, "Disk")).id, deed)
    paged.mailbox(paged.alice).got("Disk")


async def test_tags_and_people(paged: World) -> None:
    """Added once, taken off, and whose it is; also of what is over."""
    await paged.fires("Disk")
    alert = await _alert(paged, "Disk")
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        tagged = await alerts.one(
            tx, alert.id, AlertDeed(kind=DeedKind.TAG, add=("storage", " night  shift ", "storage"))
        )
        assert tagged.tags == ["storage", "night shift"]
        tagged = await alerts.one(tx, alert.id, AlertDeed(kind=DeedKind.TAG, add=("x",), remove=("storage",)))
        assert tagged.tags == ["night shift", "x"]
        assigned = await alerts.one(tx, alert.id, AlertDeed(kind=DeedKind.ASSIGN, user_id=paged.bob.id))
        assert assigned.assignee_id == paged.bob.id
    await paged.resolves("Disk")
    async with paged.db.transaction(paged.as_(paged.alice)) as tx:
        assert (await alerts.one(tx, alert.id, AlertDeed(kind=DeedKind.ASSIGN))).assignee_id is None


async def test_only_who_responds_in_the_team_does_it(paged: World) -> None:
    """A stranger finds nothing, a viewer may not; in a batch each is told, and the others are done."""
    await paged.fires("Disk")
    alert = await _alert(paged, "Disk")
    deed = AlertDeed(kind=DeedKind.SUPPRESS)
    viewer = make.actor(paged.bob, paged.core, team_role=Role.VIEWER)
    with pytest.raises(NotFound):
        async with paged.db.transaction(paged.as_(paged.charlie)) as tx:
            await alerts.one(tx, alert.id, deed)
    with pytest.raises(Forbidden):
        async with paged.db.transaction(viewer) as tx:
            await alerts.one(tx, alert.id, deed)
    async with paged.db.transaction(viewer) as tx:
        assert (await alerts.many(tx, [alert.id], deed)).refused == {
            alert.id: "You may not respond in its team."
        }
    assert (await _alert(paged, "Disk")).status is AlertStatus.FIRING
