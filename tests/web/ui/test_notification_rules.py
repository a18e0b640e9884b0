"""My rules and quiet hours in the browser: the picture tells what would come, and every form works without script."""

from collections.abc import Awaitable, Callable

import pytest

from openalert.domain import link
from openalert.domain.instant import HOUR
from openalert.domain.notification import NotificationKind
from openalert.domain.user import User
from openalert.storage import notifications
from openalert.usecases import notification_rules, test_pages
from tests import make
from tests.cast import World
from tests.web.ui.browser import Browser
from tests.web.ui.conftest import SECRET

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def mail_of(world: World, who: User) -> str:
    """The id of the person's e-mail."""
    return str(
        await world.value("SELECT id FROM contact_methods WHERE type = 'email' AND user_id = :u", u=who.id)
    )


async def test_the_defaults_are_drawn_and_become_rules(world: World, sign_in: SignIn) -> None:
    """Without rules the picture shows the defaults; one press writes them down, to change them from there."""
    browser = await sign_in(world.bob)
    page = await browser.get("/me/rules")
    assert "These are the defaults" in page.text
    assert "at once" in page.text
    page = await browser.press(page, "/me/notification-rules/defaults")
    assert "The defaults are your rules now." in page.text
    assert await world.value("SELECT count(*) FROM notification_rules") == 1
    assert (
        "There are rules for pages already." in (await browser.post("/me/notification-rules/defaults")).text
    )


async def test_a_rule_is_added_drawn_and_removed(world: World, sign_in: SignIn) -> None:
    """2.5 minutes for high and worse: drawn for those, and nothing for the rest, which the picture says."""
    browser = await sign_in(world.bob)
    method = await mail_of(world, world.bob)
    rule = {"method": method, "delay": "2.5", "min_severity": "high", "kind": "page"}
    page = await browser.post("/me/notification-rules", **rule)
    assert "2.5 min" in page.text
    assert "Nothing: Bob has no rule for medium" in page.text
    page = await browser.post("/me/notification-rules", **rule)
    assert page.status == 422
    assert "This rule is there already." in page.text
    remove = next(
        form["action"]
        for form in page.forms
        if form["action"].endswith("/delete") and "rules" in form["action"]
    )
    assert "Removed." in (await browser.post(remove)).text
    assert await world.value("SELECT count(*) FROM notification_rules") == 0


async def test_what_is_wrong_with_a_rule_is_said_and_what_was_typed_stays(
    world: World, sign_in: SignIn
) -> None:
    """A day and more, no number, somebody else's address: a sentence each, and the form keeps its values."""
    browser = await sign_in(world.bob)
    method, hers = await mail_of(world, world.bob), await mail_of(world, world.alice)
    rule = {"method": method, "delay": "0", "min_severity": "info", "kind": "page"}
    page = await browser.post("/me/notification-rules", **(rule | {"delay": "1500"}))
    assert page.status == 422
    assert "The delay" in page.text or "between 0 and 1440" in page.text
    assert page.form("/me/notification-rules")["fields"]["delay"] == "1500"
    page = await browser.post("/me/notification-rules", **(rule | {"delay": "soon"}))
    assert "Give a number of minutes" in page.text
    page = await browser.post("/me/notification-rules", **(rule | {"method": hers}))
    assert "no such contact method" in page.text


async def test_a_rule_whose_address_is_gone_is_marked(world: World, sign_in: SignIn) -> None:
    """Beside the rule and under the picture, with what takes its place."""
    other = await make.contact_method(world.db, world.bob, "webhook", "hook of Bob")
    await make.notification_rule(world.db, world.bob, other.id)
    async with world.db.transaction() as tx:
        await tx.execute("DELETE FROM contact_methods WHERE id = :id", id=other.id)
    page = await (await sign_in(world.bob)).get("/me/rules")
    assert "an address that is gone" in page.text
    assert "A rule of Bob names an address that is gone or not verified, email takes its place." in page.text


async def test_quiet_hours_are_added_seen_and_removed(world: World, sign_in: SignIn) -> None:
    """A window of the whole week is drawn on every day; one that leaves nothing is refused; removing frees it."""
    browser = await sign_in(world.bob)
    page = await browser.post("/me/quiet-hours", day="1", **{"from": "08:00", "to": "11:00"})
    assert "08:00 to 11:00" in page.text
    assert "quiet now" in page.text
    assert 'aria-label="Mon: quiet 08:00 to 11:00"' in page.html
    assert 'aria-label="Tue: no quiet hours"' in page.html
    page = await browser.post("/me/quiet-hours", **{"from": "08:00", "to": "11:00"})
    assert "Give at least one day" in page.text
    page = await browser.post("/me/quiet-hours/passes", passes="none")
    async with world.db.read() as reader:
        wanted = await notification_rules.preferences(reader, world.as_(world.bob), world.bob.id)
    assert wanted.passes_from is None
    page = await browser.press(page, "/me/quiet-hours/delete")
    assert "quiet now" not in page.text


