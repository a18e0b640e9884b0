"""tests/world/promises.toml: marks name what is listed, and everything listed has a test or says why not."""

import re

import pytest

from tests.world.promises import FAULTS, MISSING, PROMISES, marks
from tests.world.proof import PAGE

MARKS = marks()
SHOWN = {name for mark in MARKS for name in mark.ids}


def test_the_list_is_whole() -> None:
    """No promise and no fault is left out by mistake."""
    counts = {"IN": 7, "ES": 10, "NO": 9, "ST": 3, "DB": 7, "LC": 2}
    alone = ["WS-1", "SP-1", "OW-1", "HA-1", "SM-1"]
    assert (
        list(PROMISES) == [f"{word}-{n}" for word, most in counts.items() for n in range(1, most + 1)] + alone
    )
    assert list(FAULTS) == [f"F-{number:02d}" for number in range(1, 49)]
    assert all(re.fullmatch(r"[A-Z].{20,}\.", sentence) for sentence in PROMISES.values())


def test_marks_name_what_is_listed() -> None:
    """A mark with a slip of the pen would prove nothing, unnoticed."""
    unknown = [
        f"{mark.path}::{mark.test} names {name!r}"
        for mark in MARKS
        for name in mark.ids or ("nothing",)
        if name not in PROMISES and name not in FAULTS
    ]
    assert unknown == []


@pytest.mark.parametrize("name", [*PROMISES, *FAULTS])
def test_each_is_shown_by_a_test_or_says_why_not(name: str) -> None:
    """A reason is a sentence."""
    if name not in SHOWN:
        assert re.fullmatch(r"[A-Z].{15,}\.", MISSING.get(name, ""))


def test_the_page_of_proofs_has_all_of_them() -> None:
    """docs/proof.md is written by a command, after the tests ran; what is listed since must not be missing there."""
    text = PAGE.read_text()
    listed = {name: f"\n### {name}: {words}\n" for name, words in (PROMISES | FAULTS).items()}
    assert [name for name, line in listed.items() if line not in text] == []
