"""Backups: a copy of one moment, proven before it counts; a restore that pages nobody for the past."""

import asyncio
import itertools
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from openalert.domain.errors import Conflict
from openalert.domain.incident import EscalationState, Incident
from openalert.domain.instant import HOUR, MINUTE, SECOND, Instant
from openalert.domain.notification import Notification, NotificationKind, NotificationStatus
from openalert.domain.severity import Severity
from openalert.domain.team import Team
from openalert.domain.timeline import sentence
from openalert.storage import (
    Database,
    auditing,
    backup,
    incidents,
    leftovers,
    notifications,
    open_database,
    timeline,
    timers,
    wall_clock,
)
from openalert.storage.backup import BrokenBackup
from openalert.storage.lock_file import DatabaseInUse
from openalert.storage.timers import Timer
from openalert.usecases import restore as restoring
from openalert.usecases import setup

pytestmark = pytest.mark.anyio


def file_of(database: Database) -> Path:
    """The file of an SQLite database."""
    return Path(database.url.removeprefix("sqlite:///"))


async def note(database: Database, count: int) -> None:
    """Write settings, each twice in one transaction."""
    for number in range(count):
        async with database.transaction() as tx:
            for half in "ab":
                await tx.execute(
                    "INSERT INTO settings (name, value) VALUES (:name, '')", name=f"{number}{half}"
                )


@pytest.mark.proves("DB-4", "F-41")
async def test_a_copy_made_while_writing_is_of_one_moment(sqlite_db: Database, tmp_path: Path) -> None:
    """No half of a transaction is in it, and its counts are those that were promised."""
    writing = asyncio.create_task(note(sqlite_db, 300))
    for number in range(5):
        await asyncio.sleep(0.02)
        target = tmp_path / f"{number}.backup"
        counts = await asyncio.to_thread(backup.save, file_of(sqlite_db), target)
        assert counts["settings"] % 2 == 0
        assert backup.check(target) == counts
    await writing
    assert backup.save(file_of(sqlite_db), tmp_path / "last")["settings"] == 600
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


