"""Outgoing webhooks from end to end: real requests to a receiver that verifies, misbehaves, dies and comes back."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from openalert.domain.access import program_of
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, MINUTE, SECOND
from openalert.domain.notification import NotificationKind
from openalert.domain.outgoing_webhook import (
    JITTER,
    WAITS,
    DeliveryStatus,
    OutgoingDelivery,
    OutgoingWebhook,
)
from openalert.engine import escalate, housekeeping
from openalert.engine.outgoing_webhooks import AT_ONCE, OutgoingWebhooks
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.outgoing_webhook import OutgoingSender
from openalert.storage import outgoing_deliveries as stored
from openalert.storage import outgoing_webhooks as kept
from openalert.usecases import (
    alerts,
    incidents,
    outgoing_deliveries,
    outgoing_events,
    outgoing_webhooks,
    restore,
)
from openalert.usecases.outgoing_events import Shapes
from openalert.usecases.outgoing_webhooks import Wish
from openalert.web.api.alerts import alert_out
from openalert.web.api.incident_shapes import incident_out
from tests import make
from tests.cast import World, level
from tests.fakes.webhook import FakeWebhook, Fault, Received, whole_answer

pytestmark = pytest.mark.anyio
BASE = "https://oncall.example.org"
EVERYTHING = 1_000


class House:
    """A world whose outgoing webhooks are told by real requests."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.outgoing = self.started()

    def started(self) -> OutgoingWebhooks:
        """The senders of a process."""
        sender = OutgoingSender(OutgoingSettings(allow_private_networks=True), base_url=BASE)
        outgoing = OutgoingWebhooks(
            self.world.db,
            sender,
            Shapes(incident_out, alert_out, BASE),
            self.world.engine.node,
        )
        self.world.engine.outgoing = outgoing
        return outgoing

    async def webhook(self, url: str, **wish: Any) -> tuple[OutgoingWebhook, str]:
        """A webhook that Alice made, and its secret."""
        made: tuple[OutgoingWebhook, str] = await self.world.does(
            outgoing_webhooks.create, Wish(**({"name": "Tickets", "url": url} | wish))
        )
        return made

    async def again(self, webhook: OutgoingWebhook) -> OutgoingWebhook:
        """The webhook as it is now."""
        async with self.world.db.read() as reader:
            return await outgoing_webhooks.get(reader, self.world.as_(self.world.alice), webhook.id)

    async def told(self, webhook: OutgoingWebhook) -> list[OutgoingDelivery]:
        """What the webhook was or is to be told, the oldest first."""
        async with self.world.db.read() as reader:
            found = await stored.search(reader, webhook.id, limit=EVERYTHING)
        return sorted(found, key=lambda each: each.sequence)


@pytest.fixture
async def house(world: World) -> AsyncIterator[House]:
    """A service that pages Alice, and senders of outgoing webhooks."""
    house = House(world)
    await world.policy(level(1, world.alice))
    yield house
    await house.outgoing.stop(0)


@pytest.fixture
async def receiver() -> AsyncIterator[FakeWebhook]:
    """A program that is told."""
    async with FakeWebhook() as running:
        yield running


def types(requests: list[Received]) -> list[str]:
    """What the requests tell."""
    return [request.json["type"] for request in requests]


