"""What other people's pages show of ours: badges, shields, the line for frames, the floating note, feeds by update."""

import xml.etree.ElementTree as ET
from typing import Any

import msgspec
import pytest

from openalert.domain.instant import DAY, HOUR
from openalert.domain.status_page import ComponentStatus, PublicStatus
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.web.status import embeds, renderings
from tests.conftest import StoppedClock
from tests.web.status import gallery
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio
ATOM = "{http://www.w3.org/2005/Atom}"
SVG = "{http://www.w3.org/2000/svg}"


async def test_a_badge_is_drawn_as_it_is_asked_for(acme: Told) -> None:
    """Label, corners and ground; what is not known is as if it were not said; each is well-formed and has its words."""
    usual = ET.fromstring((await acme.gets("badge.svg")).content)
    assert usual.findtext(f"{SVG}title") == "Acme: operational"
    answer = await acme.gets("badge.svg?label=Our%20cloud%20%3Cb%3E&style=square&theme=light")
    drawn = ET.fromstring(answer.content)
    assert [each.text for each in drawn.iter(f"{SVG}text")] == ["Our cloud <b>", "operational"]
    assert 'rx="0"' in answer.text
    assert "prefers-color-scheme" in (await acme.gets("badge.svg?theme=auto")).text
    odd = await acme.gets("badge.svg?style=%00&theme=x&label=" + "%0a" * 5 + "W" * 400)
    assert len(next(each.text for each in ET.fromstring(odd.content).iter(f"{SVG}text")) or "") == 40


async def test_a_component_has_a_badge_of_its_own(acme: Told) -> None:
    """By either of its ids; of another page's there is none."""
    await acme.does(components.change_component, acme.api.id, status=ComponentStatus.MAJOR_OUTAGE)
    for each in (acme.api.id, acme.api.public_id):
        drawn = ET.fromstring((await acme.gets(f"badge/component/{each}.svg")).content)
        assert [text.text for text in drawn.iter(f"{SVG}text")] == ["API", "Major outage"]
    other = await acme.does(pages.create, team_id=acme.cast.team.id, name="Other", slug="other")
    part = await acme.does(components.add_component, other.id, name="Secret")
    await acme.gets(f"badge/component/{part.public_id}.svg", 404)
    await acme.gets(f"badge/component/{part.id}.svg?label=x", 404)


async def test_shields_reads_its_endpoint(acme: Told) -> None:
    """The schema of shields.io's endpoint badge."""
    await acme.does(components.change_component, acme.api.id, status=ComponentStatus.PARTIAL_OUTAGE)
    assert (await acme.gets("api/shields.json?label=cloud")).json() == {
        "schemaVersion": 1,
        "label": "cloud",
        "message": "outage",
        "color": "red",
        "cacheSeconds": 60,
    }


async def test_private_pages_are_in_nobodys_frame(acme: Told) -> None:
    """Neither strangers nor holders of the link embed them: the answers are those of a page that never was."""
    await acme.does(pages.update, acme.page.id, is_public=False)
    _, key = await acme.does(pages.make_link, acme.page.id)
    for path in ("embed", "embed.js", "embed.json", "api/shields.json"):
        await acme.gets(f"{path}?key={key}", 404)
        await acme.gets(path, 404)
    await acme.gets("badge.svg", 404)


async def test_the_line_may_be_framed_by_anybody(acme: Told) -> None:
    """No script and no form in it, and nothing of other people's."""
    answer = await acme.gets("embed?theme=dark")
    assert answer.headers["content-security-policy"].endswith("form-action 'none'; frame-ancestors *")
    assert "script" not in answer.headers["content-security-policy"]
    assert 'content="dark"' in answer.text
    assert len(answer.content) < 3_000
    for path in ("", "history"):
        assert "frame-ancestors 'none'" in (await acme.gets(path)).headers["content-security-policy"]


async def test_the_note_reads_what_is_open_and_planned(acme: Told) -> None:
    """Incidents before maintenances; the script is small and sets no cookie."""
    now = acme.app.database.clock()
    await acme.does(
        told.create, acme.page.id, title="Move", scheduled_for=now + DAY, scheduled_until=now + 2 * DAY
    )
    made = await acme.tells("Fire")
    facts = (await acme.gets("embed.json")).json()
    assert [(each["title"], each["tone"]) for each in facts["notices"]] == [
        ("Fire", "partial_outage"),
        ("Move", "under_maintenance"),
    ]
    assert facts["notices"][0]["url"].endswith(f"/incidents/{made.incident.public_id}")
    script = (await acme.gets("embed.js")).text
    assert len(script) < 2_500
    assert "cookie" not in script
    assert "Storage" not in script


