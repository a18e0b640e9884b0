"""Signed links: good for one person, one incident, one act and one day, and for nothing else."""

import pytest

from openalert.domain import action
from openalert.domain.action import Verb
from openalert.domain.instant import DAY, SECOND

SECRET = b"secret"


def test_a_token_says_what_was_signed() -> None:
    """Read back with the same secret it names the incident, the person and the act."""
    claims = action.read(SECRET, action.sign(SECRET, "i", "u", Verb.ACKNOWLEDGE, 0))
    assert claims is not None
    assert (claims.incident_id, claims.user_id, claims.verb) == ("i", "u", Verb.ACKNOWLEDGE)
    assert not action.has_expired(claims, DAY - SECOND)
    assert action.has_expired(claims, DAY)


@pytest.mark.parametrize("token", ["", ".", "a.b", "é.é", "x" * 1000, "W10.W10", "W10=.W10="])
def test_what_we_did_not_sign_is_nothing(token: str) -> None:
    """Garbage of every kind is None, never an exception."""
    assert action.read(SECRET, token) is None


def test_every_changed_sign_breaks_it() -> None:
    """A token with any one character changed, or read with another secret, is not ours."""
    token = action.sign(SECRET, "incident", "user", Verb.RESOLVE, 0)
    assert action.read(b"other", token) is None
    body, _, tag = token.partition(".")
    for position in range(len(body)):
        changed = body[:position] + ("A" if body[position] != "A" else "B") + body[position + 1 :]
        assert action.read(SECRET, f"{changed}.{tag}") is None
