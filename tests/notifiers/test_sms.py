"""Text messages: what they say in few segments, and that nobody gets one twice without being told."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.notification import NotificationKind
from openalert.notifiers.gsm import segments
from openalert.notifiers.notifier import OPEN, Action, LostAnswer, NotifierError
from openalert.notifiers.sms import MOST_SEGMENTS, SmsNotifier, text_of
from tests.fakes.twilio import FakeTwilio
from tests.fakes.webhook import Fault
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW
from tests.notifiers.test_twilio import BEA, settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    """The other side."""
    async with FakeTwilio(clock=lambda: NOW) as fake:
        yield fake


@pytest.fixture
def sms(twilio: FakeTwilio) -> SmsNotifier:
    """The channel."""
    return SmsNotifier(settings(twilio), base_url=BASE_URL)


def test_a_page_as_a_text_message() -> None:
    """What is broken, what happens next, and how to answer with two numbers."""
    text = text_of(messages.page(reply_code=12))
    assert text == (
        "CRITICAL #42 Disk almost full on db-1 (Checkout database)\n"
        "Ana is paged at 03:09 unless someone acknowledges.\n"
        "Reply 1 12 = acknowledge, 2 12 = resolve, 0 = help"
    )
    assert segments(text) == 1


def test_without_a_number_there_is_a_link() -> None:
    """A message that asks for an answer can always be answered."""
    assert text_of(messages.page()).endswith(f"\nAcknowledge: {BASE_URL}/a/tok3n-ack")


def test_a_link_that_is_only_to_be_read_costs_nothing() -> None:
    """It stands below where it fits into the segments that are paid anyway, and is left out where it does not."""
    opens = Action(verb=OPEN, label="Open the schedule", url=f"{BASE_URL}/schedules/1")
    short = text_of(messages.proof(headline="You are on call now", body="Until nine.", actions=[opens]))
    assert short == f"You are on call now\nUntil nine.\nOpen the schedule: {BASE_URL}/schedules/1"
    long = text_of(messages.proof(headline="You are on call now", body="x" * 120, actions=[opens]))
    assert "Open the schedule" not in long
    assert (segments(short), segments(long)) == (1, 1)


def test_news_ask_for_nothing() -> None:
    """Who resolved it, and no code to answer by."""
    assert text_of(messages.resolved(reply_code=12)) == (
        "#42 Resolved by Bea Núñez: Disk almost full on db-1 (Checkout database)"
    )


def test_the_code_that_proves_a_number_stands_first() -> None:
    """The lock screen shows it without opening the message."""
    code = messages.proof(
        kind=NotificationKind.CODE, headline="Your code is 1234 5678", body="Enter it within ten minutes."
    )
    assert text_of(code) == "Your code is 1234 5678. Enter it within ten minutes."


@given(st.text(max_size=2_000), st.text(max_size=400), st.lists(st.text(max_size=200), max_size=8))
def test_the_way_to_answer_survives_every_title(title: str, note: str, bundle: list[str]) -> None:
    """In any alphabet: at most three segments, the number first, the way to answer last."""
    message = messages.page(
        incident=messages.incident(title=title, service_name=title),
        escalation_note=note,
        bundle=bundle,
        reply_code=123_456,
        possible_repeat=True,
    )
    text = text_of(message)
    assert segments(text) <= MOST_SEGMENTS
    assert text.startswith("(possible repeat) CRITICAL #42 ")
    assert text.endswith("Reply 1 123456 = acknowledge, 2 123456 = resolve, 0 = help")


async def test_what_twilio_is_given(twilio: FakeTwilio, sms: SmsNotifier) -> None:
    """To, from, the words, and where to report: that address names the message."""
    receipt = await sms.send(messages.page(to=BEA, reply_code=12), NOW)
    form = twilio.messages[0].form
    assert receipt.provider_id == twilio.messages[0].sid
    assert (
        form["StatusCallback"] == f"{BASE_URL}/callbacks/twilio/message/0199e000-0000-7000-8000-000000000001"
    )
    assert set(form) == {"To", "From", "Body", "StatusCallback"}
    # A watcher's server is silent: it is asked to take no report.
    await SmsNotifier(settings(twilio), base_url="").send(messages.page(to=BEA), NOW)
    assert set(twilio.messages[1].form) == {"To", "From", "Body"}


async def test_a_messaging_service_chooses_the_number(twilio: FakeTwilio) -> None:
    """With a service there is no From, which Twilio would refuse beside it."""
    sms = SmsNotifier(settings(twilio, messaging_service_sid="MG1"), base_url=BASE_URL)
    await sms.send(messages.page(to=BEA), NOW)
    assert twilio.messages[0].form["MessagingServiceSid"] == "MG1"
    assert "From" not in twilio.messages[0].form


@pytest.mark.proves("NO-2")
async def test_a_lost_answer_is_found_in_twilio_s_list(twilio: FakeTwilio, sms: SmsNotifier) -> None:
    """The message was taken, only the answer was lost: one message, and a receipt."""
    twilio.loses(Fault.LOST_ANSWER, "POST")
    receipt = await sms.send(messages.page(to=BEA), NOW)
    assert receipt.provider_id == twilio.messages[0].sid
    assert len(twilio.messages) == 1


async def test_a_second_attempt_asks_before_it_sends(twilio: FakeTwilio, sms: SmsNotifier) -> None:
    """Twilio was away for the question too; later it says that it has the message, and gets no second one."""
    twilio.loses(Fault.LOST_ANSWER)
    with pytest.raises(LostAnswer):
        await sms.send(messages.page(to=BEA), NOW)
    twilio.loses(Fault.NONE)
    receipt = await sms.send(messages.page(to=BEA, attempt=2, possible_repeat=True), NOW)
    assert receipt.provider_id == twilio.messages[0].sid
    assert "earlier attempt" in receipt.detail
    assert len(twilio.messages) == 1


async def test_an_error_of_twilio_s_own_is_looked_into(twilio: FakeTwilio, sms: SmsNotifier) -> None:
    """500 with the list away as well: nobody knows; and with a list that has the message: a receipt."""
    twilio.cans(500, b'{"code": 20500}')
    twilio.loses(Fault.RESET, "GET")
    with pytest.raises(LostAnswer):
        await sms.send(messages.page(to=BEA), NOW)
    twilio.canned = None
    twilio.loses(Fault.NONE)
    await sms.send(messages.page(to=BEA), NOW)
    twilio.cans(500)
    assert (await sms.send(messages.page(to=BEA), NOW)).provider_id == twilio.messages[0].sid


async def test_what_never_arrived_is_sent_marked(twilio: FakeTwilio, sms: SmsNotifier) -> None:
    """Twilio does not know the message: it goes out once more and says that it may be a repeat."""
    twilio.keeps_when_losing = False
    twilio.loses(Fault.LOST_ANSWER)
    with pytest.raises(LostAnswer):
        await sms.send(messages.page(to=BEA), NOW)
    twilio.loses(Fault.NONE)
    await sms.send(messages.page(to=BEA, attempt=2, possible_repeat=True), NOW)
    assert [sent.body.splitlines()[0] for sent in twilio.messages] == [
        "(possible repeat) CRITICAL #42 Disk almost full on db-1 (Checkout database)"
    ]


async def test_a_message_about_something_else_is_not_taken_for_it(
    twilio: FakeTwilio, sms: SmsNotifier
) -> None:
    """Another incident's page to the same number, and an old one of this incident, prove nothing."""
    await sms.send(messages.page(to=BEA, incident=messages.incident(number=41)), NOW)
    await sms.send(messages.page(to=BEA), NOW)
    twilio.messages[1].created = NOW - 3_600_000
    await sms.send(messages.page(to=BEA, attempt=2), NOW)
    assert len(twilio.messages) == 3


async def test_a_message_that_was_found_failed_is_no_receipt(twilio: FakeTwilio, sms: SmsNotifier) -> None:
    """The list says that the earlier attempt was not delivered: that is a failure, which may be tried again."""
    await sms.send(messages.page(to=BEA), NOW)
    twilio.messages[0].status = "failed"
    with pytest.raises(NotifierError, match="failed"):
        await sms.send(messages.page(to=BEA, attempt=2), NOW)
