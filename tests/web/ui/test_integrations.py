"""How alerts come in, on the page of a service."""

import re
from collections.abc import Awaitable, Callable

import pytest

from openalert.app import OpenAlert
from openalert.domain.service import Service
from openalert.domain.user import User
from openalert.sources import SOURCES
from openalert.storage import integrations
from openalert.web.ui.kinds import BODIES, BY_KEY, KINDS
from tests import make
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser, Page

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
KEY = re.compile(r"/webhooks/\w+/([A-Za-z0-9]{43})")


async def _service(world: World) -> Service:
    policy = await make.policy(world.db, world.core, level(1, world.alice))
    return await make.service(world.db, world.core, policy)


def _verbs(page: Page) -> set[str]:
    return {form["action"].rpartition("/")[2] for form in page.forms if "/integrations/" in form["action"]}


async def test_the_key_is_shown_once_inside_what_is_to_be_copied(world: World, sign_in: SignIn) -> None:
    """After making an address its snippet holds the key; the next look does not, and a new key is another one."""
    browser = await sign_in(world.alice)
    service = await _service(world)
    page = await browser.post(f"/services/{service.id}/integrations", type="prometheus", name="")
    first = KEY.search(page.html)
    assert first is not None
    assert "Copy it now." in page.text
    assert "webhook_configs:" in page.html
    again = await browser.get(page.path)
    assert KEY.search(again.html) is None
    assert f"…{first[1][-4:]}" in again.text
    rotate = next(form["action"] for form in again.forms if form["action"].endswith("/rotate-key"))
    second = KEY.search((await browser.post(rotate)).html)
    assert second is not None
    assert second[1] != first[1]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("generic", "curl -X POST"),
        ("v1", "/webhooks/v1/"),
        ("pagerduty_events", "/v2/enqueue"),
        ("pagerduty_events", "pagerduty_configs:"),
        ("prometheus", "alertmanagers:"),
        ("prometheus", "vmalert -notifier.url="),
    ],
)
async def test_each_kind_has_its_own_snippet(world: World, sign_in: SignIn, kind: str, shown: str) -> None:
    """A script gets a command, a sender of any kind the address."""
    browser = await sign_in(world.alice)
    page = await browser.post(f"/services/{(await _service(world)).id}/integrations", type=kind)
    assert shown in page.html


async def test_a_key_of_an_old_pager_is_added_seen_by_its_end_and_forgotten(
    world: World, sign_in: SignIn
) -> None:
    """Pasted once, it leads here; the page shows its last four signs and a button that forgets it."""
    browser = await sign_in(world.alice)
    service = await _service(world)
    await make.integration(world.db, service, "sender")
    page = await browser.get(f"/services/{service.id}")
    action = next(form["action"] for form in page.forms if form["action"].endswith("/imported-keys"))
    refused = await browser.post(action, key="short")
    assert "20 to 128" in refused.text
    added = await browser.post(action, key="43a29c5c-3dbf-4fa4-9c26-f4f71023e120")
    assert "Senders whose key ends in …e120 reach this service now." in added.text
    assert "43a29c5c" not in added.html
    forget = next(form["action"] for form in added.forms if "/imported-keys/" in form["action"])
    gone = await browser.post(forget)
    assert "The key is forgotten" in gone.text
    assert "…e120" not in gone.text


async def test_what_was_not_understood_shows_with_its_reason_and_can_be_sent_again(
    world: World, openalert: OpenAlert, sign_in: SignIn
) -> None:
    """The body is there as text, the button says what became of it, and a member may press it."""
    service = await _service(world)
    await make.integration(world.db, service, "sender")
    openalert.intake.start()
    browser = await sign_in(world.bob)
    await browser.client.post("/webhooks/prometheus/sender", content=b'["<script>alert(1)</script>"]')
    await openalert.intake.stop()
    page = await browser.get(f"/services/{service.id}")
    assert "1 message was not understood" in page.text
    assert "Not understood" in page.text
    assert "<script>alert(1)</script>" in page.text
    replay = next(form["action"] for form in page.forms if form["action"].endswith("/replay"))
    page = await browser.post(replay)
    assert "It still cannot be read" in page.text


async def test_a_test_alert_takes_the_real_way(world: World, sign_in: SignIn) -> None:
    """It opens an incident that pages whoever is on call; a member may send it, a switched-off address may not."""
    service = await _service(world)
    made = await make.integration(world.db, service, "sender")
    browser = await sign_in(world.bob)
    page = await browser.post(f"/integrations/{made.id}/test")
    assert "A test alert came in: it belongs to #1." in page.text
    await world.advance(seconds=1)
    world.mailbox(world.alice).got("Test alert for Database")
    browser = await sign_in(world.alice)
    page = await browser.post(f"/integrations/{made.id}/disable")
    assert "Switched off" in page.text
    assert "test" not in _verbs(page)
    assert "is switched off; switch it on first" in (await browser.post(f"/integrations/{made.id}/test")).text


async def test_only_who_configures_makes_rotates_and_deletes(world: World, sign_in: SignIn) -> None:
    """A member's page has no such button, and posting all the same changes nothing."""
    service = await _service(world)
    made = await make.integration(world.db, service, "sender")
    browser = await sign_in(world.bob)
    assert _verbs(await browser.get(f"/services/{service.id}")) == {"test"}
    for verb in ("rotate-key", "disable", "delete"):
        page = await browser.post(f"/integrations/{made.id}/{verb}")
        assert "This needs an admin or owner of the team" in page.text
    assert "This needs" in (await browser.post(f"/services/{service.id}/integrations", type="generic")).text
    async with world.db.read() as reader:
        kept = await integrations.get(reader, make.actor(world.alice, world.core), made.id)
    assert kept is not None
    assert (kept.key_hash, kept.is_active) == (made.key_hash, True)
    assert (await browser.post(f"/integrations/{made.id}/explode")).status == 404


async def test_senders_are_found_by_name_and_by_what_they_do(world: World, sign_in: SignIn) -> None:
    """Every source is in the gallery, searched without a script; each has a button that makes its address."""
    browser = await sign_in(world.alice)
    service = await _service(world)
    everything = await browser.get(f"/services/{service.id}/connect")
    assert {form["fields"].get("type") for form in everything.forms} >= {*SOURCES, "v1"}
    found = await browser.get(f"/services/{service.id}/connect?q=uptime+KUMA")
    assert "Uptime Kuma" in found.text
    assert "Zabbix" not in found.text
    nothing = await browser.get(f"/services/{service.id}/connect?q=<script>")
    assert "No sender of that name" in nothing.text
    assert "<script>" not in nothing.html.partition("<h1>")[2]


@pytest.mark.parametrize("kind", sorted(BODIES))
async def test_what_people_write_at_the_sender_can_be_copied(
    world: World, sign_in: SignIn, kind: str
) -> None:
    """The body with the sender's variables stands beside the address, where it goes, too."""
    browser = await sign_in(world.alice)
    page = await browser.post(f"/services/{(await _service(world)).id}/integrations", type=kind)
    assert "What the sender posts" in page.text
    assert BY_KEY[kind].where in page.text


def test_every_source_can_be_chosen() -> None:
    """The gallery names each source once, and none that is not there."""
    assert sorted(BY_KEY) == sorted([*SOURCES, "v1"])
    assert len(KINDS) == len(BY_KEY)
