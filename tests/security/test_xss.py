"""Every page and every mail in Chromium, while everything that is stored tries to become markup (S-57, S-58, S-64)."""

import asyncio
import os
from collections.abc import AsyncIterator
from email.headerregistry import Address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec
import pytest
import uvicorn

from openalert.app import OpenAlert
from openalert.config import Config, Oidc, Server
from openalert.config.sections import SelfMonitor
from openalert.domain.notification import NotificationKind
from openalert.notifiers import letter
from openalert.notifiers.notifier import Action, Link
from openalert.storage import keyring, open_database
from openalert.usecases import signin
from tests.chromium import CHROMIUM, WANTED
from tests.notifiers import messages
from tests.ports import free_port
from tests.security import pages
from tests.security.pages import NODE, PAYLOAD, URL

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
LISTEN = """
window.__violations = [];
document.addEventListener(
  'securitypolicyviolation', e => window.__violations.push(e.violatedDirective + ' ' + e.blockedURI));
"""
LOOK = """
() => {
  const wrong = [...window.__violations || []];
  for (const node of document.querySelectorAll('[NODE], [onerror], [onload], [onfocus], base[href]'))
    wrong.push('node ' + node.outerHTML.slice(0, 200));
  const names = ['hx-get', 'hx-post', 'data-hx-get', 'href', 'src', 'action', 'formaction'];
  for (const name of names)
    for (const node of document.querySelectorAll(`[${name}]`)) {
      const value = node.getAttribute(name);
      let scheme = 'broken:';
      try { scheme = new URL(value, document.baseURI).protocol } catch { }
      const is_picture = (name === 'src' || node.matches('link[rel=icon]')) && value.startsWith('data:image/');
      if (!['http:', 'https:', 'mailto:', 'tel:'].includes(scheme) && !is_picture)
        wrong.push(name + ' ' + value.slice(0, 100));
    }
  if (/xss49xss/.test(document.documentElement.innerHTML)) wrong.push('a template was evaluated');
  return wrong;
}
""".replace("NODE", NODE)


class Attacked(msgspec.Struct):
    """A serving appliance full of hostile texts, and a browser in which its owner is signed in."""

    openalert: OpenAlert
    base: str
    paths: list[str]
    context: Any
    seen: list[str]
    """What went wrong on the page that is open now."""


@pytest.fixture
async def attacked(tmp_path: Path, chromium: Any) -> AsyncIterator[Attacked]:
    """Seeded, poisoned, answered by people with hostile names, poisoned once more, and serving."""
    port = free_port()
    provider = Oidc(issuer="http://127.0.0.1:9/realms/acme", client_id="x", label=PAYLOAD)
    config = Config(
        server=Server(port=port, data_dir=str(tmp_path)),
        oidc=provider,
        self_monitor=SelfMonitor(url="http://127.0.0.1:9/ping"),
    )
    database = await open_database(f"sqlite:///{tmp_path}/openalert.db", keys=keyring.of(config))
    openalert = OpenAlert(config, database, os.urandom(32))
    seeded = await pages.settle(openalert)
    server = uvicorn.Server(
        uvicorn.Config(
            openalert.asgi, port=port, log_config=None, ws="websockets-sansio", timeout_graceful_shutdown=2
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.02)
    try:
        base = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=base) as client:
            for name in ("One", PAYLOAD):
                body = {"version": "4", "groupKey": name, "status": "firing", "alerts": [pages.alert(name)]}
                answer = await client.post(f"/webhooks/prometheus/{seeded.key}", json=body)
                assert answer.status_code == 202, answer.text
            await client.post(f"/webhooks/prometheus/{seeded.key}", content=PAYLOAD.encode())
        await poison(openalert)
        async with database.read() as reader:
            owner = await signin.find_session(reader, seeded.session)
        assert owner is not None
        await pages.act(openalert, owner.actor)
        await poison(openalert)
        async with database.read() as reader:
            paths = pages.page_paths(openalert, await pages.ids_for_routes(reader, openalert))
        context = await chromium.new_context()
        await context.add_cookies([{"name": openalert.access.cookie, "value": seeded.session, "url": base}])
        await context.add_init_script(LISTEN)
        yield Attacked(openalert, base, paths, context, [])
        for each in chromium.contexts:
            await each.close()
    finally:
        server.should_exit = True
        await serving
        await database.close()


