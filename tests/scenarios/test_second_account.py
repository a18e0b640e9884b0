"""Twilio took a page and reports later that it did not arrive: the second account sends it at once."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.config.sections import Twilio
from openalert.domain.instant import MINUTE
from openalert.domain.notification import Notification, NotificationStatus
from openalert.engine.engine import Engine
from openalert.notifiers.failover import Failover
from openalert.notifiers.sms import SmsNotifier
from openalert.notifiers.twilio import TwilioSettings
from openalert.notifiers.voice import VoiceNotifier
from openalert.storage import contact_methods, notifications
from openalert.usecases import incidents
from tests import make
from tests.cast import LINKS_BACK, World, level
from tests.fakes.twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio
from tests.fakes.webhook import Received

pytestmark = pytest.mark.anyio

BOBS = "+4915112345678"
LOST = 30008
"""It did not arrive, and nobody says why."""


class Accounts(msgspec.Struct):
    """One account in two regions: each has its own list of messages."""

    first: FakeTwilio
    second: FakeTwilio
    app: OpenAlert


@pytest.fixture
async def twilio(world: World, clock: Any) -> AsyncIterator[Accounts]:
    """Both between the engine of the world and our web server; Bob has a telephone and no mail."""
    section = Twilio(account_sid=ACCOUNT, auth_token=TOKEN, from_number=NUMBER)
    config = Config(server=Server(base_url=LINKS_BACK.base_url), twilio=section, twilio_backup=section)
    app = OpenAlert(config, world.db, LINKS_BACK.secret)
    transport = httpx2.ASGITransport(app=app.asgi)
    async with (
        httpx2.AsyncClient(transport=transport, base_url=LINKS_BACK.base_url) as web,
        FakeTwilio(web=web, clock=clock) as first,
        FakeTwilio(web=web, clock=clock) as second,
    ):
        second._given = 1000
        settings = [
            TwilioSettings(account_sid=ACCOUNT, auth_token=TOKEN, from_number=NUMBER, base_url=fake.base_url)
            for fake in (first, second)
        ]
        channels = {
            "email": world.email,
            "webhook": world.webhook,
            "sms": Failover([SmsNotifier(each, base_url=LINKS_BACK.base_url) for each in settings]),
            "voice": Failover([VoiceNotifier(each, base_url=LINKS_BACK.base_url) for each in settings]),
        }
        world.engine = Engine(world.db, channels, LINKS_BACK)
        await world.engine.begin()
        async with world.db.transaction() as tx:
            await tx.execute("DELETE FROM contact_methods WHERE user_id = :u", u=world.bob.id)
        await make.contact_method(world.db, world.bob, "sms", BOBS)
        await make.contact_method(world.db, world.bob, "voice", BOBS)
        await world.policy(level(1, world.bob), level(2, world.charlie, minutes=60))
        yield Accounts(first, second, app)


async def the(world: World, channel: str) -> Notification:
    """The newest page of a channel."""
    row = await world.value(
        "SELECT id FROM notifications WHERE channel = :c AND kind = 'page' ORDER BY id DESC LIMIT 1",
        c=channel,
    )
    async with world.db.read() as reader:
        found = await notifications.get(reader, row)
    assert found is not None
    return found


async def fails_since(world: World) -> int | None:
    """Since when Bob's number for texts is shown as failing."""
    async with world.db.read() as reader:
        methods = await contact_methods.of_user(reader, world.bob.id)
    return next(each.failing_since for each in methods if each.type == "sms")


async def test_what_did_not_arrive_is_sent_by_the_second_account(world: World, twilio: Accounts) -> None:
    """At once, once, and nothing else begins; the number is not to blame, and the try says what became of it."""
    await world.fires("DiskFull", severity="critical")
    for _ in range(3):
        await twilio.first.reports(twilio.first.messages[0], "undelivered", LOST)
    await world.engine.run_until_idle()
    assert [len(each.messages) for each in (twilio.first, twilio.second)] == [1, 1]
    assert twilio.second.messages[0].body == twilio.first.messages[0].body
    assert twilio.first.calls == twilio.second.calls == []
    row = await the(world, "sms")
    assert (row.status, row.provider, row.attempts) == (NotificationStatus.SENT, 1, 2)
    assert row.provider_id == twilio.second.messages[0].sid
    assert await fails_since(world) is None
    async with world.db.read() as reader:
        tries = await notifications.attempts_of(reader, [row.id])
    assert [(each.provider, each.outcome) for each in tries] == [(0, "retry"), (1, "sent")]
    await twilio.first.reports(twilio.first.messages[0], "undelivered", LOST)
    assert (await the(world, "sms")).status is NotificationStatus.SENT
    await twilio.second.reports(twilio.second.messages[0], "delivered")
    assert (await the(world, "sms")).status is NotificationStatus.DELIVERED


