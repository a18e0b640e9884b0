"""CSV that no spreadsheet takes for anything but text: RFC 4180, and no cell that begins a formula.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return, or with their full-width forms, gets a leading
`'` (OWASP, CSV injection), also behind blanks that a spreadsheet would trim. Every cell is quoted.
"""

import re
from collections.abc import Iterable

CONTENT_TYPE = "text/csv"
_FORMULA = re.compile(r"[\s\u00a0\u200b\ufeff]*[=+\-@\t\r＝＋－＠]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab, line feed and carriage return; and those that turn the direction of text."""


def row(cells: Iterable[object]) -> str:
    """One line with its end; None is an empty cell."""
    return ",".join(_cell("" if cell is None else str(cell)) for cell in cells) + "\r\n"


def _cell(text: str) -> str:
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    if _FORMULA.match(text):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"'