async def test_do_not_disturb_is_switched_on_with_its_end_and_off(world: World, sign_in: SignIn) -> None:
    """For four hours, until a time, off; a time that is over is refused beside the field."""
    browser = await sign_in(world.bob)
    await browser.post("/me/do-not-disturb", hours="4")
    until = await world.value("SELECT do_not_disturb_until FROM notification_preferences")
    assert until == world.clock() + 4 * HOUR
    assert "Off. What was held is on its way." in (await browser.post("/me/do-not-disturb", off="1")).text
    page = await browser.post("/me/do-not-disturb", until="2026-01-05T08:00")
    assert page.status == 422
    assert "That time is over" in page.text
    assert "Nothing disturbs you" in (await browser.post("/me/do-not-disturb", until="2026-01-05T18:30")).text


async def test_how_insistent_pages_are_is_saved_and_drawn(world: World, sign_in: SignIn) -> None:
    """Three times every five minutes, from high: the picture has the repeats, and what does not page me."""
    browser = await sign_in(world.bob)
    page = await browser.post(
        "/me/notification-preferences", pages_from="high", repeat_most="3", repeat_every="5"
    )
    assert "the last again every 5 min, 3 times" in page.text
    assert "Nothing: Bob wants no pages below high" in page.text
    assert await world.value("SELECT handoffs FROM notification_preferences") in (0, False)
    assert await world.value("SELECT weekly_report FROM notification_preferences") in (0, False)
    page = await browser.post(
        "/me/notification-preferences", pages_from="high", repeat_most="3", repeat_every="90"
    )
    assert "repeated every 1 to 60 minutes" in page.text


async def test_how_long_before_a_turn_one_is_told_is_chosen(world: World, sign_in: SignIn) -> None:
    """Twelve hours at first; what a program has set is among the choices; more than a week is refused."""
    browser = await sign_in(world.bob)
    assert '<option value="12" selected>' in (await browser.get("/me/rules")).html
    form = {"pages_from": "info", "repeat_most": "0", "repeat_every": "5", "handoffs": "1"}
    page = await browser.post("/me/notification-preferences", handoff_lead="72", **form)
    assert '<option value="72" selected>' in page.html
    page = await browser.post("/me/notification-preferences", handoff_lead="30", **form)
    assert '<option value="30" selected>30 hours before</option>' in page.html
    page = await browser.post("/me/notification-preferences", handoff_lead="169", **form)
    assert (page.status, "between 0 and 168 hours before" in page.text) == (422, True)


async def test_a_test_page_is_sent_and_its_button_proves_the_way(world: World, sign_in: SignIn) -> None:
    """From my page to the mail, from the mail to its page, without signing in there; too soon again is said."""
    browser = await sign_in(world.bob)
    page = await browser.press(await browser.get("/me/rules"), "/me/test-page")
    assert "A test page is on its way by your rules." in page.text
    assert "a moment ago" in (await browser.post("/me/test-page")).text
    await world.advance(seconds=1)
    message = world.mailbox(world.bob).got("Test page", NotificationKind.TEST)
    async with world.db.read() as reader:
        row = await notifications.get(reader, message.notification_id)
    assert row is not None
    path = f"/proof/{link.sign(SECRET, test_pages.claims(row))}"
    page = await browser.get(path)
    assert "Did it reach you?" in page.text
    assert "It reaches you" in (await browser.press(page, path)).text
    assert "This test is over" in (await browser.get("/proof/nothing")).text


async def test_whoever_is_on_call_a_team_and_a_person_are_sent_a_test_page(
    world: World, sign_in: SignIn
) -> None:
    """From the pages of the schedule, the team and the person; what cannot be sent is said by name."""
    browser = await sign_in(world.alice)
    page = await browser.post(
        "/schedules", name="Core", team_id=world.core.id, timezone="UTC", member_id=world.charlie.id
    )
    schedule = await world.value("SELECT id FROM schedules")
    page = await browser.press(
        await browser.get(f"/schedules/{schedule}"), f"/schedules/{schedule}/test-page"
    )
    assert "A test page is on its way to Charlie." in page.text
    page = await browser.press(
        await browser.get(f"/users/{world.bob.id}"), f"/users/{world.bob.id}/test-page"
    )
    assert "A test page is on its way to Bob." in page.text
    assert "at once" in page.text
    page = await browser.press(
        await browser.get(f"/teams/{world.core.id}"), f"/teams/{world.core.id}/test-page"
    )
    assert "A test page is on its way to Alice. Bob was sent a test page a moment ago" in page.text


async def test_an_admin_sees_how_somebodys_ways_fare(world: World, sign_in: SignIn) -> None:
    """Proven an hour ago, then failing: the page of the person says it in words of time."""
    browser = await sign_in(world.alice)
    now, update = (
        world.clock(),
        "UPDATE contact_methods SET last_proven_at = :proven, failing_since = :failing",
    )
    for failing, words in ((None, "proven 1 h ago"), (now - HOUR, "failing since 1 h ago")):
        async with world.db.transaction() as tx:
            await tx.execute(update, proven=now - HOUR, failing=failing)
        page = await browser.get(f"/users/{world.bob.id}")
        assert page.status == 200
        assert words in page.text
