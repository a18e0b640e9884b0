"""Answers of a few characters: what is understood, and what is not taken for an answer."""

import pytest

from openalert.domain.action import Verb
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.reply import (
    FIRST_CODE,
    HELP_KEY,
    HELP_WORDS,
    KEYS,
    LIST_WORDS,
    REPEAT_KEY,
    WORDS,
    TextAnswer,
    Wish,
    parse,
)

ACK, RESOLVE = Verb.ACKNOWLEDGE, Verb.RESOLVE


@pytest.mark.parametrize(
    ("text", "wants", "code"),
    [
        ("1 12", ACK, 12),
        ("1", ACK, None),
        ("4 12", ACK, 12),
        ("12 1", ACK, 12),
        ("ACK12", ACK, 12),
        ("  ack,   #12 !! ", ACK, 12),
        ("Ack", ACK, None),
        ("1.", ACK, None),
        ("1-12", ACK, 12),
        ("(1) (12)", ACK, 12),
        ("hi, ack 12 please, thanks", ACK, 12),
        ("ack 12 on my way", ACK, 12),
        ("2 12", RESOLVE, 12),
        ("6 12", RESOLVE, 12),
        ("resolve 12 replaced the disk 2 of 3", RESOLVE, 12),
        ("Done", RESOLVE, None),
        ("3 12", Verb.ESCALATE, 12),
        ("5 12", Verb.ESCALATE, 12),
        ("esc 100234", Verb.ESCALATE, 100234),
        ("pass 12", Verb.HAND_ON, 12),
        ("8 12", Verb.HAND_ON, 12),
        ("hand on 12", Verb.HAND_ON, 12),
        ("Hand it over", Verb.HAND_ON, None),
        ("7 12", Verb.SNOOZE, 12),
        ("?", Wish.HELP, None),
        ("Help!", Wish.HELP, None),
        ("0", Wish.HELP, None),
        ("9", Wish.LIST, None),
        ("list", Wish.LIST, None),
        ("12", None, 12),
        ("0012", None, 12),
        ("\uff11 \uff11\uff12", ACK, 12),
        ("\u0661 \u0661\u0662", ACK, 12),
        ("\u200e1\u00a012\u200f", ACK, 12),
        ("\n\n\r\nack\r\n", ACK, None),
    ],
)
def test_an_answer_is_understood_however_it_is_typed(
    text: str, wants: Verb | Wish | None, code: int | None
) -> None:
    """Any case, order, punctuation, filler and script of the digits."""
    assert parse(text) == TextAnswer(wants, code)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("snooze 12 30m", 30 * MINUTE),
        ("snooze 30 min 12", 30 * MINUTE),
        ("snooze 12 for 2 hours", 2 * HOUR),
        ("s 12 1h30m", HOUR + 30 * MINUTE),
        ("7 12 1d", DAY),
        ("snooze 12 90", 90 * MINUTE),
        ("snooze 12", None),
    ],
)
def test_a_snooze_says_how_long(text: str, length: int | None) -> None:
    """Minutes, hours, days; a bare number after the code is minutes; nothing is for the caller to choose."""
    assert parse(text) == TextAnswer(Verb.SNOOZE, 12, length)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "hello",
        "ok",
        "thanks!",
        "who is this?",
        "resolve tomorrow",
        "I will resolve this tomorrow",
        "don't resolve 12",
        "do not ack",
        "ack or resolve",
        "1 2",
        "11111111111",
        "1\u00bd",
        "> ack 12",
        "\U0001f44d",
        "\ud800",
        "acknowledgement",
        "out of office until 12 May",
        "A" * 100_000,
    ],
)
def test_a_sentence_is_no_answer(text: str) -> None:
    """What could be read as something else does nothing."""
    assert parse(text) is None


def test_of_a_mail_only_what_was_written_counts() -> None:
    """Quoted text, the old mail under it and the signature hold every verb there is, and none of them is done."""
    new = "Hello,\n\nack\n\nBea\n-- \nBea Mair\nresolve 12\n"
    assert parse(new) == TextAnswer(ACK)
    for old in (
        "> resolve 12\n> Acknowledge: https://…\n",
        "On Mon, 4 May 2026 at 03:04, OpenAlert\n<reply+x@example.org> wrote:\n\n resolve 12\n",
        "Am 04.05.2026 um 03:04 schrieb OpenAlert <x@example.org>:\nresolve 12\n",
        "-----Original Message-----\nFrom: OpenAlert\nresolve 12\n",
        "________________________________\nFrom: OpenAlert\nresolve 12\n",
        "Sent from my iPhone\nresolve 12\n",
        "From: OpenAlert <x@example.org>\nresolve 12\n",
    ):
        assert parse(f"\n{old}") is None
        assert parse(f"ack 14\n\n{old}") == TextAnswer(ACK, 14)


def test_no_sign_means_two_things() -> None:
    """Every digit and word has one meaning; every verb has a word, those of the ladder a digit; no code is a key."""
    words = [word for group in WORDS.values() for word in group] + [*HELP_WORDS, *LIST_WORDS]
    digits = [*KEYS, REPEAT_KEY, HELP_KEY]
    assert len(set(words)) == len(words)
    assert sorted(digits) == [str(digit) for digit in range(10)]
    assert set(WORDS) == set(Verb)
    assert set(KEYS.values()) == set(Verb) - {Verb.JOIN, Verb.DECLINE}
    assert all(int(digit) < FIRST_CODE for digit in digits)
