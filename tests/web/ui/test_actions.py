"""The page behind the button of a message."""

import pytest

from openalert.domain import action
from openalert.domain.action import VALID_FOR, Verb
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.user import User
from openalert.usecases import incidents as acts
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser
from tests.web.ui.conftest import SECRET

pytestmark = pytest.mark.anyio


async def _link(world: World, user: User, verb: Verb = Verb.ACKNOWLEDGE) -> str:
    """DiskFull fires, pages Alice, and later Bob; the link in this person's message."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("DiskFull")
    incident = await world.incident()
    return "/a/" + action.sign(SECRET, incident.id, user.id, verb, world.clock(), "email")


async def test_looking_changes_nothing_and_pressing_acknowledges(world: World, stranger: Browser) -> None:
    """A scanner that follows the link does no harm; the one big button, without sign-in or script, answers."""
    link = await _link(world, world.alice)
    for _ in range(3):
        page = await stranger.get(link)
    assert (await world.incident()).status is IncidentStatus.TRIGGERED
    assert "You take it and the escalation stops. Bob will not be paged." in page.text
    assert "You do this as Alice" in page.text
    page = await stranger.press(page, link)
    assert "Done: acknowledged" in page.text
    assert (await world.incident()).acknowledged_by_id == world.alice.id


async def test_pressing_twice_is_harmless(world: World, stranger: Browser) -> None:
    """The second press says the same as the first and writes nothing."""
    link = await _link(world, world.alice)
    await stranger.post(link)
    told = len(await world.story())
    page = await stranger.post(link)
    assert "Done: acknowledged" in page.text
    assert len(await world.story()) == told


async def test_whoever_comes_second_learns_who_was_first(world: World, stranger: Browser) -> None:
    """Bob had it already: Alice's link says so and changes nothing."""
    link = await _link(world, world.alice)
    await world.does(acts.acknowledge, (await world.incident()).id, by=world.bob)
    page = await stranger.get(link)
    assert "Bob was first" in page.text
    page = await stranger.post(link)
    assert "Bob was first" in page.text
    assert (await world.incident()).acknowledged_by_id == world.bob.id


async def test_after_acknowledging_it_can_be_resolved_from_the_same_page(
    world: World, stranger: Browser
) -> None:
    """The page that is open in the hand at night leads on to the end, still without sign-in."""
    link = await _link(world, world.alice)
    page = await stranger.post(link)
    resolve = next(form["action"] for form in page.forms if form["action"].startswith("/a/"))
    page = await stranger.press(page, resolve)
    assert "Done: resolved" in page.text
    assert (await world.incident()).status is IncidentStatus.RESOLVED


async def test_an_old_or_forged_link_says_that_it_no_longer_works(world: World, stranger: Browser) -> None:
    """Expired, altered and invented tokens all get the same page, and change nothing."""
    link = await _link(world, world.alice)
    altered = link[:-5] + ("y" if link[-5] == "x" else "x") + link[-4:]
    for other in (altered, "/a/nonsense", "/a/" + "x" * 2000):
        page = await stranger.get(other)
        assert page.status == 404
        assert "This link no longer works" in page.text
        assert "DiskFull" not in page.text
    world.clock.advance(VALID_FOR)
    assert "This link no longer works" in (await stranger.get(link)).text
    assert "This link no longer works" in (await stranger.post(link)).text
    assert (await world.incident()).status is IncidentStatus.TRIGGERED


@pytest.mark.parametrize(
    ("verb", "effect", "done"),
    [
        (Verb.RESOLVE, "The incident ends, with all its alerts. Bob will not be paged.", "Done: resolved"),
        (Verb.SNOOZE, "Nobody is paged until then.", "Done: snoozed until"),
        (Verb.ESCALATE, "Bob is paged now. What was sent to you still holds.", "Done: escalated"),
        (Verb.HAND_ON, "You cannot take it. Bob is paged now, and nothing more", "Done: handed on"),
    ],
)
async def test_every_verb_says_what_it_will_do_and_what_it_did(
    world: World, stranger: Browser, verb: Verb, effect: str, done: str
) -> None:
    """Looking changes nothing; pressing does it once, however often it is pressed."""
    link = await _link(world, world.alice, verb)
    before = await world.story()
    assert effect in (await stranger.get(link)).text
    assert await world.story() == before
    page = await stranger.post(link)
    assert done in page.text
    told = await world.story()
    assert done in (await stranger.post(link)).text
    assert await world.story() == told


async def test_the_page_offers_every_verb_that_makes_sense(world: World, stranger: Browser) -> None:
    """Five while it waits, two once somebody has it, none when it is over; each with its own link."""
    link = await _link(world, world.alice)
    page = await stranger.get(link)
    offered = [action.read(SECRET, form["action"].removeprefix("/a/")) for form in page.forms]
    assert [claims.verb.value for claims in offered if claims] == [
        "acknowledge",
        "resolve",
        "snooze",
        "escalate",
        "hand_on",
    ]
    page = await stranger.post(link)
    assert len(page.forms) == 2
    page = await stranger.press(page, page.forms[0]["action"])
    assert not page.forms


async def test_a_snooze_is_as_long_as_the_button_says(world: World, stranger: Browser) -> None:
    """Half an hour is half an hour; too long changes nothing, and nonsense is the hour that needs no choice."""
    link = await _link(world, world.alice, Verb.SNOOZE)
    await stranger.post(link, minutes="99999")
    assert (await world.incident()).snoozed_until is None
    await stranger.post(link, minutes="30")
    assert (await world.incident()).snoozed_until == world.clock() + 30 * MINUTE
    await stranger.post(link, minutes="\u0661\u0660x")
    assert (await world.incident()).snoozed_until == world.clock() + HOUR


async def test_nobody_is_left_to_hand_it_to(world: World, stranger: Browser) -> None:
    """Everybody was paged: the page says so before and after pressing, and the incident stays as it is."""
    link = await _link(world, world.alice, Verb.HAND_ON)
    await world.advance(minutes=30)
    told = await world.story()
    for page in (await stranger.get(link), await stranger.post(link)):
        assert "There is no next level" in page.text
    assert await world.story() == told
