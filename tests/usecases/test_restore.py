"""A database that was put back to an earlier time tells nobody of the past, whatever was due in it (promise DB-5)."""

from pathlib import Path
from typing import Any

import pytest

from openalert.domain.canary import HOME
from openalert.domain.heartbeat import BeatKind
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.matching import Matcher
from openalert.domain.notification import NotificationStatus
from openalert.domain.schedule import RotationChange, RotationType
from openalert.engine import drills as engine_drills
from openalert.engine import escalate, shift_reminders, swaps
from openalert.engine import weekly_reports as engine_reports
from openalert.engine.engine import Engine
from openalert.storage import Database, backup, open_database, restoring, runs, wall_clock, witness
from openalert.storage.keyring import KeyRing
from openalert.usecases import (
    api_keys,
    beats,
    canary,
    heartbeats,
    incidents,
    maintenance_windows,
    restore,
    schedules,
    teams,
)
from openalert.usecases.heartbeat_alerts import Told
from tests.cast import LINKS_BACK, World, level
from tests.invariants import broken

pytestmark = [pytest.mark.anyio, pytest.mark.proves("DB-5", "F-25")]


async def everything_by_time(world: World) -> None:
    """Each loop of the engine once, as right after a start, and then all that came of it."""
    world.engine = Engine(world.db, {"email": world.email, "webhook": world.webhook}, LINKS_BACK)
    await world.engine.begin()
    await world.engine.run_until_idle()
    await escalate.tell_handoffs(world.db, {})
    await shift_reminders.plan(world.db, {})
    await shift_reminders.run_due(world.db)
    await escalate.tell_changed_shifts(world.db)
    await engine_drills.run_due(world.db)
    await swaps.run_due(world.db)
    await engine_reports.run_due(world.db, {})
    await escalate.audit(world.db)
    await world.engine.run_until_idle()


async def busy(world: World) -> None:
    """A little of everything that time goes on with by itself."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=10))
    rota = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(
        rotation_type=RotationType.DAILY,
        member_ids=(world.alice.id, world.bob.id),
        effective_from=world.clock(),
    )
    await world.does(schedules.add_rotation, rota.id, "Daily", change)
    await world.does(teams.update, world.core.id, drills="weekly")
    beat, _ = await world.does(
        heartbeats.create, service_id=world.service.id, name="Night job", period=10 * MINUTE, grace=MINUTE
    )
    window = {"starts_at": world.clock() + MINUTE, "ends_at": world.clock() + 30 * MINUTE}
    await world.does(
        maintenance_windows.create,
        team_id=world.core.id,
        name="Works",
        service_ids=[],
        matchers=[Matcher(name="area", value="quiet")],
        **window,
    )
    await everything_by_time(world)
    await world.advance(minutes=2)
    async with world.db.transaction() as tx:
        await beats.hear_by_key(tx, beat.key_hash, Told(kind=BeatKind.SUCCESS))
    await world.fires("Disk full")
    await world.fires("Snoozed")
    await world.does(incidents.snooze, (await world.incident(2)).id, until=world.clock() + HOUR)
    await world.fires("Held by the window", area="quiet")
    assert await world.value("SELECT count(*) FROM alerts WHERE status = 'suppressed'") == 1


def heard(world: World) -> list[str]:
    """What people and channels got since the last look."""
    world._sort()
    got = [
        f"{each.kind} {each.headline or (each.incident and each.incident.title)}"
        for box in world._boxes.values()
        for each in box
    ]
    for box in world._boxes.values():
        box.clear()
    return got


@pytest.mark.parametrize("days", [0.1, 0.6, 3, 30])
@pytest.mark.parametrize("is_held", [True, False], ids=["held", "as it is"])
async def test_a_backup_of_any_age_tells_nobody_of_the_past(world: World, days: float, is_held: bool) -> None:
    """Pages, ends of windows and snoozes, beats, drills, reminders, handoffs, reports: all silent. What is new pages.

    Left as it is the same database pages: what is held is really due.
    """
    await busy(world)
    heard(world)
    world.clock.advance(round(days * DAY))
    if is_held:
        held = await restore.hold(world.db)
        assert held.incidents >= 1
    await everything_by_time(world)
    told = heard(world)
    assert (told == []) is is_held, told
    assert await broken(world.db) == []
    if is_held:
        assert any("confirm that it is still true" in line for line in await world.story(1))
        await world.fires("New", since=round(days * 86_400) + 200)
        assert heard(world) != []


@pytest.mark.parametrize("minutes", [1, 10, 14])
async def test_what_was_due_a_moment_ago_goes_on(world: World, minutes: int) -> None:
    """A backup of some minutes ago: its next step is taken, late, and everything else is as it was."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=1))
    await world.fires("Disk full")
    heard(world)
    world.clock.advance(MINUTE + minutes * MINUTE)
    assert (await restore.hold(world.db)).incidents == 0
    await everything_by_time(world)
    assert heard(world) == ["page Disk full"]


