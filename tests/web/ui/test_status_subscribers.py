"""The team's page about subscribers: numbers, list, one of them, lists that come in, and how sending went."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.status_page import StatusPage
from openalert.domain.user import User
from openalert.storage import status_subscribers
from openalert.usecases import status_components, status_incidents, status_pages
from openalert.usecases import status_subscribers as acts
from tests.cast import World
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
SLACK = "https://hooks.slack.com/services/T0/B0/s3cret"
LIST = (
    "kind,email,endpoint,state,components\n"
    "email,ana@x.example,,active,\n"
    "email,ben@x.example,,active,API\n"
    "email,cat@x.example,,unconfirmed,\n"
    "email,dan@x.example,,quarantined,\n"
    "email,eve@x.example,,unsubscribed,\n"
    f"slack,,{SLACK},active,\n"
    "email,nobody,,active,\n"
)


async def _page(world: World) -> tuple[StatusPage, str, str]:
    """A status page with the components API and Web, the address of its subscribers, and the API's id."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        page = await status_pages.create(tx, team_id=world.core.id, name="Acme Platform", slug="acme")
        api = await status_components.add_component(tx, page.id, name="API")
        await status_components.add_component(tx, page.id, name="Web")
    return page, f"/status-pages/{page.id}/subscribers", api.id


async def _imported(browser: Browser, here: str, text: str = LIST) -> Any:
    """The list, looked at and taken in."""
    looked = await browser.post(f"{here}/import", content=text)
    return await browser.press(looked, f"{here}/import")


async def test_an_empty_page_says_how_somebody_comes_to_be_told(world: World, sign_in: SignIn) -> None:
    """By the public page, by a list, by hand."""
    _, here, _ = await _page(world)
    shown = await (await sign_in(world.alice)).get(here)
    assert "Nobody is told yet" in shown.text
    assert shown.links["Import a list"] == f"{here}/import"


async def test_a_list_is_looked_at_and_then_taken_in(world: World, sign_in: SignIn) -> None:
    """What it would do, line by line; nothing is changed by looking; then numbers, list and export agree."""
    _, here, _ = await _page(world)
    browser = await sign_in(world.alice)
    looked = await browser.post(f"{here}/import", content=LIST)
    assert "3 new told from the next update on: 2 by E-mail, 1 by Slack" in looked.text
    assert "1 not confirmed" in looked.text
    assert "2 left or cannot be reached" in looked.text
    assert "1 line unreadable" in looked.text
    assert "8 “nobody” is not an e-mail address" in looked.text
    assert "Nobody is told yet" in (await browser.get(here)).text
    done = await browser.press(looked, f"{here}/import")
    assert "3 are told from now on, 1 have not confirmed, 2 are never written to" in done.text
    assert "3 are told" in done.text
    assert "ana@x.example" in done.links
    assert "eve@x.example" not in done.text
    assert "s3cret" not in done.html
    exported = await browser.client.get(f"{here}/export")
    assert exported.headers["content-type"].startswith("text/csv")
    assert '"email","ben@x.example","","active"' in exported.text
    assert "s3cret" not in exported.text
    again = await browser.post(f"{here}/import", content=exported.text)
    assert "4 known stay as they are" in again.text


async def test_a_file_that_is_no_list_is_said_beside_its_field(world: World, sign_in: SignIn) -> None:
    """Nothing given, no known column, and what was pasted is still there."""
    _, here, _ = await _page(world)
    browser = await sign_in(world.alice)
    nothing = await browser.post(f"{here}/import", content="")
    assert (nothing.status, "Choose a file, or paste the lines." in nothing.text) == (422, True)
    unknown = await browser.post(f"{here}/import", content="name,city\nAna,Rome\n")
    assert "names no column that we know" in unknown.text
    assert "Ana,Rome" in unknown.form(f"{here}/import")["fields"]["content"]


