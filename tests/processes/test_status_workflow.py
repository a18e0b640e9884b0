"""The specification's workflow of a status page at a real server, read after each step by a real program too."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from openalert.domain.instant import HOUR, SECOND, rfc3339
from openalert.domain.status_page import ComponentStatus
from openalert.storage import wall_clock
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SLUG = "acme-platform"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("OPENALERT_")}


class Read(msgspec.Struct, frozen=True):
    """What a program made for Statuspage understood of our page."""

    is_well: bool
    components: dict[str, bool]
    """By name, whether it is operational; groups are among them."""
    incidents: dict[str, tuple[str, str, str]]
    """By name: impact, the components it is about, where it is told."""
    maintenances: dict[str, tuple[str, str, str]]
    """By name: when it begins, when it ends, what it is about."""


class Exporter:
    """statuspage-prometheus-exporter: reads the summary of a Statuspage once, and writes down what it understood."""

    def __init__(self, folder: Path, address: str) -> None:
        self._folder = folder
        self._address = address

    def read(self) -> Read:
        """Ask the page, in a process and with a memory of its own."""
        self._folder.mkdir(exist_ok=True)
        page = {"url": f"{self._address}/api/v2/summary.json", "name": "Acme"}
        (self._folder / "services.json").write_text(json.dumps({"acme": page}))
        done = subprocess.run(
            [sys.executable, "-m", "statuspage_prometheus_exporter.status_monitoring"],
            env=CLEAN | {"RUN_MODE": "once", "CLEAR_CACHE": "true", "METRICS_TEXTFILE_PATH": "metrics.prom"},
            cwd=self._folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return self._understood((self._folder / "metrics.prom").read_text())

    def _understood(self, text: str) -> Read:
        samples = [each for family in text_string_to_metric_families(text) for each in family.samples]

        def of(name: str) -> list[Any]:
            return [each for each in samples if each.name == f"statuspage_{name}"]

        assert [each.value for each in of("probe_check")] == [1.0], text
        return Read(
            is_well=[each.value for each in of("service_status")] == [1.0],
            components={each.labels["component_name"]: each.value == 1.0 for each in of("component_status")},
            incidents={
                each.labels["incident_name"]: (
                    each.labels["impact"],
                    each.labels["affected_components"],
                    each.labels["shortlink"],
                )
                for each in of("incident_info")
                if each.value == 1.0
            },
            maintenances={
                each.labels["maintenance_name"]: (
                    each.labels["scheduled_start"],
                    each.labels["scheduled_end"],
                    each.labels["affected_components"],
                )
                for each in of("maintenance_info")
                if each.value == 1.0
            },
        )


@pytest.fixture(scope="module")
async def house(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A team with a service, as everybody has who wants a status page; one server for all of this file."""
    server = Server(tmp_path_factory.mktemp("house"))
    yield await settle_in(server)
    await server.close()


async def shown(server: Server, slug: str = SLUG, **expected: Any) -> Any:
    """The public JSON of a page as soon as it says this; it is made anew right after a commit."""
    path = f"/public/status/{slug}"

    async def asked() -> Any:
        answer = await server.client.get(path, headers={"Authorization": ""})
        if answer.status_code != 200:
            return None
        body = answer.json()
        told = [(each["status"], len(each["updates"])) for each in body["incidents"]]
        seen = {"overall": body["overallStatus"], "incidents": told}
        return body if seen | expected == seen else None

    return await until(asked)


async def html(server: Server, path: str = "") -> str:
    """A page as a stranger's browser gets it."""
    answer = await server.client.get(f"/status/{SLUG}{path}", headers={"Authorization": ""})
    assert answer.status_code == 200
    return answer.text


def overall(status: str, affected: int, active: int) -> dict[str, Any]:
    """How the whole stands, with the members of the specification."""
    return {"status": status, "affectedComponents": affected, "activeIncidents": active}


