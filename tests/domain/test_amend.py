"""Editing a rotation: the past and the running shift stay, and the order of turns goes on naturally."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from openalert.domain.amend import amend
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.oncall import next_handoff, rotation_shifts
from openalert.domain.schedule import (
    HolidayRule,
    Restriction,
    Rotation,
    RotationChange,
    RotationType,
    RotationVersion,
)
from tests.domain.rotas import utc

MONDAY = utc("2026-01-05T09:00")


def week(number: int) -> Instant:
    """The Monday handoff that begins the numbered week."""
    return MONDAY + number * 7 * DAY


def weekly(*members: str, **definition: Any) -> Rotation:
    """Weekly from Monday 5 January 2026 09:00 UTC."""
    settings: dict[str, Any] = {
        "valid_from": MONDAY,
        "timezone": "UTC",
        "handoff_day": 1,
        "effective_from": MONDAY,
        "member_ids": members,
        **definition,
    }
    return Rotation(id="r", schedule_id="s", name="Weekly", versions=(RotationVersion(**settings),))


def members(*user_ids: str) -> RotationChange:
    """An edit of the members alone."""
    return RotationChange(member_ids=user_ids)


def told(rotation: Rotation, start: Instant, end: Instant) -> list[str]:
    """The shifts of a range, one line each: `01-05 09:00 ada`, in UTC."""
    return [
        f"{datetime.fromtimestamp(shift.start / 1000, UTC):%m-%d %H:%M} {shift.people[0].user_id}"
        for shift in rotation_shifts(rotation, start, end)
    ]


def turns(rotation: Rotation, first: int, last: int) -> list[str]:
    """Who is on at noon of each Monday of the numbered weeks."""
    noons = [week(number) + 3 * HOUR for number in range(first, last + 1)]
    found = [rotation_shifts(rotation, noon, noon + 1) for noon in noons]
    return [shifts[0].people[0].user_id if shifts else "" for shifts in found]


@pytest.mark.parametrize(
    ("new", "following"),
    [
        (("ada", "ben", "cleo", "dan"), ["cleo", "dan", "ada", "ben"]),
        (("dan", "ada", "ben", "cleo"), ["cleo", "dan", "ada", "ben"]),
        (("ada", "ben", "dan", "cleo"), ["dan", "cleo", "ada", "ben"]),
        (("cleo", "ben", "ada"), ["ada", "cleo", "ben", "ada"]),
        (("ada", "ben"), ["ada", "ben", "ada", "ben"]),
        (("ada", "cleo"), ["cleo", "ada", "cleo", "ada"]),
        (("cleo", "ada"), ["cleo", "ada", "cleo", "ada"]),
        (("ada",), ["ada", "ada", "ada", "ada"]),
        (("eve", "finn"), ["eve", "finn", "eve", "finn"]),
        (("eve", "ada", "finn"), ["ada", "finn", "eve", "ada"]),
        ((), ["", "", "", ""]),
    ],
)
def test_editing_members_goes_on_after_the_person_who_is_on(
    new: tuple[str, ...], following: list[str]
) -> None:
    """ada, ben, cleo; ben is on in week 4. His shift ends as planned, then the new order goes on after him."""
    before = weekly("ada", "ben", "cleo")
    after = amend(before, members(*new), week(4) + 2 * DAY)
    assert turns(after, 0, 4) == ["ada", "ben", "cleo", "ada", "ben"]
    assert turns(after, 5, 8) == following
    assert [version.valid_from for version in after.versions] == [MONDAY, week(5)]
    assert rotation_shifts(after, 0, week(5)) == rotation_shifts(before, 0, week(5))


def test_applied_now_the_person_on_keeps_the_running_shift() -> None:
    """With `now` nobody else takes over before the handoff; the new order goes on after the person on."""
    after = amend(weekly("ada", "ben", "cleo"), members("cleo", "ben", "dan"), week(4) + DAY, "now")
    assert turns(after, 3, 7) == ["ada", "ben", "dan", "cleo", "ben"]
    assert after.versions[-1].valid_from == week(4) + DAY


def test_applied_now_somebody_removed_is_replaced_at_once() -> None:
    """Who leaves with `now` is off that instant; the next of the old order takes the rest of the shift."""
    after = amend(weekly("ada", "ben", "cleo"), members("ada", "cleo"), week(4) + DAY, "now")
    assert told(after, week(4), week(7)) == [
        "02-02 09:00 ben",
        "02-03 09:00 cleo",
        "02-09 09:00 ada",
        "02-16 09:00 cleo",
    ]


def test_applied_at_a_date_the_order_goes_on_from_then() -> None:
    """With an instant, everything stays until then; inside a shift its holder keeps it to the end."""
    date = week(6) + 2 * DAY
    after = amend(weekly("ada", "ben", "cleo"), members("ada", "dan", "ben", "cleo"), week(4), date)
    assert turns(after, 4, 10) == ["ben", "cleo", "ada", "dan", "ben", "cleo", "ada"]
    assert after.versions[-1].valid_from == date


def test_applied_exactly_at_a_handoff_the_next_in_the_new_order_begins() -> None:
    """An instant that is a handoff ends the shift before it, as the default does."""
    rotation = weekly("ada", "ben", "cleo")
    by_date = amend(rotation, members("ada", "dan", "ben", "cleo"), week(6) + DAY, week(7))
    assert turns(by_date, 6, 8) == ["ada", "dan", "ben"]
    assert by_date == amend(rotation, members("ada", "dan", "ben", "cleo"), week(6) + DAY)


def test_the_past_cannot_be_edited() -> None:
    """An edit for an instant before now is refused."""
    with pytest.raises(Invalid, match="apply must") as refused:
        amend(weekly("ada"), members("ben"), week(4), week(4) - 1)
    assert refused.value.details == {"field": "apply"}


def test_an_edit_that_makes_nonsense_is_refused() -> None:
    """The new definition is checked as a whole."""
    with pytest.raises(Invalid, match="shiftLength"):
        amend(weekly("ada"), RotationChange(shift_length=0), week(4))


def test_before_anybody_is_on_an_edit_counts_at_once_and_from_the_beginning() -> None:
    """A rotation that has not begun is simply another one: its first member begins."""
    after = amend(weekly("ada", "ben"), members("cleo", "ada"), MONDAY - DAY)
    assert turns(after, 0, 2) == ["cleo", "ada", "cleo"]
    assert len(after.versions) == 1


def test_the_first_members_of_an_empty_rotation_begin_at_once() -> None:
    """Where nobody is on there is no shift to protect."""
    after = amend(weekly(), members("ada"), week(4) + DAY)
    assert told(after, 0, week(6)) == ["02-03 09:00 ada"]
    grown = amend(after, members("ada", "ben"), week(4) + 2 * DAY)
    assert told(grown, 0, week(6) + DAY) == ["02-03 09:00 ada", "02-09 09:00 ben", "02-16 09:00 ada"]


def test_several_edits_in_one_shift_add_up() -> None:
    """Each edit starts from what is planned for the same handoff; the running shift is still ben's."""
    rotation = weekly("ada", "ben", "cleo")
    rotation = amend(rotation, members("ada", "ben", "cleo", "dan"), week(4) + DAY)
    rotation = amend(rotation, RotationChange(layer=2), week(4) + 2 * DAY)
    rotation = amend(rotation, members("ada", "cleo", "dan"), week(4) + 3 * DAY)
    assert turns(rotation, 4, 8) == ["ben", "cleo", "dan", "ada", "cleo"]
    assert [(version.valid_from, version.layer) for version in rotation.versions] == [
        (MONDAY, 1),
        (week(5), 2),
    ]


