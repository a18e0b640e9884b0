"""Finding: what has a name, incidents by number, and acts from there; nothing that is hidden."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.access import Role
from openalert.domain.user import User
from tests import make
from tests.cast import World, level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def test_names_lead_to_their_pages(world: World, sign_in: SignIn) -> None:
    """People, services, teams and pages, by any part of the name in any case; wildcards are letters."""
    await world.policy(level(1, world.alice))
    browser = await sign_in(world.bob)
    assert (await browser.get("/find?q=ALI")).links["Alice"] == f"/users/{world.alice.id}"
    assert (await browser.get("/find?q=alice@ex")).links["Alice"] == f"/users/{world.alice.id}"
    assert (await browser.get("/find?q=data")).links["Database"] == f"/services/{world.service.id}"
    assert (await browser.get("/find?q=core")).links["Core"] == f"/teams/{world.core.id}"
    assert (await browser.get("/find?q=quiet")).links["My notification rules and quiet hours"] == "/me/rules"
    for nobody in ("%25", "_", "'", "no such thing"):
        page = await browser.get(f"/find?q={nobody}")
        assert "Nothing here is called" in page.text
    assert (await browser.get("/find")).links["Escalation policies"] == "/escalation-policies"


async def test_what_begins_with_the_words_comes_first(world: World, sign_in: SignIn) -> None:
    """And no more than five of a kind."""
    for number in range(6):
        await make.user(world.db, world.cast.organization, f"Ann-Alix {number}")
    text = (await (await sign_in(world.bob)).get("/find?q=Ali")).text
    assert text.index("Alice") < text.index("Ann-Alix 0")
    assert "Ann-Alix 4" not in text


async def test_an_incident_is_found_by_number_and_answered_at_once(world: World, sign_in: SignIn) -> None:
    """`ack 1` puts the act first; who may only look is offered none; a resolved one is found by its number alone."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    browser = await sign_in(world.bob)
    page = await browser.get("/find?q=disk")
    assert any("DiskFull" in words for words in page.links)
    page = await browser.get("/find?q=ack+1")
    assert page.text.index("Acknowledge #1") < page.text.index("#1 DiskFull") < page.text.index("Resolve #1")
    dora = await make.user(world.db, world.cast.organization, "Dora")
    await make.member(world.db, world.core, dora, Role.VIEWER)
    looks = (await (await sign_in(dora)).get("/find?q=%231")).text
    assert "#1 DiskFull" in looks
    assert "Resolve #1" not in looks
    browser = await sign_in(world.bob)
    await browser.press(page, f"/incidents/{(await world.incident()).id}/resolve")
    assert "Resolve #1" not in (await browser.get("/find?q=1")).text
    assert "DiskFull" in (await browser.get("/find?q=1")).text
    assert "Nothing here is called" in (await browser.get("/find?q=disk")).text


async def test_nothing_of_another_team_is_found(world: World, sign_in: SignIn) -> None:
    """Neither by name nor by number; the answer is that of what never was."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    stranger = await sign_in(world.charlie)
    for words in ("disk", "data", "core"):
        page = await stranger.get(f"/find?q={words}")
        assert "Nothing here is called" in page.text, words
    assert "There is no incident #1 here" in (await stranger.get("/find?q=1")).text