def verified(request: Received, secret: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The body, as the reference library of the specification has it; it raises where the signature is wrong."""
    monkeypatch.setattr("standardwebhooks.webhooks.Webhook._Webhook__verify_timestamp", _when)
    return Webhook(secret).verify(request.body, request.headers)


def _when(_: Any, header: str) -> Any:
    """The clock of the tests stands still: of when a request was signed only the form is looked at."""
    return datetime.fromtimestamp(float(header), tz=UTC)


@pytest.mark.proves("OW-1")
async def test_an_incident_is_told_from_its_beginning_to_its_end(
    house: House, receiver: FakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event comes once, signed, those of one incident in order, and in the shapes that the API has."""
    world = house.world
    webhook, secret = await house.webhook(receiver.url, events=["incident.*", "alert.*"])
    await world.fires("DiskFull")
    incident = await world.incident()
    await world.does(incidents.acknowledge, incident.id)
    await world.resolves("DiskFull")
    assert [each for each in types(receiver.requests) if each.startswith("incident.")] == [
        "incident.created",
        "incident.escalated",
        "incident.acknowledged",
        "incident.updated",
        "incident.resolved",
    ]
    assert [each for each in types(receiver.requests) if each.startswith("alert.")] == [
        "alert.created",
        "alert.resolved",
    ]
    bodies = [verified(request, secret, monkeypatch) for request in receiver.requests]
    for noun in ("incident", "alert"):
        told = [body["sequence"] for body in bodies if body["type"].startswith(f"{noun}.")]
        assert told == sorted(set(told))
    last = next(body for body in bodies if body["type"] == "incident.resolved")
    shown = msgspec.to_builtins(incident_out(await world.incident()))
    assert last["data"]["incident"] == shown | {"url": f"{BASE}/incidents/{incident.id}"}
    assert (last["data"]["service"]["name"], last["data"]["team"]["name"]) == ("Database", world.core.name)
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    deliveries = await house.told(webhook)
    assert sorted(ids) == sorted(each.id for each in deliveries)
    assert {each.status for each in deliveries} == {DeliveryStatus.DELIVERED}


@pytest.mark.proves("OW-1")
async def test_a_forged_body_is_noticed(
    house: House, receiver: FakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One byte of the body, or another webhook's secret, and the reference library refuses it."""
    _, secret = await house.webhook(receiver.url)
    await house.world.fires("DiskFull")
    request = receiver.requests[0]
    verified(request, secret, monkeypatch)
    forged = msgspec.structs.replace(request, body=request.body.replace(b"DiskFull", b"DiskFine"))
    _, other = await house.webhook(receiver.url, name="Other")
    for wrong, by in ((forged, secret), (request, other)):
        with pytest.raises(WebhookVerificationError):
            verified(wrong, by, monkeypatch)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"events": ["incident.created"]}, ["incident.created"]),
        ({"events": ["incident.acknowledged"]}, []),
        ({"events": ["alert.*"], "matchers": ['env=~"prod|staging"']}, ["alert.created"]),
        ({"events": ["alert.*"], "matchers": ['env="dev"']}, []),
        (
            {"events": ["incident.created"], "matchers": ['env!="dev"', '__title__="DiskFull"']},
            ["incident.created"],
        ),
        ({"events": ["incident.created"], "matchers": ['env="dev"']}, []),
        ({"events": ["incident.created"], "severities": ["critical", "high"]}, ["incident.created"]),
        ({"events": ["incident.created"], "severities": ["low"]}, []),
    ],
)
async def test_filters_narrow_what_is_told(
    house: House, receiver: FakeWebhook, wish: dict[str, Any], told: list[str]
) -> None:
    """Names, severities and matchers, of which an incident's alerts are asked."""
    await house.webhook(receiver.url, **wish)
    await house.world.fires("DiskFull", env="prod", severity="critical")
    assert types(receiver.requests) == told


async def test_teams_and_services_narrow_what_is_told(house: House, receiver: FakeWebhook) -> None:
    """Only what belongs to those that are named."""
    world = house.world
    other = await make.service(world.db, world.core, None, name="Another")
    await house.webhook(receiver.url, name="A", events=["incident.created"], service_ids=[other.id])
    await world.fires("DiskFull")
    assert receiver.requests == []
    await house.webhook(
        receiver.url,
        name="B",
        events=["incident.created"],
        service_ids=[world.service.id, other.id],
        team_ids=[world.core.id],
    )
    await world.fires("CertExpires")
    assert [request.json["data"]["incident"]["title"] for request in receiver.requests] == ["CertExpires"]


async def test_nothing_of_before_it_was_made_is_told_nor_of_other_organizations(
    house: House, receiver: FakeWebhook
) -> None:
    """A webhook begins with what happens after it was made, also when it is the first, and hears its own house."""
    world = house.world
    await world.fires("Before")
    stranger = await make.organization(world.db, "Elsewhere")
    async with world.db.transaction(program_of(stranger.id)) as tx:
        elsewhere, _ = await outgoing_webhooks.create(tx, Wish(name="Theirs", url=receiver.url))
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"])
    await world.fires("After")
    assert [request.json["data"]["incident"]["title"] for request in receiver.requests] == ["After"]
    assert await house.told(elsewhere) == []
    assert len(await house.told(webhook)) == 1