async def poison(openalert: OpenAlert) -> None:
    """All that is stored; enough columns must be left that the walk means something."""
    async with openalert.database.transaction() as tx:
        done = await pages.poison(tx)
    wanted = {
        "users.name", "teams.name", "teams.description", "services.name", "services.runbook_url", "alerts.title",
        "alerts.description", "alerts.labels", "alerts.annotations", "alerts.links", "incidents.title", "timeline.data",
        "sessions.user_agent", "channels.name", "channels.config", "organizations.name", "schedules.name",
        "overrides.reason", "escalation_policies.name", "integrations.name", "api_keys.name", "notifications.reason",
        "invitations.name", "passkeys.name", "shift_swaps.note",
    }  # fmt: skip
    assert wanted <= set(done), wanted - set(done)


async def opened(attacked: Attacked) -> Any:
    """A page whose complaints are collected."""
    page = await attacked.context.new_page()

    async def refuse(dialog: Any) -> None:
        attacked.seen.append(f"dialog {dialog.message}")
        await dialog.dismiss()

    page.on("dialog", refuse)
    page.on(
        "console", lambda said: attacked.seen.append(said.text) if "Content Security" in said.text else None
    )
    return page


async def wrong_at(attacked: Attacked, page: Any, path: str) -> list[str]:
    """What an attacker achieved on the page at this path."""
    attacked.seen.clear()
    answer = await page.goto(attacked.base + path)
    await asyncio.sleep(0.05)
    found = attacked.seen + await page.evaluate(LOOK)
    if answer.status >= 500:
        found.append(f"status {answer.status}")
    if not page.url.startswith(attacked.base):
        found.append(f"led to {page.url}")
    return [f"{path}: {each}" for each in found]


async def test_no_stored_text_becomes_markup_on_any_page(attacked: Attacked) -> None:
    """The route table is walked with real ids: no dialog, no violation of the policy, no foreign node or link."""
    assert len(attacked.paths) > 30
    page = await opened(attacked)
    wrong = []
    shown = 0
    for path in attacked.paths:
        wrong += await wrong_at(attacked, page, path)
        shown += "xss{{7*7}}xss" in await page.evaluate("document.body.innerText")
    assert wrong == []
    assert shown > 20, "the hostile texts are hardly to be seen: the walk proves nothing"


async def test_no_text_of_an_address_becomes_markup(attacked: Attacked) -> None:
    """Whatever parameters, fragments and unknown paths say, lists, sign-in and error pages only ever quote it."""
    page = await opened(attacked)
    hostile = quote(PAYLOAD)
    paths = [f"/{hostile}", f"/incidents/{hostile}", f"/login?next={hostile}", f"/login?next={quote(URL)}"]
    paths += [f"/a/{hostile}", f"/setup?token={hostile}"]
    plain = [path for path in attacked.paths if path.count("/") == 1]
    query = "&".join(f"{name}={hostile}" for name in ("q", "status", "tab", "at", "cursor", "next", "error"))
    paths += [f"{path}?{query}#{hostile}" for path in plain]
    wrong = []
    for path in paths:
        wrong += await wrong_at(attacked, page, path)
    assert wrong == []


async def test_no_text_becomes_markup_in_a_mail(attacked: Attacked) -> None:
    """Read by a mail program that runs scripts: nothing runs, nothing is loaded, and every link is our own."""
    page = await opened(attacked)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for kind in NotificationKind:
        await page.set_content(hostile_mail(kind))
        await asyncio.sleep(0.1)
        assert attacked.seen + await page.evaluate(LOOK) == [], kind
        assert asked == []
        links = await page.evaluate("[...document.querySelectorAll('a')].map(a => a.href)")
        assert [link for link in links if not link.startswith(messages.BASE_URL)] == []
        foreign = "document.querySelectorAll('form,script,img,iframe,object,link,video').length"
        assert await page.evaluate(foreign) == 0


def hostile_mail(kind: NotificationKind) -> str:
    """The HTML of a mail all of whose facts are hostile; its headers are whole, and it has a plain text."""
    facts = messages.incident(
        title=PAYLOAD, service_name=PAYLOAD, description=PAYLOAD, labels={"a": PAYLOAD, PAYLOAD: "b"},
        links=[Link(label=PAYLOAD, href=URL), Link(label=PAYLOAD, href=f"https://evil.example/{PAYLOAD}")],
    )  # fmt: skip
    told = messages.page(
        kind=kind, incident=facts, recipient_name=PAYLOAD, organization=PAYLOAD, headline=PAYLOAD, body=PAYLOAD,
        reason=PAYLOAD, escalation_note=PAYLOAD, bundle=[PAYLOAD],
        actions=[Action(verb="acknowledge", label="Acknowledge", url=f"{messages.BASE_URL}/a/t")],
    )  # fmt: skip
    people = {name: Address(name, name, "example.com") for name in ("sender", "recipient")}
    mail = letter.compose(told, **people, base_url=messages.BASE_URL, now=messages.NOW)
    for name, value in mail.items():
        assert value.isprintable(), name
    html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert plain is not None
    return str(html.get_content())