async def test_a_backup_overwrites_nothing(sqlite_db: Database, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    target = tmp_path / "b"
    target.write_text("mine")
    with pytest.raises(Conflict):
        backup.save(file_of(sqlite_db), target)
    assert target.read_text() == "mine"


@pytest.mark.proves("DB-4", "F-41")
@pytest.mark.parametrize("damage", ["truncated", "overwritten", "text", "empty", "foreign"])
async def test_a_damaged_backup_is_refused(sqlite_db: Database, tmp_path: Path, damage: str) -> None:
    """Nothing is put in the place of the database."""
    await note(sqlite_db, 100)
    good = tmp_path / "good"
    backup.save(file_of(sqlite_db), good)
    content = good.read_bytes()
    bad = tmp_path / "bad"
    if damage == "foreign":
        with sqlite3.connect(bad) as raw:
            raw.execute("CREATE TABLE other (x)")
        raw.close()
    else:
        bad.write_bytes(
            {
                "truncated": content[: len(content) // 2],
                "overwritten": content[:8192] + b"\xff" * 20_000 + content[28_192:],
                "text": b"not a database",
                "empty": b"",
            }[damage]
        )
    target = tmp_path / "target.db"
    with pytest.raises(BrokenBackup):
        await restoring.restore(bad, target)
    assert not target.exists()
    assert [path.name for path in tmp_path.iterdir() if "restoring" in path.name] == []


async def test_a_database_in_use_is_not_replaced(sqlite_db: Database, tmp_path: Path) -> None:
    """The server must be stopped first."""
    good = tmp_path / "good"
    backup.save(file_of(sqlite_db), good)
    with pytest.raises(DatabaseInUse):
        await restoring.restore(good, file_of(sqlite_db))


@pytest.mark.proves("DB-4", "F-41")
def test_at_no_moment_is_there_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The power goes just before the backup would take its place: the old database is whole under its own name."""
    database, staged = tmp_path / "openalert.db", tmp_path / "openalert.db.restoring"
    for path, word in ((database, "old"), (staged, "new")):
        with closing(sqlite3.connect(path, isolation_level=None)) as raw:
            raw.execute("PRAGMA journal_mode=WAL")
            raw.execute("CREATE TABLE words (word TEXT)")
            raw.execute("INSERT INTO words VALUES (?)", (word,))

    def cut(*_: object) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "replace", cut)
        backup.replace(staged, database)
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as raw:
        assert raw.execute("SELECT word FROM words").fetchall() == [("old",)]


def _words(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as raw:
        return [word for (word,) in raw.execute("SELECT word FROM words")]


def _of_a_killed_server(database: Path) -> None:
    """The file has nothing, its log a word."""
    lively = database.with_name("lively.db")
    with closing(sqlite3.connect(lively, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("CREATE TABLE words (word TEXT)")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute("INSERT INTO words VALUES ('old')")
        for suffix in ("", "-wal", "-shm"):
            shutil.copyfile(f"{lively}{suffix}", f"{database}{suffix}")


def _dies(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def _dying(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Who does anything to names of files dies as it is about to do so for that time."""
    left = itertools.count(at, -1)
    for owner, name in ((os, "link"), (Path, "unlink"), (Path, "rename"), (Path, "replace")):
        real = getattr(owner, name)

        def act(*args: Any, real: Any = real, **how: Any) -> Any:
            return (real if next(left) > 1 else _dies)(*args, **how)

        monkeypatch.setattr(owner, name, act)


@pytest.mark.proves("DB-4", "F-41")
@pytest.mark.parametrize("has_links", [True, False], ids=["links", "no links"])
def test_a_log_that_cannot_be_taken_in_goes_where_its_database_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    """The disk has no room for that: killed at any moment, the old database and its log are together and in their place
    at the next start, or the backup is there, and both of the old one beside it.
    """
    real = backup._into_one_file

    def no_room(database: Path) -> None:
        if database.name == "openalert.db":
            raise sqlite3.OperationalError("database or disk is full")
        real(database)

    def refused(*_: object) -> None:
        raise PermissionError

    at, outcomes = 0, []
    while not outcomes or outcomes[-1] != "over":
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        database, staged = folder / "openalert.db", folder / "openalert.db.restoring"
        _of_a_killed_server(database)
        with closing(sqlite3.connect(staged, isolation_level=None)) as raw:
            raw.execute("CREATE TABLE words (word TEXT)")
            raw.execute("INSERT INTO words VALUES ('new')")
        with monkeypatch.context() as patched:
            patched.setattr(backup, "_into_one_file", no_room)
            _dying(patched, at)
            if not has_links:
                patched.setattr(os, "link", refused)
            try:
                backup.replace(staged, database)
            except KeyboardInterrupt:
                outcomes.append("killed")
            else:
                outcomes.append("over")
                beside = {path.name.removeprefix("openalert.db") for path in folder.glob("openalert.db*")}
                assert beside == {"", *(f".before-restore-1{log}" for log in ("", "-wal", "-shm"))}
        leftovers.undo_restore(database)
        assert not leftovers.set_aside_of(database).exists()
        kept = folder / "openalert.db.before-restore-1"
        if not kept.exists():
            assert not any(path.exists() for path in leftovers.with_logs(kept)), at
        found = _words(database)
        assert (found, kept.exists()) in ((["old"], False), (["new"], True)), (at, found)
        if kept.exists():
            assert _words(kept) == ["old"], at
    assert len(outcomes) > 5
    assert found == ["new"]


def test_each_replaced_database_has_a_name_of_its_own(tmp_path: Path) -> None:
    """The one before the one before is kept too."""
    database = tmp_path / "openalert.db"
    for number, words in enumerate((["0"], ["1"], ["2"])):
        staged = tmp_path / "openalert.db.restoring"
        with closing(sqlite3.connect(staged, isolation_level=None)) as raw:
            raw.execute("CREATE TABLE words (word TEXT)")
            raw.execute("INSERT INTO words VALUES (?)", words)
        kept = backup.replace(staged, database)
        assert _words(database) == words
        assert (kept is None) is (number == 0)
        if kept is not None:
            assert (kept.name, _words(kept)) == (f"openalert.db.before-restore-{number}", [f"{number - 1}"])
    assert _words(tmp_path / "openalert.db.before-restore-1") == ["0"]


def test_what_is_kept_is_one_file_where_its_log_can_be_taken_in(tmp_path: Path) -> None:
    """So that whoever carries it away has all of it; what is left of one of that name is none of its."""
    database, staged = tmp_path / "openalert.db", tmp_path / "openalert.db.restoring"
    _of_a_killed_server(database)
    with closing(sqlite3.connect(staged, isolation_level=None)) as raw:
        raw.execute("CREATE TABLE words (word TEXT)")
    (tmp_path / "openalert.db.before-restore-1-wal").write_text("of a file that somebody took away")
    kept = backup.replace(staged, database)
    assert kept is not None
    assert {path.name for path in tmp_path.glob("openalert.db*")} == {database.name, kept.name}
    assert _words(kept) == ["old"]


def test_what_is_no_database_is_left_to_who_opens_it(tmp_path: Path) -> None:
    """A journal beside it cannot be undone: whoever opens it says what is wrong."""
    database = tmp_path / "openalert.db"
    for suffix in ("", "-journal"):
        (tmp_path / f"openalert.db{suffix}").write_bytes(b"broken" * 1000)
    leftovers.undo_restore(database)
    assert database.read_bytes() == b"broken" * 1000


@pytest.mark.proves("DB-4", "F-41")
@pytest.mark.parametrize("is_replaced", [True, False], ids=["the backup is there", "nothing is there"])
def test_a_start_that_is_killed_as_it_puts_back_is_made_up_for_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_replaced: bool
) -> None:
    """A restore had set the old database and its log aside: who is killed at any moment of that leaves them together,
    or the next one brings them together.
    """
    at, is_over = 0, False
    while not is_over:
        at += 1
        database = tmp_path / str(at) / "openalert.db"
        database.parent.mkdir()
        _of_a_killed_server(database)
        for here, there in zip(
            leftovers.with_logs(database), leftovers.with_logs(leftovers.set_aside_of(database)), strict=True
        ):
            if here.exists():
                here.rename(there)
        if is_replaced:
            with closing(sqlite3.connect(database, isolation_level=None)) as raw:
                raw.execute("CREATE TABLE words (word TEXT)")
                raw.execute("INSERT INTO words VALUES ('new')")
        with monkeypatch.context() as patched:
            _dying(patched, at)
            try:
                leftovers.undo_restore(database)
                is_over = True
            except KeyboardInterrupt:
                pass
        leftovers.undo_restore(database)
        old = database.with_name("openalert.db.before-restore-1") if is_replaced else database
        assert _words(old) == ["old"], at
        assert _words(database) == ["new" if is_replaced else "old"], at
        left = {path.name for path in database.parent.iterdir()} - {"lively.db"}
        assert not any("set-aside" in name for name in left), (at, left)
    assert at > 2


@pytest.mark.proves("DB-4", "F-41")
async def test_what_a_killed_restore_had_begun_in_the_old_database_is_undone(tmp_path: Path) -> None:
    """It died between the journal that SQLite writes beside the file and the end of it: a server starts."""
    database = tmp_path / "data" / "openalert.db"
    opened = await open_database(f"sqlite:///{database}")
    await opened.close()
    with closing(sqlite3.connect(database, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
        raw.execute("PRAGMA cache_size=1")
        raw.execute("BEGIN")
        raw.execute("CREATE TABLE begun AS SELECT * FROM sqlite_master a, sqlite_master b LIMIT 5000")
        for suffix in ("", "-journal"):
            shutil.copyfile(f"{database}{suffix}", tmp_path / f"openalert.db{suffix}")
        raw.execute("ROLLBACK")
    here = tmp_path / "openalert.db"
    with (
        pytest.raises(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{here}?mode=ro", uri=True)) as raw,
    ):
        raw.execute("SELECT count(*) FROM sqlite_master")
    opened = await open_database(f"sqlite:///{here}")
    try:
        async with opened.read() as reader:
            assert await reader.value("SELECT count(*) FROM sqlite_master WHERE name = 'begun'") == 0
    finally:
        await opened.close()


async def _open_incident(database: Database, number: int, due_at: Instant) -> Incident:
    async with database.transaction() as tx:
        organization = await setup.ensure_organization(tx)
        team_id, service_id = f"team {number}", f"service {number}"
        await tx.insert(
            "teams",
            Team(
                id=team_id, organization_id=organization.id, name="T", slug=team_id, description="",
                created_at=tx.now, updated_at=tx.now,
            ),
        )  # fmt: skip
        await tx.execute(
            "INSERT INTO services (id, organization_id, team_id, name, slug, description, grouping, created_at, "
            "updated_at) VALUES (:id, :organization, :team, 'S', :id, '', '{}', 0, 0)",
            id=service_id,
            organization=organization.id,
            team=team_id,
        )
        incident = Incident(
            id=f"incident {number}", organization_id=organization.id, team_id=team_id, service_id=service_id,
            number=number, title="Broken", severity=Severity.HIGH, group_key="g", open_key=f"{number}",
            triggered_at=tx.now, updated_at=tx.now, escalation_state=EscalationState.RUNNING,
            escalation_next_at=due_at,
        )  # fmt: skip
        await tx.insert("incidents", incident)
        await tx.insert(
            "timers",
            Timer(
                incident_id=incident.id,
                kind="escalate",
                due_at=due_at,
                episode=1,
                cycle=0,
                level=2,
                failures=0,
            ),
        )
        page = Notification(
            id=f"page {number}", effect_key=f"{number}", organization_id=organization.id, team_id=team_id,
            incident_id=incident.id, kind=NotificationKind.PAGE, channel="email", address="a@b.example",
            reason="", due_at=due_at, give_up_at=due_at + HOUR, created_at=due_at, updated_at=due_at,
        )  # fmt: skip
        await notifications.enqueue(tx, [page])
    return incident


@pytest.mark.proves("DB-5")
async def test_what_was_due_before_the_restore_is_held(sqlite_url: str, tmp_path: Path) -> None:
    """Older than 15 minutes: no timer, no page, and the timeline says why; younger: everything goes on."""
    now = wall_clock()
    source = await open_database(sqlite_url)
    old = await _open_incident(source, 1, now - 16 * MINUTE)
    young = await _open_incident(source, 2, now - 10 * MINUTE)
    backup.save(file_of(source), tmp_path / "save")
    await source.close()

    target = tmp_path / "target" / "openalert.db"
    target.parent.mkdir()
    target.write_text("what was there before")
    done = await restoring.restore(tmp_path / "save", target)
    assert done.held == 1
    assert done.kept is not None
    assert done.kept.read_text() == "what was there before"

    database = await open_database(f"sqlite:///{target}")
    async with database.read() as reader:
        held, running = await incidents.get(reader, old.id), await incidents.get(reader, young.id)
        assert held is not None
        assert running is not None
        assert (held.is_open, held.escalation_state, held.escalation_next_at) == (
            True, EscalationState.EXHAUSTED, None,
        )  # fmt: skip
        assert running.escalation_state is EscalationState.RUNNING
        assert [await timers.get(reader, one, "escalate") is None for one in (old.id, young.id)] == [
            True,
            False,
        ]
        pages = [await notifications.get(reader, f"page {number}") for number in (1, 2)]
        assert [page.status for page in pages if page] == [
            NotificationStatus.CANCELLED,
            NotificationStatus.PENDING,
        ]
        assert pages[0] is not None
        assert pages[0].due_at is None
        assert "restored" in (pages[0].failure_reason or "")
        (entry,) = await timeline.of_incident(reader, old.id)
        assert "confirm that it is still true" in sentence(entry)
        assert [(await auditing.strays(reader, look, "", 10))[0] for look in auditing.LOOKS] == [[], [], []]
    await database.close()
    assert abs(wall_clock() - now) < 60 * SECOND
