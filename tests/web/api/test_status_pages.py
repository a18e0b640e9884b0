"""`/status-pages` over HTTP: the workflow of the specification, drafts, maintenance, and who finds nothing."""

import json
from typing import Any

import pytest

from openalert.domain.instant import HOUR, Instant, to_datetime
from openalert.storage import Database
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio

PATH = "/status-pages"
ABSENT = "01999999-0000-7000-8000-000000000000"


async def made(client: Client, path: str, **members: Any) -> dict[str, Any]:
    """What a POST has made, as it is answered."""
    answer = await client.post(path, json=members)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def read(client: Client, path: str) -> Any:
    """What is answered to a GET."""
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def page(alice: Client, cast: Cast) -> dict[str, Any]:
    """A page as the specification sets one up."""
    return await made(
        alice,
        PATH,
        name="Acme Platform Status",
        slug="acme-platform",
        teamId=cast.team.id,
        description="Service availability for Acme Platform",
        isPublic=True,
    )


@pytest.fixture
async def api(alice: Client, page: dict[str, Any]) -> dict[str, Any]:
    """Its component "API"."""
    return await made(alice, f"{PATH}/{page['id']}/components", name="API", status="operational")


def when(instant: Instant) -> str:
    """An instant in a body."""
    return to_datetime(instant).isoformat()


async def test_the_workflow_of_the_specification(
    alice: Client, bob: Client, page: dict[str, Any], api: dict[str, Any]
) -> None:
    """Set up by an admin, told by a member: investigating, identified, monitoring, resolved; all follows."""
    here = f"{PATH}/{page['id']}"
    for name in ("Web Dashboard", "Mobile App"):
        await made(alice, f"{here}/components", name=name, status="operational")
    assert await read(bob, f"{here}/status") == {
        "status": "operational",
        "affectedComponents": 0,
        "activeIncidents": 0,
    }
    told = await made(
        bob,
        f"{here}/incidents",
        title="API Degradation",
        status="investigating",
        impact="major",
        componentIds=[api["id"]],
        components={api["id"]: "degraded_performance"},
    )
    assert (told["status"], told["impact"], told["isDraft"]) == ("investigating", "major", False)
    incident = f"{PATH}/incidents/{told['id']}"
    for status, message in (
        ("identified", "We've identified the issue as a database connection problem."),
        ("monitoring", "A fix has been deployed. We're monitoring for stability."),
    ):
        await made(bob, f"{incident}/updates", status=status, message=message)
    listed = (await read(bob, f"{here}/components"))["items"]
    assert [(each["name"], each["status"], each["position"]) for each in listed] == [
        ("API", "degraded_performance", 1),
        ("Web Dashboard", "operational", 2),
        ("Mobile App", "operational", 3),
    ]
    assert await read(bob, f"{here}/status") == {
        "status": "degraded",
        "affectedComponents": 1,
        "activeIncidents": 1,
    }
    over = await bob.post(f"{incident}/resolve", json={"message": "All systems operational."})
    assert over.status_code == 200
    assert (over.json()["status"], over.json()["impact"]) == ("resolved", "major")
    assert [each["status"] for each in over.json()["updates"]] == [
        "resolved",
        "monitoring",
        "identified",
        "investigating",
    ]
    assert over.json()["updates"][0]["changes"] == [
        {
            "componentId": api["id"],
            "name": "API",
            "oldStatus": "degraded_performance",
            "newStatus": "operational",
        }
    ]
    assert (await read(bob, f"{here}/status"))["status"] == "operational"
    again = await bob.post(f"{incident}/updates", json={"status": "monitoring", "message": "No"})
    assert (again.status_code, again.json()["code"]) == (409, "INVALID_STATUS_TRANSITION")
    listed = await read(bob, f"{here}/incidents?includeResolved=false")
    assert listed == {"items": [], "nextCursor": None}


