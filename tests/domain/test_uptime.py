"""Uptime against days that were worked out by hand, with those of 23 and 25 hours."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from openalert.domain.instant import DAY, HOUR, Instant, from_datetime
from openalert.domain.status_page import ComponentStatus, Logged
from openalert.domain.uptime import Day, days, percent

UP = ComponentStatus.OPERATIONAL
SLOW = ComponentStatus.DEGRADED_PERFORMANCE
PARTIAL = ComponentStatus.PARTIAL_OUTAGE
MAJOR = ComponentStatus.MAJOR_OUTAGE
CARE = ComponentStatus.UNDER_MAINTENANCE
UTC, BERLIN = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = UTC) -> Instant:
    """The instant of a local time."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=zone))


def logged(*entries: tuple[str, ComponentStatus], zone: ZoneInfo = UTC, because: str = "i") -> list[Logged]:
    """A log of these changes, each but those to operational because of an incident."""
    return [
        Logged(
            component_id="c", at=at(when, zone), status=status, incident_id=None if status is UP else because
        )
        for when, status in entries
    ]


def bars(
    log: list[Logged], now: str, count: int, zone: ZoneInfo = UTC, began: str = "2026-01-01"
) -> list[Day]:
    """The last days at this local time."""
    return days(log, began_at=at(began, zone), now=at(now, zone), zone=zone, count=count)


def test_a_partial_outage_counts_three_tenths() -> None:
    """Two hours of a major outage and five of a partial one: 3.5 of 24 hours."""
    log = logged(
        ("2026-01-01T00:00", UP),
        ("2026-02-03T01:00", MAJOR),
        ("2026-02-03T03:00", PARTIAL),
        ("2026-02-03T08:00", UP),
    )
    before, day = bars(log, "2026-02-04T00:00", 3)[:2]
    assert (day.date, day.known, day.major, day.partial) == ("2026-02-03", DAY, 2 * HOUR, 5 * HOUR)
    assert day.percent == pytest.approx(100 * (24 - 3.5) / 24)
    assert (day.worst, day.incident_ids) == (MAJOR, ("i",))
    assert (before.percent, before.worst, before.incident_ids) == (100, UP, ())


def test_slowness_and_maintenance_cost_nothing_but_are_seen() -> None:
    """The day is a hundred per cent, and its worst says what there was."""
    log = logged(("2026-01-01T00:00", UP), ("2026-02-03T01:00", CARE), ("2026-02-03T02:00", SLOW))
    (day,) = bars(log, "2026-02-03T12:00", 1)
    assert (day.percent, day.worst, day.known) == (100, SLOW, 12 * HOUR)


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-03-28", 24), ("2026-10-26", 24)]
)
def test_a_day_has_as_many_hours_as_its_clocks_say(day: str, hours: int) -> None:
    """Down from 1:30 to 3:30 by the clocks of Berlin: in spring an hour, in autumn three."""
    log = logged(("2026-01-01T00:00", UP), (f"{day}T01:30", MAJOR), (f"{day}T03:30", UP), zone=BERLIN)
    following = f"{day[:8]}{int(day[8:]) + 1}T12:00"
    found = bars(log, following, 2, BERLIN)[0]
    assert (found.date, found.known, found.major) == (day, hours * HOUR, (hours - 22) * HOUR)
    assert found.percent == pytest.approx(100 * 22 / hours)


def test_an_outage_over_midnight_is_cut_where_the_zone_says() -> None:
    """22:00 to 2:00 in Berlin is two hours of each day there, though it is one day in UTC."""
    log = logged(("2026-01-01", UP), ("2026-02-03T22:00", MAJOR), ("2026-02-04T02:00", UP), zone=BERLIN)
    assert [day.major for day in bars(log, "2026-02-05T00:00", 3, BERLIN)] == [2 * HOUR, 2 * HOUR, 0]
    as_utc = days(log, began_at=0, now=at("2026-02-05T00:00", BERLIN), zone=UTC, count=2)
    assert [day.major for day in as_utc] == [3 * HOUR, HOUR]


def test_what_lasts_counts_until_now_and_days_before_the_beginning_are_unknown() -> None:
    """Nothing is known of the time before the component was there, nor of what has not come yet."""
    log = logged(("2026-02-03T06:00", UP), ("2026-02-04T06:00", MAJOR))
    empty, first, today = bars(log, "2026-02-04T09:00", 3, began="2026-02-03T06:00")
    assert (empty.known, empty.percent) == (0, None)
    assert (first.known, first.percent) == (18 * HOUR, 100)
    assert (today.known, today.major) == (9 * HOUR, 3 * HOUR)
    assert percent([empty, first, today]) == pytest.approx(100 * 24 / 27)
    assert percent([empty]) is None


def test_a_log_that_begins_earlier_says_how_the_first_day_begins() -> None:
    """An outage of a year is an outage of each day of it."""
    log = logged(("2025-01-01T00:00", MAJOR))
    found = bars(log, "2026-02-04T00:00", 90, began="2025-01-01")
    assert len(found) == 90
    assert {day.percent for day in found[:-1]} == {0.0}
    assert found[-1].known == 0


def test_days_can_be_counted_together_as_one() -> None:
    """The sum of the days' milliseconds is the time between: none is lost or counted twice, change of clocks or not."""
    log = logged(
        ("2026-01-01T00:00", UP), ("2026-03-20T12:00", PARTIAL), ("2026-04-02T12:00", UP), zone=BERLIN
    )
    found = bars(log, "2026-04-10T08:15", 60, BERLIN)
    assert sum(day.partial for day in found) == at("2026-04-02T12:00", BERLIN) - at(
        "2026-03-20T12:00", BERLIN
    )
    assert sum(day.known for day in found) == at("2026-04-10T08:15", BERLIN) - at("2026-02-10T00:00", BERLIN)