async def test_what_fails_comes_again_with_the_same_id_over_days(house: House, receiver: FakeWebhook) -> None:
    """The documented waits, jitter included; after the last attempt it has failed, and the log says why."""
    world = house.world
    receiver.answer(500, body=b"no disk left")
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"])
    await world.fires("DiskFull")
    begun = world.clock()
    await world.advance(minutes=3 * DAY / MINUTE)
    delivery = (await house.told(webhook))[0]
    assert (delivery.status, delivery.attempts, delivery.due_at) == (DeliveryStatus.FAILED, 10, None)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.body for request in receiver.requests}) == 1
    async with world.db.read() as reader:
        attempts = await stored.attempts_of(reader, [delivery.id])
    waits = [after.at - before.at for before, after in itertools.pairwise(attempts)]
    assert len(waits) == 9
    for wait, documented in zip(waits, WAITS, strict=False):
        assert abs(wait - documented) <= JITTER * documented + 2 * SECOND
    assert attempts[-1].at - begun >= (1 - JITTER) * sum(WAITS[:9])
    assert (attempts[0].status_code, attempts[0].outcome) == (500, "provider_failed")
    assert "no disk left" in attempts[0].detail


async def test_what_was_missed_is_sent_in_order_once_the_receiver_is_back(
    house: House, receiver: FakeWebhook
) -> None:
    """A receiver that is down for an hour gets everything of one incident in its order."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url, events=["incident.*"])
    await receiver.down()
    await world.fires("DiskFull")
    incident = await world.incident()
    await world.does(incidents.acknowledge, incident.id)
    await world.advance(minutes=1)
    await world.does(incidents.note, incident.id, body="A disk is on its way.")
    await world.resolves("DiskFull")
    await world.advance(minutes=30)
    await receiver.up()
    await world.advance(minutes=12 * 60)
    sequences = [request.json["sequence"] for request in receiver.requests]
    assert sequences == sorted(sequences)
    assert len(sequences) == len(await house.told(webhook)) >= 5
    assert (await house.again(webhook)).failing_since is None


async def test_one_event_that_is_refused_holds_up_its_incident_for_a_while_only(
    house: House, receiver: FakeWebhook
) -> None:
    """Later events of it go on after five refusals; others are not held up at all."""
    world = house.world
    refusing = Refusing()
    async with refusing:
        webhook, _ = await house.webhook(refusing.url, events=["incident.created", "incident.acknowledged"])
        await world.fires("Poison")
        poison = await world.incident()
        await world.does(incidents.acknowledge, poison.id)
        await world.fires("Other")
        assert refusing.taken == [("incident.created", "Other")]
        await world.advance(minutes=30)
        assert refusing.taken == [("incident.created", "Other")]
        await world.advance(minutes=30)
        assert refusing.taken == [("incident.created", "Other"), ("incident.acknowledged", "Poison")]
        assert (await house.told(webhook))[0].status is DeliveryStatus.PENDING


class Refusing(FakeWebhook):
    """A receiver that chokes on one event."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[str, str]] = []

    async def respond(self, request: Received) -> bytes:
        """500 for the beginning of `Poison`, 200 for everything else."""
        told = (request.json["type"], request.json["data"]["incident"]["title"])
        if told == ("incident.created", "Poison"):
            return whole_answer(500, None, b"")
        self.taken.append(told)
        return whole_answer(204, None, b"")


async def test_a_receiver_that_asks_for_time_gets_it(house: House, receiver: FakeWebhook) -> None:
    """Retry-After is honoured beyond our own wait, and holds for whatever else it would be told."""
    world = house.world
    receiver.answer(429, {"Retry-After": "1800"})
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"])
    await world.fires("DiskFull")
    await world.fires("Other")
    assert len(receiver.requests) == 1
    receiver.answer(200)
    await world.advance(minutes=29)
    assert len(receiver.requests) == 1
    await world.advance(minutes=2)
    assert {each.status for each in await house.told(webhook)} == {DeliveryStatus.DELIVERED}


