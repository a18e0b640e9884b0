"""Text messages and calls from end to end: through Twilio's API to the person, and by keys and words back."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from openalert.app import OpenAlert
from openalert.config import Config, Server
from openalert.config.sections import Twilio
from openalert.domain.incident import IncidentStatus
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.notification import NotificationStatus
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.engine import housekeeping
from openalert.engine.engine import Engine
from openalert.notifiers.sms import SmsNotifier
from openalert.notifiers.twilio import TwilioSettings, signature
from openalert.notifiers.voice import VoiceNotifier
from openalert.storage import contact_methods, notifications
from openalert.usecases import contact_methods as methods
from openalert.usecases import incidents, test_pages
from tests import make
from tests.cast import LINKS_BACK, World, level
from tests.fakes.twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio, Record
from tests.fakes.webhook import Fault

pytestmark = pytest.mark.anyio

BOBS = "+4915112345678"
ALICES = "+4915187654321"


@pytest.fixture
async def twilio(world: World, clock: Any) -> AsyncIterator[FakeTwilio]:
    """Twilio between the engine of the world and our web server; Bob has a telephone."""
    section = Twilio(account_sid=ACCOUNT, auth_token=TOKEN, from_number=NUMBER)
    app = OpenAlert(
        Config(server=Server(base_url=LINKS_BACK.base_url), twilio=section), world.db, LINKS_BACK.secret
    )
    transport = httpx2.ASGITransport(app=app.asgi)
    async with (
        httpx2.AsyncClient(transport=transport, base_url=LINKS_BACK.base_url) as web,
        FakeTwilio(web=web, clock=clock) as fake,
    ):
        settings = TwilioSettings(
            account_sid=ACCOUNT, auth_token=TOKEN, from_number=NUMBER, base_url=fake.base_url
        )
        channels = {
            "email": world.email,
            "webhook": world.webhook,
            "sms": SmsNotifier(settings, base_url=LINKS_BACK.base_url),
            "voice": VoiceNotifier(settings, base_url=LINKS_BACK.base_url),
        }
        world.engine = Engine(world.db, channels, LINKS_BACK)
        await world.engine.begin()
        await make.contact_method(world.db, world.bob, "sms", BOBS)
        await make.contact_method(world.db, world.bob, "voice", BOBS)
        yield fake


async def page(world: World, name: str = "DiskFull") -> None:
    """A critical incident that pages Bob, and Charlie an hour later."""
    if world.service is None:
        await world.policy(level(1, world.bob), level(2, world.charlie, minutes=60))
    await world.fires(name, severity="critical")


async def the(world: World, channel: str) -> Any:
    """The newest notification of a channel."""
    row = await world.value(
        "SELECT id FROM notifications WHERE channel = :c ORDER BY id DESC LIMIT 1", c=channel
    )
    async with world.db.read() as reader:
        return await notifications.get(reader, row)


async def method(world: World, who: User, kind: str) -> Any:
    """The person's contact method of this kind."""
    async with world.db.read() as reader:
        return next(each for each in await contact_methods.of_user(reader, who.id) if each.type == kind)


async def rang(world: World, twilio: FakeTwilio) -> Record:
    """The call that comes two minutes after the page."""
    await world.advance(minutes=2)
    assert len(twilio.calls) == 1
    return twilio.calls[0]


async def test_a_text_at_once_a_call_later_and_a_key_acknowledges(world: World, twilio: FakeTwilio) -> None:
    """Without any rules: SMS at once for what is critical, a call after two minutes, and 4 ends the escalation."""
    await world.policy(level(1, world.bob, world.alice), level(2, world.charlie, minutes=60))
    await world.fires("DiskFull", severity="critical")
    assert [sent.to for sent in twilio.messages] == [BOBS]
    assert twilio.messages[0].body.startswith("CRITICAL #1 DiskFull (Database)")
    assert "Reply 1 10 = acknowledge" in twilio.messages[0].body
    assert twilio.calls == []
    heard = await twilio.plays(await rang(world, twilio), keys="4")
    assert "Critical incident number 1. Disk Full. Service: Database." in heard
    assert heard.endswith("number 1 is yours. Nobody else is paged. Goodbye.")
    await world.engine.run_until_idle()
    incident = await world.incident()
    assert (incident.status, incident.acknowledged_by_id) == (IncidentStatus.ACKNOWLEDGED, world.bob.id)
    assert (await the(world, "voice")).status is NotificationStatus.DELIVERED
    world.mailbox(world.alice).got("DiskFull")
    world.mailbox(world.alice).got_update("Acknowledged by Bob")
    await world.advance(minutes=120)
    world.is_quiet_for(world.charlie)


