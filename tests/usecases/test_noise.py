"""Noise of a service: which alerts are one incident, which wait a moment, which come and go too often."""

import pytest

from openalert.domain.errors import Invalid
from openalert.domain.instant import MINUTE
from openalert.domain.noise import (
    AS_SENT,
    AT_ONCE,
    REMEMBERED,
    Flapping,
    GroupBy,
    Grouping,
    Noise,
    check_grouping,
    check_noise,
    remembered,
)
from openalert.domain.severity import Severity
from openalert.usecases import services
from tests.cast import World, level
from tests.invariants import broken

pytestmark = pytest.mark.anyio


async def _set(world: World, grouping: Grouping = AS_SENT, noise: Noise = AT_ONCE) -> None:
    await world.does(services.update, world.service.id, grouping=grouping, noise=noise)


def _door(severity: str) -> dict[str, str]:
    """An alert whose severity is no part of its identity."""
    return {"title": "Disk", "state": "alerting", "severity": severity, "alert_uid": "disk"}


async def _incidents(world: World) -> int:
    return int(await world.value("SELECT count(*) FROM incidents"))


@pytest.fixture(autouse=True)
async def _policy(world: World) -> None:
    await world.policy(level(1, world.alice))


async def test_everything_of_a_service_may_be_one_incident(world: World) -> None:
    """Three alerts of three groups: one incident, one page."""
    await _set(world, Grouping(by=GroupBy.SERVICE))
    for name in ("Disk", "Load", "Memory"):
        await world.fires(name)
    assert await _incidents(world) == 1
    assert (await world.incident(1)).alert_count == 3
    assert await broken(world.db) == []


async def test_each_alert_may_be_an_incident_of_its_own(world: World) -> None:
    """Two alerts of one notification are two incidents."""
    await _set(world, Grouping(by=GroupBy.ALERT))
    await world.posts(world.group(world.alert("Disk", host="a"), world.alert("Disk", host="b")))
    assert await _incidents(world) == 2


async def test_fields_make_the_groups(world: World) -> None:
    """By host: what one host sends is one incident, whatever it is called."""
    await _set(world, Grouping(by=GroupBy.FIELDS, fields=("label:host",)))
    for name, host in (("Disk", "a"), ("Load", "a"), ("Disk", "b")):
        await world.fires(name, host=host)
    assert await _incidents(world) == 2
    assert (await world.incident(1)).alert_count == 2


async def test_values_of_fields_do_not_run_into_each_other(world: World) -> None:
    """("ab", "c") is another group than ("a", "bc")."""
    await _set(world, Grouping(by=GroupBy.FIELDS, fields=("label:one", "label:two")))
    await world.fires("Disk", one="ab", two="c")
    await world.fires("Disk", one="a", two="bc")
    assert await _incidents(world) == 2


async def test_a_window_rolls_on_while_alerts_keep_coming(world: World) -> None:
    """Every alert within ten minutes of the one before joins; after a longer break a new incident begins."""
    await _set(world, Grouping(by=GroupBy.SERVICE, window_minutes=10))
    await world.fires("A")
    await world.advance(minutes=9)
    await world.fires("B")
    await world.advance(minutes=9)
    await world.fires("C")
    assert await _incidents(world) == 1
    await world.advance(minutes=11)
    await world.fires("D")
    assert await _incidents(world) == 2
    await world.advance(minutes=5)
    await world.fires("E")
    assert (await world.incident(2)).alert_count == 2
    assert (await world.incident(1)).firing_count == 3
    assert await broken(world.db) == []


async def test_the_source_s_own_groups_may_have_a_window_too(world: World) -> None:
    """Without fields the window splits what the source would put together for days."""
    await _set(world, Grouping(window_minutes=5))
    await world.fires("Disk", host="a")
    await world.advance(minutes=6)
    await world.fires("Disk", host="b")
    assert await _incidents(world) == 2


async def test_what_ends_by_itself_within_the_pause_wakes_nobody(world: World) -> None:
    """It fires for a minute, the pause is two: it is on the list and in nobody's sleep."""
    await _set(world, noise=Noise(pause_seconds=120))
    await world.fires("Blip", severity="warning")
    await world.advance(minutes=1)
    await world.resolves("Blip", severity="warning")
    await world.advance(minutes=5)
    world.is_quiet()
    assert await _incidents(world) == 0


async def test_what_stays_pages_after_the_pause_once(world: World) -> None:
    """Two minutes later it still fires: it pages, and is not paused again."""
    await _set(world, noise=Noise(pause_seconds=120))
    await world.fires("Disk", severity="warning")
    await world.advance(minutes=2)
    world.mailbox(world.alice).got("Disk")
    await world.advance(minutes=60)
    assert await _incidents(world) == 1


