"""The page of all messages: filtered by its address, with every try, and what failed can be sent again."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.notification import NotificationKind
from openalert.domain.user import User
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.usecases import contact_methods, incidents, test_pages
from tests.cast import World, level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio

SignIn = Callable[[User], Awaitable[Browser]]


def _refuse(message: Message) -> Receipt:
    raise NotifierError(Reason.REFUSED, "554 <b>no</b> thanks", permanent=True)


async def _failed_page(world: World) -> str:
    """A page to Alice that the mail server refused for good; its id."""
    await world.policy(level(1, world.alice), repeats=0)
    world.email.behave = _refuse
    await world.fires("DiskFull")
    world.email.behave = None
    world.email.received.clear()
    found: str = await world.value("SELECT id FROM notifications WHERE kind = 'page' ORDER BY id LIMIT 1")
    return found


async def test_nothing_yet_says_what_will_be_here(world: World, sign_in: SignIn) -> None:
    """An empty installation, and no dead letters."""
    browser = await sign_in(world.alice)
    page = await browser.get("/deliveries")
    assert "No message yet" in page.text
    assert page.links["Messages"] == "/deliveries"
    assert "Nothing failed" in (await browser.get("/deliveries?tab=failed")).text


async def test_a_dead_letter_shows_the_provider_s_words_escaped(world: World, sign_in: SignIn) -> None:
    """With its try; and filters in the address find it or do not."""
    await _failed_page(world)
    browser = await sign_in(world.alice)
    page = (await browser.get("/deliveries?tab=failed")).text
    assert "554 <b>no</b> thanks" in page
    assert "1 try" in page
    assert "DiskFull" in page
    assert "Nothing matches" in (await browser.get("/deliveries?channel=sms")).text
    assert "Nothing matches" in (await browser.get("/deliveries?status=sent&kind=page")).text
    assert "DiskFull" in (await browser.get(f"/deliveries?person={world.alice.id}&days=1")).text


async def test_messages_are_called_what_they_are_and_found_by_it(world: World, sign_in: SignIn) -> None:
    """A page, its reminder, news, a test page and a code: each in words, each with a filter; no code is shown."""
    await world.policy(level(1, world.bob), repeats=1, repeat_minutes=10)
    await world.fires("DiskFull")
    await world.advance(minutes=11)
    await world.does(incidents.acknowledge, (await world.incident()).id)
    await world.does(test_pages.to_user, world.bob.id, by=world.bob)
    await world.does(
        contact_methods.create, world.bob.id, kind="email", address="bob@phone.example.org", by=world.bob
    )
    await world.engine.run_until_idle()
    browser = await sign_in(world.alice)
    everything = (await browser.get("/deliveries")).text
    assert "Your code is" not in everything
    assert "News: Acknowledged by Alice" in everything
    for words, kind in (
        ("Page", "page"),
        ("Reminder", "page"),
        ("News", "update"),
        ("Test page", "test"),
        ("Code", "code"),
    ):
        found = await browser.get(f"/deliveries?kind={kind}")
        assert f" E-mail {'#1 DiskFull ' if kind in ('page', 'update') else ''}{words}" in found.text
    filters = await browser.get("/deliveries")
    assert filters.links["News to whoever was paged"] == "/deliveries?kind=update"
    assert filters.links["Shifts"] == "/deliveries?kind=handoff"
    assert filters.links["SMS"] == "/deliveries?channel=sms"


async def test_a_page_that_failed_is_sent_again_while_it_is_wanted(world: World, sign_in: SignIn) -> None:
    """Pressing Resend pages anew; the old message keeps its end."""
    row = await _failed_page(world)
    browser = await sign_in(world.alice)
    assert "It is on its way again." in (await browser.post(f"/deliveries/{row}/resend")).text
    await world.engine.run_until_idle()
    assert [message.kind for message in world.email.received] == [NotificationKind.PAGE]
    assert await world.value("SELECT status FROM notifications WHERE id = :id", id=row) == "failed"
    assert await world.value("SELECT count(*) FROM audit_log WHERE act = 'notification.resent'") == 1


async def test_after_the_incident_a_resent_page_tells_how_things_stand(world: World, sign_in: SignIn) -> None:
    """Nobody is paged for what is over."""
    row = await _failed_page(world)
    await world.does(incidents.resolve, (await world.incident()).id, by=world.bob)
    world.email.received.clear()
    browser = await sign_in(world.alice)
    await browser.post(f"/deliveries/{row}/resend")
    await world.engine.run_until_idle()
    assert [(m.kind, m.headline) for m in world.email.received] == [(NotificationKind.UPDATE, "Resolved")]


async def test_a_stranger_sees_and_resends_nothing(world: World, sign_in: SignIn) -> None:
    """Charlie is in no team: an empty list, and the message does not exist for him."""
    row = await _failed_page(world)
    browser = await sign_in(world.charlie)
    assert "DiskFull" not in (await browser.get("/deliveries?tab=failed")).text
    await browser.post(f"/deliveries/{row}/resend")
    assert await world.value("SELECT count(*) FROM notifications WHERE effect_key LIKE 'resend:%'") == 0
