"""Push in a real browser: connected, shown, answered, replaced, offline; the push service's last step is played by CDP.

Chromium's own push service is out of reach here, so the browser is handed a subscription of the fake one; what it then
gets is what the real channel sent there, decrypted with that subscription's keys.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import uvicorn

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.domain.action import Verb
from openalert.domain.incident import Incident
from openalert.domain.user import User
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.push import PushNotifier
from openalert.storage import Database, incidents, open_database
from openalert.storage.keyring import KeyRing
from openalert.usecases import presets, replies, setup, signin, users
from tests.cast import Post
from tests.chromium import CHROMIUM, FLAGS, PATIENCE, WANTED
from tests.conftest import KEY
from tests.fakes.push_service import FakeBrowser, FakePushService
from tests.ports import free_port
from tests.web.ui.test_browser import _until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=WANTED),
]
SUBSCRIBE = """
(() => {
  const given = %s;
  const plain = (text) => atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  const bytes = (text) => Uint8Array.from(plain(text), (sign) => sign.charCodeAt(0));
  let made = sessionStorage.getItem("made") ? given : null;
  const wrap = () => made && {
    ...made, toJSON: () => given, options: { applicationServerKey: bytes(sessionStorage.getItem("made")) },
  };
  PushManager.prototype.getSubscription = async () => wrap();
  PushManager.prototype.subscribe = async (options) => {
    if (!options.userVisibleOnly) throw new Error("Chrome refuses this");
    sessionStorage.setItem("made", options.applicationServerKey);
    made = given;
    return wrap();
  };
})()
"""
SHOWN = """async () => (await (await navigator.serviceWorker.getRegistration("/")).getNotifications()).map((one) => ({
  title: one.title, body: one.body, tag: one.tag, silent: one.silent, rings: one.renotify,
  stays: one.requireInteraction, actions: one.actions.map((each) => each.action),
}))"""
PRESS = """async (action) => {
  const [notification] = await self.registration.getNotifications();
  const event = new NotificationEvent("notificationclick", { notification, action });
  let done;
  event.waitUntil = (work) => { done = work; }; // the browser's own refuses events that scripts make
  self.dispatchEvent(event);
  await done;
}"""

WARM_UP = """async () => {
  for (let shown = []; !shown.length; shown = await self.registration.getNotifications())
    await self.registration.showNotification("Warm up", { tag: "warm up", silent: true });
  for (const one of await self.registration.getNotifications()) one.close();
  const show = ServiceWorkerRegistration.prototype.showNotification;
  self.shows = 0;
  ServiceWorkerRegistration.prototype.showNotification = async function (...what) {
    await show.apply(this, what);
    self.shows += 1;
  };
}"""
"""Just after its start Chromium forgets what it is to show, until whatever displays it is there; then count."""


class Desk(msgspec.Struct):
    """A serving appliance, a browser window in it where Ana is signed in, and the push service behind the browser."""

    base: str
    key: str
    database: Database
    server: uvicorn.Server
    serving: asyncio.Task[None]
    page: Any
    cdp: Any
    service: FakePushService
    people: list[User]
    complaints: list[str]
    registrations: list[str]
    last: str = ""
    """What was handed to the service worker last."""

    async def connects(self) -> None:
        """Ana presses the button on her page."""
        await self.page.goto(self.base + "/me")
        await self.page.click("text=Send pages to this browser")
        await _until(self.page, "!!document.querySelector('[data-push-here]:not([hidden])')")
        (worker,) = self.page.context.service_workers
        await worker.evaluate(WARM_UP)

    async def fires(self, name: str) -> None:
        """Alertmanager reports a critical alert."""
        alert = {
            "status": "firing",
            "labels": {"alertname": name, "severity": "critical"},
            "annotations": {"summary": name},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
        }
        body = {"version": "4", "groupKey": name, "status": "firing", "receiver": "x", "alerts": [alert]}
        async with httpx2.AsyncClient() as client:
            answer = await client.post(f"{self.base}/webhooks/prometheus/{self.key}", json=body)
        assert answer.status_code == 202

    async def closes(self) -> None:
        """The server stops."""
        self.server.should_exit = True
        await self.serving

    async def incident(self) -> Incident:
        """The only one."""
        async with self.database.read() as reader:
            found = await incidents.get_by_number(reader, self.people[0].organization_id, 1)
        assert found is not None
        return found

    async def status(self) -> str:
        """What became of the page by push."""
        async with self.database.read() as reader:
            return str(
                await reader.value(
                    "SELECT status FROM notifications WHERE channel = 'push' AND kind = 'page'"
                )
            )

    async def arrives(self, number: int) -> dict[str, Any]:
        """The push with this number, counted from 1, decrypted and handed to the service worker."""
        await self.service.received(number)
        push = self.service.pushes(int(time.time()))[number - 1]
        (worker,) = self.page.context.service_workers
        before = await worker.evaluate("self.shows")
        await self.hands_over(msgspec.json.encode(push.payload).decode())
        async with asyncio.timeout(60):
            while await worker.evaluate("self.shows") == before:  # noqa: ASYNC110 - nothing else tells it
                await asyncio.sleep(0.05)
        return push.payload

    async def hands_over(self, data: str) -> None:
        """The browser hears this from its push service."""
        self.last = data
        await self.cdp.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": self.base, "registrationId": self.registrations[-1], "data": data},
        )

    async def shown(self, body: str) -> dict[str, Any]:
        """The one notification, once its text holds this.

        Asked while it begins to display something, Chromium may forget that; then the push comes once more, as push
        services do when they are in doubt.
        """
        for turn in range(1, 201):
            found: list[dict[str, Any]] = await self.page.evaluate(SHOWN)
            if any(body in one["body"] + one["title"] for one in found):
                (only,) = found
                return only
            if not found and turn % 50 == 0:
                await self.hands_over(self.last)
            await asyncio.sleep(0.1)
        raise AssertionError(f"never shown: {body!r}, but {found}")

    async def presses(self, action: str) -> None:
        """A button of the notification."""
        (worker,) = self.page.context.service_workers
        await worker.evaluate(PRESS, action)


@pytest.fixture
async def desk(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Desk]:
    """Ana owns a team with a service that pages her."""
    from playwright.async_api import async_playwright

    port = free_port()
    base = f"http://localhost:{port}"
    database = await open_database(f"sqlite:///{tmp_path}/openalert.db", keys=KeyRing([KEY]))
    async with database.transaction() as tx:
        await setup.ensure_organization(tx, "Acme")
        ana = await users.create(tx, email="ana@example.org", name="Ana Souza", role=Role.OWNER)
        bea = await users.create(tx, email="bea@example.org", name="Bea Okafor")
        made = await presets.apply(
            tx,
            "one_team_weekly",
            team_name="Core",
            service_name="Shop",
            member_ids=[ana.id, bea.id],
            timezone="UTC",
        )
        cookie = await signin.open_session(tx, ana.id, address="", user_agent="")
    service = FakePushService(FakeBrowser())
    await service.up()
    push = PushNotifier(
        None,
        OutgoingSettings(allowed_networks=["127.0.0.0/8"]),
        base_url=base,
        tls=service.certificate.client,
    )
    config = Config(server=Server(port=port, data_dir=str(tmp_path), base_url=base))
    openalert = OpenAlert(config, database, os.urandom(32), {"email": Post("email"), "push": push})
    serving_at = uvicorn.Server(
        uvicorn.Config(
            openalert.asgi, port=port, lifespan="on", log_config=None, ws="websockets-sansio",
            timeout_graceful_shutdown=2,
        )
    )  # fmt: skip
    serving = asyncio.create_task(serving_at.serve())
    async with asyncio.timeout(60):
        while not serving_at.started:  # noqa: ASYNC110 - uvicorn tells it by an attribute alone
            await asyncio.sleep(0.02)
    complaints: list[str] = []
    registrations: list[str] = []
    async with async_playwright() as playwright:
        # A profile of its own: a private window can neither be installed nor keep a worker.
        context = await playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"),
            executable_path=CHROMIUM,
            args=FLAGS,
            viewport={"width": 390, "height": 780},
            timeout=PATIENCE,
        )
        context.set_default_timeout(PATIENCE)
        await context.grant_permissions(["notifications"], origin=base)
        await context.add_cookies([{"name": openalert.access.cookie, "value": cookie, "url": base}])
        given = service.browser.subscription(service.endpoint)
        await context.add_init_script(SUBSCRIBE % msgspec.json.encode(given).decode())
        page = context.pages[0]
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        cdp = await context.new_cdp_session(page)
        cdp.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda told: registrations.extend(each["registrationId"] for each in told["registrations"]),
        )
        await cdp.send("ServiceWorker.enable")
        yield Desk(
            base,
            made.key,
            database,
            serving_at,
            serving,
            page,
            cdp,
            service,
            [ana, bea],
            complaints,
            registrations,
        )
        await context.close()
    serving_at.should_exit = True
    await serving
    await push.close()
    await service.down()
    await database.close()


async def test_a_browser_is_connected_paged_and_answers(desk: Desk) -> None:
    """The whole way: button, page on the screen, acknowledged from the notification, without the session's cookie."""
    await desk.connects()
    assert "Chrome on Linux" in await desk.page.inner_text("#contact-methods")
    await desk.fires("DiskFull")
    await desk.arrives(1)
    page = await desk.shown("DiskFull")
    assert page["title"] == "CRITICAL #1 DiskFull (Shop)"
    assert page["actions"] == ["acknowledge", "resolve"]
    assert (page["stays"], page["silent"], page["rings"]) == (True, False, True)
    async with asyncio.timeout(60):
        while await desk.status() != "delivered":  # noqa: ASYNC110 - the browser tells the server, not us
            await asyncio.sleep(0.05)
    await desk.page.context.clear_cookies()
    await desk.presses("acknowledge")
    answered = await desk.shown("#1 is yours. Nobody else is paged.")
    assert (answered["tag"], answered["actions"], answered["stays"]) == (page["tag"], [], False)
    incident = await desk.incident()
    assert (incident.status, incident.acknowledged_by_id) == ("acknowledged", desk.people[0].id)
    assert desk.complaints == []


