"""`/integrations/{id}/payloads` over HTTP: what came in, what could not be read, and sending it again."""

import json
from typing import Any

import pytest

from openalert.domain.errors import Invalid
from openalert.domain.service import Integration
from openalert.sources import Inbound, context_of, read
from openalert.storage import Database
from openalert.usecases import ingest
from openalert.usecases.inbound import Delivery
from openalert.usecases.integrations import key_hash
from tests import make
from tests.make import Cast
from tests.web.api.conftest import Client

pytestmark = pytest.mark.anyio
GOOD = json.dumps({"title": "Disk full", "severity": "high"}).encode()


@pytest.fixture
async def integration(db: Database, cast: Cast) -> Integration:
    """An integration of the team's service."""
    policy = await make.policy(db, cast.team, make.level(1, cast.alice))
    return await make.integration(db, await make.service(db, cast.team, policy), kind="generic")


async def receive(db: Database, content: bytes, *, readable: bool = True) -> None:
    """Let a message come in by the integration, as one that can be read or not."""
    async with db.transaction() as tx:
        delivery = Delivery(
            key_hash=key_hash("key"),
            content=content,
            content_type="application/json",
            source="generic",
            reading=read("generic", content, Inbound(received_at=tx.now)) if readable else None,
            failure=None if readable else Invalid("It made no sense."),
            trace_id="trace",
        )
        await ingest.take_in(tx, [delivery])


