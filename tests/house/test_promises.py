"""tests/world/promises.toml: marks name what is listed."""

import re

from tests.world.promises import FAULTS, PROMISES, marks


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
        for mark in marks()
        for name in mark.ids or ("nothing",)
        if name not in PROMISES and name not in FAULTS
    ]
    assert unknown == []
