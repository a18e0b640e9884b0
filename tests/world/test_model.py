"""The reference model by itself: what it owes, from a few facts that one can follow by hand."""

from collections.abc import Sequence

import pytest

from tests.world.ledger import Answer, Asked, Away, Fact, Left, Policy, Rung, Stepped
from tests.world.model import HANDED_OVER, NEVER, STEP_LATE, TAKEN_OVER, occurrences, owed

LADDER = (
    Rung(delay=0, people=("bea",), channels=("Hook-1",)),
    Rung(delay=10_000, people=("kim",)),
    Rung(delay=10_000, channels=("Hook-3",)),
)
POLICY = Policy(since=0, until=0, levels=LADDER)


def _told(
    n: int, at: int, what: str = "firing", starts: int | None = 60, code: int | None = 202
) -> list[Fact]:
    """A request that was answered ten milliseconds later."""
    asked = Asked(n=n, at=at, about="disk-1", what=what, starts=starts, first=n)
    return [asked, Answer(n=n, at=at + 10, code=code)]


def _owed(facts: Sequence[Fact]) -> list[tuple[str, int, bool]]:
    """Who, at the earliest, and whether for sure."""
    return [
        (page.who, page.earliest, page.is_sure)
        for _, candidates in owed(facts, NEVER)
        for page in candidates[0]
    ]


def test_each_level_has_its_distance() -> None:
    """From the beginning at the earliest, from its answer at the latest, and late by what is promised."""
    facts = [POLICY, *_told(1, 1_000)]
    assert _owed(facts) == [
        ("bea", 940, True),
        ("Hook-1", 940, True),
        ("kim", 10_940, True),
        ("Hook-3", 20_940, True),
    ]
    ((_, (pages,)),) = owed(facts, NEVER)
    assert [page.latest for page in pages][:2] == [1_010 + STEP_LATE + HANDED_OVER] * 2


def test_an_answer_ends_what_is_owed() -> None:
    """What may have left before is possible, and what is later is owed to nobody."""
    assert _owed([POLICY, *_told(1, 1_000), *_told(2, 5_000, "acknowledge", None, 200)]) == [
        ("bea", 940, False),
        ("Hook-1", 940, False),
    ]


def test_who_left_is_not_owed_and_the_next_level_goes_at_once() -> None:
    """The second level has nobody but Kim."""
    left = Left(since=0, until=10, who="kim")
    assert _owed([POLICY, left, *_told(1, 1_000)])[-1] == ("Hook-3", 10_940, True)


def test_a_time_away_moves_the_latest_moment_and_no_other() -> None:
    """The second level was due while nobody was there."""
    away = Away(since=9_000, until=60_000, why="kill")
    ((_, (pages,)),) = owed([POLICY, away, *_told(1, 1_000)], NEVER)
    (kim,) = (page for page in pages if page.who == "kim")
    assert kim.earliest == 10_940
    assert kim.latest >= 60_000 + STEP_LATE
    assert not kim.is_calm


@pytest.mark.parametrize(
    ("since", "by"),
    [
        pytest.param(9_000, 9_000 + TAKEN_OVER + STEP_LATE, id="it may have been in its hands"),
        pytest.param(22_000, 11_010 + 2 * STEP_LATE, id="it was done by then"),
    ],
)
def test_a_lost_node_moves_what_it_may_have_had_in_its_hands(since: int, by: int) -> None:
    """By half a minute at most, however long it stays away: the others go on."""
    away = Away(since=since, until=600_000, why="kill", node="two")
    ((_, (pages,)),) = owed([POLICY, away, *_told(1, 1_000)], 500_000)
    (kim,) = (page for page in pages if page.who == "kim")
    assert kim.ran_by == by


def test_what_is_due_later_is_not_a_lost_nodes() -> None:
    """It is dead for ten minutes; what begins after one counts for lateness."""
    away = Away(since=0, until=600_000, why="kill", node="two")
    ((_, (pages,)),) = owed([POLICY, away, *_told(1, 60_000)], 500_000)
    assert {
        (page.is_calm, page.latest - page.earliest < STEP_LATE + HANDED_OVER + 100) for page in pages[:2]
    } == {(True, True)}


def test_a_step_of_the_clock_moves_hardly_anything() -> None:
    """An hour forward: a delay of ten seconds may be two seconds shorter, not over."""
    ((_, (pages,)),) = owed([POLICY, Stepped(at=5_000, by=3_600_000), *_told(1, 1_000)], NEVER)
    (kim,) = (page for page in pages if page.who == "kim")
    assert 8_000 < kim.earliest < 10_940


def test_occurrences_follow_the_times_of_the_source() -> None:
    """An end before its beginning opens nothing; a later beginning does; what a person closed opens again."""
    ended_first = [*_told(1, 0, "resolved", 60), *_told(2, 100, "firing", 60)]
    assert [(each.status, each.alert) for each in occurrences(ended_first)["disk-1"]] == [
        ("never", "resolved")
    ]
    again = [*_told(1, 0), *_told(2, 100, "resolved"), *_told(3, 200, "firing", 120)]
    assert [each.status for each in occurrences(again)["disk-1"]] == ["resolved", "triggered"]
    passed_over = [*_told(1, 0), *_told(2, 100, "resolved", 120), *_told(3, 200, "firing", 120)]
    assert [each.status for each in occurrences(passed_over)["disk-1"]] == ["resolved"]
    by_hand = [*_told(1, 0), *_told(2, 100, "resolve", None, 200), *_told(3, 200)]
    assert [each.status for each in occurrences(by_hand)["disk-1"]] == ["resolved", "triggered"]


def test_what_was_never_answered_may_have_happened() -> None:
    """It is owed to nobody for sure, and counts between nought and once."""
    facts: list[Fact] = [POLICY, *_told(1, 1_000, code=None)]
    assert {is_sure for *_, is_sure in _owed(facts)} == {False}
    (occurrence,) = occurrences(facts)["disk-1"]
    assert (occurrence.tellings, occurrence.doubtful) == (0, 1)