async def test_410_switches_it_off_and_the_owners_are_told(house: House, receiver: FakeWebhook) -> None:
    """At once, by mail, with a link; what waited has failed and can be replayed after it is switched on again."""
    world = house.world
    receiver.answer(410)
    webhook, _ = await house.webhook(receiver.url, events=["incident.*"])
    await world.fires("DiskFull")
    off = await house.again(webhook)
    assert not off.is_enabled
    assert "410" in (off.disabled_reason or "")
    notice = world.mailbox(world.alice).got("Tickets was switched off", NotificationKind.NOTICE)
    assert notice.actions[0].url == f"{BASE}/settings/outgoing-webhooks/{webhook.id}"
    before = len(receiver.requests)
    await world.fires("Other")
    assert len(receiver.requests) == before
    assert {each.status for each in await house.told(webhook)} == {DeliveryStatus.FAILED}
    with pytest.raises(Conflict):
        await world.does(outgoing_deliveries.replay_failed, webhook.id, 0)
    receiver.answer(200)
    await world.does(outgoing_webhooks.update, webhook.id, Wish(is_enabled=True))
    count = await world.does(outgoing_deliveries.replay_failed, webhook.id, 0)
    told = await house.told(webhook)
    assert count == (len(told), 0)
    assert len(told) > 1
    assert {each.status for each in told} == {DeliveryStatus.DELIVERED}
    assert "Other" not in [request.json["data"]["incident"]["title"] for request in receiver.requests]


async def test_days_without_success_switch_it_off_with_one_notice(
    house: House, receiver: FakeWebhook
) -> None:
    """Not before five days; one success in between begins the count anew."""
    world = house.world
    await receiver.down()
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"], max_attempts=20)
    await world.fires("DiskFull")
    world.mailbox(world.alice).got("DiskFull")
    await world.advance(minutes=4.9 * DAY / MINUTE)
    assert (await house.again(webhook)).is_enabled
    await receiver.up()
    await world.advance(minutes=1.2 * DAY / MINUTE)
    assert (await house.again(webhook)).failing_since is None
    await receiver.down()
    await world.fires("Other")
    begun = world.clock()
    await world.advance(minutes=4.9 * DAY / MINUTE)
    assert (await house.again(webhook)).is_enabled
    await world.advance(minutes=2 * DAY / MINUTE)
    off = await house.again(webhook)
    assert not off.is_enabled
    assert (off.disabled_at or 0) - begun >= 5 * DAY
    assert "5 days" in (off.disabled_reason or "") or "6 days" in (off.disabled_reason or "")
    world.mailbox(world.alice).got("Tickets was switched off", NotificationKind.NOTICE)
    with pytest.raises(AssertionError):
        world.mailbox(world.alice).got("Tickets was switched off", NotificationKind.NOTICE)


async def test_one_delivery_is_replayed_with_its_id_and_body(house: House, receiver: FakeWebhook) -> None:
    """Also one that arrived; it is tried anew as often as a fresh one."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"])
    await world.fires("DiskFull")
    (delivery,) = await house.told(webhook)
    await world.does(outgoing_deliveries.replay, webhook.id, delivery.id)
    first, second = receiver.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    async with world.db.read() as reader:
        assert len(await stored.attempts_of(reader, [delivery.id])) == 2


async def test_replay_of_what_failed_takes_only_what_failed_since_then(
    house: House, receiver: FakeWebhook
) -> None:
    """Older failures, and what arrived, stay as they are."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"], max_attempts=1)
    await world.fires("Arrived")
    receiver.answer(500)
    await world.fires("Old")
    await world.advance(minutes=60)
    since = world.clock()
    await world.fires("New")
    receiver.answer(200)
    assert await world.does(outgoing_deliveries.replay_failed, webhook.id, since) == (1, 0)
    told = {
        request.json["data"]["incident"]["title"]: request.headers["webhook-id"]
        for request in receiver.requests
    }
    assert [each.status for each in await house.told(webhook)] == ["delivered", "failed", "delivered"]
    assert receiver.requests[-1].headers["webhook-id"] == told["New"]


