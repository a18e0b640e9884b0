"""The page of the audit log, and what pages that need no sign-in leave in it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from openalert.app import OpenAlert
from openalert.domain.access import Role
from openalert.domain.audit import AuditEntry
from openalert.domain.instant import DAY
from openalert.domain.user import User
from openalert.storage import Database, audit
from openalert.usecases.audit import record
from tests import make
from tests.cast import World
from tests.web.ui.browser import Browser
from tests.web.ui.test_actions import _link
from tests.web.ui.test_setup import _owner

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]


async def _log(db: Database) -> list[AuditEntry]:
    async with db.read() as reader:
        head = await audit.head(reader)
    return [entry async for entry in audit.walk(db.read, head.seq)]


async def test_the_link_in_a_mail_leaves_an_entry_of_its_person(world: World, stranger: Browser) -> None:
    """Without a sign-in: who, by what way, from where."""
    link = await _link(world, world.alice)
    await stranger.post(link)
    entry = (await _log(world.db))[-1]
    assert (entry.act, entry.actor_name, entry.address) == ("incident.acknowledged", "Alice", "127.0.0.1")
    assert '"via":"e-mail link"' in entry.after
    assert entry.request_id


async def test_set_up_is_the_beginning_of_the_log(openalert: OpenAlert, stranger: Browser) -> None:
    """The first entries: the organization, its owner, that it is set up, and the session of the owner."""
    await _owner(openalert, stranger)
    entries = await _log(openalert.database)
    assert [entry.act for entry in entries][:3] == ["organization.created", "user.created", "setup.completed"]
    assert {entry.address for entry in entries} == {"127.0.0.1"}
    assert entries[2].actor_name == "Ana Souza"
    assert len({entry.organization_id for entry in entries}) == 1


async def test_the_page_tells_it_in_sentences(world: World, sign_in: SignIn) -> None:
    """Under their day, with what was before and after behind each, and links that narrow."""
    await make.service(world.db, world.core)
    browser = await sign_in(world.alice)
    services = await browser.get("/services")
    page = await browser.get(services.links["Database"])
    await browser.post(page.path, name="Checkout")
    page = await browser.get("/settings/audit")
    at = datetime.fromtimestamp(world.clock() / 1000, UTC)
    assert f"{at:%A}, {at.day} {at:%B %Y}" in page.text
    assert "Alice changed the service Checkout : name Database → Checkout" in page.text
    assert "Before" in page.text
    narrowed = await browser.get(page.links["All on Checkout"])
    assert "On Checkout" in narrowed.text
    csv = next(href for words, href in narrowed.links.items() if words.startswith("CSV"))
    assert csv.startswith("/api/v1/audit-log/export?format=csv&targetId=")
    nothing = await browser.get("/settings/audit?act=channel.deleted&days=7")
    assert "Nothing matches" in nothing.text
    assert "Channel: deleted" in nothing.text
    assert "Last 7 days" in nothing.text


async def test_an_empty_log_says_what_will_be_in_it(world: World, sign_in: SignIn) -> None:
    """Nobody is left before a blank page."""
    assert "Nothing happened yet" in (await (await sign_in(world.alice)).get("/settings/audit")).text


async def test_it_is_read_in_pages(world: World, sign_in: SignIn) -> None:
    """Fifty at a time, older and back to the newest."""
    async with world.db.transaction(make.actor(world.alice)) as tx:
        for number in range(60):
            record(tx, "service.created", kind="service", id=f"{number}", name=f"S{number}x")
    browser = await sign_in(world.alice)
    page = await browser.get("/settings/audit")
    assert ("S59x" in page.text, "S9x" in page.text) == (True, False)
    older = await browser.get(page.links["Older"])
    assert ("S59x" in older.text, "S9x" in older.text, "S0x" in older.text) == (False, True, True)
    assert "S59x" in (await browser.get(older.links["Newest"])).text


async def test_what_is_older_than_the_span_is_left_out(world: World, sign_in: SignIn) -> None:
    """Last 24 hours means that."""
    async with world.db.transaction(make.actor(world.alice)) as tx:
        record(tx, "service.created", kind="service", id="1", name="Yesterday's")
    world.clock.advance(DAY + 1)
    browser = await sign_in(world.alice)
    assert "Yesterday's" not in (await browser.get("/settings/audit?days=1")).text
    assert "Yesterday's" in (await browser.get("/settings/audit?days=7")).text


async def test_members_are_refused_and_shown_no_way(world: World, sign_in: SignIn) -> None:
    """403 with a sentence; the settings have no link for them."""
    browser = await sign_in(world.bob)
    page = await browser.get("/settings/audit")
    assert page.status == 403
    assert "/settings/audit" not in (await browser.get("/settings")).html
    admin = await sign_in(await make.user(world.db, world.cast.organization, "Dora", Role.ADMIN))
    assert (await admin.get("/settings/audit")).status == 200
    assert 'href="/settings/audit"' in (await admin.get("/settings")).html


async def test_names_that_attack_are_text(world: World, sign_in: SignIn) -> None:
    """What somebody was called is shown as it was, and does nothing."""
    async with world.db.transaction(make.actor(world.alice)) as tx:
        record(
            tx, "service.updated", kind="service", id="1", name="<img src=x onerror=alert(1)>",
            before={"<b>": "<i>"}, after={"<b>": "<script>alert(1)</script>"},
        )  # fmt: skip
    page = await (await sign_in(world.alice)).get("/settings/audit")
    assert "<img src=x" not in page.html
    assert "<script>alert" not in page.html
    assert "<img src=x onerror=alert(1)>" in page.text
