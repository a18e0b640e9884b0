"""Several handoff days, turns that count worked days only, and windows that mind public holidays."""

from collections.abc import Callable
from typing import Any

import pytest

from openalert.domain.holiday import is_holiday, next_holiday
from openalert.domain.instant import DAY, HOUR, LATEST
from openalert.domain.oncall import next_handoff, on_call, rotation_shifts
from openalert.domain.schedule import HolidayRule, Restriction, Rotation, RotationType, check_version
from openalert.domain.turns import turns_of
from tests.domain.rotas import NIGHT, OFFICE, WEEKEND, plan_of, rotation, timeline, until, utc, who


def office(rule: str = "any", start: str = "09:00", end: str = "17:00") -> tuple[Restriction, ...]:
    """Monday to Friday, one window a day."""
    return tuple(
        Restriction(from_day=day, from_time=start, to_time=end, holidays=HolidayRule(rule))
        for day in range(1, 6)
    )


def days(rotating: Rotation, first: str, last: str) -> list[str]:
    """Who is on during each day, `05 ada`; two people on one day stand as `ada/ben`."""
    told: dict[str, list[str]] = {}
    for at in range(utc(f"{first}T00:00"), utc(f"{last}T23:00"), HOUR):
        for person in on_call(plan_of([rotating]), at).people:
            names = told.setdefault(f"{(at // DAY - utc(f'{first}T00:00') // DAY) + int(first[-2:]):02d}", [])
            if person.user_id not in names:
                names.append(person.user_id)
    return [f"{day} {'/'.join(names)}" for day, names in told.items()]


# Several handoff days.


def test_a_week_may_be_cut_at_several_days() -> None:
    """Monday and Friday: one has the week and the next the weekend, each handoff at its hour."""
    weekly = rotation("ada", "ben", "cleo", rotation_type=RotationType.WEEKLY, handoff_days=(1, 5))
    assert timeline("2026-01-05T09:00", "2026-01-17T00:00", [weekly]) == [
        "01-05 09:00 ada",
        "01-09 09:00 ben",
        "01-12 09:00 cleo",
        "01-16 09:00 ada",
    ]
    assert next_handoff(weekly, utc("2026-01-05T09:00")) == utc("2026-01-09T09:00")


def test_users_advance_per_selected_day() -> None:
    """Grafana OnCall's daily shifts on Monday, Wednesday and Friday: each such day is the next one's."""
    weekly = rotation(
        "ada",
        "ben",
        rotation_type=RotationType.WEEKLY,
        handoff_days=(1, 3, 5),
        handoff_time="00:00",
        since="2026-01-05T00:00",
    )
    assert days(weekly, "2026-01-12", "2026-01-21") == [
        "12 ben", "13 ben", "14 ada", "15 ada", "16 ben", "17 ben", "18 ben", "19 ada", "20 ada", "21 ben",
    ]  # fmt: skip


def test_several_handoffs_make_one_turn() -> None:
    """`shift_length` counts handoffs: of three days a week two make a turn."""
    weekly = rotation("ada", "ben", rotation_type=RotationType.WEEKLY, handoff_days=(1, 3, 5), shift_length=2)
    assert timeline("2026-01-05T09:00", "2026-01-20T00:00", [weekly]) == [
        "01-05 09:00 ada",
        "01-09 09:00 ben",
        "01-14 09:00 ada",
        "01-19 09:00 ben",
    ]


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Santiago"])
def test_one_of_several_days_is_the_day(length: int, zone: str) -> None:
    """`handoff_days` of one day and `handoff_day` are the same rotation, on every day of three years."""
    common: dict[str, Any] = {"rotation_type": RotationType.WEEKLY, "shift_length": length, "timezone": zone}
    old = rotation("ada", "ben", "cleo", handoff_day=4, **common)
    new = rotation("ada", "ben", "cleo", handoff_days=(4,), **common)
    span = utc("2026-01-01T00:00"), utc("2029-01-01T00:00")
    assert rotation_shifts(old, *span) == rotation_shifts(new, *span)


