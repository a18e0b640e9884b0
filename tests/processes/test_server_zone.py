"""The time zone of the server's machine is nobody's: what people set up in their own zones is the same under any.

One data folder, served by one process after the other, each with another TZ in its environment.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

USUAL = "UTC"
OTHERS = [
    "Pacific/Kiritimati",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
]
ODD = "from=2027-03-20T00:00:00Z&to=2027-04-20T00:00:00Z"
"""Weeks with clock changes in Berlin, Santiago and on Lord Howe Island."""
_MADE = re.compile(r"^DTSTAMP:.*$", re.MULTILINE)
"""When a calendar was asked for."""
PLACES = ("Europe/Berlin", "America/Santiago", "Australia/Lord_Howe")


async def _set_up(server: Server) -> list[str]:
    """A team with a schedule in each of three zones, an alert, and a status page; the addresses that tell of them."""
    house = await settle_in(server)
    told = ["/incidents", "/audit-log", "/teams", "/escalation-policies"]
    for zone in PLACES:
        schedule = await server.call(
            "POST", "/schedules", {"name": zone, "teamId": house.team_id, "timezone": zone}
        )
        path = f"/schedules/{schedule['id']}"
        rotation = {
            "name": "Nights",
            "rotationType": "daily",
            "handoffTime": "02:15",
            "effectiveFrom": "2027-01-04T00:00:00Z",
            "memberIds": [house.bea_id, house.jun_id],
        }
        await server.call("POST", f"{path}/rotations", rotation)
        told += [path, f"{path}/rotations", f"{path}/shifts?{ODD}", f"{path}/calendar.ics"]
    page = await server.call(
        "POST", "/status-pages", {"name": "Acme", "slug": "acme", "teamId": house.team_id}
    )
    await server.call(
        "POST", f"/status-pages/{page['id']}/incidents", {"title": "Fire", "message": "We look."}
    )
    assert (await house.post("DiskFull")).status_code == 202

    async def is_paged() -> bool:
        rows = await server.items("/notifications")
        return bool(rows) and all(row["status"] == "sent" for row in rows)

    await until(is_paged)
    return told


async def _told(server: Server, paths: list[str]) -> dict[str, Any]:
    """What the server says of all of it."""
    said: dict[str, Any] = {}
    for path in paths:
        answer = await server.client.get(f"/api/v1{path}")
        assert answer.status_code == 200, (path, answer.text)
        said[path] = _MADE.sub("", answer.text)
    for path in ("/status/acme/feed.atom", "/status/acme/api/v2/incidents.json"):
        answer = await server.client.get(path, headers={"Authorization": ""})
        assert answer.status_code == 200, (path, answer.text)
        said[path] = answer.text
    return said


async def _same_in(server: Server, zones: list[str]) -> int:
    """How many answers were compared in each."""
    server.environment["TZ"] = USUAL
    paths = await _set_up(server)
    usual = await _told(server, paths)
    assert all("2027-03-28" in usual[path] for path in paths if "/shifts" in path)
    for zone in zones:
        await server.stop()
        server.environment["TZ"] = zone
        await server.start()
        here = await _told(server, paths)
        assert {path: said for path, said in here.items() if said != usual[path]} == {}, zone
    return len(usual)


@pytest.mark.proves("ES-6", "F-22")
async def test_the_zone_of_the_server_changes_nothing(server: Server, smtp: FakeSmtp) -> None:
    """A day ahead of UTC: schedules, calendars, incidents and the status page are to the letter what they were."""
    await _same_in(server, OTHERS[:1])


@pytest.mark.campaign
@pytest.mark.proves("ES-6", "F-22")
async def test_no_zone_of_the_server_changes_anything(
    server: Server, smtp: FakeSmtp, measured: Callable[..., None]
) -> None:
    """Half hours, quarter hours, and clock changes of their own."""
    compared = await _same_in(server, OTHERS)
    measured(zones=len(OTHERS), answers_compared_in_each=compared, different=0)