async def test_incidents_are_listed_page_by_page(bob: Client, page: dict[str, Any]) -> None:
    """The newest first, every one of them once."""
    here = f"{PATH}/{page['id']}/incidents"
    titles = [f"Incident {number}" for number in range(5)]
    for title in titles:
        await made(bob, here, title=title)
    found, cursor = [], ""
    while True:
        some = await read(bob, f"{here}?limit=2{cursor}")
        found += [each["title"] for each in some["items"]]
        if some["nextCursor"] is None:
            break
        cursor = f"&cursor={some['nextCursor']}"
    assert found == titles[::-1]


async def test_a_draft_waits_for_approval(bob: Client, page: dict[str, Any], api: dict[str, Any]) -> None:
    """It changes nothing; with other words it is published, once, under its id; thrown away it is gone."""
    here = f"{PATH}/{page['id']}"
    told = await made(
        bob,
        f"{here}/incidents",
        title="Maybe",
        message="We think.",
        components={api["id"]: "major_outage"},
        isDraft=True,
    )
    assert (told["isDraft"], told["updates"][0]["isDraft"]) == (True, True)
    assert (await read(bob, f"{here}/status"))["activeIncidents"] == 0
    draft = f"{PATH}/updates/{told['updates'][0]['id']}"
    edited = await bob.patch(draft, json={"message": "We are sure."})
    assert (edited.json()["message"], edited.json()["editedAt"]) == ("We are sure.", None)
    published = (await bob.post(f"{draft}/publish", json={"status": "identified"})).json()
    assert (published["isDraft"], published["status"]) == (False, "identified")
    (said,) = published["updates"]
    assert (said["message"], said["isDraft"]) == ("We are sure.", False)
    assert (await read(bob, f"{here}/status"))["status"] == "outage"
    assert (await read(bob, draft))["isDraft"] is False
    for answer in (await bob.post(f"{draft}/publish", json={}), await bob.delete(draft)):
        assert (answer.status_code, answer.json()["code"]) == (409, "ALREADY_PUBLISHED")
    more = await made(
        bob, f"{PATH}/incidents/{told['id']}/updates", status="monitoring", message="?", isDraft=True
    )
    assert (await bob.delete(f"{PATH}/updates/{more['updates'][0]['id']}")).status_code == 204
    left = await read(bob, f"{PATH}/incidents/{told['id']}")
    assert [each["message"] for each in left["updates"]] == ["We are sure."]


async def test_a_maintenance_is_planned_and_moved(
    bob: Client, db: Database, page: dict[str, Any], api: dict[str, Any]
) -> None:
    """Two times make a maintenance; its components are under maintenance only once it runs."""
    here, now = f"{PATH}/{page['id']}", db.clock()
    planned = await made(
        bob,
        f"{here}/incidents",
        title="Moving",
        componentIds=[api["id"]],
        scheduledFor=when(now + HOUR),
        scheduledUntil=when(now + 2 * HOUR),
    )
    assert (planned["kind"], planned["status"], planned["impact"]) == (
        "maintenance",
        "scheduled",
        "maintenance",
    )
    incident = f"{PATH}/incidents/{planned['id']}"
    moved = await bob.patch(incident, json={"scheduledUntil": when(now + 3 * HOUR)})
    assert moved.json()["components"] == {api["id"]: "under_maintenance"}
    refused = await bob.patch(incident, json={"scheduledUntil": when(now)})
    assert (refused.status_code, refused.json()["details"]["field"]) == (400, "scheduledUntil")
    assert (await read(bob, f"{PATH}/components/{api['id']}"))["status"] == "operational"
    await made(bob, f"{incident}/updates", status="in_progress", message="We begin.")
    assert (await read(bob, f"{PATH}/components/{api['id']}"))["status"] == "under_maintenance"
    over = (await bob.post(f"{incident}/resolve", json={})).json()
    assert over["status"] == "completed"
    assert (await read(bob, f"{PATH}/components/{api['id']}"))["status"] == "operational"


