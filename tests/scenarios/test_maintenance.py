"""Maintenance and silences: what is muted pages nobody, and what still fires at the end pages exactly once."""

from collections.abc import Sequence
from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.alert_filter import AlertFilter
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.maintenance_window import MaintenanceWindow
from openalert.domain.matching import parse
from openalert.domain.notification import NotificationKind
from openalert.domain.recurrence import Recurrence
from openalert.domain.silence import Silence
from openalert.domain.trace import sentence
from openalert.storage import alert_lists, holds
from openalert.usecases import alerts as acts
from openalert.usecases import followers, maintenance_windows, muting, silences, traces
from tests import make
from tests.cast import World, level
from tests.invariants import broken

pytestmark = pytest.mark.anyio


@pytest.fixture
async def night(world: World) -> World:
    """A world whose service pages Alice, and Bob in months."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=100_000))
    return world


async def planned(
    world: World, minutes: float = 10, *, begins_in: float = 0, **options: Any
) -> MaintenanceWindow:
    """A window of so many minutes."""
    start = world.clock() + int(begins_in * MINUTE)
    window = {
        "team_id": world.core.id,
        "name": "Upgrade",
        "starts_at": start,
        "ends_at": start + int(minutes * MINUTE),
    }
    made: MaintenanceWindow = await world.does(maintenance_windows.create, **(window | options))
    return made


async def silenced(world: World, minutes: float = 10, **options: Any) -> Silence:
    """A silence of so many minutes."""
    silence = {"team_id": world.core.id, "ends_at": world.clock() + int(minutes * MINUTE)}
    made: Silence = await world.does(silences.create, **(silence | options))
    return made


async def all_alerts(world: World) -> list[Alert]:
    """Every alert, the newest first."""
    async with world.db.read() as reader:
        return (await alert_lists.search(reader, world.as_(world.alice), AlertFilter(), limit=50)).items


async def story(world: World) -> list[str]:
    """The trace of the newest alert in words."""
    [alert, *_] = await all_alerts(world)
    async with world.db.read() as reader:
        return [sentence(step) for step in await traces.of_alert(reader, world.as_(world.alice), alert.id)]


async def paged_once(world: World, name: str, incidents: int = 1) -> None:
    """Alice was paged once for it, now and in the hours to come, and nothing is left behind."""
    world.mailbox(world.alice).got(name)
    await world.advance(minutes=600)
    world.is_quiet()
    assert await world.value("SELECT count(*) FROM incidents") == incidents
    assert await world.value("SELECT count(*) FROM alert_holds WHERE released_at IS NULL") == 0
    assert not await broken(world.db)


async def test_what_fires_in_a_window_pages_at_its_end_and_says_why(night: World) -> None:
    """Seen as suppressed, nobody paged; at the end it pages as new, and the trace names the window."""
    await planned(night)
    await night.fires("Disk")
    [alert] = await all_alerts(night)
    assert (alert.status, alert.incident_id) == (AlertStatus.SUPPRESSED, None)
    await night.advance(minutes=9)
    night.is_quiet()
    assert any("maintenance window “Upgrade” held it back until" in each for each in await story(night))
    await night.advance(minutes=1)
    await paged_once(night, "Disk")


async def test_a_resolve_passes(night: World) -> None:
    """What ends while it is muted tells nobody, then or at the end."""
    await planned(night)
    await night.fires("Disk")
    await night.resolves("Disk")
    await night.advance(minutes=60)
    night.is_quiet()
    assert await night.value("SELECT count(*) FROM incidents") == 0


async def test_incidents_that_were_open_before_go_on(night: World) -> None:
    """A window hides nothing that people work on: it pages on, and its end is heard."""
    await night.fires("Disk")
    night.mailbox(night.alice).got("Disk")
    await planned(night)
    await night.fires("Disk")
    await night.resolves("Disk")
    assert not (await night.incident()).is_open


async def test_before_and_after_a_window_everything_pages(night: World) -> None:
    """A window that has not begun, and one that is over, mute nothing."""
    await planned(night, begins_in=5)
    await night.fires("Early")
    night.mailbox(night.alice).got("Early")
    await night.advance(minutes=6)
    await night.fires("Within")
    night.is_quiet()
    await night.advance(minutes=9)
    night.mailbox(night.alice).got("Within")
    await night.fires("Late")
    night.mailbox(night.alice).got("Late")


async def test_only_what_is_meant_is_held(night: World) -> None:
    """Services and matchers narrow a window; a title can be matched where there are no labels."""
    other = await make.service(night.db, night.core, None, "Other")
    await planned(night, service_ids=[other.id])
    await planned(night, matchers=parse('instance=~"db-.*", severity!="critical"'))
    await planned(night, matchers=parse('__title__=~"Backup.*"'))
    cases: tuple[tuple[str, dict[str, Any], bool], ...] = (
        ("Web", {"instance": "web-1"}, True),
        ("Grave", {"instance": "db-1", "severity": "critical"}, True),
        ("Slow", {"instance": "db-1", "severity": "warning"}, False),
        ("Backup late", {}, False),
    )
    for name, labels, pages in cases:
        await night.fires(name, **labels)
        if pages:
            night.mailbox(night.alice).got(name)
        night.is_quiet()


async def test_of_two_windows_the_last_lets_go(night: World) -> None:
    """Both hold what fires in both, whichever ends first."""
    await planned(night, 10)
    await planned(night, 20)
    await night.fires("Disk")
    await night.advance(minutes=15)
    night.is_quiet()
    await night.advance(minutes=5)
    await paged_once(night, "Disk")


async def test_a_window_that_begins_meanwhile_takes_over(night: World) -> None:
    """What the first one lets go is held by the second, which overlaps it and began later."""
    await planned(night, 10)
    await planned(night, 20, begins_in=5)
    await night.fires("Disk")
    await night.advance(minutes=24)
    night.is_quiet()
    await night.advance(minutes=1)
    await paged_once(night, "Disk")


async def test_a_window_and_a_silence_at_once(night: World) -> None:
    """Neither lets go while the other holds."""
    await planned(night, 10)
    await silenced(night, 30, matchers=parse('alertname="Disk"'), comment="Known")
    await night.fires("Disk")
    await night.fires("Load")
    await night.advance(minutes=10)
    night.mailbox(night.alice).got("Load")
    await night.advance(minutes=19)
    night.is_quiet()
    await night.advance(minutes=1)
    await paged_once(night, "Disk", incidents=2)


@pytest.mark.parametrize("act", ["end", "delete"])
async def test_ended_early_or_deleted_it_lets_go_at_once(night: World, act: str) -> None:
    """What still fires pages at once, and not again when the window would have ended."""
    window = await planned(night, 60)
    await night.fires("Disk")
    await night.advance(minutes=1)
    await night.does(getattr(maintenance_windows, act), window.id)
    await paged_once(night, "Disk")


async def test_extended_it_holds_on(night: World) -> None:
    """The new end counts, for what is held already too."""
    window = await planned(night, 10)
    await night.fires("Disk")
    await night.does(maintenance_windows.extend, window.id, night.clock() + 30 * MINUTE)
    await night.advance(minutes=29)
    night.is_quiet()
    await night.advance(minutes=1)
    await paged_once(night, "Disk")


async def test_edited_it_lets_go_what_it_does_not_mean_any_more(night: World) -> None:
    """Narrowed to one host, it holds that host's alert and lets the other go; a new name changes nothing."""
    window = await planned(night, 30)
    await night.fires("Disk", instance="db-1")
    await night.fires("Load", instance="web-1")
    await night.does(maintenance_windows.update, window.id, name="Upgrade of the database")
    night.is_quiet()
    await night.does(maintenance_windows.update, window.id, matchers=parse('instance="db-1"'))
    await night.advance(seconds=1)
    night.mailbox(night.alice).got("Load")
    night.is_quiet()
    assert await night.value("SELECT count(*) FROM alert_holds") == 2
    await night.advance(minutes=30)
    await paged_once(night, "Disk", incidents=2)


