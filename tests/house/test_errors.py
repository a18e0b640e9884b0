"""docs/errors.md holds every code that a caller may meet, with its status, and no other."""

import ast
import re
from pathlib import Path

from openalert.domain import errors
from openalert.domain.errors import OpenAlertError
from openalert.web import problems
from tests.house import error_codes

ROOT = Path(__file__).parents[2]
INTERNAL = {"DISCONNECTED"}
"""Never read by anybody: the sender is gone."""


def documented() -> dict[str, set[int]]:
    """Code to statuses, from the table."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([\d, ]+) \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    return {code: {int(status) for status in statuses.split(",")} for code, statuses in rows}


def raised() -> set[str]:
    """Every code in the source: given as `code=`, or made from the noun of a NotFound."""
    codes: set[str] = set()
    for path in (ROOT / "openalert").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            codes |= {
                str(word.value.value)
                for word in node.keywords
                if word.arg == "code" and isinstance(word.value, ast.Constant) and word.value.value
            }
            if name in ("NotFound", "found") and node.args:
                last = node.args[-1]
                if isinstance(last, ast.Constant) and isinstance(last.value, str):
                    codes.add(last.value.upper().replace(" ", "_") + "_NOT_FOUND")
    return {code for code in codes if re.fullmatch(r"[A-Z][A-Z_]+", code)} - INTERNAL


def test_every_code_is_documented_and_every_documented_code_exists() -> None:
    """Both ways."""
    of_classes = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, OpenAlertError)
    }
    assert set(documented()) == raised() | of_classes | set(problems.CODES.values())


def test_the_server_shows_the_codes_of_the_manual() -> None:
    """`python -m tests.house.error_codes` writes them anew."""
    assert error_codes.written() == error_codes.draw()


def test_the_statuses_are_those_of_the_classes() -> None:
    """A code that a class has by itself is documented with that class's status."""
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, OpenAlertError) and "code" in vars(kind):
            assert kind.status in documented()[kind.code]
    for code, statuses in documented().items():
        if code.endswith("_NOT_FOUND"):
            assert statuses == {404}
