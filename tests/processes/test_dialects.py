"""Real senders made for others, at a real server: what they were told to send arrives, and their answer is right."""

import asyncio
import json
import logging
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pagerduty
import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.server import House, Server, settle_in, until
from tests.processes.test_alertmanager import PROGRAM, Alertmanager

AMTOOL = shutil.which("amtool")
pytestmark = [pytest.mark.anyio, pytest.mark.slow]
needs_alertmanager = pytest.mark.skipif(
    PROGRAM is None or AMTOOL is None,
    reason="NO TEST AGAINST THE REAL ALERTMANAGER: install Debian's prometheus-alertmanager",
)


@pytest.fixture
async def house(server: Server) -> House:
    """Bea is paged at once."""
    return await settle_in(server)


class Proxy(httpx2.HTTPTransport):
    """Where TLS ends in front of the server: PagerDuty's library speaks to https alone."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The request, handed on over plain HTTP."""
        request.url = request.url.copy_with(scheme="http")
        return super().handle_request(request)


def events(server: Server, key: str) -> pagerduty.EventsApiV2Client:
    """PagerDuty's client, led to us."""
    return pagerduty.EventsApiV2Client(
        key, base_url=server.url.replace("http:", "https:"), transport=Proxy(trust_env=False)
    )


async def test_pagerdutys_own_library(house: House, smtp: FakeSmtp) -> None:
    """Trigger, acknowledge and resolve with a key that we made; a change; and a wrong key is an error it raises."""
    server = house.server

    links = [{"href": "https://graphs.example/disk", "text": "Graph"}]

    def begin() -> str:
        with events(server, house.key) as client:
            return client.trigger("Disk full", "db-1", severity="error", links=links)

    key = await asyncio.to_thread(begin)
    assert (await smtp.received(1))[0].subject == "[#1] HIGH: Disk full (Shop)"

    def go_on() -> None:
        with events(server, house.key) as client:
            again = client.trigger(
                "Disk full", "db-1", key, "error", custom_details={"free": "1%"}, links=links
            )
            assert again == key
            assert client.acknowledge(key) == key
            client.submit("Build 7 is live", source="ci", timestamp="2026-01-05T09:00:00Z")

    await asyncio.to_thread(go_on)
    (alert,) = await server.items("/alerts")
    assert (alert["fingerprint"], alert["title"], alert["severity"], alert["count"]) == (
        key, "Disk full", "high", 2,
    )  # fmt: skip
    assert alert["annotations"] == {"free": "1%"}
    assert alert["links"] == [{"label": "Graph", "href": "https://graphs.example/disk"}]
    (incident,) = await server.items("/incidents")
    assert incident["status"] == "acknowledged"

    def end() -> None:
        with events(server, house.key) as client:
            assert client.resolve(key) == key
        with events(server, "0123456789abcdef0123456789abcdef") as wrong:
            wrong.log.setLevel(logging.CRITICAL)
            with pytest.raises(pagerduty.HttpError, match="Invalid routing key"):
                wrong.resolve(key)

    await asyncio.to_thread(end)
    (incident,) = await server.items("/incidents")
    assert incident["status"] == "resolved"
    (integration,) = await server.items("/integrations")
    kept = await server.items(f"/integrations/{integration['id']}/payloads")
    assert "A change, which pages nobody: Build 7 is live" in [each["reason"] for each in kept]


class Paging(Alertmanager):
    """Alertmanager that believes it speaks to PagerDuty."""

    def __init__(self, folder: Path, house: House) -> None:
        super().__init__(folder, house.alertmanager_url)
        (folder / "alertmanager.yml").write_text(f"""
route:
  receiver: openalert
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 2s
receivers:
  - name: openalert
    pagerduty_configs:
      - url: {house.server.url}/v2/enqueue
        routing_key: {house.key}
        severity: '{{{{ .CommonLabels.severity }}}}'
        send_resolved: true
""")


@pytest.fixture
async def paging(house: House, tmp_path: Path) -> AsyncIterator[Paging]:
    """It runs."""
    running = Paging(tmp_path, house)
    running.start()
    await until(running.is_ready)
    yield running
    running.process.terminate()
    await asyncio.to_thread(running.process.wait, 60)
    await running.client.aclose()


@needs_alertmanager
async def test_alertmanagers_pagerduty_receiver(house: House, paging: Paging, smtp: FakeSmtp) -> None:
    """One group is one alert by its key: it fires, comes again, and ends; Alertmanager notes no failure."""
    server = house.server
    await paging.says("DiskFull")
    assert (await smtp.received(1))[0].subject.startswith("[#1] CRITICAL: [FIRING:1] DiskFull")

    async def repeated() -> bool:
        (alert,) = await server.items("/alerts")
        return bool(alert["count"] > 1)

    await until(repeated)
    await paging.says("DiskFull", over=True)

    async def resolved() -> bool:
        (incident,) = await server.items("/incidents")
        return bool(incident["status"] == "resolved")

    await until(resolved)
    (alert,) = await server.items("/alerts")
    assert (alert["source"], len(alert["fingerprint"])) == ("pagerduty_events", 64)
    metrics = (await paging.client.get("/metrics")).text
    failed = 'alertmanager_notifications_failed_total{integration="pagerduty"'
    counts = [line.rpartition(" ")[2] for line in metrics.splitlines() if line.startswith(failed)]
    assert set(counts) <= {"0"}, counts


@needs_alertmanager
async def test_amtool_and_what_prometheus_posts(house: House, smtp: FakeSmtp) -> None:
    """amtool adds an alert with the key as password and sees what is open; the end that Prometheus posts ends it."""
    server = house.server
    address = f"--alertmanager.url={server.url.replace('://', f'://any:{house.key}@')}"

    def amtool(*words: str) -> str:
        assert AMTOOL is not None
        done = subprocess.run(
            [AMTOOL, address, *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    labels = {"alertname": "Latency", "severity": "warning", "job": "api"}
    await asyncio.to_thread(
        amtool, "alert", "add", *(f"{name}={value}" for name, value in labels.items()),
        "--annotation=summary=The API is slow",
    )  # fmt: skip
    assert (await smtp.received(1))[0].subject == "[#1] HIGH: The API is slow (Shop)"
    (seen,) = json.loads(await asyncio.to_thread(amtool, "alert", "query", "-o", "json"))
    assert (seen["labels"], seen["status"]["state"]) == (labels, "active")
    assert "Cluster Status" in await asyncio.to_thread(amtool, "cluster", "show")

    now = datetime.now(UTC)  # noqa: TID251 - the server reads the real clock
    over = {
        "labels": labels,
        "annotations": {"summary": "The API is slow"},
        "startsAt": (now - timedelta(seconds=1)).isoformat(),
        "endsAt": now.isoformat(),
        "generatorURL": "http://prometheus.example/graph",
    }
    for _ in range(2):
        answer = await server.client.post(
            "/api/v2/alerts", json=[over], headers={"authorization": f"Bearer {house.key}"}
        )
        assert (answer.status_code, answer.content) == (200, b"")
    (incident,) = await server.items("/incidents")
    assert incident["status"] == "resolved"
    assert json.loads(await asyncio.to_thread(amtool, "alert", "query", "-o", "json")) == []
