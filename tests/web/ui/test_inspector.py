"""What came in by an integration: the list, one message, the mapping beside it, and the settings."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Invalid
from openalert.domain.sender_check import CheckKind
from openalert.domain.service import Integration
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.sources import Inbound, read, using
from openalert.storage import integrations, payloads, routes
from openalert.usecases import ingest, profiles
from openalert.usecases.inbound import Delivery
from tests import make
from tests.cast import World
from tests.make import level
from tests.web.ui.browser import Browser

pytestmark = pytest.mark.anyio
SignIn = Callable[[User], Awaitable[Browser]]
CHECKS = {
    "checks": [
        {"what": "Disk full", "lvl": "sev-a", "host": "web-1"},
        {"what": "Queue <b>long</b>", "host": "q"},
    ],
    "site": "fra-1",
}
FORM = {
    "items": "checks",
    "title": "what",
    "severity": "lvl",
    "identity": "host",
    "labels": "site = $.site",
    "severities": "SEV-A = critical",
}


async def _integration(world: World) -> Integration:
    policy = await make.policy(world.db, world.core, level(1, world.alice))
    service = await make.service(world.db, world.core, policy)
    return await make.integration(world.db, service, "secret-key", kind="generic")


async def _post(world: World, content: bytes, failure: Any = None) -> str:
    """Let a message come in by the integration as its settings are; the id it is kept by."""
    async with world.db.transaction() as tx:
        key = make.hashlib.sha256(b"secret-key").hexdigest()
        route = (await routes.by_key_hash(tx, [key]))[key]
        with using(profiles.profile_of(tx, route).habits):
            reading = None if failure else read("generic", content, Inbound(received_at=tx.now))
        delivery = Delivery(
            key_hash=key,
            content=content,
            content_type="application/json",
            source="generic",
            reading=reading,
            failure=failure,
            trace_id="trace",
        )
        await ingest.take_in(tx, [delivery])
        return (await payloads.page(tx, route.integration_id, limit=1))[0].id


async def _config(world: World, integration: Integration) -> Any:
    async with world.db.read() as reader:
        found = await integrations.get(reader, make.actor(world.alice, world.core), integration.id)
    assert found is not None
    return found.config


async def test_a_mapping_is_tried_beside_its_message_and_then_saved(world: World, sign_in: SignIn) -> None:
    """Without JavaScript: a form whose first button shows, and whose second saves; the next message is read by it."""
    integration, browser = await _integration(world), await sign_in(world.alice)
    here = f"/integrations/{integration.id}/payloads/{await _post(world, msgspec.json.encode(CHECKS))}"
    page = await browser.get(here)
    assert '"what": "Disk full"' in page.text
    shown = await browser.post(f"{here}/mapping", **FORM, act="preview")
    assert "How it would be read now" in shown.text
    assert "Queue <b>long</b>" in shown.text
    assert "Critical" in shown.text
    assert (await _config(world, integration)).mapping is None
    saved = await browser.post(f"{here}/mapping", **FORM, act="save")
    assert "Saved." in saved.text
    config = await _config(world, integration)
    assert (config.mapping.title, config.severities) == ("what", {"SEV-A": Severity.CRITICAL})
    await _post(world, msgspec.json.encode(CHECKS))
    async with world.db.read() as reader:
        titles = [row[0] for row in await reader.rows("SELECT title FROM alerts ORDER BY id")]
    assert titles[-2:] == ["Disk full", "Queue <b>long</b>"]
    listed = await browser.get(f"/integrations/{integration.id}")
    assert "Disk full" in listed.text
    assert await browser.get(f"/integrations/{integration.id}/mapping")


async def test_mistakes_stand_beside_their_fields(world: World, sign_in: SignIn) -> None:
    """With the position; what was typed stays, and nothing is saved."""
    integration, browser = await _integration(world), await sign_in(world.alice)
    here = f"/integrations/{integration.id}/payloads/{await _post(world, msgspec.json.encode(CHECKS))}"
    typed = {**FORM, "title": "a..b", "labels": "x = nofunction(@)\ny = a"}
    page = await browser.post(f"{here}/mapping", **typed, act="save")
    assert page.status == 422
    assert '".b" is not expected here (character 3).' in page.text
    assert "x: There is no function nofunction() (character 1)." in page.text
    assert 'value="a..b"' in page.html
    for wrong in ({"labels": "nothing"}, {"severities": "x = terrible"}):
        assert (await browser.post(f"{here}/mapping", **{**FORM, **wrong}, act="save")).status == 422
    assert (await _config(world, integration)).mapping is None


async def test_what_was_not_understood_is_sent_through_at_once(world: World, sign_in: SignIn) -> None:
    """The page says how many wait, and one button sends them; what still cannot be read is said."""

    integration, browser = await _integration(world), await sign_in(world.bob)
    await _post(world, b'{"title": "One"}', Invalid("It made no sense."))
    await _post(world, b"{broken", Invalid("It made no sense."))
    page = await browser.get(f"/integrations/{integration.id}")
    assert "2 messages were not understood, and paged nobody." in page.text
    done = await browser.post(f"/integrations/{integration.id}/payloads/replay")
    assert "1 message could be read this time, 1 still cannot be." in done.text
    assert "1 message was not understood" in (await browser.get(f"/integrations/{integration.id}")).text


async def test_settings_are_kept_beside_each_other(world: World, sign_in: SignIn) -> None:
    """Saving them leaves the mapping; a secret is never shown, and stays when none is typed."""
    integration, browser = await _integration(world), await sign_in(world.alice)
    here = f"/integrations/{integration.id}/payloads/{await _post(world, msgspec.json.encode(CHECKS))}"
    await browser.post(f"{here}/mapping", **FORM, act="save")
    settings = f"/integrations/{integration.id}/settings"
    form = {"name": "Backups", "default_severity": "low", "severities": "x = info", "after_minutes": "30"}
    page = await browser.post(settings, **form, check="hmac", header="X-Sig", secret="a very long secret")
    assert "Saved." in page.text
    config = await _config(world, integration)
    assert (config.default_severity, config.severities, config.mapping.title) == (
        Severity.LOW,
        {"x": Severity.INFO},
        "what",
    )
    assert (config.sender_check.kind, config.sender_check.header) == (CheckKind.HMAC, "X-Sig")
    assert (config.auto_close.after_minutes, config.auto_close.acknowledged_too) == (30, False)
    shown = await browser.get(settings)
    assert "a very long secret" not in shown.html
    assert 'value="X-Sig"' in shown.html
    again = await browser.post(settings, **form, check="hmac", header="X-Other")
    assert "Saved." in again.text
    assert (await _config(world, integration)).sender_check.header == "X-Other"
    for wrong in ({"check": "bearer"}, {"check": "odd"}, {"after_minutes": "soon"}, {"severities": "x"}):
        assert (await browser.post(settings, **{**form, **wrong})).status == 422


async def test_who_may_only_look_has_no_forms(world: World, sign_in: SignIn) -> None:
    """A viewer sees what came and how it was read; strangers see nothing."""
    integration = await _integration(world)
    payload_id = await _post(world, msgspec.json.encode(CHECKS))
    viewer = await make.user(world.db, world.cast.organization, "Vera", Role.VIEWER)
    await make.member(world.db, world.core, viewer, Role.VIEWER)
    browser = await sign_in(viewer)
    page = await browser.get(f"/integrations/{integration.id}/payloads/{payload_id}")
    assert page.status == 200
    assert not [form for form in page.forms if "/integrations/" in form["action"]]
    assert (await browser.get(f"/integrations/{integration.id}/settings")).status == 403
    stranger = await sign_in(world.charlie)
    assert (await stranger.get(f"/integrations/{integration.id}")).status == 404


async def test_an_integration_that_never_heard_anything_says_so(world: World, sign_in: SignIn) -> None:
    """And where its set-up is; the mapping wants a message to stand beside."""
    integration, browser = await _integration(world), await sign_in(world.alice)
    page = await browser.get(f"/integrations/{integration.id}")
    assert "Waiting for the first message." in page.text
    assert "Nothing came yet." in (await browser.get(f"/integrations/{integration.id}/mapping")).text


async def test_a_hostile_body_is_text(world: World, sign_in: SignIn) -> None:
    """Markup, bytes that are no text, half characters and deep nesting are shown, and nothing else."""
    integration, browser = await _integration(world), await sign_in(world.alice)

    for content in (
        b'{"a": "<script>alert(1)</script>"}',
        b"\xff\xfe\x00",
        b'{"a": "\\ud800"}',
        b"[" * 60_000,
        b"",
    ):
        payload_id = await _post(world, content, Invalid("It made no sense."))
        page = await browser.get(f"/integrations/{integration.id}/payloads/{payload_id}")
        assert page.status == 200
        assert "<script>alert(1)" not in page.html


async def test_the_gallery_says_what_was_heard_of_what_is_connected(world: World, sign_in: SignIn) -> None:
    """Waiting, heard, not understood: each connected sender in a line that is kept live."""
    integration, browser = await _integration(world), await sign_in(world.alice)
    gallery = f"/services/{integration.service_id}/connect"
    page = await browser.get(gallery)
    assert "waiting for the first message" in page.text
    assert 'id="connected_senders" hx-get=' in page.html
    await _post(world, b'{"title": "One"}')
    assert "last heard just now" in (await browser.get(gallery)).text
    await _post(world, b"{broken", Invalid("It made no sense."))
    assert "1 not understood" in (await browser.get(gallery)).text


async def test_messages_of_one_outcome_are_listed_alone(world: World, sign_in: SignIn) -> None:
    """By the address; an outcome that nothing had says so, and a word that is none shows all."""
    integration, browser = await _integration(world), await sign_in(world.alice)
    await _post(world, b'{"title": "Read well"}')
    await _post(world, b"{broken", Invalid("It made no sense."))
    here = f"/integrations/{integration.id}"
    only = await browser.get(f"{here}?outcome=quarantined")
    assert "It made no sense." in only.text
    assert "Read well" not in only.text
    assert "No message of the last weeks became that." in (await browser.get(f"{here}?outcome=refused")).text
    assert "Read well" in (await browser.get(f"{here}?outcome=nonsense")).text
