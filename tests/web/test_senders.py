"""Integrations that know their senders: who is let in, where it goes, and by which settings it is read."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import load
from openalert.domain.access import Actor
from openalert.domain.mapping import Mapping
from openalert.domain.sender_check import CheckKind, SenderCheck
from openalert.domain.service import Integration, IntegrationConfig
from openalert.domain.severity import Severity
from openalert.storage import Database
from openalert.usecases import integrations
from openalert.usecases.keeping import REFUSED_KEPT
from openalert.usecases.replay import replay
from tests import make
from tests.make import Cast

pytestmark = pytest.mark.anyio
SECRET = "a secret of the sender"
BEARER = IntegrationConfig(sender_check=SenderCheck(kind=CheckKind.BEARER))
DISK = {"title": "Disk full", "severity": "high"}


class House:
    """The application, a sender, and an admin who changes the integration."""

    def __init__(
        self, db: Database, cast: Cast, integration: Integration, sender: httpx2.AsyncClient
    ) -> None:
        self.db = db
        self.cast = cast
        self.integration = integration
        self.sender = sender
        self.admin: Actor = make.actor(cast.alice, cast.team)

    async def set(self, config: IntegrationConfig, **more: Any) -> None:
        """Change how messages are read and checked."""
        async with self.db.transaction(self.admin) as tx:
            await integrations.update(tx, self.integration.id, config=config, **more)

    async def post(self, body: Any, path: str = "generic/A", **headers: str) -> httpx2.Response:
        """A message."""
        return await self.sender.post(f"/webhooks/{path}", json=body, headers=headers)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        async with self.db.read() as reader:
            return [tuple(row) for row in await reader.rows(sql)]


@pytest.fixture
async def house(sqlite_db: Database) -> AsyncIterator[House]:
    """The service "Database" takes messages by the key A."""
    cast = await make.cast(sqlite_db)
    policy = await make.policy(sqlite_db, cast.team, make.level(1, cast.alice, minutes=60))
    service = await make.service(sqlite_db, cast.team, policy)
    integration = await make.integration(sqlite_db, service, "A", kind="generic")
    made = OpenAlert(load(None, {}, {}), sqlite_db, b"secret of the tests")
    async with made.running():
        transport = httpx2.ASGITransport(app=made.asgi, client=("127.0.0.1", 5000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as sender:
            yield House(sqlite_db, cast, integration, sender)


class TestSettings:
    """What is set counts from the next message on."""

    async def test_a_message_is_never_read_by_settings_of_before(self, house: House) -> None:
        """The key was used already, so how it is read is remembered; the transaction notices that it changed."""
        body = {"name": "Nightly backup", "what": "Mapped", "level": "banana"}
        assert (await house.post(body)).status_code == 202
        await house.set(
            IntegrationConfig(
                mapping=Mapping(title="what", identity="what"), severities={"Banana": Severity.LOW}
            )
        )
        assert (await house.post(body)).status_code == 202
        await house.set(IntegrationConfig(mapping=Mapping(title="level", identity="level")))
        assert (await house.post(body)).status_code == 202
        found = await house.rows("SELECT title, severity, fingerprint FROM alerts ORDER BY id")
        assert found[0][:2] == ("Nightly backup", "medium")
        assert found[1:] == [("Mapped", "low", "Mapped"), ("banana", "medium", "banana")]

    async def test_a_message_is_kept_with_what_it_was_read_as(self, house: House) -> None:
        """Title, state, what it meant, and the alert and the incident it led to."""
        await house.post([DISK, {"title": "CPU", "status": "resolved"}])
        ((stored,),) = await house.rows("SELECT read_as FROM payloads")
        first, second = json.loads(stored)
        ((alert_id, incident_id),) = await house.rows(
            "SELECT id, incident_id FROM alerts WHERE title = 'Disk full'"
        )
        assert first == {
            "title": "Disk full",
            "status": "firing",
            "severity": "high",
            "became": "open",
            "alertId": alert_id,
            "incidentId": incident_id,
        }
        assert (second["title"], second["became"], "incidentId" in second) == ("CPU", "store_resolved", False)


class TestProof:
    """A sender that has to prove itself."""

    async def test_only_who_proves_it_is_let_in(self, house: House) -> None:
        """401 with a sentence for everybody else; nobody is paged, and the sender does not count as heard."""
        await house.set(BEARER, sender_secret=SECRET)
        for headers in ({}, {"authorization": "Bearer another secret"}):
            answer = await house.post(DISK, **headers)
            assert answer.status_code == 401
            assert answer.json()["code"] == "SENDER_NOT_PROVEN"
            assert SECRET not in answer.text
        assert await house.rows("SELECT id FROM alerts") == []
        assert await house.rows("SELECT last_received_at FROM integrations") == [(None,)]
        answer = await house.post(DISK, authorization=f"Bearer {SECRET}")
        assert (answer.status_code, answer.json()["alertsProcessed"]) == (202, 1)

    async def test_it_holds_for_every_dialect(self, house: House) -> None:
        """PagerDuty's address takes the same key, and asks for the same proof."""
        await house.set(BEARER, sender_secret=SECRET)
        event = {
            "routing_key": "A",
            "event_action": "trigger",
            "payload": {"summary": "Disk", "source": "web-1", "severity": "error"},
        }
        assert (await house.sender.post("/v2/enqueue", json=event)).status_code == 401
        right = {"authorization": f"Bearer {SECRET}"}
        assert (await house.sender.post("/v2/enqueue", json=event, headers=right)).status_code == 202

    async def test_what_was_refused_is_kept_counted_and_can_be_taken_after_all(self, house: House) -> None:
        """A secret that was set wrong must not lose alerts: a person sends through what a machine would not take."""
        await house.set(BEARER, sender_secret=SECRET)
        await house.post(DISK)
        await house.post(DISK)
        ((payload_id, outcome, seen, reason),) = await house.rows(
            "SELECT id, outcome, seen_count, reason FROM payloads"
        )
        assert (outcome, seen) == ("refused", 2)
        assert reason == "This address wants Authorization: Bearer, and the message had none."
        async with house.db.transaction(house.admin) as tx:
            await replay(tx, house.integration.id, payload_id, "trace")
        assert await house.rows("SELECT title FROM alerts") == [("Disk full",)]
        assert (await house.rows(f"SELECT settled_at FROM payloads WHERE id = '{payload_id}'"))[0][0]

    async def test_whoever_knows_only_the_address_cannot_fill_the_disk(self, house: House) -> None:
        """The newest are kept, and no more."""
        await house.set(BEARER, sender_secret=SECRET)
        for number in range(REFUSED_KEPT + 5):
            await house.post({"title": f"forged {number}"})
        assert await house.rows("SELECT count(*) FROM payloads") == [(REFUSED_KEPT,)]
        assert await house.rows("SELECT count(*) FROM payloads WHERE body LIKE '%forged 0%'") == [(0,)]

    async def test_its_secret_is_sealed(self, house: House) -> None:
        """Neither in the table, nor in the audit log, nor in events."""
        await house.set(BEARER, sender_secret=SECRET)
        ((sealed,),) = await house.rows("SELECT sealed FROM integrations")
        assert sealed.startswith("v1.")
        for table in ("integrations", "audit_log", "events"):
            assert SECRET not in str(await house.rows(f"SELECT * FROM {table}"))

    async def test_a_check_is_taken_away_with_its_secret(self, house: House) -> None:
        """And whoever knows the address is let in again."""
        await house.set(BEARER, sender_secret=SECRET)
        assert (await house.post(DISK)).status_code == 401
        await house.set(IntegrationConfig())
        assert (await house.post(DISK)).status_code == 202
        assert await house.rows("SELECT sealed FROM integrations") == [(None,)]

    async def test_a_secret_that_cannot_be_opened_makes_the_sender_come_again(self, house: House) -> None:
        """503, because it may succeed later; never a wrong refusal, never a message let in unproven."""
        await house.set(BEARER, sender_secret=SECRET)
        async with house.db.transaction() as tx:
            await tx.execute("UPDATE integrations SET sealed = 'v1.00000000.AAAA'")
        answer = await house.post(DISK, authorization=f"Bearer {SECRET}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


class TestService:
    """`?service=` in the address."""

    async def test_it_names_another_service_of_the_team_by_slug_or_id(self, house: House) -> None:
        """One address for a sender of many services: the incident begins there, with that service's policy."""
        policy = await make.policy(house.db, house.cast.team, make.level(1, house.cast.bob), name="Shop's")
        shop = await make.service(house.db, house.cast.team, policy, name="Web shop")
        await house.post({"title": "One"}, "generic/A?service=web-shop")
        await house.post({"title": "Two"}, f"generic/A?service={shop.id}")
        assert await house.rows("SELECT DISTINCT service_id, policy_id FROM incidents") == [
            (shop.id, policy.id)
        ]
        assert await house.rows("SELECT DISTINCT service_id FROM alerts") == [(shop.id,)]
        await house.post({"title": "One", "status": "resolved"}, "generic/A?service=web-shop")
        assert await house.rows("SELECT status FROM incidents WHERE title = 'One'") == [("resolved",)]

    @pytest.mark.parametrize("name", ["nothing", "secret-lab", "x" * 5000, "%00", "%ff"])
    async def test_a_service_that_the_team_does_not_have_loses_nothing(self, house: House, name: str) -> None:
        """It goes where the integration belongs, also for one of another team; the reason says so."""
        other = await make.team(house.db, house.cast.organization, "Others")
        await make.service(house.db, other, None, name="Secret lab")
        assert (await house.post(DISK, f"generic/A?service={name}")).status_code == 202
        assert await house.rows("SELECT service_id FROM alerts") == [(house.integration.service_id,)]
        ((reason,),) = await house.rows("SELECT reason FROM payloads")
        assert reason.startswith('The team has no service "') or name == "%00"
