"""Recurrence: a part of RFC 5545's RRULE, counted out in the wall time of a zone.

    FREQ=DAILY | WEEKLY | MONTHLY    INTERVAL    UNTIL or COUNT
    BYDAY=MO,TH           weekly, and daily to leave days out
    BYDAY=3TU,-1FR        monthly: the third Tuesday, the last Friday
    BYMONTHDAY=1,15,-1    monthly; -1 is the last day. A month without the day is left out

Days are counted as integers in wall time, so changes of clocks move no date; `domain.walltime` says at which
instant a local time is. A rule repeats the day of its beginning where it names none.
"""

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant, from_datetime, to_datetime
from openalert.domain.walltime import Wall, date_of, first_instant, midnight, zone_named

LONGEST_RULE = 200
MOST_INTERVAL = 100
MOST_COUNT = 100
_FRUITLESS = 500
"""Days, weeks or months in a row without a fitting day after which a rule is taken to have ended: February 30."""
_LAST_DAY = midnight(date.max) // DAY - 800 * MOST_INTERVAL

Day: TypeAlias = int
"""A calendar day, counted from 1970-01-01."""


class Frequency(StrEnum):
    """What passes between two times of a rule with interval 1."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


class Recurrence(msgspec.Struct, frozen=True, kw_only=True):
    """When something comes again: a rule, and the zone by whose clocks it is meant."""

    rule: str
    """`FREQ=WEEKLY;BYDAY=SU`, as RFC 5545 writes it."""
    timezone: str
    """IANA name."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that has been read."""

    frequency: Frequency
    interval: int = 1
    weekdays: tuple[tuple[int, int], ...] = ()
    """(which one in the month, 0 = each; day of the week, 0 = Monday), in order."""
    month_days: tuple[int, ...] = ()
    """1 to 31, or -1 to -31 from the month's end."""
    count: int | None = None
    until: str = ""
    """`20271231`, `20271231T235900` in the zone, or the same with a Z in UTC; "" for ever."""


_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"[0-9]{8}(?:T[0-9]{6}Z?)?")
_NUMBER = re.compile(r"[0-9]{1,4}")
_NAMES = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "second last"}
_WORKDAYS = ("MO", "TU", "WE", "TH", "FR")


@lru_cache(maxsize=1024)
def read(text: str) -> Rule:
    """The rule of a text, with or without `RRULE:` before it; Invalid names the part that is not understood."""
    parts: dict[str, str] = {}
    if len(text) > LONGEST_RULE:
        raise _wrong(f"must have at most {LONGEST_RULE} characters")
    for part in text.strip().upper().removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = part.strip().partition("=")
        if not equals or name in parts:
            raise _wrong(f"{part[:40]!r} is not understood; write FREQ=WEEKLY;BYDAY=MO")
        parts[name] = value.strip()
    frequency = parts.pop("FREQ", "")
    if frequency not in set(Frequency):
        raise _wrong(f"FREQ must be one of {', '.join(Frequency)}")
    if parts.pop("WKST", "MO") != "MO":
        raise _wrong("WKST can only be MO: weeks begin on Monday")
    rule = Rule(
        frequency=Frequency(frequency),
        interval=_number(parts.pop("INTERVAL", "1"), "INTERVAL", MOST_INTERVAL),
        weekdays=_weekdays(parts.pop("BYDAY", ""), monthly=frequency == Frequency.MONTHLY),
        month_days=_month_days(parts.pop("BYMONTHDAY", "")),
        count=_number(parts.pop("COUNT"), "COUNT", MOST_COUNT) if "COUNT" in parts else None,
        until=_until(parts.pop("UNTIL", "")),
    )
    for name in parts:
        raise _wrong(f"{name[:40]} is not known; there is FREQ, INTERVAL, BYDAY, BYMONTHDAY, COUNT and UNTIL")
    _check_together(rule)
    return rule


def spell(rule: Rule) -> str:
    """The rule as RFC 5545 writes it, in one order."""
    parts = [f"FREQ={rule.frequency.value}"]
    if rule.interval > 1:
        parts.append(f"INTERVAL={rule.interval}")
    if rule.weekdays:
        parts.append("BYDAY=" + ",".join(f"{nth or ''}{_WEEKDAYS[day]}" for nth, day in rule.weekdays))
    if rule.month_days:
        parts.append("BYMONTHDAY=" + ",".join(map(str, rule.month_days)))
    if rule.count is not None:
        parts.append(f"COUNT={rule.count}")
    if rule.until:
        parts.append(f"UNTIL={rule.until}")
    return ";".join(parts)


