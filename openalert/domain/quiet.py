"""Quiet time: windows of a person's week, and do-not-disturb until an instant."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, MINUTE, Instant
from openalert.domain.walltime import (
    WEEK,
    Wall,
    date_of,
    first_instant,
    midnight,
    parse_time,
    reached,
    weekday_of,
)

MOST_WINDOWS = 10
LEAST_OPEN = 60 * MINUTE
"""So much of a week must stay without quiet, or what is held would be held for good."""
LONGEST_DO_NOT_DISTURB = 30 * DAY


class QuietWindow(msgspec.Struct, frozen=True, kw_only=True):
    """From a local time to another, on the days on which it begins; past midnight where the end is not later."""

    days: tuple[int, ...]
    """0 = Sunday … 6 = Saturday."""
    from_time: str
    """`HH:MM`."""
    to_time: str
    """`HH:MM`; the same as the beginning means a day later."""

    @property
    def start(self) -> Wall:
        """Milliseconds from the midnight of its day."""
        return parse_time(self.from_time)

    @property
    def end(self) -> Wall:
        """The same, beyond 24 hours where it passes midnight."""
        end = parse_time(self.to_time)
        return end if end > self.start else end + DAY


def check_windows(windows: Sequence[QuietWindow]) -> tuple[QuietWindow, ...]:
    """The windows with their days in order, or Invalid: what is no time or day, or leaves no hour of the week."""
    if len(windows) > MOST_WINDOWS:
        raise Invalid(f"There can be at most {MOST_WINDOWS} windows.", field="windows")
    checked = tuple(check_window(window) for window in windows)
    open_for = WEEK - sum(end - start for start, end in of_week(checked))
    if open_for < LEAST_OPEN:
        raise Invalid("Quiet hours must leave at least an hour of the week free.", field="windows")
    return checked


def check_window(window: QuietWindow, field: str = "windows") -> QuietWindow:
    """The window with its days in order, or Invalid naming the field."""
    days = tuple(sorted(set(window.days)))
    if not days or not 0 <= days[0] <= days[-1] <= 6:
        raise Invalid("Give at least one day from 0 = Sunday to 6 = Saturday.", field=field)
    try:
        starts_in_day = window.start < DAY
        parse_time(window.to_time)
    except ValueError:
        starts_in_day = False
    if not starts_in_day:
        raise Invalid("Give times as HH:MM, like 22:00 and 07:00.", field=field)
    return msgspec.structs.replace(window, days=days)


def of_week(windows: Sequence[QuietWindow]) -> list[tuple[Wall, Wall]]:
    """What is quiet in a week of wall time that begins on Sunday 00:00, joined and in order."""
    pieces = []
    for window in windows:
        for day in window.days:
            start, end = day * DAY + window.start, day * DAY + window.end
            pieces.append((start, min(end, WEEK)))
            if end > WEEK:
                pieces.append((0, end - WEEK))
    joined: list[tuple[Wall, Wall]] = []
    for start, end in sorted(pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def awake_at(
    windows: Sequence[QuietWindow], zone: ZoneInfo, do_not_disturb_until: Instant | None, instant: Instant
) -> Instant:
    """The first moment from `instant` on that is not quiet; `instant` itself where nothing is."""
    at = max(instant, do_not_disturb_until or instant)
    for _ in range(MOST_WINDOWS * 8):
        later = max((end for window in windows if (end := _end(window, zone, at)) is not None), default=at)
        if later == at:
            return at
        at = max(later, do_not_disturb_until or later)
    return instant


def _end(window: QuietWindow, zone: ZoneInfo, at: Instant) -> Instant | None:
    """When this window ends, if `at` lies in it."""
    today = midnight(date_of(reached(zone, at)))
    for day in (today, today - DAY):
        if weekday_of(day) in window.days:
            start, end = first_instant(zone, day + window.start), first_instant(zone, day + window.end)
            if start <= at < end:
                return end
    return None
