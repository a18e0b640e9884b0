"""Incidents that are put together and taken apart, and alerts that are moved: nothing is lost, nobody is forgotten."""

import asyncio
from typing import Any

import msgspec
import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.incident import Incident
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.storage import alerts
from openalert.storage import responders as stored_responders
from openalert.usecases import incidents, linking, merging
from tests import make
from tests.cast import World, level
from tests.invariants import broken

pytestmark = pytest.mark.anyio


async def two(world: World, **second: str) -> tuple[Incident, Incident]:
    """DiskFull and SlowQueries fire and page Alice; Bob is next."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull", severity="warning")
    await world.fires("SlowQueries", **({"severity": "warning"} | second))
    world.mailbox(world.alice).got("DiskFull")
    world.mailbox(world.alice).got("SlowQueries")
    return await world.incident(1), await world.incident(2)


async def merges(world: World, target: Incident, *sources: Incident, **options: Any) -> Incident:
    """Alice puts them together."""
    done: Incident = await world.does(merging.merge, target.id, [each.id for each in sources], **options)
    return done


async def alert_of(world: World, number: int) -> str:
    """The id of an alert of the incident."""
    incident = await world.incident(number)
    async with world.db.read() as reader:
        return (await alerts.of_incident(reader, incident.id))[0].id


async def test_a_merged_incident_is_a_part_of_the_other(world: World) -> None:
    """Its alert counts there, its pages stop, whoever it paged hears it once, and both stories say so."""
    disk, slow = await two(world)
    await merges(world, disk, slow)
    target, source = await world.incident(1), await world.incident(2)
    assert (target.alert_count, target.firing_count, target.status) == (2, 2, "triggered")
    assert (source.alert_count, source.status, source.merged_into_id) == (0, "resolved", disk.id)
    world.mailbox(world.alice).is_empty()  # her own act is no news to her
    assert "Alice merged it into #1: DiskFull" in await world.story(2)
    assert "Alice merged #2 into it: SlowQueries (1 alert)" in await world.story(1)
    await world.advance(minutes=5)
    world.mailbox(world.bob).got("DiskFull")
    world.is_quiet()
    assert await broken(world.db) == []


async def test_whoever_was_paged_for_several_sources_is_told_once(world: World) -> None:
    """Bob merges two that paged Alice into a third: she gets one message."""
    disk, slow = await two(world)
    await world.fires("NoMemory", severity="warning")
    world.mailbox(world.alice).got("NoMemory")
    await merges(world, disk, slow, await world.incident(3), by=world.bob)
    world.mailbox(world.alice).got_update("Merged into #1 by Bob")
    world.mailbox(world.alice).is_empty()


async def test_what_comes_of_the_source_later_goes_to_the_target(world: World) -> None:
    """A repeat, a new alert of its group and the end of both are the target's, also in one batch with its end."""
    disk, slow = await two(world)
    await merges(world, disk, slow)
    await world.fires("SlowQueries", severity="warning")
    assert (await world.incident(1)).alert_count == 2
    await world.resolves("SlowQueries", severity="warning")
    assert (await world.incident(1)).firing_count == 1
    await world.fires("SlowQueries", since=1, severity="warning")
    target = await world.incident(1)
    assert (target.alert_count, target.firing_count) == (3, 2)
    await world.resolves("DiskFull", severity="warning")
    await world.resolves("SlowQueries", since=1, severity="warning")
    assert (await world.incident(1)).status == "resolved"
    await world.fires("SlowQueries", since=2, severity="warning")
    assert (await world.incident(3)).title == "SlowQueries"
    assert await broken(world.db) == []


async def test_a_worse_source_raises_the_target_and_pages_again(world: World) -> None:
    """Alice has #1; #2 is critical: #1 rises, is triggered again and pages level 1."""
    disk, slow = await two(world, severity="critical")
    await world.does(incidents.acknowledge, disk.id, by=world.bob)
    world.mailbox(world.alice).got_update("Acknowledged by Bob")
    await merges(world, disk, slow, by=world.bob)
    target = await world.incident(1)
    assert (target.severity, target.status) == ("critical", "triggered")
    world.mailbox(world.alice).got("DiskFull")