def test_an_earlier_edit_goes_into_what_is_planned_for_later() -> None:
    """A plan for week 10 keeps its own change and takes over the edit made meanwhile."""
    rotation = amend(weekly("ada", "ben"), RotationChange(layer=5), week(1), week(10))
    rotation = amend(rotation, members("ada", "ben", "cleo"), week(4) + DAY)
    assert [
        (version.valid_from, version.layer, len(version.member_ids)) for version in rotation.versions
    ] == [
        (MONDAY, 1, 2),
        (week(5), 1, 3),
        (week(10), 5, 3),
    ]
    assert turns(rotation, 4, 12) == ["ada", "ben", "cleo", "ada", "ben", "cleo", "ada", "ben", "cleo"]


def test_an_edit_at_the_next_handoff_waits_for_the_real_end_of_the_shift() -> None:
    """A planned version that begins inside the running shift does not end it."""
    rotation = amend(weekly("ada", "ben"), RotationChange(layer=2), week(2) + DAY, week(2) + 2 * DAY)
    rotation = amend(rotation, members("ben"), week(2) + DAY + HOUR)
    assert turns(rotation, 2, 4) == ["ada", "ben", "ben"]
    assert [version.valid_from for version in rotation.versions] == [MONDAY, week(2) + 2 * DAY, week(3)]


