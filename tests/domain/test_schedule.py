"""Schedules, rotations and overrides: what is refused, and that they survive being stored."""

from typing import Any

import msgspec
import pytest

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, LATEST
from openalert.domain.override import Override, check_override
from openalert.domain.schedule import (
    HIGHEST_LAYER,
    LONGEST_SHIFT,
    MOST_MEMBERS,
    MOST_RESTRICTIONS,
    HolidayRule,
    Restriction,
    Rotation,
    RotationType,
    RotationVersion,
    Schedule,
    check_holidays,
    check_rotation,
    check_schedule,
    check_version,
)

VERSION = RotationVersion(
    valid_from=0,
    timezone="Europe/Berlin",
    rotation_type=RotationType.WEEKLY,
    handoff_day=1,
    effective_from=DAY,
    effective_until=100 * DAY,
    member_ids=("ada", "", "ben"),
    restrictions=(
        Restriction(from_time="18:00", to_time="09:00"),
        Restriction(from_time="00:00", to_time="24:00", from_day=6, to_day=0),
    ),
)
ONLY_HOLIDAYS = Restriction(from_time="00:00", to_time="24:00", holidays=HolidayRule.ONLY)


def sundays(rule: str) -> Restriction:
    """The whole of each Sunday."""
    return Restriction(from_day=0, from_time="00:00", to_day=0, to_time="24:00", holidays=HolidayRule(rule))


OVERRIDE = Override(id="o", schedule_id="s", user_id="eve", start_at=DAY, end_at=2 * DAY, created_at=0)
SCHEDULE = Schedule(
    id="s",
    organization_id="o",
    team_id="t",
    name="Primary",
    timezone="Asia/Kathmandu",
    created_at=0,
    updated_at=0,
)
ROTATION = Rotation(id="r", schedule_id="s", name="Weekly", versions=(VERSION,))


def refused(field: str, check: Any, value: Any) -> None:
    """Assert that `check` refuses `value` with a sentence that begins with the field's name."""
    with pytest.raises(Invalid) as refusal:
        check(value)
    assert refusal.value.details == {"field": field}
    assert refusal.value.message.startswith(f"{field} ")
    assert refusal.value.message.endswith(".")


def test_sound_definitions_pass() -> None:
    """Nothing is refused of a full and valid set-up, nor of the smallest one."""
    check_schedule(SCHEDULE)
    check_rotation(ROTATION)
    check_override(OVERRIDE)
    check_version(RotationVersion(valid_from=0, timezone="UTC", effective_from=0))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("timezone", {"timezone": "Europe/Berlin2"}),
        ("shiftLength", {"shift_length": 0}),
        ("shiftLength", {"shift_length": -1}),
        ("shiftLength", {"shift_length": LONGEST_SHIFT + 1}),
        ("layer", {"layer": -1}),
        ("layer", {"layer": HIGHEST_LAYER + 1}),
        ("handoffTime", {"handoff_time": "9:00"}),
        ("handoffTime", {"handoff_time": "24:00"}),
        ("handoffTime", {"handoff_time": "12:60"}),
        ("handoffDay", {"handoff_day": 7}),
        ("handoffDay", {"handoff_day": -1}),
        ("handoffDays", {"handoff_day": None, "handoff_days": (1, 7)}),
        ("handoffDays", {"handoff_day": None, "handoff_days": (-1, 1)}),
        ("handoffDays", {"handoff_day": None, "handoff_days": (1, 1)}),
        ("handoffDays", {"handoff_day": None, "handoff_days": (4, 1)}),
        ("handoffDays", {"handoff_day": 1, "handoff_days": (1, 4)}),
        ("handoffDays", {"handoff_day": 1, "handoff_days": (4,)}),
        ("handoffDays", {"handoff_day": None, "handoff_days": (1, 4), "rotation_type": RotationType.DAILY}),
        ("handoffDays", {"handoff_day": None, "handoff_days": (1, 4), "rotation_type": RotationType.MONTHLY}),
        ("workedDaysOnly", {"worked_days_only": True, "rotation_type": RotationType.HOURLY}),
        ("workedDaysOnly", {"worked_days_only": True, "rotation_type": RotationType.MONTHLY}),
        ("holidays", {"restrictions": (ONLY_HOLIDAYS,)}),
        (
            "holidays",
            {"restrictions": (msgspec.structs.replace(ONLY_HOLIDAYS, holidays=HolidayRule.EXCEPT),)},
        ),
        ("effectiveFrom", {"effective_from": -1}),
        ("effectiveFrom", {"effective_from": LATEST + 1}),
        ("effectiveUntil", {"effective_until": DAY}),
        ("effectiveUntil", {"effective_until": DAY - 1}),
        ("effectiveUntil", {"effective_until": LATEST + 1}),
        ("memberIds", {"member_ids": ("ada",) * (MOST_MEMBERS + 1)}),
        (
            "restrictions",
            {"restrictions": (Restriction(from_time="08:00", to_time="09:00"),) * (MOST_RESTRICTIONS + 1)},
        ),
        ("fromTime", {"restrictions": (Restriction(from_time="24:00", to_time="09:00"),)}),
        ("fromTime", {"restrictions": (Restriction(from_time="", to_time="09:00"),)}),
        ("toTime", {"restrictions": (Restriction(from_time="08:00", to_time="24:01"),)}),
        ("fromDay", {"restrictions": (Restriction(from_time="08:00", to_time="09:00", from_day=7),)}),
        ("toDay", {"restrictions": (Restriction(from_time="08:00", to_time="09:00", from_day=1, to_day=7),)}),
        ("toDay", {"restrictions": (Restriction(from_time="08:00", to_time="09:00", to_day=1),)}),
    ],
)
def test_definitions_that_cannot_be_computed_are_refused(field: str, change: dict[str, Any]) -> None:
    """Each rule refuses with the name of the field, as the API writes it."""
    refused(field, check_version, msgspec.structs.replace(VERSION, **change))