async def test_whoever_has_the_target_hears_what_came_to_it(world: World) -> None:
    """Bob was paged for #1 and has it; Alice merges #2, which nobody has, into it: it stays his, and he is told."""
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull")
    await world.fires("SlowQueries")
    world.mailbox(world.bob).got("DiskFull")
    world.mailbox(world.bob).got("SlowQueries")
    disk, slow = await world.incident(1), await world.incident(2)
    await world.does(incidents.acknowledge, disk.id, by=world.bob)
    await merges(world, disk, slow)
    assert (await world.incident(1)).acknowledged_by_id == world.bob.id
    world.mailbox(world.bob).got_update("Merged into #1 by Alice")
    world.mailbox(world.bob).got_update("#2 was merged into it")
    world.is_quiet()


async def test_a_page_is_not_lost_in_an_incident_that_sleeps(world: World) -> None:
    """#1 is snoozed for a day, nobody has #2: put together they page from level 1."""
    disk, slow = await two(world)
    await world.does(incidents.snooze, disk.id, until=world.clock() + DAY)
    await merges(world, disk, slow)
    assert (await world.incident(1)).snoozed_until is None
    world.mailbox(world.alice).got("DiskFull")
    assert any(line.startswith("Paging again: #2 was merged into it") for line in await world.story(1))


async def test_a_page_is_not_lost_where_somebody_has_it_and_lets_it_sleep(world: World) -> None:
    """Bob has #1 and snoozed it for a day: what nobody has answered for wakes it all the same."""
    disk, slow = await two(world)
    await world.does(incidents.acknowledge, disk.id, by=world.bob)
    world.mailbox(world.alice).got_update("Acknowledged by Bob")
    await world.does(incidents.snooze, disk.id, until=world.clock() + DAY, by=world.bob)
    await merges(world, disk, slow)
    assert (await world.incident(1)).status == "triggered"
    world.mailbox(world.alice).got("DiskFull")
    assert await broken(world.db) == []


async def test_what_comes_in_the_batch_that_ends_the_target_begins_anew(world: World) -> None:
    """Both alerts end and one fires again, all taken in at once: the new one does not vanish in what is over."""
    disk, slow = await two(world)
    await merges(world, disk, slow)
    ends = [world.alert(name, status="resolved", severity="warning") for name in ("DiskFull", "SlowQueries")]
    again = world.alert("SlowQueries", since=1, severity="warning")
    await world.post_all([(world.group(each), "A") for each in (*ends, again)])
    await world.engine.run_until_idle()
    assert (await world.incident(1)).status == "resolved"
    assert (await world.incident(3)).firing_count == 1
    world.mailbox(world.alice).got("SlowQueries")
    assert await broken(world.db) == []


async def test_a_page_is_not_lost_in_an_incident_whose_ladder_has_ended(world: World) -> None:
    """Everybody was paged for #1 and nobody answered; #2 has just begun: together they begin again."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    await world.advance(minutes=30)
    await world.fires("SlowQueries")
    world.mailbox(world.alice).got("SlowQueries")
    disk = await world.incident(1)
    assert disk.escalation_next_at is None
    world.mailbox(world.alice).got("DiskFull")
    await merges(world, disk, await world.incident(2))
    world.mailbox(world.alice).got("DiskFull")


async def test_an_answered_source_leaves_a_sleeping_target_alone(world: World) -> None:
    """Bob has #2 already: that it is merged into what sleeps wakes nobody, and he helps there."""
    disk, slow = await two(world)
    await world.does(incidents.snooze, disk.id, until=world.clock() + DAY)
    await world.does(incidents.acknowledge, slow.id, by=world.bob)
    world.mailbox(world.alice).got_update("Acknowledged by Bob")
    await merges(world, disk, slow)
    assert (await world.incident(1)).snoozed_until is not None
    async with world.db.read() as reader:
        helpers = await stored_responders.of_incident(reader, disk.id)
    assert [each.user_id for each in helpers] == [world.bob.id]
    world.mailbox(world.alice).is_empty()


