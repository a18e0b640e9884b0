"""The pages of outgoing webhooks, without script."""

import re
from collections.abc import Awaitable, Callable

import pytest

from openalert.app import OpenAlert
from openalert.domain.outgoing_webhook import OutgoingWebhook
from openalert.domain.user import User
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.outgoing_webhook import OutgoingSender
from openalert.storage import outgoing_webhooks as kept
from openalert.usecases import outgoing_webhooks
from openalert.usecases.outgoing_webhooks import Wish
from tests.cast import World, level
from tests.fakes.webhook import FakeWebhook
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
PATH = "/settings/outgoing-webhooks"


async def made(world: World, **wish: object) -> OutgoingWebhook:
    """A webhook that Alice made."""
    plain: dict[str, object] = {"name": "Tickets", "url": "https://tickets.example/hook"}
    webhook, _ = await world.does(outgoing_webhooks.create, Wish(**(plain | wish)))  # type: ignore[arg-type]
    return webhook  # type: ignore[no-any-return]


async def settled(openalert: OpenAlert) -> None:
    """What is due is sent, to loopback too."""
    outgoing = openalert.engine.outgoing
    assert outgoing is not None
    outgoing._sender = OutgoingSender(
        OutgoingSettings(allow_private_networks=True), base_url="https://our.example"
    )
    while await outgoing.run_due():
        await outgoing.finish(60)


async def test_a_webhook_is_made_and_its_secret_is_shown_once(world: World, sign_in: SignIn) -> None:
    """The empty list leads to the form, the form to the webhook with its secret, which is gone the next time."""
    browser = await sign_in(world.alice)
    empty = await browser.get(PATH)
    assert "Nobody else is told yet" in empty.text
    form = await browser.get(f"{PATH}/new")
    page = await browser.press(
        form, PATH, name="Tickets", url="https://tickets.example/hook", events="incident.resolved"
    )
    assert "Copy the secret now." in page.text
    assert "whsec_" in page.html
    assert "incident.resolved" in page.text
    again = await browser.get(page.path)
    assert "whsec_" not in again.html
    assert "Tickets" in (await browser.get(PATH)).text


async def test_what_was_typed_stays_beside_what_was_refused(world: World, sign_in: SignIn) -> None:
    """Each refusal at its field, in the folded parts too, and nothing was made."""
    browser = await sign_in(world.alice)
    page = await browser.post(
        PATH,
        name="Tickets",
        url="https://tickets.example/hook",
        events="incident.created",
        matchers='env=~"("',
        headers="no colon here",
        timeout="10",
        attempts="10",
    )
    assert page.status == 422
    assert "Write one header in each line" in page.text
    assert page.form(PATH)["fields"]["name"] == "Tickets"
    page = await browser.post(PATH, name="Tickets", url="nowhere", events="incident.created")
    assert "The URL must be an address" in page.text
    page = await browser.post(PATH, name="T", url="https://a.example/", events="alert.*", matchers="x=~'('")
    assert page.status == 422
    assert "Nobody else is told yet" in (await browser.get(PATH)).text


async def test_saving_the_form_untouched_changes_nothing(world: World, sign_in: SignIn) -> None:
    """Secret headers come back as stars, and stay what they are."""
    webhook = await made(
        world,
        events=["incident.created"],
        matchers=['env=~"prod|staging"'],
        headers={"Authorization": "Bearer s3cret-canary", "X-Team": "core"},
        max_attempts=4,
    )
    browser = await sign_in(world.alice)
    form = await browser.get(f"{PATH}/{webhook.id}/edit")
    assert "canary" not in form.html
    page = await browser.press(form, f"{PATH}/{webhook.id}")
    assert "Saved." in page.text
    async with world.db.read() as reader:
        after = await outgoing_webhooks.get(reader, world.as_(world.alice), webhook.id)
        assert (await kept.secrets(reader, webhook.id)).headers == {"Authorization": "Bearer s3cret-canary"}
    assert (after.headers, after.matchers, after.max_attempts) == ({"X-Team": "core"}, webhook.matchers, 4)