async def test_the_workflow_of_the_specification(house: House, tmp_path: Path) -> None:
    """Set-up, incident, updates, resolve with the bodies of the specification; the public view after each step."""
    server = house.server
    page = await server.call(
        "POST",
        "/status-pages",
        {
            "name": "Acme Platform Status",
            "slug": SLUG,
            "teamId": house.team_id,
            "description": "Service availability for Acme Platform",
            "isPublic": True,
        },
    )
    here = f"/status-pages/{page['id']}"
    exporter = Exporter(tmp_path / "exporter", f"{server.url}/status/{SLUG}")
    components = [
        await server.call("POST", f"{here}/components", {"name": name, "status": "operational"})
        for name in ("API", "Web Dashboard", "Mobile App")
    ]
    well = overall("operational", 0, 0)
    body = await shown(server, overall=well)
    assert (body["id"], body["name"]) == (page["id"], "Acme Platform Status")
    assert body["description"] == "Service availability for Acme Platform"
    await until(lambda: _names(server, 3))
    assert "All systems operational" in await html(server)
    all_well = dict.fromkeys(("API", "Web Dashboard", "Mobile App"), True)
    assert await asyncio.to_thread(exporter.read) == Read(True, all_well, {}, {})

    assert (await house.post("Checkout of db-7.internal is down")).status_code == 202
    (ours,) = await server.items("/incidents")
    told = await server.call(
        "POST",
        f"{here}/incidents",
        {
            "title": "API Degradation",
            "status": "investigating",
            "impact": "major",
            "componentIds": [components[0]["id"]],
            "internalIncidentId": ours["id"],
        },
    )
    slow = overall("degraded", 1, 1)
    body = await shown(server, overall=slow, incidents=[("investigating", 1)])
    assert await server.call("GET", f"{here}/status") == slow
    assert [(each["name"], each["status"]) for each in body["components"]] == [
        ("API", "degraded_performance"),
        ("Web Dashboard", "operational"),
        ("Mobile App", "operational"),
    ]
    read = await asyncio.to_thread(exporter.read)
    assert (read.is_well, read.components["API"], read.components["Mobile App"]) == (False, False, True)
    impact, about, link = read.incidents["API Degradation"]
    assert (impact, about) == ("major", "API")
    permalink = link.removeprefix(server.url).removeprefix(f"/status/{SLUG}")
    assert "API Degradation" in await html(server, permalink)

    said = [
        ("identified", "We've identified the issue as a database connection problem."),
        ("monitoring", "A fix has been deployed. We're monitoring for stability."),
    ]
    incident = f"/status-pages/incidents/{told['id']}"
    for number, (status, message) in enumerate(said, 2):
        await server.call("POST", f"{incident}/updates", {"status": status, "message": message})
        await shown(server, overall=slow, incidents=[(status, number)])
    body = await shown(server)
    (open_now,) = body["incidents"]
    assert (open_now["id"], open_now["title"], open_now["impact"]) == (told["id"], "API Degradation", "major")
    assert [each["status"] for each in open_now["updates"]] == ["investigating", "identified", "monitoring"]
    assert [each["message"] for each in open_now["updates"][1:]] == [message for _, message in said]
    text = await html(server)
    assert "db-7.internal" not in text + json.dumps(body)
    for _, message in said:
        assert message.replace("'", "&#39;") in text

    last = "The issue has been fully resolved. All systems operational."
    over = await server.call("POST", f"{incident}/resolve", {"message": last})
    assert (over["status"], over["internalIncidentId"]) == ("resolved", ours["id"])
    body = await shown(server, overall=well, incidents=[])
    assert {each["status"] for each in body["components"]} == {"operational"}
    everything = await server.client.get(f"/public/status/{SLUG}/incidents", headers={"Authorization": ""})
    (closed,) = everything.json()["items"]
    assert (closed["status"], len(closed["updates"]), closed["updates"][-1]["message"]) == (
        "resolved",
        4,
        last,
    )
    one = await server.client.get(
        f"/public/status/{SLUG}/incidents/{told['id']}", headers={"Authorization": ""}
    )
    assert one.json() == closed
    text = await html(server)
    assert "All systems operational" in text
    assert last in text
    assert await asyncio.to_thread(exporter.read) == Read(True, all_well, {}, {})
    feed = (await server.client.get(f"/status/{SLUG}/feed.atom")).text
    assert last in feed
    assert feed.count("<entry>") == 1


async def _names(server: Server, count: int) -> bool:
    body = (await server.client.get(f"/public/status/{SLUG}")).json()
    return len(body["components"]) == count


