"""A month of maintenance: six weeks of days, each with the windows that run on it, in the reader's zone."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from openalert.domain.instant import Instant, to_datetime
from openalert.domain.maintenance_window import MaintenanceWindow, between
from openalert.domain.walltime import first_instant, midnight
from openalert.web.ui.frame import Values

MOST_TIMES = 100
"""Times of one window in six weeks; those of a day and more often are fewer."""
SHOWN = 4
"""Windows of one day; of more it is said how many there are."""
_FIRST, _LAST = date(2000, 1, 1), date(2199, 12, 1)


def month_of(text: str, now: Instant, zone: ZoneInfo) -> date:
    """The first day of the month in the address, `2026-11`; of this month where it holds none."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        found = _today(now, zone).replace(day=1)
    return min(max(found, _FIRST), _LAST)


def start_of(first: date, zone: ZoneInfo) -> Instant:
    """When the first day that the calendar of a month shows begins."""
    return _midnight(first - timedelta(days=first.weekday()), zone)


def month(
    first: date,
    windows: Sequence[MaintenanceWindow],
    names: Mapping[str, str],
    now: Instant,
    zone: ZoneInfo,
) -> Values:
    """The calendar: `words`, `earlier`, `later`, and `days` with the times on each."""
    begin = first - timedelta(days=first.weekday())
    after = (first + timedelta(days=31)).replace(day=1)
    length = 35 if begin + timedelta(days=35) >= after else 42
    days = [begin + timedelta(days=number) for number in range(length)]
    times = _times(windows, days[0], days[-1], zone)
    today = _today(now, zone)
    return {
        "words": f"{first:%B %Y}",
        "earlier": f"{first - timedelta(days=1):%Y-%m}",
        "later": f"{after:%Y-%m}",
        "weekdays": [f"{day:%a}" for day in days[:7]],
        "days": [
            {
                "day": day.isoformat(),
                "number": day.day,
                "words": f"{day:%A} {day.day} {day:%B}",
                "is_today": day == today,
                "is_other": day.month != first.month,
                "times": (found := _on(day, times, names, now, zone))[:SHOWN],
                "more": len(found) - SHOWN,
            }
            for day in days
        ],
    }


def _times(
    windows: Sequence[MaintenanceWindow], first: date, last: date, zone: ZoneInfo
) -> list[tuple[Instant, Instant, MaintenanceWindow]]:
    start, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    found = [
        (each.starts_at, each.ends_at, window)
        for window in windows
        for each in between(window, start, end, MOST_TIMES)
    ]
    return sorted(found, key=lambda time: (time[0], time[2].id))


def _on(
    day: date,
    times: Sequence[tuple[Instant, Instant, MaintenanceWindow]],
    names: Mapping[str, str],
    now: Instant,
    zone: ZoneInfo,
) -> list[dict[str, Any]]:
    start, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    return [
        {
            "href": f"/maintenance/{window.id}",
            "name": window.name,
            "team": names.get(window.team_id, ""),
            "words": _words(begins, ends, start, end, zone),
            "state": "running" if begins <= now < ends else "over" if ends <= now else "ahead",
            "repeats": window.recurrence is not None,
        }
        for begins, ends, window in times
        if begins < end and ends > start
    ]


def _words(begins: Instant, ends: Instant, start: Instant, end: Instant, zone: ZoneInfo) -> str:
    """`22:00–06:00`, or what of it lies in the day of a longer one."""
    first, last = (to_datetime(each).astimezone(zone) for each in (begins, ends))
    if begins <= start and ends >= end:
        return "all day"
    if begins < start:
        return f"until {last:%H:%M}"
    return f"{first:%H:%M}–{last:%H:%M}" if ends - begins < 24 * 3_600_000 else f"from {first:%H:%M}"


def _midnight(day: date, zone: ZoneInfo) -> Instant:
    return first_instant(zone, midnight(day))


def _today(now: Instant, zone: ZoneInfo) -> date:
    return to_datetime(now).astimezone(zone).date()
