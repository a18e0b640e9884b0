"""A page as files: all of it, with links that work from a disk, its time, and nothing that is not public."""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

import pytest

from openalert.domain.instant import DAY
from openalert.domain.public_page import PublicPage
from openalert.domain.status_copy import CopyFile
from openalert.domain.status_page import ComponentStatus, PublicStatus
from openalert.storage import static_folder
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases import status_view
from openalert.web.status import renderings
from openalert.web.status.static import copy_of
from tests.conftest import StoppedClock
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio

LINK = re.compile(r'(?:href|src|action)="([^"]*)"')


def picture(acme: Told) -> PublicPage:
    """What the board shows."""
    shown = acme.app.board.of_slug("acme")
    assert shown is not None
    return shown.page


def copied(acme: Told) -> dict[str, CopyFile]:
    """The files of the page by their paths."""
    return {each.path: each for each in copy_of(picture(acme))}


async def test_every_address_of_the_page_has_a_file_with_what_is_answered_there(acme: Told) -> None:
    """Whatever is shown below the page is in the copy; what is no document is the same byte for byte."""
    await acme.tells()
    files = copied(acme)
    names = renderings.names(picture(acme))
    assert len(names) > 15
    assert len(files) == len(names) + 1
    for path in ("api/v2/summary.json", "feed.atom", "feed.rss", "badge.svg", "calendar.ics"):
        answer = await acme.gets(path)
        assert files[path].body == answer.content
        assert files[path].content_type == answer.headers["content-type"]
    assert list(files)[-2:] == ["index.html", "copy.json"]


async def test_links_lead_to_files_of_the_copy_and_else_to_the_page(acme: Told) -> None:
    """Each relative link names a file that is there, from every depth; nothing begins at the root of a server."""
    await acme.tells()
    files = copied(acme)
    relative = 0
    for path, file in files.items():
        if not path.endswith(".html"):
            continue
        for target in LINK.findall(file.body.decode()):
            if target.startswith(("https://", "http://", "#", "data:", "mailto:")):
                continue
            relative += 1
            assert not target.startswith("/"), (path, target)
            assert (
                posixpath.normpath(posixpath.join(posixpath.dirname(path), target.partition("?")[0])) in files
            ), (
                path,
                target,
            )
    assert relative > 20
    assert f'<link rel="canonical" href="{picture(acme).url}">' in files["index.html"].body.decode()


async def test_what_is_older_than_the_picture_is_in_the_copy_too(acme: Told, clock: StoppedClock) -> None:
    """Months and permalinks of all time, and a year of uptime for each component, linked to one another."""
    old = await acme.tells(title="Long ago")
    await acme.does(told.resolve, old.incident.id, message="Over.")
    clock.now += 200 * DAY
    await acme.app.board.refresh_all()
    page = picture(acme)
    assert page.incidents == ()
    async with acme.app.database.read() as reader:
        archive = await status_view.archived(reader, page)
    files = {each.path: each for each in copy_of(page, archive)}
    assert b"Long ago" in files[f"incidents/{old.incident.public_id}/index.html"].body
    assert b"Long ago" in files["history/2026-01/index.html"].body
    assert b"Long ago" not in files["api/v2/incidents.json"].body
    assert f"uptime/{acme.api.public_id}/index.html" in files
    front = files["uptime/index.html"].body.decode()
    assert f'href="{acme.api.public_id}/index.html"' in front
    assert 'href="uptime/index.html"' in files["index.html"].body.decode()
    without = {each.path: each for each in copy_of(page)}
    assert f'href="{page.url}/uptime"' in without["index.html"].body.decode()


async def test_drafts_and_secrets_are_in_no_file(acme: Told) -> None:
    """What waits for approval, the incident inside and the hash of a link stay here."""
    await acme.tells(title="Secretly planned", message="Nobody knows.", is_draft=True)
    made = await acme.tells()
    await acme.does(
        told.post, made.incident.id, status=PublicStatus.MONITORING, message="Not said yet.", is_draft=True
    )
    await acme.does(pages.make_link, acme.page.id)
    everything = b"".join(file.body for file in copied(acme).values())
    for word in (b"Secretly", b"Nobody knows", b"Not said yet", str(picture(acme).link_hash).encode()):
        assert word not in everything
    assert b"We look." in everything


async def test_hostile_words_stay_words(acme: Told) -> None:
    """What people write cannot end an element, move a link or add a policy, and finds the marks of the copy in vain."""
    evil = '</title><main id="content"><script>alert(1)</script><meta charset="utf-8">'
    await acme.tells(title=evil, message=evil + "\n\n[x](javascript:alert(1))")
    for file in copied(acme).values():
        if file.path.endswith(".html"):
            text = file.body.decode()
            assert text.count('<main id="content">') == text.count("http-equiv") == 1
            assert "<script>alert" not in text
            assert '="javascript:' not in text


async def test_what_is_over_keeps_its_file(acme: Told, clock: StoppedClock) -> None:
    """Neither time nor another incident changes the file of one that is over, so that it is not copied again."""
    over = await acme.tells()
    await acme.does(told.resolve, over.incident.id, message="Over.")
    path = f"incidents/{over.incident.public_id}/index.html"
    before = copied(acme)
    clock.now += DAY
    await acme.tells(title="Another one")
    after = copied(acme)
    assert after[path].digest == before[path].digest
    assert after["index.html"].digest != before["index.html"].digest
    assert b'id="copy"' not in after[path].body


async def test_in_a_browser_the_copy_says_its_time_and_when_it_is_old(
    acme: Told, tmp_path: Path, clock: StoppedClock, browser: Any
) -> None:
    """Opened from a disk: readable, no complaint of the policy, the note first calm, after hours loud."""
    await acme.tells()
    static_folder.write(tmp_path / "copy", copy_of(picture(acme)))
    facts = json.loads((tmp_path / "copy" / "copy.json").read_text())
    assert facts["asOf"].endswith("Z")
    page = await browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.clock.set_fixed_time(clock.now / 1000)
    await page.goto((tmp_path / "copy" / "index.html").as_uri())
    assert (await page.inner_text("#copy")).startswith("Copy · As of ")
    await page.clock.set_fixed_time(clock.now / 1000 + 5 * 3600 + 60)
    await page.reload()
    assert (await page.inner_text("#copy")).startswith(
        "This page could not be made anew for 5 hours. It shows"
    )
    await page.click("text=API is down")
    assert page.url.endswith("/index.html")
    assert await page.inner_text("h1") == "API is down"
    await page.click("text=All history")
    assert await page.inner_text("h1") == "History"
    assert said == []


async def test_a_private_page_asks_search_engines_to_stay_away_in_its_copy_too(acme: Told) -> None:
    """Where no header can say it, the document does."""
    await acme.does(pages.update, acme.page.id, is_public=False)
    files = copied(acme)
    assert b'content="noindex, nofollow"' in files["index.html"].body
    assert files["index.html"].cache_control == "private, no-cache"
    assert ComponentStatus.OPERATIONAL.encode() in files["api/v2/summary.json"].body
