"""Statuspage's public API, version 2: what its clients read, in the documented shapes."""

import pytest

from openalert.domain.instant import HOUR
from openalert.domain.status_page import ComponentStatus, PublicStatus
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_postmortems as postmortems
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio

PAGE = {"id", "name", "url", "time_zone", "updated_at"}
COMPONENT = {
    "id", "name", "status", "created_at", "updated_at", "position", "description", "showcase", "start_date",
    "group_id", "page_id", "group", "only_show_if_degraded",
}  # fmt: skip
INCIDENT = {
    "id", "name", "status", "created_at", "updated_at", "monitoring_at", "resolved_at", "impact", "shortlink",
    "started_at", "page_id", "incident_updates", "components", "reminder_intervals",
}  # fmt: skip
UPDATE = {
    "id", "status", "body", "incident_id", "created_at", "updated_at", "display_at", "affected_components",
    "deliver_notifications", "custom_tweet", "tweet_id",
}  # fmt: skip


async def test_the_summary_is_what_clients_expect(acme: Told) -> None:
    """All members of the documented shapes, the newest update first, ids of twelve letters and digits."""
    made = await acme.tells()
    await acme.does(told.post, made.incident.id, status=PublicStatus.MONITORING, message="A fix is out.")
    body = (await acme.gets("api/v2/summary.json")).json()
    assert set(body) == {"page", "components", "incidents", "scheduled_maintenances", "status"}
    assert set(body["page"]) == PAGE
    assert body["page"]["time_zone"] == "Etc/UTC"
    assert body["status"] == {"indicator": "minor", "description": "Minor Service Outage"}
    api, web, group = body["components"]
    assert set(api) == set(web) == COMPONENT
    assert set(group) == COMPONENT | {"components"}
    assert (api["group_id"], web["group_id"], group["components"]) == (group["id"], None, [api["id"]])
    assert (api["status"], group["status"]) == ("partial_outage", "partial_outage")
    (incident,) = body["incidents"]
    assert set(incident) == INCIDENT
    assert incident["shortlink"] == f"{body['page']['url']}/incidents/{incident['id']}"
    assert incident["components"] == [api]
    assert incident["monitoring_at"] == incident["incident_updates"][0]["display_at"]
    assert [each["status"] for each in incident["incident_updates"]] == ["monitoring", "investigating"]
    assert all(set(each) == UPDATE for each in incident["incident_updates"])
    assert incident["incident_updates"][1]["affected_components"] == [
        {"code": api["id"], "name": "API", "old_status": "operational", "new_status": "partial_outage"}
    ]
    assert incident["incident_updates"][0]["affected_components"] is None
    for each in (body["page"]["id"], api["id"], incident["id"], incident["incident_updates"][0]["id"]):
        assert len(each) == 12
        assert each.isalnum()


async def test_each_list_has_its_own(acme: Told) -> None:
    """Open, all, planned and running, each in its file."""
    now = acme.app.database.clock()
    over = await acme.tells("Over")
    await acme.does(told.resolve, over.incident.id, message="")
    await acme.tells("Open")
    times = {"scheduled_for": now + HOUR, "scheduled_until": now + 2 * HOUR}
    await acme.does(told.create, acme.page.id, title="Planned", **times)
    running = await acme.does(told.create, acme.page.id, title="Running", **times)
    await acme.does(told.post, running.incident.id, status=PublicStatus.IN_PROGRESS, message="")

    async def names(path: str, member: str) -> set[str]:
        body = (await acme.gets(f"api/v2/{path}.json")).json()
        assert set(body) == {"page", member}
        return {each["name"] for each in body[member]}

    assert await names("incidents", "incidents") == {"Over", "Open"}
    assert await names("incidents/unresolved", "incidents") == {"Open"}
    assert await names("scheduled-maintenances", "scheduled_maintenances") == {"Planned", "Running"}
    assert await names("scheduled-maintenances/upcoming", "scheduled_maintenances") == {"Planned"}
    assert await names("scheduled-maintenances/active", "scheduled_maintenances") == {"Running"}
    assert await names("components", "components") == {"API", "Web", "Core"}
    planned = (await acme.gets("api/v2/scheduled-maintenances/upcoming.json")).json()[
        "scheduled_maintenances"
    ][0]
    assert set(planned) == INCIDENT | {"scheduled_for", "scheduled_until"}
    assert planned["scheduled_for"] == "2026-01-05T10:00:00.000Z"


@pytest.mark.parametrize(
    ("api", "web", "indicator"),
    [
        ("operational", "operational", "none"),
        ("major_outage", "major_outage", "critical"),
        ("major_outage", "operational", "major"),
        ("degraded_performance", "operational", "minor"),
        ("under_maintenance", "operational", "maintenance"),
    ],
)
async def test_the_indicator_follows_the_components(acme: Told, api: str, web: str, indicator: str) -> None:
    """By the published rollup."""
    await acme.does(components.change_component, acme.api.id, status=ComponentStatus(api))
    await acme.does(components.change_component, acme.web.id, status=ComponentStatus(web))
    body = (await acme.gets("api/v2/status.json")).json()
    assert body["status"]["indicator"] == indicator


async def test_a_postmortem_is_the_last_word_once_it_is_published(acme: Told) -> None:
    """A draft of one changes nothing; published it is the status and the newest update, as clients know it."""
    made = await acme.tells()
    await acme.does(told.resolve, made.incident.id, message="Over.")
    await acme.does(told.change, made.incident.id, postmortem_draft="It was the disk.")
    (incident,) = (await acme.gets("api/v2/incidents.json")).json()["incidents"]
    assert incident["status"] == "resolved"
    assert "disk" not in str(incident)
    await acme.does(postmortems.publish, made.incident.id)
    (incident,) = (await acme.gets("api/v2/incidents.json")).json()["incidents"]
    assert incident["status"] == "postmortem"
    first = incident["incident_updates"][0]
    assert set(first) == UPDATE
    assert (first["status"], first["body"], len(first["id"])) == ("postmortem", "It was the disk.", 12)
    assert (await acme.gets("api/v2/incidents/unresolved.json")).json()["incidents"] == []