async def test_moved_into_the_future_it_lets_go(night: World) -> None:
    """A window that was begun by mistake and is put off holds nothing until it begins."""
    window = await planned(night, 30)
    await night.fires("Disk")
    later = night.clock() + DAY
    await night.does(maintenance_windows.update, window.id, starts_at=later, ends_at=later + HOUR)
    await paged_once(night, "Disk")


async def test_begun_now_and_skipped(night: World) -> None:
    """A daily window begun two hours early mutes; the next one, left out, does not."""
    window = await planned(
        night, 60, begins_in=120, recurrence=Recurrence(rule="FREQ=DAILY", timezone="Europe/Berlin")
    )
    await night.does(maintenance_windows.begin, window.id)
    await night.fires("Disk")
    night.is_quiet()
    await night.resolves("Disk")
    await night.advance(minutes=181)
    await night.does(maintenance_windows.skip_next, window.id)
    await night.advance(minutes=24 * 60 - 30)
    await night.fires("Load")
    night.mailbox(night.alice).got("Load")


async def test_what_is_let_go_together_is_one_incident(night: World) -> None:
    """Many alerts of one group are one page at the end of a window, and those of another are another."""
    await planned(night)
    await night.posts(night.group(*[night.alert("Disk", instance=f"db-{n}") for n in range(30)]))
    await night.fires("Load")
    await night.advance(minutes=10)
    night.mailbox(night.alice).got("Disk")
    night.mailbox(night.alice).got("Load")
    night.is_quiet()
    assert (await night.incident(1)).firing_count + (await night.incident(2)).firing_count == 31


