"""Swap: a shift, or part of one, that is offered to others, taken by one of them, or exchanged for another."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, LATEST, Instant
from openalert.domain.oncall import shifts
from openalert.domain.override import Override
from openalert.domain.plan import Plan

LONGEST_NOTE = 500
FURTHEST = 400 * DAY
"""How far ahead a swap may end."""


class SwapStatus(StrEnum):
    """What became of an offer."""

    OPEN = "open"
    TAKEN = "taken"
    """Others are on call as was agreed."""
    DECLINED = "declined"
    """The one person it was offered to said no."""
    WITHDRAWN = "withdrawn"
    """Taken back, before or after it was taken."""
    EXPIRED = "expired"
    """It began and nobody had taken it."""
    ENDED = "ended"
    """The schedule was edited, and the shift is no more."""


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """One offer; once taken, one cover, or two when a shift is given in return."""

    id: str
    organization_id: str
    schedule_id: str
    user_id: str
    """Whose shift it is."""
    to_user_id: str | None = None
    """The one person it is offered to; None: whoever may respond in the team."""
    taken_by_id: str | None = None
    start_at: Instant
    end_at: Instant
    return_start_at: Instant | None = None
    """The shift of `to_user_id` that `user_id` takes in return; None: none."""
    return_end_at: Instant | None = None
    note: str = ""
    status: SwapStatus = SwapStatus.OPEN
    cover_id: str | None = None
    return_cover_id: str | None = None
    due_at: Instant | None = None
    """When an open offer expires."""
    created_at: Instant
    created_by_id: str | None = None
    updated_at: Instant

    @property
    def in_return(self) -> tuple[Instant, Instant] | None:
        """The time that is taken in return."""
        if self.return_start_at is None or self.return_end_at is None:
            return None
        return self.return_start_at, self.return_end_at

    @property
    def begins_at(self) -> Instant:
        """When the first shift of it begins."""
        return min(self.start_at, self.start_at if self.return_start_at is None else self.return_start_at)


def expires_at(swap: Swap, now: Instant) -> Instant:
    """When an offer is over: as its shift begins; that of a shift which runs already, as it ends."""
    return swap.begins_at if swap.begins_at > now else swap.end_at


def check_swap(swap: Swap, now: Instant) -> None:
    """Refuse, as Invalid naming the field, a swap of no time, of the past, or with oneself."""
    _check_time("", swap.start_at, swap.end_at)
    if swap.end_at <= now:
        raise _invalid("endTime", "must lie in the future: shifts that are over stay as they were")
    if swap.end_at > now + FURTHEST:
        raise _invalid("endTime", f"must lie within the next {FURTHEST // DAY} days")
    if swap.to_user_id == swap.user_id:
        raise _invalid("toUserId", "must be somebody else than whose shift it is")
    if swap.taken_by_id == swap.user_id:
        raise _invalid("takerId", "must be somebody else than whose shift it is")
    if len(swap.note) > LONGEST_NOTE:
        raise _invalid("note", f"holds at most {LONGEST_NOTE} characters")
    if (swap.return_start_at is None) != (swap.return_end_at is None):
        missing = "returnStartTime" if swap.return_start_at is None else "returnEndTime"
        raise _invalid(missing, "must be given too: a shift in return has a beginning and an end")
    if swap.in_return is not None:
        _check_return(swap, *swap.in_return, now)


def _check_return(swap: Swap, start: Instant, end: Instant, now: Instant) -> None:
    if swap.to_user_id is None:
        raise _invalid("toUserId", "must name the person whose shift is taken in return")
    _check_time("return", start, end)
    if start <= now:
        raise _invalid("returnStartTime", "must lie in the future")
    if end > now + FURTHEST:
        raise _invalid("returnEndTime", f"must lie within the next {FURTHEST // DAY} days")
    if start < swap.end_at and swap.start_at < end:
        raise _invalid("returnStartTime", "must not lie within the shift that is given away")


def _check_time(prefix: str, start: Instant, end: Instant) -> None:
    first, last = (f"{prefix}StartTime", f"{prefix}EndTime") if prefix else ("startTime", "endTime")
    for field, instant in ((first, start), (last, end)):
        if not 0 <= instant <= LATEST:
            raise _invalid(field, "must lie between the years 1970 and 9999")
    if end <= start:
        raise _invalid(last, f"must be later than {first}")


def _invalid(field: str, rule: str) -> Invalid:
    return Invalid(f"{field} {rule}.", field=field)


def is_on(plan: Plan, user_id: str, start: Instant, end: Instant) -> bool:
    """Whether the person is on call at any moment of the time."""
    return any(
        person.user_id == user_id for shift in shifts(plan, start, end).items for person in shift.people
    )


def is_on_throughout(plan: Plan, user_id: str, start: Instant, end: Instant) -> bool:
    """Whether the person is on call for the whole time, maybe in several shifts."""
    reached = start
    for shift in shifts(plan, start, end).items:
        if shift.start != reached or all(person.user_id != user_id for person in shift.people):
            return False
        reached = shift.end
    return reached == end


def bound(plan: Plan, cover: Override) -> Override:
    """The cover, bound to the rotations whose turns it takes over; of the whole schedule where that is not enough."""
    narrow = msgspec.structs.replace(cover, rotation_ids=_rotations_of(plan, cover))
    after = with_overrides(plan, [*plan.overrides, narrow])
    gone = not is_on(after, cover.instead_of_id, cover.start_at, cover.end_at)
    here = is_on_throughout(after, cover.user_id, cover.start_at, cover.end_at)
    return narrow if gone and here else msgspec.structs.replace(cover, rotation_ids=())


def with_overrides(plan: Plan, overrides: Iterable[Override]) -> Plan:
    """The plan with these overrides and no others."""
    return Plan(
        schedule=plan.schedule, rotations=plan.rotations, overrides=list(overrides), imported=plan.imported
    )


def _rotations_of(plan: Plan, cover: Override) -> tuple[str, ...]:
    """The rotations by which the person to be covered is on call; none where something else has the say."""
    whole = {override.id for override in plan.overrides if not override.rotation_ids}
    found: set[str] = set()
    for shift in shifts(plan, cover.start_at, cover.end_at).items:
        for person in shift.people:
            if person.user_id != cover.instead_of_id:
                continue
            if person.rotation_id is None or person.override_id in whole:
                return ()
            found.add(person.rotation_id)
    return tuple(sorted(found))
