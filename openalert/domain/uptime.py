"""Uptime: the bars and the percentage of a component, from the one log of how it was.

Weights as Statuspage publishes them: a major outage counts whole, a partial one 0.3; slowness and maintenance do not
count. Days are those of the page's time zone; a day with a change of clocks has 23 or 25 hours.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import Instant, to_datetime
from openalert.domain.status_page import ComponentStatus, Logged
from openalert.domain.walltime import first_instant, midnight

WEIGHTS = {ComponentStatus.MAJOR_OUTAGE: 1.0, ComponentStatus.PARTIAL_OUTAGE: 0.3}
DAYS = 90


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One bar."""

    date: str
    """`2026-01-31`."""
    known: Instant
    """Milliseconds of the day that have passed and are known; 0: there is nothing to say."""
    partial: Instant = 0
    major: Instant = 0
    """Milliseconds in such an outage."""
    worst: ComponentStatus = ComponentStatus.OPERATIONAL
    incident_ids: tuple[str, ...] = ()
    """Incidents because of which it was not operational."""

    @property
    def percent(self) -> float | None:
        """Uptime of the day; None: nothing is known."""
        return percent([self])


def days(
    log: Sequence[Logged], *, began_at: Instant, now: Instant, zone: ZoneInfo, count: int = DAYS
) -> list[Day]:
    """The last days of a component, the oldest first; `log` is ordered by time and may begin earlier."""
    today = to_datetime(now).astimezone(zone).date()
    return [_day(log, today - timedelta(days=back), began_at, now, zone) for back in reversed(range(count))]


def _day(log: Sequence[Logged], day: date, began_at: Instant, now: Instant, zone: ZoneInfo) -> Day:
    start = max(first_instant(zone, midnight(day)), began_at)
    end = min(first_instant(zone, midnight(day + timedelta(days=1))), now)
    if end <= start:
        return Day(date=day.isoformat(), known=0)
    partial = major = 0
    worst, incidents = ComponentStatus.OPERATIONAL, dict[str, None]()
    # Only what held during the day is looked at: the cost is that of the days, however long the log is.
    first = max(0, bisect_right(log, start, key=_since) - 1)
    held = log[first : bisect_left(log, end, key=_since)]
    for entry, following in zip(held, [*(each.at for each in held[1:]), end], strict=True):
        lasted = min(following, end) - max(entry.at, start)
        if lasted <= 0 or entry.status is ComponentStatus.OPERATIONAL:
            continue
        worst = max(worst, entry.status, key=lambda status: status.rank)
        if entry.incident_id:
            incidents[entry.incident_id] = None
        if entry.status is ComponentStatus.MAJOR_OUTAGE:
            major += lasted
        elif entry.status is ComponentStatus.PARTIAL_OUTAGE:
            partial += lasted
    return Day(
        date=day.isoformat(),
        known=end - start,
        partial=partial,
        major=major,
        worst=worst,
        incident_ids=tuple(incidents),
    )


def _since(entry: Logged) -> Instant:
    return entry.at


def percent(some: Sequence[Day]) -> float | None:
    """Uptime over these days, 0 to 100; None: nothing is known of them."""
    known = sum(day.known for day in some)
    if not known:
        return None
    weights = WEIGHTS[ComponentStatus.PARTIAL_OUTAGE], WEIGHTS[ComponentStatus.MAJOR_OUTAGE]
    down = sum(day.partial * weights[0] + day.major * weights[1] for day in some)
    return 100 * (1 - down / known)