async def test_an_open_incident_takes_in_what_is_let_go(night: World) -> None:
    """Its group has an incident that was open before: what the window held joins it at the end."""
    await night.posts(night.group(night.alert("Disk", instance="db-1")))
    night.mailbox(night.alice).got("Disk")
    await planned(night)
    await night.posts(night.group(night.alert("Disk", instance="db-1"), night.alert("Disk", instance="db-2")))
    assert (await night.incident()).alert_count == 1
    await night.advance(minutes=10)
    assert (await night.incident()).alert_count == 2
    assert await night.value("SELECT count(*) FROM incidents") == 1


async def test_a_silence_leaves_alone_what_fires_already(night: World) -> None:
    """Only what comes later is held; the page that was on its way goes on."""
    await night.fires("Disk")
    night.mailbox(night.alice).got("Disk")
    silence = await silenced(night, matchers=parse("alertname=Disk"))
    await night.fires("Disk")
    assert [each.status for each in await all_alerts(night)] == [AlertStatus.FIRING]
    await night.resolves("Disk")
    night.mailbox(night.alice).got_update("Resolved")
    await night.fires("Disk", since=60)
    night.is_quiet()
    await night.does(silences.expire, silence.id)
    await night.advance(seconds=1)
    await paged_once(night, "Disk", incidents=2)


