"""Mirrors of status pages: nothing that was committed is left out, nothing that is hidden is left there."""

import asyncio
import hashlib
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from openalert.domain.instant import DAY, HOUR, MINUTE, SECOND
from openalert.domain.status_copy import MirrorState, pause
from openalert.domain.status_page import ComponentStatus, StatusPage
from openalert.domain.warning import WarningKind
from openalert.engine.mirror_targets import Folder, Store, Target
from openalert.engine.status_mirrors import Mirror, StatusMirrors
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.s3 import Bucket, S3Settings
from openalert.storage import status_mirrors, status_pages
from openalert.usecases import status_components, status_incidents, warnings
from openalert.usecases import status_pages as pages
from openalert.web.status.static import copy_of
from tests.cast import World
from tests.fakes import s3 as fake
from tests.fakes.s3 import FakeS3
from tests.fakes.webhook import Fault

pytestmark = pytest.mark.anyio
BASE = "https://oncall.example.com"


class Mirrors:
    """A world with the page Acme, and mirrors of it that are told when to work."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.page: StatusPage
        self.api: Any

    async def begin(self) -> None:
        """The page with its component."""
        self.page = await self.world.does(pages.create, team_id=self.world.core.id, name="Acme", slug="acme")
        self.api = await self.world.does(status_components.add_component, self.page.id, name="API")

    def of(self, target: Target, *slugs: str, name: str = "copy", place: str = "here") -> StatusMirrors:
        """A run with one mirror."""
        mirror = Mirror(name=name, slugs=slugs, every=15 * MINUTE, place=place, target=target)
        return StatusMirrors(self.world.db, [mirror], copy_of, BASE)

    async def tells(self, title: str = "API is slow") -> Any:
        """An incident."""
        about = {self.api.id: ComponentStatus.PARTIAL_OUTAGE}
        return await self.world.does(
            status_incidents.create, self.page.id, title=title, message="We look.", components=about
        )

    async def state(self, name: str = "copy") -> MirrorState:
        """How the mirror stands."""
        async with self.world.db.read() as reader:
            found = await status_mirrors.get(reader, name)
        assert found is not None
        return found


@pytest.fixture
async def mirrors(world: World, tmp_path: Path) -> Mirrors:
    """The page, all well."""
    made = Mirrors(world, tmp_path / "copy")
    await made.begin()
    return made


@pytest.fixture
async def store() -> AsyncIterator[FakeS3]:
    """A store in which no request may have a wrong form."""
    async with FakeS3() as running:
        yield running
        assert running.problems == []


def in_store(mirrors: Mirrors, store: FakeS3, **options: Any) -> Store:
    """The bucket of the fake."""
    settings = S3Settings(
        endpoint=store.endpoint, region=fake.REGION, bucket=fake.BUCKET,
        access_key_id=fake.ACCESS_KEY, secret_access_key=fake.SECRET_KEY, **options,
    )  # fmt: skip
    return Store(mirrors.world.db, Bucket(settings, OutgoingSettings()))


def text(folder: Path) -> str:
    """Everything that lies there."""
    return "".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_a_change_is_in_the_folder_and_without_one_nothing_is_done(mirrors: Mirrors) -> None:
    """Many changes are one copy; when nothing has changed it is made anew only to move its time on."""
    run = mirrors.of(Folder(mirrors.folder))
    assert await run.run_due() == 1
    for number in range(3):
        await mirrors.tells(f"Slow number {number}")
    assert await run.run_due() == 1
    assert text(mirrors.folder / "acme").count("<h1") > 3
    assert "Slow number 2" in text(mirrors.folder)
    assert await run.run_due() == 0
    before = json.loads((mirrors.folder / "acme" / "copy.json").read_text())["asOf"]
    await mirrors.world.advance(minutes=16)
    assert await run.run_due() == 1
    assert json.loads((mirrors.folder / "acme" / "copy.json").read_text())["asOf"] > before


async def test_what_was_committed_before_the_process_died_is_copied_by_the_next(mirrors: Mirrors) -> None:
    """The work is in the rows, not in the memory of a run."""
    first = mirrors.of(Folder(mirrors.folder))
    await first.run_due()
    await mirrors.tells("Said just before the end")
    assert await mirrors.of(Folder(mirrors.folder)).run_due() == 1
    assert "Said just before the end" in text(mirrors.folder)


async def test_what_is_hidden_or_gone_is_taken_out(mirrors: Mirrors) -> None:
    """A page that becomes private, and one that is deleted, leave nothing behind; another one stays."""
    await mirrors.tells("Known to all")
    other = await mirrors.world.does(pages.create, team_id=mirrors.world.core.id, name="Other")
    run = mirrors.of(Folder(mirrors.folder))
    await run.run_due()
    await mirrors.world.does(pages.update, mirrors.page.id, is_public=False)
    await run.run_due()
    assert "Known to all" not in text(mirrors.folder)
    assert sorted(path.name for path in mirrors.folder.iterdir()) == [".openalert-status.json", "other"]
    await mirrors.world.does(pages.delete, other.id)
    await run.run_due()
    assert [path.name for path in mirrors.folder.iterdir()] == [".openalert-status.json"]


async def test_one_page_by_name_lies_at_the_top(mirrors: Mirrors) -> None:
    """And no other one is with it."""
    await mirrors.world.does(pages.create, team_id=mirrors.world.core.id, name="Other")
    await mirrors.of(Folder(mirrors.folder), "acme").run_due()
    assert (mirrors.folder / "index.html").is_file()
    assert "Other" not in text(mirrors.folder)


async def test_drafts_and_private_pages_never_leave(mirrors: Mirrors) -> None:
    """Not even where a mirror names the page."""
    await mirrors.world.does(pages.update, mirrors.page.id, is_public=False)
    await mirrors.of(Folder(mirrors.folder), "acme").run_due()
    assert [path.name for path in mirrors.folder.iterdir()] == [".openalert-status.json"]


async def test_a_folder_that_refuses_is_tried_again_later_and_later(mirrors: Mirrors) -> None:
    """The reason and since when it fails stand in the row; a success clears them."""
    mirrors.folder.parent.mkdir(exist_ok=True)
    mirrors.folder.write_text("a file in the way")
    run = mirrors.of(Folder(mirrors.folder))
    assert await run.run_due() == 1
    state = await mirrors.state()
    assert (state.attempts, state.failing_since, state.done_at) == (1, mirrors.world.clock(), None)
    assert state.error.startswith(f"{mirrors.folder} cannot be written")
    assert await run.run_due() == 0
    await mirrors.world.advance(seconds=6)
    assert await run.run_due() == 1
    assert (await mirrors.state()).due_at == mirrors.world.clock() + 10 * SECOND
    mirrors.folder.unlink()
    await mirrors.world.advance(seconds=11)
    assert await run.run_due() == 1
    state = await mirrors.state()
    assert (state.failing_since, state.error, state.done_at) == (None, "", mirrors.world.clock())
    assert [pause(number) for number in (1, 2, 8, 60)] == [5 * SECOND, 10 * SECOND, 10 * MINUTE, 10 * MINUTE]


async def test_a_clock_that_was_set_back_does_not_stop_a_mirror(mirrors: Mirrors) -> None:
    """What was planned for a day that is far now is done at once."""
    run = mirrors.of(Folder(mirrors.folder))
    await mirrors.world.advance(minutes=60 * 24 * 400)
    await run.run_due()
    mirrors.world.clock.now -= 399 * DAY
    assert await run.run_due() == 1
    assert await run.run_due() == 0


async def test_a_mirror_that_fails_for_an_hour_is_a_warning(mirrors: Mirrors) -> None:
    """It is for admins, with the reason; a shorter fault is none, and a mirror that is configured no more neither."""
    mirrors.folder.write_text("a file in the way")
    run = mirrors.of(Folder(mirrors.folder))
    await run.run_due()
    assert await _warned(mirrors) == []
    await mirrors.world.advance(minutes=61)
    await run.run_due()
    (warning,) = await _warned(mirrors)
    assert warning.words == "The mirror copy of the status pages cannot be brought up to date"
    assert warning.detail.startswith(f"It shows nothing yet. {mirrors.folder} cannot be written")
    assert warning.at == mirrors.world.clock() - 61 * MINUTE
    await StatusMirrors(mirrors.world.db, [], copy_of, BASE).start()
    assert await _warned(mirrors) == []


async def _warned(mirrors: Mirrors) -> list[Any]:
    outlook = await warnings.look(mirrors.world.db, mirrors.world.as_(mirrors.world.alice))
    return [each for each in outlook.findings if each.kind is WarningKind.MIRROR_FAILS]


async def test_a_bucket_is_sent_what_has_changed_and_the_front_page_last(
    mirrors: Mirrors, store: FakeS3
) -> None:
    """The second time only what tells of now; deletions come after the page that led there has changed."""
    made = await mirrors.tells()
    run = mirrors.of(in_store(mirrors, store, prefix="public"))
    await run.run_due()
    assert store.log[-1][1] in ("public/acme/index.html", "public/acme/copy.json")
    assert {key for _, key in store.log[-2:]} == {"public/acme/index.html", "public/acme/copy.json"}
    page = store.objects["public/acme/index.html"]
    assert (page.content_type, page.cache_control) == ("text/html; charset=utf-8", "public, max-age=30")
    assert store.objects["public/acme/badge.svg"].content_type == "image/svg+xml"
    whole = len(store.log)
    await mirrors.world.does(status_incidents.resolve, made.incident.id, message="Over.")
    await mirrors.world.advance(minutes=1)
    await run.run_due()
    store.log.clear()
    await mirrors.world.does(pages.update, mirrors.page.id, header_text="")
    await run.run_due()
    told = f"public/acme/incidents/{made.incident.public_id}/index.html"
    assert 0 < len(store.log) < whole
    assert ("PUT", told) not in store.log
    store.log.clear()
    await mirrors.world.does(status_incidents.delete, made.incident.id)
    await run.run_due()
    assert store.log[-1] == ("DELETE", told)
    assert store.log.index(("PUT", "public/acme/index.html")) < store.log.index(("DELETE", told))
    assert told not in store.objects


async def test_a_page_that_is_hidden_leaves_the_bucket_before_anything_is_sent(
    mirrors: Mirrors, store: FakeS3
) -> None:
    """What must not be read any more goes first, and all of it."""
    await mirrors.world.does(pages.create, team_id=mirrors.world.core.id, name="Other")
    run = mirrors.of(in_store(mirrors, store))
    await run.run_due()
    store.log.clear()
    await mirrors.world.does(pages.update, mirrors.page.id, is_public=False)
    await run.run_due()
    methods = [method for method, _ in store.log]
    assert methods == sorted(methods)
    assert methods[0] == "DELETE"
    assert {key.split("/")[0] for key in store.objects} == {"other"}


@pytest.mark.parametrize("fault", ["SlowDown", Fault.LOST_ANSWER, Fault.RESET, "lies"])
async def test_a_store_that_breaks_off_is_sent_the_rest_later(
    mirrors: Mirrors, store: FakeS3, fault: Fault | str
) -> None:
    """What arrived is not sent twice, but for what nobody can know of; in the end everything is there."""
    run = mirrors.of(in_store(mirrors, store))
    if fault == "SlowDown":
        store.answers = [(503, "SlowDown")] * 4
    elif fault == "lies":
        store.answers = [(200, "InternalError")] * 4
    else:
        store.fault = Fault(fault)
    assert await run.run_due() == 1
    state = await mirrors.state()
    assert state.attempts == 1
    assert fake.SECRET_KEY not in state.error
    assert "acme/index.html" not in {key for _, key in store.log}
    store.fault = Fault.NONE
    await mirrors.world.advance(seconds=6)
    assert await run.run_due() == 1
    assert (await mirrors.state()).error == ""
    async with mirrors.world.db.read() as reader:
        known = await status_mirrors.files(reader, "copy")
    assert set(known) == set(store.objects)
    for path, digest in known.items():
        kept = store.objects[path]
        served = f"{kept.content_type}\n{kept.cache_control}\n".encode()
        assert digest == hashlib.sha256(served + kept.body).hexdigest()


async def test_what_may_have_arrived_is_known_before_it_is_sent(mirrors: Mirrors, store: FakeS3) -> None:
    """Were the process to die now, the next one would know what to look after, and to take away."""
    store.fault = Fault.HANG
    run = mirrors.of(in_store(mirrors, store))
    task = asyncio.create_task(run.run_due())
    await store.received(1)
    async with mirrors.world.db.read() as reader:
        known = await status_mirrors.files(reader, "copy")
    assert "acme/index.html" in known
    assert set(known.values()) == {""}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await mirrors.world.does(pages.update, mirrors.page.id, is_public=False)
    store.fault = Fault.NONE
    await run.run_due()
    assert {key for method, key in store.log if method == "DELETE"} == set(known)


async def test_a_mirror_that_moves_begins_anew(mirrors: Mirrors, store: FakeS3) -> None:
    """Another bucket is sent everything, whatever lies in the one before."""
    await mirrors.of(in_store(mirrors, store)).run_due()
    whole = len(store.log)
    store.objects.clear()
    assert await mirrors.of(in_store(mirrors, store), place="there").run_due() == 1
    assert len(store.log) == 2 * whole


async def test_a_command_is_given_the_folder(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch) -> None:
    """As its last argument, without a shell and without our own settings."""
    monkeypatch.setenv("OPENALERT_SERVER_SECRET_KEY", "hidden")
    told = mirrors.folder.parent / "told"
    program = "import os, sys; open(sys.argv[1], 'w').write(repr((sys.argv[2:], sorted(os.environ))))"
    command = [sys.executable, "-c", program, str(told), "$(touch x); *"]
    await mirrors.of(Folder(mirrors.folder, command, 30)).run_due()
    assert (await mirrors.state()).error == ""
    assert f"(['$(touch x); *', '{mirrors.folder}']" in told.read_text()
    assert "OPENALERT_" not in told.read_text()


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["/nowhere/rsync"], "/nowhere/rsync cannot be started: No such file or directory."),
        (["/bin/sh", "-c", "echo first; echo no route >&2; exit 23"], "/bin/sh ended with 23. no route"),
        (["/bin/sh", "-c", "sleep 600 & sleep 600"], "/bin/sh took longer than 1 s."),
        (["/bin/sh", "-c", "yes | head -c 3000000; kill -9 $$"], "/bin/sh ended with -9. y"),
    ],
)
async def test_a_command_that_fails_says_why_in_a_few_words(
    mirrors: Mirrors, command: Sequence[str], error: str
) -> None:
    """Its last line, and no more; one that takes too long is ended with what it has started."""
    await mirrors.of(Folder(mirrors.folder, command, 1)).run_due()
    assert (await mirrors.state()).error == error
    assert (mirrors.folder / "acme" / "index.html").is_file()


async def test_a_folder_in_which_nobody_may_write_is_told(mirrors: Mirrors) -> None:
    """Read-only: the copy that is there stays."""
    run = mirrors.of(Folder(mirrors.folder))
    await run.run_due()
    before = text(mirrors.folder)
    mirrors.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    if os.access(mirrors.folder, os.W_OK):
        # Whoever is root writes everywhere; a folder in place of a file stops root too.
        mirrors.folder.chmod(0o755)
        (mirrors.folder / "acme" / "index.html").unlink()
        (mirrors.folder / "acme" / "index.html").mkdir()
        before = text(mirrors.folder)
    await mirrors.tells()
    await run.run_due()
    assert "cannot be written" in (await mirrors.state()).error
    mirrors.folder.chmod(0o755)
    assert (mirrors.folder / "acme" / "history" / "index.html").is_file()
    assert before != ""


async def test_a_commit_is_copied_without_being_asked_for(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run hears of commits; stopped, it leaves no task behind."""
    monkeypatch.setattr("openalert.engine.status_mirrors.QUIET_SECONDS", 0.01)
    run = mirrors.of(Folder(mirrors.folder))
    await run.run_due()
    await run.start()
    try:
        await mirrors.tells("Heard of")
        for _ in range(12_000):
            if mirrors.folder.exists() and "Heard of" in text(mirrors.folder):
                break
            await asyncio.sleep(0.01)
        assert "Heard of" in text(mirrors.folder)
    finally:
        await run.stop()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "mirror copy"] == []


async def test_every_page_is_read_for_the_versions(mirrors: Mirrors) -> None:
    """What a mirror shows is noted by page, so that each change of one is work."""
    run = mirrors.of(Folder(mirrors.folder))
    await run.run_due()
    async with mirrors.world.db.read() as reader:
        (page,) = await status_pages.every(reader)
    assert (await mirrors.state()).versions == {page.id: page.version}
    await mirrors.world.advance(seconds=HOUR / SECOND)
    assert (await mirrors.state()).refresh_at < mirrors.world.clock()