@pytest.mark.proves("OW-1")
async def test_both_secrets_sign_for_a_day_after_a_rotation(
    house: House, receiver: FakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver may verify by either; after the day by the new one alone, and the old one is forgotten."""
    world = house.world
    webhook, old = await house.webhook(receiver.url, events=["incident.created"])
    _, new = await world.does(outgoing_webhooks.rotate_secret, webhook.id)
    assert new != old
    await world.fires("First")
    for secret in (new, old):
        verified(receiver.requests[-1], secret, monkeypatch)
    await world.advance(minutes=DAY / MINUTE + 1)
    await housekeeping.forget(world.db, 30)
    await world.fires("Second")
    verified(receiver.requests[-1], new, monkeypatch)
    assert receiver.requests[-1].headers["webhook-signature"].count("v1,") == 1
    async with world.db.read() as reader:
        assert (await kept.secrets(reader, webhook.id)).previous_secret is None


async def test_own_headers_go_along_and_secret_ones_are_seen_nowhere(
    house: House, receiver: FakeWebhook
) -> None:
    """Neither in the answer, the log, nor the database; not even when the receiver sends them back."""
    world = house.world
    receiver.answer(400, body=b"You sent Bearer s3cret-canary and whatever-canary")
    webhook, secret = await house.webhook(
        receiver.url,
        events=["incident.created"],
        headers={"Authorization": "Bearer s3cret-canary", "X-Zone": "whatever-canary", "X-Team": "core"},
        secret_headers=["X-Zone"],
    )
    await world.fires("DiskFull")
    sent = receiver.requests[0].headers
    assert (sent["authorization"], sent["x-zone"]) == ("Bearer s3cret-canary", "whatever-canary")
    shown = outgoing_webhooks.shown_headers(webhook)
    assert shown == {"X-Team": "core", "Authorization": "********", "X-Zone": "********"}
    async with world.db.read() as reader:
        for table in ("outgoing_webhooks", "outgoing_deliveries", "outgoing_attempts", "audit_log", "events"):
            text = str(await reader.rows(f"SELECT * FROM {table}"))
            assert "canary" not in text, table
            assert secret not in text, table


async def test_a_secret_header_does_not_follow_to_another_host(house: House, receiver: FakeWebhook) -> None:
    """Whoever moves the URL has to give the value anew; on the same host it is kept."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url, headers={"X-Api-Key": "s3cret-canary"})
    path = receiver.url.replace("s3cret-path", "other-path")
    await world.does(outgoing_webhooks.update, webhook.id, Wish(url=path))
    async with world.db.read() as reader:
        assert (await kept.secrets(reader, webhook.id)).headers == {"X-Api-Key": "s3cret-canary"}
    with pytest.raises(Invalid, match="anew"):
        await world.does(outgoing_webhooks.update, webhook.id, Wish(url="https://elsewhere.example/"))
    moved = Wish(url="https://elsewhere.example/", headers={"X-Api-Key": "********"})
    with pytest.raises(Invalid, match="anew"):
        await world.does(outgoing_webhooks.update, webhook.id, moved)
    await world.does(outgoing_webhooks.update, webhook.id, Wish(url="https://elsewhere.example/", headers={}))


async def test_a_redirect_is_not_followed(house: House, receiver: FakeWebhook) -> None:
    """The answer is a failure, and nothing goes where it points."""
    world = house.world
    async with FakeWebhook() as elsewhere:
        receiver.answer(307, {"Location": elsewhere.url})
        webhook, _ = await house.webhook(receiver.url, events=["incident.created"], max_attempts=1)
        await world.fires("DiskFull")
        assert elsewhere.requests == []
        (delivery,) = await house.told(webhook)
        assert (delivery.status, delivery.failure_reason) == (DeliveryStatus.FAILED, "bad_response")


async def test_private_networks_are_reached_only_where_that_is_allowed(
    house: House, receiver: FakeWebhook
) -> None:
    """The usual configuration does not reach loopback, and the log says who can change that."""
    world = house.world
    await house.outgoing.stop(0)
    sender = OutgoingSender(OutgoingSettings(), base_url=BASE)
    world.engine.outgoing = house.outgoing = OutgoingWebhooks(
        world.db, sender, Shapes(incident_out, alert_out, BASE), world.engine.node
    )
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"], max_attempts=1)
    await world.fires("DiskFull")
    assert receiver.requests == []
    (delivery,) = await house.told(webhook)
    async with world.db.read() as reader:
        (attempt,) = await stored.attempts_of(reader, [delivery.id])
    assert attempt.outcome == "blocked_address"
    assert "allowed_networks" in attempt.detail


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.RESET, Fault.HALF_RESPONSE, Fault.NOT_HTTP])
async def test_an_answer_that_is_lost_is_asked_for_again(
    house: House, receiver: FakeWebhook, fault: Fault
) -> None:
    """The receiver may have it: it comes again under the same id, by which it knows."""
    world = house.world
    receiver.fault = fault
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"])
    await world.fires("DiskFull")
    receiver.fault = Fault.NONE
    await world.advance(minutes=1)
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert [each.status for each in await house.told(webhook)] == [DeliveryStatus.DELIVERED]