async def test_what_is_not_critical_neither_texts_nor_rings(world: World, twilio: FakeTwilio) -> None:
    """A warning goes by mail alone."""
    await world.policy(level(1, world.bob))
    await world.fires("DiskFull", severity="warning")
    await world.advance(minutes=10)
    assert twilio.messages == twilio.calls == []


@pytest.mark.parametrize(
    ("keys", "status", "said"),
    [
        ("4", "acknowledged", "number 1 is yours"),
        ("6", "resolved", "number 1 is resolved"),
        ("5", "triggered", "goes to the next level now"),
        ("8", "triggered", "You are out of number 1"),
        ("94", "acknowledged", "number 1 is yours"),
        ("04", "acknowledged", "That key does nothing."),
        ("1", "acknowledged", "number 1 is yours"),
    ],
)
async def test_keys(world: World, twilio: FakeTwilio, keys: str, status: str, said: str) -> None:
    """Each key does what the voice says, as Bob; 9 reads it again, and a wrong key too."""
    await page(world)
    heard = await twilio.plays(await rang(world, twilio), keys=keys)
    assert said in heard
    await world.engine.run_until_idle()
    assert (await world.incident()).status == status
    if keys in ("5", "8"):
        world.mailbox(world.charlie).got("DiskFull")
    if keys == "94":
        assert heard.count("Critical incident number 1.") == 2


async def test_who_presses_nothing_has_not_answered(world: World, twilio: FakeTwilio) -> None:
    """The page is read three times and counts as delivered; the escalation goes on."""
    await page(world)
    heard = await twilio.plays(await rang(world, twilio))
    assert heard.count("Critical incident number 1.") == 3
    assert heard.endswith("No key was pressed. Goodbye.")
    assert (await world.incident()).status is IncidentStatus.TRIGGERED
    assert (await the(world, "voice")).status is NotificationStatus.DELIVERED
    await world.advance(minutes=60)
    world.mailbox(world.charlie).got("DiskFull")


async def test_a_mailbox_is_nobody(world: World, twilio: FakeTwilio) -> None:
    """A machine hears one sentence and is asked for no key; the page has failed, and the method is not broken."""
    await page(world)
    heard = await twilio.plays(await rang(world, twilio), answered_by="machine_end_beep")
    assert "press" not in heard
    row = await the(world, "voice")
    assert (row.status, row.failure_reason) == ("failed", "An answering machine took the call.")
    assert (await method(world, world.bob, "voice")).failing_since is None


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("busy", "The line was busy."),
        ("no-answer", "Nobody answered the telephone."),
        ("canceled", "The call was cancelled before anybody answered."),
        ("failed", "The call could not be made."),
        ("completed", "The call ended before anything was said."),
    ],
)
async def test_calls_that_reach_nobody(world: World, twilio: FakeTwilio, status: str, why: str) -> None:
    """They have failed, with the reason in the incident's story."""
    await page(world)
    call = await rang(world, twilio)
    await twilio.reports_call(call, "initiated")
    assert (await the(world, "voice")).status is NotificationStatus.SENT
    await twilio.reports_call(call, status)
    row = await the(world, "voice")
    assert (row.status, row.failure_reason) == ("failed", why)
    assert any(why in line for line in await world.story())
    assert ((await method(world, world.bob, "voice")).failing_since is not None) == (status == "failed")


async def test_when_every_way_fails_the_next_level_goes_at_once(world: World, twilio: FakeTwilio) -> None:
    """Bob has nothing but a telephone that is off: Charlie is paged now and not in an hour."""
    async with world.db.transaction() as tx:
        await tx.execute("DELETE FROM contact_methods WHERE user_id = :u AND type <> 'sms'", u=world.bob.id)
    await page(world)
    await twilio.reports(twilio.messages[0], "sent")
    world.is_quiet_for(world.charlie)
    await twilio.reports(twilio.messages[0], "undelivered", 30003)
    await world.engine.run_until_idle()
    world.mailbox(world.charlie).got("DiskFull")
    assert (await the(world, "sms")).failure_reason == "The telephone is off or out of reach (30003)."
    assert (await method(world, world.bob, "sms")).failing_since == world.clock()


