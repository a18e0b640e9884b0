"""Maintenance windows: when they mute, also over changes of clocks, and what people may do to one time of them."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain import maintenance_window as windows
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant, from_datetime, rfc3339
from openalert.domain.maintenance_window import MaintenanceWindow, Occurrence, WindowStatus
from openalert.domain.recurrence import Recurrence


def at(text: str) -> Instant:
    """An instant of UTC."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


NOW = at("2026-11-21T20:00")
START = at("2026-11-22T01:00")


def window(rule: str | None = None, zone: str = "Europe/Berlin", **changes: Any) -> MaintenanceWindow:
    """A window of two hours in the coming night, once or by a rule."""
    made = MaintenanceWindow(
        id="w",
        organization_id="o",
        team_id="t",
        name="Database upgrade",
        starts_at=START,
        ends_at=START + 2 * HOUR,
        recurrence=Recurrence(rule=rule, timezone=zone) if rule else None,
        created_at=NOW,
        updated_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def said(found: list[Occurrence]) -> list[str]:
    """Beginnings and ends in UTC."""
    return [f"{rfc3339(each.starts_at)[5:16]}/{rfc3339(each.ends_at)[5:16]}" for each in found]


def test_a_window_runs_from_its_beginning_until_just_before_its_end() -> None:
    """Neither a millisecond before nor at the end itself is anything muted."""
    once = window()
    assert windows.running(once, START - 1) is None
    assert windows.running(once, START) == Occurrence(START, START, START + 2 * HOUR)
    assert windows.running(once, START + 2 * HOUR - 1) is not None
    assert windows.running(once, START + 2 * HOUR) is None
    states = [windows.status_of(once, each) for each in (START - 1, START, START + 2 * HOUR)]
    assert states == [WindowStatus.SCHEDULED, WindowStatus.RUNNING, WindowStatus.OVER]
    assert [windows.next_change(once, each) for each in (NOW, START, START + DAY)] == [
        START,
        START + 2 * HOUR,
        None,
    ]


def test_a_night_in_which_clocks_change_is_as_long_on_the_clock() -> None:
    """22:00 to 06:00 in Berlin is seven hours in the night of spring and nine in that of autumn."""
    nights = window(
        "FREQ=DAILY", starts_at=at("2027-03-26T21:00"), ends_at=at("2027-03-27T05:00"), created_at=0
    )
    assert said(windows.between(nights, at("2027-03-26T21:00"), at("2027-03-29T00:00"), 9)) == [
        "03-26T21:00/03-27T05:00",
        "03-27T21:00/03-28T04:00",
        "03-28T20:00/03-29T04:00",
    ]
    autumn = windows.between(nights, at("2027-10-30T12:00"), at("2027-10-31T12:00"), 9)
    assert said(autumn) == ["10-30T20:00/10-31T05:00"]


def test_a_window_inside_a_skipped_hour_is_left_out_that_night() -> None:
    """02:00 to 03:00 does not exist in the night of spring: nothing is muted, and the next night it is."""
    hour = window("FREQ=DAILY", starts_at=at("2027-03-27T01:00"), ends_at=at("2027-03-27T02:00"))
    assert said(windows.between(hour, at("2027-03-27T00:00"), at("2027-03-29T12:00"), 9)) == [
        "03-27T01:00/03-27T02:00",
        "03-29T00:00/03-29T01:00",
    ]


def test_one_time_can_begin_now_and_the_others_stay() -> None:
    """The next time is brought forward and ends as planned; the one after it is as it was."""
    early = windows.begun_now(window("FREQ=WEEKLY;BYDAY=SU"), NOW)
    assert said(windows.between(early, NOW, NOW + 14 * DAY, 9)) == [
        "11-21T20:00/11-22T03:00",
        "11-29T01:00/11-29T03:00",
    ]
    with pytest.raises(Conflict, match="runs already"):
        windows.begun_now(early, NOW)
    once = windows.begun_now(window(), NOW)
    assert (once.starts_at, once.ends_at) == (NOW, START + 2 * HOUR)
    with pytest.raises(Conflict, match="is over"):
        windows.begun_now(once, START + DAY)


def test_a_running_time_can_be_extended_and_ended() -> None:
    """Only the present time changes; extended over the next one, it mutes until the later end."""
    weekly = window("FREQ=WEEKLY;BYDAY=SU")
    longer = windows.ending(weekly, START + 5 * HOUR, START + HOUR)
    assert windows.next_change(longer, START + HOUR) == START + 5 * HOUR
    over_next = windows.ending(weekly, START + 7 * DAY + HOUR, START + HOUR)
    assert windows.next_change(over_next, START + 7 * DAY) == START + 7 * DAY + 2 * HOUR
    ended = windows.ending(longer, START + 3 * HOUR, START + 3 * HOUR)
    assert windows.running(ended, START + 3 * HOUR) is None
    assert windows.running(ended, START + 3 * HOUR - 1) is not None
    assert windows.next_change(ended, START + 3 * HOUR) == START + 7 * DAY
    with pytest.raises(Conflict, match="does not run"):
        windows.ending(ended, START + 4 * HOUR, START + 3 * HOUR)
    with pytest.raises(Invalid, match="within 90 days"):
        windows.ending(weekly, START + 91 * DAY, START)


def test_of_two_times_that_run_the_one_that_ends_later_counts() -> None:
    """Last night's work was extended over the whole of tonight's: it mutes until its own end."""
    daily = windows.ending(window("FREQ=DAILY"), START + 27 * HOUR, START + HOUR)
    tonight = START + DAY + 30 * MINUTE
    running = windows.running(daily, tonight)
    assert running is not None
    assert running.ends_at == windows.next_change(daily, tonight) == START + 27 * HOUR
    later = windows.running(daily, START + 3 * DAY + HOUR)
    assert later is not None
    assert later.ends_at == START + 3 * DAY + 2 * HOUR
    weekly = window("FREQ=WEEKLY", ends_at=START + 30 * HOUR)
    assert windows.running(weekly, START + 7 * DAY + 29 * HOUR) is not None
    assert windows.running(weekly, START + 7 * DAY + 30 * HOUR) is None


def test_an_end_in_the_past_is_now() -> None:
    """Whoever types yesterday ends it at this moment."""
    assert windows.ending(window(), START - DAY, START + HOUR).ends_at == START + HOUR


def test_ended_as_soon_as_it_began_it_is_over() -> None:
    """Begun and ended within one millisecond, it is over and stays valid."""
    once = windows.begun_now(window(), NOW)
    ended = windows.ending(once, NOW, NOW)
    assert windows.status_of(ended, NOW) is WindowStatus.OVER
    again = windows.ending(windows.begun_now(window("FREQ=DAILY"), NOW), NOW, NOW)
    assert windows.running(again, NOW) is None
    assert windows.next_change(again, NOW) == START + DAY


def test_the_next_time_can_be_left_out() -> None:
    """Once, and only of one that comes again."""
    weekly = windows.without_next(window("FREQ=WEEKLY"), NOW)
    assert windows.next_change(weekly, NOW) == START + 7 * DAY
    assert said(windows.between(weekly, NOW, NOW + 10 * DAY, 9)) == ["11-29T01:00/11-29T03:00"]
    with pytest.raises(Conflict, match="only once"):
        windows.without_next(window(), NOW)


def test_the_next_ten_times_are_those_not_begun() -> None:
    """Ten, the earliest first, without the one that runs."""
    ahead = windows.coming(window("FREQ=DAILY;COUNT=30"), START + MINUTE, 10)
    assert [each.starts_at for each in ahead] == [START + day * DAY for day in range(1, 11)]
    assert windows.coming(window("FREQ=DAILY;COUNT=3"), START + 2 * DAY, 10) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": ""}, "name must have"),
        ({"name": "x" * 121}, "name must have"),
        ({"ends_at": START}, "later than startsAt"),
        ({"ends_at": START + 91 * DAY}, "within 90 days"),
        ({"starts_at": NOW + 731 * DAY, "ends_at": NOW + 732 * DAY}, "within the next 730 days"),
        ({"starts_at": NOW - DAY, "ends_at": NOW}, "over already"),
        ({"starts_at": -1}, "between the years"),
        ({"recurrence": Recurrence(rule="FREQ=DAILY", timezone="UTC"), "ends_at": START + DAY}, "never end"),
        (
            {
                "recurrence": Recurrence(rule="FREQ=WEEKLY;BYDAY=SA,SU", timezone="UTC"),
                "ends_at": START + DAY,
            },
            "never end",
        ),
        ({"recurrence": Recurrence(rule="FREQ=DAILY;UNTIL=20261120", timezone="UTC")}, "over already"),
        ({"recurrence": Recurrence(rule="FREQ=DAILY", timezone="Mars/Base")}, "not known"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], why: str) -> None:
    """A window has a name, an end, pauses between its times, and lies ahead."""
    windows.check_window(window(), NOW)
    with pytest.raises(Invalid, match=why):
        windows.check_window(window(**changes), NOW)