async def test_a_receiver_that_hangs_costs_nobody_else(house: House, receiver: FakeWebhook) -> None:
    """While one never answers, another is told everything, and pages go out."""
    world = house.world
    async with FakeWebhook() as hanging:
        hanging.fault = Fault.HANG
        await house.webhook(hanging.url, name="Hangs", events=["incident.created"], timeout_seconds=30)
        webhook, _ = await house.webhook(receiver.url, events=["incident.created"])
        for number in range(8):
            await world.post_all([(world.group(world.alert(f"Disk{number}")), "A")])
        async with asyncio.timeout(30):
            while len(receiver.requests) < 8:
                house.outgoing.freed.clear()
                if not await house.outgoing.run_due():
                    await house.outgoing.freed.wait()
        await hanging.received(AT_ONCE)
        assert len(hanging.requests) == AT_ONCE
        assert len(await house.told(webhook)) == 8


async def test_pages_leave_before_webhooks_are_told(house: House, receiver: FakeWebhook) -> None:
    """While a page is due nothing is even written down for a webhook; once it has left, all of it is."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url)
    bodies = [(world.group(world.alert(f"Disk{number}")), "A") for number in range(20)]
    await world.post_all(bodies)
    await escalate.run_due(world.db)
    assert await house.outgoing.run_due() == 0
    assert await house.told(webhook) == []
    await world.engine.run_until_idle()
    assert len(world.mailbox(world.alice)._messages) > 0
    created = [request for request in receiver.requests if request.json["type"] == "incident.created"]
    assert len(created) == 20


async def test_a_page_that_cannot_leave_does_not_stop_webhooks_for_ever(
    house: House, receiver: FakeWebhook
) -> None:
    """After five seconds of waiting they are told all the same."""
    world = house.world
    await house.webhook(receiver.url, events=["incident.created"])
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    await escalate.run_due(world.db)
    assert await house.outgoing.run_due() == 0
    world.clock.advance(6 * SECOND)
    assert await house.outgoing.run_due() > 0
    await receiver.received()


async def test_an_event_is_told_once_although_the_program_dies_between(
    house: House, receiver: FakeWebhook
) -> None:
    """What was committed and not looked at is told by the next run, what was claimed goes again with its id."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"])
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    successor = house.started()
    await world.engine.run_until_idle()
    assert types(receiver.requests) == ["incident.created"]
    await world.post_all([(world.group(world.alert("Other")), "A")])
    async with world.db.transaction() as tx:
        gathered = await outgoing_events.gather(tx, Shapes(incident_out, alert_out, BASE))
        assert gathered is not None
        assert await outgoing_events.keep(tx, gathered)
        assert not await outgoing_events.keep(tx, gathered), "the same events were written down twice"
        (claimed,) = await outgoing_deliveries.claim(tx, {}, 4, "the run that died")
    await world.engine.run_until_idle()
    assert len(receiver.requests) == 1
    assert await successor.recover() == 1
    await world.engine.run_until_idle()
    assert receiver.requests[1].headers["webhook-id"] == claimed.delivery.id
    assert len(await house.told(webhook)) == 2
    await successor.stop(0)