async def test_a_silence_may_hide_what_fires_already(world: World) -> None:
    """Its incident stays open and pages nobody; at the end it pages again, once. What does not fit goes on."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("Disk")
    await world.fires("Load")
    for name in ("Disk", "Load"):
        world.mailbox(world.alice).got(name)
    silence = await silenced(world, 20, matchers=parse("alertname=Disk"), also_firing=True)
    await world.does(silences.update, silence.id, ends_at=world.clock() + 30 * MINUTE)
    assert (await world.incident(1)).is_open
    await world.advance(minutes=29)
    world.mailbox(world.bob).got("Load")
    world.is_quiet_for(world.bob)
    assert "Disk" not in str([message.incident for message in world.email.received])
    await world.advance(minutes=1)
    world.mailbox(world.alice).got("Disk")
    await world.advance(minutes=5)
    world.mailbox(world.bob).got("Disk")
    assert await world.value("SELECT count(*) FROM incidents") == 2
    async with world.db.read() as reader:
        count = (await holds.counts(reader, [silence.id]))[silence.id]
    assert (count.now, count.ever) == (0, 1)
    assert not await broken(world.db)


async def test_what_a_silence_hides_and_ends_resolves_its_incident(night: World) -> None:
    """The resolve passes: the incident is over, and the end of the silence pages nobody."""
    await night.fires("Disk")
    night.mailbox(night.alice).got("Disk")
    await silenced(night, 30, also_firing=True)
    await night.resolves("Disk")
    assert not (await night.incident()).is_open
    night.mailbox(night.alice).got_update("Resolved")
    await night.advance(minutes=60)
    night.is_quiet()
    assert not await broken(night.db)


async def test_what_fires_cannot_be_silenced_from_later_on(night: World) -> None:
    """Nor is more than a transaction should hold taken in one."""
    later = night.clock() + HOUR
    with pytest.raises(Invalid, match="only be silenced from now on"):
        await silenced(night, 120, starts_at=later, also_firing=True)


@pytest.mark.parametrize("act", ["expire", "delete"])
async def test_a_silence_ended_early_lets_go_at_once(night: World, act: str) -> None:
    """Once, and not again when it would have ended."""
    silence = await silenced(night, 60)
    await night.fires("Disk")
    await night.advance(minutes=1)
    await night.does(getattr(silences, act), silence.id)
    await paged_once(night, "Disk")


async def test_a_silence_made_longer_or_narrower(night: World) -> None:
    """The end moves for what it holds; what it does not mean any more pages."""
    silence = await silenced(night, 10)
    await night.fires("Disk")
    await night.fires("Load")
    await night.does(silences.update, silence.id, ends_at=night.clock() + 30 * MINUTE, comment="Longer")
    await night.advance(minutes=20)
    night.is_quiet()
    await night.does(silences.update, silence.id, matchers=parse("alertname=Disk"))
    await night.advance(seconds=1)
    night.mailbox(night.alice).got("Load")
    await night.advance(minutes=10)
    await paged_once(night, "Disk", incidents=2)


async def test_what_is_over_is_not_edited(night: World) -> None:
    """An expired silence stays as it was; a new one is made."""
    silence = await silenced(night, 10)
    await night.advance(minutes=10)
    for act in (silences.expire, silences.update):
        with pytest.raises(Conflict, match="is over"):
            await night.does(act, silence.id)


async def test_what_a_silence_would_hide_is_counted_before(night: World) -> None:
    """Firing alerts that fit, critical ones, and whether it hides everything; held and resolved ones do not count."""
    await night.fires("Disk", severity="critical")
    await night.fires("Load", severity="warning")
    await night.fires("Gone")
    await night.resolves("Gone")
    await silenced(night, matchers=parse("alertname=Held"))
    await night.fires("Held")

    async def preview(matchers: str) -> muting.Preview:
        async with night.db.read() as reader:
            return await muting.preview(reader, night.as_(night.alice), night.core.id, [], parse(matchers))

    one = await preview("alertname=Disk")
    assert (one.firing, one.critical, one.of, one.everything) == (1, 1, 2, False)
    assert muting.warnings_of(one) == ["1 of the alerts that fire now is critical."]
    assert [each.title for each in one.alerts] == ["Disk"]
    every = await preview('alertname=~".*"')
    assert (every.firing, every.everything) == (2, True)
    assert muting.warnings_of(every)[0].startswith("It hides every alert")
    assert muting.warnings_of(await preview("alertname=~.+")) == [
        "1 of the alerts that fire now is critical.",
        "It fits everything that fires now in this team.",
    ]
    assert (await preview("alertname=Nothing")).firing == 0


async def test_how_much_is_held_is_counted(night: World) -> None:
    """Now and ever, by windows and silences; and what is muted now is named for whoever wonders."""
    silence = await silenced(night, 30, comment="Known")
    window = await planned(night, 10)
    await night.fires("Disk")
    await night.fires("Load")
    await night.resolves("Load")
    async with night.db.read() as reader:
        counts = await holds.counts(reader, [silence.id, window.id, "other"])
        muted = await muting.now_muted(reader, night.as_(night.alice))
        assert await muting.now_muted(reader, night.as_(night.charlie)) == []
    assert {key: (each.now, each.ever) for key, each in counts.items()} == {
        silence.id: (1, 2),
        window.id: (1, 2),
    }
    assert [(each.name, each.holding) for each in muted] == [("Upgrade", 1), ("Known", 1)]


async def test_who_may_mute(night: World) -> None:
    """Members of the team may; strangers do not find it, viewers are told why."""
    await night.does(silences.create, team_id=night.core.id, ends_at=night.clock() + HOUR, by=night.bob)
    window = await planned(night)
    with pytest.raises(NotFound):
        await night.does(maintenance_windows.end, window.id, by=night.charlie)
    with pytest.raises(Invalid, match="there is no team"):
        await night.does(
            silences.create, team_id=night.core.id, ends_at=night.clock() + HOUR, by=night.charlie
        )
    viewer = make.actor(night.bob, night.core, team_role=Role.VIEWER)
    with pytest.raises(Forbidden):
        async with night.db.transaction(viewer) as tx:
            await maintenance_windows.end(tx, window.id)


async def test_only_services_of_the_team_can_be_named(night: World) -> None:
    """A service of another team, or none, is refused as unknown."""
    others = await make.team(night.db, night.cast.organization, "Others")
    foreign = await make.service(night.db, others, None, "Foreign")
    for each, by in ((foreign.id, night.bob), ("nothing", night.alice)):
        with pytest.raises(Invalid, match="serviceIds: there is no service"):
            await planned(night, service_ids=[each], by=by)
    with pytest.raises(Invalid, match="'Foreign' belongs to another team"):
        owner = make.actor(night.alice, night.core, others)
        async with night.db.transaction(owner) as tx:
            await muting.check_services(tx, night.core.id, [foreign.id])


async def test_many_are_refused_before_they_cost_everybody(
    night: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that makes silences in a loop is stopped; those that are over do not count."""
    monkeypatch.setattr(silences, "MOST_AHEAD", 2)
    for _ in range(2):
        await silenced(night, 10)
    with pytest.raises(Conflict, match="at most 2"):
        await silenced(night, 10)
    await night.advance(minutes=11)
    await silenced(night, 10)


