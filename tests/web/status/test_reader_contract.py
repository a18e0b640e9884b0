"""What readers of Statuspage's API rely on, member by member: names, types, words, order and headers."""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest

from openalert.domain.instant import HOUR, MINUTE
from openalert.domain.status_page import ComponentStatus, PublicStatus
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from tests.conftest import StoppedClock
from tests.web.status.conftest import Told

pytestmark = pytest.mark.anyio

Check = Callable[[Any], bool]


def text(pattern: str) -> Check:
    """A string of this form."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def one_of(*words: str) -> Check:
    """One of the words of the reference."""
    return lambda value: value in words


def kind(*types: type) -> Check:
    """A value of one of these types; a boolean is no number."""
    return lambda value: type(value) in types


def none_or(check: Check) -> Check:
    """As the check, or null."""
    return lambda value: value is None or check(value)


ID = text("[a-z0-9]{12}")
TIME = text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
URL = text(r"https?://\S+")
NAME, BOOL, LIST, NULL = text(r"(?s).+"), kind(bool), kind(list), kind(type(None))
STATUS = one_of("operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance")
OF_INCIDENT = one_of("investigating", "identified", "monitoring", "resolved", "postmortem")
OF_MAINTENANCE = one_of("scheduled", "in_progress", "verifying", "completed")

PAGE = {"id": ID, "name": NAME, "url": URL, "time_zone": NAME, "updated_at": TIME}
OVERALL = {
    "indicator": one_of("none", "minor", "major", "critical", "maintenance"),
    "description": one_of(
        "All Systems Operational", "Major System Outage", "Partial System Outage", "Minor Service Outage",
        "Degraded System Service", "Partially Degraded Service", "Service Under Maintenance",
    ),
}  # fmt: skip
COMPONENT = {
    "id": ID, "name": NAME, "status": STATUS, "created_at": TIME, "updated_at": TIME, "position": kind(int),
    "description": none_or(NAME), "showcase": BOOL, "start_date": none_or(text(r"\d{4}-\d\d-\d\d")),
    "group_id": none_or(ID), "page_id": ID, "group": BOOL, "only_show_if_degraded": BOOL,
}  # fmt: skip
GROUP = COMPONENT | {"components": LIST, "group_id": NULL, "start_date": NULL}
UPDATE = {
    "id": ID, "status": NAME, "body": kind(str), "incident_id": ID, "created_at": TIME, "updated_at": TIME,
    "display_at": TIME, "affected_components": none_or(LIST), "deliver_notifications": BOOL, "custom_tweet": NULL,
    "tweet_id": NULL,
}  # fmt: skip
CHANGED = {"code": ID, "name": NAME, "old_status": STATUS, "new_status": STATUS}
INCIDENT = {
    "id": ID, "name": NAME, "status": OF_INCIDENT, "created_at": TIME, "updated_at": TIME,
    "monitoring_at": none_or(TIME), "resolved_at": none_or(TIME),
    "impact": one_of("none", "minor", "major", "critical", "maintenance"), "shortlink": URL, "started_at": TIME,
    "page_id": ID, "incident_updates": LIST, "components": LIST, "reminder_intervals": NULL,
}  # fmt: skip
MAINTENANCE = INCIDENT | {"status": OF_MAINTENANCE, "scheduled_for": TIME, "scheduled_until": TIME}
FILES = {
    "summary": {"page", "components", "incidents", "scheduled_maintenances", "status"},
    "status": {"page", "status"},
    "components": {"page", "components"},
    "incidents": {"page", "incidents"},
    "incidents/unresolved": {"page", "incidents"},
    "scheduled-maintenances": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/upcoming": {"page", "scheduled_maintenances"},
    "scheduled-maintenances/active": {"page", "scheduled_maintenances"},
}


def fits(value: Mapping[str, Any], shape: Mapping[str, Check]) -> None:
    """Exactly these members, each as it should be."""
    assert set(value) == set(shape)
    wrong = {name: value[name] for name, check in shape.items() if not check(value[name])}
    assert wrong == {}


def newest_first(times: list[str]) -> None:
    """Readers take the first as the latest."""
    assert all(newer >= older for newer, older in pairwise(times))


def check_incident(value: Mapping[str, Any], shape: Mapping[str, Check], page_id: str) -> None:
    """An incident with all that is in it."""
    fits(value, shape)
    assert value["page_id"] == page_id
    assert value["incident_updates"], "an incident without an update has nothing to show"
    newest_first([each["display_at"] for each in value["incident_updates"]])
    assert value["incident_updates"][0]["status"] == value["status"]
    assert (value["resolved_at"] is not None) == (value["status"] in ("resolved", "completed"))
    for update in value["incident_updates"]:
        fits(update, UPDATE)
        assert shape["status"](update["status"])
        assert update["incident_id"] == value["id"]
        for changed in update["affected_components"] or []:
            fits(changed, CHANGED)
    for component in value["components"]:
        fits(component, COMPONENT)


def check_file(name: str, body: Mapping[str, Any]) -> None:
    """One answer with everything in it."""
    assert set(body) == FILES[name]
    fits(body["page"], PAGE)
    page_id = body["page"]["id"]
    if "status" in body:
        fits(body["status"], OVERALL)
    parts = body.get("components", [])
    for each in parts:
        fits(each, GROUP if each["group"] else COMPONENT)
        assert each["page_id"] == page_id
    groups = {each["id"]: each["components"] for each in parts if each["group"]}
    for each in parts:
        assert each["group"] or each["group_id"] is None or each["id"] in groups[each["group_id"]]
    for each in body.get("incidents", []):
        check_incident(each, INCIDENT, page_id)
    for each in body.get("scheduled_maintenances", []):
        check_incident(each, MAINTENANCE, page_id)


async def _everything_happens(acme: Told, clock: StoppedClock) -> None:
    """Incidents of each impact, maintenances that are planned, begun and over; one component of each status."""
    for status in ComponentStatus:
        part = await acme.does(
            components.add_component, acme.page.id, name=f"Part {status}", description="One of many"
        )
        if status is not ComponentStatus.OPERATIONAL:
            clock.advance(MINUTE)
            about = {"components": {part.id: status}}
            made = await acme.does(told.create, acme.page.id, title=f"It is {status}", message="Hm.", **about)
            clock.advance(MINUTE)
            await acme.does(told.post, made.incident.id, status=PublicStatus.MONITORING, message="A fix.")
    for title, steps in (
        ("Planned", []),
        ("Runs", ["in_progress"]),
        ("Verified", ["in_progress", "verifying"]),
        ("Done", ["completed"]),
    ):
        now = clock()
        times = {"scheduled_for": now + HOUR, "scheduled_until": now + 2 * HOUR}
        planned = await acme.does(
            told.create, acme.page.id, title=title, components={acme.web.id: None}, **times
        )
        for step in steps:
            clock.advance(MINUTE)
            await acme.does(told.post, planned.incident.id, status=PublicStatus(step), message="")
    over = await acme.tells("Over", started_at=clock() - HOUR)
    clock.advance(MINUTE)
    await acme.does(told.resolve, over.incident.id, message="It is over.")
    await acme.does(told.create, acme.page.id, title="Draft", message="Secret", is_draft=True)


@pytest.mark.parametrize("name", FILES)
async def test_every_member_is_as_the_reference_has_it(acme: Told, clock: StoppedClock, name: str) -> None:
    """On a page without anything and on one on which everything happens; readers may read it from any site."""
    check_file(name, (await acme.gets(f"api/v2/{name}.json")).json())
    await _everything_happens(acme, clock)
    answer = await acme.gets(f"api/v2/{name}.json", headers={"origin": "https://dashboard.example"})
    check_file(name, answer.json())
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert re.fullmatch(r"public, max-age=\d+", answer.headers["cache-control"])
    assert int(answer.headers["cache-control"].rpartition("=")[2]) <= 60
    known = {"if-none-match": answer.headers["etag"]}
    assert (await acme.gets(f"api/v2/{name}.json", 304, headers=known)).content == b""


async def test_lists_are_in_the_order_that_readers_expect(acme: Told, clock: StoppedClock) -> None:
    """Incidents the newest first, components by their position, and unresolved is what is not over."""
    await _everything_happens(acme, clock)
    every = (await acme.gets("api/v2/incidents.json")).json()["incidents"]
    newest_first([each["started_at"] for each in every])
    opened = (await acme.gets("api/v2/incidents/unresolved.json")).json()["incidents"]
    assert opened == [each for each in every if each["status"] != "resolved"]
    summary = (await acme.gets("api/v2/summary.json")).json()
    assert summary["incidents"] == opened
    coming = [
        each
        for path in ("active", "upcoming")
        for each in (await acme.gets(f"api/v2/scheduled-maintenances/{path}.json")).json()[
            "scheduled_maintenances"
        ]
    ]
    assert {each["id"] for each in summary["scheduled_maintenances"]} == {each["id"] for each in coming}
    parts = [each["position"] for each in summary["components"] if not each["group"]]
    assert parts == sorted(parts)
    assert "Draft" not in str(every)


async def test_what_is_not_there_is_json_too(acme: Told) -> None:
    """Programs are answered in JSON where there is nothing; a page that is private is not there."""
    for path in ("nope.json", "incidents/nope.json", "summary.xml", "../api/v2/nope.json"):
        answer = await acme.gets(f"api/v2/{path}", 404, headers={"accept": "*/*"})
        assert "json" in answer.headers["content-type"], path
    await acme.does(pages.update, acme.page.id, is_public=False)
    for name in FILES:
        answer = await acme.gets(f"api/v2/{name}.json", 404)
        assert "json" in answer.headers["content-type"]
        assert "Acme" not in answer.text