async def test_the_list_is_searched_filtered_and_turned_over(
    world: World, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By words, state, way and component, with the filters as chips; further ones by the next page."""
    monkeypatch.setattr("openalert.web.ui.status_subscribers.PAGE", 2)
    _, here, _ = await _page(world)
    browser = await sign_in(world.alice)
    first = await _imported(browser, here)
    assert "More" in first.links
    seen: set[str] = set()
    page = first
    while True:
        seen |= {words for words in page.links if "@" in words}
        if "More" not in page.links:
            break
        page = await browser.get(page.links["More"])
    assert seen == {"ana@x.example", "ben@x.example", "cat@x.example", "dan@x.example"}

    async def found(query: str) -> set[str]:
        shown = await browser.get(f"{here}?{query}")
        return {words for words in shown.links if "@" in words}

    assert await found("q=BEN") == {"ben@x.example"}
    assert await found("status=quarantined") == {"dan@x.example"}
    assert await found("kind=slack") == set()
    api = re.findall(r"component=([a-z0-9]{12})", first.html)
    assert await found(f"component={api[0]}") == {"ben@x.example"}
    none = await browser.get(f"{here}?q=zzz")
    assert "Nobody matches" in none.text
    assert (await browser.get(f"{here}?status=nonsense&kind=x&component=y")).status == 200


async def test_somebody_is_added_changed_asked_again_and_removed(world: World, sign_in: SignIn) -> None:
    """Asked first; another question only after an hour; with what they were sent; then forgotten."""
    page, here, api = await _page(world)
    browser = await sign_in(world.alice)
    asked = await browser.post(here, kind="email", address="new@x.example", choice="all")
    assert "new@x.example was asked to confirm." in asked.text
    one = await browser.get(asked.links["new@x.example"])
    assert "They have not confirmed." in one.text
    action = f"{one.path}/ask"
    assert "They were asked within the last hour" in (await browser.press(one, action)).text
    world.clock.advance(3_600_001)
    browser = await sign_in(world.alice)
    assert "new@x.example was asked again." in (await browser.press(one, action)).text
    changed = await browser.post(one.path, choice="some", component_id=api)
    assert "Saved." in changed.text
    async with world.db.read() as reader:
        ((subscriber_id,),) = await reader.rows("SELECT id FROM status_subscribers")
        assert await status_subscribers.choices(reader, [subscriber_id]) == {subscriber_id: [api]}
    wrong = await browser.post(one.path, choice="some")
    assert (wrong.status, "Tick a component" in wrong.text) == (422, True)
    gone = await browser.press(one, f"{one.path}/delete")
    assert "Nobody is told yet" in gone.text
    assert (await browser.get(one.path)).status == 404
    assert page.id in here


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "email", "address": "nobody"}, "That is not an e-mail address."),
        ({"kind": "slack", "url": "https://evil.example/x"}, "incoming webhook of Slack"),
        ({"kind": "webhook", "url": "https://x.example/hook"}, "it confirms the webhook"),
        ({"kind": "webhook", "url": "ftp://x", "contact": "o@x.example"}, "begins with https://"),
        ({"kind": "fax"}, "Choose one of the ways."),
        ({"kind": "email", "address": "a@x.example", "choice": "some"}, "Tick a component"),
    ],
)
async def test_what_cannot_be_added_is_said_beside_its_field(
    world: World, sign_in: SignIn, fields: dict[str, str], words: str
) -> None:
    """And what was typed is still there."""
    _, here, _ = await _page(world)
    refused = await (await sign_in(world.alice)).post(here, **fields)
    assert (refused.status, words in refused.text) == (422, True), refused.text


async def test_what_was_sent_is_counted_with_its_reasons(world: World, sign_in: SignIn) -> None:
    """While it runs how far it is; then how many have it, and why others do not."""
    page, here, _ = await _page(world)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        for number in range(3):
            await acts.add(tx, page.id, email=f"r{number}@x.example", is_confirmed=True)
        await status_incidents.create(tx, page.id, title="API is slow", message="We look.")
    browser = await sign_in(world.alice)
    assert 'hx-trigger="every 2s"' in (await browser.get(here)).html
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await tx.execute("UPDATE status_mailings SET spread_at = 1")
        rows = await tx.rows(
            "SELECT id, (SELECT id FROM status_mailings) FROM status_subscribers ORDER BY id"
        )
        states = [("sent", None), ("failed", "rejected_recipient"), ("pending", None)]
        for (subscriber_id, mailing_id), (status, reason) in zip(rows, states, strict=True):
            await tx.execute(
                "INSERT INTO status_deliveries (mailing_id, subscriber_id, channel, place, status, attempts, "
                "give_up_at, is_repeat, updated_at, failure_reason) "
                "VALUES (:mailing, :subscriber, 'email', 1, :status, 1, 1, FALSE, 1, :reason)",
                mailing=mailing_id,
                subscriber=subscriber_id,
                status=status,
                reason=reason,
            )
    shown = await browser.get(here)
    assert "API is slow" in shown.text
    told = shown.text[shown.text.index("What was sent lately") :]
    for words in ("1 of 3 sent, 1 wait", "1 failed", "1 × the mailbox does not exist"):
        assert words in told


async def test_ways_are_switched_off_and_the_move_is_told(world: World, sign_in: SignIn) -> None:
    """By forms that work without script."""
    _, here, _ = await _page(world)
    browser = await sign_in(world.alice)
    shown = await _imported(browser, here)
    assert "2 subscribers came with a list" in shown.text
    saved = await browser.post(f"{here}/kinds", kind=["email", "slack"])
    assert "Saved." in saved.text
    assert re.findall(r'name="kind" value="(\w+)" checked', saved.html) == ["email", "slack"]
    told = await browser.press(shown, f"{here}/moved")
    assert "2 are told that their news comes from here now." in told.text
    assert "They are told that the page moved" in told.text
    assert "came with a list" not in told.text


async def test_addresses_are_for_admins_of_the_team(world: World, sign_in: SignIn) -> None:
    """A member is refused and has no tab; for another team there is nothing."""
    page, here, _ = await _page(world)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        known = await acts.add(tx, page.id, email="r@x.example", is_confirmed=True)
        other = await status_pages.create(tx, team_id=world.core.id, name="Other", slug="other")
    for who, status in ((world.bob, 403), (world.charlie, 404)):
        browser = await sign_in(who)
        assert "Subscribers" not in (await browser.get(f"/status-pages/{page.id}")).links
        for path in ("", "/new", "/import", "/export", f"/{known.subscriber.id}"):
            assert (await browser.get(here + path)).status == status
    admin = await sign_in(world.alice)
    of_other = f"/status-pages/{other.id}/subscribers/{known.subscriber.id}"
    assert (await admin.get(of_other)).status == 404
    assert (await admin.post(f"{of_other}/delete")).status == 404
