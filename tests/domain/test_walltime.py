"""Wall time and instants: the rules of clock changes, checked against the library `whenever`."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import whenever
from hypothesis import given, settings
from hypothesis import strategies as st

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, LATEST, MINUTE, SECOND, Instant, from_datetime
from openalert.domain.walltime import (
    Wall,
    date_of,
    first_instant,
    midnight,
    parse_time,
    reached,
    since_sunday,
    weekday_of,
    zone_named,
)

ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Asia/Gaza",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
]
YEARS_2000_TO_2037 = st.integers(946_684_800, 2_145_916_800).map(lambda seconds: seconds * SECOND)


def wall(text: str) -> Wall:
    """`2026-03-29T02:30` as wall time."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


def utc(text: str) -> Instant:
    """`2026-03-29T01:00` in UTC as an instant."""
    return wall(text)


def oracle(zone: str, local: Wall) -> Instant:
    """The first instant at which `whenever` shows `local` or later."""
    naive = datetime.fromtimestamp(local // SECOND, UTC).replace(tzinfo=None)
    plain = whenever.PlainDateTime(naive)
    earlier = plain.assume_tz(zone, disambiguation="earlier")
    later = plain.assume_tz(zone, disambiguation="later")
    if earlier.to_plain() == plain:
        return int(earlier.timestamp()) * SECOND
    # Skipped: walk from before the gap to the first minute that shows the time or later.
    instant = earlier.to_instant()
    while instant.to_tz(zone).to_plain() < plain:
        instant = instant.add(seconds=60)
    assert instant <= later.to_instant()
    return int(instant.timestamp()) * SECOND


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        ("Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59"),
        ("Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00"),
        ("America/Santiago", "2026-09-06T00:00", "2026-09-06T04:00"),
        ("America/Santiago", "2026-09-06T00:30", "2026-09-06T04:00"),
        ("America/Santiago", "2026-04-04T23:30", "2026-04-05T02:30"),
        ("America/Santiago", "2026-04-05T00:00", "2026-04-05T04:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
        ("Australia/Lord_Howe", "2026-04-05T02:00", "2026-04-04T15:30"),
        ("Africa/Casablanca", "2026-02-15T02:30", "2026-02-15T01:30"),
        ("Africa/Casablanca", "2026-03-22T02:30", "2026-03-22T02:00"),
        ("Asia/Kathmandu", "2026-07-01T05:45", "2026-07-01T00:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),
    ],
)
def test_local_time_happens_at_its_first_moment(zone: str, local: str, instant: str) -> None:
    """Skipped times mean the first instant after the gap, repeated ones their first showing."""
    assert first_instant(zone_named(zone), wall(local)) == utc(instant)


@settings(max_examples=400)
@given(zone=st.sampled_from(ZONES), local=YEARS_2000_TO_2037)
def test_local_times_agree_with_whenever(zone: str, local: Wall) -> None:
    """An independent library finds the same instant for any local time."""
    local -= local % MINUTE
    assert first_instant(zone_named(zone), local) == oracle(zone, local)


@pytest.mark.parametrize("zone", ZONES)
def test_local_times_agree_with_whenever_around_every_clock_change(zone: str) -> None:
    """Every five minutes within a day of each clock change of two years give the instant that `whenever` gives."""
    info = zone_named(zone)
    start = utc("2026-01-01T00:00")
    days = [start + day * DAY for day in range(731)]
    offsets = [reached(info, day) - day for day in days]
    changes = [day for day, one, next_ in zip(days, offsets, offsets[1:], strict=False) if one != next_]
    for change in changes:
        for local in range(change - DAY, change + 3 * DAY, 5 * MINUTE):
            assert first_instant(info, local) == oracle(zone, local)


@settings(max_examples=400)
@given(zone=st.sampled_from(ZONES), instant=YEARS_2000_TO_2037, shift=st.integers(-4 * HOUR, 4 * HOUR))
def test_reached_and_first_instant_mirror_each_other(zone: str, instant: Instant, shift: int) -> None:
    """A wall time has been reached exactly from its first instant on."""
    info = zone_named(zone)
    local = reached(info, instant) + shift
    assert (reached(info, instant) >= local) == (instant >= first_instant(info, local))


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca"]
)
def test_reached_never_falls(zone: str) -> None:
    """Wall time as calendars see it stands still while an hour is shown again, and never goes back."""
    info = zone_named(zone)
    shown = [
        reached(info, instant)
        for instant in range(utc("2026-01-01T00:00"), utc("2027-01-01T00:00"), 10 * MINUTE)
    ]
    assert shown == sorted(shown)


