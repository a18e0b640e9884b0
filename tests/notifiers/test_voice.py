"""Calls: what Twilio is told to do, and what the voice says."""

import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator

import msgspec
import pytest

from openalert.domain.incident import IncidentStatus
from openalert.domain.notification import NotificationKind
from openalert.notifiers import twiml
from openalert.notifiers.notifier import OPEN, Action
from openalert.notifiers.voice import ROUNDS, VoiceNotifier, goodbye, left_on_machine, opening
from tests.fakes.twilio import FakeTwilio
from tests.notifiers import messages
from tests.notifiers.messages import BASE_URL, NOW
from tests.notifiers.test_contract import HOSTILE
from tests.notifiers.test_twilio import BEA, settings

pytestmark = pytest.mark.anyio

CODE = messages.proof(kind=NotificationKind.CODE, headline="Your code is 1234 5678", body="Enter it.")


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    """The other side."""
    async with FakeTwilio(clock=lambda: NOW) as fake:
        yield fake


def said(document: str) -> str:
    """Everything that is spoken."""
    return " ".join(verb.text or "" for verb in ET.fromstring(document).iter("Say"))


async def test_what_twilio_is_told(twilio: FakeTwilio) -> None:
    """Call from our number, listen for machines, ask us what to say, and report the end."""
    voice = VoiceNotifier(settings(twilio, voice_number=""), base_url=BASE_URL)
    receipt = await voice.send(messages.page(to=BEA), NOW)
    form = twilio.calls[0].form
    assert receipt.provider_id == twilio.calls[0].sid
    assert form["Url"] == f"{BASE_URL}/callbacks/twilio/voice/0199e000-0000-7000-8000-000000000001/1"
    assert form["MachineDetection"] == "DetectMessageEnd"
    assert form["StatusCallback"].startswith(f"{BASE_URL}/callbacks/twilio/call/")


async def test_where_nobody_can_be_asked_everything_is_said_at_once(twilio: FakeTwilio) -> None:
    """A watcher calls while its server is silent: three times the same, no key, no address of ours, however long."""
    voice = VoiceNotifier(settings(twilio), base_url="")
    news = messages.proof(
        to=BEA, kind=NotificationKind.PAGE, headline="OpenAlert is silent", body="It is gone."
    )
    await voice.send(news, NOW)
    form = twilio.calls[0].form
    assert set(form) == {"To", "From", "Twiml", "Timeout"}
    assert said(form["Twiml"]) == (
        "This is OpenAlert. Open Alert is silent. It is gone. "
        "Again. Open Alert is silent. It is gone. Again. Open Alert is silent. It is gone. Goodbye."
    )
    assert "Gather" not in form["Twiml"]
    for odd in ("<&>" * 2_000, "long words " * 500, *HOSTILE):
        await voice.send(msgspec.structs.replace(news, headline=odd, body=odd), NOW)
        ET.fromstring(twilio.calls[-1].form["Twiml"])
    assert twilio.complaints == []


def test_a_page_as_it_is_heard() -> None:
    """Who calls, what is broken, what happens next, and the keys."""
    assert said(opening(messages.page(), BASE_URL, 1)) == (
        "This is OpenAlert, for Example Org. Critical incident number 42. Disk almost full on db 1. Service: Checkout "
        "database. 3 alerts so far. Ana is paged at 3 oh 9 unless someone acknowledges. To acknowledge, press 4. To "
        "resolve, press 6. To escalate, press 5. To snooze for an hour, press 7. To hand it to the next person, "
        "press 8. To hear this again, press 9."
    )
    assert not said(opening(messages.page(), BASE_URL, 2)).startswith("This is OpenAlert")


def test_whoever_presses_nothing_hears_it_three_times() -> None:
    """Then the call ends by itself."""
    assert "/2</Redirect>" in opening(messages.page(), BASE_URL, 1)
    last = opening(messages.page(), BASE_URL, ROUNDS + 1)
    assert said(last) == "No key was pressed. Goodbye."
    assert "<Hangup/>" in last


def test_an_incident_that_was_answered_meanwhile() -> None:
    """The telephone rang for half a minute; somebody else was faster."""
    page = messages.page(incident=messages.incident(status=IncidentStatus.ACKNOWLEDGED))
    assert "This is acknowledged by now. Critical incident" in said(opening(page, BASE_URL, 1))


def test_a_code_is_read_twice_and_to_no_machine() -> None:
    """Digit by digit; a mailbox never hears it."""
    heard = said(opening(CODE, BASE_URL, 1))
    assert heard.count("1, 2, 3, 4, 5, 6, 7, 8") == 2
    assert "Gather" not in opening(CODE, BASE_URL, 1)
    assert "1" not in said(left_on_machine(CODE))


def test_a_mailbox_hears_one_sentence() -> None:
    """What and how bad; no keys, and it ends."""
    left = left_on_machine(messages.page())
    assert "critical incident, number 42, of Checkout database" in said(left)
    assert "press" not in left
    assert left.endswith("<Hangup/></Response>")


def test_nobody_is_asked_for_a_key_where_a_page_is_only_to_be_read() -> None:
    """A call that reads a report has a link for others to open: no key of a telephone does that."""
    opens = Action(verb=OPEN, label="See all warnings", url=f"{BASE_URL}/warnings")
    report = messages.proof(headline="1 thing to mend", body="", actions=[opens])
    assert "press 4" not in opening(report, BASE_URL, 1)
    assert "To hear this again, press 9." in opening(report, BASE_URL, 1)
    assert "press 4" in opening(messages.proof(), BASE_URL, 1)


@pytest.mark.parametrize("text", [*HOSTILE, "</Say><Hangup/><Say>", "]]>", "&amp; &#60;", "\ufffe\uffff\x00"])
def test_hostile_texts_say_nothing_to_twilio(text: str) -> None:
    """No title becomes a tag, an attribute or a character that XML does not know."""
    incident = messages.incident(title=text, service_name=text)
    page = messages.page(incident=incident, organization=text, escalation_note=text, bundle=[text])
    for document in (
        opening(page, BASE_URL, 1),
        left_on_machine(page),
        goodbye(text),
        twiml.document(twiml.message(text)),
    ):
        root = ET.fromstring(document)
        tags = {verb.tag for verb in root.iter()}
        assert tags <= {"Response", "Gather", "Pause", "Say", "Redirect", "Hangup", "Message"}
        assert len(list(root.iter("Hangup"))) <= 1
