"""Turns: handoffs of every kind, clock changes, restrictions."""

from typing import Any

import pytest

from openalert.domain.instant import DAY, HOUR, LATEST
from openalert.domain.oncall import (
    on_call,
    shifts,
)
from openalert.domain.schedule import Restriction, RotationType
from openalert.domain.turns import turns_of
from tests.domain.rotas import NIGHT, OFFICE, WEEKEND, plan_of, rotation, timeline, until, utc, who

# Turns.


def test_a_daily_rotation_counts_from_its_beginning() -> None:
    """Three people from 1 January 09:00: on the tenth it is the first one's turn again, until 09:00."""
    daily = rotation("ada", "ben", "cleo", since="2026-01-01T09:00")
    assert who("2026-01-10T14:30", [daily]) == ["ada"]
    assert until("2026-01-10T14:30", [daily]) == "2026-01-11T09:00"
    assert who("2026-01-11T08:59", [daily]) == ["ada"]
    assert who("2026-01-11T09:00", [daily]) == ["ben"]


def test_a_weekly_rotation_changes_on_its_day() -> None:
    """0 is Sunday; the first handoff at or after the beginning starts the first turn."""
    weekly = rotation("ada", "ben", "cleo", rotation_type=RotationType.WEEKLY, handoff_day=1)
    assert timeline("2026-01-05T09:00", "2026-01-27T00:00", [weekly]) == [
        "01-05 09:00 ada",
        "01-12 09:00 ben",
        "01-19 09:00 cleo",
        "01-26 09:00 ada",
    ]
    sunday = rotation("ada", "ben", rotation_type=RotationType.WEEKLY, handoff_day=0)
    assert until("2026-01-11T08:00", [sunday]) == "2026-01-18T09:00"


def test_before_the_first_handoff_the_first_member_is_on_and_nobody_before_the_beginning() -> None:
    """Beginning on a Thursday, the first member has the days to Monday and the whole week after."""
    weekly = rotation(
        "ada", "ben", rotation_type=RotationType.WEEKLY, handoff_day=1, since="2026-01-08T12:00"
    )
    assert timeline("2026-01-08T00:00", "2026-01-20T00:00", [weekly]) == [
        "01-08 00:00 -",
        "01-08 12:00 ada",
        "01-19 09:00 ben",
    ]
    assert until("2026-01-01T00:00", [weekly]) == "2026-01-08T12:00"


def test_without_a_handoff_day_a_week_begins_on_the_day_of_the_beginning() -> None:
    """A weekly rotation that begins on a Thursday hands over on Thursdays, in its own zone."""
    weekly = rotation("ada", "ben", rotation_type=RotationType.WEEKLY, since="2026-01-08T09:00")
    assert until("2026-01-08T10:00", [weekly]) == "2026-01-15T09:00"
    friday_there = rotation(
        "ada", "ben", rotation_type=RotationType.WEEKLY, since="2026-01-08T23:00", timezone="Asia/Tokyo"
    )
    assert until("2026-01-08T23:30", [friday_there]) == "2026-01-16T00:00"


def test_a_new_weekly_rotation_has_no_hole() -> None:
    """From the first shift into the second there is not one moment of nobody, over a clock change too."""
    weekly = rotation(
        "ada", "ben", rotation_type=RotationType.WEEKLY, since="2026-03-23T08:00", timezone="Europe/Berlin"
    )
    final = shifts(plan_of([weekly]), utc("2026-03-23T08:00"), utc("2026-05-01T00:00"))
    assert final.gaps == []


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"shift_length": 3}, ["01-05 09:00 ada", "01-08 09:00 ben", "01-11 09:00 ada"]),
        ({"rotation_type": RotationType.WEEKLY, "shift_length": 2}, ["01-05 09:00 ada", "01-19 09:00 ben"]),
        (
            {"rotation_type": RotationType.CUSTOM, "shift_length": 4, "handoff_day": 3},
            ["01-05 09:00 ada", "01-11 09:00 ben", "01-15 09:00 ada"],
        ),
        (
            {"rotation_type": RotationType.CUSTOM, "shift_length": 5},
            ["01-05 09:00 ada", "01-10 09:00 ben", "01-15 09:00 ada"],
        ),
    ],
)
def test_a_shift_lasts_as_many_units_as_set(definition: dict[str, Any], expected: list[str]) -> None:
    """Days, weeks, and custom turns of days whose first begins on the day of choice."""
    found = timeline("2026-01-05T09:00", "2026-01-24T00:00", [rotation("ada", "ben", **definition)])
    assert found[: len(expected)] == expected


