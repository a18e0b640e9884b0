"""`/integrations/{id}/payloads` over HTTP: what came in, what could not be read, and sending it again."""

import json
from typing import Any

import pytest

from openalert.domain.errors import Invalid
from openalert.domain.service import Integration
from openalert.sources import Inbound, read
from openalert.storage import Database
from openalert.usecases import ingest
from openalert.usecases.ingest import Delivery
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
