"""The page of swaps: a shift given away in two clicks, taken in one, and what cannot be said beside its field."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.user import User
from openalert.usecases import swaps
from tests.cast import World
from tests.web.ui.browser import Browser, Page
from tests.web.ui.test_schedules import _made

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
WEEK = (1768208400000, 1768813200000)
"""Bob's coming week, which begins on Monday 2026-01-12 at 09:00 UTC."""
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
    page = await browser.get(_filled_in(page.links["Give away"]))
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


async def _offered(world: World, path: str, **options: Any) -> str:
    """The path of an offer of Bob, of his coming week."""
    schedule_id = path.rpartition("/")[2]
    span = {"start_at": WEEK[0], "end_at": WEEK[1]} | options
    return f"{path}/swaps/{(await world.does(swaps.offer, schedule_id, by=world.bob, **span)).id}"


def _part_of(page: Page, action: str) -> dict[str, Any]:
    """The fields of the form that takes a part, which has times to be typed."""
    [fields] = [
        form["fields"] for form in page.forms if form["action"] == action and form["fields"].get("take")
    ]
    return dict(fields)


def _filled_in(link: str) -> str:
    """Where a link leads that fills in the form."""
    return link.replace("&amp;", "&").partition("#")[0]


async def test_the_form_says_who_could_take_a_shift(world: World, sign_in: SignIn) -> None:
    """Beside each person stands what speaks for and against; whoever is chosen alone is asked."""
    path = (await _made(world, await sign_in(world.alice))).path
    browser = await sign_in(world.bob)
    page = await browser.get(_filled_in((await browser.get(f"{path}/swaps")).links["Give away"]))
    assert "Anybody in the team" in page.text
    assert "h on call in eight weeks, reachable, free" in page.text
    assert "Without asking" not in page.text
    page = await browser.press(page, f"{path}/swaps", to_user_id=world.alice.id)
    assert "asks Alice" in page.text
    await sign_in(world.alice)
    page = await browser.get("/me")
    assert "asks you in Core" in page.text
    decline = next(form["action"] for form in page.forms if form["action"].endswith("/decline"))
    assert "whose shift it is keeps it" in (await browser.post(decline)).text
    assert "Shifts on offer" not in (await browser.get("/me")).text


async def test_my_page_leads_to_giving_a_shift_away(world: World, sign_in: SignIn) -> None:
    """One click fills in the form, the next offers it; my page then shows it as mine."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    await sign_in(world.bob)
    page = await browser.get("/me")
    page = await browser.get(_filled_in(page.links["Give away"]))
    assert page.form(f"{path}/swaps")["fields"]["start"] == "2026-01-12T09:00"
    page = await browser.press(page, f"{path}/swaps")
    assert "It is offered" in page.text
    assert "Shifts on offer" in (await browser.get("/me")).text


async def test_a_part_of_an_offer_and_of_a_shift_is_taken(world: World, sign_in: SignIn) -> None:
    """The form is filled in with the whole; what lies outside is refused beside its field and stays typed."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    offer = await _offered(world, path)
    page = await browser.get(f"{path}/swaps?take={offer.rpartition('/')[2]}")
    assert "Take a part of Bob’s shift" in page.text
    fields = _part_of(page, f"{offer}/take")
    assert (fields["start"], fields["end"]) == ("2026-01-12T09:00", "2026-01-19T09:00")
    page = await browser.post(f"{offer}/take", **fields | {"start": "2026-01-11T09:00"})
    assert page.status == 422
    assert "The beginning must lie within what is offered" in page.text
    fields = _part_of(page, f"{offer}/take")
    assert fields["start"] == "2026-01-11T09:00"
    page = await browser.post(
        f"{offer}/take", **fields | {"start": "2026-01-13T09:00", "end": "2026-01-14T09:00"}
    )
    assert "This part of the shift is yours." in page.text
    await sign_in(world.bob)
    page = await browser.get(_filled_in((await browser.get(f"{path}/swaps")).links["A part"]))
    fields = _part_of(page, f"{path}/swaps/take") | {"end": "2026-01-06T09:00"}
    page = await browser.post(f"{path}/swaps/take", **fields)
    assert "The shift is yours" in page.text
    assert "Core: Bob" in (await browser.get(path)).text


async def test_an_offer_that_has_moved_is_not_taken_unseen(world: World, sign_in: SignIn) -> None:
    """The button carries the times that the reader saw; with others, they look again."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    offer = await _offered(world, path)
    page = await browser.post(f"{offer}/take", seen=f"{WEEK[0]} {WEEK[1] + 1}")
    assert "The shift has moved since you saw it" in page.text
    assert "asks the team" in page.text


async def test_admins_put_somebody_on_call_without_asking(world: World, sign_in: SignIn) -> None:
    """With a person, and without one it is refused beside the choice; whoever is no admin is refused."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    page = await browser.get(f"{path}/swaps?start={WEEK[0]}&end={WEEK[1]}&user_id={world.bob.id}")
    page = await browser.press(page, f"{path}/swaps", at_once="1")
    assert "Choose who is put on call." in page.text
    page = await browser.press(page, f"{path}/swaps", at_once="1", to_user_id=world.alice.id)
    assert "The shift has changed hands" in page.text
    await sign_in(world.bob)
    span = {"start": str(WEEK[0]), "end": str(WEEK[1]), "user_id": world.alice.id}
    page = await browser.post(f"{path}/swaps", at_once="1", to_user_id=world.bob.id, **span)
    assert "The shift has changed hands" in page.text  # he takes it himself
    refused = await browser.post(f"{path}/swaps", at_once="1", to_user_id=world.alice.id, **span)
    assert refused.status == 403


@pytest.mark.parametrize("start", ["", "x", "99999999999999999999", "253402214400000", "-1", "0"])
async def test_an_address_with_nonsense_shows_the_page(world: World, sign_in: SignIn, start: str) -> None:
    """Whatever somebody puts into it; the form is there to be filled in."""
    browser = await sign_in(world.alice)
    path = (await _made(world, browser)).path
    for query in (
        f"start={start}&end={start}&user_id=x",
        f"take=x&start={start}",
        f"take=shift&start={start}",
    ):
        assert (await browser.get(f"{path}/swaps?{query}")).status == 200
    assert (await browser.post(f"{path}/swaps", start=start, end=start, to_user_id="x")).status == 422