def words(recurrence: Recurrence) -> str:
    """The rule as people say it: `every 2 weeks on Tuesday and Thursday`, `every month on the third Tuesday`."""
    rule = read(recurrence.rule)
    unit = {Frequency.DAILY: "day", Frequency.WEEKLY: "week", Frequency.MONTHLY: "month"}[rule.frequency]
    said = f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"
    codes = tuple(_WEEKDAYS[day] for nth, day in rule.weekdays if nth == 0)
    named = [_NAMES[code] for code in codes]
    if codes == _WORKDAYS and rule.interval == 1:
        said, named = "every working day", []
    named += [
        f"the {_NTH.get(nth) or f'{-nth}th last'} {_NAMES[_WEEKDAYS[day]]}"
        for nth, day in rule.weekdays
        if nth
    ]
    named += [f"day {day}" if day > 0 else _from_end(day) for day in rule.month_days]
    if named:
        said += " on " + (" and ".join([", ".join(named[:-1]), named[-1]]) if len(named) > 1 else named[0])
    if rule.count is not None:
        said += f", {rule.count} times" if rule.count > 1 else ", once"
    if rule.until:
        said += f", until {rule.until[:4]}-{rule.until[4:6]}-{rule.until[6:8]}"
    return said


def check(recurrence: Recurrence) -> Recurrence:
    """The recurrence as it is stored, or Invalid."""
    zone_named(recurrence.timezone)
    return Recurrence(rule=spell(read(recurrence.rule)), timezone=recurrence.timezone)