@pytest.mark.parametrize("status", [NotificationStatus.SENDING, NotificationStatus.UNKNOWN])
async def test_what_was_on_its_way_is_not_sent_again(world: World, status: NotificationStatus) -> None:
    """However young the backup: it was claimed before, so it left then, and nobody gets it twice."""
    await world.policy(level(1, world.alice))
    await world.post_all([(world.group(world.alert("Disk full")), "A")])
    await escalate.run_due(world.db)
    assert await world.value("SELECT count(*) FROM notifications WHERE status = 'pending'") == 1
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE notifications SET status = :status, claimed_at = :now, run_id = 'gone', due_at = "
            "CASE WHEN :status = 'sending' THEN due_at ELSE :now END",
            status=status.value,
            now=tx.now,
        )
    await restore.hold(world.db)
    await everything_by_time(world)
    assert [each for each in heard(world) if each.startswith("page")] == []


async def test_a_canary_that_was_under_way_is_nobodys_incident(world: World) -> None:
    """It is gone, and not among those at which somebody is to look."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=10))
    await canary.settle(world.db, "key")
    for title in ("Disk full", "Canary"):
        await world.fires(title)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE incidents SET organization_id = :home WHERE title = 'Canary'", home=HOME)
        await tx.execute("DELETE FROM reply_codes")  # a canary's page goes nowhere and asks for no reply
    world.clock.advance(HOUR)
    assert (await restore.hold(world.db)).incidents == 1
    assert await world.value("SELECT count(*) FROM incidents WHERE organization_id = 'canary'") == 0
    assert await world.value("SELECT count(*) FROM incidents") == 1


async def test_holding_twice_is_holding_once(world: World) -> None:
    """Broken off and begun again it goes on where it stopped."""
    await busy(world)
    world.clock.advance(DAY)
    assert (await restore.hold(world.db)).incidents > 0
    story = await world.story(1)
    assert (await restore.hold(world.db)).incidents == 0
    assert await world.story(1) == story


async def test_more_than_one_transaction_can_take_are_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve open incidents, five at a time."""
    monkeypatch.setattr(restoring, "PER_TRANSACTION", 5)
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=10))
    for number in range(12):
        await world.fires(f"Alert {number}")
    heard(world)
    world.clock.advance(DAY)
    assert (await restore.hold(world.db)).incidents == 12
    await everything_by_time(world)
    assert heard(world) == []
    assert await broken(world.db) == []


# --- the file itself ------------------------------------------------------------------------------


async def _a_key(database: Database, name: str) -> str:
    from openalert.domain.access import Role, program_of
    from openalert.usecases import setup

    async with database.transaction() as tx:
        organization = await setup.ensure_organization(tx)
        tx.actor = program_of(organization.id, tx.actor)
        key, _ = await api_keys.create(tx, name=name, role=Role.ADMIN)
    return str(key.id)


async def test_what_was_revoked_since_stays_revoked_and_everybody_signs_in_again(
    sqlite_url: str, tmp_path: Path
) -> None:
    """A key that leaked and was revoked an hour after the backup does not open anything after the restore."""
    file, keys = Path(sqlite_url.removeprefix("sqlite:///")), KeyRing(["a" * 64])
    database = await open_database(sqlite_url, keys=keys)
    kept, leaked = await _a_key(database, "kept"), await _a_key(database, "leaked")
    backup.save(file, tmp_path / "save")
    async with database.transaction() as tx:
        await restoring.revoke_others(tx, [kept])
    await database.close()
    done = await restore.restore(tmp_path / "save", file)
    assert (done.revoked, done.sessions) == (1, 0)
    assert done.moment is not None
    assert abs(done.moment - wall_clock()) < HOUR
    database = await open_database(sqlite_url, keys=keys)
    async with database.read() as reader:
        live = await restoring.live_keys(reader)
    await database.close()
    assert live == [kept]
    assert leaked not in live


async def test_a_file_that_was_put_back_by_hand_is_noticed(
    sqlite_db: Database, clock: Any, tmp_path: Path
) -> None:
    """The witness beside it has seen more than it knows; after an outage of any length it has not."""
    file = tmp_path / "openalert.db"
    world = await World.build(sqlite_db, clock)
    last = await sqlite_db.look(runs.last)
    assert last is not None
    witness.note(file, last)
    assert await restore.notice(sqlite_db, file) is None
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("Disk full")
    clock.advance(DAY)
    assert await restore.notice(sqlite_db, file) is None, "only an outage: what is due is late, and is done"
    witness.note(file, runs.Run(id="later", started_at=clock(), last_seen_at=clock()))
    held = await restore.notice(sqlite_db, file)
    assert held is not None
    assert held.incidents == 1
    assert await restore.notice(sqlite_db, file) is None, "it is known now"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"run": 1}', b"\xff\xfe"])
def test_a_witness_that_cannot_be_read_says_nothing(tmp_path: Path, body: bytes) -> None:
    """Half written or from elsewhere: a start goes on as without one."""
    file = tmp_path / "openalert.db"
    witness.path_of(file).write_bytes(body)
    assert not witness.contradicts(file, runs.Run(id="r", started_at=1, last_seen_at=1))
