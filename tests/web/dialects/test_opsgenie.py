"""Opsgenie's Alert API: its addresses, codes, envelopes and what they do here."""

import base64
from typing import Any

import httpx2
import msgspec
import pytest

from openalert.app import OpenAlert
from openalert.domain.instant import rfc3339
from openalert.domain.notification import Notification, NotificationKind
from openalert.domain.routing import RuleBody
from openalert.domain.sender_check import CheckKind, SenderCheck
from openalert.domain.service import IntegrationConfig
from openalert.storage import Database
from openalert.usecases import integrations, routing_rules
from openalert.web.dialects.opsgenie_view import recipient
from tests import make

pytestmark = pytest.mark.anyio
KEY = {"authorization": "GenieKey A"}
DISK = {
    "message": "Disk is full",
    "alias": "db-1/disk full",
    "description": "97 %",
    "responders": [{"name": "NOC", "type": "team"}, {}, {"username": "bea@example.org", "type": "user"}],
    "actions": ["Restart"],
    "tags": ["Critical", "db"],
    "details": {"region": "eu", "load": 7},
    "entity": "db-1",
    "source": "nagios",
    "priority": "P1",
    "user": "cron",
    "note": "seen twice",
}


class Genie:
    """An Opsgenie client, as thin as can be."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def post(self, path: str, body: Any = None, status: int = 202) -> dict[str, Any]:
        """POST, and the answer's body."""
        answer = await self.client.post(path, json=body, headers=KEY)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def call(self, method: str, path: str, body: Any = None, status: int = 202) -> dict[str, Any]:
        """Any method, and the answer's body."""
        answer = await self.client.request(method, path, json=body, headers=KEY)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """`data` of an answer, or all of a refusal."""
        answer = await self.client.get(path, params=query, headers=KEY)
        assert answer.status_code == status, answer.text
        body = answer.json()
        return body["data"] if status == 200 else body

    async def outcome(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What became of the request of an answer."""
        found: dict[str, Any] = await self.get(f"/v2/alerts/requests/{answer['requestId']}")
        return found

    async def disk(self) -> dict[str, Any]:
        """The alert about the disk as it is now."""
        found: dict[str, Any] = await self.get("/v2/alerts/db-1%2Fdisk%20full", identifierType="alias")
        return found


@pytest.fixture
def genie(client: httpx2.AsyncClient) -> Genie:
    """A client with the key A."""
    return Genie(client)


async def _value(db: Database, sql: str) -> Any:
    async with db.read() as reader:
        return await reader.value(sql)


async def test_a_create_is_answered_as_opsgenie_does_and_opens_an_incident(
    genie: Genie, sqlite_db: Database
) -> None:
    """202 with the asynchronous envelope and its headers; by then the incident is there and the request done."""
    answer = await genie.client.post("/v2/alerts", json=DISK, headers=KEY)
    assert answer.status_code == 202
    body = answer.json()
    assert set(body) == {"result", "took", "requestId"}
    assert body["result"] == "Request will be processed"
    assert isinstance(body["took"], float)
    assert answer.headers["x-request-id"] == body["requestId"]
    assert float(answer.headers["x-response-time"]) >= 0
    assert answer.headers["x-ratelimit-state"] == "OK"
    assert await _value(sqlite_db, "SELECT severity FROM incidents") == "critical"
    outcome = await genie.outcome(body)
    alert = await genie.disk()
    assert outcome == {
        "success": True,
        "action": "Create",
        "processedAt": outcome["processedAt"],
        "integrationId": await _value(sqlite_db, "SELECT id FROM integrations"),
        "isSuccess": True,
        "status": "Created alert",
        "alertId": alert["id"],
        "alias": "db-1/disk full",
    }


async def test_an_alert_is_shown_with_every_member(genie: Genie) -> None:
    """The members of Opsgenie's documentation, by id, alias, tiny id and the request that created it."""
    created = await genie.post("/v2/alerts", DISK)
    alert = await genie.disk()
    assert alert["tinyId"] == "1"
    assert (alert["message"], alert["description"]) == ("Disk is full", "97 %")
    assert (alert["status"], alert["acknowledged"], alert["snoozed"], alert["count"]) == (
        "open",
        False,
        False,
        1,
    )
    assert (alert["entity"], alert["source"], alert["priority"]) == ("db-1", "nagios", "P1")
    assert alert["tags"] == ["Critical", "db"]
    assert alert["details"] == {"region": "eu", "load": "7"}
    assert alert["actions"] == ["Restart"]
    assert alert["responders"] == [
        {"type": "team", "id": "NOC", "name": "NOC"},
        {"type": "user", "id": "bea@example.org", "username": "bea@example.org"},
    ]
    assert alert["integration"]["type"] == "API"
    for identifier, kind in ((alert["id"], "id"), ("1", "tiny"), (created["requestId"], "id")):
        assert await genie.get(f"/v2/alerts/{identifier}", identifierType=kind) == alert
    (listed,) = await genie.get("/v2/alerts")
    assert listed == {
        k: v for k, v in alert.items() if k not in {"actions", "entity", "description", "details"}
    }


async def test_the_same_alias_raises_the_count_until_it_is_closed(genie: Genie, sqlite_db: Database) -> None:
    """Only the first create's words stay; after the close the same alias is a new alert with a new number."""
    await genie.post("/v2/alerts", DISK)
    again = await genie.post(
        "/v2/alerts", DISK | {"message": "Other words", "tags": ["x"], "details": {"a": "b"}}
    )
    assert (await genie.outcome(again))["alias"] == "db-1/disk full"
    alert = await genie.disk()
    assert alert["count"] == 2
    assert alert["tags"] == ["Critical", "db"]
    assert alert["details"] == {"region": "eu", "load": "7"}
    assert await _value(sqlite_db, "SELECT count(*) FROM incidents") == 1
    await genie.post("/v2/alerts/db-1%2Fdisk%20full/close?identifierType=alias", {"source": "AlertManager"})
    assert (await genie.disk())["status"] == "closed"
    assert await _value(sqlite_db, "SELECT status FROM incidents") == "resolved"
    await genie.post("/v2/alerts", DISK)
    fresh = await genie.disk()
    assert (fresh["tinyId"], fresh["status"], fresh["count"]) == ("2", "open", 1)


async def test_without_an_alias_every_create_is_an_alert_of_its_own(genie: Genie) -> None:
    """Its alias is its id, and by it it is found and closed."""
    for _ in range(2):
        await genie.post("/v2/alerts", {"message": "Backup failed", "alias": ""})
    one, other = await genie.get("/v2/alerts")
    assert one["id"] != other["id"]
    assert one["alias"] == one["id"]
    assert (await genie.get(f"/v2/alerts/{one['alias']}", identifierType="alias"))["id"] == one["id"]
    await genie.post(f"/v2/alerts/{one['id']}/close?identifierType=alias")
    assert (await genie.get("/v2/alerts/count", query="status:open"))["count"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"message": "x", "priority": None, "responders": None, "details": None, "tags": None},
        {"message": "x" * 250},
        {"message": 7, "teams": [{"name": "NOC", "type": "team"}], "recipients": ["all"]},
        {"message": "x", "details": {"nested": {"a": [1]}, "flag": True}, "responders": [{}, 3, "NOC"]},
        {"message": "x", "tags": ["t" * 500] * 200, "actions": "Restart", "description": "d" * 100_000},
    ],
)
async def test_what_senders_really_send_is_taken(genie: Genie, body: dict[str, Any]) -> None:
    """A page lost to a 422 is worse than a cut title."""
    assert (await genie.outcome(await genie.post("/v2/alerts", body)))["isSuccess"] is True
    (alert,) = await genie.get("/v2/alerts")
    assert len(alert["message"]) <= 130
    assert alert["priority"] == "P3"


