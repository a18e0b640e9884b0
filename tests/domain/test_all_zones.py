"""Rotations in every zone of the world over twenty years, against a calendar walked with `whenever`."""

import zoneinfo
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from openalert.domain.amend import amend
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.oncall import next_handoff, rotation_shifts
from openalert.domain.schedule import (
    HolidayRule,
    Restriction,
    Rotation,
    RotationChange,
    RotationType,
    RotationVersion,
    check_version,
)
from openalert.domain.turns import turns_of
from tests.domain import oracle
from tests.domain.rotas import utc

FIRST, LAST = 2011, 2031
"""Twenty years, among them the day that Samoa skipped."""
ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
PEOPLE = ("ada", "ben", "cleo", "dan", "")
ODD = [
    ("Pacific/Apia", "2011-12-30"),  # a day that never was
    ("Pacific/Kwajalein", "1993-08-21"),  # another one
    ("America/Asuncion", "2024-10-06"),  # midnight is skipped
    ("Asia/Beirut", "2024-03-31"),
    ("Africa/Cairo", "2024-04-26"),
    ("Africa/Cairo", "2024-11-01"),  # the last hour of the day before comes twice
    ("America/Havana", "2024-11-03"),
    ("Atlantic/Azores", "2026-03-29"),
    ("America/Santiago", "2026-09-06"),
    ("Antarctica/Troll", "2026-03-29"),  # two hours at once
    ("Antarctica/Troll", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-10-04"),  # half an hour
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Asia/Pyongyang", "2018-05-05"),  # half an hour, for good
    ("America/Caracas", "2016-05-01"),
    ("Asia/Kathmandu", "2026-04-14"),  # no change, 45 minutes from everybody
    ("Pacific/Chatham", "2026-09-27"),
    ("Australia/Eucla", "2026-06-01"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Juba", "2021-02-01"),
    ("Europe/Volgograd", "2020-12-27"),
    ("Pacific/Norfolk", "2015-10-04"),
    ("Asia/Gaza", "2024-04-20"),
    ("America/Nuuk", "2024-03-31"),
    ("Europe/Dublin", "2026-03-29"),
]


@cache
def families() -> dict[tuple[Instant, ...], list[str]]:
    """The zones by their clock changes in the twenty years."""
    found: dict[tuple[Instant, ...], list[str]] = {}
    for zone in ZONES:
        found.setdefault(oracle.clock_changes(zone, FIRST, LAST), []).append(zone)
    return found


@st.composite
def windows(draw: st.DrawFn) -> tuple[Restriction, ...]:
    """None, office hours, nights, weekends, or anything."""
    rule = draw(st.sampled_from(HolidayRule))
    kind = draw(st.sampled_from(["none", "none", "office", "nights", "weekend", "any"]))
    if kind == "none":
        return ()
    if kind in {"office", "nights"}:
        times = ("09:00", "17:30") if kind == "office" else ("22:15", "06:00")
        return tuple(
            Restriction(from_day=day, from_time=times[0], to_time=times[1], holidays=rule)
            for day in range(1, 6)
        )
    if kind == "weekend":
        return (Restriction(from_day=5, from_time="18:00", to_day=1, to_time="08:00", holidays=rule),)
    time = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45, 59]))
    day = draw(st.none() | st.integers(0, 6))
    return tuple(
        Restriction(
            from_day=day,
            from_time=draw(time),
            to_day=None if day is None else draw(st.none() | st.integers(0, 6)),
            to_time=draw(time),
            holidays=each,
        )
        for each in draw(st.lists(st.sampled_from(HolidayRule), min_size=1, max_size=2))
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[RotationVersion, Instant]:
    """A rotation in some zone and an instant up to twenty years after it begins, most of both near clock changes."""
    zone = draw(st.sampled_from(ZONES))
    changes = oracle.clock_changes(zone, FIRST, LAST)
    anywhere = st.integers(utc("2011-01-01T00:00") // MINUTE, utc("2031-01-01T00:00") // MINUTE).map(
        lambda m: m * MINUTE
    )
    near = st.builds(
        lambda change, minutes: change + minutes * MINUTE,
        st.sampled_from(changes or (utc("2020-02-29T12:00"),)),
        st.integers(-1500, 1500),
    )
    moments = st.one_of(anywhere, near, near)
    start, at = sorted((draw(moments), draw(moments)))
    kind = draw(st.sampled_from([each for each in RotationType if each is not RotationType.HOURLY]))
    several = kind in {RotationType.WEEKLY, RotationType.CUSTOM}
    restrictions = draw(windows())
    version = RotationVersion(
        valid_from=start,
        timezone=zone,
        rotation_type=kind,
        shift_length=draw(st.sampled_from([1, 1, 1, 2, 3, 7])),
        handoff_time=draw(
            st.sampled_from(["00:00", "00:30", "01:30", "02:00", "02:30", "09:00", "12:00", "23:59"])
        ),
        handoff_days=tuple(sorted(draw(st.sets(st.integers(0, 6), max_size=4)))) if several else (),
        effective_from=start,
        effective_until=draw(
            st.none() | st.none() | st.integers(1, 4000).map(lambda days: start + days * DAY)
        ),
        member_ids=draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=5).map(tuple)),
        restrictions=restrictions,
        worked_days_only=kind is not RotationType.MONTHLY and draw(st.booleans()),
        holiday_calendar=draw(st.sampled_from(["DE", "DE-BY", "US", "IL"])) if restrictions else None,
    )
    check_version(version)
    return version, at