def test_what_may_look_odd_and_is_meant() -> None:
    """Somebody twice, also in a row, has more turns; one day may be said both ways; nobody may have a turn."""
    for change in (
        {"member_ids": ("ada", "ada", "ben")},
        {"member_ids": ("ada", "", "")},
        {"handoff_days": (1,)},
        {"handoff_day": None, "handoff_days": (0, 1, 2, 3, 4, 5, 6)},
        {"worked_days_only": True},
        {"is_shadow": True},
        {"holiday_calendar": "DE"},
    ):
        check_version(msgspec.structs.replace(VERSION, **change))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("holidayCalendar", {"holiday_calendar": "XX"}),
        ("holidayCalendar", {"holiday_calendar": ""}),
        ("holidays", {"holiday_calendar": "BV", "restrictions": (ONLY_HOLIDAYS,)}),
        # Spain moves holidays away from Sundays.
        ("holidays", {"holiday_calendar": "ES", "restrictions": (sundays("only"),)}),
    ],
)
def test_windows_that_never_open_are_refused(field: str, change: dict[str, Any]) -> None:
    """An unknown calendar, one without holidays, and a window on a day that is never one."""
    refused(field, check_holidays, msgspec.structs.replace(VERSION, **change))


def test_a_window_on_days_that_are_always_holidays_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Except holidays, Sundays leave nothing where each Sunday is one; on any other day the window is fine."""
    always = {day: "Sunday" for day in range(-365_000, 365_000) if (day + 4) % 7 == 0}
    monkeypatch.setattr("openalert.domain.holiday.in_year", lambda calendar, year: always)
    version = msgspec.structs.replace(VERSION, holiday_calendar="DE", restrictions=(sundays("except"),))
    refused("holidays", check_holidays, version)
    saturday = Restriction(
        from_day=6, from_time="23:59", to_day=0, to_time="09:00", holidays=HolidayRule.EXCEPT
    )
    check_holidays(msgspec.structs.replace(version, restrictions=(saturday, sundays("only"))))


@pytest.mark.parametrize(
    ("window", "days"),
    [
        (Restriction(from_time="09:00", to_time="17:00"), {0, 1, 2, 3, 4, 5, 6}),
        (Restriction(from_day=1, from_time="09:00", to_time="17:00"), {1}),
        (Restriction(from_day=1, from_time="22:00", to_time="06:00"), {1, 2}),
        (Restriction(from_day=1, from_time="22:00", to_time="00:00"), {1}),
        (Restriction(from_day=1, from_time="00:00", to_time="24:00"), {1}),
        (Restriction(from_day=1, from_time="09:00", to_time="09:00"), {1, 2}),
        (Restriction(from_day=5, from_time="18:00", to_day=1, to_time="08:00"), {5, 6, 0, 1}),
        (Restriction(from_day=5, from_time="18:00", to_day=1, to_time="00:00"), {5, 6, 0}),
        (Restriction(from_day=2, from_time="10:00", to_day=2, to_time="09:00"), {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_on_which_days_a_window_is_open(window: Restriction, days: set[int]) -> None:
    """Its end is outside: a window until midnight does not touch the next day."""
    assert window.days == days


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("userId", {"user_id": ""}),
        ("startTime", {"start_at": -1}),
        ("endTime", {"end_at": DAY}),
        ("endTime", {"end_at": LATEST + 1}),
        ("reason", {"reason": "x" * 1001}),
    ],
)
def test_overrides_of_nobody_or_no_time_are_refused(field: str, change: dict[str, Any]) -> None:
    """An override needs a person and a stretch of time."""
    refused(field, check_override, msgspec.structs.replace(OVERRIDE, **change))


def test_names_and_zones_of_schedules_are_checked() -> None:
    """A schedule and a rotation need a name of sensible length, and a schedule a zone that exists."""
    refused("name", check_schedule, msgspec.structs.replace(SCHEDULE, name=" "))
    refused("name", check_rotation, msgspec.structs.replace(ROTATION, name="x" * 201))
    refused("timezone", check_schedule, msgspec.structs.replace(SCHEDULE, timezone=""))


def test_every_version_of_a_rotation_is_checked_and_they_are_in_order() -> None:
    """A later version that is wrong is found; an order that only a fault of ours can make is no refusal."""
    later = msgspec.structs.replace(VERSION, valid_from=DAY)
    check_rotation(msgspec.structs.replace(ROTATION, versions=(VERSION, later)))
    wrong = msgspec.structs.replace(later, shift_length=0)
    refused("shiftLength", check_rotation, msgspec.structs.replace(ROTATION, versions=(VERSION, wrong)))
    for versions in ((), (later, VERSION), (VERSION, VERSION)):
        with pytest.raises(ValueError, match="valid_from"):
            check_rotation(msgspec.structs.replace(ROTATION, versions=versions))


@pytest.mark.parametrize("value", [SCHEDULE, ROTATION, OVERRIDE], ids=lambda value: type(value).__name__)
def test_documents_survive_being_stored(value: Any) -> None:
    """Written as JSON and read back, everything is equal; the version cache may therefore go by value."""
    again = msgspec.json.decode(msgspec.json.encode(value), type=type(value))
    assert again == value
    assert hash(again) == hash(value)


def test_a_rotation_shows_its_newest_definition() -> None:
    """An editor sees the newest version, also when it is only planned."""
    planned = msgspec.structs.replace(VERSION, valid_from=50 * DAY, layer=3)
    rotation = msgspec.structs.replace(ROTATION, versions=(VERSION, planned))
    assert rotation.current is planned
    assert rotation.layer == 3
