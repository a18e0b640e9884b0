"""How others are reached, in the browser: admins set it for people up to their rank, and nobody else sees it."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain.user import User
from openalert.usecases import notification_rules
from tests import make
from tests.cast import World
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def test_an_owner_sets_the_rules_of_a_colleague(world: World, sign_in: SignIn) -> None:
    """The same page as one's own, below the colleague's; what is saved is theirs and named as theirs."""
    sms = await make.contact_method(world.db, world.bob, "sms", "+4915112345678")
    browser = await sign_in(world.alice)
    here = f"/users/{world.bob.id}"
    page = await browser.get((await browser.get(here)).links["Rules and quiet hours"])
    assert "When Bob is paged and does not answer" in page.text
    assert page.form(f"{here}/notification-rules")
    await browser.press(
        page, f"{here}/notification-rules", method=sms.id, delay="2", min_severity="high", kind="page"
    )
    await browser.press(
        page, f"{here}/notification-preferences", repeat_most="3", repeat_every="5", pages_from="low"
    )
    page = await browser.post(f"{here}/quiet-hours", day="0", **{"from": "22:00", "to": "07:00"})
    assert page.path == f"{here}/rules"
    assert "after 2 min" in page.text
    assert "22:00 to 07:00" in page.text
    assert "A list of them" in page.text or "a list of them comes at the end" in page.text
    async with world.db.read() as reader:
        wanted = await notification_rules.preferences(reader, world.as_(world.bob), world.bob.id)
        assert wanted.repeat_most == 3
        assert not await notification_rules.of_user(reader, world.as_(world.alice), world.alice.id)
    assert (
        "Nothing disturbs Bob but what passes."
        in (await browser.post(f"{here}/do-not-disturb", hours="4")).text
    )


async def test_what_is_wrong_with_the_rule_of_a_colleague_is_said_there(
    world: World, sign_in: SignIn
) -> None:
    """An address of one's own is none of theirs; the form keeps what was typed."""
    mine = await make.contact_method(world.db, world.alice, "sms", "+4915112345678")
    browser = await sign_in(world.alice)
    path = f"/users/{world.bob.id}/notification-rules"
    page = await browser.post(path, method=mine.id, delay="7", min_severity="high", kind="page")
    assert page.status == 422
    assert "Bob has no such contact method." in page.text
    assert page.form(path)["fields"]["delay"] == "7"


async def test_an_address_is_added_for_a_colleague_who_enters_the_code(world: World, sign_in: SignIn) -> None:
    """Whoever adds it cannot prove it: the person does, on their own page; it can be sent again and removed."""
    here = f"/users/{world.bob.id}"
    browser = await sign_in(world.alice)
    page = await browser.press(
        await browser.get(here), f"{here}/contact-methods", type="email", address="bob@home.example"
    )
    assert "They enter it on their own page within ten minutes." in page.text
    assert "Bob has the code, and enters it on My page ." in page.text
    assert 'name="code"' not in page.html
    verify = next(form["action"] for form in page.forms if form["action"].endswith("/verify"))
    page = await browser.post(verify, code="00000000")
    assert page.status == 403
    assert "Only the person who got the code can enter it." in page.text
    page = await browser.post(verify, again="1")
    assert "A code was just sent." in page.text
    mine = await (await sign_in(world.bob)).get("/me")
    assert 'name="code"' in mine.html
    page = await (await sign_in(world.alice)).post(verify.replace("/verify", "/delete"))
    assert "Removed: no page goes there any more." in page.text
    page = await browser.post(f"{here}/contact-methods", type="email", address="nonsense")
    assert page.status == 422
    assert 'value="nonsense"' in page.html


async def test_neither_members_nor_lower_ranks_look_or_change(world: World, sign_in: SignIn) -> None:
    """Bob finds no form on Charlie's page and gets none by typing its address; an admin none of an owner."""
    browser = await sign_in(world.bob)
    here = f"/users/{world.charlie.id}"
    page = await browser.get(here)
    assert not [form for form in page.forms if form["action"].startswith(here)]
    assert (await browser.get(f"{here}/rules")).status == 403
    await browser.post(f"{here}/quiet-hours", day="0", **{"from": "22:00", "to": "07:00"})
    await browser.post(f"{here}/contact-methods", type="email", address="bob@evil.example")
    admin = await make.user(world.db, world.cast.organization, "Dana", make.Role.ADMIN)
    browser = await sign_in(admin)
    assert (await browser.get(f"/users/{world.alice.id}/rules")).status == 403
    await browser.post(f"/users/{world.alice.id}/do-not-disturb", hours="4")
    assert await world.value("SELECT count(*) FROM notification_preferences") == 0
    assert await world.value("SELECT count(*) FROM contact_methods WHERE address = 'bob@evil.example'") == 0


async def test_ones_own_rules_are_on_ones_own_page(world: World, sign_in: SignIn) -> None:
    """By the address for others, too."""
    page = await (await sign_in(world.alice)).get(f"/users/{world.alice.id}/rules")
    assert page.path == "/me/rules"
