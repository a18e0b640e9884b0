"""What small places say: a line, a locked screen, a voice."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.notification import NotificationKind
from openalert.notifiers.wording import brief, headline, pronounced, spelled, spoken
from tests.notifiers import messages
from tests.notifiers.test_contract import HOSTILE


def code() -> Any:
    """The message that proves a telephone number."""
    return messages.proof(
        kind=NotificationKind.CODE,
        headline="Your code is 1234 5678",
        body="Enter it in OpenAlert within ten minutes.",
    )


def test_headlines() -> None:
    """One line says how bad, which one, what and where; news say what happened, a test its subject."""
    assert headline(messages.page()) == "CRITICAL #42 Disk almost full on db-1 (Checkout database)"
    assert headline(messages.resolved()) == (
        "#42 Resolved by Bea Núñez: Disk almost full on db-1 (Checkout database)"
    )
    assert headline(messages.proof()) == "Test page from OpenAlert"
    assert headline(messages.proof(headline="")) == "A message from OpenAlert"
    assert headline(messages.page(), 40) == "CRITICAL #42 Disk almost full on db-1"
    assert headline(messages.page(), 30) == "CRITICAL #42 Disk almost full…"


def test_a_page_on_a_locked_screen() -> None:
    """The first line is what is broken; then what happens next, and what else is broken."""
    assert brief(messages.page(), 200) == (
        "CRITICAL #42 Disk almost full on db-1 (Checkout database)\n"
        "Ana is paged at 03:09 unless someone acknowledges."
    )
    bundled = messages.page(bundle=["Latency high", "Queue long", "API down", "Cache cold"])
    assert brief(bundled, 300).splitlines()[-1] == "+4 more: Latency high; Queue long; API down; …"


def test_a_possible_repeat_says_so_first() -> None:
    """Who reads a second copy knows it for one, however little room there is."""
    for limit in (60, 80, 300):
        text = brief(messages.page(possible_repeat=True), limit)
        assert text.startswith("(possible repeat) CRITICAL #42 Disk")
        assert len(text) <= limit


def test_a_long_title_is_cut_before_what_happens_next() -> None:
    """The number and what happens next survive a title of a thousand letters."""
    text = brief(messages.page(incident=messages.incident(title="long " * 200)), 160)
    assert len(text) <= 160
    assert text.startswith("CRITICAL #42 long long")
    assert text.endswith("Ana is paged at 03:09 unless someone acknowledges.")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_words(text: str) -> None:
    """Whatever a machine writes into a title: no control character, no lone surrogate, no limit is passed."""
    incident = messages.incident(title=text, service_name=text)
    message = messages.page(incident=incident, headline=text, escalation_note=text, bundle=[text] * 5)
    for said in (headline(message), brief(message, 300), spoken(message)):
        said.encode()
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e\u2028]", said)
    assert "\n" not in headline(message)
    assert len(brief(message, 300)) <= 300
    assert len(spoken(message)) < 2_000


@given(
    st.text(max_size=400),
    st.text(max_size=300),
    st.lists(st.text(max_size=80), max_size=6),
    st.integers(60, 400),
)
def test_a_brief_message_keeps_its_limit(title: str, note: str, bundle: list[str], limit: int) -> None:
    """No title, note or bundle makes it longer than was asked, or hides the number."""
    message = messages.page(
        incident=messages.incident(title=title), escalation_note=note, bundle=bundle, possible_repeat=True
    )
    text = brief(message, limit)
    assert len(text) <= limit
    assert "#42" in text


def test_a_page_as_a_voice_reads_it() -> None:
    """Sentences without symbols, and times as people say them."""
    assert spoken(messages.page()) == (
        "Critical incident number 42. Disk almost full on db 1. Service: Checkout database. 3 alerts so far. "
        "Ana is paged at 3 oh 9 unless someone acknowledges."
    )
    assert spoken(messages.resolved()) == (
        "Incident number 42: Resolved by Bea Núñez. Disk almost full on db 1. Service: Checkout database."
    )
    bundled = spoken(messages.page(possible_repeat=True, bundle=["API down"]))
    assert bundled.startswith("You may have heard this before. Critical")
    assert bundled.endswith("And 1 more incident: API down.")


def test_reading_signs_takes_no_time() -> None:
    """A title made to send a pattern round in circles is read at once; this test would not end."""
    for text in ("a" * 5_000 + "g", "1." * 5_000, "0a-" * 3_000, "http://" * 1_000, "1:" * 5_000):
        pronounced(text)


def test_a_code_is_read_digit_by_digit() -> None:
    """Somebody writes it down while it is spoken."""
    assert spoken(code()) == "Your code is 1, 2, 3, 4, 5, 6, 7, 8."
    assert spelled("12 a 3") == "1, 2, a 3"
    assert spelled("Code 1234 5678 now") == "Code 1, 2, 3, 4, 5, 6, 7, 8, now"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("KubePodCrashLooping", "Kube Pod Crash Looping"),
        ('disk_full{job="node"} > 97.5%', "disk full job equals node greater than 97.5 percent"),
        ("see https://wiki.example.com/x?y=1 now", "see a link now"),
        ("db-1.example.com is down", "db 1 dot example dot com is down"),
        ("10.0.12.1 lost", "10 dot 0 dot 12 dot 1 lost"),
        ("pod 7f3c9a1b-12de lost", "pod an identifier lost"),
        ("order 20261016 lost", "order 2 0 2 6 1 0 1 6 lost"),
        ("p99 250ms for 5 min at 14:00", "p99 250 milliseconds for 5 minutes at 14 o'clock"),
        ("Speicher größer als 漢字", "Speicher größer als 漢字"),
        ("Mon 19 Oct, 09:00 on Sun hardware", "Monday 19 October, 9 o'clock on Sun hardware"),
        ("</Say><Hangup/>", "less than Say greater than less than Hangup greater than"),
    ],
)
def test_what_a_voice_makes_of_signs(written: str, said: str) -> None:
    """Names of machines, signs and numbers come out as words."""
    assert pronounced(written) == said


def test_the_lines_of_a_list_do_not_run_into_one_another() -> None:
    """Two incidents of a digest are two on a locked screen and for the ear; sentences keep their own marks."""
    listed = messages.proof(
        kind=NotificationKind.DIGEST,
        headline="While it was quiet: 2 pages",
        body="#42 Disk full: resolved by Bea\n\n#43 Queue grows: open",
    )
    assert brief(listed, 200).endswith("#42 Disk full: resolved by Bea; #43 Queue grows: open")
    assert "resolved by Bea. number 43 Queue grows" in spoken(listed)
    said = messages.proof(headline="You are on call now", body="Until Monday.\n\nBefore you: Bea.")
    assert brief(said, 200).endswith("Until Monday. Before you: Bea.")


def test_what_follows_a_list_is_a_sentence_of_its_own() -> None:
    """A list that is set in ends with a full stop, so that what comes after it does not read as its last line."""
    told = messages.proof(headline="Your shifts", body="You too:\n  Sat 09:00\n  Sun 09:00\nChanged by Ana.")
    assert brief(told, 200).endswith("You too: Sat 09:00; Sun 09:00. Changed by Ana.")


def test_a_notice_says_how_bad_it_is_and_a_reminder_that_it_is_one() -> None:
    """The first line is all that a locked screen shows, and the first sentence all that half an ear hears."""
    notice = messages.page(kind=NotificationKind.NOTICE, headline="Nobody acknowledged", escalation_note="")
    assert headline(notice).startswith("CRITICAL #42 Nobody acknowledged: Disk almost full on db-1 (")
    assert spoken(notice).startswith("Critical incident number 42: Nobody acknowledged. Disk almost full")
    asked = messages.page(is_request=True, escalation_note="Ana asks you to help with #42.")
    assert headline(asked).startswith("CRITICAL #42, help wanted: Disk almost full")
    assert spoken(asked).startswith("You are asked for help. Critical incident number 42.")
    assert "Ana asks you to help with number 42." in spoken(asked)
    again = messages.page(is_reminder=True)
    assert headline(again).startswith("CRITICAL #42, reminder: Disk almost full")
    assert spoken(again).startswith("Reminder. Critical incident number 42.")
