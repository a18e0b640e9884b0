"""Whose the files are: for the owner alone whatever the umask, taken back from others, and refused in one sentence."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

NOBODY = 65534


@pytest.fixture
async def server(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Server]:
    """A server, not started, in a folder that others may enter."""
    tmp_path.chmod(0o755)
    running = Server(tmp_path, database_reserve_mib="1")
    yield running
    await running.close()


def _open_to_others(folder: Path) -> dict[str, str]:
    """What of it anybody else has a right to: the folder itself and everything below."""
    modes = {}
    for each in [folder, *folder.rglob("*")]:
        with suppress(FileNotFoundError):  # it was there for a moment only
            modes[str(each.relative_to(folder))] = stat.S_IMODE(each.lstat().st_mode)
    return {name: f"{mode:04o}" for name, mode in modes.items() if mode & 0o077}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777 & ~0o700], ids=lambda mask: f"{mask:03o}")
@pytest.mark.proves("F-42")
async def test_all_files_are_for_their_owner_alone(server: Server, umask: int) -> None:
    """Made by a command or by the server, database, log, keys, lock, reserve, backup: nobody else gets at any."""
    before = os.umask(umask)
    try:
        house = await settle_in(server)
        assert (await house.post("one")).status_code == 202
        copy = server.folder / "copy.db"
        made = server.run("backup", str(copy))
        assert made.returncode == 0, made.stderr
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert {"openalert.db-wal", "openalert.db.reserve", "secret.key"} <= {
            f.name for f in server.data.iterdir()
        }
        assert _open_to_others(server.data) == {}
        put_back = server.run("restore", str(copy))
        assert put_back.returncode == 0, put_back.stdout + put_back.stderr
        await until(server.is_ready)
        assert list(server.data.glob("*.before-restore-*"))
        assert _open_to_others(server.data) == {}
    finally:
        os.umask(before)


@pytest.mark.proves("F-42")
async def test_what_others_could_read_is_taken_from_them(server: Server) -> None:
    """After a copy that took all modes along: files and folder are private again, and it is said which were not."""
    await settle_in(server)
    await server.kill()
    for each in [server.data, *server.data.iterdir()]:
        each.chmod(0o777 if each.is_dir() else 0o666)
    await server.start()
    assert _open_to_others(server.data) == {}
    said = next(line for line in server.log.read_text().splitlines() if "others could read these" in line)
    assert all(name in said for name in ("encryption.key", "openalert.db", "openalert.db-wal"))
    await server.stop()
    # The group keeps what it was given where that is wanted, and others lose it all the same.
    server.environment["OPENALERT_SERVER_FILE_ACCESS"] = "group"
    for each in [server.data, *server.data.iterdir()]:
        each.chmod(0o755 if each.is_dir() else 0o644)
    await server.start()
    assert stat.S_IMODE((server.data / "openalert.db").stat().st_mode) == 0o640
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o750


def _as_nobody(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command by a user who is not root, on the same data; with no home and no folder for temporary files."""
    environment = {
        name: value for name, value in server.environment.items() if name not in ("HOME", "TMPDIR")
    }
    return subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
         sys.executable, "-m", "openalert", *arguments, *server.where],
        env=environment | {"TMPDIR": "/nowhere"}, cwd="/", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def of_nobody() -> Iterator[Server]:
    """A server whose data belongs to nobody, where that user gets at it: pytest's folders are closed."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("NO TEST OF OTHER USERS: it needs root and setpriv")
    with tempfile.TemporaryDirectory(prefix="openalert-test-") as name:
        server = Server(Path(name), database_reserve_mib="1")
        server.folder.chmod(0o755)
        tried = _as_nobody(server, "backup", "--help")
        if tried.returncode != 0:
            pytest.skip(f"NO TEST OF OTHER USERS: nobody may not run the program here: {tried.stderr[-200:]}")
        server.data.mkdir(mode=0o700)
        os.chown(server.data, NOBODY, NOBODY)
        yield server


def _refused(server: Server, *words: str) -> None:
    found = _as_nobody(server, "serve", "--port", str(free_port()))
    assert found.returncode == 3, (found.returncode, found.stderr)
    assert "Traceback" not in found.stderr
    said = [line for line in found.stderr.splitlines() if line.startswith("openalert: ")]
    assert len(said) == 1, found.stderr
    assert all(each in said[0] for each in words), said


@pytest.mark.proves("F-41", "F-42")
def test_a_backup_or_its_folder_that_is_not_for_this_user_is_named(of_nobody: Server) -> None:
    """Who may not read the file, and which folder may not be written to; code 1, and nothing is changed."""
    server = of_nobody
    assert _as_nobody(server, "token", "create", "x", "--role", "owner").returncode == 0
    copy, closed = server.data / "copy.db", server.folder / "closed"
    assert _as_nobody(server, "backup", str(copy)).returncode == 0
    os.chown(copy, 0, 0)
    closed.mkdir(mode=0o755)
    for arguments, *words in (
        (("restore", str(copy)), str(copy), "cannot be read by nobody", "Permission denied"),
        (("backup", "--drill", str(copy)), str(copy), "cannot be read by nobody"),
        (("backup", str(closed / "x.db")), "may not write to", str(closed)),
    ):
        found = _as_nobody(server, *arguments)
        assert found.returncode == 1, found.stderr
        assert len(found.stderr.splitlines()) == 1, found.stderr
        assert all(each in found.stderr for each in words), found.stderr
    assert list(closed.iterdir()) == []


@pytest.mark.proves("F-42")
def test_a_user_who_may_not_is_told_why_and_what_to_do(of_nobody: Server) -> None:
    """As a user who is not root: each wrong owner or mode names the path, whose it is, and the way out; code 3."""
    server, data = of_nobody, of_nobody.data
    made = _as_nobody(server, "token", "create", "x", "--role", "owner")
    assert made.returncode == 0, made.stderr
    assert _open_to_others(data) == {}
    whose = "belongs to root"
    for name in ("openalert.db", "encryption.key", "openalert.db.lock"):
        os.chown(data / name, 0, 0)
        _refused(server, str(data / name), whose, "(mode 0600)", "chown -R nobody")
        os.chown(data / name, NOBODY, NOBODY)
    (data / "openalert.db").chmod(0o400)
    _refused(server, str(data / "openalert.db"), "(mode 0400)")
    (data / "openalert.db").chmod(0o600)
    # A key that everybody may read, and that is not ours to close.
    os.chown(data / "encryption.key", 0, 0)
    (data / "encryption.key").chmod(0o644)
    data.chmod(0o755)
    (data / "of another program").touch()
    _refused(server, "encryption.key", "can be read by others (mode 0644)", "server.file_access")
    os.chown(data, 0, 0)
    os.chown(data / "encryption.key", NOBODY, NOBODY)
    (data / "openalert.db.lock").unlink()
    _refused(server, "openalert.db.lock", whose, "chown -R nobody")
    shutil.rmtree(data)
    _refused(server, str(data), "Permission denied", "--data-dir")
