"""What is older than the picture: months, permalinks and a year of uptime, at a cost that does not grow."""

import asyncio
from typing import Any

import pytest

from openalert.domain.errors import Unavailable
from openalert.domain.instant import DAY, HOUR
from openalert.domain.status_page import ComponentStatus, Logged
from openalert.domain.uptime import days
from openalert.domain.walltime import zone_named
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases import status_view
from openalert.web.status.archive import MOST_WAITING, Archive
from tests.conftest import StoppedClock
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio


async def _years_ago(acme: Told, clock: StoppedClock, title: str = "Fire of old") -> told.Told:
    """An incident that lasted three hours; two years have passed since."""
    made = await acme.tells(title)
    clock.advance(3 * HOUR)
    await acme.does(told.resolve, made.incident.id, message="Out.")
    clock.advance(730 * DAY)
    await acme.app.board.refresh_all()
    return made


async def test_a_permalink_works_for_ever(acme: Told, clock: StoppedClock) -> None:
    """The page and the JSON of an incident of two years ago, by its short address too; drafts never."""
    made = await _years_ago(acme, clock)
    draft = await acme.tells("Unsaid", is_draft=True)
    for path in (f"incidents/{made.incident.public_id}", f"i/{made.incident.public_id}"):
        text = (await acme.gets(path)).text
        assert "Fire of old" in text
        assert "lasted 3 h 00 min" in text
    answer = await acme.gets(f"/public/status/acme/incidents/{made.incident.id}")
    assert answer.json()["title"] == "Fire of old"
    for each in (draft.incident.public_id, draft.incident.id, "x" * 12, "0" * 36):
        await acme.gets(f"incidents/{each}", 404)
        await acme.gets(f"/public/status/acme/incidents/{each}", 404)


async def test_nothing_of_another_page_is_at_this_one(acme: Told, clock: StoppedClock) -> None:
    """An old incident is at the page that told it, and gone with it."""
    made = await _years_ago(acme, clock)
    other = await acme.does(pages.create, team_id=acme.cast.team.id, name="Other", slug="other")
    await acme.gets(f"/status/other/incidents/{made.incident.public_id}", 404)
    await acme.gets("/status/other/history/2026-01", 404)
    part = await acme.does(components.add_component, other.id, name="Theirs")
    await acme.gets(f"uptime/{part.public_id}", 404)


async def test_the_archive_goes_back_to_the_first_word(acme: Told, clock: StoppedClock) -> None:
    """Each month in between has a page, empty or not; before the first there is none, nor after this one."""
    await _years_ago(acme, clock)
    newest = (await acme.gets("history")).text
    assert 'href="/status/acme/history/2027-12"' in newest
    assert "Fire of old" in (await acme.gets("history/2026-01")).text
    assert "No incidents in May 2027." in (await acme.gets("history/2027-05")).text
    for month in ("2025-12", "2028-02", "2026-13", "1999-01"):
        await acme.gets(f"history/{month}", 404)


async def test_a_month_that_is_half_in_the_picture_is_whole(acme: Told, clock: StoppedClock) -> None:
    """What began in its first days is not forgotten because the picture begins in the middle of it."""
    made = await acme.tells("Early")
    await acme.does(told.resolve, made.incident.id, message="")
    clock.advance(20 * DAY)
    late = await acme.tells("Late")
    await acme.does(told.resolve, late.incident.id, message="")
    clock.advance(80 * DAY)
    await acme.app.board.refresh_all()
    text = (await acme.gets("history/2026-01")).text
    assert "Early" in text
    assert "Late" in text


async def test_more_than_the_picture_holds_is_in_the_archive(
    acme: Told, monkeypatch: pytest.MonkeyPatch, clock: StoppedClock
) -> None:
    """With a smaller picture: what it left out is in its month and at its address."""
    made = [await acme.tells(f"Number {n}") for n in range(4)]
    for each in made:
        await acme.does(told.resolve, each.incident.id, message="")
    monkeypatch.setattr(status_view, "MOST_INCIDENTS", 2)
    await acme.app.board.refresh_all()
    assert "Number 0" not in (await acme.gets()).text
    monkeypatch.undo()
    assert "Number 0" in (await acme.gets(f"incidents/{made[0].incident.public_id}")).text
    clock.advance(35 * DAY)
    monkeypatch.setattr(status_view, "MOST_INCIDENTS", 2)
    await acme.app.board.refresh_all()
    monkeypatch.undo()
    assert "Number 0" in (await acme.gets("history/2026-01")).text


