"""`/incidents/{id}/merge`, `/unmerge`, `/merged` and `/alerts` over HTTP: the shapes that programs rely on."""

import pytest

from openalert.domain.severity import Severity
from openalert.storage import Database
from openalert.usecases import incidents
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio


@pytest.fixture(name="pair")
async def _pair(db: Database, cast: Cast) -> tuple[str, str]:
    """The ids of two incidents that Alice opened by hand."""
    service = await make.service(db, cast.team, None)
    async with db.transaction(make.actor(cast.alice, cast.team)) as tx:
        made = [
            await incidents.open_by_hand(tx, service_id=service.id, title=title, severity=Severity.HIGH)
            for title in ("Orders are slow", "Payments are slow")
        ]
    return made[0].id, made[1].id


async def test_a_merge_is_made_listed_and_undone(alice: Client, pair: tuple[str, str], cast: Cast) -> None:
    """The target is answered; the source says where it went; undone it is open again, and the list empty."""
    target, source = pair
    merged = await alice.post(f"/incidents/{target}/merge", json={"incidentIds": [source]})
    assert (merged.status_code, merged.json()["id"]) == (200, target)
    shown = (await alice.get(f"/incidents/{source}")).json()
    assert (shown["status"], shown["mergedIntoId"], shown["resolution"]) == (
        "resolved",
        target,
        "Merged into #1",
    )
    [part] = (await alice.get(f"/incidents/{target}/merged")).json()["items"]
    assert part["incident"] == shown
    assert (part["mergedById"], part["undoUntil"]) == (cast.alice.id, "2026-01-06T09:00:00Z")
    again = await alice.post(f"/incidents/{source}/reopen")
    assert (again.status_code, again.json()["code"]) == (409, "INCIDENT_MERGED")
    assert again.json()["details"]["incidentId"] == target
    undone = await alice.post(f"/incidents/{source}/unmerge")
    assert (undone.json()["status"], undone.json()["mergedIntoId"]) == ("triggered", None)
    assert (await alice.get(f"/incidents/{target}/merged")).json()["items"] == []
    twice = await alice.post(f"/incidents/{source}/unmerge")
    assert (twice.status_code, twice.json()["code"]) == (409, "NOT_MERGED")


async def test_refusals_name_the_member(alice: Client, pair: tuple[str, str]) -> None:
    """Itself, nothing and what is unknown are 400 at incidentIds; an unknown alert 400 at alertIds."""
    target, _ = pair
    unknown = "019b8d62-7a80-7003-a352-03ab0e4992a3"
    for ids in ([target], [unknown]):
        refused = await alice.post(f"/incidents/{target}/merge", json={"incidentIds": ids})
        assert (refused.status_code, refused.json()["details"]["field"]) == (400, "incidentIds")
    assert (await alice.post(f"/incidents/{target}/merge", json={"incidentIds": []})).status_code == 400
    refused = await alice.post(f"/incidents/{target}/alerts", json={"alertIds": [unknown]})
    assert (refused.status_code, refused.json()["details"]["field"]) == (400, "alertIds")
    gone = await alice.delete(f"/incidents/{target}/alerts/{unknown}")
    assert (gone.status_code, gone.json()["code"]) == (404, "ALERT_NOT_FOUND")


async def test_the_priority_is_the_severity_by_its_other_name(alice: Client, pair: tuple[str, str]) -> None:
    """P5 is info; both at once must say the same."""
    path = f"/incidents/{pair[0]}"
    lowered = (await alice.patch(path, json={"priority": "P5"})).json()
    assert (lowered["severity"], lowered["priority"]) == ("info", "P5")
    raised = (await alice.patch(path, json={"severity": "critical", "priority": "P1"})).json()
    assert raised["priority"] == "P1"
    both = await alice.patch(path, json={"severity": "low", "priority": "P1"})
    assert (both.status_code, both.json()["details"]["field"]) == (400, "priority")
    assert (await alice.patch(path, json={"priority": "P9"})).status_code == 400
