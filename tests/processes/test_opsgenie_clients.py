"""Real clients of Opsgenie at a real server: nothing but the host and the key is changed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apprise
import opsgenie_sdk
import pytest
from apprise.plugins import opsgenie as apprise_opsgenie

from tests.fakes.smtp import FakeSmtp
from tests.processes.server import House, Server, settle_in, until
from tests.processes.test_alertmanager import PROGRAM, Alertmanager

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def house(server: Server) -> House:
    """Bea is paged at once."""
    return await settle_in(server)


def sdk(house: House) -> opsgenie_sdk.ApiClient:
    """Opsgenie's Python client, led to us."""
    settings = opsgenie_sdk.Configuration()
    settings.host = house.server.url
    settings.api_key["Authorization"] = house.key
    settings.retry_enabled = False
    return opsgenie_sdk.ApiClient(settings)


async def test_opsgenies_own_library(house: House, smtp: FakeSmtp) -> None:
    """Create, look, acknowledge, note, tag, snooze, assign, list, count, close: each answer is one it can read."""
    api = opsgenie_sdk.AlertApi(sdk(house))

    def begin() -> Any:
        body = opsgenie_sdk.CreateAlertPayload(
            message="Disk is full",
            alias="db/1 disk",
            description="97 %",
            responders=[{"name": "NOC", "type": "team"}],
            tags=["db"],
            details={"region": "eu"},
            entity="db-1",
            priority="P1",
        )
        accepted = api.create_alert(create_alert_payload=body)
        assert accepted.result == "Request will be processed"
        return api.get_request_status(request_id=accepted.request_id).data

    status = await asyncio.to_thread(begin)
    assert (status.is_success, status.action, status.alias) == (True, "Create", "db/1 disk")
    assert (await smtp.received(1))[0].subject == "[#1] CRITICAL: Disk is full (Shop)"

    def go_on() -> Any:
        named = {"identifier": "db/1 disk", "identifier_type": "alias"}
        note = opsgenie_sdk.AddNoteToAlertPayload(note="looking", user="bea")
        api.acknowledge_alert(
            **named, acknowledge_alert_payload=opsgenie_sdk.AcknowledgeAlertPayload(user="b")
        )
        api.add_note(**named, add_note_to_alert_payload=note)
        api.add_tags(**named, add_tags_to_alert_payload=opsgenie_sdk.AddTagsToAlertPayload(tags=["night"]))
        api.remove_tags(**named, tags=["db"])
        details = opsgenie_sdk.AddDetailsToAlertPayload(details={"rack": "7"})
        api.add_details(**named, add_details_to_alert_payload=details)
        api.remove_details(**named, keys=["region"])
        owner = opsgenie_sdk.AssignAlertPayload(owner={"username": "bea@example.org"})
        api.assign_alert(**named, assign_alert_payload=owner)
        until_then = datetime.now(UTC) + timedelta(hours=1)  # noqa: TID251 - the server reads the real clock
        api.snooze_alert(**named, snooze_alert_payload=opsgenie_sdk.SnoozeAlertPayload(end_time=until_then))
        assert [each.note for each in api.list_notes(**named).data] == ["looking"]
        assert api.list_logs(**named, limit=100).data
        assert [each.user.username for each in api.list_recipients(**named).data] == ["Bea"]
        (listed,) = api.list_alerts(query="status:open AND priority:(P1 OR P2)", limit=10).data
        assert api.count_alerts(query="tag:night").data.count == 1
        return listed, api.get_alert(**named).data

    listed, alert = await asyncio.to_thread(go_on)
    assert (listed.id, listed.tiny_id, listed.alias) == (alert.id, "1", "db/1 disk")
    assert (alert.message, alert.status, alert.snoozed, alert.owner) == ("Disk is full", "open", True, "Bea")
    assert (alert.tags, alert.details) == (["night"], {"rack": "7"})
    assert alert.integration.name == "Monitoring"
    assert isinstance(alert.created_at, datetime)

    def end() -> Any:
        accepted = api.close_alert(identifier="1", identifier_type="tiny")
        return api.get_request_status(request_id=accepted.request_id).data

    assert (await asyncio.to_thread(end)).is_success is True
    (incident,) = await house.server.items("/incidents")
    assert incident["status"] == "resolved"


