"""Addresses for answers: only what we made is one, to the last letter."""

import string
import uuid

from openalert.domain.mail_address import (
    alert_address,
    alerted_integration,
    answered_message,
    is_alert_address,
    reply_address,
)

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


def test_an_address_for_alerts_fits_a_local_part_and_belongs_to_one_key() -> None:
    """At most 64 letters whatever the ids are, in any case of letters; another key has another address."""
    for _ in range(50):
        integration = str(uuid.uuid4())
        local = alert_address(SECRET, integration, "a" * 64, "example.org").partition("@")[0]
        assert len(local) <= 64
        for spelled in (local, local.upper()):
            assert alerted_integration(spelled) == integration
            assert is_alert_address(SECRET, integration, "a" * 64, spelled)
        assert not is_alert_address(SECRET, integration, "b" * 64, local)
        assert not is_alert_address(b"other", integration, "a" * 64, local)
        assert answered_message(SECRET, local) is None


def test_what_is_no_address_for_alerts_names_no_integration() -> None:
    """Too short, too long, no base32, other letters."""
    for local in (
        "",
        "alert+",
        "alert+" + "1" * 45,
        "alert+" + "ä" * 45,
        "alert+" + "a" * 46,
        "reply+" + "a" * 45,
    ):
        assert alerted_integration(local) is None