def test_a_person_may_have_several_turns_and_a_turn_may_be_empty() -> None:
    """The place in the order is followed, not only the name."""
    rotation = weekly("ada", "ben", "ada", "", "cleo")
    assert turns(rotation, 0, 5) == ["ada", "ben", "ada", "", "cleo", "ada"]
    longer = amend(rotation, members("ada", "ben", "ada", "dan", "", "cleo"), week(2) + DAY)
    assert turns(longer, 2, 7) == ["ada", "dan", "", "cleo", "ada", "ben"]
    during_nobody = amend(rotation, members("ada", "ben", "", "dan"), week(3) + DAY)
    assert turns(during_nobody, 3, 6) == ["", "dan", "ada", "ben"]
    shorter = amend(rotation, members("ada", "ben"), week(2) + DAY)
    assert turns(shorter, 2, 4) == ["ada", "ben", "ada"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"handoff_time": "10:00"},
            ["02-02 09:00 ben", "02-09 09:00 cleo", "02-16 10:00 ada", "02-23 10:00 ben"],
        ),
        (
            {"handoff_time": "08:00"},
            ["02-02 09:00 ben", "02-09 09:00 cleo", "02-16 08:00 ada", "02-23 08:00 ben"],
        ),
        ({"handoff_day": 3}, ["02-02 09:00 ben", "02-09 09:00 cleo", "02-18 09:00 ada", "02-25 09:00 ben"]),
        ({"handoff_day": 5}, ["02-02 09:00 ben", "02-09 09:00 cleo", "02-13 09:00 ada", "02-20 09:00 ben"]),
        ({"shift_length": 2}, ["02-02 09:00 ben", "02-09 09:00 cleo", "02-23 09:00 ada"]),
        (
            {"timezone": "Asia/Tokyo"},
            ["02-02 09:00 ben", "02-09 09:00 cleo", "02-16 00:00 ada", "02-23 00:00 ben"],
        ),
    ],
)
def test_new_times_begin_after_the_running_shift(change: dict[str, Any], expected: list[str]) -> None:
    """Everybody keeps a turn of about the usual length: the first differs by half a week at most."""
    after = amend(weekly("ada", "ben", "cleo"), RotationChange(**change), week(4) + DAY)
    assert told(after, week(4), week(7) + 3 * DAY) == expected


def test_the_zone_moves_with_the_new_times_alone() -> None:
    """Moving to New York leaves the past on UTC and hands over at 09:00 there from the next handoff on."""
    change = RotationChange(timezone="America/New_York")
    after = amend(weekly("ada", "ben"), change, week(4) + DAY)
    assert told(after, week(3), week(6) + 2 * DAY) == [
        "01-26 09:00 ben",
        "02-02 09:00 ada",
        "02-09 09:00 ben",
        "02-16 14:00 ada",
    ]


def test_new_times_applied_now_keep_the_person_on() -> None:
    """From weekly to daily at once: ben stays to the end of the day's turn, then cleo follows."""
    change = RotationChange(rotation_type=RotationType.DAILY)
    after = amend(weekly("ada", "ben", "cleo"), change, week(4) + 2 * DAY + HOUR, "now")
    assert told(after, week(4), week(4) + 5 * DAY) == [
        "02-02 09:00 ben",
        "02-05 09:00 cleo",
        "02-06 09:00 ada",
    ]


