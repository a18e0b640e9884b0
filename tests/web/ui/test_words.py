"""The page on which an organization chooses its words."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.user import User
from openalert.usecases import words
from tests.web.ui.browser import Browser
from tests.world import World, level

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def test_words_are_looked_at_with_a_real_incident_and_then_kept(world: World, sign_in: SignIn) -> None:
    """Looking keeps nothing and shows each way; saving keeps; what cannot be read is told beside its field."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    browser = await sign_in(world.alice)
    assert "[#1] MEDIUM: DiskFull" in (await browser.get("/settings/words")).text
    looked = await browser.post("/settings/words", look="1", sms="{{ service.name | upper }} is down")
    assert "MEDIUM #1 DATABASE is down" in looked.text
    assert "1 segment" in looked.text
    async with world.db.read() as reader:
        assert await words.of_mine(reader, world.as_(world.alice)) == {}
    wrong = await browser.post("/settings/words", sms="{{ service.nme }}")
    assert wrong.status == 422
    assert "At character 4: service.nme is not known; there is incident.number" in wrong.text
    saved = await browser.post("/settings/words", sms="{{ service.name | upper }} is down")
    assert "messages say it from now on" in saved.text
    assert "your words" in saved.text


async def test_without_an_incident_a_made_up_one_is_shown(world: World, sign_in: SignIn) -> None:
    """The page is of use on the first day too; a member is refused."""
    page = await (await sign_in(world.alice)).get("/settings/words")
    assert "Disk almost full on db-1 (Checkout)" in page.text
    assert (await (await sign_in(world.bob)).get("/settings/words")).status == 403


async def test_the_preview_shows_a_number_that_people_get(world: World, sign_in: SignIn) -> None:
    """Numbers begin at 10: `Reply 1 1` would teach a reader an answer that never works."""
    page = await (await sign_in(world.alice)).get("/settings/words")
    assert "Reply 1 10 = acknowledge, 2 10 = resolve, 0 = help" in page.text
