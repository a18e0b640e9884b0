"""Coverage: when a schedule or policy reaches somebody, and when nobody."""

import random
from itertools import pairwise

import msgspec

from openalert.domain.coverage import Span, Watch, length, meets, of_policy, watch, without
from openalert.domain.escalation import Level, PolicyVersion, Target, TargetTurn, TargetType
from openalert.domain.instant import DAY, HOUR
from tests.domain.rotas import OFFICE, override, plan_of, rotation, utc

START = utc("2026-01-05T09:00")
SPAN = (START, START + 3 * DAY)


def days(*members: str, reachable: tuple[str, ...] = ("ana", "ben")) -> Watch:
    """Three days of a daily rotation of these."""
    return watch(plan_of([rotation(*members)]), SPAN, reachable)


def policy(*levels: tuple[TargetType, str]) -> PolicyVersion:
    """A policy of one target a level."""
    return PolicyVersion(
        id="v",
        policy_id="p",
        levels=tuple(
            Level(level=number, delay=0, targets=(Target(type=kind, id=each),))
            for number, (kind, each) in enumerate(levels, start=1)
        ),
        created_at=0,
    )


def test_a_schedule_is_watched_in_full() -> None:
    """Who is on and when first, where nobody is, and where nobody is who could be reached."""
    seen = days("ana", "", "zoe")
    assert seen.gaps == [(START + DAY, START + 2 * DAY)]
    assert seen.duty == {"ana": (START, START + DAY), "zoe": (START + 2 * DAY, START + 3 * DAY)}
    assert seen.reached == [(START, START + DAY)]


def test_turns_in_a_row_are_one_stretch() -> None:
    """An override in the middle of a turn by the same person cuts the shift, and not the stretch."""
    seen = watch(
        plan_of([rotation("ana", "ben")], [override("ana", "2026-01-05T12:00", "2026-01-05T13:00")]),
        SPAN,
        ("ana",),
    )
    assert seen.duty["ana"] == (START, START + DAY)


def test_a_policy_reaches_nobody_where_none_of_its_levels_does() -> None:
    """A gap of the first schedule that the second one fills is none; what is left is."""
    office = watch(plan_of([rotation("ana", restrictions=(OFFICE,))]), SPAN, ("ana",))
    nights = watch(
        plan_of([], [override("ben", "2026-01-05T17:00", "2026-01-07T09:00")]), SPAN, ("ana", "ben")
    )
    both = policy((TargetType.SCHEDULE, "office"), (TargetType.SCHEDULE, "nights"))
    found = of_policy(
        both,
        SPAN,
        watches={"office": office, "nights": nights},
        members={},
        channels=(),
        reachable=("ana", "ben"),
    )
    assert found.nobody == [(utc("2026-01-07T17:00"), START + 3 * DAY)]
    assert found.people == {"ana", "ben"}


def test_whoever_is_next_reaches_also_in_hours_of_nobody() -> None:
    """Office hours leave nights to nobody, but whoever is next is somebody; nobody who cannot be reached helps."""
    office = watch(plan_of([rotation("ana", restrictions=(OFFICE,))]), SPAN, ("ana",))
    target = Target(type=TargetType.SCHEDULE, id="office", turn=TargetTurn.NEXT)
    version = msgspec.structs.replace(
        policy((TargetType.SCHEDULE, "office")), levels=(Level(level=1, delay=0, targets=(target,)),)
    )
    for reachable, missed in ((("ana",), []), ((), [SPAN])):
        found = of_policy(
            version, SPAN, watches={"office": office}, members={}, channels=(), reachable=reachable
        )
        assert found.nobody == missed


def test_people_teams_and_channels_reach_always_or_never() -> None:
    """A reachable person, a team with one, or a channel that is on; not those who cannot be reached."""
    for target, members, channels, reaches in (
        ((TargetType.USER, "ana"), {}, (), True),
        ((TargetType.USER, "zoe"), {}, (), False),
        ((TargetType.TEAM, "core"), {"core": ["zoe", "ana"]}, (), True),
        ((TargetType.TEAM, "core"), {"core": ["zoe"]}, (), False),
        ((TargetType.TEAM, "gone"), {}, (), False),
        ((TargetType.CHANNEL, "ops"), {}, ("ops",), True),
        ((TargetType.CHANNEL, "ops"), {}, (), False),
        ((TargetType.SCHEDULE, "gone"), {}, (), False),
    ):
        found = of_policy(
            policy(target), SPAN, watches={}, members=members, channels=channels, reachable=("ana",)
        )
        assert found.nobody == ([] if reaches else [SPAN]), target
        assert found.has_channel is bool(channels)


def test_what_is_left_of_a_span_is_what_nothing_covers() -> None:
    """Held to an oracle that looks at every hour, over spans that touch, overlap and stick out."""
    dice = random.Random(3)
    for _ in range(500):
        covered: list[Span] = []
        for _ in range(dice.randrange(6)):
            start = dice.randrange(-5, 25)
            covered.append((start, start + dice.randrange(1, 9)))
        left = without((0, 20), covered)
        hours = {hour for hour in range(20) if not any(start <= hour < end for start, end in covered)}
        assert {hour for start, end in left for hour in range(start, end)} == hours
        assert all(start < end for start, end in left)
        assert all(one[1] < other[0] for one, other in pairwise(left)), "maximal"
        assert length(left) == len(hours)


def test_spans_meet_where_a_moment_lies_in_both() -> None:
    """Their ends do not belong to them."""
    assert meets([(0, HOUR)], [(HOUR - 1, DAY)])
    assert not meets([(0, HOUR)], [(HOUR, DAY)])
    assert not meets([], [(0, 1)])
