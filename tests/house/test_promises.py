"""tests/world/promises.toml: marks name what is listed, and everything listed has a test or says why not."""

import re
from collections.abc import Collection, Mapping

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


def _wrong(name: str, shown: Collection[str], missing: Mapping[str, str]) -> str:
    """What is wrong with the note of this promise or fault; empty: nothing."""
    if name in shown:
        return f"a test shows {name}: take its note `missing` away" if name in missing else ""
    if name not in missing:
        return f"no test names {name}, and no note says why"
    return "" if re.fullmatch(r"[A-Z].{15,}\.", missing[name]) else f"the note of {name} is no sentence"


@pytest.mark.parametrize("name", [*PROMISES, *FAULTS])
def test_each_is_shown_by_a_test_or_says_why_not(name: str) -> None:
    """One of both, never none: and never both, for a note that outlives its test says the opposite of the truth."""
    assert _wrong(name, SHOWN, MISSING) == ""


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        pytest.param({"F-01"}, {"F-01": "Nobody has tried it yet."}, id="both"),
        pytest.param(set(), {}, id="none"),
        pytest.param({"F-02"}, {"F-02": "Nobody has tried it yet."}, id="another one's"),
        pytest.param(set(), {"F-01": "todo"}, id="no sentence"),
    ],
)
def test_a_stale_or_absent_note_is_found(shown: set[str], missing: dict[str, str]) -> None:
    """The control: each way in which a list and its tests can part."""
    assert "F-01" in _wrong("F-01", shown, missing)


def test_the_page_of_proofs_has_all_of_them() -> None:
    """docs/proof.md is written by a command, after the tests ran; what is listed since must not be missing there."""
    text = PAGE.read_text()
    listed = {name: f"\n### {name}: {words}\n" for name, words in (PROMISES | FAULTS).items()}
    assert [name for name, line in listed.items() if line not in text] == []