async def listed(client: Client, integration: Integration, **params: str) -> Any:
    """The answer of the list."""
    answer = await client.get(f"/integrations/{integration.id}/payloads", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_came_in_is_shown_the_newest_first(
    bob: Client, integration: Integration, db: Database, clock: Any
) -> None:
    """With body and outcome, a page at a time."""
    await receive(db, GOOD)
    clock.advance()
    await receive(db, b"{broken", readable=False)
    first = await listed(bob, integration, limit="1")
    [quarantined] = first["items"]
    assert (quarantined["outcome"], quarantined["body"], quarantined["reason"]) == (
        "quarantined",
        "{broken",
        "It made no sense.",
    )
    [accepted] = (await listed(bob, integration, cursor=first["nextCursor"]))["items"]
    assert (accepted["outcome"], accepted["body"], accepted["alertCount"]) == ("accepted", GOOD.decode(), 1)
    one = await bob.get(f"/integrations/{integration.id}/payloads/{accepted['id']}")
    assert one.json() == accepted


async def test_a_mended_message_is_sent_through_again(
    bob: Client, integration: Integration, db: Database
) -> None:
    """One that could not be read then and can be now opens an incident, and is kept as replayed."""
    await receive(db, GOOD, readable=False)
    [kept] = (await listed(bob, integration))["items"]
    answer = await bob.post(f"/integrations/{integration.id}/payloads/{kept['id']}/replay")
    assert answer.status_code == 202, answer.text
    assert (answer.json()["alertsProcessed"], len(answer.json()["incidents"])) == (1, 1)
    assert {each["outcome"] for each in (await listed(bob, integration))["items"]} == {
        "quarantined",
        "replayed",
    }
    async with db.read() as reader:
        assert await reader.value("SELECT title FROM incidents") == "Disk full"


async def test_what_still_cannot_be_read_or_is_not_whole_is_refused(
    bob: Client, integration: Integration, db: Database
) -> None:
    """400 for a broken one, 409 for one of which only the beginning was kept; nothing is stored."""
    await receive(db, b"{broken", readable=False)
    await receive(db, json.dumps({"title": "x" * 70_000}).encode(), readable=False)
    statuses = set()
    for kept in (await listed(bob, integration))["items"]:
        answer = await bob.post(f"/integrations/{integration.id}/payloads/{kept['id']}/replay")
        statuses.add(answer.status_code)
    assert statuses == {400, 409}
    assert len((await listed(bob, integration))["items"]) == 2


async def test_only_who_may_respond_sends_again(
    alice: Client, bob: Client, charlie: Client, cast: Cast, integration: Integration, db: Database
) -> None:
    """A stranger finds nothing; a viewer of the team reads and may not replay."""
    await receive(db, GOOD)
    [kept] = (await listed(bob, integration))["items"]
    path = f"/integrations/{integration.id}/payloads/{kept['id']}"
    assert (await charlie.get(path)).status_code == 404
    assert (await charlie.post(f"{path}/replay")).status_code == 404
    await alice.patch(f"/teams/{cast.team.id}/members/{cast.bob.id}", json={"role": "viewer"})
    assert (await bob.get(path)).status_code == 200
    assert (await bob.post(f"{path}/replay")).status_code == 403


async def test_a_test_alert_takes_the_way_of_a_real_one(
    bob: Client, charlie: Client, integration: Integration
) -> None:
    """It opens an incident, for whoever responds; through an integration that is off none comes."""
    answer = await bob.post(f"/integrations/{integration.id}/test")
    assert answer.status_code == 202
    assert (answer.json()["status"], len(answer.json()["incidents"])) == ("accepted", 1)
    assert (await charlie.post(f"/integrations/{integration.id}/test")).status_code == 404


async def test_a_mapping_is_tried_on_what_came_before_it_is_saved(
    alice: Client, bob: Client, charlie: Client, integration: Integration, db: Database
) -> None:
    """What the last messages would be read as, and what each expression finds; nothing changes by it."""
    await receive(db, b'{"checks": [{"what": "Disk full", "lvl": "sev-a"}], "note": "x"}')
    path = f"/integrations/{integration.id}/preview"
    config = {
        "mapping": {"items": "checks", "title": "what", "severity": "lvl"},
        "severities": {"sev-a": "low"},
    }
    [shown] = (await alice.post(path, json={"config": config})).json()["items"]
    assert [(each["title"], each["severity"]) for each in shown["alerts"]] == [("Disk full", "low")]
    assert [(each["member"], each["found"]) for each in shown["found"]] == [
        ("items", "a list of 1"),
        ("title", "Disk full"),
        ("severity", "sev-a"),
    ]
    [as_it_is] = (await alice.post(path, json={"payloadId": shown["payloadId"]})).json()["items"]
    assert as_it_is["alerts"][0]["title"] != "Disk full"
    assert (await alice.get(f"/integrations/{integration.id}")).json()["config"] == {}
    assert (await bob.post(path, json={})).status_code == 403
    assert (await charlie.post(path, json={})).status_code == 404
    assert (await alice.post(path, json={"payloadId": "nothing"})).status_code == 404


async def test_mistakes_of_a_mapping_are_named_with_their_position(
    alice: Client, integration: Integration
) -> None:
    """When it is tried as when it is saved; what is saved was checked."""
    config = {"mapping": {"title": "a..b", "labels": {"x": "nofunction(@)"}}}
    for answer in (
        await alice.post(f"/integrations/{integration.id}/preview", json={"config": config}),
        await alice.patch(f"/integrations/{integration.id}", json={"config": config}),
    ):
        assert answer.status_code == 400
        assert [(each["field"], each["position"]) for each in answer.json()["details"]["mistakes"]] == [
            ("config.mapping.title", 3),
            ("config.mapping.labels.x", 1),
        ]


async def test_everything_that_could_not_be_read_is_sent_through_at_once(
    alice: Client, bob: Client, integration: Integration, db: Database, clock: Any
) -> None:
    """What can be read now is, what cannot stays; a second time finds only the rest."""
    for content in (b'{"title": "One"}', b"{broken", b'{"title": "Two"}'):
        clock.advance()
        await receive(db, content, readable=False)
    path = f"/integrations/{integration.id}/payloads/replay"
    done = (await bob.post(path)).json()
    assert (done["read"], done["stillUnread"], done["left"]) == (2, 1, 0)
    assert len(done["incidents"]) == 2
    again = (await bob.post(path)).json()
    assert (again["read"], again["stillUnread"]) == (0, 1)
    left = await listed(bob, integration, outcome="quarantined")
    assert sorted(each["settledAt"] is None for each in left["items"]) == [False, False, True]
    assert (await bob.get(f"/integrations/{integration.id}/payloads?outcome=odd")).status_code == 400


async def test_a_message_is_sent_through_with_what_it_came_with(
    bob: Client, integration: Integration, db: Database
) -> None:
    """GitHub says in a header what a body is about, and an address may say how bad it is: both are kept."""
    inbound = Inbound(
        headers={"x-github-event": "workflow_run", "authorization": "Bearer secret"},
        query={"severity": "low", "token": "secret"},
        received_at=1,
    )
    context = context_of(inbound)
    assert (context.headers, context.query) == ({"x-github-event": "workflow_run"}, {"severity": "low"})
    async with db.transaction() as tx:
        delivery = Delivery(
            key_hash=key_hash("key"),
            content=GOOD,
            content_type="application/json",
            source="generic",
            reading=None,
            failure=Invalid("It made no sense."),
            trace_id="trace",
            context=context,
        )
        await ingest.take_in(tx, [delivery])
    assert (await bob.post(f"/integrations/{integration.id}/payloads/replay")).json()["read"] == 1
    async with db.read() as reader:
        assert await reader.value("SELECT severity FROM alerts") == "low"


async def test_what_a_sender_proves_itself_with_is_never_answered(
    alice: Client, integration: Integration
) -> None:
    """It is set, changed by name of the kind alone, and taken away; each kind of check needs its own."""
    path = f"/integrations/{integration.id}"
    github = {"senderCheck": {"kind": "github"}}
    assert (await alice.patch(path, json={"config": github})).status_code == 400
    assert (await alice.patch(path, json={"senderSecret": "a long secret"})).status_code == 400
    answer = await alice.patch(path, json={"config": github, "senderSecret": "a long secret"})
    assert answer.json()["config"] == github
    assert "a long secret" not in answer.text
    kept = await alice.patch(path, json={"config": {**github, "defaultSeverity": "low"}})
    assert kept.status_code == 200
    other = await alice.patch(path, json={"config": {"senderCheck": {"kind": "bearer"}}})
    assert (other.status_code, other.json()["details"]["field"]) == (400, "senderSecret")
    assert (await alice.patch(path, json={"config": {}})).json()["config"] == {}


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"severities": {"x" * 41: "low"}}, "config.severities"),
        ({"severities": {" ": "low"}}, "config.severities"),
        ({"severities": {str(number): "low" for number in range(101)}}, "config.severities"),
        ({"autoClose": {"afterMinutes": 0.5}}, "config.autoClose.afterMinutes"),
        ({"autoClose": {"afterMinutes": 1e9}}, "config.autoClose.afterMinutes"),
    ],
)
async def test_settings_that_make_no_sense_are_refused_by_name(
    alice: Client, integration: Integration, config: Any, field: str
) -> None:
    """With the member that is wrong."""
    answer = await alice.patch(f"/integrations/{integration.id}", json={"config": config})
    assert (answer.status_code, answer.json()["details"]["field"]) == (400, field)


async def test_the_type_of_an_integration_can_be_changed(alice: Client, integration: Integration) -> None:
    """It is stored, so that its address is shown in that form from then on."""
    path = f"/integrations/{integration.id}"
    assert (await alice.patch(path, json={"type": "zabbix"})).status_code == 200
    assert (await alice.get(path)).json()["type"] == "zabbix"