async def test_every_path_of_the_specification(house: House) -> None:
    """Each operation on pages, components and incidents is where the specification has it, with its members."""
    server = house.server
    name = {"name": "Acme", "slug": "every-path", "teamId": house.team_id}
    page = await server.call("POST", "/status-pages", name)
    assert {"id", "name", "slug", "teamId", "description", "isPublic", "customDomain", "logoUrl", "createdAt",
            "updatedAt"} <= set(page)  # fmt: skip
    here = f"/status-pages/{page['id']}"
    assert await server.call("GET", here) == page
    assert page in (await server.call("GET", f"/status-pages/team/{house.team_id}"))["items"]
    changed = await server.call("PATCH", here, {"description": "How we are", "isPublic": True})
    assert changed["description"] == "How we are"
    assert await server.call("GET", f"{here}/status") == overall("operational", 0, 0)

    first, second = [
        await server.call("POST", f"{here}/components", {"name": each, "description": f"The {each}"})
        for each in ("API", "Web")
    ]
    assert {"id", "statusPageId", "name", "description", "status", "position", "createdAt",
            "updatedAt"} <= set(first)  # fmt: skip
    one = f"/status-pages/components/{first['id']}"
    assert await server.call("GET", one) == first
    assert (await server.call("PATCH", one, {"status": "partial_outage"}))["status"] == "partial_outage"
    assert await server.call("GET", f"{here}/status") == overall("outage", 1, 0)
    order = await server.call(
        "POST", f"{here}/components/reorder", {"componentIds": [second["id"], first["id"]]}
    )
    assert [each["name"] for each in order["items"]] == ["Web", "API"]
    await server.call("DELETE", one)
    assert (await server.client.get(f"/api/v1{one}")).status_code == 404

    told = await server.call(
        "POST", f"{here}/incidents", {"title": "Slow", "impact": "minor", "componentIds": [second["id"]]}
    )
    assert {"id", "statusPageId", "internalIncidentId", "title", "status", "impact", "componentIds", "createdAt",
            "scheduledFor", "scheduledUntil", "resolvedAt", "updatedAt", "updates"} <= set(told)  # fmt: skip
    assert {"id", "status", "message", "createdAt"} <= set(told["updates"][0])
    incident = f"/status-pages/incidents/{told['id']}"
    assert await server.call("GET", incident) == told
    assert (await server.call("PATCH", incident, {"title": "Slower"}))["title"] == "Slower"
    more = await server.call("POST", f"{incident}/updates", {"status": "monitoring", "message": "Better."})
    assert more["updates"][0]["message"] == "Better."
    assert (await server.call("POST", f"{incident}/resolve", {"message": "Over."}))["resolvedAt"]
    await server.call("DELETE", incident)
    assert (await server.client.get(f"/api/v1{incident}")).status_code == 404
    await server.call("DELETE", here)
    assert (await server.client.get(f"/api/v1{here}")).status_code == 404

    async def is_gone() -> bool:
        return (await server.client.get("/public/status/every-path")).status_code == 404

    assert await until(is_gone)


async def test_a_program_made_for_statuspage_reads_every_status(house: House, tmp_path: Path) -> None:
    """A component set by hand, its group, and a maintenance that is planned, runs and is over."""
    for status in ComponentStatus:
        await _read_with(house, tmp_path / status, status)


async def _read_with(house: House, folder: Path, status: ComponentStatus) -> None:
    server, slug, is_well = house.server, status.replace("_", "-"), status is ComponentStatus.OPERATIONAL
    page = await server.call("POST", "/status-pages", {"name": "Acme", "slug": slug, "teamId": house.team_id})
    here = f"/status-pages/{page['id']}"
    group = await server.call("POST", f"{here}/groups", {"name": "Core"})
    api = await server.call(
        "POST", f"{here}/components", {"name": "API", "status": status, "groupId": group["id"]}
    )
    begins = wall_clock() + HOUR
    planned = await server.call(
        "POST",
        f"{here}/incidents",
        {
            "title": "Database upgrade",
            "message": "We move.",
            "componentIds": [api["id"]],
            "scheduledFor": rfc3339(begins),
            "scheduledUntil": rfc3339(begins + HOUR),
        },
    )
    await shown(server, slug, incidents=[("scheduled", 1)])
    exporter = Exporter(folder, f"{server.url}/status/{slug}")
    read = await asyncio.to_thread(exporter.read)
    assert (read.is_well, read.components) == (is_well, {"API": is_well, "Core": is_well})
    times = [rfc3339((begins + each) // SECOND * SECOND).replace(".000", "") for each in (0, HOUR)]
    assert read.maintenances == {"Database upgrade": (*times, "API")}
    updates = f"/status-pages/incidents/{planned['id']}/updates"
    await server.call("POST", updates, {"status": "in_progress", "message": "It begins."})
    await shown(server, slug, incidents=[("in_progress", 2)])
    read = await asyncio.to_thread(exporter.read)
    assert (read.is_well, read.components["API"], set(read.maintenances)) == (
        False,
        False,
        {"Database upgrade"},
    )
    await server.call("POST", updates, {"status": "completed", "message": "Done."})
    await shown(server, slug, incidents=[])
    read = await asyncio.to_thread(exporter.read)
    assert (read.is_well, read.components["API"], read.maintenances) == (is_well, is_well, {})
