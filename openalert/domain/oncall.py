"""Who is on call: the pure calculator behind every page, calendar and timeline.

Rotations and imported calendars give people, each in its layer. The highest layer that has somebody answers,
with everybody whom it has on. Overrides then act on that answer in the order of their making (`override`).
"""

import msgspec

from openalert.domain.calculator import Alone, Calculator, Shadows, merged
from openalert.domain.instant import Instant
from openalert.domain.plan import OnCallPerson, Plan, Shift
from openalert.domain.schedule import Rotation
from openalert.domain.turns import turns_at

MOST_BOUNDARIES = 2_000
"""How many boundaries that change nothing are passed in search of one that does."""


class OnCall(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule's answer at one instant."""

    at: Instant
    until: Instant | None
    """The next instant at which other people are on call; None: no change is known."""
    people: list[OnCallPerson]
    """Empty: nobody. Otherwise in the order of the rotations' ids, nobody twice."""
    shadows: list[OnCallPerson] = []
    """Who sees what goes on and is not paged; nobody who is on call."""


class FinalSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A range of time, told in full: `items` where somebody is on, `gaps` where nobody is."""

    items: list[Shift]
    gaps: list[tuple[Instant, Instant]]


def on_call(plan: Plan, at: Instant) -> OnCall:
    """Who is on call at `at`, and until when that holds."""
    calculator = Calculator(plan)
    people, until = calculator.answer(at)
    for _ in range(MOST_BOUNDARIES):
        if until is None:
            break
        then, later = calculator.answer(until)
        if then != people:
            break
        until = later
    else:
        until = None
    return OnCall(at=at, until=until, people=people, shadows=calculator.shadows(at, people))


def shifts(plan: Plan, start: Instant, end: Instant) -> FinalSchedule:
    """The final schedule from `start` until before `end`, in maximal intervals of one answer each."""
    final = FinalSchedule(items=[], gaps=[])
    for shift in merged(Calculator(_near(plan, start, end)), start, end):
        if shift.people:
            final.items.append(shift)
        else:
            final.gaps.append((shift.start, shift.end))
    return final


def shadow_shifts(plan: Plan, start: Instant, end: Instant) -> list[Shift]:
    """Who is a shadow in the range, told like shifts; times of none are left out."""
    return [shift for shift in merged(Shadows(_near(plan, start, end)), start, end) if shift.people]


def rotation_shifts(rotation: Rotation, start: Instant, end: Instant) -> list[Shift]:
    """What one rotation alone would do in the range, for drawing it; times of nobody are left out."""
    return [shift for shift in merged(Alone(rotation), start, end) if shift.people]


def _near(plan: Plan, start: Instant, end: Instant) -> Plan:
    """The plan with what touches the range alone."""
    return Plan(
        schedule=plan.schedule,
        rotations=plan.rotations,
        overrides=[each for each in plan.overrides if each.start_at < end and each.end_at > start],
        imported=[each for each in plan.imported if each.start_at < end and each.end_at > start],
    )


def next_handoff(rotation: Rotation, at: Instant) -> Instant | None:
    """When the shift that runs at `at` ends, or the first begins when none runs yet; None: never.

    Restrictions do not end a shift, and a turn that goes to the same person again is a shift of its own.
    A planned edit that leaves the running shift to the same person does not end it either.
    """
    while True:
        turns, following = turns_at(rotation, at)
        handoff = turns.handoff_after(at) if turns else None
        if following is None or (handoff is not None and handoff <= following):
            return handoff
        planned, _ = turns_at(rotation, following)
        if (turns and turns.holder(at)) != (planned and planned.holder(following)):
            return following
        at = following