def test_before_the_first_of_several_days_the_first_member_is_on() -> None:
    """Beginning on a Tuesday, the next of the days begins the first turn."""
    weekly = rotation(
        "ada", "ben", since="2026-01-06T12:00", rotation_type=RotationType.WEEKLY, handoff_days=(1, 5)
    )
    assert timeline("2026-01-06T12:00", "2026-01-17T00:00", [weekly]) == [
        "01-06 12:00 ada",
        "01-12 09:00 ben",
        "01-16 09:00 ada",
    ]


def test_custom_turns_begin_on_the_first_of_the_days() -> None:
    """Turns of four days, the first on Wednesday or Saturday; the days of choice play no part later."""
    custom = rotation(
        "ada",
        "ben",
        rotation_type=RotationType.CUSTOM,
        shift_length=4,
        handoff_days=(3, 6),
        since="2026-01-08T00:00",
    )
    assert timeline("2026-01-10T09:00", "2026-01-20T00:00", [custom]) == [
        "01-10 09:00 ada",
        "01-14 09:00 ben",
        "01-18 09:00 ada",
    ]


# Worked days.


def test_weekends_use_up_no_turn() -> None:
    """Five people have a day of the week each for ever; a sixth moves everybody on by one each week."""
    five = rotation("a", "b", "c", "d", "e", restrictions=office(), worked_days_only=True)
    week = ["05 a", "06 b", "07 c", "08 d", "09 e"]
    assert days(five, "2026-01-05", "2026-01-11") == week
    assert days(five, "2026-01-12", "2026-01-18") == ["12 a", "13 b", "14 c", "15 d", "16 e"]
    six = rotation("a", "b", "c", "d", "e", "f", restrictions=office(), worked_days_only=True)
    assert days(six, "2026-01-05", "2026-01-13") == [*week, "12 f", "13 a"]


def test_without_counting_worked_days_the_weekend_is_somebodys() -> None:
    """The difference: by the calendar, Saturday and Sunday are turns, although nobody is on."""
    five = rotation("a", "b", "c", "d", "e", restrictions=office())
    assert days(five, "2026-01-09", "2026-01-13") == ["09 e", "12 c", "13 d"]


@pytest.mark.parametrize(
    ("windows", "handoff", "since", "expected"),
    [
        # The window begins an hour before the handoff: Friday's person has Monday's first hour, not a turn of it.
        (
            office(start="08:00"),
            "09:00",
            "05",
            ["05 a", "06 a/b", "07 b/c", "08 c/d", "09 d/e", "12 e/f", "13 f/a"],
        ),
        # Handed over at noon: Friday's person has Monday's morning.
        (office(), "12:00", "05", ["05 a", "06 a/b", "07 b/c", "08 c/d", "09 d/e", "12 e/f", "13 f/a"]),
        # Nights: Saturday's morning is the end of Friday's night.
        (
            office(start="22:00", end="06:00"),
            "09:00",
            "05",
            ["05 a", "06 a/b", "07 b/c", "08 c/d", "09 d/e", "10 e", "12 f", "13 f/a"],
        ),
        # Handed over after the day's work.
        (office(start="06:00", end="14:00"), "16:00", "05", ["06 a", "07 b", "08 c", "09 d", "12 e", "13 f"]),
    ],
)
def test_a_handoff_within_or_after_the_work(
    windows: tuple[Restriction, ...], handoff: str, since: str, expected: list[str]
) -> None:
    """Wherever the handoff lies in the day, five worked days a week are five turns."""
    rotating = rotation(
        "a", "b", "c", "d", "e", "f",
        restrictions=windows, worked_days_only=True, handoff_time=handoff, since=f"2026-01-{since}T{handoff}",
    )  # fmt: skip
    assert days(rotating, "2026-01-05", "2026-01-13") == expected