def test_reached_stops_at_the_end_of_a_repeated_hour() -> None:
    """During the second 02:00-03:00 everything before 03:00 counts as passed, and 03:00 does not."""
    berlin = zone_named("Europe/Berlin")
    assert reached(berlin, utc("2026-10-25T00:30")) == wall("2026-10-25T02:30")
    assert reached(berlin, utc("2026-10-25T01:00")) == wall("2026-10-25T03:00") - 1
    assert reached(berlin, utc("2026-10-25T01:59")) == wall("2026-10-25T03:00") - 1
    assert reached(berlin, utc("2026-10-25T02:00")) == wall("2026-10-25T03:00")


def test_milliseconds_are_kept() -> None:
    """A moment between two seconds stays where it is."""
    berlin = zone_named("Europe/Berlin")
    assert reached(berlin, utc("2026-01-05T08:00") + 7) == wall("2026-01-05T09:00") + 7
    assert first_instant(berlin, wall("2026-01-05T09:00") + 7) == utc("2026-01-05T08:00") + 7


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York", "UTC"])
@pytest.mark.parametrize("instant", [LATEST, LATEST + 400 * DAY, 10**18, -(10**18)])
def test_the_ends_of_time_do_not_fail(zone: str, instant: Instant) -> None:
    """Instants that no calendar holds keep the offset of the nearest that one does."""
    info = zone_named(zone)
    assert first_instant(info, reached(info, instant)) == instant
    assert abs(reached(info, instant) - instant) <= DAY


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "Europe",
        "../../etc/passwd",
        "/etc/localtime",
        "a\0b",
        "localtime",
        "posixrules",
        "right/Europe/Berlin",
        "posix/Europe/Berlin",
        "Factory",
        "x" * 5000,
    ],
)
def test_unknown_zones_are_refused(name: str) -> None:
    """Only names of places are zones: no files, no zone that follows the server, none that counts leap seconds."""
    with pytest.raises(Invalid, match="timezone ") as refused:
        zone_named(name)
    assert refused.value.details == {"field": "timezone"}
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    ("text", "minutes"), [("00:00", 0), ("09:05", 545), ("23:59", 1439), ("24:00", 1440)]
)
def test_times_of_day_are_read(text: str, minutes: int) -> None:
    """`HH:MM` is read, the day's end included."""
    assert parse_time(text) == minutes * MINUTE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9:00",
        "09:0",
        "0900",
        "09:60",
        "24:01",
        "25:00",
        "-1:00",
        "+9:00",
        " 9:00",
        "09:00:00",
        "٠٩:٠٠",
        "09.00",
    ],
)
def test_other_texts_are_no_times_of_day(text: str) -> None:
    """Nothing but two digits, a colon and two digits is taken for a time."""
    with pytest.raises(ValueError, match="^" + text.replace("+", r"\+").replace(".", r"\.") + "$"):
        parse_time(text)


def test_days_and_weeks_are_counted_from_sunday() -> None:
    """Dates, weekdays and the place in the week follow the calendar, also before 1970."""
    assert midnight(date(2026, 3, 29)) == wall("2026-03-29T00:00")
    assert date_of(wall("2024-02-29T23:59")) == date(2024, 2, 29)
    assert date_of(wall("1969-12-31T23:59")) == date(1969, 12, 31)
    assert date_of(10 * LATEST) == date.max
    assert [weekday_of(wall(f"2026-03-{day}T12:00")) for day in range(22, 29)] == [0, 1, 2, 3, 4, 5, 6]
    assert since_sunday(wall("2026-03-23T09:30")) == DAY + 9 * HOUR + 30 * MINUTE
    assert weekday_of(wall("1969-12-31T12:00")) == 3


@pytest.fixture(params=["Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu"])
def server_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The server's own time zone, set for one test."""
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    if before is None:
        monkeypatch.delenv("TZ")
    else:
        monkeypatch.setenv("TZ", before)
    time.tzset()


@pytest.mark.proves("ES-6", "F-22")
def test_the_zone_of_the_server_changes_nothing(server_zone: str) -> None:
    """With another TZ in the environment every answer is the same."""
    first_instant.cache_clear()
    berlin = zone_named("Europe/Berlin")
    assert time.tzname != ("UTC", "UTC"), server_zone
    assert first_instant(berlin, wall("2026-03-29T02:30")) == utc("2026-03-29T01:00")
    assert first_instant(berlin, wall("2026-10-25T02:30")) == utc("2026-10-25T00:30")
    assert reached(berlin, utc("2026-10-25T01:30")) == wall("2026-10-25T03:00") - 1
