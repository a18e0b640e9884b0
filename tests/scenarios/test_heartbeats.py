"""What must be heard of regularly and is not pages somebody, and nobody is paged for what could not be heard."""

from typing import Any

import pytest

from openalert.domain.heartbeat import KEPT_BEATS, BeatKind, Heartbeat, HeartbeatStatus
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import HOUR, MINUTE, SECOND
from openalert.domain.notification import NotificationKind
from openalert.engine import heartbeats as engine
from openalert.engine.engine import Engine
from openalert.storage import heartbeats as stored
from openalert.usecases import beats, heartbeats, incidents, services
from openalert.usecases.heartbeat_alerts import Told
from tests.cast import LINKS_BACK, World, level

pytestmark = pytest.mark.anyio


@pytest.fixture
async def backup(world: World) -> Heartbeat:
    """A heartbeat of every five minutes with a grace of one, of a service that pages Alice and then Bob."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    made, _ = await world.does(
        heartbeats.create, service_id=world.service.id, name="Backup", period=5 * MINUTE, grace=MINUTE
    )
    return made  # type: ignore[no-any-return]


async def beat(world: World, heartbeat: Heartbeat, kind: BeatKind = BeatKind.SUCCESS, **told: Any) -> None:
    """A beat as it comes to the address; then the engine does what is due."""
    async with world.db.transaction() as tx:
        await beats.hear_by_key(tx, heartbeat.key_hash, Told(kind=kind, **told))
    await world.engine.run_until_idle()


async def now_of(world: World, heartbeat: Heartbeat) -> Heartbeat:
    """The heartbeat as it is at this moment."""
    async with world.db.read() as reader:
        found = await stored.by_key_hash(reader, heartbeat.key_hash)
    assert found is not None
    return found


async def firing(world: World) -> int:
    """How many alerts fire."""
    return int(await world.value("SELECT count(*) FROM alerts WHERE status = 'firing'"))


async def test_one_that_stays_away_pages_by_the_policy_of_its_service_until_it_is_heard_again(
    world: World, backup: Heartbeat
) -> None:
    """Alice at the end of the grace, Bob when she does not answer; the next beat resolves it."""
    await beat(world, backup)
    await world.advance(minutes=5, seconds=59)
    world.is_quiet()
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Backup has not been heard of")
    await world.advance(minutes=5)
    world.mailbox(world.bob).got("Backup has not been heard of")
    incident = await world.incident()
    assert (incident.service_id, incident.severity.value) == (world.service.id, "high")
    await beat(world, backup)
    incident = await world.incident()
    assert incident.status is IncidentStatus.RESOLVED
    assert await firing(world) == 0
    world.mailbox(world.alice).got_update("Resolved")
    world.mailbox(world.bob).got_update("Resolved")
    assert "heartbeat.updated" in world.events


async def test_one_that_was_never_heard_of_pages_nobody(world: World, backup: Heartbeat) -> None:
    """It waits for its first beat."""
    await world.advance(minutes=60 * 24 * 7)
    world.is_quiet()
    assert (await now_of(world, backup)).status is HeartbeatStatus.NEW


async def test_a_failure_pages_at_once_and_again_only_after_it_was_well(
    world: World, backup: Heartbeat
) -> None:
    """Ten failures in a row are one incident; what it brought along is on the alert."""
    for _ in range(10):
        await beat(world, backup, BeatKind.FAIL, exit_code=3, body="disk full")
    world.mailbox(world.alice).got("Backup failed")
    world.is_quiet()
    annotations = await world.value("SELECT annotations FROM alerts")
    assert '"exitCode":"3"' in annotations
    assert '"body":"disk full"' in annotations
    await beat(world, backup)
    world.mailbox(world.alice).got_update("Resolved")
    await beat(world, backup, BeatKind.FAIL)
    world.mailbox(world.alice).got("Backup failed")
    world.is_quiet()


async def test_resolved_by_hand_and_still_not_heard_of_it_pages_when_the_next_beat_is_missing(
    world: World, backup: Heartbeat
) -> None:
    """A failure that somebody closed is not the end of what should come."""
    await beat(world, backup, BeatKind.FAIL)
    world.mailbox(world.alice).got("Backup failed")
    await world.does(incidents.resolve, (await world.incident()).id)
    await world.advance(minutes=6)
    world.mailbox(world.alice).got("Backup has not been heard of")


async def test_a_beat_that_was_answered_before_its_check_is_never_late(
    world: World, backup: Heartbeat
) -> None:
    """The check that found it due looks again inside its transaction."""
    await beat(world, backup)
    world.clock.advance(6 * MINUTE)
    async with world.db.read() as reader:
        due = await stored.due(reader, reader.now, 10)
    assert due == [backup.id]
    async with world.db.transaction() as tx:
        await beats.hear_by_key(tx, backup.key_hash, Told())
    async with world.db.transaction() as tx:
        assert await beats.fall_late(tx, due) == 0
    await world.engine.run_until_idle()
    world.is_quiet()


async def test_checked_twice_it_is_one_alert(world: World, backup: Heartbeat) -> None:
    """Whoever comes second finds nothing due."""
    await beat(world, backup)
    world.clock.advance(6 * MINUTE)
    async with world.db.transaction() as tx:
        assert await beats.fall_late(tx, [backup.id]) == 1
        assert await beats.fall_late(tx, [backup.id]) == 0
    assert await engine.run_due(world.db) == 0
    assert await world.value("SELECT count(*) FROM alerts") == 1


async def test_after_being_away_nobody_is_paged_for_what_could_not_be_heard(
    world: World, backup: Heartbeat
) -> None:
    """The next run gives it a whole period and grace, and then enforces them."""
    await beat(world, backup)
    world.clock.advance(3 * HOUR)
    again = Engine(world.db, {"email": world.email, "webhook": world.webhook}, LINKS_BACK)
    await again.begin()
    world.engine = again
    await world.advance(minutes=5, seconds=59)
    world.mailbox(world.alice).got("OpenAlert was not running for 3 h", NotificationKind.NOTICE)
    world.is_quiet()
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Backup has not been heard of")


async def test_what_was_due_before_the_kill_pages_after_it(world: World, backup: Heartbeat) -> None:
    """The row is the only truth: a run that died before its check leaves it to the next one."""
    await beat(world, backup)
    world.clock.advance(6 * MINUTE)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE runs SET last_seen_at = :now", now=tx.now + 1)
    world.clock.advance(HOUR)
    again = Engine(world.db, {"email": world.email, "webhook": world.webhook}, LINKS_BACK)
    await again.begin()
    world.engine = again
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Backup has not been heard of")


async def test_a_machine_that_was_stopped_blames_nobody(
    world: World, backup: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own silence is put off before anything is checked, in the very same turn."""
    await beat(world, backup)
    elapsed = 1_000.0
    monkeypatch.setattr("openalert.engine.engine.elapsed", lambda: elapsed)
    await world.engine._alive()
    world.clock.advance(20 * MINUTE)
    elapsed += 20 * 60
    await world.engine._check_heartbeats()
    await world.engine.run_until_idle()
    world.is_quiet()
    await world.advance(minutes=6)
    world.mailbox(world.alice).got("Backup has not been heard of")


