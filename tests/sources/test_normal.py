"""The rules that hold for every source, where a parser's findings become a signal."""

from typing import Any

import pytest

from openalert.domain.alert import SignalStatus
from openalert.sources import identity, normal
from tests.sources.payloads import NOW

BEGIN, END = "2026-09-20T10:00:00Z", "2026-09-20T11:00:00Z"


def signal(status: SignalStatus = SignalStatus.FIRING, **changes: Any) -> Any:
    """A signal of a source called `x`."""
    return normal.signal(
        "x", NOW, **({"status": status, "severity": None, "title": "T", "key": "k"} | changes)
    )


def test_only_what_is_over_has_an_end() -> None:
    """A firing alert's end is a forecast; an end before its beginning is none; nor is a time that nobody meant."""
    assert signal(starts=BEGIN, ends=END).ends_at is None
    over = signal(SignalStatus.RESOLVED, starts=BEGIN, ends=END)
    assert over.ends_at - over.starts_at == 3_600_000
    assert signal(SignalStatus.RESOLVED, starts=END, ends=BEGIN).ends_at is None
    for nobody_meant in ("0001-01-01T00:00:00Z", "", None, "soon", [], {}, "2099-01-01T00:00:00Z"):
        assert signal(starts=nobody_meant).starts_at is None


@pytest.mark.parametrize(
    ("candidates", "title"),
    [
        ("T", "T"),
        ((None, "", "  ", "null", "T"), "T"),
        (({"a": 1}, ["b"], True, 7), "7"),
        ((), normal.NAMELESS),
        ("a\r\nBcc: x\x1b[31m", "a Bcc: x[31m"),
    ],
)
def test_the_first_candidate_that_says_something(candidates: Any, title: str) -> None:
    """Whatever its neighbours are, and on one clean line."""
    assert signal(title=candidates).title == title


def test_identity_and_group() -> None:
    """Without a key the title identifies; without a group an alert is alone; a long group is shortened."""
    assert signal(key="").fingerprint == signal(key="", severity=None).fingerprint != signal().fingerprint
    assert signal().group == "k"
    assert len(signal(group="g" * 300).group) == 64


@pytest.mark.parametrize(
    ("candidates", "key"),
    [
        (((7,),), "x/7"),
        ((("7",),), "x/7"),
        (((0,),), "x/0"),
        (((None,), ("", "b"), ("a", "")), "x/a"),
        ((("a", "", "c"),), "x/a//c"),
        ((("/",),), "x//"),
        (((None,),), ""),
    ],
)
def test_candidates_of_an_identity(candidates: Any, key: str) -> None:
    """The first part decides, 0 is one, and what is left out at the end leaves no trace."""
    assert identity.of("x", *candidates) == key


def test_labels_and_links_that_say_nothing_are_left_out() -> None:
    """Empty members are no labels; nothing but http and https is a link."""
    made = signal(
        labels={"a": None, "b": "", "c": 0, "d": [1]}, links=(("A", "javascript:x"), ("B", "https://b"))
    )
    assert made.labels == {"c": "0", "d": "[1]"}
    assert made.links == [{"label": "B", "href": "https://b"}]