async def test_a_year_of_uptime_day_by_day(acme: Told, clock: StoppedClock) -> None:
    """Each component with its months, and a calendar of its days."""
    await acme.does(components.change_component, acme.api.id, status=ComponentStatus.MAJOR_OUTAGE)
    clock.advance(6 * HOUR)
    await acme.does(components.change_component, acme.api.id, status=ComponentStatus.OPERATIONAL)
    clock.advance(200 * DAY)
    await acme.app.board.refresh_all()
    text = (await acme.gets("uptime")).text
    assert text.count('class="year"') == 2
    assert ">no data" not in text.replace("</span> ", ">")  # months before it was there are left out
    calendar = (await acme.gets(f"uptime/{acme.api.public_id}")).text
    assert "5 Jan 2026: Major outage, 6 h 00 min" in calendar
    assert '<td class="major_outage" title="5 Jan 2026: Major outage' in calendar
    await acme.does(components.change_component, acme.web.id, shows_uptime=False)
    assert (await acme.gets("uptime")).text.count('class="year"') == 1
    await acme.gets(f"uptime/{acme.web.public_id}", 404)


async def test_an_answer_is_kept_until_something_changes(
    acme: Told, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second reader costs no question to the database; a change of the page costs one."""
    made = await _years_ago(acme, clock)
    asked = []
    real = status_view.told_under

    async def counted(*args: Any) -> Any:
        asked.append(args)
        return await real(*args)

    monkeypatch.setattr(status_view, "told_under", counted)
    for _ in range(3):
        await acme.gets(f"incidents/{made.incident.public_id}")
    assert len(asked) == 1
    await acme.does(pages.update, acme.page.id, name="Acme Two")
    assert "Acme Two" in (await acme.gets(f"incidents/{made.incident.public_id}")).text
    assert len(asked) == 2


async def test_a_rush_is_one_question_at_a_time_and_then_refused(
    acme: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries addresses that nobody has is in the way of nobody but the like."""
    at_once, most, begun, go = 0, 0, asyncio.Event(), asyncio.Event()

    async def slow(*_: Any) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        begun.set()
        await go.wait()
        at_once -= 1

    monkeypatch.setattr(status_view, "told_under", slow)
    archive = Archive(acme.app.database)
    shown = acme.app.board.of_slug("acme")
    assert shown is not None
    asks = [
        asyncio.create_task(archive.answer(shown.page, f"incidents/{number:012d}", ""))
        for number in range(MOST_WAITING + 6)
    ]
    await begun.wait()
    go.set()
    found = await asyncio.gather(*asks, return_exceptions=True)
    assert most == 1
    assert sum(isinstance(each, Unavailable) for each in found) == 6


def test_a_long_log_costs_what_its_days_cost() -> None:
    """Only what held during a day is looked at for it: an entry is read for its own days, not for all."""

    reads = 0
    begun = 1_800_000_000_000

    class Counted(Logged):
        """Knows how often it was asked for its time: an hour after the one before, by the number that it is called."""

        @property
        def at(self) -> int:  # type: ignore[override]
            """Its time."""
            nonlocal reads
            reads += 1
            return begun + int(self.component_id) * HOUR

    both = (ComponentStatus.MAJOR_OUTAGE, ComponentStatus.OPERATIONAL)
    log = [Counted(component_id=str(number), at=0, status=both[number % 2]) for number in range(10_000)]
    found = days(log, began_at=0, now=begun + 10_000 * HOUR, zone=zone_named("UTC"), count=366)
    assert found[-2].major == 12 * HOUR
    assert 10_000 < reads < 100_000