def test_a_turn_of_ten_days_keeps_its_rhythm_when_the_hour_changes() -> None:
    """The weekday of a custom rotation set its very first turn; later turns begin on any day."""
    rotation = weekly("ada", "ben", rotation_type=RotationType.CUSTOM, shift_length=10)
    after = amend(rotation, RotationChange(handoff_time="10:00"), MONDAY + 12 * DAY)
    assert told(after, MONDAY, MONDAY + 42 * DAY) == [
        "01-05 09:00 ada",
        "01-15 09:00 ben",
        "01-25 09:00 ada",
        "02-04 10:00 ben",
        "02-14 10:00 ada",
    ]
    moved = amend(rotation, RotationChange(handoff_day=3), MONDAY + 12 * DAY)
    assert told(moved, MONDAY, MONDAY + 34 * DAY)[-2:] == ["01-25 09:00 ada", "02-07 09:00 ben"]


def test_monthly_turns_go_on_through_an_edit() -> None:
    """Members change in the middle of a month; the day of the month stays that of the beginning."""
    start = utc("2026-01-31T09:00")
    rotation = weekly(
        "ada", "ben", rotation_type=RotationType.MONTHLY, effective_from=start, valid_from=start
    )
    after = amend(rotation, members("ada", "ben", "cleo"), utc("2026-03-05T00:00"))
    assert told(after, start, utc("2026-06-15T00:00")) == [
        "01-31 09:00 ada",
        "02-28 09:00 ben",
        "03-31 09:00 cleo",
        "04-30 09:00 ada",
        "05-31 09:00 ben",
    ]


def test_an_end_counts_at_once() -> None:
    """Ending a rotation tomorrow does not wait for the handoff on Monday; other edits of the same call do."""
    tomorrow = week(4) + 2 * DAY
    after = amend(weekly("ada", "ben"), RotationChange(effective_until=tomorrow), week(4) + DAY)
    assert told(after, week(3), week(9)) == ["01-26 09:00 ben", "02-02 09:00 ada"]
    assert rotation_shifts(after, week(4), week(9))[-1].end == tomorrow
    assert [version.valid_from for version in after.versions] == [MONDAY, week(4) + DAY]
    change = RotationChange(effective_until=week(6), member_ids=("ada", "cleo"))
    both = amend(weekly("ada", "ben"), change, week(4) + DAY)
    assert told(both, week(4), week(9)) == ["02-02 09:00 ada", "02-09 09:00 cleo"]
    assert rotation_shifts(both, week(4), week(9))[-1].end == week(6)


def test_an_ended_rotation_can_be_taken_up_again() -> None:
    """Its turns are where they would have been."""
    ended = weekly("ada", "ben", "cleo", effective_until=week(2))
    again = amend(ended, RotationChange(effective_until=None), week(4) + DAY)
    assert turns(again, 0, 6) == ["ada", "ben", "", "", "", "cleo", "ada"]


def test_a_new_beginning_ahead_starts_with_the_first_member() -> None:
    """Moving `effective_from` into the future pauses the rotation and begins it anew."""
    change = RotationChange(
        effective_from=week(8) + DAY, restrictions=(Restriction(from_time="09:00", to_time="09:00"),)
    )
    after = amend(weekly("ada", "ben", "cleo"), change, week(4) + DAY)
    assert turns(after, 3, 10) == ["ada", "ben", "", "", "", "", "ada", "ben"]
    assert told(after, week(5), week(11)) == ["03-03 09:00 ada", "03-16 09:00 ben"]


