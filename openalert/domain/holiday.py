"""Public holidays by country and region, from the optional library `holidays`; nothing is asked over the network.

A calendar is named by a country or a country and a region: `DE`, `DE-BY`, `US-CA`. A day is a holiday by its
local date, whatever the zone. Without the library there are no holidays.
"""

import re
import warnings
from bisect import bisect_right
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from types import MappingProxyType
from typing import TypeAlias

from openalert.domain.errors import Invalid

FIRST_YEAR, LAST_YEAR = 1970, 2100
"""Earlier and later years are taken to have no holidays."""
CALENDAR = re.compile(r"[A-Z]{2}(?:-[A-Za-z0-9][A-Za-z0-9 .'-]{0,40})?")

Day: TypeAlias = int
"""Days since 1970-01-01 of a local calendar."""

_EPOCH = date(1970, 1, 1).toordinal()
_EXAMPLE_DAYS = range(date(2020, 1, 1).toordinal() - _EPOCH, date(2035, 1, 1).toordinal() - _EPOCH)
"""Years long enough for every holiday to fall on every day of the week on which it ever does."""


def is_known() -> bool:
    """Whether the library is installed, so that calendars have holidays at all."""
    return find_spec("holidays") is not None


def check_calendar(calendar: str) -> None:
    """Refuse, as Invalid for `holidayCalendar`, a calendar of which no holidays can be told."""
    if not is_known():
        raise Invalid(
            "holidayCalendar needs the library of public holidays: install openalert[holidays] and try again.",
            field="holidayCalendar",
        )
    if not CALENDAR.fullmatch(calendar) or _of_library(calendar, 2026) is None:
        raise Invalid(
            f"holidayCalendar {calendar[:60]!r} is not known. "
            "Give a country, or a country and a region, such as DE, DE-BY or US-CA.",
            field="holidayCalendar",
        )


def countries() -> Mapping[str, str]:
    """The names of the countries by their codes, in the order of the codes; empty without the library."""
    if not is_known():
        return {}
    from holidays.registry import COUNTRIES

    return dict(sorted((names[1], _spaced(names[0])) for names in COUNTRIES.values()))


def in_year(calendar: str, year: int) -> Mapping[Day, str]:
    """The holidays of a year with their names, in the order of the days."""
    return _in_year(calendar, year) if FIRST_YEAR <= year <= LAST_YEAR else _NONE


def name_of(calendar: str, day: Day) -> str | None:
    """What holiday the day is; None: it is none."""
    return in_year(calendar, year_of(day)).get(day)


def is_holiday(calendar: str, day: Day) -> bool:
    """Whether the day is a holiday."""
    return day in in_year(calendar, year_of(day))


def next_holiday(calendar: str, day: Day) -> Day | None:
    """The first holiday after the day; None: no later one is known."""
    for year in range(max(year_of(day), FIRST_YEAR), LAST_YEAR + 1):
        days = tuple(in_year(calendar, year))
        place = bisect_right(days, day)
        if place < len(days):
            return days[place]
    return None


def has_days(calendar: str, weekdays: Collection[int], *, on_holidays: bool) -> bool:
    """Whether some date on one of the days of the week (0 = Sunday) is a holiday, or is none, in typical years."""
    return any(
        is_holiday(calendar, day) is on_holidays
        for day in _EXAMPLE_DAYS
        if date.fromordinal(day + _EPOCH).isoweekday() % 7 in weekdays
    )


def year_of(day: Day) -> int:
    """The year in which a day lies, between 1 and 9999."""
    return date.fromordinal(min(max(day + _EPOCH, 1), date.max.toordinal())).year


_NONE: Mapping[Day, str] = MappingProxyType({})


@lru_cache(maxsize=4096)
def _in_year(calendar: str, year: int) -> Mapping[Day, str]:
    return (_of_library(calendar, year) or _NONE) if is_known() else _NONE


def _of_library(calendar: str, year: int) -> Mapping[Day, str] | None:
    """The holidays of a year as the library knows them; None when it knows no such calendar."""
    import holidays

    country, _, region = calendar.partition("-")
    with suppress(NotImplementedError, AttributeError), warnings.catch_warnings(action="ignore"):
        found = holidays.country_holidays(country, subdiv=region or None, years=year, language="en_US")
        named = {day.toordinal() - _EPOCH: name for day, name in found.items()}
        return MappingProxyType(dict(sorted(named.items())))
    return None


def _spaced(name: str) -> str:
    """`UnitedStates` as `United States`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
