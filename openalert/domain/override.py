"""Override: what people decide for a while beside the rotations: stand in, cover, join, leave, or a fixed plan.

Overrides act in the order of their making, each on what the earlier ones left; so of several that say who is
on call the latest wins, and who was added before is gone. One that names rotations acts on what those give,
before layers are compared; all others on the answer of the whole schedule.
"""

from collections.abc import Collection
from enum import StrEnum

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import LATEST, Instant

LONGEST_REASON = 1_000
MOST_FIXED_SHIFTS = 500
MOST_SCOPES = 50


class OverrideKind(StrEnum):
    """What an override does to the people who would be on call."""

    REPLACE = "replace"
    """`user_id` instead of everybody; also where nobody would be."""
    COVER = "cover"
    """`user_id` wherever `instead_of_id` would be; nothing where that person is not on."""
    ADD = "add"
    """`user_id` as well."""
    REMOVE = "remove"
    """Everybody but `user_id`; where nobody else is on, nobody is."""
    FIXED = "fixed"
    """A temporary schedule: whoever `shifts` name, and nobody between them."""


class FixedShift(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of a temporary schedule."""

    user_id: str
    start_at: Instant
    end_at: Instant


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Other people than planned from `start_at` until `end_at`."""

    id: str
    schedule_id: str
    kind: OverrideKind = OverrideKind.REPLACE
    user_id: str
    """Empty for a temporary schedule."""
    instead_of_id: str = ""
    """Whom `cover` replaces; empty for all other kinds."""
    rotation_ids: tuple[str, ...] = ()
    """The rotations that it acts on; empty: the whole schedule."""
    shifts: tuple[FixedShift, ...] = ()
    """Those of a temporary schedule; they may overlap: then several are on."""
    start_at: Instant
    end_at: Instant
    reason: str = ""
    created_at: Instant
    created_by_id: str | None = None

    @property
    def user_ids(self) -> set[str]:
        """Everybody whom it names."""
        return {self.user_id, self.instead_of_id, *(shift.user_id for shift in self.shifts)} - {""}

    @property
    def brings(self) -> set[str]:
        """Everybody whom it may put on call."""
        return {shift.user_id for shift in self.shifts} | (
            {self.user_id} - {""} if self.kind is not OverrideKind.REMOVE else set()
        )

    def fixed_at(self, at: Instant) -> tuple[list[str], Instant]:
        """Whom the temporary schedule has on at `at`, and a later instant before which that holds."""
        on: list[str] = []
        until = self.end_at
        for shift in self.shifts:
            if shift.start_at <= at < shift.end_at:
                if shift.user_id not in on:
                    on.append(shift.user_id)
                until = min(until, shift.end_at)
            elif at < shift.start_at:
                until = min(until, shift.start_at)
        return on, until


def check_override(override: Override, rotation_ids: Collection[str] = ()) -> None:
    """Refuse, as Invalid, an override of nobody or of no time; `rotation_ids` are those of its schedule."""
    fixed, cover = override.kind is OverrideKind.FIXED, override.kind is OverrideKind.COVER
    if fixed == bool(override.user_id):
        rule = "must be left out: shifts say who is on" if fixed else "must name the person"
        raise _invalid("userId", rule)
    if cover != bool(override.instead_of_id):
        raise _invalid("insteadOfId", "must name who is covered" if cover else "is for kind cover alone")
    if cover and override.instead_of_id == override.user_id:
        raise _invalid("insteadOfId", "must be somebody else than userId")
    _check_time(override.start_at, override.end_at)
    if len(override.reason) > LONGEST_REASON:
        raise _invalid("reason", f"holds at most {LONGEST_REASON} characters")
    if len(override.rotation_ids) > MOST_SCOPES:
        raise _invalid("rotationIds", f"holds at most {MOST_SCOPES} rotations")
    if not set(override.rotation_ids) <= set(rotation_ids):
        raise _invalid("rotationIds", "must be rotations of this schedule")
    _check_shifts(override)


def _check_shifts(override: Override) -> None:
    fixed = override.kind is OverrideKind.FIXED
    if fixed != bool(override.shifts):
        raise _invalid("shifts", "must hold at least one" if fixed else "are for kind fixed alone")
    if fixed and override.rotation_ids:
        raise _invalid("rotationIds", "must be left out: a temporary schedule stands for the whole one")
    if len(override.shifts) > MOST_FIXED_SHIFTS:
        raise _invalid("shifts", f"holds at most {MOST_FIXED_SHIFTS}")
    for number, shift in enumerate(override.shifts, 1):
        place = f"shift {number}"
        if not shift.user_id:
            raise _invalid("shifts", f"must name the person of {place}")
        _check_time(shift.start_at, shift.end_at, f" of {place}")
        if shift.start_at < override.start_at or shift.end_at > override.end_at:
            raise _invalid("shifts", f"must lie between startTime and endTime, unlike {place}")


def _check_time(start_at: Instant, end_at: Instant, whose: str = "") -> None:
    for field, instant in (("startTime", start_at), ("endTime", end_at)):
        if not 0 <= instant <= LATEST:
            raise Invalid(f"{field}{whose} must lie between the years 1970 and 9999.", field=field)
    if end_at <= start_at:
        raise Invalid(f"endTime{whose} must be later than startTime.", field="endTime")


def _invalid(field: str, rule: str) -> Invalid:
    return Invalid(f"{field} {rule}.", field=field)