@pytest.mark.proves("ES-6", "F-22")
@settings(max_examples=200)
@given(case=cases())
def test_at_every_instant_exactly_the_configured_person_is_on(case: tuple[RotationVersion, Instant]) -> None:
    """In any zone, with any days, windows and holidays, the calculator names whom the calendar names."""
    version, at = case
    user, until = turns_of(version).on_duty(at)
    assert user == oracle.on_duty(version, at), (version, at)
    if until is not None:
        assert turns_of(version).on_duty(until - 1)[0] == user
        minute_before = (until - 1) // MINUTE * MINUTE
        if minute_before > at:
            assert oracle.on_duty(version, minute_before) == user, (version, minute_before)


@settings(max_examples=80)
@given(case=cases())
def test_the_next_handoff_is_the_next_on_the_calendar(case: tuple[RotationVersion, Instant]) -> None:
    """Also while nobody is on, and over skipped and repeated hours."""
    version, at = case
    rotation = Rotation(id="r", schedule_id="s", name="R", versions=(version,))
    if version.effective_until is not None and at >= version.effective_until:
        assert next_handoff(rotation, at) is None
        return
    _, expected = oracle.turn_at(version, at)
    if version.effective_until is not None:
        expected = min(expected, version.effective_until)
    assert next_handoff(rotation, at) == expected, version


@pytest.mark.proves("ES-6", "F-22")
def test_each_weekly_handoff_happens_once_in_every_zone() -> None:
    """Through all clock changes of twenty years: Sunday 02:30, where most of them lie, one turn a week and no gap."""
    assert len(families()) > 60
    assert sum(map(len, families().values())) == len(ZONES)
    for zones in families().values():
        zone = zones[0]
        start = oracle.begins(zone, oracle.PlainDateTime(FIRST, 1, 2, 2, 30))
        version = RotationVersion(
            valid_from=start,
            timezone=zone,
            handoff_day=0,
            handoff_time="02:30",
            effective_from=start,
            member_ids=PEOPLE[:3],
        )
        turns = turns_of(version)
        expected = start
        for number, day in enumerate(range(0, 20 * 364, 7)):
            local = oracle.PlainDateTime(FIRST, 1, 2, 2, 30).add(days=day)
            assert oracle.begins(zone, local) == expected, (zone, local)
            assert turns.turn_at(expected) == number
            assert turns.turn_at(expected - 1) == max(number - 1, 0)
            following = turns.handoff_after(expected)
            assert following is not None
            expected = following


@pytest.mark.parametrize(("zone", "day"), ODD, ids=lambda value: value)
@pytest.mark.parametrize("handoff", ["00:00", "00:30", "02:15", "23:30"])
def test_daily_turns_through_an_odd_day(zone: str, day: str, handoff: str) -> None:
    """Around the day, the handoffs are those of the calendar, each once; a day that never was is a turn of no time."""
    middle = utc(f"{day}T12:00")
    start, end = middle - 4 * DAY, middle + 4 * DAY
    names = tuple(f"m{number}" for number in range(20))
    version = RotationVersion(
        valid_from=start, timezone=zone, rotation_type=RotationType.DAILY, handoff_time=handoff, effective_from=start,
        member_ids=names,
    )  # fmt: skip
    rotation = Rotation(id="r", schedule_id="s", name="R", versions=(version,))
    shifts = rotation_shifts(rotation, start, end)
    dates: list[Instant] = []
    for instant in oracle.handoffs(version):
        if instant >= end:
            break
        dates.append(instant)
    assert dates == sorted(dates)
    later = [instant for instant in dates[1:] if instant > start]
    assert [shift.start for shift in shifts] == sorted({start, *later})
    assert [shift.end for shift in shifts] == [*sorted(set(later)), end]
    for shift in shifts:
        number = sum(instant <= shift.start for instant in dates) - 1
        assert shift.people[0].user_id == names[max(number, 0)]
    never_was = zone in {"Pacific/Apia", "Pacific/Kwajalein"} and handoff == "00:00"
    assert len(later) == len(set(later)) + never_was


