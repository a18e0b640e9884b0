"""What the service worker asks of us over HTTP, without a session: proofs, answers, renewals, and its own script."""

from typing import Any

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.domain import action
from openalert.domain.instant import DAY, MINUTE
from openalert.engine.engine import Engine
from openalert.storage import Database
from openalert.usecases import push_subscriptions
from openalert.usecases.push_subscriptions import Seat, Subscription
from tests import make
from tests.cast import LINKS_BACK, Post, World, level
from tests.conftest import StoppedClock
from tests.fakes.push_service import FakeBrowser

pytestmark = pytest.mark.anyio
SECRET = b"a key that signs links in tests"


class Phone:
    """Alice's phone and Bob's, and a page that both got."""

    def __init__(self, client: httpx2.AsyncClient, world: World, messages: dict[str, str]) -> None:
        self.client = client
        self.world = world
        self.messages = messages
        """The id of each person's push, by name."""

    async def status(self, who: str) -> str:
        """What became of that person's push."""
        async with self.world.db.read() as reader:
            return str(
                await reader.value("SELECT status FROM notifications WHERE id = :id", id=self.messages[who])
            )

    async def presses(self, who: str, verb: str, **changes: str) -> httpx2.Response:
        """A button of the notification."""
        message = self.messages[who]
        body = {"id": message, "proof": action.proof(SECRET, message), "verb": verb} | changes
        return await self.client.post("/push/answers", json=body)


@pytest.fixture
def config(tmp_path: Any) -> Config:
    """Reached by the name that the tests use."""
    return Config(server=Server(data_dir=str(tmp_path), api_writes_per_minute=0))


@pytest.fixture
async def app(config: Config, sqlite_db: Database, anyio_backend: str) -> OpenAlert:
    """The appliance, whose own engine rests: that of the world sends."""
    return OpenAlert(config, sqlite_db, SECRET, {"email": Post("email"), "push": Post("push")})


@pytest.fixture
async def phone(app: OpenAlert, client: httpx2.AsyncClient, clock: StoppedClock) -> Phone:
    """Both are paged by push for incident #1, and the push service has both messages."""
    world = await World.build(app.database, clock)
    world.engine = Engine(world.db, {"email": world.email, "push": Post("push")}, LINKS_BACK)
    await world.engine.begin()
    await push_subscriptions.application_key(world.db, "")
    for user in (world.alice, world.bob):
        given = Subscription(endpoint=f"https://push.example/{user.name}", **FakeBrowser().keys)
        async with world.db.transaction(make.actor(user)) as tx:
            await push_subscriptions.subscribe(tx, given, label="Chrome on Android", seat=Seat(None, ""))
    await world.policy(level(1, world.alice, world.bob))
    await world.fires("DiskFull")
    async with world.db.read() as reader:
        rows = await reader.rows(
            "SELECT u.name, n.id FROM notifications n JOIN users u ON u.id = n.user_id WHERE n.channel = 'push'"
        )
    return Phone(client, world, dict(rows))


async def test_a_button_acknowledges_as_the_person_of_the_browser(phone: Phone) -> None:
    """Without a session; the answer is the sentence to show, and the timeline names the way."""
    answer = await phone.presses("Alice", "acknowledge")
    assert answer.status_code == 200
    assert answer.json() == {"said": "#1 is yours. Nobody else is paged.", "changed": True}
    (entry,) = await phone.world.entries("acknowledged")
    assert (entry.actor_name, entry.data["via"]) == ("Alice", "push")


async def test_who_is_late_is_told_who_was_first(phone: Phone) -> None:
    """Bob presses five minutes after Alice; and pressing twice changes nothing."""
    await phone.presses("Alice", "acknowledge")
    phone.world.clock.advance(5 * MINUTE)
    late = (await phone.presses("Bob", "acknowledge")).json()
    assert late["changed"] is False
    assert "acknowledged by Alice at 09:00" in late["said"]
    assert "by you" in (await phone.presses("Alice", "acknowledge")).json()["said"]
    assert (await phone.presses("Bob", "resolve")).json() == {"said": "#1 is resolved.", "changed": True}