@pytest.mark.parametrize(
    ("length", "since", "expected"),
    [
        (12, "2026-01-05T10:00", ["01-05 10:00 ada", "01-06 08:00 ben", "01-06 20:00 ada"]),
        (12, "2026-01-05T05:00", ["01-05 05:00 ada", "01-05 20:00 ben", "01-06 08:00 ada"]),
        (1, "2026-01-05T05:00", ["01-05 05:00 ada", "01-05 06:00 ben", "01-05 07:00 ada"]),
        (36, "2026-01-05T10:00", ["01-05 10:00 ada", "01-07 20:00 ben", "01-09 08:00 ada"]),
    ],
)
def test_hourly_turns_run_through_the_handoff_time(length: int, since: str, expected: list[str]) -> None:
    """With 08:00, shifts of twelve hours change at 08:00 and 20:00 whenever the rotation began."""
    hourly = rotation(
        "ada",
        "ben",
        rotation_type=RotationType.HOURLY,
        shift_length=length,
        handoff_time="08:00",
        since=since,
    )
    assert timeline(since, "2026-01-12T00:00", [hourly])[:3] == expected


def test_months_are_handed_over_on_the_day_of_the_beginning_or_the_last() -> None:
    """From the 31st: the last day of short months, the 29th in a leap year, the 31st again afterwards."""
    monthly = rotation("ada", "ben", "cleo", rotation_type=RotationType.MONTHLY, since="2027-12-31T09:00")
    assert timeline("2027-12-31T09:00", "2028-06-01T00:00", [monthly]) == [
        "12-31 09:00 ada",
        "01-31 09:00 ben",
        "02-29 09:00 cleo",
        "03-31 09:00 ada",
        "04-30 09:00 ben",
        "05-31 09:00 cleo",
    ]
    after_the_hour = rotation("ada", "ben", rotation_type=RotationType.MONTHLY, since="2026-01-31T10:00")
    assert until("2026-01-31T10:00", [after_the_hour]) == "2026-03-31T09:00"
    quarters = rotation(
        "ada", "ben", rotation_type=RotationType.MONTHLY, shift_length=3, since="2026-01-15T09:00"
    )
    assert until("2026-01-15T09:00", [quarters]) == "2026-04-15T09:00"


def test_a_leap_day_is_a_day_like_any_other() -> None:
    """Daily turns pass through 29 February without losing or doubling one."""
    daily = rotation("ada", "ben", "cleo", since="2028-02-27T09:00")
    assert [who(f"2028-{day}T12:00", [daily]) for day in ("02-27", "02-28", "02-29", "03-01")] == [
        ["ada"],
        ["ben"],
        ["cleo"],
        ["ada"],
    ]


def test_midnight_is_the_beginning_of_a_day_and_never_hour_24() -> None:
    """A handoff at 00:00 gives one person before and one after, in a zone far from UTC."""
    daily = rotation("ada", "ben", handoff_time="00:00", timezone="Asia/Kathmandu", since="2026-01-04T18:15")
    assert who("2026-01-05T18:14", [daily]) == ["ada"]
    assert who("2026-01-05T18:15", [daily]) == ["ben"]
    assert until("2026-01-05T00:00", [daily]) == "2026-01-05T18:15"


def test_a_rotation_ends_before_its_end_and_a_late_start_is_inclusive() -> None:
    """Beginnings belong to the shift, ends do not; after the end no change is known."""
    daily = rotation("ada", "ben", effective_until=utc("2026-01-06T15:00"))
    assert timeline("2026-01-05T08:00", "2026-01-07T00:00", [daily]) == [
        "01-05 08:00 -",
        "01-05 09:00 ada",
        "01-06 09:00 ben",
        "01-06 15:00 -",
    ]
    assert until("2026-01-06T10:00", [daily]) == "2026-01-06T15:00"
    assert until("2026-01-06T15:00", [daily]) is None


def test_one_person_alone_is_on_for_ever() -> None:
    """Handoffs to the same person are no changes."""
    assert until("2026-01-06T10:00", [rotation("ada")]) is None
    assert until("2026-01-06T10:00", [rotation("ada", "ada", "ben")]) == "2026-01-07T09:00"
    assert until("2026-01-06T10:00", []) is None
    assert until("2026-01-06T10:00", [rotation()]) is None


