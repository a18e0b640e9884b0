"""The board: pages follow what is committed, and stay up while nothing can be read or written (promise SP-1)."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from openalert.app import OpenAlert
from openalert.config import Config
from openalert.domain.errors import Unavailable
from openalert.domain.instant import MINUTE
from openalert.domain.public_page import PublicPage
from openalert.domain.status_page import ComponentStatus
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.web.status.board import FOLDER, Board
from tests import make
from tests.conftest import StoppedClock
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio


def kept(config: Config) -> list[Path]:
    """The pictures on disk."""
    return sorted((config.data_dir / FOLDER).glob("*.json"))


async def broken(*_: Any) -> Any:
    """A database that can be asked nothing."""
    raise Unavailable("The database is busy. Try again in a few seconds.", retry_after=5)


async def test_a_commit_is_on_the_page_without_being_asked_for(acme: Told) -> None:
    """The board hears of a commit by itself."""
    async with acme.app.database.transaction() as tx:
        await components.change_component(tx, acme.api.id, status=ComponentStatus.MAJOR_OUTAGE)
    for _ in range(6_000):
        if "Some systems are down" in (await acme.gets()).text:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the page was not made anew")


async def test_what_another_node_commits_is_found_without_being_told(
    acme: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is made, changed or deleted where nobody tells this process of it is seen by its version."""
    board = acme.app.board
    monkeypatch.setattr(board, "hear", lambda events: None)
    monkeypatch.setattr(acme.app.database, "_listeners", [])
    actor = make.actor(acme.cast.alice, acme.cast.team)
    async with acme.app.database.transaction(actor) as tx:
        other = await pages.create(tx, team_id=acme.cast.team.id, name="Other", slug="other")
        await told.create(tx, acme.page.id, title="Late news")
    await board.refresh()
    await acme.gets("/status/other", 404)
    await board.look()
    await board.refresh()
    await acme.gets("/status/other")
    assert "Late news" in (await acme.gets()).text
    async with acme.app.database.transaction(actor) as tx:
        await pages.delete(tx, other.id)
    await board.look()
    await board.refresh()
    await acme.gets("/status/other", 404)


async def test_a_disk_that_hangs_keeps_no_page_from_being_shown(
    acme: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that has changed is shown before the first of it is written down."""
    board = acme.app.board
    shown: list[bool] = []
    monkeypatch.setattr(
        board, "_keep", lambda page: shown.append(None not in (board.of_slug("one"), board.of_slug("two")))
    )
    async with acme.app.database.transaction(make.actor(acme.cast.alice, acme.cast.team)) as tx:
        for slug in ("one", "two"):
            await pages.create(tx, team_id=acme.cast.team.id, name=slug, slug=slug)
    while len(shown) < 2:
        await board.refresh()
        await asyncio.sleep(0)
    assert shown == [True, True]


async def test_what_is_rolled_back_is_never_shown(acme: Told) -> None:
    """An act that fails after it changed something leaves the page as it was."""
    before = (await acme.gets("/public/status/acme")).content
    with pytest.raises(ZeroDivisionError):
        async with acme.app.database.transaction() as tx:
            await components.change_component(tx, acme.api.id, status=ComponentStatus.MAJOR_OUTAGE)
            raise ZeroDivisionError
    await acme.app.board.refresh()
    assert (await acme.gets("/public/status/acme")).content == before


async def test_pages_stay_up_while_the_database_is_locked_and_say_how_old_they_are(
    acme: Told, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every address goes on answering, the page with its age; afterwards it is fresh again."""
    await acme.tells("Fire in the cellar")
    monkeypatch.setattr(acme.app.database, "look", broken)
    monkeypatch.setattr(acme.app.database, "read", broken)
    clock.advance(10 * MINUTE)
    with pytest.raises(Unavailable):
        await acme.app.board.refresh_all()
    acme.app.board.age()
    page = (await acme.gets()).text
    assert "Fire in the cellar" in page
    assert "could not be made anew for 10 min" in page
    await acme.gets("api/v2/summary.json")
    await acme.gets("history")
    monkeypatch.undo()
    await acme.app.board.refresh_all()
    assert "could not be made anew" not in (await acme.gets()).text


async def test_a_change_that_could_not_be_read_is_shown_as_soon_as_it_can(
    acme: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture that failed is not forgotten: the next attempt takes it."""
    with monkeypatch.context() as patch:
        patch.setattr(acme.app.database, "look", broken)
        async with acme.app.database.transaction() as tx:
            await told.create(tx, acme.page.id, title="Late news")
        with pytest.raises(Unavailable):
            await acme.app.board.refresh()
        assert "Late news" not in (await acme.gets()).text
    await acme.app.board.refresh()
    assert "Late news" in (await acme.gets()).text


async def test_a_new_start_shows_what_was_kept_when_nothing_can_be_read(
    acme: Told, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture on disk carries a page over a restart with a locked database."""
    await acme.tells("Fire in the cellar")
    assert len(kept(config)) == 1
    monkeypatch.setattr(acme.app.database, "look", broken)
    after = Board(acme.app.database, config.base_url, config.data_dir)
    await after.start()
    try:
        shown = after.of_slug("acme")
        assert shown is not None
        answer = shown.answer("", "/status/acme")
        assert answer is not None
        assert b"Fire in the cellar" in answer.plain.body
    finally:
        await after.stop()


async def test_a_kept_page_that_is_gone_meanwhile_is_not_shown(acme: Told, config: Config) -> None:
    """A new start believes the database, not the folder: its file goes, too."""
    (path,) = kept(config)
    copy = path.read_bytes()
    await acme.does(pages.delete, acme.page.id)
    assert kept(config) == []
    path.write_bytes(copy)
    after = Board(acme.app.database, config.base_url, config.data_dir)
    await after.start()
    await after.stop()
    assert after.of_slug("acme") is None
    assert kept(config) == []


async def test_a_full_disk_keeps_no_page_from_changing(
    acme: Told, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy on disk is lost, the page goes on; half a file is never left in its place."""
    (path,) = kept(config)
    before = path.read_bytes()

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    await acme.tells("Disk is full")
    assert "Disk is full" in (await acme.gets()).text
    assert path.read_bytes() == before
    msgspec.json.decode(before, type=PublicPage)


async def test_what_cannot_be_read_in_the_folder_is_left_out(acme: Told, config: Config) -> None:
    """A file of another version or half of one does not stop the start."""
    (path,) = kept(config)
    path.with_name("broken.json").write_bytes(b'{"id": "x"')
    path.with_name("other.json").write_bytes(b'{"id": "x"}')
    after = Board(acme.app.database, config.base_url, config.data_dir)
    await after.start()
    await after.stop()
    assert after.of_slug("acme") is not None


async def test_a_new_slug_is_the_only_one(acme: Told) -> None:
    """The old address answers like one that never was."""
    await acme.does(pages.update, acme.page.id, slug="acme-two")
    await acme.gets("", 404)
    await acme.gets("/status/acme-two")


async def test_a_page_is_read_while_the_server_stops_and_not_after(
    app: OpenAlert, client: httpx2.AsyncClient
) -> None:
    """Whoever drains a server sends its readers to the next one, as everywhere."""
    await app.drain()
    assert (await client.get("/status/acme")).status_code == 503
