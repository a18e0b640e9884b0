"""Entries read as sentences that somebody who was not there understands."""

import json
from typing import Any

import msgspec
import pytest

from openalert.domain.audit import CHANGED
from openalert.domain.audit_words import act_words, ids_in, sentence
from tests.domain.test_audit import entry

ANA = "01999999-0000-7000-8000-000000000001"
BEA = "01999999-0000-7000-8000-000000000002"


def _level(number: int, minutes: float, *targets: str) -> dict[str, Any]:
    return {
        "level": number,
        "delayMinutes": minutes,
        "targets": [{"type": "user", "id": each} for each in targets],
    }


@pytest.mark.parametrize(
    ("act", "before", "after", "said"),
    [
        ("service.updated", {"name": "A"}, {"name": "B"}, "Zoë changed the service Checkout: name A → B"),
        ("service.created", {}, {"name": "Checkout", "slug": "checkout"}, "Zoë made the service Checkout"),
        ("user.signed_in", {}, {"method": "password"}, "Zoë signed in: method password"),
        ("user.sign_in_failed", {}, {"tries": 3}, "Zoë failed to sign in as Checkout: tries 3"),
        ("team_member.updated", {"role": "member"}, {"role": "admin"},
         "Zoë changed the role of Checkout: role member → admin"),
        ("channel.updated", {"isEnabled": True}, {"isEnabled": False},
         "Zoë changed the channel Checkout: enabled yes → no"),
        ("service.updated", {"escalationPolicyId": None}, {"escalationPolicyId": ANA},
         "Zoë changed the service Checkout: escalation policy none → Ana"),
        ("user.updated", {}, {"passwordHash": CHANGED}, "Zoë changed the person Checkout: password hash changed"),
        ("escalation_policy.updated", {"levels": [_level(1, 5.0, ANA)]}, {"levels": [_level(1, 10.0, ANA)]},
         "Zoë changed the escalation policy Checkout: delay 5 → 10 min"),
        ("escalation_policy.updated", {"levels": [_level(1, 0, ANA), _level(2, 5, ANA)]},
         {"levels": [_level(1, 0, ANA, BEA)]},
         "Zoë changed the escalation policy Checkout: level 1 pages Ana → Ana, user, level 2 removed"),
        ("escalation_policy.updated", {"repeatDelayMinutes": 1.5}, {"repeatDelayMinutes": 2.0},
         "Zoë changed the escalation policy Checkout: repeat delay 1.5 → 2 min"),
        ("thing.unheard_of", {}, {}, "Zoë unheard of the thing Checkout"),
        ("service.updated", dict.fromkeys("abcdef", 1), dict.fromkeys("abcdef", 2),
         "Zoë changed the service Checkout: a 1 → 2, b 1 → 2, c 1 → 2, d 1 → 2 and 2 more"),
    ],
)  # fmt: skip
def test_an_entry_reads_as_a_sentence(act: str, before: object, after: object, said: str) -> None:
    """Who, what, and the first changes with names instead of ids."""
    made = entry(
        act=act, target_name="Checkout", target_kind=act.partition(".")[0],
        before=json.dumps(before), after=json.dumps(after),
    )  # fmt: skip
    assert sentence(made, {ANA: "Ana"}) == said


def test_ids_are_found_wherever_they_stand() -> None:
    """So that a page can ask for all names at once."""
    made = entry(before=json.dumps({"x": [ANA]}), after=json.dumps({"levels": [_level(1, 0, BEA)]}))
    assert ids_in(made) == {ANA, BEA}


def test_acts_have_words_of_their_own() -> None:
    """For a list to choose from."""
    assert act_words("escalation_policy.updated") == "Escalation policy: changed"
    assert act_words("api_key.revoked") == "API key: revoked"


@pytest.mark.parametrize("side", ['{"levels":"gone"}', '{"tooLongToKeep":["levels"]}', '{"levels":[1]}'])
def test_what_was_cut_is_told_as_far_as_it_goes(side: str) -> None:
    """No shape of a side breaks the page."""
    assert sentence(msgspec.structs.replace(entry(), before=side, after=side))