async def test_listeners_hear_of_begin_and_end(night: World) -> None:
    """Pages look again when a window is made, begins and ends, and when a silence does."""
    await planned(night, 5, begins_in=5)
    await silenced(night, 5)
    night.events.clear()
    await night.advance(minutes=5)
    assert sorted(each for each in night.events if each.endswith(".changed")) == [
        "maintenance.changed",
        "silence.changed",
    ]
    night.events.clear()
    await night.advance(minutes=60)
    assert [each for each in night.events if each.endswith(".changed")] == ["maintenance.changed"]


async def test_channels_that_follow_hear_of_begin_and_end(night: World) -> None:
    """One message when it begins and one when it is over, whoever ended it, where it is wanted."""
    wants = await make.channel(night.db, night.core, "email", "Ops", address="ops@lists.example.org")
    other = await make.channel(night.db, night.core, "email", "Quiet", address="quiet@lists.example.org")
    await night.does(followers.put, night.service.id, wants.id, events=["maintenance"])
    await night.does(followers.put, night.service.id, other.id)
    await planned(night, 10, begins_in=5)
    await night.advance(minutes=5)
    told = night.mailbox(wants).got(kind=NotificationKind.NOTICE)
    assert told.headline == "Maintenance began: Upgrade"
    assert told.body.startswith("Alerts of Database page nobody until 20")
    await night.advance(minutes=10)
    assert night.mailbox(wants).got(kind=NotificationKind.NOTICE).headline == "Maintenance is over: Upgrade"
    window = await planned(night, 60)
    night.mailbox(wants).got(kind=NotificationKind.NOTICE)
    await night.does(maintenance_windows.extend, window.id, night.clock() + 2 * HOUR)
    await night.does(maintenance_windows.end, window.id)
    assert night.mailbox(wants).got(kind=NotificationKind.NOTICE).headline == "Maintenance is over: Upgrade"
    await night.advance(minutes=180)
    night.is_quiet()


async def test_every_act_is_recorded(night: World) -> None:
    """Whoever muted what is in the audit log."""
    window = await planned(night, 60, recurrence=Recurrence(rule="FREQ=WEEKLY", timezone="UTC"))
    for act, options in (
        (maintenance_windows.update, {"name": "Other"}),
        (maintenance_windows.extend, {"ends_at": night.clock() + 2 * HOUR}),
        (maintenance_windows.skip_next, {}),
        (maintenance_windows.end, {}),
        (maintenance_windows.delete, {}),
    ):
        await night.does(act, window.id, **options)
    async with night.db.read() as reader:
        rows = await reader.rows(
            "SELECT act FROM audit_log WHERE target_kind = 'maintenance_window' ORDER BY seq"
        )
    assert [row[0].rpartition(".")[2] for row in rows] == [
        "created", "updated", "extended", "skipped", "ended", "deleted",
    ]  # fmt: skip


async def _resolve_all(world: World, found: Sequence[Alert]) -> None:
    for alert in found:
        await world.does(acts.resolve, alert.id)


async def test_a_person_may_resolve_what_is_muted(night: World) -> None:
    """It is over, and the end of the window lets nothing go."""
    await planned(night)
    await night.fires("Disk")
    await _resolve_all(night, await all_alerts(night))
    await night.advance(minutes=20)
    night.is_quiet()