async def test_nothing_is_answered_without_the_proof_of_that_message(phone: Phone) -> None:
    """A wrong one, another message's, none, or that of a message that is no push."""
    other = action.proof(SECRET, phone.messages["Bob"])
    for changes in (
        {"proof": other},
        {"proof": ""},
        {"proof": "é"},
        {"id": "x", "proof": action.proof(SECRET, "x")},
    ):
        assert (await phone.presses("Alice", "acknowledge", **changes)).status_code == 404
    async with phone.world.db.read() as reader:
        mail = await reader.value("SELECT id FROM notifications WHERE channel = 'email'")
    answer = await phone.presses("Alice", "acknowledge", id=mail, proof=action.proof(SECRET, mail))
    assert answer.status_code == 404
    assert (await phone.world.incident()).status == "triggered"


async def test_a_button_works_for_a_day(phone: Phone) -> None:
    """Then the notification says that one has to sign in."""
    phone.world.clock.advance(DAY)
    answer = await phone.presses("Alice", "acknowledge")
    assert (answer.status_code, answer.json()["code"]) == (409, "ACTION_EXPIRED")
    phone.world.clock.advance(-MINUTE)
    assert (await phone.presses("Alice", "acknowledge")).status_code == 200


async def test_what_was_shown_is_delivered(phone: Phone) -> None:
    """Once, and only with the proof; the browser is a way that is proven from then on."""
    message = phone.messages["Alice"]
    body = {"id": message, "proof": action.proof(SECRET, message)}
    wrong = body | {"proof": action.proof(SECRET, "another")}
    assert (await phone.client.post("/push/shown", json=wrong)).status_code == 404
    assert await phone.status("Alice") == "sent"
    for _ in range(2):
        assert (await phone.client.post("/push/shown", json=body)).status_code == 204
        assert await phone.status("Alice") == "delivered"
    assert await phone.status("Bob") == "sent"


async def test_another_sites_page_presses_nothing(phone: Phone) -> None:
    """Even with the proof in hand."""
    message = phone.messages["Alice"]
    body = {"id": message, "proof": action.proof(SECRET, message), "verb": "acknowledge"}
    answer = await phone.client.post("/push/answers", json=body, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


async def test_a_browser_renews_its_subscription(phone: Phone) -> None:
    """204 for whoever knows the old one, 404 for whoever does not."""
    given = FakeBrowser()
    body = {
        "endpoint": "https://push.example/Alice",
        "auth": "AAECAwQFBgcICQoLDA0ODw",
        "subscription": given.subscription("https://push.example/new"),
    }
    assert (await phone.client.post("/push/renewals", json=body | {"auth": "x"})).status_code == 404
    assert (await phone.client.post("/push/renewals", json=body)).status_code == 204
    assert (await phone.client.post("/push/renewals", json=body)).status_code == 404


@pytest.mark.parametrize(
    "endpoint", ["https://[", "http://[::1", "//[", "", "https://a\x00b/", "https://[v1.x]/"]
)
async def test_an_endpoint_that_cannot_be_read_is_refused(phone: Phone, endpoint: str) -> None:
    """Strangers may ask for a renewal: neither the old address nor the new one breaks anything."""
    good = FakeBrowser().subscription("https://push.example/new")
    old = {"endpoint": endpoint, "auth": "x", "subscription": good}
    new = {
        "endpoint": "https://push.example/Alice",
        "auth": "x",
        "subscription": good | {"endpoint": endpoint},
    }
    for body in (old, new):
        assert (await phone.client.post("/push/renewals", json=body)).status_code == 400


async def test_the_worker_and_its_page_are_for_everybody(client: httpx2.AsyncClient) -> None:
    """From the root, never kept without asking, and the page that browsers keep holds nothing of anybody."""
    worker = await client.get("/service-worker.js")
    assert worker.status_code == 200
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["cache-control"] == "no-cache"
    assert "'unsafe" not in worker.headers["content-security-policy"]
    page = await client.get("/offline")
    assert page.status_code == 200
    assert "No connection" in page.text
    assert "<script" not in page.text
