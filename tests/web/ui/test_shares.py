"""Who carries how much, on the page of a schedule; the clock stands at Monday 2026-01-05, 09:00 UTC."""

import re
from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.instant import DAY
from openalert.domain.schedule import RotationChange, RotationType
from openalert.domain.user import User
from openalert.usecases import schedules
from openalert.web.ui.shares import hours
from tests.cast import World
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def rota(world: World, *members: str) -> str:
    """The path of a schedule whose members take turns by the day, which are counted for a hundred days already."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(
        rotation_type=RotationType.DAILY, member_ids=members, effective_from=world.clock() - 100 * DAY
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    return f"/schedules/{made.id}"


async def test_bars_and_sentences_say_who_carries_too_much(world: World, sign_in: SignIn) -> None:
    """Alice has three days of four: her amounts are marked, her longest bar fills the column, and words say so."""
    path = await rota(world, world.alice.id, world.alice.id, world.alice.id, world.bob.id)
    browser = await sign_in(world.bob)
    page = (await browser.get(path)).html
    share = page[page.index('id="schedule_share"') :]
    assert re.search(r"Alice has (49|50|51)% more hours, (49|50|51)% more nights", share)
    assert "Somebody is on call all the time." in share
    assert 'class="much"' in share
    assert 'class="amount" width="100.0%"' in share
    assert share.index("Alice", share.index("<tbody")) < share.index("Bob", share.index("<tbody")), (
        "most first"
    )


async def test_the_year_and_the_past_are_other_times(world: World, sign_in: SignIn) -> None:
    """Each has its address; the past has pages; what the address says wrongly is the next 90 days."""
    path = await rota(world, world.alice.id, world.bob.id)
    world.clock.advance(90 * DAY)
    browser = await sign_in(world.alice)
    for asked, days in (("year", 364), ("past", 90), ("nonsense", 90), ("", 90)):
        page = (await browser.get(f"{path}?share={asked}")).html
        share = page[page.index('id="schedule_share"') :]
        assert share.count(f"{days * 12:,} h") == 2, asked
        assert ("pages are those of the team" in share) == (asked == "past")


async def test_a_schedule_of_nobody_has_no_bars(world: World, sign_in: SignIn) -> None:
    """And says so."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Empty", timezone="UTC")
    page = (await (await sign_in(world.alice)).get(f"/schedules/{made.id}")).html
    share = page[page.index('id="schedule_share"') :]
    assert "Nobody is on call in this time." in share
    assert "of 100" not in share


@pytest.mark.parametrize(
    ("span", "words"), [(0, "0 h"), (3_600_000, "1 h"), (5_400_000, "1.5 h"), (5_184_000_000, "1,440 h")]
)
def test_hours_are_as_exact_as_they_need_to_be(span: int, words: str) -> None:
    """Halves only below ten hours."""
    assert hours(span) == words
