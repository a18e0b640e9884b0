"""`openalert backup` and `openalert restore` without a server: used well and used wrongly, words, and exit codes."""

import asyncio
import json
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from openalert.cli.settings import configured
from openalert.domain.backup import BackupJob, JobName
from openalert.domain.instant import DAY, HOUR
from openalert.storage import backup, backup_folder, backup_jobs, channels, keyring, open_database, wall_clock
from tests import make
from tests.cli.conftest import Ran, Run

pytestmark = pytest.mark.proves("DB-4", "F-41")

HERE = Path("openalert-data")
SAVE = Path("save.db")
OTHER_KEY = "another key that is long enough, of another installation"


@pytest.fixture
def at_home(openalert: Run, sqlite_template: Path) -> Run:
    """A data folder with a channel that keeps a secret, and a backup of it that is whole."""
    HERE.mkdir()
    shutil.copyfile(sqlite_template, HERE / "openalert.db")
    asyncio.run(_with_a_secret())
    assert openalert("user", "add", "ana@acme.example", "--name", "Ana", "--role", "owner").code == 0
    done = openalert("backup", str(SAVE))
    assert done.code == 0, done.err
    return openalert


async def _with_a_secret() -> None:
    config = configured(None, str(HERE), None)
    database = await open_database(f"sqlite:///{(HERE / 'openalert.db').absolute()}", keys=keyring.of(config))
    try:
        cast = await make.cast(database)
        await make.channel(
            database, cast.team, "webhook", "Hook", url="https://a.example", secret="whsec_canary"
        )
    finally:
        await database.close()


def _secret() -> dict[str, str]:
    async def read() -> dict[str, str]:
        config = configured(None, str(HERE), None)
        database = await open_database(
            f"sqlite:///{(HERE / 'openalert.db').absolute()}", keys=keyring.of(config)
        )
        try:
            async with database.read() as reader:
                (row,) = await reader.rows("SELECT id FROM channels")
                return await channels.secrets(reader, row[0])
        finally:
            await database.close()

    return asyncio.run(read())


def _state(folder: Path = HERE) -> dict[str, bytes]:
    """Everything in a folder; nothing of a refused command may be left there."""
    return {
        path.name: path.read_bytes() if path.is_file() else b""
        for path in folder.iterdir()
        if not path.name.endswith((".lock", "-wal", "-shm"))
    }


def _refused(done: Ran, code: int, *words: str) -> None:
    assert done.code == code, (done.code, done.out, done.err)
    assert 0 < len(done.err.splitlines()) <= 5
    assert "Traceback" not in done.err
    assert all(each in done.err for each in words), done.err