@pytest.mark.parametrize(
    ("content", "status", "errors"),
    [
        (b"{", 400, {"body"}),
        (b"[1]", 422, {"message"}),
        (b"{}", 422, {"message"}),
        (b'{"message": "  ", "alias": "a"}', 422, {"message"}),
        (b"", 400, {"body"}),
    ],
)
async def test_what_is_no_alert_is_refused_in_opsgenies_words(
    genie: Genie, sqlite_db: Database, content: bytes, status: int, errors: set[str]
) -> None:
    """One sentence, the members at fault, the type of the error in a header, and no alert."""
    answer = await genie.client.post("/v2/alerts", content=content, headers=KEY)
    assert answer.status_code == status
    body = answer.json()
    assert body["message"] == "Request body is not processable. Please check the errors."
    assert set(body["errors"]) == errors
    assert {"took", "requestId"} <= body.keys()
    assert answer.headers["x-opsgenie-errortype"]
    assert await _value(sqlite_db, "SELECT count(*) FROM alerts") == 0
    assert await _value(sqlite_db, "SELECT count(*) FROM payloads WHERE outcome = 'quarantined'") == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "GenieKey A"},
        {"authorization": "geniekey  A "},
        {"authorization": "Basic " + base64.b64encode(b"A").decode()},
        {"authorization": "Basic " + base64.b64encode(b":A").decode()},
        {"authorization": "Basic " + base64.b64encode(b"A:").decode()},
    ],
)
async def test_the_key_comes_in_the_ways_of_opsgenie(
    client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    """By GenieKey, by basic authentication as name or password; `?apiKey=` and Atlassian's new path do as well."""
    assert (await client.post("/v2/alerts", json=DISK, headers=headers)).status_code == 202
    assert (await client.get("/v2/alerts?apiKey=A")).status_code == 200
    moved = await client.post("/jsm/ops/integration/v2/alerts?apiKey=A", json=DISK)
    assert moved.status_code == 202


@pytest.mark.parametrize("headers", [{}, {"authorization": "GenieKey B"}, {"authorization": "Basic !!"}])
async def test_an_unknown_key_is_refused(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    """401 in Opsgenie's shape, the same for a missing key, and for a key that is switched off."""
    for method, path in (("POST", "/v2/alerts"), ("GET", "/v2/alerts/x"), ("POST", "/v2/alerts/x/close")):
        answer = await client.request(method, path, json=DISK, headers=headers)
        assert (answer.status_code, answer.json()["message"]) == (401, "Could not authenticate")


async def test_a_key_sees_and_changes_its_own_alerts_alone(
    genie: Genie, app: OpenAlert, sqlite_db: Database
) -> None:
    """By id, alias or number, another integration's alert is as one that does not exist."""
    await genie.post("/v2/alerts", DISK)
    alert = await genie.disk()
    async with sqlite_db.read() as reader:
        service_id = await reader.value("SELECT id FROM services")
        service = await reader.one(make.Service, "SELECT * FROM services WHERE id = :id", id=service_id)
    await make.integration(sqlite_db, service, "B")
    other = {"authorization": "GenieKey B"}
    for identifier, kind in ((alert["id"], "id"), ("1", "tiny"), ("db-1%2Fdisk%20full", "alias")):
        seen = await genie.client.get(f"/v2/alerts/{identifier}?identifierType={kind}", headers=other)
        assert seen.status_code == 404
        done = await genie.client.post(f"/v2/alerts/{identifier}/close?identifierType={kind}", headers=other)
        assert done.status_code == 202
        path = f"/v2/alerts/requests/{done.json()['requestId']}"
        assert (await genie.client.get(path, headers=KEY)).status_code == 404
        status = (await genie.client.get(path, headers=other)).json()["data"]
        assert (status["isSuccess"], status["status"]) == (False, "Alert does not exist")
    assert (await genie.client.get("/v2/alerts", headers=other)).json()["data"] == []
    assert (await genie.disk())["status"] == "open"


async def test_acknowledge_stops_paging_and_unacknowledge_starts_it(
    genie: Genie, sqlite_db: Database
) -> None:
    """In the name of the integration, with the sender's user beside it; without a body, too."""
    await genie.post("/v2/alerts", DISK)
    path = "/v2/alerts/db-1%2Fdisk%20full/{}?identifierType=alias"
    done = await genie.post(path.format("acknowledge"), {"user": "bea@example.org", "note": "on it"})
    assert (await genie.outcome(done))["action"] == "Acknowledge"
    alert = await genie.disk()
    assert alert["acknowledged"] is True
    assert "ackTime" in alert["report"]
    assert await _value(sqlite_db, "SELECT status FROM incidents") == "acknowledged"
    notes = await genie.get("/v2/alerts/1/notes", identifierType="tiny")
    assert [each["note"] for each in notes] == ["on it"]
    logs = await genie.get("/v2/alerts/1/logs", identifierType="tiny", order="asc")
    assert any("(bea@example.org) acknowledged" in each["log"] for each in logs)
    back = await genie.client.post(path.format("unacknowledge"), headers=KEY)
    assert back.status_code == 202
    assert (await genie.disk())["acknowledged"] is False
    assert await _value(sqlite_db, "SELECT status FROM incidents") == "triggered"


async def test_whoever_was_paged_is_told_when_that_was_decided(sqlite_db: Database) -> None:
    """By name; and until it was sent nothing has changed since, however late it may still be given up."""
    person = await make.user(sqlite_db, await make.organization(sqlite_db), "Ana")
    page = Notification(
        id="n", effect_key="n", organization_id=person.organization_id, team_id=None, incident_id=None,
        kind=NotificationKind.PAGE, user_id=person.id, channel="email", address="a", reason="on call",
        due_at=None, give_up_at=9_000, created_at=1_000, updated_at=1_000,
    )  # fmt: skip
    told = recipient(person, page)
    assert told["user"] == {"id": person.id, "username": "Ana"}
    assert told["createdAt"] == told["updatedAt"] == rfc3339(1_000)
    page.sent_at = 2_000
    assert recipient(person, page)["updatedAt"] == rfc3339(2_000)


async def test_what_cannot_be_done_is_said_by_the_request(genie: Genie) -> None:
    """202 all the same; the request's status says why not, and is unknown by a type of its own before that."""
    for path in ("close", "acknowledge", "notes", "snooze", "assign"):
        body = {"note": "n", "endTime": "2026-01-06T00:00:00Z", "owner": {"username": "x@example.org"}}
        outcome = await genie.outcome(
            await genie.post(f"/v2/alerts/nothing/{path}?identifierType=alias", body)
        )
        assert (outcome["isSuccess"], outcome["status"]) == (False, "Alert does not exist")
    await genie.post("/v2/alerts", DISK)
    path = "/v2/alerts/db-1%2Fdisk%20full/{}?identifierType=alias"
    await genie.post(path.format("close"))
    late = await genie.outcome(await genie.post(path.format("acknowledge")))
    assert (late["isSuccess"], late["status"]) == (False, "Alert is closed")
    stranger = await genie.client.get("/v2/alerts/requests/nothing", headers=KEY)
    assert stranger.status_code == 404
    assert stranger.headers["x-opsgenie-errortype"] == "RequestNotProcessed"


async def test_snooze_assign_and_escalate(genie: Genie, sqlite_db: Database) -> None:
    """Snoozed until then, given to a person by address; nobody else's address is anybody."""
    await genie.post("/v2/alerts", DISK)
    path = "/v2/alerts/1/{}?identifierType=tiny"
    tomorrow = rfc3339(sqlite_db.clock() + 86_400_000)
    await genie.post(path.format("snooze"), {"endTime": tomorrow})
    alert = await genie.disk()
    assert (alert["snoozed"], alert["snoozedUntil"]) == (True, tomorrow)
    await genie.post(path.format("assign"), {"owner": {"username": "Bob@example.org"}})
    assert (await genie.disk())["owner"] == "Bob"
    unknown = await genie.post(path.format("assign"), {"owner": {"username": "eve@example.org"}})
    assert (await genie.outcome(unknown))["status"] == "User does not exist"
    escalated = await genie.post(path.format("escalate"), {"escalation": {"name": "Any"}})
    assert (await genie.outcome(escalated))["action"] == "EscalateToNext"
    for verb, body in (("snooze", {}), ("assign", {}), ("escalate", {}), ("tags", {}), ("details", {})):
        refused = await genie.post(path.format(verb), body, status=422)
        assert refused["errors"]


async def test_tags_details_and_texts_change(genie: Genie, sqlite_db: Database) -> None:
    """Added beside what is there, taken away by query; a repeat of the sender does not bring the old words back."""
    await genie.post("/v2/alerts", DISK)
    path = "/v2/alerts/1/{}?identifierType=tiny"
    await genie.post(path.format("tags"), {"tags": ["db", "night"]})
    await genie.call("DELETE", path.format("tags") + "&tags=Critical,unknown")
    await genie.post(path.format("details"), {"details": {"rack": 7}})
    await genie.call("DELETE", path.format("details") + "&keys=load")
    await genie.call("PUT", path.format("message"), {"message": "Disk is very full"})
    await genie.call("PUT", path.format("description"), {"description": "99 %"})
    await genie.call("PUT", path.format("priority"), {"priority": "P2"})
    await genie.call("PUT", path.format("priority"), {"priority": "P9"}, status=422)
    await genie.post("/v2/alerts", DISK)
    alert = await genie.disk()
    assert alert["tags"] == ["db", "night"]
    assert alert["details"] == {"region": "eu", "rack": "7"}
    assert (alert["message"], alert["description"]) == ("Disk is very full", "99 %")
    assert await _value(sqlite_db, "SELECT title FROM alerts") == "Disk is very full"


async def test_a_list_is_searched_sorted_and_paged(genie: Genie) -> None:
    """The queries that scripts use, by Opsgenie's own words; what is no field is refused."""
    for number in range(5):
        await genie.post(
            "/v2/alerts",
            {"message": f"Disk {number}", "alias": f"a{number}", "priority": f"P{number + 1}", "tags": [f"t{number}"],
             "entity": "db 1", "details": {"region": f"eu-{number}"}},
        )  # fmt: skip
    await genie.post("/v2/alerts/a0/close?identifierType=alias")

    async def found(query: str, **asked: Any) -> list[str]:
        return [each["alias"] for each in await genie.get("/v2/alerts", query=query, **asked)]

    assert await found("status:open AND priority:(P2 OR P3)") == ["a2", "a1"]
    assert await found("status: closed") == ["a0"]
    assert await found("NOT status:closed tag:t3") == ["a3"]
    assert await found('message:"Disk 4" OR alias:a1', sort="alias", order="asc") == ["a1", "a4"]
    assert await found("alias:a*", sort="tinyId", order="asc", offset=1, limit=2) == ["a1", "a2"]
    assert await found("details.key:region details.value:eu-2") == ["a2"]
    assert await found('entity:"db 1" AND NOT (tag:t1 OR tag:t2 OR tag:t3)', order="asc") == ["a0", "a4"]
    assert await found("createdAt > 1") == ["a4", "a3", "a2", "a1", "a0"]
    assert await found("count >= 2") == []
    assert await found("acknowledged:false AND snoozed:false AND isSeen:false AND status:open AND P2") == []
    assert (await genie.get("/v2/alerts/count", query="status:open"))["count"] == 4
    for wrong in (
        "colour:red",
        "status:ajar",
        "createdAt:yesterday",
        "(status:open",
        "status:",
        '"x',
        "a" * 1001,
    ):
        refused = await genie.get("/v2/alerts", status=422, query=wrong)
        assert set(refused["errors"]) == {"query"}
    for name, value in (
        ("limit", "101"),
        ("limit", "x"),
        ("offset", "-1"),
        ("sort", "colour"),
        ("order", "up"),
    ):
        assert name in (await genie.get("/v2/alerts", status=422, **{name: value}))["errors"]


async def test_alerts_that_came_by_other_ways_are_there_too(genie: Genie) -> None:
    """Whatever came in by this key has a number and can be acknowledged by it."""
    await genie.client.post("/webhooks/generic/A", json={"title": "By hand", "dedup_key": "hand"})
    (alert,) = await genie.get("/v2/alerts")
    assert (alert["message"], alert["alias"], alert["tinyId"]) == ("By hand", "hand", "1")
    await genie.post("/v2/alerts/hand/acknowledge?identifierType=alias")
    assert (await genie.get("/v2/alerts/1", identifierType="tiny"))["acknowledged"] is True


async def test_another_products_message_at_this_address_is_read_as_what_it_is(genie: Genie) -> None:
    """Datadog appends to a custom address what nobody documents: a body that is plainly another's is taken."""
    storm = {
        "version": "4",
        "groupKey": "g",
        "alerts": [{"status": "firing", "labels": {"alertname": "Disk"}, "startsAt": "2026-01-05T08:00:00Z"}],
    }
    await genie.post("/v2/alerts", storm)
    (alert,) = await genie.get("/v2/alerts")
    assert alert["message"] == "Disk"


async def test_a_delete_keeps_what_came_in(genie: Genie) -> None:
    """It is closed, and still there."""
    await genie.post("/v2/alerts", DISK)
    gone = await genie.call("DELETE", "/v2/alerts/1?identifierType=tiny&source=cleanup")
    assert (await genie.outcome(gone))["isSuccess"] is True
    assert (await genie.disk())["status"] == "closed"


async def test_a_get_of_the_go_client_is_not_refused(client: httpx2.AsyncClient) -> None:
    """It calls its empty body a form."""
    headers = KEY | {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    assert (await client.get("/v2/alerts/count", headers=headers)).json()["data"] == {"count": 0}


async def test_tags_of_rules_stay_beside_those_of_the_sender(genie: Genie, sqlite_db: Database) -> None:
    """A rule that tags what comes in is not undone by the tags that the sender gave."""
    async with sqlite_db.transaction() as tx:
        team_id = await tx.value("SELECT id FROM teams")
        body = msgspec.convert({"actions": {"tags": ["by rule"]}}, RuleBody)
        await routing_rules.create(tx, team_id=team_id, name="Tag", body=body)
    await genie.post("/v2/alerts", DISK)
    assert (await genie.disk())["tags"] == ["by rule", "Critical", "db"]


async def test_a_sender_that_has_to_prove_itself_has_to_for_every_call(
    genie: Genie, sqlite_db: Database
) -> None:
    """Where the integration asks for more than the key, the key alone neither reads nor changes anything."""
    await genie.post("/v2/alerts", DISK)
    async with sqlite_db.transaction() as tx:
        integration_id = await tx.value("SELECT id FROM integrations")
        config = IntegrationConfig(sender_check=SenderCheck(kind=CheckKind.BEARER))
        await integrations.update(
            tx, integration_id, config=config, sender_secret="what only the sender knows"
        )
    for method, path in (
        ("GET", "/v2/alerts"), ("GET", "/v2/alerts/1?identifierType=tiny"), ("POST", "/v2/alerts/1/close"),
        ("DELETE", "/v2/alerts/1"), ("POST", "/v2/alerts"), ("GET", "/v2/heartbeats"),
        ("GET", "/integrations/v1/webhook/A/heartbeat/"),
    ):  # fmt: skip
        answer = await genie.client.request(method, path, json=DISK, headers=KEY)
        assert answer.status_code == 401, (method, path)
    proven = {"authorization": "Bearer what only the sender knows"}
    assert (await genie.client.get("/v2/alerts?apiKey=A", headers=proven)).status_code == 200
