"""A client of two nodes: what one has answered holds on the other at once, and live events go on where they were."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import count
from typing import Any

import httpx2
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.conftest import Postgres
from tests.fakes.smtp import FakeSmtp, Mail, SmtpMode
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.proves("HA-1")]
ROUNDS = 6
LEASE_SECONDS = 4


class Two:
    """Two nodes on one Postgres, each with a folder of its own."""

    def __init__(self, one: Server, two: Server, house: House, smtp: FakeSmtp) -> None:
        self.one, self.two, self.house, self.smtp = one, two, house, smtp

    def both(self, number: int) -> tuple[Server, Server]:
        """The one and the other, in turn."""
        return (self.one, self.two) if number % 2 else (self.two, self.one)


@pytest.fixture(scope="module")
async def nodes(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, postgres_template: str, anyio_backend: str
) -> AsyncIterator[Two]:
    """Both run; each test leaves them so."""
    folder, name = tmp_path_factory.mktemp("nodes"), await postgres.create(postgres_template)
    async with FakeSmtp() as smtp:
        one, two = (
            Server(
                folder, data=folder / node, database_url=postgres.url(name), database_lease_seconds=str(LEASE_SECONDS),
                server_secret_key="s" * 32, server_encryption_key="e" * 32, smtp_host=smtp.host,
                smtp_port=str(smtp.port), smtp_security="none", smtp_from=f"{node}@example.org",
                outgoing_allow_private_networks="true",
            )
            for node in ("one", "two")
        )  # fmt: skip
        two.log = folder / "two.log"
        try:
            house = await settle_in(one)
            two.client.headers["Authorization"] = one.client.headers["Authorization"]
            await two.start()
            yield Two(one, two, house, smtp)
        finally:
            await one.close()
            await two.close()
            await postgres.drop(name)


class Follower:
    """A client that is cut off, comes back to whichever node there is, and resumes after the last event it has."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.heard: list[int] = []
        """The numbers of the events, as they came."""
        self.resyncs = 0
        self.connected_to: Server | None = None

    async def follow(self, node: Server) -> None:
        """Listen to this node until the connection ends."""
        address = node.url.replace("http", "ws") + "/api/v1/ws"
        headers = {"Authorization": self._key}
        if self.heard:
            address += f"?after={max(self.heard)}"
        try:
            async with connect(
                address, additional_headers=headers, proxy=None, open_timeout=60, ping_interval=None
            ) as socket:
                self.connected_to = node
                async for frame in socket:
                    event: dict[str, Any] = msgspec.json.decode(frame)
                    self.resyncs += event["type"] == "resync"
                    if event["type"] not in ("resync", "ping"):
                        self.heard.append(event["seq"])
        except (OSError, WebSocketException):
            return
        finally:
            self.connected_to = None


async def _connected(follower: Follower, node: Server) -> None:
    async def so() -> bool:
        return follower.connected_to is node

    await until(so)


@pytest.mark.proves("WS-1", "F-39")
async def test_a_client_that_changes_nodes_misses_nothing_and_hears_nothing_twice(nodes: Two) -> None:
    """Alerts come in at both nodes. One client stays at the second; another one goes to and fro, and is at the first
    one when that is killed: both have heard the same, in the same order, each once.
    """
    key = nodes.one.client.headers["Authorization"]
    stays, moves = Follower(key), Follower(key)
    staying = asyncio.create_task(stays.follow(nodes.two))
    moving = asyncio.create_task(moves.follow(nodes.one))
    await _connected(stays, nodes.two)
    await _connected(moves, nodes.one)
    going, titles = True, [f"moving-{number}" for number in range(1000)]
    posted: Counter[int] = Counter()

    async def post() -> None:
        for number in count():
            if not going:
                return
            node = nodes.both(number)[0]
            body = {"title": titles[number], "dedup_key": titles[number]}
            try:
                answer = await node.client.post(f"/webhooks/generic/{nodes.house.key}", json=body)
                posted[answer.status_code] += 1
            except httpx2.TransportError:
                posted[0] += 1
            await asyncio.sleep(0.05)

    posting = asyncio.create_task(post())
    for number in range(1, 5):
        have = len(moves.heard)

        async def more(have: int = have) -> bool:
            return len(moves.heard) > have + 2

        await until(more)
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)
        node = nodes.both(number)[1]
        moving = asyncio.create_task(moves.follow(node))
        await _connected(moves, node)
    assert moves.connected_to is nodes.one
    await nodes.one.kill()
    await moving
    moving = asyncio.create_task(moves.follow(nodes.two))
    await _connected(moves, nodes.two)
    await asyncio.sleep(1)
    going = False
    await posting
    assert posted[202] > 5

    async def same() -> bool:
        return bool(moves.heard) and moves.heard[-1:] == stays.heard[-1:]

    quiet = time.monotonic() + 2
    while time.monotonic() < quiet:  # what trails is a page's answer, seconds later
        await until(same)
        await asyncio.sleep(0.2)
    for task in (staying, moving):
        task.cancel()
    await asyncio.gather(staying, moving, return_exceptions=True)
    await nodes.one.start()
    assert moves.resyncs == stays.resyncs == 0
    first = max(moves.heard[0], stays.heard[0])
    assert {seq for seq in moves.heard if seq >= first} == {seq for seq in stays.heard if seq >= first}
    for client in (stays, moves):
        assert client.heard == sorted(set(client.heard)), "each once, in order"