async def test_news_take_the_place_of_the_page_silently(desk: Desk) -> None:
    """Bea was faster: the page says so by itself, and a button pressed all the same tells when."""
    await desk.connects()
    await desk.fires("DiskFull")
    page = await desk.arrives(1)
    await desk.shown("DiskFull")
    incident = await desk.incident()
    async with desk.database.transaction() as tx:
        tx.actor = await replies.person(tx, desk.people[1].id)
        await replies.answer(tx, incident.id, Verb.ACKNOWLEDGE, via="e-mail link")
    await desk.presses("acknowledge")
    late = await desk.shown("acknowledged by Bea Okafor at")
    assert late["actions"] == []
    news = await desk.arrives(2)
    assert news["tag"] == page["tag"]
    told = await desk.shown("Acknowledged by Bea Okafor")
    assert (told["silent"], told["stays"], told["rings"], told["actions"]) == (True, False, False, [])
    assert desk.complaints == []


async def test_without_a_connection_it_says_so(desk: Desk) -> None:
    """A button that cannot be sent stays; a page that cannot be loaded is replaced by one that holds no data."""
    await desk.connects()
    await desk.fires("DiskFull")
    await desk.arrives(1)
    await desk.shown("DiskFull")
    await desk.closes()
    await desk.presses("acknowledge")
    kept = await desk.shown("Not sent: no connection. Press again.")
    assert kept["actions"] == ["acknowledge", "resolve"]
    await desk.page.goto(desk.base + "/incidents")
    assert await desk.page.inner_text("h1") == "No connection"
    kept_pages = await desk.page.evaluate(
        "(async () => { const found = []; for (const name of await caches.keys())"
        " for (const each of await (await caches.open(name)).keys()) found.push(new URL(each.url).pathname);"
        " return found.sort(); })()"
    )
    assert kept_pages == ["/offline", "/push/subscription", "/static/logo.svg", "/static/openalert.css"]