async def test_events_wait_for_their_webhooks_when_old_ones_are_dropped(
    house: House, receiver: FakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was off for days tells what was committed before it went, as no event is dropped unseen."""
    world = house.world
    monkeypatch.setattr("openalert.storage.events.KEPT_AT_LEAST", 0)
    await house.webhook(receiver.url, events=["incident.created"])
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    world.clock.advance(5 * DAY)
    await housekeeping.forget(world.db, 30)
    await world.engine.run_until_idle()
    assert "incident.created" in types(receiver.requests)
    world.clock.advance(2 * DAY)
    await housekeeping.forget(world.db, 30)
    assert await world.value("SELECT count(*) FROM events WHERE at < :at", at=world.clock() - 2 * DAY) == 0


async def test_without_webhooks_nothing_is_written(house: House) -> None:
    """Neither rows nor the cursor: who has none pays nothing."""
    world = house.world
    before = await world.value("SELECT value FROM counters WHERE name = 'outgoing_event'")
    await world.fires("DiskFull")
    assert await house.outgoing.run_due() == 0
    assert not house.outgoing.is_used
    assert await world.value("SELECT value FROM counters WHERE name = 'outgoing_event'") == before
    assert await world.value("SELECT count(*) FROM outgoing_deliveries") == 0


async def test_the_log_is_pruned_with_the_payloads(house: House, receiver: FakeWebhook) -> None:
    """What is over goes after the configured days, with its attempts; what waits stays."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"])
    await world.fires("DiskFull")
    world.clock.advance(31 * DAY)
    receiver.answer(500)
    await world.fires("Other")
    await housekeeping.forget(world.db, 30)
    assert [each.status for each in await house.told(webhook)] == [DeliveryStatus.PENDING]
    assert await world.value("SELECT count(*) FROM outgoing_attempts") == 1


async def test_a_test_is_tried_once_and_says_how_it_went(house: House, receiver: FakeWebhook) -> None:
    """It is no event of ours, breaks no count of failures, and is refused while the webhook is off."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url)
    receiver.answer(500)
    await world.does(outgoing_deliveries.send_test, webhook.id)
    await world.advance(minutes=60)
    assert types(receiver.requests) == ["test"]
    assert receiver.requests[0].json["data"]["message"].startswith("Alice")
    assert (await house.again(webhook)).failing_since is None
    assert [each.status for each in await house.told(webhook)] == [DeliveryStatus.FAILED]
    await world.does(outgoing_webhooks.update, webhook.id, Wish(is_enabled=False))
    with pytest.raises(Conflict):
        await world.does(outgoing_deliveries.send_test, webhook.id)


async def test_what_is_far_too_long_is_told_short(
    house: House, receiver: FakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body beyond the limit goes without the alert's texts, and says so."""
    monkeypatch.setattr("openalert.usecases.outgoing_events.MOST_BODY", 3_000)
    world = house.world
    await house.webhook(receiver.url, events=["alert.created"])
    await world.fires("Short")
    words = {f"word{number}": "x" * 500 for number in range(10)}
    await world.posts(world.group(world.alert("Long", "firing", 0, **words)))
    short, long = [request.json for request in receiver.requests]
    assert (short["truncated"], long["truncated"]) == (False, True)
    assert short["data"]["alert"]["labels"]["alertname"] == "Short"
    assert (long["data"]["alert"]["labels"], long["data"]["alert"]["title"]) == ({}, "Long")


async def test_words_that_are_no_text_are_told_all_the_same(house: House, receiver: FakeWebhook) -> None:
    """Half a surrogate pair in a title stops nobody else's events."""
    world = house.world
    await house.webhook(receiver.url, events=["alert.created"])
    body = msgspec.json.encode(world.group(world.alert("Disk"))).replace(b'"Disk"', b'"Disk\\ud800"')
    await world.posts(body)
    await world.fires("Other")
    assert [request.json["data"]["alert"]["title"][:4] for request in receiver.requests] == ["Disk", "Othe"]


async def test_alerts_that_people_answer_are_told(house: House, receiver: FakeWebhook) -> None:
    """What is done to an alert by hand is an event as any other."""
    world = house.world
    await house.webhook(receiver.url, events=["alert.acknowledged", "alert.resolved"])
    await world.fires("DiskFull")
    alert_id = await world.value("SELECT id FROM alerts")
    await world.does(alerts.acknowledge, alert_id)
    await world.does(alerts.resolve, alert_id)
    assert types(receiver.requests) == ["alert.acknowledged", "alert.resolved"]
    assert receiver.requests[-1].json["data"]["alert"]["status"] == "resolved"


