"""Who could take a shift, in which order, and in which words."""

from typing import Any

import pytest

from openalert.domain.cover_suggestion import CoverSuggestion, ranked
from openalert.domain.instant import HOUR
from openalert.domain.reachability import ReachState


def somebody(user_id: str = "ana", hours: int = 12, **members: Any) -> CoverSuggestion:
    """A suggestion against which nothing speaks unless said."""
    return CoverSuggestion(
        user_id=user_id, on_call=hours * HOUR, **({"reach": ReachState.REACHABLE} | members)
    )


def test_the_best_comes_first() -> None:
    """Free before not, reachable before not, then by load; who is on here already comes last of all."""
    in_order = [
        somebody("a", 2),
        somebody("b", 9),
        somebody("c", 0, reach=ReachState.DOUBTFUL),
        somebody("d", 0, reach=ReachState.UNREACHABLE),
        somebody("e", 0, on_call_for=("Payments",)),
        somebody("f", 0, is_away=True),
        somebody("g", 0, on_call_for=("Core",), is_here=True),
    ]
    assert ranked(reversed(in_order)) == in_order
    assert [each.is_good for each in in_order] == [True, True, *[False] * 5]


@pytest.mark.parametrize(
    ("suggestion", "words"),
    [
        (somebody(), "12 h on call in eight weeks, reachable, free"),
        (somebody(reach=ReachState.DOUBTFUL), "12 h on call in eight weeks, perhaps not reachable, free"),
        (
            somebody(on_call_for=("Core", "Web"), is_away=True),
            "12 h on call in eight weeks, reachable, on call for Core and Web then and away then",
        ),
    ],
)
def test_the_reasons_are_said(suggestion: CoverSuggestion, words: str) -> None:
    """Load, reach and whether the time is free, as a sentence has them."""
    assert suggestion.words == words
