"""Quiet time: when it begins and ends, on any day and across changes of the clock."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant, from_datetime
from openalert.domain.quiet import MOST_WINDOWS, QuietWindow, awake_at, check_windows, of_week
from openalert.domain.walltime import WEEK, zone_named
from tests.domain.test_walltime import ZONES

EVERY_DAY = tuple(range(7))
NIGHT = QuietWindow(days=EVERY_DAY, from_time="22:00", to_time="07:00")
BERLIN = zone_named("Europe/Berlin")


def at(text: str) -> Instant:
    """An instant by its UTC time."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


times = st.builds(lambda minutes: f"{minutes // 60:02d}:{minutes % 60:02d}", st.integers(0, 24 * 60 - 1))
windows = st.lists(
    st.builds(
        QuietWindow,
        days=st.lists(st.integers(0, 6), min_size=1, max_size=7).map(tuple),
        from_time=times,
        to_time=times,
    ),
    max_size=4,
)
instants = st.integers(at("2025-01-01T00:00"), at("2027-12-31T00:00"))


@pytest.mark.parametrize(
    ("instant", "awake"),
    [
        ("2026-01-05T20:59:59", "2026-01-05T20:59:59"),
        ("2026-01-05T21:00", "2026-01-06T06:00"),
        ("2026-01-06T02:00", "2026-01-06T06:00"),
        ("2026-01-06T06:00", "2026-01-06T06:00"),
        (
            "2026-03-29T00:30",
            "2026-03-29T05:00",
        ),  # the clocks go forward in this night: it is an hour shorter
        ("2026-10-24T22:30", "2026-10-25T06:00"),  # and here an hour longer
    ],
)
def test_a_night_ends_when_the_clock_on_the_wall_says_so(instant: str, awake: str) -> None:
    """22:00 to 07:00 in Berlin passes midnight, and ends at 07:00 local time in winter, summer and between."""
    assert awake_at([NIGHT], BERLIN, None, at(instant)) == at(awake)


def test_a_window_that_ends_in_the_hour_that_is_skipped_ends_with_it() -> None:
    """There is no 02:30 in this night: the window that ends there ends at the first moment after, 03:00."""
    window = QuietWindow(days=EVERY_DAY, from_time="01:00", to_time="02:30")
    assert awake_at([window], BERLIN, None, at("2026-03-29T00:30")) == at("2026-03-29T01:00")


def test_a_window_belongs_to_the_day_on_which_it_begins() -> None:
    """Friday night is quiet until Saturday morning; Saturday night is not."""
    friday = QuietWindow(days=(5,), from_time="22:00", to_time="07:00")
    assert awake_at([friday], BERLIN, None, at("2026-01-10T03:00")) == at("2026-01-10T06:00")
    assert awake_at([friday], BERLIN, None, at("2026-01-11T03:00")) == at("2026-01-11T03:00")


def test_windows_that_meet_are_one() -> None:
    """A night that ends where a morning begins is held until the end of the morning, do-not-disturb or not."""
    morning = QuietWindow(days=EVERY_DAY, from_time="07:00", to_time="09:30")
    instant = at("2026-01-06T02:00")
    assert awake_at([NIGHT, morning], BERLIN, None, instant) == at("2026-01-06T08:30")
    assert awake_at([NIGHT, morning], BERLIN, at("2026-01-06T07:00"), instant) == at("2026-01-06T08:30")
    assert awake_at([], BERLIN, at("2026-01-06T07:00"), instant) == at("2026-01-06T07:00")


@settings(max_examples=300)
@given(windows=windows, zone=st.sampled_from(ZONES).map(zone_named), instant=instants)
def test_awake_is_the_first_minute_that_no_window_covers(
    windows: list[QuietWindow], zone: object, instant: Instant
) -> None:
    """Against a slow and simple reading of the wall clock, minute by minute, away from changes of the clock."""
    try:
        windows = list(check_windows(windows))
    except Invalid:
        return
    instant -= instant % MINUTE
    found = awake_at(windows, zone, None, instant)  # type: ignore[arg-type]
    assert instant <= found <= instant + 8 * DAY
    offsets = {_local(zone, instant + day * DAY).utcoffset() for day in range(-2, 10)}
    if len(offsets) > 1 or timedelta(seconds=1) in offsets:
        return
    assert not _is_quiet(windows, zone, found)
    step = max(MINUTE, (found - instant) // 50 // MINUTE * MINUTE)
    assert all(_is_quiet(windows, zone, each) for each in range(instant, found, step))


def _local(zone: object, instant: Instant) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)).astimezone(zone)  # type: ignore[arg-type]


def _is_quiet(windows: list[QuietWindow], zone: object, instant: Instant) -> bool:
    shown = _local(zone, instant)
    today, yesterday = shown.isoweekday() % 7, (shown.isoweekday() - 1) % 7
    time = f"{shown:%H:%M}"
    for each in windows:
        if each.from_time < each.to_time:
            if today in each.days and each.from_time <= time < each.to_time:
                return True
        elif (today in each.days and time >= each.from_time) or (
            yesterday in each.days and time < each.to_time
        ):
            return True
    return False


def test_a_window_inside_of_another_changes_nothing() -> None:
    """The night is as long with an hour of it said twice."""
    hour = QuietWindow(days=EVERY_DAY, from_time="23:00", to_time="01:00")
    assert of_week([NIGHT, hour]) == of_week([hour, NIGHT]) == of_week([NIGHT])


@settings(max_examples=200)
@given(windows=windows)
def test_the_week_is_joined_in_order_and_never_more_than_a_week(windows: list[QuietWindow]) -> None:
    """What the picture draws: pieces that neither meet nor overlap, inside of one week."""
    pieces = of_week(windows)
    assert all(0 <= start < end <= WEEK for start, end in pieces)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(pieces))


@pytest.mark.parametrize(
    "window",
    [
        QuietWindow(days=(), from_time="22:00", to_time="07:00"),
        QuietWindow(days=(7,), from_time="22:00", to_time="07:00"),
        QuietWindow(days=(-1,), from_time="22:00", to_time="07:00"),
        QuietWindow(days=(0,), from_time="24:00", to_time="07:00"),
        QuietWindow(days=(0,), from_time="22:00", to_time="7"),
        QuietWindow(days=EVERY_DAY, from_time="00:00", to_time="24:00"),
        QuietWindow(days=EVERY_DAY, from_time="09:00", to_time="09:00"),
    ],
)
def test_windows_that_mean_nothing_or_everything_are_refused(window: QuietWindow) -> None:
    """No day, no such day, no time, or a week without an hour in which anything could arrive."""
    with pytest.raises(Invalid):
        check_windows([window])


def test_there_are_only_so_many_windows() -> None:
    """More than ten are refused; an hour of the week left over is enough."""
    with pytest.raises(Invalid):
        check_windows([NIGHT] * (MOST_WINDOWS + 1))
    almost = QuietWindow(days=EVERY_DAY, from_time="00:00", to_time="23:50")
    assert WEEK - sum(end - start for start, end in of_week(check_windows([almost]))) == 70 * MINUTE
    assert HOUR == 60 * MINUTE