def beginnings(recurrence: Recurrence, first: Instant, after: Instant) -> Iterator[tuple[Instant, Wall]]:
    """The times at which something begins that began at `first`, with their wall times, from day of `after` on.

    In order and without end unless the rule has one. A local time that is skipped in spring is the end of the gap;
    one that comes twice in autumn is the first.
    """
    rule, zone = read(recurrence.rule), zone_named(recurrence.timezone)
    start = shown(recurrence.timezone, first)
    first_day, time = start // DAY, start % DAY
    from_day = (
        first_day if rule.count is not None else max(first_day, shown(recurrence.timezone, after) // DAY)
    )
    days = _days(rule, first_day, from_day)
    for day in days if rule.count is None else islice(days, rule.count):
        wall = day * DAY + time
        instant = first if day == first_day else first_instant(zone, wall)
        if _is_over(rule, wall, instant):
            return
        yield instant, wall


def shown(timezone: str, instant: Instant) -> Wall:
    """What the zone's clocks show at an instant, milliseconds left out or not."""
    local = to_datetime(instant).astimezone(zone_named(timezone)).replace(tzinfo=UTC)
    return from_datetime(local)


def _is_over(rule: Rule, wall: Wall, instant: Instant) -> bool:
    """Whether a beginning lies behind the rule's UNTIL."""
    if not rule.until:
        return False
    if len(rule.until) == 8:
        return wall // DAY > _when(rule.until) // DAY
    return (instant if rule.until.endswith("Z") else wall) > _when(rule.until)


def _when(until: str) -> Instant:
    shape = "%Y%m%dT%H%M%S" if "T" in until else "%Y%m%d"
    return from_datetime(datetime.strptime(until.rstrip("Z"), shape).replace(tzinfo=UTC))


def _days(rule: Rule, first: Day, start: Day) -> Iterator[Day]:
    """The days of the rule from `start` on, ascending; none before `first`."""
    fruitless = 0
    for period in _periods(rule, first, start):
        fitting = [day for day in _of_period(rule, first, period) if day >= start]
        if fitting and fitting[0] > _LAST_DAY:
            return
        yield from fitting
        fruitless = 0 if fitting else fruitless + 1
        if fruitless > _FRUITLESS or period > _LAST_DAY:
            return


def _periods(rule: Rule, first: Day, start: Day) -> Iterator[int]:
    """The days, Mondays or months (counted from year 0) that the rule looks at, the one of `start` or before first."""
    if rule.frequency is Frequency.MONTHLY:
        begin, now, step = _month(first), _month(start), rule.interval
    else:
        weekly = rule.frequency is Frequency.WEEKLY
        begin = first - _weekday(first) if weekly else first
        now, step = start, rule.interval * (7 if weekly else 1)
    period = begin + max(0, now - begin) // step * step
    while True:
        yield period
        period += step


def _of_period(rule: Rule, first: Day, period: int) -> list[Day]:
    if rule.frequency is Frequency.DAILY:
        allowed = {day for _, day in rule.weekdays}
        return [period] if not allowed or _weekday(period) in allowed else []
    if rule.frequency is Frequency.WEEKLY:
        chosen = sorted(day for _, day in rule.weekdays) or [_weekday(first)]
        return [period + day for day in chosen]
    return _of_month(rule, first, period)


def _of_month(rule: Rule, first: Day, month: int) -> list[Day]:
    year, index = divmod(month, 12)
    if year > date.max.year - 1:
        return [_LAST_DAY + 1]
    begins, length = midnight(date(year, index + 1, 1)) // DAY, calendar.monthrange(year, index + 1)[1]
    found: set[Day] = set()
    for nth, weekday in rule.weekdays:
        same = range(begins + (weekday - _weekday(begins)) % 7, begins + length, 7)
        if nth == 0:
            found.update(same)
        elif -len(same) <= nth <= len(same):
            found.add(same[nth - 1 if nth > 0 else nth])
    for day in rule.month_days or (() if rule.weekdays else (date_of(first * DAY).day,)):
        if abs(day) <= length:
            found.add(begins + (day - 1 if day > 0 else length + day))
    return sorted(found)


def _weekday(day: Day) -> int:
    """0 = Monday; 1970-01-01 was a Thursday."""
    return (day + 3) % 7


def _month(day: Day) -> int:
    on = date_of(day * DAY)
    return on.year * 12 + on.month - 1


def _from_end(day: int) -> str:
    return "the last day" if day == -1 else f"{-day - 1} days before the last"


def _number(text: str, name: str, most: int) -> int:
    value = int(text) if _NUMBER.fullmatch(text) else 0
    if not 1 <= value <= most:
        raise _wrong(f"{name} must be a whole number from 1 to {most:,}")
    return value


def _weekdays(text: str, *, monthly: bool) -> tuple[tuple[int, int], ...]:
    found = set()
    for part in text.split(",") if text else ():
        match = _WEEKDAY.fullmatch(part.strip())
        if match is None or (match[1] and not monthly):
            example = "3TU,-1FR" if monthly else "MO,TH"
            raise _wrong(f"BYDAY={part[:20]} is not understood; write BYDAY={example}")
        found.add((int(match[1] or 0), _WEEKDAYS.index(match[2])))
    return tuple(sorted(found))


def _month_days(text: str) -> tuple[int, ...]:
    found = set()
    for part in text.split(",") if text else ():
        digits = part.strip().removeprefix("-")
        if not _NUMBER.fullmatch(digits) or not 1 <= int(digits) <= 31:
            raise _wrong(f"BYMONTHDAY={part[:20]} is not understood; write 1 to 31, or -1 for the last day")
        found.add(int(part.strip()))
    return tuple(sorted(found))


def _until(text: str) -> str:
    if not text or (_UNTIL.fullmatch(text) and _is_time(text)):
        return text
    raise _wrong("UNTIL must be a day such as 20271231, or a time such as 20271231T220000Z")


def _is_time(until: str) -> bool:
    try:
        return _when(until) >= 0
    except ValueError:
        return False


def _check_together(rule: Rule) -> None:
    if rule.month_days and rule.frequency is not Frequency.MONTHLY:
        raise _wrong("BYMONTHDAY goes with FREQ=MONTHLY")
    if rule.month_days and rule.weekdays:
        raise _wrong("BYDAY and BYMONTHDAY cannot go together")
    if rule.count is not None and rule.until:
        raise _wrong("COUNT and UNTIL cannot go together")


def _wrong(why: str) -> Invalid:
    return Invalid(f"recurrence.rule: {why}.", field="recurrence.rule")
