"""The real Alertmanager in front of a real server: the main job, end to end."""

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from openalert.web.ui.setup import alertmanager as snippet
from tests.fakes.smtp import FakeSmtp
from tests.ports import free_port
from tests.processes.server import House, Server, settle_in, until

PROGRAM = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow,
    pytest.mark.skipif(
        PROGRAM is None,
        reason="NO TEST AGAINST THE REAL ALERTMANAGER: install Debian's prometheus-alertmanager",
    ),
]


class Alertmanager:
    """Alertmanager with the configuration that the set-up tells people to copy, only faster."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30.0)
        faster = "  receiver: openalert\n  group_wait: 1s\n  group_interval: 1s\n  repeat_interval: 2s"
        (folder / "alertmanager.yml").write_text(snippet(url).replace("  receiver: openalert", faster, 1))

    def start(self) -> None:
        """One process that forms no cluster."""
        assert PROGRAM is not None
        with (self.folder / "alertmanager.log").open("w") as log:
            self.process = subprocess.Popen(
                [PROGRAM, f"--config.file={self.folder}/alertmanager.yml", f"--storage.path={self.folder}/am",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="],
                stdout=log, stderr=log,
            )  # fmt: skip

    async def is_ready(self) -> bool:
        """Whether it takes alerts."""
        try:
            return (await self.client.get("/-/ready")).status_code == 200
        except httpx2.TransportError:
            return False

    async def says(self, name: str, *, over: bool = False) -> None:
        """What Prometheus would post: the alert fires, or has ended."""
        now = datetime.now(UTC)  # noqa: TID251 - Alertmanager reads the real clock
        alert = {
            "labels": {"alertname": name, "severity": "critical", "instance": "db-1"},
            "annotations": {"summary": f"{name} on db-1"},
            "startsAt": (now - timedelta(minutes=5)).isoformat(),
            "endsAt": (now if over else now + timedelta(hours=1)).isoformat(),
        }
        answer = await self.client.post("/api/v2/alerts", json=[alert])
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def house(server: Server, request: pytest.FixtureRequest) -> House:
    """Jun is paged four seconds after Bea if she stays silent, or as many as the test says."""
    return await settle_in(server, delay_minutes=getattr(request, "param", 4) / 60)


@pytest.fixture
async def alertmanager(house: House, tmp_path: Path) -> AsyncIterator[Alertmanager]:
    """A running Alertmanager that posts to the house."""
    running = Alertmanager(tmp_path, house.alertmanager_url)
    running.start()
    await until(running.is_ready)
    yield running
    running.process.terminate()
    await asyncio.to_thread(running.process.wait, 60)
    await running.client.aclose()


@pytest.mark.parametrize("house", [60], indirect=True)  # in which Bea has answered on any machine
async def test_the_right_person_is_woken_acknowledges_and_nobody_else_is(
    house: House, alertmanager: Alertmanager, smtp: FakeSmtp
) -> None:
    """Alert, incident, mail; looking at the link changes nothing, pressing acknowledges; the end ends it."""
    server = house.server
    await alertmanager.says("DiskFull")
    mail = (await smtp.received(1))[0]
    assert mail.recipients == ["bea@example.org"]
    assert mail.subject == "[#1] CRITICAL: DiskFull on db-1 (Shop)"

    link = re.search(rf"{re.escape(server.url)}/a/\S+", mail.text)
    assert link is not None
    async with httpx2.AsyncClient() as stranger:
        page = await stranger.get(link.group())
        assert page.status_code == 200
        assert "DiskFull on db-1" in page.text
        assert (await _incident(server))["status"] == "triggered"
        assert (await stranger.post(link.group())).status_code in (200, 303)
    incident = await _incident(server)
    assert incident["status"] == "acknowledged"
    assert incident["acknowledgedById"] == house.bea_id
    assert incident["escalation"]["nextAt"] is None, "nobody's turn comes"

    await asyncio.sleep(5)  # in which Alertmanager repeats itself
    assert {row["userId"] for row in await server.items("/notifications")} == {house.bea_id}
    assert [each.subject for each in smtp.mails] == [mail.subject]

    await alertmanager.says("DiskFull", over=True)

    async def resolved() -> bool:
        return (await _incident(server))["status"] == "resolved"

    await until(resolved)
    end = (await smtp.received(2))[1]
    assert end.recipients == ["bea@example.org"]
    assert end.subject == "[#1] Resolved: DiskFull on db-1 (Shop)"
    assert {row["userId"] for row in await server.items("/notifications")} == {house.bea_id}


async def test_the_next_level_is_paged_when_nobody_answers(
    house: House, alertmanager: Alertmanager, smtp: FakeSmtp
) -> None:
    """Bea stays silent, Jun gets it after his four seconds; Alertmanager's repeats page nobody again."""
    await alertmanager.says("Latency")
    await smtp.received(2)

    async def repeated() -> bool:
        (alert,) = await house.server.items("/alerts")
        return bool(alert["count"] > 1)

    await until(repeated)
    await asyncio.sleep(3)
    assert [mail.recipients for mail in smtp.mails] == [["bea@example.org"], ["jun@example.org"]]
    assert len(await house.server.items("/alerts")) == 1


@pytest.mark.proves("IN-2")
async def test_alertmanager_sends_again_what_came_while_nobody_was_there(
    house: House, alertmanager: Alertmanager, smtp: FakeSmtp
) -> None:
    """The server is killed, the alert fires, the server comes back: Bea is paged."""
    await house.server.kill()
    await alertmanager.says("WhileAway")
    await asyncio.sleep(2)
    await house.server.start()
    mail = (await smtp.received(1))[0]
    assert mail.subject == "[#1] CRITICAL: WhileAway on db-1 (Shop)"


async def _incident(server: Server) -> dict[str, object]:
    """The only incident."""
    (incident,) = await server.items("/incidents")
    return incident
