"""Addresses for answers: only what we made is one, to the last letter."""

import string

from openalert.domain.mail_address import answered_message, reply_address

SECRET = b"a secret of the tests"
BASE32 = string.ascii_lowercase + "234567"
MESSAGES = [f"019b8d62-7a80-7003-a352-{number:012x}" for number in range(8)]


def test_an_address_leads_to_its_message_whatever_the_case() -> None:
    """Mail servers may change the case of a local part."""
    for message in MESSAGES:
        local = reply_address(SECRET, message, "in.example.org").removesuffix("@in.example.org")
        assert answered_message(SECRET, local) == answered_message(SECRET, local.upper()) == message


def test_no_other_letter_anywhere_leads_to_a_message() -> None:
    """Every letter counts, also the last one, of which one bit stands for nothing."""
    for message in MESSAGES:
        local = reply_address(SECRET, message, "in.example.org").partition("@")[0]
        for place in (*range(len("reply+"), len(local), 7), len(local) - 1):
            others = (
                local[:place] + letter + local[place + 1 :] for letter in BASE32 if letter != local[place]
            )
            assert [other for other in others if answered_message(SECRET, other)] == []