def test_a_long_weekend_is_three_worked_days() -> None:
    """Friday evening to Monday morning: Friday, Saturday and Sunday are turns, Monday is the end of Sunday's."""
    weekend = rotation(
        "a", "b", "c", "d", restrictions=(WEEKEND,), worked_days_only=True, since="2026-01-09T09:00"
    )
    assert timeline("2026-01-09T00:00", "2026-01-17T12:00", [weekend]) == [
        "01-09 00:00 -", "01-09 18:00 a", "01-10 09:00 b", "01-11 09:00 c", "01-12 08:00 -",
        "01-16 18:00 d", "01-17 09:00 a",
    ]  # fmt: skip


def test_several_worked_days_make_one_turn() -> None:
    """Two worked days each: Friday and Monday belong together."""
    pairs = rotation("a", "b", "c", restrictions=office(), worked_days_only=True, shift_length=2)
    assert days(pairs, "2026-01-05", "2026-01-14") == [
        "05 a", "06 a", "07 b", "08 b", "09 c", "12 c", "13 a", "14 a",
    ]  # fmt: skip


def test_days_that_are_always_worked_make_no_difference() -> None:
    """Without windows, and with windows on every day, counting worked days is counting days."""
    for windows in ((), (OFFICE,), (NIGHT,)):
        common: dict[str, Any] = {"restrictions": windows, "shift_length": 3}
        plain = rotation("a", "b", "c", **common)
        counted = rotation("a", "b", "c", worked_days_only=True, **common)
        span = utc("2026-01-01T00:00"), utc("2026-12-31T00:00")
        assert rotation_shifts(plain, *span) == rotation_shifts(counted, *span)


def test_the_shift_of_the_last_worked_day_lasts_until_the_next() -> None:
    """An edit on Saturday waits for Monday's handoff, when the next turn begins."""
    five = rotation("a", "b", restrictions=office(), worked_days_only=True)
    assert next_handoff(five, utc("2026-01-10T12:00")) == utc("2026-01-12T09:00")
    (version,) = five.versions
    assert turns_of(version).holder(utc("2026-01-10T12:00")) == "a"


def test_weeks_without_a_worked_day_do_not_count() -> None:
    """Weekly turns at Easter windows only: the weeks between the holidays are nobody's turn."""
    holidays = (Restriction(from_time="00:00", to_time="24:00", holidays=HolidayRule.ONLY),)
    weekly = rotation(
        "a", "b", "c",
        rotation_type=RotationType.WEEKLY, handoff_day=1, worked_days_only=True, restrictions=holidays,
        holiday_calendar="DE", since="2026-03-30T09:00",
    )  # fmt: skip
    # Good Friday; Easter Monday until 09:00, then the next turn; 1 May; Ascension; Whit Monday.
    assert timeline("2026-04-01T00:00", "2026-05-27T00:00", [weekly]) == [
        "04-01 00:00 -", "04-03 00:00 a", "04-04 00:00 -", "04-06 00:00 a", "04-06 09:00 b", "04-07 00:00 -",
        "05-01 00:00 c", "05-02 00:00 -", "05-14 00:00 a", "05-15 00:00 -", "05-25 00:00 a", "05-25 09:00 b",
        "05-26 00:00 -",
    ]  # fmt: skip


# Holidays.


def test_office_hours_except_holidays() -> None:
    """Good Friday and Easter Monday are off, and use up no turn of worked days."""
    easter = rotation(
        "a", "b", "c", "d", "e", "f",
        restrictions=office("except"), worked_days_only=True, holiday_calendar="DE", since="2026-03-30T09:00",
    )  # fmt: skip
    assert days(easter, "2026-03-30", "2026-04-09") == [
        "30 a", "31 b", "32 c", "33 d", "38 e", "39 f", "40 a",
    ]  # fmt: skip
    assert until("2026-04-02T12:00", [easter]) == "2026-04-02T17:00"
    assert until("2026-04-02T17:00", [easter]) == "2026-04-07T09:00"