@pytest.mark.proves("NO-9", "F-45")
async def test_reports_prove_a_number_and_never_go_back(world: World, twilio: FakeTwilio) -> None:
    """Delivered clears what had failed; what comes late, twice or out of order changes nothing."""
    await page(world)
    async with world.db.transaction() as tx:
        await contact_methods.fail(tx, (await method(world, world.bob, "sms")).id, "off")
    world.clock.advance(5 * MINUTE)
    text = twilio.messages[0]
    for status in ("delivered", "sent", "queued", "undelivered", "delivered", "failed", "strange"):
        assert (await twilio.reports(text, status)).status_code == 200
        assert (await the(world, "sms")).status is NotificationStatus.DELIVERED
    proven = await method(world, world.bob, "sms")
    assert (proven.last_proven_at, proven.failing_since) == (world.clock(), None)
    assert len([line for line in await world.story() if "delivered" in line]) == 1


@pytest.mark.proves("NO-9", "F-45")
@pytest.mark.parametrize(
    "order", list(itertools.permutations(("delivered", "undelivered", "queued"))), ids="-".join
)
async def test_a_storm_of_reports_leaves_one_end(
    world: World, twilio: FakeTwilio, order: tuple[str, ...]
) -> None:
    """In every order, and ten times each: it has arrived, the story says so once, and nobody is paged by a repeat."""
    await page(world)
    text = twilio.messages[0]
    for status in order:
        for _ in range(10):
            assert (
                await twilio.reports(text, status, 30003 if status == "undelivered" else None)
            ).status_code == 200
    row = await the(world, "sms")
    assert (row.status, row.failure_reason, row.provider_id) == (NotificationStatus.DELIVERED, None, text.sid)
    assert row.delivered_at == world.clock()
    assert (await method(world, world.bob, "sms")).failing_since is None
    story = await world.story()
    assert len([line for line in story if "delivered" in line]) == 1, story
    was_down = order.index("undelivered") < order.index("delivered")
    assert len([line for line in story if "(30003)" in line]) == was_down, story
    await world.advance(minutes=1)
    assert len(twilio.messages) == 1


@pytest.mark.proves("NO-2")
async def test_a_report_settles_what_twilio_never_answered(world: World, twilio: FakeTwilio) -> None:
    """Every answer of Twilio is lost, but it calls: that it asks what to say proves it, and nobody is called twice."""
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=60))
    await world.fires("DiskFull", severity="critical")
    twilio.loses(Fault.LOST_ANSWER)
    await world.advance(minutes=2)
    assert (await the(world, "voice")).status is NotificationStatus.UNKNOWN
    await twilio.plays(twilio.calls[0], keys="4")
    await world.advance(minutes=10)
    assert (await the(world, "voice")).status is NotificationStatus.DELIVERED
    assert len(twilio.calls) == 1


async def test_that_twilio_works_on_it_is_enough(world: World, twilio: FakeTwilio) -> None:
    """The answer is lost, the report `queued` comes: sent, and not sent once more."""
    twilio.loses(Fault.LOST_ANSWER)
    await page(world)
    assert (await the(world, "sms")).status is NotificationStatus.UNKNOWN
    await twilio.reports(twilio.messages[0], "queued")
    await world.advance(minutes=1)
    assert (await the(world, "sms")).status is NotificationStatus.SENT
    assert len(twilio.messages) == 1


@pytest.mark.proves("NO-9", "F-45")
async def test_the_end_of_an_earlier_attempt_is_not_that_of_a_later_one(
    world: World, twilio: FakeTwilio
) -> None:
    """Two messages left; the first fails late: the second is still on its way."""
    twilio.keeps_when_losing = False
    twilio.loses(Fault.LOST_ANSWER)
    await page(world)
    first = Record("SM" + "f" * 32, {"To": BOBS, "Body": "x", "StatusCallback": await callback(world)}, 0)
    twilio.loses(Fault.NONE)
    await world.advance(minutes=1)
    assert len(twilio.messages) == 1
    await twilio.reports(first, "failed", 30008)
    assert (await the(world, "sms")).status is NotificationStatus.SENT
    await twilio.reports(first, "delivered")
    assert (await the(world, "sms")).status is NotificationStatus.DELIVERED


