"""Who is on call: the pure calculator behind every page, calendar and timeline."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.schedule import Override, Rotation, Schedule


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
    """Empty: nobody."""


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
    """Who is on call at `at`, and until when that holds."""
    raise NotImplementedError


def shifts(
    schedule: Schedule,
    rotations: Iterable[Rotation],
    overrides: Iterable[Override],
    start: Instant,
    end: Instant,
) -> FinalSchedule:
    """The final schedule from `start` until `end`, in maximal intervals of one answer each."""
    raise NotImplementedError
