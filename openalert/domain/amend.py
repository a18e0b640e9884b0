"""Amend: edit a rotation so that neither the past nor the shift now running changes.

Every edit adds a version that decides from an instant on. The order of turns goes on from the person who
was on just before it:

- if a turn begins at that instant, it is the turn of whoever follows that person in the new order;
- if the instant lies inside a turn, that person keeps it to its end;
- if that person has left the rotation, the first later member of the old order who is still there takes over.

When the times of handoff change, the running turn counts as begun at that new handoff which lies closest to
its real beginning: the first turn under the new times is at most half a unit shorter or longer than usual.
A new `effective_from` that still lies ahead begins the rotation anew, with its first member.
"""

from typing import Literal

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant
from openalert.domain.oncall import next_handoff
from openalert.domain.schedule import (
    Rotation,
    RotationChange,
    RotationType,
    RotationVersion,
    check_holidays,
    check_version,
)
from openalert.domain.turns import Turns, turns_of, version_at, wall_text
from openalert.domain.walltime import Wall, first_instant, reached


def amend(
    rotation: Rotation,
    change: RotationChange,
    now: Instant,
    apply: Literal["next_handoff", "now"] | Instant = "next_handoff",
) -> Rotation:
    """The rotation with `change` in its definition, answering as before for every instant until it applies.

    `apply` says from when: the end of the shift that runs at `now` (at once when none runs), `now`, or an
    instant that is not past. A new `effective_until` always counts at once when no instant is given.
    Edits planned for later stay planned, with this change in them too. Invalid when the result is.
    """
    if isinstance(apply, int):
        if apply < now:
            raise Invalid("apply must not lie in the past: who was on call is not rewritten.", field="apply")
        return _amend_at(rotation, change, apply)
    if apply == "now":
        return _amend_at(rotation, change, now)
    if change.effective_until is not msgspec.UNSET:
        end = RotationChange(effective_until=change.effective_until)
        rotation = _amend_at(rotation, end, now)
        if change == end:
            return rotation
    return _amend_at(rotation, change, end_of_shift(rotation, now))


def end_of_shift(rotation: Rotation, now: Instant) -> Instant:
    """When the shift that runs at `now` ends; `now` when none runs, or none ends."""
    version, _ = version_at(rotation, now)
    if version is None or turns_of(version).holder(now) is None:
        return now
    handoff = next_handoff(rotation, now)
    return now if handoff is None else handoff


def _amend_at(rotation: Rotation, change: RotationChange, start: Instant) -> Rotation:
    """Add the version that decides from `start`, and put the change into those planned for later."""
    kept = tuple(version for version in rotation.versions if version.valid_from < start)
    base, _ = version_at(rotation, start)
    planned = [version for version in rotation.versions if version.valid_from > start]
    if base is None:
        base = planned.pop(0)
    for definition in (msgspec.structs.replace(base, valid_from=start), *planned):
        amended = _with(definition, change)
        check_version(amended)
        if change.holiday_calendar is not msgspec.UNSET or change.restrictions is not msgspec.UNSET:
            check_holidays(amended)
        kept += (_continued(kept[-1], amended) if kept else _anew(amended),)
    return msgspec.structs.replace(rotation, versions=kept)


def _with(definition: RotationVersion, change: RotationChange) -> RotationVersion:
    given = {
        field: value for field, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET
    }
    return msgspec.structs.replace(definition, **given)


def _anew(version: RotationVersion) -> RotationVersion:
    """The version counting its turns from its own `effective_from`."""
    return msgspec.structs.replace(version, anchor=None, first_turn=0)


def _continued(old: RotationVersion, version: RotationVersion) -> RotationVersion:
    """The version with its turns counted on from those of `old`, which decides until it begins."""
    start = version.valid_from
    if not old.member_ids or start <= old.effective_from or version.effective_from >= start:
        return _anew(version)
    before = turns_of(old)
    version = msgspec.structs.replace(version, anchor=wall_text(_anchor(before, version)), first_turn=0)
    if version.member_ids:
        heir = _heir(before, version)
        turn = turns_of(version).turn_at(start)
        version = msgspec.structs.replace(version, first_turn=(heir - turn) % len(version.member_ids))
    return version


def _anchor(before: Turns, version: RotationVersion) -> Wall:
    """Where turn 0 of the new version begins, in its wall time."""
    grid = turns_of(_anew(version)).grid
    if grid == before.grid:
        return before.anchor
    began = before.start(before.turn_at(version.valid_from))
    if grid.zone is not before.grid.zone:
        began = reached(grid.zone, first_instant(before.grid.zone, began))
    if (grid.rotation_type, grid.days) == (RotationType.CUSTOM, before.grid.days):
        grid = grid.any_day()  # only the very first turn began on one of those weekdays
    return grid.nearest_handoff(began)


def _heir(before: Turns, version: RotationVersion) -> int:
    """The position in the new order of whoever has the turn that runs when the new version begins."""
    old, new = before.version.member_ids, version.member_ids
    last_turn = before.turn_at(version.valid_from - 1)
    holder = before.position(last_turn)
    begun = before.turn_at(version.valid_from) - last_turn  # none, one, or more when a gap swallowed some
    if old[holder] in new:
        return (_place(old, holder, new) + begun) % len(new)
    for step in range(1, len(old)):
        successor = (holder + step) % len(old)
        if old[successor] in new:
            return _place(old, successor, new)
    return 0


def _place(old: tuple[str, ...], position: int, new: tuple[str, ...]) -> int:
    """Where the member at a position of the old order stands in the new; of several the like-numbered."""
    places = [place for place, member in enumerate(new) if member == old[position]]
    return places[min(old[:position].count(old[position]), len(places) - 1)]
