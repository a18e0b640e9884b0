"""Schedule and Rotation: what people set up so that somebody is on call.

These structures are also the stored documents: plain values only. Local times are `HH:MM` text in the
rotation's zone, days of the week count from 0 = Sunday, instants are milliseconds UTC.
Who is on call is computed from them by `oncall`; `amend` edits a rotation without touching the past.
"""

from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.errors import Invalid
from openalert.domain.holiday import check_calendar, has_days
from openalert.domain.instant import DAY, LATEST, Instant
from openalert.domain.walltime import parse_time, zone_named

LONGEST_SHIFT = 10_000
"""Most units that one shift may last."""
HIGHEST_LAYER = 1_000
MOST_MEMBERS = 500
MOST_RESTRICTIONS = 100
LONGEST_NAME = 200


class RotationType(StrEnum):
    """The unit in which `shift_length` counts, and what a handoff is aligned to."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    CUSTOM = "custom"
    """Days like `daily`, but the first turn begins on `handoff_day`: ten days each, from a Monday."""


class HolidayRule(StrEnum):
    """What a public holiday does to a window."""

    ANY = "any"
    """Nothing: the window is open on holidays as on other days."""
    EXCEPT = "except"
    """The window is closed on holidays."""
    ONLY = "only"
    """The window is open on holidays alone."""


class Restriction(msgspec.Struct, frozen=True, kw_only=True):
    """A window of wall time in which a rotation is on: daily without `from_day`, else weekly.

    The start is inside, the end is not. A window whose end is not after its start passes midnight
    (or the week's end); equal start and end mean always. A moment belongs to the holiday of its local date, so
    a night that leads into a holiday is cut at midnight.
    """

    from_time: str
    """`HH:MM`."""
    to_time: str
    """`HH:MM`, or `24:00` for the end of the day."""
    from_day: int | None = None
    """0 = Sunday; None: every day."""
    to_day: int | None = None
    """None with a `from_day`: the same day, or the next when `to_time` is not after `from_time`."""
    holidays: HolidayRule = HolidayRule.ANY

    @property
    def days(self) -> set[int]:
        """The days of the week on which the window is open at some time, 0 = Sunday."""
        if self.from_day is None:
            return set(range(7))
        start, end = parse_time(self.from_time), parse_time(self.to_time)
        to_day = self.from_day + (end <= start) if self.to_day is None else self.to_day
        length = ((to_day - self.from_day) * DAY + end - start - 1) % (7 * DAY) + 1
        return {(self.from_day + day) % 7 for day in range((start + length - 1) // DAY + 1)}


class RotationVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable definition of a rotation; it decides from `valid_from` until the next version's."""

    valid_from: Instant
    """Never past when it is made: the first version's is its `effective_from`, or later the time of adding."""
    timezone: str
    """IANA name; copied from the schedule, so that moving the schedule elsewhere leaves the past alone."""
    layer: int = 1
    """The higher layer wins where it has somebody; rotations of one layer run in parallel."""
    rotation_type: RotationType = RotationType.WEEKLY
    shift_length: int = 1
    """How many units of `rotation_type` one turn lasts, in wall time; weekly with several days: how many handoffs."""
    handoff_time: str = "09:00"
    """`HH:MM`; for `hourly` a time through which the row of handoffs runs."""
    handoff_day: int | None = None
    """Weekly and custom, 0 = Sunday. None: weekly takes the weekday of `effective_from`, custom any day."""
    handoff_days: tuple[int, ...] = ()
    """Several days, ascending: weekly hands over on each, custom begins on the first; empty: see `handoff_day`."""
    effective_from: Instant
    """Nobody is on before. Monthly handoffs fall on its local day of the month, or the month's last."""
    effective_until: Instant | None = None
    """Nobody is on from then."""
    member_ids: tuple[str, ...] = ()
    """Users in the order of their turns; a user may appear twice; an empty string is a turn of nobody."""
    restrictions: tuple[Restriction, ...] = ()
    """Times at which the rotation is on; none: always. Turns go on meanwhile."""
    worked_days_only: bool = False
    """Days (weekly: stretches between handoffs) on which the restrictions never open use up no turn."""
    holiday_calendar: str | None = None
    """Whose public holidays the restrictions mean: `DE`, `DE-BY`."""
    is_shadow: bool = False
    """Whoever is on sees what happens but is not paged, and is no cover for a gap."""
    anchor: str | None = None
    """Wall time `YYYY-MM-DDTHH:MM` of turn 0's start; None: the first handoff from `effective_from` on."""
    first_turn: int = 0
    """Position in `member_ids` of who has turn 0 and the time before it; set by `amend`."""

    @property
    def days(self) -> tuple[int, ...]:
        """The days of handoff, one or several; empty: none is set."""
        if self.handoff_days:
            return self.handoff_days
        return () if self.handoff_day is None else (self.handoff_day,)


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """People who take turns, with every definition that it ever had or is planned to get."""

    id: str
    schedule_id: str
    name: str
    versions: tuple[RotationVersion, ...]
    """Never empty, ascending by `valid_from`, which is unique. Before the first, nobody is on."""
    removed_at: Instant | None = None
    """From then on it has nobody and is not shown any more; what it said of the past stays."""

    @property
    def current(self) -> RotationVersion:
        """The newest definition, planned or in force: what an editor shows."""
        return self.versions[-1]

    @property
    def layer(self) -> int:
        """The layer of the newest definition."""
        return self.versions[-1].layer


class RotationChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit sets in a rotation's definition; what is not given stays as it was."""

    timezone: str | UnsetType = UNSET
    layer: int | UnsetType = UNSET
    rotation_type: RotationType | UnsetType = UNSET
    shift_length: int | UnsetType = UNSET
    handoff_time: str | UnsetType = UNSET
    handoff_day: int | UnsetType | None = UNSET
    handoff_days: tuple[int, ...] | UnsetType = UNSET
    effective_from: Instant | UnsetType = UNSET
    effective_until: Instant | UnsetType | None = UNSET
    member_ids: tuple[str, ...] | UnsetType = UNSET
    restrictions: tuple[Restriction, ...] | UnsetType = UNSET
    worked_days_only: bool | UnsetType = UNSET
    holiday_calendar: str | UnsetType | None = UNSET
    is_shadow: bool | UnsetType = UNSET


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A named answer to "who is on call", owned by a team; rotations, overrides and calendars say who."""

    id: str
    organization_id: str
    team_id: str
    name: str
    timezone: str
    """IANA name that new rotations take over."""
    created_at: Instant
    updated_at: Instant


def check_schedule(schedule: Schedule) -> None:
    """Refuse, as Invalid, a schedule that cannot be computed."""
    _check_name(schedule.name)
    zone_named(schedule.timezone)


def check_rotation(rotation: Rotation) -> None:
    """Refuse, as Invalid, a rotation of which any definition cannot be computed."""
    _check_name(rotation.name)
    starts = [version.valid_from for version in rotation.versions]
    if not starts or starts != sorted(set(starts)):
        raise ValueError("a rotation needs versions in the order of their valid_from")
    for version in rotation.versions:
        check_version(version)


def check_version(version: RotationVersion) -> None:
    """Refuse, as Invalid, a definition that cannot be computed; the sentence names the API's field."""
    zone_named(version.timezone)
    if not 1 <= version.shift_length <= LONGEST_SHIFT:
        raise _invalid("shiftLength", f"must be between 1 and {LONGEST_SHIFT}, not {version.shift_length}")
    if not 0 <= version.layer <= HIGHEST_LAYER:
        raise _invalid("layer", f"must be between 0 and {HIGHEST_LAYER}, not {version.layer}")
    _check_time("handoffTime", version.handoff_time)
    _check_handoff_days(version)
    _check_instant("effectiveFrom", version.effective_from)
    if version.effective_until is not None:
        _check_instant("effectiveUntil", version.effective_until)
        if version.effective_until <= version.effective_from:
            raise _invalid("effectiveUntil", "must be later than effectiveFrom")
    if len(version.member_ids) > MOST_MEMBERS:
        raise _invalid("memberIds", f"holds at most {MOST_MEMBERS} people")
    if len(version.restrictions) > MOST_RESTRICTIONS:
        raise _invalid("restrictions", f"holds at most {MOST_RESTRICTIONS} windows")
    for restriction in version.restrictions:
        _check_restriction(restriction)
    if version.worked_days_only and version.rotation_type in {RotationType.HOURLY, RotationType.MONTHLY}:
        raise _invalid("workedDaysOnly", "counts days; it goes with daily, weekly and custom rotations only")
    minding = any(window.holidays is not HolidayRule.ANY for window in version.restrictions)
    if minding and version.holiday_calendar is None:
        raise _invalid(
            "holidays", "of a window mean those of a holidayCalendar, such as DE or US-CA: name it"
        )


def check_holidays(version: RotationVersion) -> None:
    """Refuse, as Invalid, an unknown calendar of holidays, and windows of which it leaves nothing.

    Asked of what somebody sets, not of what is stored: without the library that is computed without holidays.
    """
    calendar = version.holiday_calendar
    if calendar is None:
        return
    check_calendar(calendar)
    for window in version.restrictions:
        only = window.holidays is HolidayRule.ONLY
        if window.holidays is not HolidayRule.ANY and not has_days(calendar, window.days, on_holidays=only):
            raise _invalid(
                "holidays", f"as {window.holidays.value!r} leave nothing of a window: it never opens"
            )


def _invalid(field: str, rule: str) -> Invalid:
    return Invalid(f"{field} {rule}.", field=field)


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise _invalid("name", f"must have 1 to {LONGEST_NAME} characters")


def _check_handoff_days(version: RotationVersion) -> None:
    _check_day("handoffDay", version.handoff_day)
    days = version.handoff_days
    for day in days:
        _check_day("handoffDays", day)
    if list(days) != sorted(set(days)):
        raise _invalid("handoffDays", "names each day once, from 0 (Sunday) to 6 (Saturday)")
    if version.handoff_day is not None and days not in {(), (version.handoff_day,)}:
        raise _invalid("handoffDays", "says on which days; leave handoffDay out or let it be the only one")
    if len(days) > 1 and version.rotation_type not in {RotationType.WEEKLY, RotationType.CUSTOM}:
        raise _invalid("handoffDays", "names several days for weekly and custom rotations only")


def _check_restriction(restriction: Restriction) -> None:
    _check_time("fromTime", restriction.from_time)
    _check_time("toTime", restriction.to_time, may_end_day=True)
    _check_day("fromDay", restriction.from_day)
    _check_day("toDay", restriction.to_day)
    if restriction.to_day is not None and restriction.from_day is None:
        raise _invalid("toDay", "needs a fromDay; leave both out for a window on every day")


def _check_time(field: str, text: str, *, may_end_day: bool = False) -> None:
    try:
        time = parse_time(text)
    except ValueError:
        time = None
    if time is None or (time == DAY and not may_end_day):
        raise _invalid(field, f"must be a time of day as HH:MM from 00:00 to 23:59, not {text!r}")


def _check_day(field: str, day: int | None) -> None:
    if day is not None and not 0 <= day <= 6:
        raise _invalid(field, f"must be a day from 0 (Sunday) to 6 (Saturday), not {day}")


def _check_instant(field: str, instant: Instant) -> None:
    if not 0 <= instant <= LATEST:
        raise _invalid(field, "must lie between the years 1970 and 9999")