@pytest.mark.proves("ES-6", "F-22")
@pytest.mark.parametrize(("zone", "day"), ODD, ids=lambda value: value)
def test_every_minute_of_an_odd_day_has_its_hour(zone: str, day: str) -> None:
    """Turns of one hour: each minute belongs to the latest hour that the clock has shown by then."""
    middle = utc(f"{day}T12:00")
    start = middle - 36 * HOUR
    names = tuple(f"h{number:02d}" for number in range(24))
    version = RotationVersion(
        valid_from=start, timezone=zone, rotation_type=RotationType.HOURLY, handoff_time="00:00",
        effective_from=start - 30 * DAY, member_ids=names,
    )  # fmt: skip
    first = oracle.moment(version.effective_from).to_tz(zone).to_plain()
    offset = first.hour + (first.minute > 0 or first.second > 0)
    for at in range(start, middle + 36 * HOUR, 5 * MINUTE):
        shown = oracle.latest_shown(zone, at)
        assert turns_of(version).on_duty(at)[0] == names[(shown.hour - offset) % 24], (zone, shown)


@st.composite
def edits(draw: st.DrawFn) -> tuple[Rotation, RotationChange, Instant, Any]:
    """A rotation, some of another one's definition to put into it, now, and from when it is to count."""
    version, now = draw(cases())
    other, _ = draw(cases())
    fields = draw(
        st.sets(
            st.sampled_from(
                [
                    "kind",
                    "members",
                    "windows",
                    "handoff_time",
                    "shift_length",
                    "worked_days_only",
                    "is_shadow",
                ]
            ),
            min_size=1,
        )
    )
    groups = {
        "kind": ("rotation_type", "handoff_days", "worked_days_only"),
        "members": ("member_ids",),
        "windows": ("restrictions", "holiday_calendar"),
    }
    names = {name for field in fields for name in groups.get(field, (field,))}
    if "worked_days_only" in names:
        names |= {"rotation_type", "handoff_days"}  # months do not count worked days
    wanted = {name: getattr(other, name) for name in names}
    rotation = Rotation(id="r", schedule_id="s", name="R", versions=(version,))
    apply = draw(
        st.sampled_from(["next_handoff", "now"]) | st.integers(0, 40 * 1440).map(lambda m: now + m * MINUTE)
    )
    return rotation, RotationChange(**wanted), now, apply


def amended(edit: tuple[Rotation, RotationChange, Instant, Any]) -> Rotation:
    """The edit made; what makes no sense is not looked at."""
    rotation, change, now, apply = edit
    try:
        return amend(rotation, change, now, apply)
    except Invalid:
        reject()


@settings(max_examples=120, suppress_health_check=[HealthCheck.filter_too_much])
@given(edit=edits())
def test_an_edit_leaves_the_past_and_the_running_shift(
    edit: tuple[Rotation, RotationChange, Instant, Any],
) -> None:
    """Days, windows, holidays, worked days: nothing changes before the edit counts, which is never before now."""
    rotation, _, now, apply = edit
    after = amended(edit)
    begins = min((each.valid_from for each in set(after.versions) - set(rotation.versions)), default=now)
    assert begins >= now
    first = max(now - 30 * DAY, rotation.current.effective_from - DAY)
    assert rotation_shifts(after, first, begins) == rotation_shifts(rotation, first, begins)
    if apply == "next_handoff" and turns_of(rotation.current).holder(now) is not None:
        handoff = next_handoff(rotation, now)
        assert begins == (now if handoff is None else handoff)
    before, new = turns_of(rotation.current), turns_of(after.current)
    holder = before.holder(begins - 1)
    handed_over = before.turn_at(begins) != before.turn_at(begins - 1)
    anew = after.current.anchor is None
    if holder is not None and holder in after.current.member_ids and not handed_over and not anew:
        assert new.holder(begins) in {holder, None}


@settings(max_examples=80, suppress_health_check=[HealthCheck.filter_too_much])
@given(edit=edits(), data=st.data())
def test_saving_the_same_again_changes_nothing(
    edit: tuple[Rotation, RotationChange, Instant, Any], data: st.DataObject
) -> None:
    """The very same windows, holidays and days, from whenever: the whole future stays as it was."""
    rotation, _, now, apply = edit
    current = rotation.current
    names = data.draw(
        st.sets(
            st.sampled_from(
                ["restrictions", "holiday_calendar", "handoff_days", "worked_days_only", "member_ids"]
            )
        )
    )
    same = RotationChange(**{name: getattr(current, name) for name in names or {"shift_length"}})
    after = amended((rotation, same, now, apply))
    span = now - 10 * DAY, now + 60 * DAY
    assert rotation_shifts(after, *span) == rotation_shifts(rotation, *span)
