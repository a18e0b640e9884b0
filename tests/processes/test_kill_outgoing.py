"""kill -9 at any moment loses no event of an outgoing webhook; what comes twice has the id that it had."""

import asyncio
import random

import pytest

from tests.fakes.webhook import FakeWebhook, Fault
from tests.processes.server import Server, settle_in, until
from tests.processes.test_kill import Load

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
KILLS = 4


@pytest.mark.proves("OW-1", "F-03")
async def test_kill_9_loses_no_event_of_an_outgoing_webhook(server: Server) -> None:
    """A slow receiver is the ledger: every incident that was answered is told, and no event has two ids."""
    async with FakeWebhook() as receiver:
        receiver.fault, receiver.delay = Fault.SLOW, 0.1
        house = await settle_in(server)
        webhook_id = await _told(server, receiver)
        load = Load(house)
        senders = [asyncio.create_task(load.send(number)) for number in range(2)]
        for seed in range(KILLS):
            await load.more()
            await asyncio.sleep(random.Random(seed).uniform(0.2, 1.2))
            await server.kill()
            await server.start()
        load.stop()
        await asyncio.gather(*senders)
        receiver.fault = Fault.NONE
        await until(lambda: _all_told(server, webhook_id, load), 120)

        titles = {request.json["data"]["incident"]["title"] for request in receiver.requests}
        assert {title for title in load.answered if title not in titles} == set()
        ids: dict[int, set[str]] = {}
        bodies: dict[str, set[bytes]] = {}
        for request in receiver.requests:
            ids.setdefault(request.json["sequence"], set()).add(request.headers["webhook-id"])
            bodies.setdefault(request.headers["webhook-id"], set()).add(request.body)
        assert [sequence for sequence, each in ids.items() if len(each) > 1] == []
        assert [name for name, each in bodies.items() if len(each) > 1] == []


async def _told(server: Server, receiver: FakeWebhook) -> str:
    """A webhook that is told of every incident that begins."""
    body = {"name": "Ledger", "url": receiver.url, "events": ["incident.created"]}
    answer = await server.client.post("/api/v1/outgoing-webhooks", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _all_told(server: Server, webhook_id: str, load: Load) -> bool:
    """Whether every incident that was answered has a delivery, and none waits."""
    told = await server.items(f"/outgoing-webhooks/{webhook_id}/deliveries")
    incidents = {each["objectId"] for each in told}
    return set(load.answered.values()) <= incidents and all(each["status"] == "delivered" for each in told)