async def test_while_it_stops_it_checks_nothing(world: World, backup: Heartbeat) -> None:
    """Beats are refused then, to come again."""
    await beat(world, backup)
    world.clock.advance(HOUR)
    world.engine.health.draining = True
    assert await world.engine._check_heartbeats() == 0
    assert (await now_of(world, backup)).status is HeartbeatStatus.HEALTHY


@pytest.mark.proves("ES-5", "F-20")
async def test_when_the_clock_is_set_periods_move_along_and_cron_does_not(
    world: World, backup: Heartbeat
) -> None:
    """Five minutes are five minutes; three o'clock is what the clock says."""
    nightly, _ = await world.does(
        heartbeats.create,
        service_id=world.service.id,
        name="Night",
        cron="0 3 * * *",
        timezone="Europe/Berlin",
    )
    await beat(world, backup)
    await beat(world, nightly)
    before = [(await now_of(world, each)).due_at for each in (backup, nightly)]
    world.clock.advance(HOUR)
    async with world.db.transaction() as tx:
        await stored.shift(tx, HOUR)
    after = [(await now_of(world, each)).due_at for each in (backup, nightly)]
    assert before[0] is not None
    assert after == [before[0] + HOUR, before[1]]


async def test_paused_it_pages_nobody_and_what_fired_is_over(world: World, backup: Heartbeat) -> None:
    """Resumed, it gets a whole period and grace."""
    await beat(world, backup, BeatKind.FAIL)
    world.mailbox(world.alice).got("Backup failed")
    await world.does(heartbeats.pause, backup.id, by=world.bob)
    assert (await world.incident()).status is IncidentStatus.RESOLVED
    world.mailbox(world.alice).got_update("Resolved")
    await beat(world, backup, BeatKind.FAIL)
    await world.advance(minutes=60)
    world.is_quiet()
    await world.does(heartbeats.resume, backup.id, by=world.bob)
    await world.advance(minutes=5, seconds=59)
    world.is_quiet()
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Backup has not been heard of")


