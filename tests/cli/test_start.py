"""A start on a machine that is slow today, or whose disks are: what only waits does not end it, nor hold it up."""

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from openalert.cli import server
from openalert.config import Config, Server
from openalert.config.sections import Backup
from openalert.domain.errors import Unavailable
from openalert.storage import Database

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("busy", "found"), [(0, ["token"]), (2, ["token"]), (9, [])])
async def test_an_invitation_that_gets_no_turn_ends_no_server(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, busy: int, found: list[str]
) -> None:
    """Asked for again, and left to the next start where the database gives no turn for long."""
    left = [busy]

    async def invited(database: Database) -> list[str]:
        assert database is sqlite_db
        if left[0]:
            left[0] -= 1
            raise Unavailable("The database is busy. Try again in a few seconds.")
        return ["token"]

    monkeypatch.setattr(server.console, "setup_token", invited)
    assert await server._tokens(sqlite_db) == found


async def test_a_folder_of_backups_that_does_not_answer_holds_up_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks into it hangs, beside the start; when it answers its files are shut all the same."""
    answers, shut, real = threading.Event(), threading.Event(), server.permissions.keep
    folder = tmp_path / "share"
    folder.mkdir()
    monkeypatch.setattr(server, "FOLDER_SECONDS", 0.05)

    def keep(of: Path, files: Iterable[Path], access: str) -> None:
        if of == folder:
            assert answers.wait(120)
            shut.set()
        real(of, files, access)

    monkeypatch.setattr(server.permissions, "keep", keep)
    (tmp_path / "data").mkdir()
    server.keep_private(
        Config(server=Server(data_dir=str(tmp_path / "data")), backup=Backup(folder=str(folder)))
    )
    assert not shut.is_set()
    answers.set()
    assert shut.wait(60)


async def test_a_folder_of_backups_that_cannot_be_read_ends_no_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that has lost its server answers with errors of its own."""

    def broken(of: Path, *_: object) -> None:
        if of.name == "share":
            raise OSError(116, "Stale file handle")

    monkeypatch.setattr(server.permissions, "keep", broken)
    (tmp_path / "data").mkdir()
    server.keep_private(
        Config(server=Server(data_dir=str(tmp_path / "data")), backup=Backup(folder=str(tmp_path / "share")))
    )


async def test_tests_run_by_the_loop_of_the_program() -> None:
    """What another loop forgives, such as words to whoever has gone, would be found by users only."""
    loop = server._loop_factory()()
    loop.close()
    assert isinstance(asyncio.get_running_loop(), type(loop))
