"""S-62: what anybody wrote is text in a spreadsheet, never a formula, and never another cell."""

import csv as reading
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.web import csv

FIRST = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u00a0=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
]


def parsed(line: str) -> list[list[str]]:
    """As a reader of RFC 4180 takes it."""
    return list(reading.reader(io.StringIO(line, newline=""), strict=True))


@pytest.mark.parametrize("text", DANGEROUS)
def test_what_begins_a_formula_begins_with_a_quote(text: str) -> None:
    """Also behind blanks that a spreadsheet trims, and in full-width signs."""
    assert parsed(csv.row(["a", text]))[0][1].startswith("'")


def test_plain_text_stays_as_it_is() -> None:
    """Quotes, separators and line breaks are inside of their cell; None is empty, numbers are numbers."""
    cells = ['say "x"', "a,b;c", "two\nlines", "Zoë", "a=b", 7, None]
    assert parsed(csv.row(cells)) == [['say "x"', "a,b;c", "two\nlines", "Zoë", "a=b", "7", ""]]
    assert csv.row(["a", None]) == '"a",""\r\n'


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_text_is_one_cell_that_is_no_formula(cells: list[str]) -> None:
    """Whatever it holds: as many cells as were given, no control characters, no formula."""
    (found,) = parsed(csv.row(cells)) if len(cells) > 1 or cells[0] else [cells]
    assert len(found) == len(cells)
    for cell in found:
        assert not cell.lstrip("\u00a0\u200b\ufeff \n").startswith(FIRST)
        assert all(sign in "\t\n\r" or not (ord(sign) < 32 or 127 <= ord(sign) < 160) for sign in cell)
