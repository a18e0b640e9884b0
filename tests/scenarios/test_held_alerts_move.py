"""Held alerts that are moved, merged, or let go by a clock that was set: paged for once, and at the right place."""

import pytest

from openalert.domain.alert_deed import AlertDeed, DeedKind
from openalert.domain.handling import HoldKind
from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.noise import Noise
from openalert.domain.routing import Actions, RuleBody
from openalert.domain.service import PayloadContext
from openalert.storage import holds
from openalert.usecases import (
    alerts,
    holding,
    incidents,
    ingest,
    linking,
    merging,
    routing_rules,
    services,
    silences,
)
from tests import make
from tests.cast import World, level
from tests.invariants import broken

pytestmark = pytest.mark.anyio

SNOOZED = 30


async def _alert(world: World, host: str) -> str:
    """The id of the alert of this host."""
    found: str = await world.value(
        "SELECT id FROM alerts WHERE labels LIKE :host AND latest_key IS NOT NULL", host=f'%"{host}"%'
    )
    return found


async def _snooze(world: World, host: str, minutes: int = SNOOZED) -> str:
    """Alice does not want to hear of it for a while."""
    alert_id = await _alert(world, host)
    until = world.clock.now + minutes * MINUTE
    await world.does(alerts.one, alert_id, AlertDeed(kind=DeedKind.SNOOZE, until=until))
    return alert_id


async def _pages(world: World, number: int) -> int:
    """How many pages were sent for this incident."""
    sent: int = await world.value(
        "SELECT count(*) FROM notifications n JOIN incidents i ON i.id = n.incident_id "
        "WHERE i.number = :number AND n.kind = 'page' AND n.status = 'sent'",
        number=number,
    )
    return sent


async def _two_hosts(world: World) -> str:
    """One incident with an alert of each host, for which Alice has been paged; its id."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk", host="a")
    await world.fires("Disk", host="b")
    assert await _pages(world, 1) == 1
    return (await world.incident(1)).id


async def test_a_held_alert_that_is_taken_out_pages_only_once_it_is_let_go(world: World) -> None:
    """An incident of its own is as quiet as its alert; at the end of the snooze it pages, once."""
    first = await _two_hosts(world)
    unlinked = await world.does(linking.unlink, first, await _snooze(world, "a"))
    assert unlinked.own is not None
    await world.advance(minutes=SNOOZED - 1)
    assert await _pages(world, 2) == 0
    await world.advance(minutes=30)
    assert await _pages(world, 2) == 1
    assert await broken(world.db) == []


async def test_an_alert_can_be_taken_out_again_while_its_first_own_incident_is_open(world: World) -> None:
    """The one that it was taken out into lives on with another alert; it gets a second one."""
    first = await _two_hosts(world)
    alert_id = await _alert(world, "a")
    own = (await world.does(linking.unlink, first, alert_id)).own
    await world.fires("Disk", host="c")
    await world.does(linking.link, own.id, [await _alert(world, "c")])
    await world.does(linking.link, first, [alert_id])
    again = (await world.does(linking.unlink, first, alert_id)).own
    assert (own.number, again.number) == (2, 3)
    assert await _pages(world, 3) == 1
    assert await broken(world.db) == []


async def test_a_held_alert_does_not_wake_the_incident_it_is_moved_to(world: World) -> None:
    """It is held by a silence and asks for nobody; the incident wakes with it when the silence is over."""
    first = await _two_hosts(world)
    await _snooze(world, "a", 60)
    await _snooze(world, "b", 60)
    silence = await world.does(
        silences.create, team_id=world.core.id, ends_at=world.clock.now + 20 * MINUTE, comment="x"
    )
    await world.fires("Other", host="c")
    await world.does(linking.link, first, [await _alert(world, "c")])
    await world.advance(minutes=19)
    assert await _pages(world, 1) == 1
    assert await world.value("SELECT count(*) FROM alerts WHERE group_key IS NOT NULL") == 0
    await world.advance(minutes=2)
    assert await _pages(world, 1) == 2
    assert silence.id
    assert await broken(world.db) == []


async def test_what_comes_back_to_an_incident_that_has_given_up_pages(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody answered for it before the snoozes were over: somebody is asked again, once for all that come back."""
    monkeypatch.setattr(holding, "PER_TRANSACTION", 1)
    await _two_hosts(world)
    await world.fires("Disk", host="c")
    await _snooze(world, "a", 120)
    await _snooze(world, "b", 120)
    await world.advance(minutes=119)
    assert (await world.incident(1)).escalation_next_at is None
    assert await _pages(world, 1) == 1
    await world.advance(minutes=60)
    assert await _pages(world, 1) == 2
    assert "Paging again: An alert that was held fires again" in await world.story()
    assert await broken(world.db) == []


async def test_what_was_let_go_within_a_merge_is_awake_after_it(world: World) -> None:
    """It was quiet when it was merged; its alert fires again since, so taken out again it pages."""
    first = await _two_hosts(world)
    await world.fires("Other", host="c")
    other = (await world.incident(2)).id
    alert_id = await _snooze(world, "c", 600)
    await world.does(merging.merge, first, [other])
    await world.does(alerts.one, alert_id, AlertDeed(kind=DeedKind.RELEASE))
    before = await _pages(world, 2)
    await world.does(merging.undo, other)
    await world.advance(minutes=1)
    assert await _pages(world, 2) == before + 1
    assert await broken(world.db) == []