async def test_secrets_that_no_key_opens_switch_off_their_webhook_alone(
    house: House, receiver: FakeWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owners hear why, others go on being told, and a new secret mends it."""
    world = house.world
    broken, _ = await house.webhook(receiver.url, name="Broken", headers={"X-Token": "s3cret-canary"})
    await house.webhook(receiver.url, name="Well", events=["incident.created"])
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE outgoing_webhooks SET sealed = 'v1.00000000.AAAA' WHERE id = :id", id=broken.id
        )
    await world.fires("DiskFull")
    assert types(receiver.requests) == ["incident.created"]
    assert "key that sealed them is lost" in ((await house.again(broken)).disabled_reason or "")
    world.mailbox(world.alice).got("Broken was switched off", NotificationKind.NOTICE)
    with pytest.raises(Conflict, match="new secret first"):
        await world.does(outgoing_webhooks.update, broken.id, Wish(is_enabled=True))
    _, secret = await world.does(outgoing_webhooks.rotate_secret, broken.id)
    await world.does(outgoing_webhooks.update, broken.id, Wish(is_enabled=True))
    await world.fires("Other")
    sent = next(each for each in reversed(receiver.requests) if each.json["type"] == "alert.created")
    verified(sent, secret, monkeypatch)
    assert "x-token" not in sent.headers


async def test_a_backup_that_is_restored_tells_nothing_of_the_past(
    house: House, receiver: FakeWebhook
) -> None:
    """What waited in it, or was not looked at, has its time over; it can be replayed, and news go out."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url, events=["incident.created"])
    receiver.answer(500)
    await world.fires("Waited")
    await world.post_all([(world.group(world.alert("Unseen")), "A")])
    world.clock.advance(2 * DAY)
    receiver.answer(200)
    await restore.hold(world.db)
    await world.fires("News")
    assert [request.json["data"]["incident"]["title"] for request in receiver.requests] == ["Waited", "News"]
    waited, news = await house.told(webhook)
    assert (waited.status, waited.failure_reason) == (DeliveryStatus.FAILED, "restored")
    assert news.status is DeliveryStatus.DELIVERED


async def test_a_note_is_told_with_its_words(house: House, receiver: FakeWebhook) -> None:
    """Each with its own, by whoever wrote it; no other event has one."""
    world = house.world
    await house.webhook(receiver.url, events=["incident.created", "incident.note_added"])
    await world.fires("DiskFull")
    incident = await world.incident()
    for words in ("A disk is on its way.", "It is in."):
        world.clock.advance(SECOND)
        await world.does(incidents.note, incident.id, body=words)
    created, *noted = [request.json["data"] for request in receiver.requests]
    assert "note" not in created
    assert [each["note"] for each in noted] == [
        {"body": "A disk is on its way.", "author": "Alice"},
        {"body": "It is in.", "author": "Alice"},
    ]


async def test_a_long_log_is_pruned_whole(house: House, receiver: FakeWebhook) -> None:
    """However many are over, an hour's chore leaves none."""
    world = house.world
    webhook, _ = await house.webhook(receiver.url)
    rows = [
        OutgoingDelivery(
            id=new_id(world.clock()), webhook_id=webhook.id, type="alert.created", sequence=number,
            object_id="x", body="{}", status=DeliveryStatus.DELIVERED, due_at=None,
            created_at=world.clock(), updated_at=world.clock(),
        )
        for number in range(1, 2_102)
    ]  # fmt: skip
    async with world.db.transaction() as tx:
        await stored.insert(tx, rows)
    world.clock.advance(31 * DAY)
    await housekeeping.forget(world.db, 30)
    assert await world.value("SELECT count(*) FROM outgoing_deliveries") == 0


async def test_a_later_webhook_is_not_told_of_what_waits_for_an_earlier_one(
    house: House, receiver: FakeWebhook
) -> None:
    """What was committed before it was made, and not looked at yet, is told to whoever was there."""
    world = house.world
    first, _ = await house.webhook(receiver.url, name="First", events=["incident.created"])
    await world.post_all([(world.group(world.alert("DiskFull")), "A")])
    second, _ = await house.webhook(receiver.url, name="Second", events=["incident.created"])
    assert [each.type for each in await house.told(first)] == ["incident.created"]
    assert await house.told(second) == []