async def test_also_a_minute_later_it_is_the_second_account_alone(world: World, twilio: Accounts) -> None:
    """The report comes late: the page was accepted in time, and the next way waits for the second account."""
    await world.fires("DiskFull", severity="critical")
    await world.advance(minutes=1)
    await twilio.first.reports(twilio.first.messages[0], "undelivered", LOST)
    await world.engine.run_until_idle()
    assert len(twilio.second.messages) == 1
    assert twilio.first.calls == twilio.second.calls == []


async def test_a_second_failure_begins_the_next_way(world: World, twilio: Accounts) -> None:
    """Neither account brings the text: the call comes at once, and the number is shown as failing."""
    await world.fires("DiskFull", severity="critical")
    await twilio.first.reports(twilio.first.messages[0], "undelivered", LOST)
    await world.engine.run_until_idle()
    await twilio.second.reports(twilio.second.messages[0], "undelivered", LOST)
    await world.engine.run_until_idle()
    assert (await the(world, "sms")).status is NotificationStatus.FAILED
    assert len(twilio.first.calls) == 1
    assert await fails_since(world) == world.clock()
    assert [len(each.messages) for each in (twilio.first, twilio.second)] == [1, 1]


async def test_a_failure_that_is_reported_before_the_account_answers_counts(
    world: World, twilio: Accounts
) -> None:
    """Each account reports quicker than it answers: the second tries at once, then the call begins at once."""
    twilio.first.early = twilio.second.early = ("undelivered", LOST)
    await world.fires("DiskFull", severity="critical")
    await world.engine.run_until_idle()
    row = await the(world, "sms")
    assert (row.status, row.provider) == (NotificationStatus.FAILED, 1)
    assert row.provider_id == twilio.second.messages[0].sid
    assert [len(each.messages) for each in (twilio.first, twilio.second)] == [1, 1]
    assert len(twilio.first.calls) == 1
    assert await fails_since(world) == world.clock()
    assert await world.value("SELECT count(*) FROM provider_events WHERE told IS NOT NULL") == 0


async def test_what_the_first_account_repeats_while_the_second_sends_is_its_own(
    world: World, twilio: Accounts
) -> None:
    """Its report comes again in just that moment: the page that the second account took stands."""
    await world.fires("DiskFull", severity="critical")
    text = twilio.first.messages[0]
    await twilio.first.reports(text, "undelivered", LOST)
    respond = twilio.second.respond

    async def meanwhile(request: Received) -> bytes:
        await twilio.first.reports(text, "undelivered", LOST)
        return await respond(request)

    twilio.second.respond = meanwhile  # type: ignore[method-assign]
    await world.engine.run_until_idle()
    row = await the(world, "sms")
    assert (row.status, row.provider_id) == (NotificationStatus.SENT, twilio.second.messages[0].sid)
    assert twilio.first.calls == []


@pytest.mark.parametrize("is_sent", [False, True], ids=["before", "after"])
async def test_a_late_delivered_of_the_first_is_the_last_word(
    world: World, twilio: Accounts, is_sent: bool
) -> None:
    """It has arrived after all, before or after the second sent it: nothing more is sent, and nobody called."""
    await world.fires("DiskFull", severity="critical")
    await twilio.first.reports(twilio.first.messages[0], "undelivered", LOST)
    if is_sent:
        await world.engine.run_until_idle()
    await twilio.first.reports(twilio.first.messages[0], "delivered")
    await world.engine.run_until_idle()
    if is_sent:
        await twilio.second.reports(twilio.second.messages[0], "undelivered", LOST)
        await world.engine.run_until_idle()
    assert (await the(world, "sms")).status is NotificationStatus.DELIVERED
    assert (len(twilio.first.messages), len(twilio.second.messages)) == (1, int(is_sent))
    assert twilio.first.calls == []


@pytest.mark.parametrize("code", [30003, 30005, 30006, 21610])
async def test_what_is_the_number_s_own_fault_is_not_tried_elsewhere(
    world: World, twilio: Accounts, code: int
) -> None:
    """Off, unknown, a landline, STOP: the call begins at once."""
    await world.fires("DiskFull", severity="critical")
    await twilio.first.reports(twilio.first.messages[0], "undelivered", code)
    await world.engine.run_until_idle()
    assert (await the(world, "sms")).status is NotificationStatus.FAILED
    assert (len(twilio.second.messages), len(twilio.first.calls)) == (0, 1)


@pytest.mark.parametrize(("status", "calls"), [("busy", 0), ("no-answer", 0), ("failed", 1), ("canceled", 1)])
async def test_only_a_call_that_was_not_made_is_made_by_the_second(
    world: World, twilio: Accounts, status: str, calls: int
) -> None:
    """Who is busy or does not pick up would not do so for another number."""
    await world.fires("DiskFull", severity="critical")
    await world.advance(minutes=2)
    await twilio.first.reports_call(twilio.first.calls[0], status)
    await world.engine.run_until_idle()
    assert (len(twilio.first.calls), len(twilio.second.calls)) == (1, calls)


