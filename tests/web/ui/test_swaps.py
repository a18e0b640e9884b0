"""The page of swaps: a shift given away in two clicks, taken in one, and what cannot be said beside its field."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.user import User
from tests.web.ui.browser import Browser
from tests.web.ui.test_schedules import _made
from tests.world import World

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
HOSTILE = "<script>alert(1)</script>"


async def test_a_shift_is_given_away_taken_and_taken_back(world: World, sign_in: SignIn) -> None:
    """The schedule links to it; the link of a shift fills in the form; the note is only quoted."""
    browser = await sign_in(world.alice)
    page = await _made(world, browser)
    path = page.path
    page = await browser.get(page.links["Swaps"])
    assert "Nothing is offered" in page.text
    await sign_in(world.bob)
    page = await browser.get(f"{path}/swaps")
    assert page.links["Give away"].count("user_id=") == 1
    page = await browser.get(page.links["Give away"].replace("&amp;", "&").partition("#")[0])
    page = await browser.press(page, f"{path}/swaps", note=HOSTILE)
    assert "It is offered" in page.text
    assert HOSTILE not in page.html
    await sign_in(world.alice)
    page = await browser.get(f"{path}/swaps")
    take = next(
        form["action"]
        for form in page.forms
        if form["action"].endswith("/take") and "/swaps/0" in form["action"]
    )
    page = await browser.post(take)
    assert "The shift is yours." in page.text
    assert "taken by Alice" in page.text
    await sign_in(world.bob)
    undo = next(form["action"] for form in page.forms if form["action"].endswith("/withdraw"))
    assert "everybody has their own shifts" in (await browser.post(undo)).text


async def test_a_shift_is_taken_without_an_offer(world: World, sign_in: SignIn) -> None:
    """Bob presses the button beside Alice's shift, which runs: he is on call; a viewer sees no buttons."""
    path = (await _made(world, await sign_in(world.alice))).path
    bob = await sign_in(world.bob)
    page = await bob.press(await bob.get(f"{path}/swaps"), f"{path}/swaps/take")
    assert "The shift is yours" in page.text
    assert "Core: Bob" in (await bob.get(path)).text


async def test_a_shift_that_one_does_not_have_is_refused_beside_its_field(
    world: World, sign_in: SignIn
) -> None:
    """The sentence, and the form as it was."""
    path = (await _made(world, await sign_in(world.alice))).path
    page = await (await sign_in(world.bob)).post(
        f"{path}/swaps", start="2026-01-05T10:00", end="2026-01-05T12:00", note="Dentist"
    )
    assert page.status == 422
    assert "The beginning: Bob is not on call for all of that time." in page.text
    assert page.form(f"{path}/swaps")["fields"]["note"] == "Dentist"
    page = await (await sign_in(world.bob)).post(
        f"{path}/swaps", start="2026-01-05T10:00", end="2026-01-05T12:00", in_return="x 1"
    )
    assert "Choose one of the shifts." in page.text
