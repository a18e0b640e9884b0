"""Who is on call: the pure calculator behind every page, calendar and timeline.

An override wins over everything; of several at one time the one created last. Without one, the highest
layer that has somebody answers, with everybody whom the rotations of that layer have on.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import TypeAlias

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.schedule import Override, Rotation, Schedule
from openalert.domain.turns import Turns, turns_of, version_at

MOST_BOUNDARIES = 2_000
"""How many boundaries that change nothing are passed in search of one that does."""


class OnCallSource(StrEnum):
    """Why somebody is on call."""

    OVERRIDE = "override"
    ROTATION = "rotation"


class OnCallPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One person who is on call, and by which rotation or override."""

    user_id: str
    source: OnCallSource
    rotation_id: str | None = None
    rotation_name: str | None = None
    override_id: str | None = None
    override_reason: str | None = None


class OnCall(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule's answer at one instant."""

    at: Instant
    until: Instant | None
    """The next instant at which the answer is another; None: no change is known."""
    people: list[OnCallPerson]
    """Empty: nobody. Otherwise in the order of the rotations' ids, nobody twice."""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Some people on call from `start` until before `end`, cut at the edges of the range asked for."""

    start: Instant
    end: Instant
    people: list[OnCallPerson]


class FinalSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """A range of time, told in full: `items` where somebody is on, `gaps` where nobody is."""

    items: list[Shift]
    gaps: list[tuple[Instant, Instant]]


def on_call(
    schedule: Schedule, rotations: Iterable[Rotation], overrides: Iterable[Override], at: Instant
) -> OnCall:
    """Who is on call at `at`, and until when that holds; only what belongs to the schedule is looked at."""
    plan = _Plan(schedule, rotations, overrides)
    people, until = plan.answer(at)
    for _ in range(MOST_BOUNDARIES):
        if until is None:
            break
        then, later = plan.answer(until)
        if then != people:
            break
        until = later
    else:
        until = None
    return OnCall(at=at, until=until, people=people)


def shifts(
    schedule: Schedule,
    rotations: Iterable[Rotation],
    overrides: Iterable[Override],
    start: Instant,
    end: Instant,
) -> FinalSchedule:
    """The final schedule from `start` until before `end`, in maximal intervals of one answer each."""
    near = [override for override in overrides if override.start_at < end and override.end_at > start]
    plan = _Plan(schedule, rotations, near)
    final = FinalSchedule(items=[], gaps=[])
    for shift in _merged(plan, start, end):
        if shift.people:
            final.items.append(shift)
        else:
            final.gaps.append((shift.start, shift.end))
    return final


def rotation_shifts(rotation: Rotation, start: Instant, end: Instant) -> list[Shift]:
    """What one rotation alone would do in the range, for drawing it; times of nobody are left out."""
    return [shift for shift in _merged(_Alone(rotation), start, end) if shift.people]


def next_handoff(rotation: Rotation, at: Instant) -> Instant | None:
    """When the shift that runs at `at` ends, or the first begins when none runs yet; None: never.

    Restrictions do not end a shift, and a turn that goes to the same person again is a shift of its own.
    A planned edit that leaves the running shift to the same person does not end it either.
    """
    while True:
        turns, following = _turns_at(rotation, at)
        handoff = turns.handoff_after(at) if turns else None
        if following is None or (handoff is not None and handoff <= following):
            return handoff
        planned, _ = _turns_at(rotation, following)
        if (turns and turns.holder(at)) != (planned and planned.holder(following)):
            return following
        at = following


def _turns_at(rotation: Rotation, instant: Instant) -> tuple[Turns | None, Instant | None]:
    """The turns that decide at the instant, and when another version takes over."""
    version, following = version_at(rotation, instant)
    return (turns_of(version) if version else None), following


_Answer: TypeAlias = tuple[list[OnCallPerson], Instant | None]
"""Who is on, and a later instant before which that holds for certain; None: for ever."""


class _Plan:
    """One schedule's rotations and overrides, laid out for repeated questions."""

    def __init__(
        self, schedule: Schedule, rotations: Iterable[Rotation], overrides: Iterable[Override]
    ) -> None:
        self._rotations = sorted(
            (rotation for rotation in rotations if rotation.schedule_id == schedule.id), key=lambda r: r.id
        )
        self._overrides = sorted(
            (override for override in overrides if override.schedule_id == schedule.id),
            key=lambda o: (o.created_at, o.id),
            reverse=True,
        )

    def answer(self, at: Instant) -> _Answer:
        """The override that wins at `at`, else the layers."""
        bound: Instant | None = None
        for override in self._overrides:
            if at < override.start_at:
                bound = _sooner(bound, override.start_at)
            elif at < override.end_at:
                return [_by_override(override)], _sooner(bound, override.end_at)
        people, until = self._by_layers(at)
        return people, _sooner(bound, until)

    def _by_layers(self, at: Instant) -> _Answer:
        """Everybody whom the highest layer that has somebody has on; lower layers are not even asked."""
        bound: Instant | None = None
        candidates: list[tuple[int, Rotation, Turns]] = []
        for rotation in self._rotations:
            turns, following = _turns_at(rotation, at)
            bound = _sooner(bound, following)
            if turns is not None:
                candidates.append((turns.version.layer, rotation, turns))
        candidates.sort(key=lambda candidate: -candidate[0])
        people: list[OnCallPerson] = []
        deciding = None
        for layer, rotation, turns in candidates:
            if people and layer != deciding:
                break
            deciding = layer
            user, until = turns.on_duty(at)
            bound = _sooner(bound, until)
            if user and all(person.user_id != user for person in people):
                people.append(_by_rotation(rotation, user))
        return people, bound


class _Alone:
    """One rotation without layers and overrides."""

    def __init__(self, rotation: Rotation) -> None:
        self._rotation = rotation

    def answer(self, at: Instant) -> _Answer:
        """Whom the rotation has on at `at`."""
        turns, following = _turns_at(self._rotation, at)
        if turns is None:
            return [], following
        user, until = turns.on_duty(at)
        return ([_by_rotation(self._rotation, user)] if user else []), _sooner(following, until)


def _merged(plan: _Plan | _Alone, start: Instant, end: Instant) -> Iterator[Shift]:
    """The range cut into maximal intervals of one answer each, those of nobody included."""
    since, at = start, start
    people: list[OnCallPerson] = []
    while at < end:
        then, until = plan.answer(at)
        if then != people:
            if since < at:
                yield Shift(start=since, end=at, people=people)
            since, people = at, then
        at = end if until is None else until
    if since < end:
        yield Shift(start=since, end=end, people=people)


def _by_override(override: Override) -> OnCallPerson:
    return OnCallPerson(
        user_id=override.user_id,
        source=OnCallSource.OVERRIDE,
        override_id=override.id,
        override_reason=override.reason,
    )


def _by_rotation(rotation: Rotation, user_id: str) -> OnCallPerson:
    return OnCallPerson(
        user_id=user_id,
        source=OnCallSource.ROTATION,
        rotation_id=rotation.id,
        rotation_name=rotation.name,
    )


def _sooner(one: Instant | None, other: Instant | None) -> Instant | None:
    """The earlier of two bounds; None is no bound."""
    if one is None:
        return other
    return one if other is None or one <= other else other
