"""Who has the turn, found on a calendar: an independent model that walks from date to date with `whenever`.

It shares no code with the calculator: zones, dates and clock changes are those of `whenever`, holidays those of the
library itself, windows are sets of minutes. It is slow and simple.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

import holidays
import whenever
from whenever import PlainDateTime

from openalert.domain.instant import MINUTE, SECOND, Instant
from openalert.domain.schedule import HolidayRule, Restriction, RotationType, RotationVersion


def moment(instant: Instant) -> whenever.Instant:
    """An instant as `whenever` has it."""
    return whenever.Instant.from_timestamp(instant // SECOND)


def begins(zone: str, local: PlainDateTime) -> Instant:
    """The first instant at which the clocks of the zone show a local time, or a later one."""
    earlier = local.assume_tz(zone, disambiguation="earlier")
    if earlier.to_plain() == local:
        return int(earlier.timestamp()) * SECOND
    low, high = int(earlier.timestamp()), int(local.assume_tz(zone, disambiguation="later").timestamp())
    low -= 60  # before the gap; `high` is behind it
    while high - low > 1:
        middle = (low + high) // 2
        if whenever.Instant.from_timestamp(middle).to_tz(zone).to_plain() < local:
            low = middle
        else:
            high = middle
    return high * SECOND


def latest_shown(zone: str, instant: Instant) -> PlainDateTime:
    """The latest minute that the clocks have shown by an instant of whole minutes."""
    shown = moment(instant).to_tz(zone)
    plain = shown.to_plain()
    if not shown.is_repeated() or plain.assume_tz(zone, disambiguation="earlier") == shown:
        return plain
    while plain.assume_tz(zone, disambiguation="earlier").is_repeated():
        plain = plain.add(minutes=1, naive_arithmetic_ok=True)
    return plain.add(minutes=-1, naive_arithmetic_ok=True)


@lru_cache(maxsize=1024)
def clock_changes(zone: str, first_year: int, last_year: int) -> tuple[Instant, ...]:
    """The instants at which the zone's clocks are set, from the first year to before the last."""
    found = []
    step = 10 * 86_400  # no zone sets its clocks and back again within ten days
    at = int(whenever.Instant.from_utc(first_year, 1, 1).timestamp())
    end = int(whenever.Instant.from_utc(last_year, 1, 1).timestamp())

    def offset(second: int) -> whenever.TimeDelta:
        return whenever.Instant.from_timestamp(second).to_tz(zone).offset

    before = offset(at)
    while at < end:
        after = offset(at + step)
        if after != before:
            low, high = at, at + step
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            found.append(high * SECOND)
        before = after
        at += step
    return tuple(found)


@lru_cache(maxsize=512)
def is_holiday(calendar: str, day: date) -> bool:
    """Whether the library says so."""
    country, _, region = calendar.partition("-")
    return day in _of(country, region or None, day.year)


@lru_cache
def _of(country: str, region: str | None, year: int) -> holidays.HolidayBase:
    return holidays.country_holidays(country, subdiv=region, years=year)


@lru_cache(maxsize=512)
def minutes_of_week(windows: tuple[Restriction, ...]) -> frozenset[int]:
    """The minutes of the week, from Sunday 00:00, at which some window is open, by walking through it."""
    found: set[int] = set()
    for window in windows:
        start, end = (int(text[:2]) * 60 + int(text[3:]) for text in (window.from_time, window.to_time))
        for day in range(7) if window.from_day is None else [window.from_day]:
            last = end if window.from_day is None or window.to_day is None else window.to_day * 1440 + end
            cycle = 1440 if window.from_day is None or window.to_day is None else 10_080
            minute = day * 1440 + start
            while True:
                found.add(minute % 10_080)
                minute += 1
                if (minute - last) % cycle == 0:
                    break
    return frozenset(found)


def is_open(version: RotationVersion, local: PlainDateTime) -> bool:
    """Whether the windows are open at a local time."""
    if not version.restrictions:
        return True
    day = local.date().to_stdlib()
    minute = day.isoweekday() % 7 * 1440 + local.hour * 60 + local.minute
    return minute in minutes_of_week(_windows_on(version, day))