async def test_undone_both_stand_as_before(world: World) -> None:
    """The alert returns, also the one that came since; #2 goes on with level 2 after the time it still had."""
    disk, slow = await two(world)
    await world.advance(minutes=2)
    await merges(world, disk, slow)
    await world.does(incidents.acknowledge, disk.id)
    await world.resolves("SlowQueries", severity="warning")
    await world.fires("SlowQueries", since=1, severity="warning")
    await world.advance(minutes=10)
    await world.does(merging.undo, slow.id)
    target, source = await world.incident(1), await world.incident(2)
    assert (target.alert_count, target.firing_count, target.status) == (1, 1, "acknowledged")
    assert (source.alert_count, source.firing_count, source.status) == (2, 1, "triggered")
    assert source.merged_into_id is None
    await world.advance(minutes=2)
    world.mailbox(world.bob).is_empty()
    await world.advance(minutes=1)
    world.mailbox(world.bob).got("SlowQueries")
    await world.fires("SlowQueries", since=2, severity="warning")
    assert (await world.incident(2)).status == "triggered"
    assert await broken(world.db) == []


async def test_undone_it_is_again_whose_it_was(world: World) -> None:
    """Acknowledged it stays acknowledged, asleep it wakes at its time."""
    disk, slow = await two(world)
    await world.fires("NoMemory", severity="warning")
    memory = await world.incident(3)
    await world.does(incidents.acknowledge, slow.id, by=world.bob)
    wakes = world.clock() + HOUR
    await world.does(incidents.snooze, memory.id, until=wakes)
    await merges(world, disk, slow, memory)
    await world.does(merging.undo, slow.id)
    await world.does(merging.undo, memory.id)
    assert (await world.incident(2)).acknowledged_by_id == world.bob.id
    assert (await world.incident(3)).snoozed_until == wakes
    assert await broken(world.db) == []
    await world.advance(minutes=61)
    assert (await world.incident(3)).snoozed_until is None
    assert await broken(world.db) == []


async def test_what_ended_meanwhile_is_over_when_it_is_undone(world: World) -> None:
    """#2's alert ended while it was a part of #1: it stays resolved, with its alert; #1 goes on."""
    disk, slow = await two(world)
    await merges(world, disk, slow)
    await world.resolves("SlowQueries", severity="warning")
    await world.does(merging.undo, slow.id)
    source = await world.incident(2)
    assert (source.status, source.alert_count, source.merged_into_id) == ("resolved", 1, None)
    assert (await world.incident(1)).status == "triggered"
    assert await broken(world.db) == []


async def test_a_target_that_lives_on_the_source_alone_ends_with_the_undoing(world: World) -> None:
    """#1's own alert is over, #2's kept it open: taken apart, #1 ends and #2 goes on."""
    disk, slow = await two(world)
    await merges(world, disk, slow)
    await world.resolves("DiskFull", severity="warning")
    assert (await world.incident(1)).status == "triggered"
    await world.does(merging.undo, slow.id)
    assert (await world.incident(1)).status == "resolved"
    assert (await world.incident(2)).status == "triggered"
    assert "Resolved: no firing alert is left in it" in await world.story(1)


async def test_merges_of_merges_come_apart_in_order(world: World) -> None:
    """#3 into #2 into #1: what comes of #3 goes to #1; #3 cannot leave before #2 does, and takes its own with it."""
    disk, slow = await two(world)
    await world.fires("NoMemory", severity="warning")
    memory = await world.incident(3)
    await merges(world, slow, memory)
    await merges(world, disk, slow)
    await world.resolves("NoMemory", severity="warning")
    await world.fires("NoMemory", since=1, severity="warning")
    assert (await world.incident(1)).alert_count == 4
    with pytest.raises(Conflict, match="#2 was merged into #1"):
        await world.does(merging.undo, memory.id)
    await world.does(merging.undo, slow.id)
    assert [(await world.incident(number)).alert_count for number in (1, 2, 3)] == [1, 3, 0]
    await world.does(merging.undo, memory.id)
    assert [(await world.incident(number)).alert_count for number in (1, 2, 3)] == [1, 1, 2]
    assert await broken(world.db) == []


async def test_what_has_begun_anew_meanwhile_is_not_doubled(world: World) -> None:
    """#1 ended, #2's group opened #3, and #1 is reopened: #2 stays in it, and the answer names #3."""
    disk, slow = await two(world)
    await merges(world, disk, slow)
    await world.does(incidents.resolve, disk.id)
    with pytest.raises(Conflict, match="#1 is resolved; reopen it"):
        await world.does(merging.undo, slow.id)
    await world.fires("SlowQueries", since=1, severity="warning")
    await world.does(incidents.reopen, disk.id)
    with pytest.raises(Conflict, match="#3 is already open for the same alerts"):
        await world.does(merging.undo, slow.id)
    assert await broken(world.db) == []


