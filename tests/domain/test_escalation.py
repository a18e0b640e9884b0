"""The steps of a ladder, and policies that cannot be run."""

import pytest

from openalert.domain.errors import Invalid
from openalert.domain.escalation import (
    END_DELAY,
    Level,
    PolicyVersion,
    Step,
    Target,
    TargetType,
    check_version,
    next_step,
)
from openalert.domain.instant import MINUTE

SOMEBODY = (Target(type=TargetType.USER, id="u"),)


def version(*delays: int, repeats: int = 0, pause: int = 0) -> PolicyVersion:
    """A policy whose levels have these delays in minutes."""
    levels = tuple(Level(level=n, delay=d * MINUTE, targets=SOMEBODY) for n, d in enumerate(delays, start=1))
    return PolicyVersion(
        id="v", policy_id="p", repeat_count=repeats, repeat_delay=pause * MINUTE, levels=levels, created_at=0
    )


def walk(policy: PolicyVersion) -> list[tuple[int, int, int]]:
    """(minute, cycle, level) of every step, each run when it is due."""
    steps, step = [], Step(0, 1, policy.levels[0].delay)
    while True:
        steps.append((step.due_at // MINUTE, step.cycle, step.level))
        following = next_step(policy, step.cycle, step.level, step.due_at)
        if following is None:
            return steps
        step = following


def test_delays_count_from_the_level_before_and_the_end_comes_after_the_last() -> None:
    """Level 1 after 2 minutes, level 2 ten later; five minutes after it counts as "nobody answered"."""
    assert walk(version(2, 10)) == [(2, 0, 1), (12, 0, 2), (12 + END_DELAY // MINUTE, 0, 3)]


def test_a_repetition_begins_after_its_pause_and_follows_the_same_delays() -> None:
    """One repetition, 20 minutes after the last level; then the end."""
    assert walk(version(0, 5, repeats=1, pause=20)) == [
        (0, 0, 1),
        (5, 0, 2),
        (25, 1, 1),
        (30, 1, 2),
        (35, 1, 3),
    ]


def test_a_repetition_waits_for_its_pause_and_then_for_its_first_level() -> None:
    """Level 1 leaves its service three minutes to recover, in every round."""
    assert [minute for minute, _, _ in walk(version(3, 5, repeats=1, pause=20))] == [3, 8, 31, 36, 41]


def test_a_late_step_pushes_the_later_ones() -> None:
    """What ran an hour late is followed by the next level after its own delay, not at once."""
    assert next_step(version(0, 5), 0, 1, 60 * MINUTE) == Step(0, 2, 65 * MINUTE)


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (version(), "levels"),
        (version(*range(21)), "levels"),
        (version(0, repeats=-1), "repeatCount"),
        (version(0, repeats=101), "repeatCount"),
        (version(0, pause=-1), "repeatDelayMinutes"),
        (version(-1), "levels[0].delayMinutes"),
        (version(0, 99999), "levels[1].delayMinutes"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(broken: PolicyVersion, field: str) -> None:
    """The refusal says which member."""
    with pytest.raises(Invalid) as refused:
        check_version(broken)
    assert refused.value.details["field"] == field


def test_levels_must_count_and_have_targets() -> None:
    """A gap in the numbers or an empty level is a mistake of whoever wrote the policy."""
    for level in (Level(level=2, delay=0, targets=SOMEBODY), Level(level=1, delay=0, targets=())):
        with pytest.raises(Invalid):
            check_version(PolicyVersion(id="v", policy_id="p", levels=(level,), created_at=0))