async def test_deleted_it_is_over_with_its_alert(world: World, backup: Heartbeat) -> None:
    """And so it is with its service; its key is unknown then."""
    await beat(world, backup, BeatKind.FAIL)
    other, _ = await world.does(heartbeats.create, service_id=world.service.id, name="Other", period=MINUTE)
    await beat(world, other)
    await world.does(heartbeats.delete, backup.id)
    assert await firing(world) == 0
    await world.does(services.delete, world.service.id)
    await world.advance(minutes=60 * 24)
    async with world.db.read() as reader:
        assert await stored.by_key_hash(reader, backup.key_hash) is None
        assert await stored.by_key_hash(reader, other.key_hash) is None
    assert await firing(world) == 0


async def test_a_storm_of_beats_leaves_a_bounded_row_or_two(world: World, backup: Heartbeat) -> None:
    """Quick repeats take no place, and the ring of the last ones never grows."""
    for _ in range(20):
        await beat(world, backup)
    assert await world.value("SELECT count(*) FROM heartbeat_beats") == 1
    for _ in range(3 * KEPT_BEATS):
        world.clock.advance(2 * SECOND)
        await beat(world, backup, body="x" * 100)
    assert await world.value("SELECT count(*) FROM heartbeat_beats") == KEPT_BEATS
    assert await world.value("SELECT count(*) FROM events WHERE type = 'heartbeat.updated'") == 2
    assert await world.value("SELECT count(*) FROM alerts") == 0
    assert await world.value("SELECT count(*) FROM payloads") == 0


async def test_the_last_beats_are_told_newest_first_with_how_long_they_took(
    world: World, backup: Heartbeat
) -> None:
    """A start, its end 30 s later with what it printed, a note."""
    await beat(world, backup, BeatKind.START)
    world.clock.advance(30 * SECOND)
    await beat(world, backup, exit_code=0, body="41 GB")
    world.clock.advance(SECOND)
    await beat(world, backup, BeatKind.LOG, body="cleaned up")
    async with world.db.read() as reader:
        kept = await heartbeats.last_beats(reader, world.as_(world.bob), backup.id)
    assert [(each.kind.value, each.duration, each.exit_code, each.body) for each in kept] == [
        ("log", None, None, "cleaned up"),
        ("success", 30_000, 0, "41 GB"),
        ("start", None, None, ""),
    ]


async def test_what_people_do_to_it_is_in_the_audit_log_and_what_machines_do_is_not(
    world: World, backup: Heartbeat
) -> None:
    """Without its key, and without a line for every beat."""
    await beat(world, backup, BeatKind.FAIL)
    await world.does(heartbeats.update, backup.id, grace=2 * MINUTE, name="Backups")
    await world.does(heartbeats.rotate_key, backup.id)
    await world.does(heartbeats.pause, backup.id)
    await world.does(heartbeats.pause, backup.id)
    await world.does(heartbeats.resume, backup.id)
    await world.does(heartbeats.delete, backup.id)
    async with world.db.read() as reader:
        rows = await reader.rows(
            "SELECT act, before, after FROM audit_log WHERE target_kind = 'heartbeat' ORDER BY seq"
        )
    assert [row[0].partition(".")[2] for row in rows] == [
        "created", "updated", "key_rotated", "paused", "resumed", "deleted",
    ]  # fmt: skip
    assert '"graceSeconds":60.0' in rows[1][1]
    assert '"graceSeconds":120.0' in rows[1][2]
    assert not [row for row in rows if backup.key_hash in str(row)]


async def test_many_that_fall_silent_at_once_are_each_told(world: World, backup: Heartbeat) -> None:
    """A network that breaks: more than one transaction's worth, each with its incident."""
    made = [backup]
    for number in range(60):
        one, _ = await world.does(
            heartbeats.create,
            service_id=world.service.id,
            name=f"Job {number}",
            period=5 * MINUTE,
            grace=MINUTE,
        )
        made.append(one)
    async with world.db.transaction() as tx:
        for each in made:
            await beats.hear_by_key(tx, each.key_hash, Told())
    world.clock.advance(6 * MINUTE)
    assert await engine.run_due(world.db) == 61
    assert await firing(world) == 61
    assert await world.value("SELECT count(*) FROM incidents") == 61


async def test_one_that_cannot_be_checked_does_not_stop_the_others(
    world: World, backup: Heartbeat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together, then each by itself."""
    other, _ = await world.does(
        heartbeats.create, service_id=world.service.id, name="Other", period=5 * MINUTE, grace=MINUTE
    )
    for each in (backup, other):
        await beat(world, each)
    world.clock.advance(6 * MINUTE)
    original = beats.firing

    def broken(heartbeat: Heartbeat, *rest: Any) -> Any:
        if heartbeat.id == backup.id:
            raise RuntimeError("broken on purpose")
        return original(heartbeat, *rest)

    monkeypatch.setattr(beats, "firing", broken)
    assert await engine.run_due(world.db) == 1
    assert (await now_of(world, other)).status is HeartbeatStatus.LATE
    assert (await now_of(world, backup)).due_at is not None