async def test_a_test_shows_what_came_back(world: World, sign_in: SignIn, openalert: OpenAlert) -> None:
    """While it is on its way the page looks again by itself; then it shows status, time and answer."""
    async with FakeWebhook() as receiver:
        receiver.answer(503, body=b"<b>closed</b> for today")
        webhook = await made(world, url=receiver.url)
        browser = await sign_in(world.alice)
        page = await browser.press(await browser.get(f"{PATH}/{webhook.id}"), f"{PATH}/{webhook.id}/test")
        assert 'hx-trigger="every 2s"' in page.html
        await settled(openalert)
        page = await browser.get(page.path)
    assert "hx-trigger" not in page.html
    assert "503" in page.text
    assert "The receiver is in trouble" in page.text
    assert "&lt;b&gt;closed&lt;/b&gt; for today" in page.html


async def test_the_log_is_filtered_and_what_failed_is_replayed(
    world: World, sign_in: SignIn, openalert: OpenAlert
) -> None:
    """By the address of the page; one from its own page, all of them from the webhook's."""
    await world.policy(level(1, world.alice))
    async with FakeWebhook() as receiver:
        receiver.answer(500)
        webhook = await made(world, url=receiver.url, events=["incident.created"], max_attempts=1)
        here = f"{PATH}/{webhook.id}"
        await world.fires("DiskFull")
        await world.fires("CertExpires")
        await settled(openalert)
        browser = await sign_in(world.alice)
        page = await browser.get(f"{here}?status=failed&event=incident.created")
        assert "#1 DiskFull" in page.text
        assert "2 failed" in page.text
        assert "No delivery fits these filters." in (await browser.get(f"{here}?status=delivered")).text
        receiver.answer(200)
        (first, *_) = re.findall(rf"{here}/deliveries/[^\"]+", page.html)
        one = await browser.get(first)
        page = await browser.press(one, f"{one.path}/replay")
        assert "It is on its way again" in page.text
        await settled(openalert)
        page = await browser.post(f"{here}/replay", span="all")
        assert "1 delivery is on the way again." in page.text
        await settled(openalert)
        assert "Nothing failed in that time." in (await browser.post(f"{here}/replay", span="hour")).text
        assert "Works" in (await browser.get(PATH)).text


async def test_it_is_switched_off_and_on_given_a_new_secret_and_deleted(
    world: World, sign_in: SignIn
) -> None:
    """Each by a button that says what will happen."""
    webhook = await made(world)
    here = f"{PATH}/{webhook.id}"
    browser = await sign_in(world.alice)
    assert "Tickets is switched off." in (await browser.post(f"{here}/disable")).text
    assert "switch it on first" in (await browser.post(f"{here}/test")).text
    assert "is told what happens from now on" in (await browser.post(f"{here}/enable")).text
    page = await browser.post(f"{here}/rotate")
    assert "whsec_" in page.html
    assert "by two secrets until" in page.text
    assert "is deleted" in (await browser.post(f"{here}/delete")).text
    assert (await browser.get(here)).status == 404


async def test_a_webhook_that_was_given_up_says_why(world: World, sign_in: SignIn) -> None:
    """On the list and on its page, with what to do."""
    webhook = await made(world)
    async with world.db.transaction() as tx:
        await outgoing_webhooks.switched_off(tx, webhook, "Nothing was taken for 5 days.")
    browser = await sign_in(world.alice)
    assert "Given up" in (await browser.get(PATH)).text
    page = await browser.get(f"{PATH}/{webhook.id}")
    assert (
        "Nothing was taken for 5 days. Mend the receiver, switch it on, then replay what failed." in page.text
    )


async def test_members_see_nothing_of_it(world: World, sign_in: SignIn) -> None:
    """Neither the pages nor the way to them."""
    webhook = await made(world)
    browser = await sign_in(world.bob)
    assert "Outgoing webhooks" not in (await browser.get("/settings")).text
    for path in (PATH, f"{PATH}/new", f"{PATH}/{webhook.id}", f"{PATH}/{webhook.id}/edit"):
        assert (await browser.get(path)).status == 403
