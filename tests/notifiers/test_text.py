"""Texts from outside become harmless and stay themselves."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.notifiers.text import one_line, paragraphs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Disk full", "Disk full"),
        ("a\r\nBcc: b", "a Bcc: b"),
        ("a\x00b\x1b[31mc\x7f", "a b [31mc"),
        ("\u202egnp.exe\u2069\u200b\ufeff\u00ad", "gnp.exe"),
        ("hidden \U000e0041\U000e0042", "hidden"),
        ("one\u2028two\u2029three\x85four", "one two three four"),
        ("\ud800 alone", "\N{REPLACEMENT CHARACTER} alone"),
        ("👩\u200d🚒 می\u200cخواهم 漢字", "👩\u200d🚒 می\u200cخواهم 漢字"),
        ("  many   blanks ", "many blanks"),
        ("", ""),
    ],
)
def test_one_line(text: str, expected: str) -> None:
    """Breaks and controls become blanks, the invisible vanishes, words in any script stay."""
    assert one_line(text, 100) == expected


def test_cut_ends_in_an_ellipsis() -> None:
    """The reader sees that there was more, and the limit holds."""
    assert one_line("word word word", 10) == "word word…"
    assert one_line("x" * 10, 10) == "x" * 10


def test_paragraphs_keep_their_lines() -> None:
    """Line breaks stay, whatever their kind; blank lines are not heaped up."""
    assert paragraphs("\n\na\r\nb\rc \n\n\n\nd\x00e\u2028f\n", 100) == "a\nb\nc\n\nd e f"


@given(st.text(st.characters(), max_size=200), st.integers(1, 50))
def test_whatever_comes_goes_into_a_header(text: str, limit: int) -> None:
    """Never longer than said, always encodable, never more than one line, and done twice it stays the same."""
    line = one_line(text, limit)
    assert len(line) <= limit
    line.encode("utf-8")
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in line)
    assert one_line(line, limit) == line