def test_by_the_calendar_a_holiday_uses_up_a_turn() -> None:
    """Without `worked_days_only` the turn of the holiday passes, and nobody is on."""
    easter = rotation(
        "a", "b", "c", restrictions=office("except"), holiday_calendar="DE", since="2026-03-30T09:00"
    )
    assert days(easter, "2026-04-02", "2026-04-07") == ["02 a", "07 c"]


def test_only_on_holidays() -> None:
    """A rotation for holidays alone is on for the whole local day, and silent in between."""
    duty = rotation(
        "a", "b",
        timezone="America/New_York",
        restrictions=(Restriction(from_time="00:00", to_time="24:00", holidays=HolidayRule.ONLY),),
        worked_days_only=True, holiday_calendar="US", handoff_time="00:00", since="2026-11-01T05:00",
    )  # fmt: skip
    assert timeline("2026-11-01T00:00", "2026-12-31T00:00", [duty]) == [
        "11-01 00:00 -", "11-11 05:00 a", "11-12 05:00 -", "11-26 05:00 b", "11-27 05:00 -",
        "12-25 05:00 a", "12-26 05:00 -",
    ]  # fmt: skip
    assert who("2027-01-01T12:00", [duty]) == ["b"]


def test_a_moment_belongs_to_the_holiday_of_its_local_date() -> None:
    """A night into Christmas is cut at midnight, and a night out of it begins there."""
    nights = rotation(
        "a",
        restrictions=(Restriction(from_time="22:00", to_time="06:00", holidays=HolidayRule.EXCEPT),),
        holiday_calendar="DE",
    )
    assert timeline("2026-12-24T12:00", "2026-12-27T12:00", [nights]) == [
        "12-24 12:00 -",
        "12-24 22:00 a",
        "12-25 00:00 -",
        "12-27 00:00 a",
        "12-27 06:00 -",
    ]


def test_the_same_date_elsewhere_is_the_holiday_there() -> None:
    """Christmas begins in Auckland eleven hours before it begins in London."""
    for zone, begins in (("Pacific/Auckland", "12-24 11:00"), ("Europe/London", "12-25 00:00")):
        duty = rotation(
            "a",
            timezone=zone,
            restrictions=(Restriction(from_time="00:00", to_time="24:00", holidays=HolidayRule.ONLY),),
            holiday_calendar="DE",
        )
        assert timeline("2026-12-24T00:00", "2026-12-26T00:00", [duty])[1] == f"{begins} a"


def test_windows_of_all_three_kinds_add_up() -> None:
    """Office hours on ordinary days, the whole of each holiday, and Saturday mornings whatever they are."""
    windows = (
        *office("except"),
        Restriction(from_time="00:00", to_time="24:00", holidays=HolidayRule.ONLY),
        Restriction(from_day=6, from_time="09:00", to_time="12:00"),
    )
    rotating = rotation("a", restrictions=windows, holiday_calendar="DE")
    assert timeline("2026-12-24T00:00", "2026-12-28T00:00", [rotating]) == [
        "12-24 00:00 -",
        "12-24 09:00 a",
        "12-24 17:00 -",
        "12-25 00:00 a",
        "12-27 00:00 -",
    ]
    assert who("2027-01-02T10:00", [rotating]) == ["a"]
    assert who("2027-01-02T13:00", [rotating]) == []


ALL_DAY = Restriction(from_time="00:00", to_time="24:00", holidays=HolidayRule.ONLY)