async def test_apprises_opsgenie_plugin(
    house: House, smtp: FakeSmtp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A notification opens an incident; one that maps to acknowledge and close names it by the request's id."""
    monkeypatch.setitem(apprise_opsgenie.OPSGENIE_API_LOOKUP, "us", f"{house.server.url}/v2/alerts")
    monkeypatch.setattr(apprise_opsgenie.NotifyOpsgenie, "request_rate_per_sec", 0)
    storage = apprise.AppriseAsset(storage_path=str(tmp_path), storage_mode=apprise.PersistentStoreMode.FLUSH)

    def send(action: str, kind: apprise.NotifyType) -> bool:
        sender = apprise.Apprise(asset=storage)
        assert sender.add(f"opsgenie://{house.key}/?action={action}&entity=db-1&priority=p1")
        return bool(sender.notify(title="Backup failed", body="Exit code 7", notify_type=kind))

    assert await asyncio.to_thread(send, "new", apprise.NotifyType.FAILURE)
    assert (await smtp.received(1))[0].subject == "[#1] CRITICAL: Backup failed (Shop)"
    for action, status in (("acknowledge", "acknowledged"), ("note", "acknowledged"), ("close", "resolved")):
        assert await asyncio.to_thread(send, action, apprise.NotifyType.INFO)
        (incident,) = await house.server.items("/incidents")
        assert incident["status"] == status


class Genie(Alertmanager):
    """Alertmanager that believes it speaks to Opsgenie."""

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
    opsgenie_configs:
      - api_url: {house.server.url}/
        api_key: {house.key}
        priority: P1
        update_alerts: true
        responders:
          - name: NOC
            type: team
""")


@pytest.fixture
async def genie(house: House, tmp_path: Path) -> AsyncIterator[Genie]:
    """It runs."""
    running = Genie(tmp_path, house)
    running.start()
    await until(running.is_ready)
    yield running
    running.process.terminate()
    await asyncio.to_thread(running.process.wait, 60)
    await running.client.aclose()


@pytest.mark.skipif(
    PROGRAM is None, reason="NO TEST AGAINST THE REAL ALERTMANAGER: install Debian's prometheus-alertmanager"
)
async def test_alertmanagers_opsgenie_receiver(house: House, genie: Genie, smtp: FakeSmtp) -> None:
    """A group is one alert by its alias: it fires, comes again, is updated and ends; no failure is counted."""
    server = house.server
    await genie.says("DiskFull")
    assert (await smtp.received(1))[0].subject.startswith("[#1] CRITICAL: [FIRING:1] DiskFull")

    async def repeated() -> bool:
        (alert,) = await server.items("/alerts")
        return bool(alert["count"] > 1)

    await until(repeated)
    await genie.says("DiskFull", over=True)

    async def resolved() -> bool:
        (incident,) = await server.items("/incidents")
        return bool(incident["status"] == "resolved")

    await until(resolved)
    (alert,) = await server.items("/alerts")
    assert (alert["source"], len(alert["fingerprint"])) == ("opsgenie_api", 64)
    metrics = (await genie.client.get("/metrics")).text
    sent = 'alertmanager_notifications_total{integration="opsgenie"'
    failed = 'alertmanager_notifications_failed_total{integration="opsgenie"'
    assert any(line.startswith(sent) and not line.endswith(" 0") for line in metrics.splitlines())
    counts = [line.rpartition(" ")[2] for line in metrics.splitlines() if line.startswith(failed)]
    assert set(counts) <= {"0"}, counts


async def test_opsgenies_own_library_keeps_heartbeats(house: House) -> None:
    """Make, ping, look, change, switch and list: each answer is one it can read."""
    api = opsgenie_sdk.HeartbeatApi(sdk(house))

    def run() -> None:
        body = opsgenie_sdk.CreateHeartbeatPayload(
            name="nightly backup", interval=1, interval_unit="days", enabled=True
        )
        made = api.create_heartbeat(create_heartbeat_payload=body).data
        assert (made.name, made.interval, made.interval_unit, made.enabled) == (
            "nightly backup",
            1,
            "days",
            True,
        )
        assert api.ping(name="nightly backup").result == "PONG - Heartbeat received"
        seen = api.get_heartbeat(name="nightly backup").data
        assert isinstance(seen.last_ping_time, datetime)
        assert seen.expired is False
        change = opsgenie_sdk.UpdateHeartbeatPayload(interval=12, interval_unit="hours")
        api.update_heartbeat(name="nightly backup", update_heartbeat_payload=change)
        assert api.disable_heartbeat(name="nightly backup").data.enabled is False
        assert api.enable_heartbeat(name="nightly backup").data.enabled is True
        (listed,) = api.list_heart_beats().data.heartbeats
        assert (listed.name, listed.interval, listed.interval_unit) == ("nightly backup", 12, "hours")

    await asyncio.to_thread(run)
    (heartbeat,) = await house.server.items("/heartbeats")
    assert (heartbeat["status"], heartbeat["intervalSeconds"]) == ("healthy", 43_200)
