"""My own page."""

import re
from collections.abc import Awaitable, Callable

import pytest

from openalert.app import OpenAlert
from openalert.domain.instant import MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.user import User
from openalert.storage import contact_methods, users
from openalert.usecases import signin
from openalert.usecases import users as people
from tests.cast import World
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def test_the_page_says_when_i_am_on_call(world: World, sign_in: SignIn) -> None:
    """Not now and never, then on call after an override."""
    browser = await sign_in(world.alice)
    assert "You are not on call now" in (await browser.get("/me")).text
    await browser.post(
        "/schedules", name="Core", team_id=world.core.id, timezone="UTC", member_id=world.alice.id
    )
    page = await browser.get("/me")
    assert "You are on call for Core" in page.text


async def test_a_new_address_is_proven_by_its_code_and_then_tested(world: World, sign_in: SignIn) -> None:
    """A wrong code is said beside the field and counts, the right one verifies, the test goes there."""
    browser = await sign_in(world.alice)
    page = await browser.press(await browser.get("/me"), "/me/contact-methods", address="ana@example.net")
    assert "not verified: nothing is sent" in page.text
    await world.advance(seconds=1)
    code = re.sub(r"\D", "", world.email.received[-1].headline)
    async with world.db.read() as reader:
        method = (await contact_methods.of_user(reader, world.alice.id))[-1]
    path = f"/me/contact-methods/{method.id}"
    page = await browser.post(f"{path}/verify", code="00000000")
    assert page.status == 422
    assert "That is not the code" in page.text
    async with world.db.read() as reader:
        assert (await contact_methods.of_user(reader, world.alice.id))[-1].code_tries == 1
    page = await browser.post(f"{path}/verify", again="1")
    assert "A code was just sent" in page.text
    page = await browser.post(f"{path}/verify", code=f"{code[:4]} {code[4:]}")
    assert "Verified: pages go there now." in page.text
    page = await browser.post(f"{path}/test")
    assert "A test message is on its way to ana@example.net." in page.text
    await world.advance(seconds=1)
    assert world.email.received[-1].kind is NotificationKind.TEST
    assert "ana@example.net" not in (await browser.post(f"{path}/delete")).text


async def test_a_code_that_ran_out_can_be_had_again(world: World, sign_in: SignIn) -> None:
    """After ten minutes the page offers a new one instead of a field."""
    browser = await sign_in(world.alice)
    await browser.post("/me/contact-methods", address="ana@example.net")
    world.clock.advance(11 * MINUTE)
    page = await browser.get("/me")
    assert "The code has run out." in page.text
    verify = next(form["action"] for form in page.forms if form["action"].endswith("/verify"))
    assert "Another code is on its way" in (await browser.post(verify, again="1")).text


async def test_the_last_way_to_reach_me_stays(world: World, sign_in: SignIn) -> None:
    """Removing it is refused with the reason; a known address is refused beside its field."""
    browser = await sign_in(world.alice)
    page = await browser.get("/me")
    delete = next(form["action"] for form in page.forms if form["action"].endswith("/delete"))
    assert "could not be reached any more" in (await browser.post(delete)).text
    page = await browser.post("/me/contact-methods", address="alice@example.org")
    assert "This address is there already." in page.text
    assert page.form("/me/contact-methods")["fields"]["address"] == "alice@example.org"


async def test_name_and_zone_are_mine_to_change(world: World, sign_in: SignIn) -> None:
    """Times follow the zone; an unknown one is refused with the name kept."""
    browser = await sign_in(world.bob)
    page = await browser.post("/me", name="Robert", timezone="Asia/Tokyo")
    assert "Times are shown in Asia/Tokyo." in page.text
    page = await browser.post("/me", name="Bobby", timezone="Mars/Base")
    assert page.status == 422
    assert page.form("/me")["fields"]["name"] == "Bobby"


async def test_a_new_password_needs_the_old_one_and_signs_others_out(
    world: World, openalert: OpenAlert, sign_in: SignIn
) -> None:
    """Wrong or weak is said beside its field; afterwards only this browser is signed in."""
    hashed = await people.new_password_hash("old password of alice's")
    async with openalert.database.transaction(world.as_(world.alice)) as tx:
        await people.set_password(tx, world.alice.id, hashed)
    async with openalert.database.transaction() as tx:
        other = await signin.open_session(tx, world.alice.id, address="", user_agent="")
    browser = await sign_in(world.alice)
    good = "four unrelated plain words"
    page = await browser.post("/me/password", current="wrong", password=good)
    assert "The current password is not right." in page.text
    assert good not in page.html
    page = await browser.post("/me/password", current="old password of alice's", password="short")
    assert "Use at least 12 characters" in page.text
    page = await browser.post("/me/password", current="old password of alice's", password=good)
    assert "Your password is changed." in page.text
    async with openalert.database.read() as reader:
        assert await signin.find_session(reader, other) is None
        kept = await users.get(reader, world.as_(world.alice), world.alice.id)
    assert kept is not None
    assert kept.password_hash != hashed


async def test_other_browsers_are_listed_and_signed_out(
    world: World, openalert: OpenAlert, sign_in: SignIn
) -> None:
    """One by one, or all but this one; nobody can end somebody else's."""
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Safari/604.1"
    async with openalert.database.transaction() as tx:
        tokens = [
            await signin.open_session(tx, user.id, address="10.0.0.1", user_agent=agent)
            for user in (world.alice, world.alice, world.bob)
        ]
    browser = await sign_in(world.alice)
    page = await browser.get("/me/security")
    assert "Safari on iPhone" in page.text
    assert "this browser" in page.text
    for token in tokens:
        assert token not in page.html
        assert signin.token_hash(token) not in page.html
    async with openalert.database.read() as reader:
        [foreign] = await signin.sessions(reader, world.as_(world.bob))
        own = next(
            session.id
            for session in await signin.sessions(reader, world.as_(world.alice))
            if session.token_hash == signin.token_hash(tokens[0])
        )
    assert foreign.id not in page.html
    assert (await browser.post(f"/me/sessions/{foreign.id}/end")).status == 404
    await browser.post(f"/me/sessions/{own}/end")
    assert "Every other browser is signed out." in (await browser.post("/me/sessions/end-others")).text
    async with openalert.database.read() as reader:
        found = [await signin.find_session(reader, token) is not None for token in tokens]
    assert found == [False, False, True]


async def test_a_telephone_can_be_added_where_there_is_a_provider(world: World, sign_in: SignIn) -> None:
    """Without an account at Twilio nobody is offered what could not work; a number without its country is explained."""
    browser = await sign_in(world.alice)
    assert 'value="sms"' not in (await browser.get("/me")).text
    page = await browser.post("/me/contact-methods", type="sms", address="0151 123")
    assert page.status == 422
    assert "begins with + and the country" in page.text