def test_a_handoff_that_vanishes_in_a_gap_is_no_reason_to_shift_the_order() -> None:
    """Hourly turns over a spring night: an edit at the gap leaves everybody's hours as they were."""
    gap = utc("2026-03-29T01:00")
    rotation = weekly(
        "ada", "ben", "cleo", "dan", "eve",
        timezone="Europe/Berlin", rotation_type=RotationType.HOURLY, handoff_time="00:00",
        effective_from=gap - DAY, valid_from=gap - DAY,
    )  # fmt: skip
    edited = amend(rotation, members("ada", "ben", "cleo", "dan", "eve"), gap - HOUR // 2)
    assert edited.versions[-1].valid_from == gap
    assert rotation_shifts(edited, gap - DAY, gap + DAY) == rotation_shifts(rotation, gap - DAY, gap + DAY)


def test_next_handoff() -> None:
    """The end of the running shift, the beginning of the first, the end of all, and never."""
    rotation = weekly(
        "ada", effective_from=MONDAY - DAY, valid_from=MONDAY - DAY, effective_until=week(2) + DAY
    )
    assert next_handoff(rotation, MONDAY - 2 * DAY) == MONDAY - DAY
    assert next_handoff(rotation, MONDAY - DAY) == MONDAY
    assert next_handoff(rotation, MONDAY - 1) == MONDAY
    assert next_handoff(rotation, MONDAY) == week(1)
    assert next_handoff(rotation, week(2)) == week(2) + DAY
    assert next_handoff(rotation, week(2) + DAY) is None
    announced = weekly("ada", valid_from=MONDAY - 9 * DAY)
    assert next_handoff(announced, MONDAY - 2 * DAY) == MONDAY


@pytest.mark.parametrize("hours", [0, 1, 2, 3])
def test_an_edit_between_the_old_and_the_new_handoff_leaves_the_running_shift(hours: int) -> None:
    """Handed over two hours later, ben's week is two hours longer: an edit in these hours takes none of it from him."""
    later = amend(weekly("ada", "ben", "cleo"), RotationChange(handoff_time="11:00"), MONDAY + DAY)
    now = week(1) + hours * HOUR
    assert next_handoff(later, now) == week(2) + 2 * HOUR
    assert told(amend(later, members("cleo", "ada"), now), week(1), week(4)) == [
        "01-12 09:00 ben",
        "01-19 11:00 cleo",
        "01-26 11:00 ada",
    ]


def test_next_handoff_sees_planned_versions() -> None:
    """A planned edit that takes the shift away from its holder ends it; one that does not, does not."""
    rotation = weekly("ada", "ben")
    taken = amend(rotation, members("cleo"), week(2), week(2) + 3 * DAY)
    assert next_handoff(taken, week(2) + DAY) == week(2) + 3 * DAY
    left = amend(rotation, RotationChange(layer=4), week(2), week(2) + 3 * DAY)
    assert next_handoff(left, week(2) + DAY) == week(3)


OFFICE = tuple(Restriction(from_day=day, from_time="09:00", to_time="17:00") for day in range(1, 6))
OFF_ON_HOLIDAYS = tuple(
    Restriction(from_day=day, from_time="09:00", to_time="17:00", holidays=HolidayRule.EXCEPT)
    for day in range(1, 6)
)


def test_a_second_handoff_day_counts_after_the_running_shift() -> None:
    """ben's week stays whole; from Monday on the week is cut at Friday, and the order goes on."""
    after = amend(
        weekly("ada", "ben", "cleo"), RotationChange(handoff_day=None, handoff_days=(1, 5)), week(4) + DAY
    )
    assert told(after, week(3), week(6)) == [
        "01-26 09:00 ada",
        "02-02 09:00 ben",
        "02-09 09:00 cleo",
        "02-13 09:00 ada",
    ]


def test_a_second_handoff_day_at_once_ends_the_shift_on_that_day() -> None:
    """With `now` on Tuesday, ben keeps his turn until Friday, which is a handoff from now on."""
    change = RotationChange(handoff_day=None, handoff_days=(1, 5))
    after = amend(weekly("ada", "ben", "cleo"), change, week(4) + DAY, "now")
    assert told(after, week(4), week(5) + DAY) == ["02-02 09:00 ben", "02-06 09:00 cleo", "02-09 09:00 ada"]


def test_back_to_one_handoff_day_the_order_goes_on() -> None:
    """From Monday and Friday to Monday alone: the running half of the week ends as it was to, then weeks follow."""
    cut = weekly("ada", "ben", "cleo", handoff_day=None, handoff_days=(1, 5))
    after = amend(cut, RotationChange(handoff_day=1, handoff_days=()), week(1) + DAY)
    assert told(after, week(1), week(4)) == [
        "01-12 09:00 cleo",
        "01-16 09:00 ada",
        "01-26 09:00 ben",
    ]


def test_counting_worked_days_begins_after_the_running_shift() -> None:
    """By the calendar, Friday is ben's and the weekend passes; once worked days count, Monday follows Friday."""
    daily = weekly("ada", "ben", "cleo", "dan", rotation_type=RotationType.DAILY, restrictions=OFFICE)
    friday = week(0) + 4 * DAY
    after = amend(daily, RotationChange(worked_days_only=True), friday + HOUR)
    assert told(after, friday, week(1) + 3 * DAY) == [
        "01-09 09:00 ada",
        "01-12 09:00 ben",
        "01-13 09:00 cleo",
        "01-14 09:00 dan",
    ]
    assert told(after, 0, friday + DAY) == told(daily, 0, friday + DAY)


@pytest.mark.parametrize("apply", ["next_handoff", "now", week(12)])
def test_holidays_that_are_off_change_nothing_before_the_edit_counts(apply: Any) -> None:
    """Windows closed on holidays from now, from the handoff or from a date: what was before is as it was."""
    daily = weekly(
        "ada", "ben", "cleo", rotation_type=RotationType.DAILY, restrictions=OFFICE, worked_days_only=True
    )
    now = utc("2026-03-26T10:00")
    change = RotationChange(restrictions=OFF_ON_HOLIDAYS, holiday_calendar="DE")
    after = amend(daily, change, now, apply)
    begins = after.versions[-1].valid_from
    assert begins == {"next_handoff": utc("2026-03-27T09:00"), "now": now}.get(apply, apply)
    assert rotation_shifts(after, 0, begins) == rotation_shifts(daily, 0, begins)
    easter = utc("2026-04-02T00:00"), utc("2026-04-09T00:00")
    assert [line[:5] for line in told(daily, *easter)] == ["04-02", "04-03", "04-06", "04-07", "04-08"]
    off = [line[:5] for line in told(after, *easter)]
    assert off == ["04-02", "04-07", "04-08"]
    names = [line[12:] for line in told(after, begins, utc("2026-05-20T00:00"))]
    following = {"ada": "ben", "ben": "cleo", "cleo": "ada"}
    assert all(following[one] == other for one, other in pairwise(names))


def test_an_edit_that_leaves_the_worked_days_leaves_their_turns() -> None:
    """New members, and office hours that are longer, do not count the days anew."""
    daily = weekly(
        "ada", "ben", "cleo", rotation_type=RotationType.DAILY, restrictions=OFF_ON_HOLIDAYS, worked_days_only=True,
        holiday_calendar="DE", shift_length=3,
    )  # fmt: skip
    longer = tuple(
        Restriction(from_day=day, from_time="09:00", to_time="18:00", holidays=HolidayRule.EXCEPT)
        for day in range(1, 6)
    )
    after = amend(daily, RotationChange(restrictions=longer), week(2) + HOUR, "now")
    at = range(week(2) + 2 * HOUR, week(30), 24 * HOUR)
    assert [rotation_shifts(after, each, each + 1)[:1] for each in at] == [
        rotation_shifts(daily, each, each + 1)[:1] for each in at
    ]


def test_an_edit_refuses_what_never_opens() -> None:
    """An unknown calendar, holidays without one, and windows of which they leave nothing."""
    daily = weekly("ada", rotation_type=RotationType.DAILY)
    only = (Restriction(from_day=0, from_time="09:00", to_time="17:00", holidays=HolidayRule.ONLY),)
    for field, change in {
        "holidayCalendar": RotationChange(holiday_calendar="XX"),
        "holidays": RotationChange(restrictions=only),
    }.items():
        with pytest.raises(Invalid, match=f"^{field}"):
            amend(daily, change, week(1))
    with pytest.raises(Invalid, match="never opens"):
        amend(daily, RotationChange(restrictions=only, holiday_calendar="ES"), week(1))


def test_what_is_stored_can_be_edited_although_its_calendar_is_gone() -> None:
    """A rotation whose calendar no library knows takes new members all the same."""
    stored = weekly("ada", holiday_calendar="ZZ", restrictions=OFF_ON_HOLIDAYS)
    assert amend(stored, members("ada", "ben"), week(1)).current.member_ids == ("ada", "ben")