async def test_what_is_critical_does_not_wait_unless_said_so(world: World) -> None:
    """The pause is for what can wait; a team may say that everything can."""
    await _set(world, noise=Noise(pause_seconds=120))
    await world.fires("Fire", severity="critical")
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Fire")
    await _set(world, noise=Noise(pause_seconds=120, pause_up_to=Severity.CRITICAL))
    await world.fires("Smoke", severity="critical")
    await world.advance(seconds=1)
    world.is_quiet()


async def test_what_becomes_critical_in_its_pause_waits_no_longer(world: World) -> None:
    """A paused warning that its source raises to critical pages at once."""
    await _set(world, noise=Noise(pause_seconds=600))
    await world.posts(_door("warning"))
    await world.advance(minutes=1)
    await world.posts(_door("critical"))
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Disk")
    assert await world.value("SELECT count(*) FROM alerts") == 1


async def test_an_alert_that_comes_and_goes_pages_no_more_until_it_stays(world: World) -> None:
    """The third time within half an hour it waits; when it stays ten minutes it pages."""
    await _set(world, noise=Noise(flapping=Flapping(occurrences=3, within_minutes=30, steady_minutes=10)))
    for minute in (0, 2, 4, 6):
        await world.fires("Flap", since=minute * 60)
        await world.advance(minutes=1)
        await world.resolves("Flap", since=minute * 60)
        await world.advance(minutes=1)
    assert await _incidents(world) == 2
    await world.fires("Flap", since=480)
    await world.advance(minutes=9)
    assert await _incidents(world) == 2
    await world.advance(minutes=1)
    assert await _incidents(world) == 3
    assert await broken(world.db) == []


async def test_old_beginnings_do_not_count(world: World) -> None:
    """Three times in an hour is not three times within ten minutes."""
    await _set(world, noise=Noise(flapping=Flapping(occurrences=3, within_minutes=10, steady_minutes=10)))
    for minute in (0, 20, 40):
        await world.fires("Slow", since=minute * 60)
        await world.resolves("Slow", since=minute * 60)
        await world.advance(minutes=20)
    assert await _incidents(world) == 3


async def test_switching_it_off_lets_go_what_waits(world: World) -> None:
    """Nobody waits for a pause that is not there any more."""
    await _set(world, noise=Noise(pause_seconds=1800))
    await world.fires("Disk", severity="warning")
    await world.advance(minutes=1)
    world.is_quiet()
    await _set(world)
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Disk")


async def test_a_service_that_sets_nothing_pays_nothing(world: World) -> None:
    """No draft is made for it, and nothing is remembered of its groups."""
    await world.fires("Disk")
    assert await world.value("SELECT count(*) FROM handling_versions") == 0
    assert await world.value("SELECT count(*) FROM group_windows") == 0
    assert await world.value("SELECT trace FROM alerts") == "[]"


def test_an_alert_remembers_so_many_beginnings() -> None:
    """The newest, and not more than that."""
    began = list(range(REMEMBERED + 5))
    assert remembered(began, 99) == [*range(6, REMEMBERED + 5), 99]
    assert remembered([], MINUTE) == [MINUTE]


@pytest.mark.parametrize(
    ("grouping", "field"),
    [
        (Grouping(by=GroupBy.FIELDS), "grouping.fields"),
        (Grouping(by=GroupBy.SERVICE, fields=("title",)), "grouping.fields"),
        (Grouping(by=GroupBy.FIELDS, fields=("colour",)), "grouping.fields"),
        (Grouping(by=GroupBy.FIELDS, fields=("label:",)), "grouping.fields"),
        (Grouping(by=GroupBy.FIELDS, fields=tuple(f"label:{n}" for n in range(6))), "grouping.fields"),
        (Grouping(window_minutes=0), "grouping.windowMinutes"),
        (Grouping(window_minutes=float("nan")), "grouping.windowMinutes"),
        (Grouping(window_minutes=1441), "grouping.windowMinutes"),
    ],
)
def test_a_grouping_that_means_nothing_is_refused(grouping: Grouping, field: str) -> None:
    """What is wrong is named by its member."""
    with pytest.raises(Invalid) as refused:
        check_grouping(grouping)
    assert refused.value.details["field"] == field


@pytest.mark.parametrize(
    ("noise", "field"),
    [
        (Noise(pause_seconds=-1), "noise.pauseSeconds"),
        (Noise(pause_seconds=1801), "noise.pauseSeconds"),
        (Noise(pause_seconds=float("nan")), "noise.pauseSeconds"),
        (Noise(flapping=Flapping(occurrences=1)), "noise.flapping.occurrences"),
        (Noise(flapping=Flapping(occurrences=21)), "noise.flapping.occurrences"),
        (Noise(flapping=Flapping(within_minutes=0)), "noise.flapping.withinMinutes"),
        (Noise(flapping=Flapping(steady_minutes=1441)), "noise.flapping.steadyMinutes"),
    ],
)
def test_a_noise_setting_out_of_bounds_is_refused(noise: Noise, field: str) -> None:
    """What is wrong is named by its member."""
    with pytest.raises(Invalid) as refused:
        check_noise(noise)
    assert refused.value.details["field"] == field
