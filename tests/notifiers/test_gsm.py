"""How long a text message is, and how it is made to fit."""

import pytest

from openalert.notifiers.gsm import fit, plain, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 459, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ñéäöüß" * 26, 1),
        ("č" * 70, 1),
        ("č" * 71, 2),
        ("č" * 134, 2),
        ("č" * 135, 3),
        ("🔥" * 35, 1),
        ("🔥" * 36, 2),
    ],
)
def test_segments(text: str, expected: int) -> None:
    """As networks count: the GSM alphabet, its extension twice, everything else in 16-bit units."""
    assert segments(text) == expected


def test_typographic_signs_do_not_make_a_message_dear() -> None:
    """A curly quote would turn 160 letters into 70."""
    assert plain("“Bea’s” – down…") == '"Bea\'s" - down...'
    assert segments("“Bea’s” – down…" * 10) > segments(plain("“Bea’s” – down…" * 10))


@pytest.mark.parametrize("text", ["x" * 3_000, "漢" * 3_000, "€[]" * 900, "short", ""])
def test_a_text_is_made_to_fit(text: str) -> None:
    """Whatever the alphabet, no more segments than were asked for."""
    assert segments(fit(text, 3)) <= 3
    assert fit("short", 3) == "short"