def _bad(name: str) -> Path:
    """A file that is no backup, in one of the ways in which files are not."""
    whole, bad = SAVE.read_bytes(), Path(f"{name}.db")
    bad.write_bytes(
        {
            "truncated": whole[: len(whole) // 2],
            "a few bytes short": whole[:-100],
            "garbled": whole[:40_960] + b"\xff" * 20_000 + whole[60_960:],
            "text": b"this is no database at all\n" * 1000,
            "empty": b"",
            "foreign": b"",
        }[name]
    )
    if name == "foreign":
        with closing(sqlite3.connect(bad)) as raw:
            raw.execute("CREATE TABLE other (x)")
            raw.commit()
    return bad


# --- openalert backup FILE --------------------------------------------------------------------------


def test_a_backup_says_what_is_in_it_and_is_for_its_owner(at_home: Run) -> None:
    """One line; a second one of the same name is refused, and the first stays as it is."""
    done = at_home("backup", "second.db")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Saved to second.db: 0 incidents, ")
    assert done.out.endswith("rows, checked.\n")
    assert stat.S_IMODE(Path("second.db").stat().st_mode) == 0o600
    before = SAVE.read_bytes()
    _refused(at_home("backup", str(SAVE)), 1, "save.db exists already; choose another name")
    assert SAVE.read_bytes() == before
    assert not list(Path().glob(".*partial*"))


def test_a_backup_that_cannot_be_made_says_why(at_home: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder, a folder that is a file, no room: code 1 and what to do; nothing is left."""
    _refused(at_home("backup", "nowhere/x.db"), 1, "There is no folder", "nowhere")
    _refused(at_home("backup", f"{SAVE}/x.db"), 1, "There is no folder")
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(
        "openalert.storage.backup.shutil.disk_usage", lambda _: usage._replace(free=3_000_000)
    )
    _refused(at_home("backup", "x.db"), 1, "not enough space", "3 MB are free", "choose another disk")
    _refused(at_home("restore", str(SAVE)), 1, "not enough space", str(HERE), "Make room there")
    assert not list(Path().glob("*x.db*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["backup"],
        ["backup", "x.db", "--list"],
        ["backup", "x.db", "--drill", "latest"],
        ["backup", "--list", "--drill", "latest"],
        ["backup", "--drill"],
        ["backup", "x.db", "y.db"],
        ["backup", "--nonsense"],
        ["restore"],
        ["restore", "x.db", "--in-place"],
        ["restore", "--in-place", "--without-secrets"],
        ["restore", "--without-secrets"],
        ["restore", "x.db", "y.db"],
    ],
)
def test_wrong_usage_is_code_2_and_does_nothing(openalert: Run, arguments: list[str]) -> None:
    """And says what to give instead."""
    done = openalert(*arguments)
    assert (done.code, done.out) == (2, "")

    assert "Error: " in done.err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("backup", ["[FILE]", "--list", "--drill FILE", "--data-dir"]),
        ("restore", ["[FILE]", "--in-place", "--without-secrets", "--data-dir"]),
    ],
)
def test_help_names_every_option(openalert: Run, command: str, options: list[str]) -> None:
    """With code 0, by both spellings."""
    done = openalert(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert all(each in done.out for each in options), done.out


# --- openalert backup --list ------------------------------------------------------------------------


def test_the_list_has_what_is_whole_and_says_how_it_stands(at_home: Run) -> None:
    """The newest first; what is half made or of others is not in it; code 1 and the reason while it fails."""
    none = at_home("backup", "--list")
    assert none.code == 0
    assert "There are no backups in" in none.out
    assert "has not run with nightly backups yet" in none.out
    folder, now = HERE / "backups", wall_clock()
    folder.mkdir()
    for days in (2, 1):
        shutil.copyfile(SAVE, folder / backup_folder.rules.file_name(now - days * DAY))
    for name in (".openalert-20260101T030000Z.db.partial-1", "notes.txt", "openalert.db"):
        (folder / name).write_text("none of them")
    _stands(BackupJob(name=JobName.BACKUP, since=0, due_at=now + HOUR, done_at=now - DAY))
    well = at_home("backup", "--list")
    assert well.code == 0, well.err
    rows = [line.split("\t") for line in well.out.splitlines() if "\t" in line]
    assert [row[1] for row in rows] == ["24 h old", "2 d old"]
    assert all(row[2] == f"{SAVE.stat().st_size:,} bytes" for row in rows)
    assert [Path(row[3]).name for row in rows] == sorted(
        (path.name for path in folder.glob("openalert-*")), reverse=True
    )
    assert "nightly backup: last done " in well.out
    failing = BackupJob(
        name=JobName.BACKUP, since=0, due_at=now + HOUR, done_at=now - DAY, failing_since=now - HOUR,
        error="There is not enough space.",
    )  # fmt: skip
    _stands(failing)
    told = at_home("backup", "--list")
    _refused(told, 1, "Backups need somebody to look at them")
    assert ": There is not enough space." in told.out
    _stands(BackupJob(name=JobName.BACKUP, since=0, due_at=now + HOUR, done_at=now - 3 * DAY))
    _refused(at_home("backup", "--list"), 1, "Backups need somebody")


def _stands(job: BackupJob) -> None:
    async def put() -> None:
        database = await open_database(f"sqlite:///{(HERE / 'openalert.db').absolute()}")
        try:
            async with database.transaction() as tx:
                await backup_jobs.put(tx, job)
        finally:
            await database.close()

    asyncio.run(put())


def test_the_list_where_there_are_none_by_design(openalert: Run) -> None:
    """Switched off: said, and no failure. Postgres: whose backups those are, with code 1 as nothing can be listed."""
    Path("off.toml").write_text("[backup]\nenabled = false\n")
    done = openalert("backup", "--list", "--config", "off.toml")
    assert done.code == 0
    assert "Nightly backups are switched off (backup.enabled)." in done.out
    for option in (["--list"], ["--drill", "latest"]):
        refused = openalert("backup", *option, "--database-url", "postgres://u:hush@127.0.0.1:9/x")
        _refused(refused, 1, "pg_dump", "docs/backup.md")
        assert "hush" not in refused.err
    refused = openalert("restore", __file__, "--database-url", "postgres://u:hush@127.0.0.1:9/x")
    _refused(refused, 1, "pg_restore", "--in-place")


# --- openalert backup --drill -----------------------------------------------------------------------


def test_a_drill_proves_and_leaves_nothing(at_home: Run) -> None:
    """Of a named file and of the latest one; the file is as it was, and so is the database."""
    before, here = SAVE.read_bytes(), _state()
    done = at_home("backup", "--drill", str(SAVE))
    assert done.code == 0, done.err
    assert done.out.startswith("save.db can be restored, of ")
    assert "ok    audit log" in done.out
    assert "FAIL" not in done.out
    assert (SAVE.read_bytes(), _state()) == (before, here)
    assert not list(Path().glob("openalert-drill-*"))
    _refused(at_home("backup", "--drill", "latest"), 1, "There are no backups in")
    (HERE / "backups").mkdir()
    name = backup_folder.rules.file_name(wall_clock())
    shutil.copyfile(SAVE, HERE / "backups" / name)
    assert f"{name} can be restored" in at_home("backup", "--drill", "latest").out
    assert [path.name for path in (HERE / "backups").iterdir()] == [name]


def test_a_drill_of_what_cannot_be_restored_fails(at_home: Run) -> None:
    """Not there, not whole, of a newer version, sealed with a lost key, or altered: each says so."""
    _refused(at_home("backup", "--drill", "missing.db"), 1, "There is no file missing.db")
    _refused(at_home("backup", "--drill", str(_bad("truncated"))), 1, "truncated.db")
    _refused(at_home("backup", "--drill", str(_newer())), 3, "schema 9999", "Run the newer OpenAlert")
    altered = Path("altered.db")
    shutil.copyfile(SAVE, altered)
    with closing(sqlite3.connect(altered)) as raw:
        raw.execute("DROP TRIGGER audit_log_keeps")
        raw.execute("UPDATE audit_log SET actor_name = 'Nobody' WHERE seq = 1")
        raw.commit()
    done = at_home("backup", "--drill", str(altered))
    _refused(done, 1, "would not be whole after a restore")
    assert "FAIL  audit log" in done.out
    (HERE / "encryption.key").write_text(OTHER_KEY.replace(" ", "-"))
    _refused(at_home("backup", "--drill", str(SAVE)), 1, "1 stored secret(s)", "a key that is not here")
    assert not list(Path().glob("openalert-drill-*"))


def _newer() -> Path:
    newer = Path("newer.db")
    shutil.copyfile(SAVE, newer)
    with closing(sqlite3.connect(newer)) as raw:
        raw.execute("INSERT INTO schema_migrations VALUES (9999, 'from_the_future', 'x', 0)")
        raw.commit()
    return newer


# --- openalert restore ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["truncated", "a few bytes short", "garbled", "text", "empty", "foreign"])
def test_what_is_no_backup_is_refused_and_nothing_changes(at_home: Run, how: str) -> None:
    """Code 1, its name and what it is; the database, and everything beside it, stays as it was."""
    here, bad = _state(), _bad(how)
    words = "not a database of OpenAlert" if how in ("foreign", "empty") else "damaged"
    _refused(at_home("restore", str(bad)), 1, bad.name, words)
    assert _state() == here


def test_what_is_not_there_or_of_a_newer_version_is_refused(at_home: Run) -> None:
    """A missing file and a folder; a newer schema leaves with 3, as a start with it would."""
    here = _state()
    _refused(at_home("restore", "missing.db"), 1, "There is no file missing.db")
    _refused(at_home("restore", str(HERE)), 1, "There is no file")
    _refused(at_home("restore", str(_newer())), 3, "schema 9999", "Run the newer OpenAlert")
    assert _state() == here


def test_a_restore_says_what_it_did_and_keeps_what_was_there(at_home: Run) -> None:
    """Where the database before is, and of which time this one is."""
    at_home("user", "add", "late@acme.example", "--name", "Late")
    done = at_home("restore", str(SAVE))
    assert (done.code, done.err) == (0, "")
    first, second = done.out.splitlines()[:2]
    assert first.startswith("Restored from save.db. The database before is ")
    assert first.endswith("openalert.db.before-restore-1.")
    assert second.startswith("It is how things stood at ")
    assert "late@" not in at_home("user", "list").out
    assert backup.check(HERE / "openalert.db.before-restore-1")["users"] == 1 + backup.check(SAVE)["users"]
    assert _secret() == {"secret": "whsec_canary"}
    done = at_home("restore", "--in-place")
    assert done.code == 0
    assert done.out.startswith("Held, because they were due in the past: 0 open incident(s)")


@pytest.mark.proves("F-41")
def test_a_backup_of_another_key_is_refused_before_anything_is_replaced(at_home: Run) -> None:
    """How many secrets, of what, and both ways on; then by the key, and on another day without it."""
    old_key = (HERE / "encryption.key").read_text()
    (HERE / "encryption.key").write_text(f"{OTHER_KEY.replace(' ', '-')}\n")
    here = _state()
    refused = at_home("restore", str(SAVE))
    _refused(
        refused, 1, "1 stored secret(s)", "channels: 1", "Nothing was changed", "encryption.key",
        "openalert restore --without-secrets FILE",
    )  # fmt: skip
    assert _state() == here
    # Without it: everything else is there, and what is sealed is kept as it is.
    done = at_home("restore", str(SAVE), "--without-secrets")
    assert done.code == 0, done.err
    assert "1 stored secret(s) cannot be read" in done.out
    assert "channels: 1. Give them anew." in done.out
    with closing(sqlite3.connect(HERE / "openalert.db")) as raw:
        after = raw.execute("SELECT after FROM audit_log ORDER BY seq DESC").fetchone()[0]
    assert json.loads(after)["unreadable"] == 1
    # With it, as a further line: nothing was lost, and the next restore asks nothing.
    (HERE / "encryption.key").write_text(f"{OTHER_KEY.replace(' ', '-')}\n{old_key}")
    assert _secret() == {"secret": "whsec_canary"}
    done = at_home("restore", str(SAVE))
    assert done.code == 0, done.err
    assert "stored secret" not in done.out


@pytest.mark.proves("F-41")
def test_on_a_new_machine_the_key_is_asked_for_and_none_is_made(at_home: Run) -> None:
    """A restore before the keys were copied leaves an empty folder, so that the right key can be put there."""
    new = Path("new")
    refused = at_home("restore", str(SAVE), "--data-dir", str(new))
    _refused(refused, 1, "a further line of", str(new / "encryption.key"), "its only one")
    assert _state(new) == {}
    shutil.copyfile(HERE / "encryption.key", new / "encryption.key")
    assert at_home("restore", str(SAVE), "--data-dir", str(new)).code == 0
    assert (new / "openalert.db").exists()


def test_a_key_in_the_configuration_is_named(at_home: Run) -> None:
    """Where `server.encryption_key` gives the key, that is what is said, and never a key."""
    Path("keys.toml").write_text(f'[server]\nencryption_key = "{OTHER_KEY.replace(" ", "-")}"\n')
    refused = at_home("restore", str(SAVE), "--config", "keys.toml", "--data-dir", str(HERE))
    _refused(refused, 1, "a further line of server.encryption_key")
    assert OTHER_KEY.replace(" ", "-") not in refused.err