def _windows_on(version: RotationVersion, day: date) -> tuple[Restriction, ...]:
    off = version.holiday_calendar is not None and is_holiday(version.holiday_calendar, day)
    ruled_out = HolidayRule.EXCEPT if off else HolidayRule.ONLY
    return tuple(window for window in version.restrictions if window.holidays is not ruled_out)


def is_worked(version: RotationVersion, day: date) -> bool:
    """Whether a window begins on the date, or is open on it from the handoff on; without windows every day is."""
    windows = _windows_on(version, day)
    weekday = day.isoweekday() % 7
    if not version.restrictions or any(window.from_day in {None, weekday} for window in windows):
        return True
    handoff = int(version.handoff_time[:2]) * 60 + int(version.handoff_time[3:])
    return any(weekday * 1440 + minute in minutes_of_week(windows) for minute in range(handoff, 1440))


def handoff_dates(version: RotationVersion, first: date) -> Iterator[date]:
    """The dates on which a turn may begin, from `first` on, for ever; not for hours."""
    local = moment(version.effective_from).to_tz(version.timezone).to_plain().date().to_stdlib()
    kind = version.rotation_type
    days = {local.isoweekday() % 7} if kind is RotationType.WEEKLY else set(range(7))
    if kind is RotationType.WEEKLY and version.days:
        days = set(version.days)
    day = first
    while kind is RotationType.MONTHLY:
        month_end = (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        if day.day == min(local.day, month_end.day):
            yield day
        day += timedelta(days=1)
    while True:
        if day.isoweekday() % 7 in days:
            stretch = [day]
            while (stretch[-1] + timedelta(days=1)).isoweekday() % 7 not in days:
                stretch.append(stretch[-1] + timedelta(days=1))
            if not version.worked_days_only or any(is_worked(version, each) for each in stretch):
                yield day
        day += timedelta(days=1)


def handoffs(version: RotationVersion) -> Iterator[Instant]:
    """The instants at which turns may begin, the first of them turn 0; turns of several units skip some."""
    began = moment(version.effective_from).to_tz(version.timezone).to_plain()
    hour, minute = int(version.handoff_time[:2]), int(version.handoff_time[3:])
    started = version.rotation_type is not RotationType.CUSTOM or not version.days
    for day in handoff_dates(version, began.date().to_stdlib() - timedelta(days=2)):
        instant = begins(version.timezone, PlainDateTime(day.year, day.month, day.day, hour, minute))
        if instant < version.effective_from:
            continue
        if not started:  # custom turns begin on or after one of the days of choice
            chosen = _first_of(version, began, hour, minute)
            if instant < chosen:
                continue
            started = True
        yield instant


def _first_of(version: RotationVersion, began: PlainDateTime, hour: int, minute: int) -> Instant:
    for number in range(-2, 12):
        day = began.add(days=number).date().to_stdlib()
        instant = begins(version.timezone, PlainDateTime(day.year, day.month, day.day, hour, minute))
        if day.isoweekday() % 7 in version.days and instant >= version.effective_from:
            return instant
    raise AssertionError("a week has every day")


def turn_at(version: RotationVersion, at: Instant) -> tuple[int, Instant]:
    """The number of the turn that runs at an instant, 0 before the first handoff, and when the next begins."""
    number = -1
    for instant in handoffs(version):
        if instant > at and (number + 1) % version.shift_length == 0:
            return max(number, 0) // version.shift_length, instant
        number += 1
    raise AssertionError("handoffs never end")


def on_duty(version: RotationVersion, at: Instant) -> str:
    """Who is on at an instant of whole minutes; empty: nobody."""
    ended = version.effective_until is not None and at >= version.effective_until
    if at < version.effective_from or ended or not version.member_ids:
        return ""
    if not is_open(version, latest_shown(version.timezone, at - at % MINUTE)):
        return ""
    return version.member_ids[turn_at(version, at)[0] % len(version.member_ids)]