async def callback(world: World) -> str:
    """Where the newest text message is reported to."""
    return f"{LINKS_BACK.base_url}/callbacks/twilio/message/{(await the(world, 'sms')).id}"


async def test_an_answer_by_text(world: World, twilio: FakeTwilio) -> None:
    """`1 10` acknowledges, as Bob; whoever comes late is told who was first."""
    await page(world)
    assert await twilio.writes(BOBS, "1 10") == ["#1 is yours. Nobody else is paged."]
    assert (await world.incident()).acknowledged_by_id == world.bob.id
    (late,) = await twilio.writes(BOBS, "ack 10")
    assert "was acknowledged by you at 09:00" in late
    (helped,) = await twilio.writes(BOBS, "what is this")
    assert "1 acknowledges" in helped


@pytest.mark.proves("NO-9", "F-45")
async def test_a_text_that_comes_twice_acts_once(world: World, twilio: FakeTwilio) -> None:
    """Twilio repeats what it got no answer to: the same answer, and no second escalation."""
    await page(world)
    answers = [await twilio.writes(BOBS, "3 10", sid="SM" + "a" * 32) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len([line for line in await world.story() if "escalated" in line.lower()]) == 1


@pytest.mark.proves("NO-9", "F-45")
@pytest.mark.parametrize("days", [0, 1, 2, 6])
async def test_a_recorded_text_never_acts_again(world: World, twilio: FakeTwilio, days: int) -> None:
    """Twilio signs no time: days later the same text neither takes the incident again nor proves the number."""
    await page(world)
    sids = {"1 10": "SM" + "b" * 32, "START": "SM" + "c" * 32}
    for text, sid in sids.items():
        await twilio.writes(BOBS, text, sid=sid)
    assert (await world.incident()).acknowledged_by_id == world.bob.id
    await world.does(incidents.reopen, (await world.incident()).id)
    world.clock.advance(days * DAY)
    await housekeeping.forget(world.db, 30)
    proven = (await method(world, world.bob, "sms")).last_proven_at
    for text, sid in sids.items():
        await twilio.writes(BOBS, text, sid=sid)
    assert (await world.incident()).status is IncidentStatus.TRIGGERED
    assert (await method(world, world.bob, "sms")).last_proven_at == proven
    await twilio.writes(BOBS, "1 10", sid="SM" + "d" * 32)
    assert (await world.incident()).acknowledged_by_id == world.bob.id


async def test_a_key_that_comes_twice_acts_once(world: World, twilio: FakeTwilio) -> None:
    """The same key of the same call, played again: nothing more happens, now or tomorrow."""
    await page(world)
    call = await rang(world, twilio)
    url = call.form["Url"] + "/key"
    fields = {"CallSid": call.sid, "CallStatus": "in-progress", "To": call.to, "Digits": "5"}
    first, second = (await twilio.post(url, fields)).text, (await twilio.post(url, fields)).text
    assert first == second
    assert "next level" in first
    world.clock.advance(HOUR)
    assert "This call is over." in (await twilio.post(url, {**fields, "Digits": "6"})).text
    assert (await world.incident()).status is IncidentStatus.TRIGGERED


async def test_an_unknown_number_learns_nothing(world: World, twilio: FakeTwilio) -> None:
    """A polite sentence, twice a day at most, and nothing about who is here or what is broken."""
    await page(world)
    (answer,) = await twilio.writes("+15550009999", "1 10")
    assert answer.startswith("This number is not known here.")
    assert "DiskFull" not in answer
    assert [len(await twilio.writes("+15550009999", "1 10")) for _ in range(3)] == [1, 0, 0]
    assert (await world.incident()).status is IncidentStatus.TRIGGERED
    assert len(await twilio.writes(BOBS, "9")) == 1


async def test_answers_to_strangers_are_few_a_day(world: World, twilio: FakeTwilio) -> None:
    """Each is paid: two a day to one number, however it spaces them, and twenty to all of them together."""
    told = []
    for _ in range(4):
        told.append(len(await twilio.writes("+15550009999", "hello")))
        world.clock.advance(HOUR)
    assert told == [1, 1, 0, 0]
    others = [len(await twilio.writes(f"+155500{number:05d}", "hello")) for number in range(25)]
    assert 18 <= sum(others) <= 22
    assert others[-3:] == [0, 0, 0]


async def test_a_restart_answers_no_stranger_again(world: World, twilio: FakeTwilio) -> None:
    """What was answered is counted in the database, not in the process."""
    for _ in range(2):
        await twilio.writes("+15550009999", "hello")
    config = Config(
        server=Server(base_url=LINKS_BACK.base_url),
        twilio=Twilio(account_sid=ACCOUNT, auth_token=TOKEN, from_number=NUMBER),
    )
    transport = httpx2.ASGITransport(app=OpenAlert(config, world.db, LINKS_BACK.secret).asgi)
    async with httpx2.AsyncClient(transport=transport, base_url=LINKS_BACK.base_url) as twilio.web:
        assert await twilio.writes("+15550009999", "hello") == []
        assert len(await twilio.writes(BOBS, "9")) == 1


async def test_a_telephone_that_answers_by_itself_is_left_alone(world: World, twilio: FakeTwilio) -> None:
    """After thirty answers in an hour there are no more words; what Bob asks for is still done."""
    await page(world)
    told = [len(await twilio.writes(BOBS, f"I am driving {number}")) for number in range(33)]
    assert told == [1] * 30 + [0] * 3
    assert await twilio.writes(BOBS, "1 10") == []
    assert (await world.incident()).acknowledged_by_id == world.bob.id


async def test_an_unverified_number_is_unknown(world: World, twilio: FakeTwilio) -> None:
    """Whoever types somebody else's number into their profile does not become them."""
    await make.contact_method(world.db, world.alice, "sms", "+15550001234", verified=False)
    (answer,) = await twilio.writes("+15550001234", "list")
    assert "not known here" in answer


async def test_stop_start_and_help_are_twilio_s_words(world: World, twilio: FakeTwilio) -> None:
    """Twilio answers them; we note that nothing arrives there any more, and that it does again."""
    assert await twilio.writes(BOBS, "Help") == []
    assert await twilio.writes(BOBS, "STOP") == []
    stopped = await method(world, world.bob, "sms")
    assert (stopped.failing_since, "STOP" in stopped.last_failure) == (world.clock(), True)
    assert await twilio.writes(BOBS, "Start") == []
    assert (await method(world, world.bob, "sms")).failing_since is None


async def test_a_shared_telephone_answers_for_whom_it_was_paged_last(
    world: World, twilio: FakeTwilio
) -> None:
    """Two people with one number: the one whom the newest message was for."""
    await make.contact_method(world.db, world.alice, "sms", BOBS)
    await page(world)
    await twilio.writes(BOBS, "1 10")
    assert (await world.incident()).acknowledged_by_id == world.bob.id


@pytest.mark.parametrize("kind", ["sms", "voice"])
async def test_a_number_is_proven_by_a_code(world: World, twilio: FakeTwilio, kind: str) -> None:
    """The code comes by text, or is read twice; entered, it verifies the number."""
    added = await world.does(methods.create, world.alice.id, kind=kind, address="+49 (151) 8765-4321")
    assert added.address == ALICES
    if kind == "sms":
        heard = twilio.messages[0].body
        code = heard.removeprefix("Your code is ")[:9]
    else:
        heard = await twilio.plays(twilio.calls[0])
        code = "".join(letter for letter in heard.partition("Again")[0] if letter.isdigit())
        assert heard.count(" ".join(f"{digit}," for digit in code[:7])) == 2
    assert len(code.replace(" ", "")) == 8
    assert await world.does(methods.verify, world.alice.id, added.id, code)


async def test_a_mailbox_does_not_hear_the_code(world: World, twilio: FakeTwilio) -> None:
    """Whoever listens to somebody's mailbox does not get to be them."""
    await world.does(methods.create, world.alice.id, kind="voice", address=ALICES)
    heard = await twilio.plays(twilio.calls[0], answered_by="machine_end_beep")
    assert not any(letter.isdigit() for letter in heard)


@pytest.mark.parametrize("kind", ["sms", "voice"])
async def test_a_test_message(world: World, twilio: FakeTwilio, kind: str) -> None:
    """It arrives and says that nothing is wrong; a call of a test offers no keys but to hear it again."""
    way = await method(world, world.bob, kind)
    await world.does(methods.send_test, world.bob.id, way.id, by=world.bob)
    heard = twilio.messages[0].body if kind == "sms" else await twilio.plays(twilio.calls[0], keys="9")
    assert "Nothing is wrong" in heard
    assert "acknowledge" not in heard


async def test_a_test_page_is_answered_by_a_key(world: World, twilio: FakeTwilio) -> None:
    """A call that tries the real way asks for one key, and the key proves the number."""
    await world.does(test_pages.to_user, world.bob.id, Severity.CRITICAL, by=world.bob)
    heard = await twilio.plays(await rang(world, twilio), keys="4")
    assert "If you hear this, press 4." in heard
    assert "I got it" not in heard, "a telephone has no such button"
    assert heard.endswith("Thank you. This way works. Goodbye.")
    assert (await method(world, world.bob, "voice")).last_proven_at == world.clock()


async def test_a_bundle_is_one_message_with_one_end(world: World, twilio: FakeTwilio) -> None:
    """A storm comes as one call that names what else there is; what becomes of it becomes of every page in it."""
    await world.policy(level(1, world.bob), level(2, world.charlie, minutes=60))
    for name in ("A1", "A2", "A3", "A4", "A5"):
        await world.post_all([(world.group(world.alert(name, severity="critical")), "A")], "prometheus")
    await world.advance(seconds=150)
    assert len(twilio.calls) == 4
    last = twilio.calls[-1]
    heard = await twilio.plays(last, keys="4")
    assert "And 1 more incident: number 5 A5." in heard
    assert "The same for number 5." in heard
    bundle = (
        "FROM notifications WHERE bundle_id IN (SELECT bundle_id FROM notifications WHERE provider_id = :sid)"
    )
    assert await world.value(f"SELECT count(*) {bundle} AND status = 'delivered'", sid=last.sid) == 2


async def test_news_come_by_text_and_never_by_a_call(world: World, twilio: FakeTwilio) -> None:
    """Nobody is woken to hear that somebody else has it."""
    await page(world)
    await twilio.plays(await rang(world, twilio))
    await world.does(incidents.resolve, (await world.incident()).id)
    assert twilio.messages[-1].body == "#1 Resolved by Alice: DiskFull (Database)"
    await world.advance(minutes=10)
    assert len(twilio.calls) == 1


@pytest.mark.proves("NO-9")
async def test_somebody_who_is_switched_off_cannot_answer(world: World, twilio: FakeTwilio) -> None:
    """Between the call and the key the account was closed: a sentence, and nothing happens."""
    await page(world)
    call = await rang(world, twilio)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE users SET is_active = :no WHERE id = :id", no=False, id=world.bob.id)
    assert "switched off" in await twilio.plays(call, keys="6")
    assert "not known here" in (await twilio.writes(BOBS, "2 10"))[0]
    assert (await world.incident()).status is IncidentStatus.TRIGGERED


PATHS = ("sms", "message/{sms}", "call/{voice}", "voice/{voice}/1", "voice/{voice}/1/key")


@pytest.mark.proves("NO-9", "F-45")
@pytest.mark.parametrize("path", PATHS)
async def test_forgeries_are_refused(world: World, twilio: FakeTwilio, path: str) -> None:
    """Unsigned, wrongly signed, signed for another address, other fields or another account: 403, and nothing moves."""
    await page(world)
    await rang(world, twilio)
    rows = {kind: (await the(world, kind)).id for kind in ("sms", "voice")}
    url = f"{LINKS_BACK.base_url}/callbacks/twilio/{path.format(**rows)}"
    form = {
        "MessageSid": twilio.messages[0].sid, "MessageStatus": "failed", "From": BOBS, "Body": "1 10", "To": NUMBER,
        "CallSid": twilio.calls[0].sid, "CallStatus": "busy", "Digits": "4", "AccountSid": ACCOUNT,
    }  # fmt: skip
    fields = list(form.items())
    forged = {
        "none": "",
        "garbage": "not base64 é",
        "another token": signature("other", url, fields),
        "no token": signature("", url, fields),
        "another address": signature(TOKEN, url + "/", fields),
        "other fields": signature(TOKEN, url, [*fields, ("Extra", "1")]),
        "where the proxy came from": signature(
            TOKEN, url.replace("https://oncall.example.org", "http://127.0.0.1:8080"), fields
        ),
    }
    assert twilio.web is not None
    for what, made in forged.items():
        answer = await twilio.web.post(url, data=form, headers={"X-Twilio-Signature": made.encode()})
        assert (answer.status_code, "BAD_SIGNATURE" in answer.text) == (403, True), what
        assert "DiskFull" not in answer.text
    answer = await twilio.web.post(url, data=form)
    assert answer.status_code == 403
    foreign = await twilio.post(url, {**form, "AccountSid": "AC" + "9" * 32})
    assert foreign.status_code == 403
    assert (await world.incident()).status is IncidentStatus.TRIGGERED
    assert {(await the(world, kind)).status for kind in rows} == {NotificationStatus.SENT}


async def test_without_an_account_every_callback_is_refused(world: World) -> None:
    """Not configured means closed: also what is signed with an empty token."""
    app = OpenAlert(Config(server=Server(base_url=LINKS_BACK.base_url)), world.db, LINKS_BACK.secret)
    url = f"{LINKS_BACK.base_url}/callbacks/twilio/sms"
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app.asgi), base_url=LINKS_BACK.base_url
    ) as web:
        signed = signature("", url, [("Body", "1"), ("AccountSid", "")])
        answer = await web.post(
            url, data={"Body": "1", "AccountSid": ""}, headers={"X-Twilio-Signature": signed}
        )
    assert answer.status_code == 403