def test_an_old_rotation_is_found_without_walking_to_it() -> None:
    """After fifty years of hourly turns the turn is still right, with at least the speed of a new one."""
    hourly = rotation("ada", "ben", "cleo", rotation_type=RotationType.HOURLY, since="1976-01-01T09:00")
    hours = (utc("2026-01-05T12:00") - utc("1976-01-01T09:00")) // HOUR
    assert who("2026-01-05T12:30", [hourly]) == [("ada", "ben", "cleo")[hours % 3]]


@pytest.mark.parametrize("kind", RotationType)
def test_the_ends_of_the_calendar_do_not_fail(kind: RotationType) -> None:
    """The last instant that can be asked for has an answer in every zone, and no change after it."""
    for zone in ("Pacific/Kiritimati", "America/New_York"):
        rotating = rotation("ada", "ben", rotation_type=kind, timezone=zone, shift_length=10_000)
        assert len(on_call(plan_of([rotating]), LATEST).people) == 1
        late = rotation("ada", "ben", rotation_type=kind, timezone=zone, effective_from=LATEST)
        answer = on_call(plan_of([late]), LATEST)
        assert [person.user_id for person in answer.people] == ["ada"]
        assert answer.until is None


# Clock changes.


@pytest.mark.parametrize(
    ("zone", "start", "end", "handoffs"),
    [
        (
            "Europe/Berlin",
            "2026-03-21T12:00",
            "2026-04-06T12:00",
            ["03-23 08:00", "03-30 07:00", "04-06 07:00"],
        ),
        (
            "Europe/Berlin",
            "2026-10-17T12:00",
            "2026-11-02T12:00",
            ["10-19 07:00", "10-26 08:00", "11-02 08:00"],
        ),
        (
            "America/New_York",
            "2026-03-01T12:00",
            "2026-03-16T14:00",
            ["03-02 14:00", "03-09 13:00", "03-16 13:00"],
        ),
        (
            "America/New_York",
            "2026-10-25T12:00",
            "2026-11-09T15:00",
            ["10-26 13:00", "11-02 14:00", "11-09 14:00"],
        ),
        (
            "America/Santiago",
            "2026-08-30T12:00",
            "2026-09-14T14:00",
            ["08-31 13:00", "09-07 12:00", "09-14 12:00"],
        ),
        (
            "Australia/Lord_Howe",
            "2026-09-27T12:00",
            "2026-10-12T00:00",
            ["09-27 22:30", "10-04 22:00", "10-11 22:00"],
        ),
        (
            "Africa/Casablanca",
            "2026-02-08T12:00",
            "2026-02-23T12:00",
            ["02-09 08:00", "02-16 09:00", "02-23 09:00"],
        ),
        ("Asia/Kathmandu", "2026-03-21T12:00", "2026-03-31T12:00", ["03-23 03:15", "03-30 03:15"]),
    ],
)
def test_a_weekly_handoff_keeps_its_hour_on_the_wall(
    zone: str, start: str, end: str, handoffs: list[str]
) -> None:
    """Monday 09:00 stays Monday 09:00 local across every clock change; each handoff happens once."""
    weekly = rotation(
        "ada",
        "ben",
        rotation_type=RotationType.WEEKLY,
        handoff_day=1,
        timezone=zone,
        since="2026-01-04T00:00",
    )
    assert [line[:11] for line in timeline(start, end, [weekly])[1:]] == handoffs


def test_a_day_of_23_and_of_25_hours() -> None:
    """The night of the change is shorter or longer; the turns do not shift."""
    daily = rotation("ada", "ben", timezone="Europe/Berlin", since="2026-01-05T08:00")
    spring = shifts(plan_of([daily]), utc("2026-03-28T08:00"), utc("2026-03-30T07:00")).items
    autumn = shifts(plan_of([daily]), utc("2026-10-24T07:00"), utc("2026-10-26T08:00")).items
    assert [item.end - item.start for item in spring] == [23 * HOUR, 24 * HOUR]
    assert [item.end - item.start for item in autumn] == [25 * HOUR, 24 * HOUR]