async def test_components_that_are_named_again_keep_their_word(
    bob: Client, alice: Client, page: dict[str, Any], api: dict[str, Any]
) -> None:
    """`componentIds` of a change says which, and takes nothing back that was said of one of them."""
    web = await made(alice, f"{PATH}/{page['id']}/components", name="Web")
    told = await made(
        bob, f"{PATH}/{page['id']}/incidents", title="X", components={api["id"]: "partial_outage"}
    )
    incident = f"{PATH}/incidents/{told['id']}"
    changed = (await bob.patch(incident, json={"componentIds": [api["id"], web["id"]]})).json()
    assert changed["components"] == {api["id"]: "partial_outage", web["id"]: None}
    changed = (await bob.patch(incident, json={"componentIds": [web["id"]]})).json()
    assert changed["components"] == {web["id"]: None}
    assert (await read(bob, f"{PATH}/components/{api['id']}"))["status"] == "operational"


async def test_components_stand_in_groups_and_in_order(
    alice: Client, page: dict[str, Any], api: dict[str, Any]
) -> None:
    """A group is made, filled, renamed and deleted; its components stay; the order is what is sent."""
    here = f"{PATH}/{page['id']}"
    group = await made(alice, f"{here}/groups", name="Europe")
    web = await made(alice, f"{here}/components", name="Web", groupId=group["id"])
    assert web["groupId"] == group["id"]
    changed = await alice.patch(f"{PATH}/groups/{group['id']}", json={"name": "EU", "isOpen": False})
    assert (changed.json()["name"], changed.json()["isOpen"]) == ("EU", False)
    order = await alice.post(f"{here}/components/reorder", json={"componentIds": [web["id"], api["id"]]})
    assert [each["name"] for each in order.json()["items"]] == ["Web", "API"]
    assert (await alice.delete(f"{PATH}/groups/{group['id']}")).status_code == 204
    assert (await read(alice, f"{PATH}/components/{web['id']}"))["groupId"] is None
    assert (await alice.delete(f"{PATH}/components/{web['id']}")).status_code == 204
    listed = (await read(alice, f"{here}/components"))["items"]
    assert [each["name"] for each in listed] == ["API"]


async def test_a_page_is_changed_hidden_and_deleted(alice: Client, cast: Cast, page: dict[str, Any]) -> None:
    """Its members as they were sent; a secret link once; a deleted page like one that never was."""
    here = f"{PATH}/{page['id']}"
    changed = await alice.patch(
        here, json={"isPublic": False, "theme": {"accent": "#4F46E5"}, "timezone": "Europe/Berlin"}
    )
    assert changed.json()["theme"] == {"accent": "#4f46e5"}
    assert not changed.json()["hasLink"]
    linked = (await alice.post(f"{here}/link")).json()
    assert "?key=" in linked["link"]
    later = await read(alice, here)
    assert later["hasLink"]
    assert "link" not in later
    refused = await alice.patch(here, json={"theme": {"accent": "#4f46e5", "background": "url(x)"}})
    assert refused.status_code == 400
    assert [each["id"] for each in (await read(alice, f"{PATH}/team/{cast.team.id}"))["items"]] == [
        page["id"]
    ]
    assert (await alice.delete(here)).status_code == 204
    gone, never = await alice.get(here), await alice.get(f"{PATH}/{ABSENT}")
    assert (gone.status_code, gone.json()) == (404, never.json())
    assert (await read(alice, PATH))["items"] == []


async def test_a_team_with_a_page_is_not_deleted(alice: Client, cast: Cast, page: dict[str, Any]) -> None:
    """What customers read is not orphaned by the way."""
    refused = await alice.delete(f"/teams/{cast.team.id}")
    assert refused.status_code == 409
    assert "1 status page" in refused.json()["detail"]