@pytest.mark.parametrize("data", ["<not json>", "null", "{}"])
async def test_what_cannot_be_read_is_shown_all_the_same(desk: Desk, data: str) -> None:
    """Browsers want every push shown; an unreadable one leads to the incidents."""
    await desk.connects()
    await desk.hands_over(data)
    assert (await desk.shown("There is news"))["title"] == "OpenAlert"


async def test_it_can_be_installed(desk: Desk) -> None:
    """Chromium finds nothing that stands against it: manifest, icons, start page, and a worker that answers."""
    await desk.connects()
    errors = await desk.cdp.send("Page.getInstallabilityErrors")
    assert errors["installabilityErrors"] == []
    manifest = await desk.cdp.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/app.webmanifest")


async def test_a_refusing_browser_is_told_what_to_do(desk: Desk) -> None:
    """Denied permission, and an iPhone on which the app is not installed."""
    await desk.cdp.send(
        "Browser.setPermission",
        {"permission": {"name": "notifications"}, "setting": "denied", "origin": desk.base},
    )
    await desk.page.goto(desk.base + "/me")
    await _until(desk.page, "!!document.querySelector('[data-push-state=denied]:not([hidden])')")
    await desk.page.add_init_script(
        "delete window.PushManager; Object.defineProperty(navigator, 'userAgent', { value: 'iPhone' })"
    )
    await desk.page.reload()
    await _until(desk.page, "!!document.querySelector('[data-push-state=apple]:not([hidden])')")