async def test_each_account_is_known_by_its_own_token(world: World) -> None:
    """What the second account posts is signed with its token; the token of the other one opens nothing."""
    other = "AC" + "1" * 32
    config = Config(
        server=Server(base_url=LINKS_BACK.base_url),
        twilio=Twilio(account_sid=ACCOUNT, auth_token=TOKEN, from_number=NUMBER),
        twilio_backup=Twilio(account_sid=other, auth_token="second", from_number=NUMBER),
    )
    app = OpenAlert(config, world.db, LINKS_BACK.secret)
    url = f"{LINKS_BACK.base_url}/callbacks/twilio/message/none"
    answers = {}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app.asgi), base_url=LINKS_BACK.base_url
    ) as web:
        for sid in (ACCOUNT, other):
            for token in (TOKEN, "second", ""):
                form = {"MessageSid": "SM1", "MessageStatus": "sent", "AccountSid": sid}
                signed = signature(token, url, list(form.items()))
                answer = await web.post(url, data=form, headers={"X-Twilio-Signature": signed})
                answers[sid, token] = answer.status_code
    assert {key for key, status in answers.items() if status == 200} == {(ACCOUNT, TOKEN), (other, "second")}
    assert set(answers.values()) == {200, 403}


async def test_bodies_are_bounded_and_read_strictly(world: World, twilio: FakeTwilio) -> None:
    """Too much, too many fields, or what is not UTF-8: refused before anything is looked up."""
    assert twilio.web is not None
    for body, status in ((b"a" * 70_000, 413), (b"&a=1" * 300, 400), (b"Body=\xff", 400)):
        answer = await twilio.web.post(
            "/callbacks/twilio/sms",
            content=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert answer.status_code == status


async def test_callbacks_about_nothing_are_harmless(world: World, twilio: FakeTwilio) -> None:
    """A message that is gone, one of another channel, an odd round: an answer, and no error."""
    await page(world)
    text = (await the(world, "sms")).id
    for path, fields in (
        ("message/nothing", {"MessageSid": "SM1", "MessageStatus": "delivered"}),
        (f"call/{text}", {"CallSid": "CA1", "CallStatus": "busy"}),
        (f"voice/{text}/1", {"CallSid": "CA1", "AnsweredBy": "human"}),
        ("voice/nothing/7/key", {"CallSid": "CA1", "Digits": "4"}),
    ):
        answer = await twilio.post(f"{LINKS_BACK.base_url}/callbacks/twilio/{path}", fields)
        assert answer.status_code == 200
    assert (await the(world, "sms")).status is NotificationStatus.SENT
    world.clock.advance(DAY)