async def test_what_is_another_page_s_is_unknown(
    alice: Client, cast: Cast, page: dict[str, Any], api: dict[str, Any]
) -> None:
    """Component and group of another page, a service of another team: refused like what never was."""
    other = await made(alice, PATH, name="Other", teamId=cast.team.id)
    group = await made(alice, f"{PATH}/{page['id']}/groups", name="Europe")
    here = f"{PATH}/{other['id']}"
    attempts: list[tuple[str, dict[str, Any], str]] = [
        (f"{here}/incidents", {"title": "X", "componentIds": [api["id"]]}, api["id"]),
        (f"{here}/incidents", {"title": "X", "components": {api["id"]: "major_outage"}}, api["id"]),
        (f"{here}/components", {"name": "X", "groupId": group["id"]}, group["id"]),
        (f"{here}/components/reorder", {"componentIds": [api["id"]]}, api["id"]),
    ]
    for path, body, hidden in attempts:
        refused = await alice.post(path, json=body)
        absent = await alice.post(path, content=_with(body, hidden))
        assert refused.status_code == 400, refused.text
        assert refused.json()["message"].replace(hidden, ABSENT) == absent.json()["message"]


def _with(body: dict[str, Any], hidden: str) -> bytes:
    """The body with another id in the place of the hidden one."""
    return json.dumps(body).replace(hidden, ABSENT).encode()


async def test_a_stranger_finds_nothing(
    charlie: Client, bob: Client, alice: Client, page: dict[str, Any], api: dict[str, Any]
) -> None:
    """Every path answers somebody of no team of the page as if nothing were there."""
    group = await made(alice, f"{PATH}/{page['id']}/groups", name="Europe")
    told = await made(bob, f"{PATH}/{page['id']}/incidents", title="X", message="m")
    ids = {
        "": page["id"],
        "/components": api["id"],
        "/groups": group["id"],
        "/incidents": told["id"],
        "/updates": told["updates"][0]["id"],
    }
    for kind, known in ids.items():
        for method in ("GET", "PATCH", "DELETE"):
            body = {"message": "x"} if kind == "/updates" else {}
            sent = body if method == "PATCH" else None
            hidden = await charlie.request(method, f"{PATH}{kind}/{known}", json=sent)
            absent = await charlie.request(method, f"{PATH}{kind}/{ABSENT}", json=sent)
            assert hidden.status_code == 404, (method, kind)
            assert hidden.json() == absent.json(), (method, kind)
    for path in ("status", "components", "groups", "incidents"):
        hidden = await charlie.get(f"{PATH}/{page['id']}/{path}")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "STATUS_PAGE_NOT_FOUND")
    assert (await read(charlie, PATH))["items"] == []


@pytest.mark.parametrize(
    "members",
    [
        {"title": ""},
        {"title": "x" * 256},
        {"title": "a\u202eb"},
        {"title": "X", "message": "x" * 25_001},
        {"title": "X", "status": "completed"},
        {"title": "X", "impact": "enormous"},
        {"title": "X", "startedAt": "2099-01-01T00:00:00Z"},
        {"title": "X", "internalIncidentId": ABSENT},
        {"title": "X", "message": "a\0b"},
        {"title": "X", "unknown": 1},
    ],
)
async def test_what_cannot_be_told_is_refused(
    bob: Client, page: dict[str, Any], members: dict[str, Any]
) -> None:
    """With 400, and nothing is there afterwards."""
    here = f"{PATH}/{page['id']}/incidents"
    assert (await bob.post(here, json=members)).status_code == 400
    assert (await read(bob, here))["items"] == []


async def test_a_service_of_another_team_is_unknown(
    alice: Client, cast: Cast, db: Database, page: dict[str, Any]
) -> None:
    """A component follows services of the page's own team alone, even for somebody who sees both."""
    other = await make.team(db, cast.organization, "Other")
    service = (await alice.post("/services", json={"name": "Shop", "teamId": other.id})).json()
    path = f"{PATH}/{page['id']}/components"
    refused = await alice.post(path, json={"name": "X", "serviceId": service["id"]})
    assert (refused.status_code, refused.json()["details"]["field"]) == (400, "serviceId")
    refused = await alice.post(path, json={"name": "X", "automation": "set"})
    assert (refused.status_code, refused.json()["details"]["field"]) == (400, "automation")