async def test_a_feed_may_have_an_entry_for_each_update(acme: Told, clock: StoppedClock) -> None:
    """Ids stay, an edited update keeps its own; each link leads to the words on the page."""
    made = await acme.tells("Fire", "We look.")
    clock.advance(HOUR)
    await acme.does(told.post, made.incident.id, status=PublicStatus.IDENTIFIED, message="Found it.")
    for feed in ("feed.atom", "history.atom"):
        found = ET.fromstring((await acme.gets(f"{feed}?granularity=update")).content)
        entries = found.findall(f"{ATOM}entry")
        assert [each.findtext(f"{ATOM}title") for each in entries] == [
            "Identified: Fire",
            "Investigating: Fire",
        ]
    link = entries[0].find(f"{ATOM}link")
    assert link is not None
    anchor = link.attrib["href"].partition("#")[2]
    assert f'id="{anchor}"' in (await acme.gets(f"incidents/{made.incident.public_id}")).text
    rss = ET.fromstring((await acme.gets("history.rss?granularity=update")).content)
    assert len({each.findtext("guid") for each in rss.findall("channel/item")}) == 2
    assert (
        len(ET.fromstring((await acme.gets("feed.atom?granularity=x")).content).findall(f"{ATOM}entry")) == 1
    )


async def test_the_addresses_that_readers_of_others_know(acme: Told) -> None:
    """Statuspage's short link; Instatus' files."""
    made = await acme.tells("Fire")
    short = await acme.gets(f"i/{made.incident.public_id}")
    assert short.content == (await acme.gets(f"incidents/{made.incident.public_id}")).content
    summary = (await acme.gets("summary.json")).json()
    assert (summary["page"]["status"], summary["activeIncidents"][0]["status"]) == (
        "HASISSUES",
        "INVESTIGATING",
    )
    assert "activeMaintenances" not in summary
    parts = (await acme.gets("v2/components.json")).json()["components"]
    assert [(each["name"], each["status"]) for each in parts] == [
        ("API", "PARTIALOUTAGE"),
        ("Web", "OPERATIONAL"),
    ]


def test_a_badge_is_wide_enough_for_wide_letters() -> None:
    """Chinese letters are as wide as they are high."""
    found = embeds.badge(gallery.well(language="zh"), {})
    assert found is not None
    assert 'width="' in found.plain.body.decode()
    assert embeds._width("状态") > embeds._width("ab") + 8


SHOP = "https://shop.example"


async def _shop(browser: Any, sight: Any, body: str) -> Any:
    """Somebody's page under a strict policy of its own, with this in it."""
    page = await browser.new_page()
    allowed = (
        f"script-src {gallery.HOST}; connect-src {gallery.HOST}; frame-src {gallery.HOST}; style-src 'none'"
    )

    async def answer(route: Any, request: Any) -> None:
        if request.url.startswith(SHOP):
            headers = {
                "content-type": "text/html",
                "content-security-policy": f"default-src 'none'; {allowed}",
            }
            await route.fulfill(headers=headers, body=f"<!doctype html><title>Shop</title><body>{body}")
            return
        name = request.url.removeprefix(gallery.HOST).partition("?")[0].strip("/")
        found = renderings.render(sight, name, "", gallery.NOW)
        assert found is not None, name
        headers = {key.decode(): value.decode() for key, value in found.plain.headers} | {
            "x-frame-options": "DENY"
        }
        await route.fulfill(headers=headers, body=found.plain.body)

    await page.route("**/*", answer)
    await page.goto(f"{SHOP}/")
    return page


@pytest.mark.slow
async def test_the_note_floats_on_somebodys_page_while_something_is_wrong(browser: Any) -> None:
    """Hostile titles are words; it can be closed; while all is well there is nothing."""
    script = f'<script src="{gallery.HOST}/embed.js" data-position="top-left" defer></script>'
    (bad, *rest) = gallery.wrong().incidents
    hostile = msgspec.structs.replace(bad, title=gallery.HOSTILE)
    page = await _shop(browser, gallery.wrong(incidents=(hostile, *rest)), script)
    note = page.locator("aside")
    await note.wait_for()
    assert gallery.HOSTILE in await note.text_content()
    assert await note.locator("img,script").count() == 0
    assert (await note.bounding_box())["y"] < 100
    await note.get_by_role("button", name="Close").click()
    assert await page.locator("aside").count() == 0
    quiet = await _shop(browser, gallery.well(), script)
    await quiet.wait_for_load_state("networkidle")
    assert await quiet.locator("aside").count() == 0


@pytest.mark.slow
async def test_the_line_shows_in_a_frame(browser: Any) -> None:
    """On a page of another name, whatever the older header says."""
    page = await _shop(
        browser, gallery.wrong(), f'<iframe src="{gallery.HOST}/embed" width="300" height="30"></iframe>'
    )
    frame = page.frame_locator("iframe")
    await frame.get_by_role("link", name="Some systems are down").wait_for()
