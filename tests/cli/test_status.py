"""`openalert status export`: on real files, beside whoever serves the database, and without the database."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from openalert.app import OpenAlert
from openalert.config import Config
from openalert.domain.status_page import ComponentStatus, StatusPage
from openalert.storage import Database, sqlite_file
from openalert.usecases import status_components, status_incidents, status_pages
from tests import make
from tests.processes.nursery import completed

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class Pages:
    """Two public pages and one that is not, in a database that is being served."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder = db, folder
        self.to = folder / "copies"
        self.cast: make.Cast

    async def make(self) -> None:
        """Write them down."""
        self.cast = await make.cast(self.db)
        for name, public in (("Acme", True), ("Other", True), ("Inside", False)):
            page = await self.does(
                status_pages.create, team_id=self.cast.team.id, name=name, is_public=public
            )
            api = await self.does(status_components.add_component, page.id, name=f"API of {name}")
            about = {api.id: ComponentStatus.PARTIAL_OUTAGE}
            await self.does(
                status_incidents.create,
                page.id,
                title=f"{name} is slow",
                message="We look.",
                components=about,
            )
            await self.does(status_incidents.create, page.id, title="A draft of ours", is_draft=True)

    async def does(self, act: Any, *args: Any, **options: Any) -> Any:
        """A use case by the owner."""
        async with self.db.transaction(make.actor(self.cast.alice, self.cast.team)) as tx:
            return await act(tx, *args, **options)

    async def export(self, *options: str, data: str = "data") -> subprocess.CompletedProcess[str]:
        """The command as a process of its own."""
        return await asyncio.to_thread(self._run, *options, data=data)

    def _run(self, *options: str, data: str) -> subprocess.CompletedProcess[str]:
        where = ["--database-url", self.db.url, "--data-dir", str(self.folder / data)]
        command = [sys.executable, "-m", "openalert", "status", "export", str(self.to), *where, *options]
        settings = {**os.environ, "OPENALERT_SERVER_BASE_URL": "https://oncall.example.com"}
        return completed(command, settings, self.folder)

    def there(self) -> set[str]:
        """The paths of the files."""
        return {str(path.relative_to(self.to)) for path in self.to.rglob("*") if path.is_file()}


@pytest.fixture
async def pages(db: Database, tmp_path: Path) -> Pages:
    """The pages."""
    made = Pages(db, tmp_path)
    await made.make()
    return made


async def test_every_public_page_is_written_beside_the_server(pages: Pages) -> None:
    """Each in a folder of its own, with its links to where it is live; private pages and drafts are nowhere."""
    done = await pages.export()
    assert done.returncode == 0, done.stderr
    assert "2 status pages in" in done.stdout
    assert {path.split("/")[0] for path in pages.there()} == {"acme", "other", ".openalert-status.json"}
    everything = "".join(path.read_text() for path in pages.to.rglob("*") if path.is_file())
    assert "Inside" not in everything
    assert "A draft of ours" not in everything
    assert "Acme is slow" in everything
    assert "https://oncall.example.com/status/acme" in everything


async def test_a_second_export_takes_away_what_vanished(pages: Pages) -> None:
    """A page by name is the folder itself; when its incident is deleted the file goes, and JSON says so."""
    first = json.loads((await pages.export("--page", "acme", "--json")).stdout)
    assert [each["slug"] for each in first["pages"]] == ["acme"]
    (path,) = [each for each in first["written"] if each.startswith("incidents/")]
    assert "index.html" in pages.there()
    async with pages.db.read() as reader:
        actor = make.actor(pages.cast.alice, pages.cast.team)
        page: StatusPage = next(
            each for each in await status_pages.page(reader, actor, limit=9) if each.slug == "acme"
        )
        told = [
            each.incident
            for each in await status_incidents.of_page(reader, actor, page.id, limit=9)
            if each.incident.published_at is not None
        ]
    await pages.does(status_incidents.delete, told[0].id)
    second = json.loads((await pages.export("--page", "acme", "--json")).stdout)
    assert path in second["removed"]
    assert path not in pages.there()


async def test_a_private_page_is_written_only_where_it_is_named_so(pages: Pages) -> None:
    """--page alone refuses it and writes nothing; unknown names are refused with those that there are."""
    refused = await pages.export("--page", "inside")
    assert (refused.returncode, refused.stderr) == (
        1,
        "openalert: inside is not public. Is it to be copied all the same, say --private inside.\n",
    )
    unknown = await pages.export("--page", "nope")
    assert "Known: acme, inside, other." in unknown.stderr
    assert not pages.to.exists()
    done = await pages.export("--private", "inside")
    assert done.returncode == 0, done.stderr
    assert "Inside is slow" in (pages.to / "index.html").read_text()


async def test_where_a_link_leads_out_nothing_is_written_there(pages: Pages) -> None:
    """The command says what is in the way and leaves with 1."""
    outside = pages.folder / "outside"
    outside.mkdir()
    pages.to.mkdir()
    (pages.to / "acme").symlink_to(outside)
    done = await pages.export()
    assert done.returncode == 1
    assert "a link or a file is in the way" in done.stderr
    assert list(outside.iterdir()) == []


async def test_without_a_database_the_kept_pictures_are_copied(
    app: OpenAlert, config: Config, tmp_path: Path
) -> None:
    """A file that is no database any more does not keep the pages from being copied elsewhere."""
    served = Pages(app.database, tmp_path)
    await served.make()
    await app.board.refresh()
    source = sqlite_file(app.database.url)
    assert source is not None
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database at all" * 500)
    kept = tmp_path / "kept"
    shutil.copytree(config.data_dir / "status-pages", kept / "status-pages")
    for url in (f"sqlite:///{broken}", f"sqlite:///{tmp_path / 'nothing.db'}"):
        done = await served.export("--json", "--database-url", url, data="kept")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["fromKeptPictures"] is True
        assert [each["slug"] for each in told["pages"]] == ["acme", "other"]
    assert "Inside" not in "".join(path.read_text() for path in served.to.rglob("*") if path.is_file())


async def test_a_locked_database_is_read_all_the_same(pages: Pages) -> None:
    """While somebody holds the writing lock of SQLite, the export goes on."""
    path = sqlite_file(pages.db.url)
    if path is None:
        done = await pages.export()
    else:
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            done = await pages.export()
    assert done.returncode == 0, done.stderr
    assert "acme/index.html" in pages.there()
