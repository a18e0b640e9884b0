"""The page as people read it: what stands where, feeds and badge, size and contrast."""

import re
import xml.etree.ElementTree as ET
from importlib.resources import files

import msgspec
import pytest

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR
from openalert.domain.status_page import ComponentStatus, Impact, PublicStatus
from openalert.domain.uptime import Day
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.web.status import colours
from openalert.web.status.renderings import render
from openalert.web.status.view import View
from tests.conftest import StoppedClock
from tests.house.test_static import _contrast
from tests.web.status import gallery
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio

ATOM = "{http://www.w3.org/2005/Atom}"
SHEET = (files("openalert.web") / "templates/status/page.css").read_text()


async def test_all_is_well_in_one_word(acme: Told) -> None:
    """The banner is a status for screen readers; nothing else is told."""
    text = (await acme.gets()).text
    assert re.search(r'role="status"[^>]*>.*?All systems operational', text, re.S)
    assert "Open incidents" not in text
    assert "22 Dec 2025 to 5 Jan 2026" in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("under_maintenance", "Maintenance under way"),
        ("degraded_performance", "Degraded performance"),
        ("partial_outage", "Partial outage"),
        ("major_outage", "Some systems are down"),
    ],
)
async def test_the_banner_says_the_worst(acme: Told, status: str, words: str) -> None:
    """In words, as a shape and as a colour."""
    await acme.does(components.change_component, acme.api.id, status=ComponentStatus(status))
    text = (await acme.gets()).text
    assert f'<p class="headline">{words}</p>' in text
    assert f'<div class="banner {status}" id="banner" role="status">' in text
    assert f'<use href="#{status}"/>' in text
    assert "1 of 2 components affected" in text


async def test_an_open_incident_stands_first_and_a_resolved_one_on_its_day(
    acme: Told, clock: StoppedClock
) -> None:
    """Its words are Markdown; later it is among the past ones, with how long it took, and in its month."""
    made = await acme.tells("Fire", "Look **here**: https://acme.example/x")
    text = (await acme.gets()).text
    assert text.index("Fire") < text.index('id="components"')
    assert "<strong>here</strong>" in text
    clock.advance(3 * HOUR)
    await acme.does(told.resolve, made.incident.id, message="Out.")
    clock.advance(2 * DAY)
    await acme.app.board.refresh_all()
    text = (await acme.gets()).text
    assert "Fire" in text[text.index('id="past"') :]
    assert 'class="card told' not in text
    assert "lasted 3 h 00 min" in text
    assert "5 Jan 2026: Partial outage, 3 h 00 min; Uptime" in text
    assert "Out." in (await acme.gets("history/2026-01")).text
    single = (await acme.gets(f"incidents/{made.incident.public_id}")).text
    assert single.index("Resolved") < single.index("Investigating")


def test_from_when_to_when_names_a_day_once() -> None:
    """Two hours of one day, or over midnight."""
    (work, *_) = gallery.planned(underway=False).incidents
    view = View(gallery.planned(underway=False), gallery.NOW)
    assert re.sub("<[^>]+>", "", view.times(work)) == "23 May 2026, 16:07 CEST to 18:07 CEST"
    night = msgspec.structs.replace(work, scheduled_until=gallery.NOW + 4 * DAY)
    assert re.sub("<[^>]+>", "", view.times(night)) == "23 May 2026, 16:07 CEST to 24 May 2026, 16:07 CEST"


async def test_days_are_those_of_the_page(acme: Told, clock: StoppedClock) -> None:
    """23:30 in London is the next day in Tokyo."""
    clock.advance(14 * HOUR)
    await acme.does(pages.update, acme.page.id, timezone="Asia/Tokyo")
    made = await acme.tells()
    await acme.does(told.resolve, made.incident.id, message="")
    assert "<h3>6 Jan 2026</h3>" in (await acme.gets()).text


async def test_feeds_are_xml_with_one_entry_for_each_incident(acme: Told, clock: StoppedClock) -> None:
    """The id stays, the date moves with each update, and nothing moves without one."""
    made = await acme.tells("A <b> & co", "It's < 5")
    first = ET.fromstring((await acme.gets("feed.atom")).content)
    clock.advance(HOUR)
    await acme.app.board.refresh_all()
    before = (await acme.gets("feed.atom")).headers["etag"]
    await acme.does(told.post, made.incident.id, status=PublicStatus.IDENTIFIED, message="Found")
    answer = await acme.gets("feed.atom")
    second = ET.fromstring(answer.content)
    assert answer.headers["etag"] != before
    assert second.findtext(f"{ATOM}updated") == "2026-01-05T10:00:00.000Z"
    entries = [each.findall(f"{ATOM}entry") for each in (first, second)]
    assert [len(each) for each in entries] == [1, 1]
    assert entries[0][0].findtext(f"{ATOM}id") == entries[1][0].findtext(f"{ATOM}id")
    assert entries[1][0].findtext(f"{ATOM}title") == "A <b> & co"
    content = entries[1][0].findtext(f"{ATOM}content") or ""
    assert content.index("Found") < content.index("It&#39;s &lt; 5")
    rss = ET.fromstring((await acme.gets("feed.rss")).content)
    (item,) = rss.findall("channel/item")
    assert item.findtext("guid") == item.findtext("link")
    assert item.findtext("pubDate") == "Mon, 05 Jan 2026 09:00:00 +0000"