async def test_what_was_held_within_a_merge_is_quiet_after_it(world: World) -> None:
    """Its alert was snoozed in the other incident; taken out again it waits for the end of that."""
    first = await _two_hosts(world)
    await world.fires("Other", host="c")
    other = (await world.incident(2)).id
    await world.does(merging.merge, first, [other])
    await _snooze(world, "c", 60)
    await world.does(merging.undo, other)
    assert (await world.incident(2)).is_quiet(world.clock.now)
    await world.advance(minutes=61)
    assert not (await world.incident(2)).is_quiet(world.clock.now)
    assert await _pages(world, 2) == 2
    assert await broken(world.db) == []


@pytest.mark.proves("ES-5", "F-20")
async def test_a_pause_is_elapsed_time_when_the_clock_is_set(world: World) -> None:
    """The clock goes back an hour during a pause of two minutes: it still has two minutes, a snooze its instant."""
    await world.policy(level(1, world.alice))
    await world.fires("Snoozed", host="b")
    snoozed = await _snooze(world, "b", 90)
    await world.does(services.update, world.service.id, noise=Noise(pause_seconds=120))
    world.clock.advance(SECOND)
    await world.fires("Disk", host="a")
    back = -60 * MINUTE
    world.clock.advance(back)
    async with world.db.transaction() as tx:
        await holds.shift(tx, back)
    await world.advance(minutes=2)
    assert await _pages(world, 2) == 1
    until = await world.value("SELECT until FROM alert_holds WHERE alert_id = :id", id=snoozed)
    assert until == world.clock.start + 90 * MINUTE


async def test_what_an_act_let_go_is_due_when_the_clock_is_set_back(world: World) -> None:
    """The silence was ended before the clock was set: nobody waits for that instant to come again."""
    await world.policy(level(1, world.alice))
    silence = await world.does(
        silences.create, team_id=world.core.id, ends_at=world.clock.now + 20 * MINUTE, comment="x"
    )
    await world.fires("Disk", host="a")
    world.clock.advance(SECOND)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await silences.expire(tx, silence.id)
    back = -60 * MINUTE
    world.clock.advance(back)
    async with world.db.transaction() as tx:
        await holds.shift(tx, back)
    await world.engine.run_until_idle()
    assert await world.value("SELECT count(*) FROM alert_holds WHERE released_at IS NULL") == 0
    assert await world.value("SELECT kind FROM alert_holds") == HoldKind.SILENCE


async def test_a_held_alert_goes_to_the_service_that_its_address_named(world: World) -> None:
    """Held, it opens its incident where it would have opened at once, not at the service of its integration."""
    await world.policy(level(1, world.alice))
    cache = await make.service(world.db, world.core, None, "Cache")
    await world.does(
        silences.create, team_id=world.core.id, ends_at=world.clock.now + 20 * MINUTE, comment="x"
    )
    delivery = world.delivery(world.group(world.alert("Disk", host="a")), "A", "v1")
    delivery.service, delivery.context = cache.slug, PayloadContext(query={"service": cache.slug})
    async with world.db.transaction() as tx:
        await ingest.take_in(tx, [delivery])
    await world.advance(minutes=21)
    assert (await world.incident(1)).service_id == cache.id
    assert await broken(world.db) == []


async def test_what_rises_at_the_instant_at_which_it_wakes_pages_once(world: World) -> None:
    """The snooze is over and its timer has not run when a worse alert comes: one escalation, and nothing left of it."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk", host="a", severity="warning")
    until = world.clock.now + 5 * MINUTE
    await world.does(incidents.snooze, (await world.incident(1)).id, until=until)
    world.clock.now = until
    await world.post_all([(world.group(world.alert("Disk", host="b", severity="critical")), "A")])
    assert await broken(world.db) == []
    await world.advance(minutes=1)
    assert await _pages(world, 1) == 2


async def test_what_fires_wakes_the_quiet_incident_that_it_is_moved_to(world: World) -> None:
    """Somebody had it where it was; where it is now nobody has, and it does not sleep with what is suppressed there."""
    first = await _two_hosts(world)
    for host in "ab":
        await world.does(alerts.one, await _alert(world, host), AlertDeed(kind=DeedKind.SUPPRESS))
    await world.fires("Other", host="c")
    await world.does(incidents.acknowledge, (await world.incident(2)).id)
    await world.does(linking.link, first, [await _alert(world, "c")])
    assert await _pages(world, 1) == 2
    assert not (await world.incident(1)).is_quiet(world.clock.now)
    assert await broken(world.db) == []


async def test_what_a_merge_brings_wakes_a_quiet_incident(world: World) -> None:
    """The same when the whole incident that somebody had is put into it."""
    first = await _two_hosts(world)
    for host in "ab":
        await world.does(alerts.one, await _alert(world, host), AlertDeed(kind=DeedKind.SUPPRESS))
    await world.fires("Other", host="c")
    other = (await world.incident(2)).id
    await world.does(incidents.acknowledge, other)
    await world.does(merging.merge, first, [other])
    assert await _pages(world, 1) == 2
    assert await broken(world.db) == []


async def test_what_a_rule_dropped_after_it_was_held_can_fire_again(world: World) -> None:
    """It still fired when it was dropped; once the rule is gone, the next repeat of its sender pages."""
    await world.policy(level(1, world.alice))
    await world.does(
        silences.create, team_id=world.core.id, ends_at=world.clock.now + 20 * MINUTE, comment="x"
    )
    await world.fires("Disk", host="a")
    rule = await world.does(
        routing_rules.create, team_id=world.core.id, name="Drop", body=RuleBody(actions=Actions(drop=True))
    )
    await world.advance(minutes=21)
    await world.fires("Disk", host="a")
    assert await world.value("SELECT count(*) FROM alerts WHERE status <> 'resolved'") == 0
    await world.does(routing_rules.delete, rule.id)
    await world.fires("Disk", host="a")
    assert await _pages(world, 1) == 1
    assert await broken(world.db) == []