ACTS = st.lists(
    st.tuples(st.sampled_from(["begin", "extend", "end", "leave out"]), st.integers(0, 30)), max_size=12
)


@given(ACTS, st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=TU,SU", "FREQ=DAILY;COUNT=5", None]))
def test_whatever_people_do_times_stay_in_order_and_changes_come_true(
    acts: list[tuple[str, int]], rule: str | None
) -> None:
    """Begun, extended, ended and left out in any order: the next change is exactly when the state changes next."""
    made, now = window(rule), NOW
    for act, hours in acts:
        now += hours * HOUR
        try:
            match act:
                case "begin":
                    made = windows.begun_now(made, now)
                case "extend":
                    made = windows.ending(made, now + hours * HOUR + 1, now)
                case "end":
                    made = windows.ending(made, now, now)
                    assert windows.running(made, now) is None
                case _:
                    made = windows.without_next(made, now)
        except Conflict:
            continue
    change = windows.next_change(made, now)
    state = windows.running(made, now) is not None
    assert (change is None) <= (windows.status_of(made, now) is WindowStatus.OVER)
    if change is not None:
        assert change > now
        assert (windows.running(made, change - 1) is not None) is state
        middle = now + (change - now) // 2
        assert (windows.running(made, middle) is not None) is state
        if not state:
            assert windows.running(made, change) is not None
    ahead = windows.coming(made, now, 10)
    assert [each.starts_at for each in ahead] == sorted({each.starts_at for each in ahead})
