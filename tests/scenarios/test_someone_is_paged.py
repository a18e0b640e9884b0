"""Somebody is paged, answers, and hears how it ended."""

import pytest

from openalert.domain.notification import NotificationKind
from openalert.domain.severity import Severity
from openalert.usecases import incidents
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def test_the_person_of_level_one_is_paged_at_once_and_nobody_else(world: World) -> None:
    """A firing alert pages level 1 within the same second, and only level 1."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    outcome = await world.fires("DiskFull")
    assert [number for _, number in outcome.incidents] == [1]
    page = world.mailbox(world.alice).got("DiskFull")
    assert page.incident is not None
    assert page.incident.number == 1
    assert page.reason == "You are named in the policy (Core policy, level 1)."
    assert page.escalation_note == "Bob is paged at 09:05 unless someone acknowledges."
    assert [action.verb for action in page.actions] == [
        "acknowledge",
        "resolve",
        "snooze",
        "escalate",
        "hand_on",
    ]
    world.is_quiet()


async def test_second_level_is_paged_when_the_first_stays_silent(world: World) -> None:
    """Alice sleeps through level 1; Bob is paged after five minutes, not before, and nobody else."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await world.advance(minutes=4, seconds=59)
    world.is_quiet()
    await world.advance(seconds=1)
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()


async def test_acknowledging_stops_the_ladder(world: World) -> None:
    """After Alice acknowledged, no level pages any more."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5), repeats=3)
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    answered = await world.does(incidents.acknowledge, (await world.incident()).id)
    assert answered.changed
    await world.advance(minutes=120)
    world.is_quiet()
    incident = await world.incident()
    assert (incident.status, incident.acknowledged_by_id) == ("acknowledged", world.alice.id)
    assert "Alice acknowledged" in await world.story()


async def test_acknowledging_again_is_harmless_and_names_the_first(world: World) -> None:
    """The second person to acknowledge is told who had it; nothing changes."""
    await world.policy(level(1, world.alice, world.bob))
    await world.fires("DiskFull")
    incident_id = (await world.incident()).id
    await world.does(incidents.acknowledge, incident_id, by=world.bob)
    again = await world.does(incidents.acknowledge, incident_id, by=world.alice)
    assert not again.changed
    assert again.incident.acknowledged_by_id == world.bob.id
    world.mailbox(world.alice).got("DiskFull")
    world.mailbox(world.alice).got_update("Acknowledged by Bob")


async def test_the_incident_resolves_with_its_last_alert_and_the_paged_hear_it(world: World) -> None:
    """Two alerts: the first resolve leaves it open, the second ends it, and Alice is told."""
    await world.policy(level(1, world.alice))
    await world.posts(world.group(world.alert("DiskFull", host="a"), world.alert("DiskFull", host="b")))
    world.mailbox(world.alice).got("DiskFull")
    await world.posts(world.group(world.alert("DiskFull", "resolved", host="a")))
    assert (await world.incident()).is_open
    world.is_quiet()
    await world.posts(world.group(world.alert("DiskFull", "resolved", host="b")))
    assert (await world.incident()).status == "resolved"
    world.mailbox(world.alice).got_update("Resolved")
    await world.advance(minutes=60)
    world.is_quiet()


async def test_a_page_that_nobody_claimed_is_cancelled_by_the_resolve(world: World) -> None:
    """What resolves before the page leaves pages nobody, and the timeline says so."""
    await world.policy(level(1, world.alice, minutes=1))
    await world.fires("Blip")
    await world.resolves("Blip")
    await world.advance(minutes=30)
    world.is_quiet()


async def test_a_repeat_count_runs_the_levels_again_then_tells_the_owners(world: World) -> None:
    """Bob is paged, paged again after the repeat delay, and when he stays silent the owner is told."""
    await world.policy(level(1, world.bob), repeats=1, repeat_minutes=10)
    await world.fires("DiskFull")
    world.mailbox(world.bob).got("DiskFull")
    await world.advance(minutes=9, seconds=59)
    world.is_quiet()
    await world.advance(seconds=1)
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()
    await world.advance(minutes=5)
    notice = world.mailbox(world.alice).got("DiskFull", NotificationKind.NOTICE)
    assert notice.headline == "Nobody acknowledged"
    assert (await world.incident()).escalation_state == "exhausted"
    await world.advance(minutes=600)
    world.is_quiet()


async def test_snooze_is_silent_until_it_ends_and_then_pages_again(world: World) -> None:
    """A snoozed incident pages nobody; when the snooze is over and it still burns, level 1 is paged."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await world.does(incidents.snooze, (await world.incident()).id, until=world.clock() + 30 * 60_000)
    await world.advance(minutes=29)
    world.is_quiet()
    await world.advance(minutes=1)
    world.mailbox(world.alice).got("DiskFull")
    world.is_quiet()


async def test_a_rise_of_severity_pages_again_although_acknowledged(world: World) -> None:
    """What was acknowledged as high and becomes critical is nobody's again; a fall changes nothing."""
    await world.policy(level(1, world.alice))
    await world.fires("Latency", severity="warning")
    world.mailbox(world.alice).got("Latency")
    await world.does(incidents.acknowledge, (await world.incident()).id)
    await world.posts(world.group(world.alert("Latency", severity="critical")))
    incident = await world.incident()
    assert (incident.status, incident.severity, incident.alert_count) == ("triggered", "critical", 2)
    world.mailbox(world.alice).got("Latency")
    await world.posts(world.group(world.alert("Latency", "resolved", severity="critical")))
    assert (await world.incident()).severity == "critical"
    world.is_quiet()


async def test_reopening_pages_again(world: World) -> None:
    """What was resolved by mistake is opened again and pages from level 1."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    incident_id = (await world.incident()).id
    await world.does(incidents.resolve, incident_id)
    await world.does(incidents.reopen, incident_id, reason="not fixed")
    world.mailbox(world.alice).got("DiskFull")
    assert "Alice reopened it: not fixed" in await world.story()
    world.is_quiet()


async def test_an_incident_opened_by_hand_escalates_like_any_other(world: World) -> None:
    """A person sees it first: the same ladder runs."""
    await world.policy(level(1, world.bob))
    await world.does(
        incidents.open_by_hand,
        service_id=world.service.id,
        title="Checkout is slow",
        severity=Severity.CRITICAL,
    )
    world.mailbox(world.bob).got("Checkout is slow")
    world.is_quiet()


async def test_live_listeners_hear_that_an_alert_is_over_however_it_ended(world: World) -> None:
    """The end by its source, and the end with an incident that a person resolved, are one `alert.resolved` each."""
    await world.policy(level(1, world.alice))
    for ends in ("source", "person"):
        await world.fires("DiskFull", host=ends)
        world.events.clear()
        if ends == "source":
            await world.resolves("DiskFull", host=ends)
        else:
            await world.does(incidents.resolve, (await world.incident(2)).id)
        assert world.events.count("alert.resolved") == 1
