"""kill -9 at the end of a maintenance window: whatever it held and still fires pages once."""

import asyncio
import random
from collections import Counter

import pytest

from openalert.domain.instant import HOUR, SECOND, rfc3339
from openalert.storage import wall_clock
from tests.fakes.smtp import FakeSmtp
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROUNDS = 3
HELD = 40


@pytest.mark.proves("ES-2", "F-03")
async def test_kill_9_while_a_window_lets_go_neither_loses_nor_doubles_a_page(
    server: Server, smtp: FakeSmtp
) -> None:
    """Three windows end one after the other and the process is killed meanwhile; each alert gets one incident.

    The second one ends by itself while nobody runs, and the next process lets go what it held.
    """
    house = await settle_in(server)
    for number in range(ROUNDS):
        window = await _window(server, house)
        titles = [f"held-{number}-{each}" for each in range(HELD)]
        for title in titles:
            answer = await house.post(title)
            assert (answer.status_code, answer.json()["incidents"]) == (202, [])
        if number % 2:
            soon = wall_clock() + 5 * SECOND  # a busy machine must not ask for a moment that is over
            await server.call("POST", f"/maintenance-windows/{window}/extend", {"endsAt": rfc3339(soon)})
            await server.kill()
            await asyncio.sleep(max(0, soon - wall_clock()) / SECOND)
        else:
            await server.call("POST", f"/maintenance-windows/{window}/end")
            await asyncio.sleep(random.Random(number).uniform(0, 0.15))
        await server.kill()
        await server.start()

    async def all_let_go() -> bool:
        return not await server.items("/alerts?status=suppressed")

    await until(all_let_go, 120)
    stored = await server.items("/alerts")
    incidents = {each["id"]: each for each in await server.items("/incidents")}
    assert len(stored) == len(incidents) == ROUNDS * HELD
    assert len({alert["incidentId"] for alert in stored}) == len(stored)
    assert {each["alertCount"] for each in incidents.values()} == {1}
    traces = [await server.call("GET", f"/alerts/{alert['id']}/trace") for alert in stored[:: HELD // 4]]
    codes = [[step["code"] for step in trace["items"]] for trace in traces]
    # What a kill left held may be held by the next window too, before it is let go.
    assert {each.count("let_go") for each in codes} == {each.count("opened") for each in codes} == {1}

    await until(lambda: _all_paged(server, set(incidents)), 120)
    pages = [each for each in await server.items("/notifications") if each["kind"] == "page"]
    assert max(Counter((each["incidentId"], each["userId"]) for each in pages).values()) == 1


async def _window(server: Server, house: House) -> str:
    """A window over everything, which runs already."""
    now = wall_clock()
    made = await server.call(
        "POST",
        "/maintenance-windows",
        {
            "name": "Upgrade",
            "teamId": house.team_id,
            "startsAt": rfc3339(now),
            "endsAt": rfc3339(now + HOUR),
        },
    )
    return str(made["id"])


async def _all_paged(server: Server, incidents: set[str]) -> bool:
    """Every incident has its page, and it left."""
    return incidents <= {each["incidentId"] for each in await server.items("/notifications?status=sent")}