@pytest.mark.parametrize(
    ("zone", "handoff_time", "day", "instant"),
    [
        ("Europe/Berlin", "02:30", "2026-03-29", "2026-03-29T01:00"),
        ("Europe/Berlin", "02:30", "2026-10-25", "2026-10-25T00:30"),
        ("America/New_York", "02:00", "2026-03-08", "2026-03-08T07:00"),
        ("America/New_York", "01:30", "2026-11-01", "2026-11-01T05:30"),
        ("America/Santiago", "00:00", "2026-09-06", "2026-09-06T04:00"),
        ("America/Santiago", "23:30", "2026-04-04", "2026-04-05T02:30"),
        ("Australia/Lord_Howe", "02:15", "2026-10-04", "2026-10-03T15:30"),
        ("Australia/Lord_Howe", "01:45", "2026-04-05", "2026-04-04T14:45"),
        ("Africa/Casablanca", "02:30", "2026-02-15", "2026-02-15T01:30"),
        ("Africa/Casablanca", "02:30", "2026-03-22", "2026-03-22T02:00"),
    ],
)
def test_a_handoff_inside_the_change_happens_once(
    zone: str, handoff_time: str, day: str, instant: str
) -> None:
    """Skipped: the first instant after the gap. Shown twice: the first time, and not again."""
    daily = rotation("ada", "ben", timezone=zone, handoff_time=handoff_time, since="2026-01-05T00:00")
    around = utc(f"{day}T00:00")
    found = shifts(plan_of([daily]), around - DAY, around + 2 * DAY).items
    assert [item.start for item in found].count(utc(instant)) == 1
    assert len(found) == 4
    assert all(22 * HOUR <= item.end - item.start <= 26 * HOUR for item in found[1:-1])


def test_twelve_hour_shifts_keep_their_hours() -> None:
    """08:00 and 20:00 in Berlin, before and after both changes of the year."""
    hourly = rotation(
        "ada", "ben", rotation_type=RotationType.HOURLY, shift_length=12, handoff_time="08:00",
        timezone="Europe/Berlin", since="2026-01-05T07:00",
    )  # fmt: skip
    assert timeline("2026-03-28T19:00", "2026-03-29T20:00", [hourly]) == [
        "03-28 19:00 ben",
        "03-29 06:00 ada",
        "03-29 18:00 ben",
    ]
    assert timeline("2026-10-24T18:00", "2026-10-25T20:00", [hourly]) == [
        "10-24 18:00 ben",
        "10-25 07:00 ada",
        "10-25 19:00 ben",
    ]


def test_hourly_turns_through_a_clock_change() -> None:
    """The hour that is skipped is nobody's; the hour that is shown twice is one turn of two hours."""
    hourly = rotation(
        *(f"h{hour:02d}" for hour in range(24)),
        rotation_type=RotationType.HOURLY, handoff_time="00:00", timezone="Europe/Berlin", since="2026-01-04T23:00",
    )  # fmt: skip
    assert timeline("2026-03-29T00:00", "2026-03-29T03:00", [hourly]) == [
        "03-29 00:00 h01",
        "03-29 01:00 h03",
        "03-29 02:00 h04",
    ]
    assert timeline("2026-10-24T23:00", "2026-10-25T03:00", [hourly]) == [
        "10-24 23:00 h01",
        "10-25 00:00 h02",
        "10-25 02:00 h03",
    ]


def test_a_handoff_skipped_at_the_very_beginning_is_the_first() -> None:
    """Beginning at the end of the gap that swallows 02:30, the first turn begins there and lasts one day."""
    daily = rotation("ada", "ben", handoff_time="02:30", timezone="Europe/Berlin", since="2026-03-29T01:00")
    assert timeline("2026-03-29T01:00", "2026-03-31T00:00", [daily]) == ["03-29 01:00 ada", "03-30 00:30 ben"]


# Restrictions.


def test_a_window_of_the_day() -> None:
    """From 09:00, inside, until 17:00, outside; `until` names the edge."""
    office = [rotation("ada", restrictions=(OFFICE,))]
    assert timeline("2026-01-06T00:00", "2026-01-07T00:00", office) == [
        "01-06 00:00 -",
        "01-06 09:00 ada",
        "01-06 17:00 -",
    ]
    assert until("2026-01-06T12:00", office) == "2026-01-06T17:00"
    assert until("2026-01-06T17:00", office) == "2026-01-07T09:00"


