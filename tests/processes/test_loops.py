"""Two OpenAlerts that tell each other everything: the news goes round, and comes to an end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def _tells(house: House, other: House) -> None:
    """What happens to incidents of one house is told the other, by a channel that is paged and by a webhook."""
    call = house.server.call
    url = f"{other.server.url}/webhooks/generic/{other.key}"
    channel = await call(
        "POST",
        "/channels",
        {"type": "webhook", "name": "Other", "teamId": house.team_id, "config": {"url": url}},
    )
    levels = [{"delayMinutes": 0, "targets": [{"type": "channel", "id": channel["id"]}]}]
    policy = await call(
        "POST", "/escalation-policies", {"name": "Round", "teamId": house.team_id, "levels": levels}
    )
    await call("PATCH", f"/services/{house.service_id}", {"escalationPolicyId": policy["id"]})
    await call("POST", "/outgoing-webhooks", {"name": "Other", "url": url, "events": ["incident.created"]})
    # Every incident of the other is another alert here: nothing but the header ends it.
    integration = (await house.server.items("/integrations"))[0]
    mapping = {"title": "data.incident.id", "identity": "data.incident.id", "group": "data.incident.id"}
    await call("PATCH", f"/integrations/{integration['id']}", {"config": {"mapping": mapping}})


async def _settled(houses: list[House]) -> list[list[dict[str, Any]]]:
    """The incidents of each once nothing is on its way any more."""
    seen: list[list[dict[str, Any]]] = []
    for _ in range(60):
        now = [await house.server.items("/incidents") for house in houses]
        pending = [
            each
            for house in houses
            for each in await house.server.items("/notifications")
            if each["status"] in ("pending", "sending", "unknown")
        ]
        if now == seen and not pending:
            return now
        seen = now
        await asyncio.sleep(0.5)
    raise AssertionError([len(each) for each in seen])


@pytest.mark.proves("F-47")
async def test_news_that_goes_round_comes_to_an_end(tmp_path: Path, anyio_backend: str) -> None:
    """Both page the other for every incident: the third station is the last, and both say why."""
    del anyio_backend
    servers = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        servers.append(Server(tmp_path / name, outgoing_allow_private_networks="true"))
    try:
        houses = [await settle_in(server) for server in servers]
        await _tells(houses[0], houses[1])
        await _tells(houses[1], houses[0])
        assert (await houses[0].post("Disk full")).status_code == 202

        async def ended() -> bool:
            rows = [
                row for house in houses for row in await house.server.items("/notifications?status=failed")
            ]
            return any("loop" in str(row.get("failureReason")) for row in rows)

        await until(ended)
        incidents = await _settled(houses)
        assert all(len(each) <= 6 for each in incidents), [len(each) for each in incidents]
    finally:
        for server in servers:
            await server.close()
