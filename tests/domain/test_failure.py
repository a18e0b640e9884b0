"""Reasons of failures in people's words."""

from pathlib import Path

import pytest

from openalert.domain.failure import WORDS, in_words
from openalert.notifiers.notifier import NotifierError, Reason


def test_every_reason_has_words() -> None:
    """A reason that is added without them would be read by people as `blocked_address:`."""
    assert set(WORDS) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_no_reason_is_read_as_programs_write_it(reason: Reason) -> None:
    """The provider's own words stay, letter for letter; the word before them is for people."""
    said = in_words(str(NotifierError(reason, "Twilio 21614: no such number")))
    assert said.endswith("Twilio 21614: no such number")
    assert "_" not in said
    assert said[0].isupper()
    assert f". {reason}: x" not in in_words(f"Given up: the provider took nothing until then. {reason}: x")


def test_the_docs_have_the_same_words() -> None:
    """Whoever reads the words on a page finds them, and the code that the API has for them, in one table."""
    page = (Path(__file__).parents[2] / "docs" / "deliveries.md").read_text()
    for reason, words in WORDS.items():
        assert f"| `{reason}` | {words or 'what is missing'} |" in page


def test_other_sentences_stay_as_they_are() -> None:
    """Also one in which such a word stands elsewhere, and nothing at all."""
    for sentence in ("The incident no longer needed it.", "It said gone: forever", "GONE: no", ""):
        assert in_words(sentence) == sentence
    assert in_words(None) == ""
    assert in_words("failed (gone: 410)") == "failed (The address is gone: 410)"
    assert in_words("misconfigured: the workflow is off") == "The workflow is off"
