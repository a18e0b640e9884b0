"""The handoff note on the page of a schedule."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.instant import DAY
from openalert.domain.schedule import RotationChange, RotationType
from openalert.domain.user import User
from openalert.engine import escalate
from openalert.usecases import incidents, schedules
from tests.cast import World, level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
HOSTILE = "<script>alert(1)</script>"


async def rota(world: World) -> str:
    """The path of a schedule in which Alice is on call today and Bob tomorrow; looked at once."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(
        rotation_type=RotationType.DAILY,
        member_ids=(world.alice.id, world.bob.id),
        effective_from=world.clock(),
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    await escalate.tell_handoffs(world.db)
    return f"/schedules/{made.id}"


async def test_a_note_is_written_on_the_page_and_read_there_by_the_next(
    world: World, sign_in: SignIn
) -> None:
    """Hostile words stay words; what is open stands beside them, and the next sees both at the top."""
    path = await rota(world)
    await world.policy(level(1, world.alice))
    await world.fires(HOSTILE)
    browser = await sign_in(world.alice)
    page = await browser.get(path)
    assert "This goes along by itself" in page.text
    page = await browser.post(f"{path}/handoff-note", words=f"{HOSTILE}\nask Charlie")
    assert "Whoever comes next gets it." in page.text
    world.clock.advance(DAY // 2)
    await sign_in(world.bob)
    world.clock.advance(DAY // 2)
    await escalate.tell_handoffs(world.db)
    browser = await sign_in(world.bob)
    page = await browser.get(path)
    card = page.html[page.html.index('id="handoff"') :]
    assert "from Alice, " in card
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\nask Charlie" in card
    assert HOSTILE not in page.html
    assert f"#{(await world.incident(1)).number} " in card


async def test_whoever_went_can_still_leave_something(world: World, sign_in: SignIn) -> None:
    """The form for the last note is Alice's; Bob has that for the next handoff alone; an older note is refused."""
    path = await rota(world)
    world.clock.advance(DAY)
    await escalate.tell_handoffs(world.db)
    browser = await sign_in(world.alice)
    page = await browser.get(path)
    assert "Leave a note for whoever came after me" in page.text
    note_id = page.html.split('name="note_id" value="')[1].split('"')[0]
    page = await browser.post(f"{path}/handoff-note", words="Watch db-1", note_id=note_id)
    assert "Saved." in page.text
    assert "Change what I left" in page.text
    page = await (await sign_in(world.bob)).get(path)
    assert "Watch db-1" in page.text
    assert "Change what I left" not in page.text
    world.clock.advance(DAY)
    await escalate.tell_handoffs(world.db)
    browser = await sign_in(world.alice)
    page = await browser.post(f"{path}/handoff-note", words="Too late", note_id=note_id)
    assert "handed over, too" in page.text


async def test_what_is_over_and_what_sleeps_is_told_apart(world: World, sign_in: SignIn) -> None:
    """A snoozed incident says until when; one that paged and is over stands below."""
    path = await rota(world)
    await world.policy(level(1, world.alice))
    await world.fires("Sleeps")
    await world.fires("Gone")
    await world.does(
        incidents.snooze, (await world.incident(1)).id, until=world.clock() + DAY // 2, by=world.alice
    )
    await world.does(incidents.resolve, (await world.incident(2)).id, by=world.alice)
    page = await (await sign_in(world.alice)).get(path)
    card = page.text[page.text.index("Handoff note") :]
    assert "snoozed until" in card
    assert card.index("Sleeps") < card.index("Paged, and over") < card.index("Gone")
