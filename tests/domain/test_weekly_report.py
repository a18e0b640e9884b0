"""Weekly reports: Monday, 09:00, by the clocks of whoever gets them."""

from zoneinfo import ZoneInfo

import pytest

from openalert.domain.instant import DAY, HOUR, SECOND, to_datetime
from openalert.domain.walltime import zone_named
from openalert.domain.weekly_report import due_at, is_another_month, next_monday
from tests.domain.rotas import utc


@pytest.mark.parametrize(
    ("zone", "first", "mondays"),
    [
        ("Europe/Berlin", "2026-03-20T00:00", ["2026-03-23T08:00", "2026-03-30T07:00", "2026-04-06T07:00"]),
        ("Europe/Berlin", "2026-10-15T00:00", ["2026-10-19T07:00", "2026-10-26T08:00", "2026-11-02T08:00"]),
        ("America/New_York", "2026-03-01T00:00", ["2026-03-02T14:00", "2026-03-09T13:00"]),
        ("Australia/Lord_Howe", "2026-04-01T00:00", ["2026-04-05T22:30", "2026-04-12T22:30"]),
        ("Asia/Kathmandu", "2026-01-04T00:00", ["2026-01-05T03:15", "2026-01-12T03:15"]),
    ],
)
def test_it_is_nine_on_the_wall_in_every_week(zone: str, first: str, mondays: list[str]) -> None:
    """Also in the weeks in which the clocks change, and where zones differ by half hours and quarters."""
    now, last, seen = utc(first), None, []
    for _ in mondays:
        last = next_monday(zone_named(zone), now, last)
        now = due_at(zone_named(zone), last)
        seen.append(f"{to_datetime(now):%Y-%m-%dT%H:%M}")
    assert seen == mondays


def test_a_monday_whose_nine_is_over_is_not_the_next_one() -> None:
    """At 09:00 itself the next one is a week away; a millisecond before it is today."""
    zone, nine = ZoneInfo("Europe/Berlin"), utc("2026-01-05T08:00")
    assert next_monday(zone, nine - 1) == "2026-01-05"
    assert next_monday(zone, nine) == "2026-01-12"


def test_nobody_gets_two_for_one_monday_by_moving_west_and_none_is_lost_by_moving_east() -> None:
    """After Tokyo's Monday New York's is none any more; New York's, not sent yet, is over at once in Tokyo."""
    tokyo, york = zone_named("Asia/Tokyo"), zone_named("America/New_York")
    sent = due_at(tokyo, "2026-01-05")
    assert next_monday(york, sent, "2026-01-05") == "2026-01-12"
    assert due_at(tokyo, "2026-01-05") < due_at(york, "2026-01-05") - HOUR


def test_after_a_month_without_a_server_the_next_one_is_the_coming_monday() -> None:
    """The four Mondays between are not made up for."""
    zone = zone_named("Europe/Berlin")
    assert next_monday(zone, utc("2026-02-04T12:00"), "2026-01-05") == "2026-02-09"


def test_a_month_is_another_one_by_the_calendar_of_the_zone() -> None:
    """In Auckland it is February while it is still January in UTC; whoever never got one is in another month."""
    zone, january = zone_named("Pacific/Auckland"), utc("2026-01-12T00:00")
    assert is_another_month(zone, None, january)
    assert not is_another_month(zone, january, january + 7 * DAY)
    assert is_another_month(zone, january, utc("2026-01-31T12:00"))
    assert not is_another_month(zone_named("UTC"), january, utc("2026-01-31T23:59") + 59 * SECOND)