async def test_what_nobody_wants_any_more_is_not_sent_again(world: World, twilio: Accounts) -> None:
    """Acknowledged meanwhile, or its five minutes are over: it has failed, as without a second account."""
    await world.fires("DiskFull", severity="critical")
    text = twilio.first.messages[0]
    await world.does(incidents.acknowledge, (await world.incident()).id)
    await twilio.first.reports(text, "undelivered", LOST)
    await world.engine.run_until_idle()
    assert (await the(world, "sms")).status is NotificationStatus.FAILED
    await world.fires("CpuHot", severity="critical")
    world.clock.advance(5 * MINUTE)
    await twilio.first.reports(twilio.first.messages[-1], "undelivered", LOST)
    assert (await the(world, "sms")).status is NotificationStatus.FAILED
    assert twilio.second.messages == []


async def test_a_second_account_that_is_away_is_not_waited_for(world: World, twilio: Accounts) -> None:
    """It is left alone after failures: the person's next way begins instead."""
    line = twilio.app.engine.deliver.lines.line("sms", 1)
    for _ in range(5):
        line.breaker.failed(world.clock())
    await world.fires("DiskFull", severity="critical")
    await twilio.first.reports(twilio.first.messages[0], "undelivered", LOST)
    await world.engine.run_until_idle()
    assert (len(twilio.second.messages), len(twilio.first.calls)) == (0, 1)


async def test_it_never_goes_back_to_the_first_account(world: World, twilio: Accounts) -> None:
    """The second refuses it for the moment: it is tried there again, and soon the next way begins."""
    await world.fires("DiskFull", severity="critical")
    twilio.second.cans(503)
    await twilio.first.reports(twilio.first.messages[0], "undelivered", LOST)
    await world.advance(minutes=1)
    assert (len(twilio.first.messages), len(twilio.first.calls)) == (1, 1)
    assert (await the(world, "sms")).provider == 1


async def test_it_waits_for_the_pace_of_the_second_account(world: World, twilio: Accounts) -> None:
    """The second has no room for some seconds: the first is not given it again meanwhile."""
    await world.fires("DiskFull", severity="critical")
    world.engine.deliver.lines.line("sms", 1).bucket.pause(world.clock(), 5)
    await twilio.first.reports(twilio.first.messages[0], "undelivered", LOST)
    await world.engine.run_until_idle()
    assert (len(twilio.first.messages), len(twilio.second.messages)) == (1, 0)
    await world.advance(seconds=10)
    assert (len(twilio.first.messages), len(twilio.second.messages)) == (1, 1)


async def storm(world: World, twilio: Accounts) -> None:
    """Six critical incidents of one service, of which the last three are told by one message."""
    for number in range(1, 7):
        alert = world.alert(f"A{number}", severity="critical")
        await world.post_all([(world.group(alert), "A")], "prometheus")
    await world.advance(seconds=10)
    assert len(twilio.first.messages) == 4


async def of_the_bundle(world: World) -> list[tuple[str, int]]:
    """Status and provider of each text in the bundle, in order."""
    async with world.db.read() as reader:
        rows = await reader.rows(
            "SELECT status, provider FROM notifications WHERE channel = 'sms' AND bundle_id IS NOT NULL ORDER BY id"
        )
    return [tuple(row) for row in rows]


async def test_a_bundle_goes_on_as_one(world: World, twilio: Accounts) -> None:
    """All that it told is told by the second account, in one message; its end is that of all of it."""
    await storm(world, twilio)
    await twilio.first.reports(twilio.first.messages[-1], "undelivered", LOST)
    assert await of_the_bundle(world) == [("pending", 1)] * 3
    await world.engine.run_until_idle()
    assert [each.body for each in twilio.second.messages] == [twilio.first.messages[-1].body]
    assert await of_the_bundle(world) == [("sent", 1)] * 3
    await twilio.second.reports(twilio.second.messages[0], "delivered")
    assert await of_the_bundle(world) == [("delivered", 1)] * 3


async def test_a_late_delivered_is_of_all_that_waits_for_the_second(world: World, twilio: Accounts) -> None:
    """Nothing of the bundle is sent again once it is known to have arrived."""
    await storm(world, twilio)
    await twilio.first.reports(twilio.first.messages[-1], "undelivered", LOST)
    await twilio.first.reports(twilio.first.messages[-1], "delivered")
    await world.engine.run_until_idle()
    assert twilio.second.messages == []
    assert await of_the_bundle(world) == [("delivered", 1)] * 3


async def test_what_is_acknowledged_leaves_the_bundle(world: World, twilio: Accounts) -> None:
    """Its first incident is somebody's: the others go on, and a repeated report of the first does not end them."""
    await storm(world, twilio)
    text = twilio.first.messages[-1]
    await world.does(incidents.acknowledge, (await world.incident(4)).id)
    await twilio.first.reports(text, "undelivered", LOST)
    await world.engine.run_until_idle()
    assert await of_the_bundle(world) == [("failed", 0), ("sent", 1), ("sent", 1)]
    await twilio.first.reports(text, "failed", LOST)
    assert await of_the_bundle(world) == [("failed", 0), ("sent", 1), ("sent", 1)]
    assert len(twilio.second.messages) == 1