async def test_what_makes_no_sense_is_refused_in_a_sentence(world: World) -> None:
    """Itself, what is over, what was merged elsewhere, a circle, nothing, too late."""
    disk, slow = await two(world)
    await world.fires("NoMemory", severity="warning")
    memory = await world.incident(3)
    with pytest.raises(Invalid, match="cannot be merged into itself"):
        await merges(world, disk, disk)
    with pytest.raises(Invalid, match="1 to 50"):
        await merges(world, disk)
    with pytest.raises(Conflict, match="#1 was not merged"):
        await world.does(merging.undo, disk.id)
    await merges(world, disk, slow)
    again = await merges(world, disk, slow)
    assert again.alert_count == 2
    with pytest.raises(Conflict, match="#2 was merged into #1; work there"):
        await merges(world, memory, slow)
    with pytest.raises(Conflict, match="#2 was merged into #1; work there"):
        await merges(world, slow, disk)
    with pytest.raises(Conflict, match="#2 was merged into #1; work there"):
        await world.does(incidents.reopen, slow.id)
    await world.does(incidents.resolve, memory.id)
    with pytest.raises(Conflict, match="#3 is resolved; only what is open"):
        await merges(world, disk, memory)
    with pytest.raises(Conflict, match="#3 is resolved; reopen it first"):
        await merges(world, memory, disk)
    await world.advance(minutes=DAY // MINUTE + 1)
    with pytest.raises(Conflict, match="more than a day ago"):
        await world.does(merging.undo, slow.id)


async def test_nothing_is_merged_across_a_right_that_is_missing(world: World) -> None:
    """What Bob cannot see answers as what never was; what he may only look at, he may not merge."""
    disk, _ = await two(world)
    other = await make.team(world.db, world.cast.organization, "Other")
    service = await make.service(world.db, other, None, name="Elsewhere")
    await make.integration(world.db, service, "E")
    await world.posts(world.group(world.alert("Hidden")), key="E")
    hidden = await world.incident(3)
    with pytest.raises(Invalid) as refused:
        await merges(world, disk, hidden, by=world.bob)
    with pytest.raises(Invalid) as unknown:
        await world.does(merging.merge, disk.id, ["x" * len(hidden.id)], by=world.bob)
    assert refused.value.message.replace(hidden.id, "x" * len(hidden.id)) == unknown.value.message
    looking = msgspec.structs.replace(
        world.as_(world.bob), teams={world.core.id: Role.MEMBER, other.id: Role.VIEWER}
    )
    with pytest.raises(Forbidden):
        async with world.db.transaction(looking) as tx:
            await merging.merge(tx, disk.id, [hidden.id])
    assert await broken(world.db) == []


async def test_what_comes_of_another_teams_source_is_its_target_teams(world: World) -> None:
    """Merged into an incident of the core team, it is theirs to answer: so is each alert that comes to it later."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    other = await make.team(world.db, world.cast.organization, "Other")
    await make.integration(world.db, await make.service(world.db, other, None, name="Elsewhere"), "E")
    await world.posts(world.group(world.alert("Slow")), key="E")
    both = msgspec.structs.replace(
        world.as_(world.alice), teams={world.core.id: Role.OWNER, other.id: Role.OWNER}
    )
    async with world.db.transaction(both) as tx:
        await merging.merge(tx, (await world.incident(1)).id, [(await world.incident(2)).id])
    await world.posts(world.group(world.alert("Slow", since=1, pod="second")), key="E")
    target = await world.incident(1)
    assert target.alert_count == 3
    async with world.db.read() as reader:
        found = await alerts.of_incident(reader, target.id)
    assert {each.team_id for each in found} == {world.core.id}
    assert await broken(world.db) == []


async def test_of_acts_at_once_each_sees_what_the_others_did(world: World) -> None:
    """Both ways at once, a resolve and an alert in between: one merge wins, and every alert counts once somewhere."""
    disk, slow = await two(world)

    async def attempt(act: Any, *args: Any) -> bool:
        try:
            async with world.db.transaction(world.as_(world.alice)) as tx:
                await act(tx, *args)
        except (Conflict, Invalid):
            return False
        return True

    done = await asyncio.gather(
        attempt(merging.merge, disk.id, [slow.id]),
        attempt(merging.merge, slow.id, [disk.id]),
        world.post_all([(world.group(world.alert("Third")), "A"), (world.group(world.alert("Third")), "A")]),
        attempt(incidents.resolve, slow.id),
    )
    assert sorted([done[0], done[1]]) == [False, True]
    await world.engine.run_until_idle()
    assert await broken(world.db) == []


async def test_an_alert_moves_with_its_counts(world: World) -> None:
    """The only alert of #2 goes to #1: #1 has both, #2 is over, and repeats count at #1."""
    disk, _ = await two(world)
    alert_id = await alert_of(world, 2)
    await world.does(linking.link, disk.id, [alert_id])
    target, left = await world.incident(1), await world.incident(2)
    assert (target.alert_count, target.firing_count) == (2, 2)
    assert (left.alert_count, left.status) == (0, "resolved")
    assert "Alice moved the alert SlowQueries here from #2" in await world.story(1)
    assert "Alice moved the alert SlowQueries to #1" in await world.story(2)
    assert {"incident.alert_linked", "incident.alert_unlinked"} <= set(world.events)
    await world.does(linking.link, disk.id, [alert_id])
    assert (await world.incident(1)).alert_count == 2
    await world.resolves("SlowQueries", severity="warning")
    assert (await world.incident(1)).firing_count == 1
    assert await broken(world.db) == []


async def test_what_was_opened_by_hand_stays_open_without_alerts(world: World) -> None:
    """An alert goes to it and away again: it is about more than its alerts."""
    disk, _ = await two(world)
    made = await world.does(
        incidents.open_by_hand, service_id=disk.service_id, title="Orders are slow", severity=disk.severity
    )
    alert_id = await alert_of(world, 2)
    await world.does(linking.link, made.id, [alert_id])
    await world.does(linking.link, disk.id, [alert_id])
    assert (await world.incident(3)).status == "triggered"
    assert await broken(world.db) == []


async def test_a_firing_alert_that_is_taken_out_is_an_incident_of_its_own(world: World) -> None:
    """Nobody has #1: the new one escalates like any other. Taking out the only one makes no sense."""
    disk, _ = await two(world)
    await world.does(linking.link, disk.id, [await alert_of(world, 2)])
    alert_id = await alert_of(world, 1)
    done = await world.does(linking.unlink, disk.id, alert_id)
    assert done.own.number == 3
    world.mailbox(world.alice).got(done.own.title)
    assert (await world.incident(3)).firing_count == 1
    assert (await world.incident(1)).firing_count == 1
    with pytest.raises(NotFound):
        await world.does(linking.unlink, disk.id, alert_id)
    with pytest.raises(Conflict, match="only alert"):
        await world.does(linking.unlink, disk.id, await alert_of(world, 1))
    assert await broken(world.db) == []


async def test_what_somebody_has_stays_theirs_when_it_is_taken_out(world: World) -> None:
    """Bob has #1: the incident that is split off is his as well, and pages nobody."""
    disk, _ = await two(world)
    await world.does(linking.link, disk.id, [await alert_of(world, 2)])
    await world.does(incidents.acknowledge, disk.id, by=world.bob)
    world.mailbox(world.alice).got_update("Acknowledged by Bob")
    await world.does(linking.unlink, disk.id, await alert_of(world, 1))
    own = await world.incident(3)
    assert (own.status, own.acknowledged_by_id) == ("acknowledged", world.bob.id)
    world.is_quiet()
    assert await broken(world.db) == []


async def test_an_alert_that_is_over_only_leaves(world: World) -> None:
    """It belongs to no incident afterwards."""
    disk, _ = await two(world)
    alert_id = await alert_of(world, 2)
    await world.does(linking.link, disk.id, [alert_id])
    await world.resolves("SlowQueries", severity="warning")
    done = await world.does(linking.unlink, disk.id, alert_id)
    assert done.own is None
    assert (await world.incident(1)).alert_count == 1
    assert await broken(world.db) == []