async def test_the_badge_says_it_in_its_title(acme: Told) -> None:
    """A picture with words for those who do not see it."""
    await acme.does(components.change_component, acme.api.id, status=ComponentStatus.MAJOR_OUTAGE)
    answer = await acme.gets("badge.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "<title>Acme: outage</title>" in answer.text
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


async def test_a_large_page_is_small(acme: Told, clock: StoppedClock) -> None:
    """Forty components, each with ten bad days, and twenty incidents: under 30 kB as it is sent."""
    made = [await acme.does(components.add_component, acme.page.id, name=f"Part {n}") for n in range(40)]
    for day in range(20):
        clock.advance(DAY)
        about = {each.id: ComponentStatus.PARTIAL_OUTAGE for each in made[day % 2 :: 2]}
        bad = await acme.does(
            told.create,
            acme.page.id,
            title=f"Trouble {day}",
            message="We look into it. " * 10,
            components=about,
        )
        clock.advance(HOUR)
        await acme.does(told.resolve, bad.incident.id, message=f"It was cause {day}.")
    shown = acme.app.board.of_slug("acme")
    assert shown is not None
    answer = shown.answer("", "/status/acme")
    assert answer is not None
    assert len(answer.zipped.body) < 30_000


def test_a_usual_page_is_small_as_it_is() -> None:
    """Under 30 kB before anything is packed, with an open incident and a past; its script under 3 kB as it is sent."""
    for sight in (gallery.wrong(), gallery.well()):
        answer = render(sight, "", "", gallery.NOW)
        assert answer is not None
        assert len(answer.plain.body) < 30_000
    found = render(gallery.well(), "live.js", "", gallery.NOW)
    assert found is not None
    assert len(found.zipped.body) < 3_000


@pytest.mark.parametrize("number", range(0, 4096, 37))
def test_every_colour_of_a_team_can_be_read(number: int) -> None:
    """Links in it have 4.5:1 on every ground of both themes, and a colour that has it is left as it is."""
    accent = "#" + "".join(f"{(number >> shift & 15) * 17:02x}" for shift in (8, 4, 0))
    found = re.search(r"--link:light-dark\((#[0-9a-f]{6}),(#[0-9a-f]{6})\)", colours.branded(accent))
    assert found is not None
    for colour, grounds in zip(found.groups(), colours.GROUNDS, strict=True):
        contrasts = [_contrast(colour, ground) for ground in grounds]
        assert min(contrasts) >= 4.5, accent
        if min(_contrast(accent, ground) for ground in grounds) >= 4.5:
            assert colour == accent


def test_links_stand_on_the_grounds_that_they_are_made_for() -> None:
    """The grounds of the style sheet are those that colours are moved for."""
    found = dict(re.findall(r"--(ground|surface): light-dark\(([^)]+)\);", SHEET))
    pairs = [found[name].split(", ") for name in ("ground", "surface")]
    assert tuple(zip(*pairs, strict=True)) == colours.GROUNDS


def test_a_page_is_never_green_while_an_incident_is_open() -> None:
    """Also where no component is touched by it."""
    page = gallery.page(
        gallery.component("API"),
        incidents=(gallery.told("Odd", PublicStatus.INVESTIGATING, Impact.NONE, HOUR),),
    )
    view = View(page, gallery.NOW)
    assert (view.headline, view.tone) == ("We are looking into an incident", "degraded_performance")


async def test_the_language_of_a_page_is_that_of_its_words(acme: Told) -> None:
    """Page, feeds and badge; an unknown one is refused with those that there are."""
    await acme.does(pages.update, acme.page.id, language="de")
    await acme.tells("Brand")
    text = (await acme.gets()).text
    assert '<html lang="de" dir="ltr">' in text
    for words in ("Teilausfall", "Offene Störungen", "vor 90 Tagen", "5. Jan. 2026"):
        assert words in text, words
    assert not re.search(r"Open incidents|Investigating|No incidents|days ago", text)
    assert "Störungsverlauf" in (await acme.gets("feed.atom")).text
    assert "<title>Acme: Ausfall</title>" in (await acme.gets("badge.svg")).text
    with pytest.raises(Invalid, match="one of de, en, es, fr, it, ja, nl, pl, pt, zh"):
        await acme.does(pages.update, acme.page.id, language="tlh")


def test_a_day_of_two_outages_names_both() -> None:
    """The longer words of the list below the bars."""
    view = View(gallery.well(), gallery.NOW)
    day = Day(date="2026-01-05", known=DAY, partial=HOUR, major=2 * HOUR, worst=ComponentStatus.MAJOR_OUTAGE)
    assert (
        view.day_words(day)
        == "5 Jan 2026: Major outage, 2 h 00 min; Partial outage, 1 h 00 min; Uptime 90.41 %"
    )
    slow = Day(date="2026-01-05", known=DAY, worst=ComponentStatus.DEGRADED_PERFORMANCE)
    assert view.day_words(slow) == "5 Jan 2026: Degraded performance"


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_shapes_can_be_read_in_both_themes(theme: int) -> None:
    """4.5:1 for words on both grounds, 3:1 for the bars beside them (WCAG 2.2 AA, 1.4.3 and 1.4.11)."""
    found = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", SHEET)
    colours = {name: both[theme] for name, *both in found}
    grounds = [colours["ground"], colours["surface"]]
    words = ["text", "muted", "good", "minor", "major", "critical", "planned"]
    weak = [name for name in words if min(_contrast(colours[name], ground) for ground in grounds) < 4.5]
    bars = ["bar-good", "bar-minor", "bar-major", "bar-critical", "bar-planned"]
    weak += [name for name in bars if _contrast(colours[name], colours["surface"]) < 3]
    assert weak == []