@pytest.mark.parametrize(
    ("windows", "calendar", "works"),
    [
        (office("except"), "DE-BY", lambda weekday, off: 1 <= weekday <= 5 and not off),
        # A holiday makes a Saturday worked, too.
        ((*office(), ALL_DAY), "US", lambda weekday, off: 1 <= weekday <= 5 or off),
        ((ALL_DAY,), "US-CA", lambda weekday, off: off),
    ],
)
def test_many_years_of_worked_days_are_counted_without_walking(
    windows: tuple[Restriction, ...], calendar: str, works: Callable[[int, bool], bool]
) -> None:
    """Since 2006, day by day, the numbers are those of somebody who counts them on a calendar."""
    (version,) = rotation(
        "a", "b", "c", restrictions=windows, worked_days_only=True, holiday_calendar=calendar,
        since="2006-01-01T09:00",
    ).versions  # fmt: skip
    turns = turns_of(version)
    counted = -1
    for day in range(utc("2006-01-01T00:00") // DAY, utc("2027-01-01T00:00") // DAY):
        if works((day + 4) % 7, is_holiday(calendar, day)):
            counted += 1
            assert turns.start(counted) == day * DAY + 9 * HOUR
        assert turns.turn_at(day * DAY + 9 * HOUR) == max(counted, 0)
    assert counted > 200


def test_many_years_of_weeks_are_counted_without_walking() -> None:
    """Weeks from Thursday to Wednesday that have a holiday in them, also one that begins on 31 December."""
    (version,) = rotation(
        "a", "b", "c", rotation_type=RotationType.WEEKLY, handoff_day=4, restrictions=(ALL_DAY,),
        worked_days_only=True, holiday_calendar="DE", since="2006-01-05T09:00",
    ).versions  # fmt: skip
    turns = turns_of(version)
    counted = -1
    for thursday in range(utc("2006-01-05T00:00") // DAY, utc("2027-01-01T00:00") // DAY, 7):
        begins = any(is_holiday("DE", day) for day in range(thursday, thursday + 7))
        counted += begins
        assert turns.turn_at(thursday * DAY + 10 * HOUR) == max(counted, 0)
        assert not begins or turns.start(counted) == thursday * DAY + 9 * HOUR
    assert counted > 140


@pytest.mark.parametrize("kind", [RotationType.DAILY, RotationType.WEEKLY, RotationType.CUSTOM])
def test_after_the_last_known_holiday_days_are_ordinary(kind: RotationType) -> None:
    """Asked for the year 9999, there is an answer, and a rotation of holidays alone has no further turn."""
    office_days = rotation(
        "a",
        "b",
        rotation_type=kind,
        restrictions=office("except"),
        worked_days_only=True,
        holiday_calendar="DE",
    )
    assert who("9999-12-28T12:00", [office_days]) != []
    assert on_call(plan_of([office_days]), LATEST).until is None
    only = (Restriction(from_time="00:00", to_time="24:00", holidays=HolidayRule.ONLY),)
    duty = rotation(
        "a", "b", rotation_type=kind, restrictions=only, worked_days_only=True, holiday_calendar="DE"
    )
    assert who("2100-12-26T12:00", [duty]) != []
    assert who("2101-01-01T12:00", [duty]) == []
    assert on_call(plan_of([duty]), utc("2101-01-01T12:00")).until is None
    late = rotation(
        "a", "b", rotation_type=kind, restrictions=only, worked_days_only=True, holiday_calendar="DE",
        since="2200-01-01T00:00",
    )  # fmt: skip
    assert on_call(plan_of([late]), utc("2201-01-01T00:00")).until is None
    assert next_handoff(late, utc("2201-01-01T00:00")) is None


def test_a_stored_calendar_that_nobody_knows_leaves_ordinary_days() -> None:
    """As without the library: holidays never come, and nothing fails."""
    common: dict[str, Any] = {"worked_days_only": True, "since": "2026-01-05T09:00"}
    stored = rotation("a", "b", restrictions=office("except"), holiday_calendar="ZZ", **common)
    check_version(stored.current)
    plain = rotation("a", "b", restrictions=office(), **common)
    span = utc("2026-01-01T00:00"), utc("2027-01-01T00:00")
    assert rotation_shifts(stored, *span) == rotation_shifts(plain, *span)
    duty = rotation(
        "a", "b", worked_days_only=True, holiday_calendar="ZZ",
        restrictions=(Restriction(from_time="00:00", to_time="24:00", holidays=HolidayRule.ONLY),),
    )  # fmt: skip
    assert who("2026-12-25T12:00", [duty]) == []
    assert next_holiday("ZZ", 0) is None