@pytest.mark.proves("ST-1", "IN-7", "F-35")
async def test_what_one_node_has_answered_holds_on_the_other_at_once(nodes: Two) -> None:
    """Keys just made are good on the other node, those just revoked are not; a request is done once on both."""
    for number in range(ROUNDS):
        here, there = nodes.both(number)
        # A key of the API.
        made = await here.call("POST", "/api-keys", {"name": f"Key {number}", "role": "member"})
        token = {"Authorization": f"Bearer {made['key']}"}
        assert (await there.client.get("/api/v1/teams", headers=token)).status_code == 200
        await here.call("DELETE", f"/api-keys/{made['id']}")
        assert (await there.client.get("/api/v1/teams", headers=token)).status_code == 401
        # The key of an integration.
        body = {"name": f"Monitoring {number}", "serviceId": nodes.house.service_id}
        integration = await here.call("POST", "/integrations", body)
        path = f"/webhooks/generic/{integration['integrationKey']}"
        alert = {"title": f"Round {number}", "dedup_key": f"round {number}"}
        assert (await there.client.post(path, json=alert)).status_code == 202
        await here.call("PATCH", f"/integrations/{integration['id']}", {"isActive": False})
        assert (await there.client.post(path, json=alert)).status_code == 404
        await there.call("PATCH", f"/integrations/{integration['id']}", {"isActive": True})
        assert (await here.client.post(path, json=alert)).status_code == 202
        await there.call("DELETE", f"/integrations/{integration['id']}")
        assert (await here.client.post(path, json=alert)).status_code == 404
        # A request that is repeated at the other node, afterwards and at the same moment.
        once = {"Idempotency-Key": f"once-{number}"}
        team = {"name": f"Team {number}"}
        first = await here.client.post("/api/v1/teams", json=team, headers=once)
        again = await there.client.post("/api/v1/teams", json=team, headers=once)
        assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert again.headers["idempotency-replayed"] == "true"
        other = await there.client.post("/api/v1/teams", json={"name": "Another"}, headers=once)
        assert other.status_code == 409
        at_once = {"Idempotency-Key": f"at-once-{number}"}
        answers = await asyncio.gather(
            *(
                node.client.post("/api/v1/teams", json={"name": f"At once {number}"}, headers=at_once)
                for node in (here, there, here, there)
            )
        )
        assert len({answer.json()["id"] for answer in answers}) == 1
    names = Counter(each["name"] for each in await nodes.two.items("/teams"))
    made_once = [f"{what} {number}" for what in ("Team", "At once") for number in range(ROUNDS)]
    assert names == Counter(["Core", *made_once])


@pytest.mark.proves("SP-1", "WS-1")
async def test_what_changes_on_one_node_is_seen_on_the_other(nodes: Two) -> None:
    """A status page is drawn anew by both; who may no longer listen is sent away from whichever node it is at."""
    page = await nodes.one.call(
        "POST", "/status-pages", {"name": "Acme", "slug": "acme", "teamId": nodes.house.team_id}
    )
    for number in range(2):
        here, there = nodes.both(number)
        title = f"Fire number {number}"
        await here.call(
            "POST", f"/status-pages/{page['id']}/incidents", {"title": title, "message": "We look."}
        )

        async def shown(node: Server = there, title: str = title) -> bool:
            return title in (await node.client.get("/status/acme")).text

        await until(shown)
        made = await here.call("POST", "/api-keys", {"name": f"Ear {number}", "role": "member"})
        address = there.url.replace("http", "ws") + "/api/v1/ws"
        headers = {"Authorization": f"Bearer {made['key']}"}
        async with connect(
            address, additional_headers=headers, proxy=None, open_timeout=60, ping_interval=None
        ) as socket:
            await socket.send('{"type":"ping"}')
            while msgspec.json.decode(await socket.recv())["type"] != "pong":
                pass
            await here.call("DELETE", f"/api-keys/{made['id']}")
            async with asyncio.timeout(30):
                with suppress(WebSocketException):
                    while True:  # one that does not read does not hear of the end either
                        await socket.recv()
            assert socket.close_code == 4401


@pytest.mark.proves("F-02", "NO-2", "ES-1")
async def test_what_a_killed_node_was_sending_is_sent_once_more_and_says_so(
    nodes: Two, measured: Callable[..., None]
) -> None:
    """The mail server has the page and has not answered when the node that sends it is killed: the other one sends it
    again when the lease is over, marked as a possible repeat, and nobody sends it a third time.
    """

    def mails() -> list[Mail]:
        return [mail for mail in nodes.smtp.mails if b"in-hand" in mail.content]

    async def arrived() -> bool:
        return bool(mails())

    async def again() -> bool:
        return len(mails()) >= 2

    nodes.smtp.mode = SmtpMode.HANG_AFTER_CONTENT
    assert (await nodes.house.post("in-hand")).status_code == 202
    await until(arrived)
    sender = nodes.one if mails()[0].sender.startswith("one@") else nodes.two
    other = nodes.two if sender is nodes.one else nodes.one
    await sender.kill()
    killed = time.monotonic()
    nodes.smtp.mode = SmtpMode.OK
    await until(again)
    delayed = time.monotonic() - killed
    await sender.start()

    async def settled() -> bool:
        (incident,) = [each for each in await other.items("/incidents") if each["title"] == "in-hand"]
        told = await other.items(f"/incidents/{incident['id']}/notifications")
        return all(each["status"] == "sent" for each in told)

    await until(settled)
    repeats = ["possible repeat" in mail.content.decode("utf-8", "replace") for mail in mails()]
    assert repeats == [False, True]
    measured(lease_seconds=LEASE_SECONDS, sent_again_after=round(delayed, 1))
