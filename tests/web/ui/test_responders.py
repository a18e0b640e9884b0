"""Responders on the page of an incident: asking, answering and leading by plain forms."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain import action
from openalert.domain.action import Verb
from openalert.domain.user import User
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser
from tests.web.ui.conftest import SECRET

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def _burning(world: World) -> str:
    """Alice is paged and nobody else ever is; the page of the incident."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    return f"/incidents/{(await world.incident()).id}"


async def test_asking_answering_and_leading_work_as_plain_forms(world: World, sign_in: SignIn) -> None:
    """Alice asks Bob, who finds the question on top of the card, comes in ten minutes and gets the lead."""
    here = await _burning(world)
    alice = await sign_in(world.alice)
    assert "Nobody was asked to help." in (await alice.get(here)).text
    page = await alice.press(
        await alice.get(here), f"{here}/ask", who=f"user:{world.bob.id}", message="The <b>disk</b>"
    )
    assert "Bob was asked to help and paged now." in page.text
    assert "no answer yet" in page.text
    assert "The &lt;b&gt;disk&lt;/b&gt;" in page.html
    bob = await sign_in(world.bob)
    asked = await bob.get(here)
    assert "Alice asked you to help" in asked.text
    page = await bob.press(asked, f"{here}/join", minutes="10")
    assert "in 10 min" in page.text
    alice = await sign_in(world.alice)
    page = await alice.press(await alice.get(here), f"{here}/lead", user_id=world.bob.id)
    assert "Commander" in page.text
    page = await alice.press(page, f"{here}/release", user_id=world.bob.id)
    assert "Alice took Bob off the responders" in page.text
    page = await alice.post(f"{here}/release", user_id=world.bob.id)
    assert "They are no responder of this incident any more." in page.text


async def test_whoever_no_message_reaches_is_marked(world: World, sign_in: SignIn) -> None:
    """The mail server refuses Bob's address: Alice reads it beside his name, and that he may be asked otherwise."""
    here = await _burning(world)

    def refuse(message: Message) -> Receipt:
        raise NotifierError(Reason.REFUSED, "550 no such box", permanent=True)

    world.email.behave = refuse
    alice = await sign_in(world.alice)
    await alice.post(f"{here}/ask", who=f"user:{world.bob.id}")
    await world.engine.run_until_idle()
    assert "not reached" in (await alice.get(here)).text


async def test_the_link_of_a_request_says_what_pressing_does(
    world: World, sign_in: SignIn, stranger: Browser
) -> None:
    """Without signing in: the page behind the button asks, and afterwards says that it is done."""
    here = await _burning(world)
    await (await sign_in(world.alice)).post(f"{here}/ask", who=f"user:{world.bob.id}")
    incident_id = here.rpartition("/")[2]
    path = "/a/" + action.sign(SECRET, incident_id, world.bob.id, Verb.JOIN, world.clock(), "email")
    page = await stranger.get(path)
    assert "I am coming" in page.text
    assert "You do this as Bob" in page.text
    page = await stranger.press(page, path)
    assert "Done: joined" in page.text
    assert "I cannot come" in page.text