def test_windows_pass_midnight_and_the_end_of_the_week() -> None:
    """22:00-06:00 is one night; Friday 18:00 to Monday 08:00 is one weekend."""
    night = [rotation("ada", restrictions=(NIGHT,))]
    assert timeline("2026-01-06T12:00", "2026-01-07T12:00", night) == [
        "01-06 12:00 -",
        "01-06 22:00 ada",
        "01-07 06:00 -",
    ]
    weekend = [rotation("ada", restrictions=(WEEKEND,))]
    assert timeline("2026-01-08T00:00", "2026-01-15T00:00", weekend) == [
        "01-08 00:00 -",
        "01-09 18:00 ada",
        "01-12 08:00 -",
    ]


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ((Restriction(from_time="09:00", to_time="09:00"),), ["01-06 00:00 ada"]),
        ((Restriction(from_time="00:00", to_time="24:00"),), ["01-06 00:00 ada"]),
        ((Restriction(from_day=2, from_time="09:00", to_day=2, to_time="09:00"),), ["01-06 00:00 ada"]),
        ((NIGHT, Restriction(from_time="06:00", to_time="22:00")), ["01-06 00:00 ada"]),
        (
            (Restriction(from_day=3, from_time="09:00", to_time="09:00"),),
            ["01-06 00:00 -", "01-07 09:00 ada", "01-08 09:00 -"],
        ),
        (
            (Restriction(from_day=3, from_time="22:00", to_time="06:00"),),
            ["01-06 00:00 -", "01-07 22:00 ada", "01-08 06:00 -"],
        ),
        (
            (
                Restriction(from_day=6, from_time="00:00", to_time="24:00"),
                Restriction(from_day=0, from_time="00:00", to_time="24:00"),
            ),
            ["01-06 00:00 -", "01-10 00:00 ada", "01-12 00:00 -"],
        ),
        (
            (
                Restriction(from_day=2, from_time="10:00", to_time="14:00"),
                Restriction(from_day=2, from_time="12:00", to_time="16:00"),
            ),
            ["01-06 00:00 -", "01-06 10:00 ada", "01-06 16:00 -"],
        ),
        (
            (Restriction(from_day=4, from_time="12:00", to_day=4, to_time="11:00"),),
            ["01-06 00:00 ada", "01-08 11:00 -", "01-08 12:00 ada"],
        ),
    ],
)
def test_windows_of_every_shape(windows: tuple[Restriction, ...], expected: list[str]) -> None:
    """Equal ends mean always, touching and overlapping windows are one, a missing `to_day` is the natural one."""
    assert (
        timeline("2026-01-06T00:00", "2026-01-13T00:00", [rotation("ada", restrictions=windows)]) == expected
    )


def test_turns_go_on_while_a_restriction_keeps_them_off() -> None:
    """Working days only: who has the weekend's turns is not on, and Monday's person follows by the calendar."""
    windows = tuple(Restriction(from_day=day, from_time="00:00", to_time="24:00") for day in range(1, 6))
    daily = rotation(
        "ada", "ben", "cleo", handoff_time="00:00", since="2026-01-05T00:00", restrictions=windows
    )
    assert timeline("2026-01-08T00:00", "2026-01-14T00:00", [daily]) == [
        "01-08 00:00 ada",
        "01-09 00:00 ben",
        "01-10 00:00 -",
        "01-12 00:00 ben",
        "01-13 00:00 cleo",
    ]


@pytest.mark.parametrize(
    ("window", "day", "expected"),
    [
        (("02:15", "05:00"), "2026-03-29", ["03-29 01:00", "03-29 03:00"]),
        (("02:15", "02:45"), "2026-03-29", []),
        (("01:00", "02:30"), "2026-10-25", ["10-24 23:00", "10-25 00:30"]),
        (("02:30", "04:00"), "2026-10-25", ["10-25 00:30", "10-25 03:00"]),
    ],
)
def test_a_window_through_a_clock_change(window: tuple[str, str], day: str, expected: list[str]) -> None:
    """Its edges follow the rule of all local times; a window wholly inside the gap has no time that night."""
    restricted = rotation(
        "ada",
        timezone="Europe/Berlin",
        restrictions=(Restriction(from_time=window[0], to_time=window[1]),),
    )
    local_midnight = utc(f"{day}T00:00") - 2 * HOUR
    found = shifts(plan_of([restricted]), local_midnight, local_midnight + 8 * HOUR).items
    edges = [edge for item in found for edge in (item.start, item.end)]
    assert edges == [utc(f"2026-{text.replace(' ', 'T')}") for text in expected]


@pytest.mark.parametrize(
    "windows",
    [
        (Restriction(from_time="09:00", to_time="09:00"),),
        (NIGHT, Restriction(from_time="06:00", to_time="22:00")),
        (WEEKEND, Restriction(from_day=1, from_time="08:00", to_day=5, to_time="18:00")),
    ],
)
def test_windows_that_leave_nothing_out_have_no_edges(windows: tuple[Restriction, ...]) -> None:
    """A week without a closed moment is known at once to be without change, not searched through."""
    (version,) = rotation("ada", restrictions=windows).versions
    assert turns_of(version).on_duty(utc("2026-01-06T12:00")) == ("ada", None)
