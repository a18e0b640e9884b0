"""Schedules from elsewhere page the same people here: each case where importers go wrong, around every handoff.

| where they differ | held by |
|---|---|
| rotations of one schedule are a union (Opsgenie) | test_opsgenie_rotations |
| layers are stacked, one person is on (PagerDuty) | test_pagerduty_layers |
| one level is a union, a higher one replaces it (Grafana OnCall) | test_grafana_shifts |
| handoffs by the clock on the wall, over both changes of it | all of these, in spring and autumn |
| turns of hours | test_opsgenie_hours, test_pagerduty_hours; over a change ours follow the wall, see test_turns |
| turns count from a virtual start, also one ahead | test_pagerduty_layers: days, virtual ahead |
| places and orders of nobody | test_opsgenie_rotations: fortnights; test_pagerduty_layers: empty |
| people advance per selected day, groups are on together | test_grafana_shifts: by day, together |
| overrides of some rotations or all, two at once, closed hours | test_opsgenie_overrides_of_some_rotations_and_of_all |
| overrides of the whole schedule, the last made wins | test_pagerduty_overrides |
| whoever is next or was before, as a target (Opsgenie) | test_relief, tests/scenarios/test_turns_as_targets |
| overrides above every level | test_grafana_overrides_win_over_every_level |
| a window is open from its start until before its end, may pass midnight or the week's end; equal ends: always |
test_opsgenie_rotations: nights, weekend, always, all week; test_pagerduty_layers: over the end, around |
| what is switched off or over pages nobody | test_opsgenie_schedule_that_is_switched_off; ended, in each |
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openalert.domain.instant import from_datetime, to_datetime
from openalert.domain.oncall import on_call, shifts
from openalert.domain.plan import Plan
from openalert.domain.schedule import RotationType, check_version
from tests.domain.dialects import (
    Document,
    grafana,
    of_grafana,
    of_opsgenie,
    of_pagerduty,
    opsgenie,
    pagerduty,
)
from tests.domain.rotas import override, rotation, timeline, until, utc, who

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
SPRING = datetime(2026, 3, 12, tzinfo=UTC)
"""The clocks of Berlin are set on the 29th, those of New York on the 8th, before it."""
AUTUMN = datetime(2026, 10, 12, tzinfo=UTC)
ADA, BEN, CLEO = ({"type": "user", "id": name} for name in ("ada", "ben", "cleo"))
NOBODY = {"type": "none"}


def same(plan: Plan, theirs: Callable[[datetime], list[str]], start: datetime, days: int = 28) -> set[str]:
    """Assert that both name the same people, all the time and around each handoff; everybody who was on."""
    seen: set[str] = set()
    for each in plan.rotations:
        check_version(each.current)
    moments = {start + timedelta(minutes=67 * number) for number in range(days * 1440 // 67)}
    for shift in shifts(plan, from_datetime(start), from_datetime(start + timedelta(days=days))).items:
        for edge in (shift.start, shift.end):
            moments |= {to_datetime(edge), to_datetime(edge) - timedelta(minutes=1)}
    for at in sorted(moments):
        ours = sorted(person.user_id for person in on_call(plan, from_datetime(at)).people)
        assert ours == sorted(theirs(at)), at
        seen |= set(ours)
    return seen


# Opsgenie.


def rotation_of(name: str, kind: str = "weekly", **more: Any) -> Document:
    """A rotation as Opsgenie exports it, from Thursday 1 January 2026, 17:00 in Berlin."""
    return {
        "id": name, "type": kind, "startDate": "2026-01-01T16:00:00Z", "endDate": None,
        "participants": [ADA, BEN, CLEO], "timeRestriction": None, **more,
    }  # fmt: skip


def window(start: str, end: str, first: str = "", last: str = "") -> Document:
    """A restriction as Opsgenie exports it."""
    days = {"startDay": first, "endDay": last} if first else {}
    return {
        "startHour": int(start[:2]), "startMin": int(start[3:]), "endHour": int(end[:2]), "endMin": int(end[3:]),
        **days,
    }  # fmt: skip


def daily(start: str, end: str) -> Document:
    """The restriction of every day."""
    return {"type": "time-of-day", "restriction": window(start, end)}


def weekly(*windows: Document) -> Document:
    """The restrictions of days of the week."""
    return {"type": "weekday-and-time-of-day", "restrictions": list(windows)}


@pytest.mark.parametrize("start", [SPRING, AUTUMN], ids=["spring", "autumn"])
@pytest.mark.parametrize(
    "rotations",
    [
        [rotation_of("weeks")],
        [rotation_of("fortnights", length=2, participants=[ADA, NOBODY, BEN])],
        [rotation_of("days", "daily", length=3)],
        [rotation_of("one", "daily"), rotation_of("two", "weekly", participants=[CLEO, BEN])],
        [
            rotation_of("days", "daily", timeRestriction=daily("09:00", "18:00")),
            rotation_of("weeks", participants=[CLEO]),
        ],
        [rotation_of("nights", "daily", timeRestriction=daily("22:00", "06:30"))],
        [rotation_of("always", timeRestriction=daily("08:00", "08:00"))],
        [rotation_of("evenings", timeRestriction=daily("18:00", "24:00"))],
        [
            rotation_of(
                "office",
                timeRestriction=weekly(*(window("09:00", "18:00", day, day) for day in ("monday", "friday"))),
            )
        ],
        [rotation_of("weekend", timeRestriction=weekly(window("18:00", "08:00", "friday", "monday")))],
        [rotation_of("all week", timeRestriction=weekly(window("09:00", "09:00", "monday", "monday")))],
        [rotation_of("ended", "daily", endDate="2026-03-20T11:30:00Z")],
    ],
    ids=lambda rotations: rotations[0]["id"] if isinstance(rotations, list) else None,
)
def test_opsgenie_rotations(rotations: list[Document], start: datetime) -> None:
    """A union in local time: handoffs keep their hour, windows are half open and may pass the week's end."""
    schedule = {"timezone": BERLIN, "rotations": rotations}
    same(of_opsgenie(schedule), lambda at: opsgenie(schedule, [], at), start)


def test_opsgenie_hours() -> None:
    """Turns of hours where no clock is set; over a clock change ours keep their hours on the wall."""
    schedule = {"timezone": "Asia/Kathmandu", "rotations": [rotation_of("hours", "hourly", length=8)]}
    schedule["rotations"][0]["startDate"] = "2026-01-01T03:15:00Z"
    assert same(of_opsgenie(schedule), lambda at: opsgenie(schedule, [], at), SPRING) == {
        "ada",
        "ben",
        "cleo",
    }


def test_opsgenie_overrides_of_some_rotations_and_of_all() -> None:
    """An override replaces the person of its rotations alone; without any, of each; the later of two wins."""
    schedule = {
        "timezone": BERLIN,
        "rotations": [
            rotation_of("one", "daily"),
            rotation_of("two", timeRestriction=daily("09:00", "18:00")),
        ],
    }
    times = {"startDate": "2026-03-13T08:00:00Z", "endDate": "2026-03-15T08:00:00Z"}
    later = {"startDate": "2026-03-14T08:00:00Z", "endDate": "2026-03-16T20:00:00Z"}
    for overrides in (
        [{"user": "eve", **times, "rotations": []}],
        [{"user": "eve", **times, "rotations": [{"id": "two"}]}],
        [{"user": "eve", **times, "rotations": []}, {"user": "finn", **later, "rotations": [{"id": "one"}]}],
        [{"user": "eve", **times, "rotations": [{"id": "one"}]}, {"user": "finn", **later, "rotations": []}],
    ):
        seen = same(
            of_opsgenie(schedule, overrides), lambda at, o=overrides: opsgenie(schedule, o, at), SPRING, 7
        )
        assert "eve" in seen


def test_opsgenie_schedule_that_is_switched_off() -> None:
    """It pages nobody."""
    schedule = {"timezone": BERLIN, "enabled": False, "rotations": [rotation_of("one")]}
    assert same(of_opsgenie(schedule), lambda at: opsgenie(schedule, [], at), SPRING, 2) == set()


# PagerDuty.


def layer_of(name: str, seconds: int = 86_400, **more: Any) -> Document:
    """A layer as PagerDuty gives it in the zone of the schedule; its turns count from 17 days before its start."""
    return {
        "id": name, "start": "2026-03-02T21:00:00-05:00", "end": None,
        "rotation_virtual_start": "2026-02-13T20:00:00-05:00",
        "rotation_turn_length_seconds": seconds, "users": ["ada", "ben", "cleo"], "restrictions": [], **more,
    }  # fmt: skip


def by_day(start: str, hours: float) -> Document:
    """A daily restriction."""
    return {"type": "daily_restriction", "start_time_of_day": start, "duration_seconds": int(hours * 3600)}


def by_week(day: int, start: str, hours: float) -> Document:
    """A weekly restriction, 1 = Monday."""
    return by_day(start, hours) | {"type": "weekly_restriction", "start_day_of_week": day}


@pytest.mark.parametrize("start", [datetime(2026, 3, 1, tzinfo=UTC), AUTUMN], ids=["spring", "autumn"])
@pytest.mark.parametrize(
    "layers",
    [
        [layer_of("days")],
        [layer_of("weeks", 7 * 86_400)],
        [layer_of("five days", 5 * 86_400)],
        [
            layer_of("office", restrictions=[by_day("08:00:00", 9)]),
            layer_of("below", 7 * 86_400, users=["dan", "eve"]),
        ],
        [layer_of("nights", restrictions=[by_day("20:00:00", 12)])],
        [layer_of("week", restrictions=[by_week(1, "09:00:00", 104)]), layer_of("weekend", users=["dan"])],
        [layer_of("over the end", restrictions=[by_week(5, "18:00:00", 62)])],
        [layer_of("around", restrictions=[by_day("08:00:00", 24)])],
        [layer_of("two", restrictions=[by_week(2, "09:00:00", 8), by_week(7, "22:30:00", 3)])],
        [layer_of("ended", end="2026-03-10T12:00:00-04:00"), layer_of("below", users=["dan"])],
        [layer_of("virtual ahead", rotation_virtual_start="2026-03-05T08:00:00-05:00")],
        [layer_of("empty", users=[]), layer_of("below", users=["dan"])],
    ],
    ids=lambda layers: layers[0]["id"] if isinstance(layers, list) else None,
)
def test_pagerduty_layers(layers: list[Document], start: datetime) -> None:
    """The first layer wins where it has somebody; turns count from the virtual start, also one that lies ahead."""
    schedule = {"time_zone": NEW_YORK, "schedule_layers": layers}
    same(of_pagerduty(schedule), lambda at: pagerduty(schedule, [], at), start)


def test_pagerduty_hours() -> None:
    """Turns of twelve hours, where no clock is set meanwhile."""
    schedule = {"time_zone": "UTC", "schedule_layers": [layer_of("halves", 12 * 3600)]}
    assert same(of_pagerduty(schedule), lambda at: pagerduty(schedule, [], at), SPRING) == {
        "ada",
        "ben",
        "cleo",
    }


def test_pagerduty_overrides() -> None:
    """One person instead of all layers; of several the one created last."""
    schedule = {
        "time_zone": NEW_YORK,
        "schedule_layers": [layer_of("days", restrictions=[by_day("08:00:00", 9)])],
    }
    overrides = [
        {"user": "eve", "start": "2026-03-13T08:00:00Z", "end": "2026-03-16T08:00:00Z"},
        {"user": "finn", "start": "2026-03-14T08:00:00Z", "end": "2026-03-15T08:00:00Z"},
    ]
    seen = same(of_pagerduty(schedule, overrides), lambda at: pagerduty(schedule, overrides, at), SPRING, 7)
    assert {"eve", "finn"} < seen


def test_pagerduty_coverage() -> None:
    """Nine hours of twenty-four are the 37.5 % that PagerDuty shows for such a layer."""
    schedule = {
        "time_zone": "UTC",
        "schedule_layers": [layer_of("office", restrictions=[by_day("08:00:00", 9)])],
    }
    plan = of_pagerduty(schedule)
    on = [bool(on_call(plan, from_datetime(SPRING + timedelta(minutes=30 * n))).people) for n in range(48)]
    assert sum(on) / 48 == 0.375


# Grafana OnCall.


def shift_of(name: str, frequency: str = "weekly", **more: Any) -> Document:
    """A rolling shift as Grafana OnCall has it, from Monday 2 March 2026, nine to five."""
    return {
        "id": name, "level": 1, "start": "2026-03-02T09:00:00", "rotation_start": "2026-03-02T09:00:00",
        "duration": 8 * 3600, "frequency": frequency, "rolling_users": [["ada"], ["ben"], ["cleo"]], **more,
    }  # fmt: skip


WORKDAYS = ["MO", "TU", "WE", "TH", "FR"]


@pytest.mark.parametrize(
    "rolling",
    [
        [shift_of("days", "daily")],
        [shift_of("whole days", "daily", duration=86_400)],
        [shift_of("three days each", "daily", duration=3 * 86_400, interval=3)],
        # Users advance per selected day.
        [shift_of("by day", "daily", by_day=["MO", "WE", "FR"])],
        [shift_of("by day in twos", "daily", by_day=["MO", "WE", "FR"], rolling_users=[["ada"], ["ben"]])],
        [shift_of("workdays", "daily", by_day=WORKDAYS)],
        [
            shift_of(
                "nights",
                "daily",
                by_day=["TU", "SU"],
                start="2026-03-03T22:00:00",
                rotation_start="2026-03-03T22:00:00",
            )
        ],
        # The next group begins with the next calendar week.
        [shift_of("weeks", by_day=WORKDAYS)],
        [
            shift_of(
                "from Wednesday",
                by_day=WORKDAYS,
                start="2026-03-04T09:00:00",
                rotation_start="2026-03-04T09:00:00",
            )
        ],
        [shift_of("from Sunday on", by_day=["SU", "MO", "SA"], week_start="SU")],
        [shift_of("one day", interval=1)],
        [shift_of("every other week", by_day=["TU", "TH"], interval=2)],
        [shift_of("months", "monthly", by_monthday=list(range(1, 32)), start="2026-02-10T09:00:00")],
        # Occurrences before the rotation's start are left out, and it may begin with another user.
        [shift_of("late", "daily", start="2026-02-23T09:00:00")],
        [shift_of("second first", "daily", start_rotation_from_user_index=1)],
        [shift_of("ended", "daily", until="2026-03-20T12:00:00")],
        # All of a group are on together; one level is a union; the higher level wins, the lower is split around it.
        [shift_of("together", "daily", rolling_users=[["ada", "ben"], ["cleo"], ["dan", "ada"]])],
        [shift_of("one", "daily"), shift_of("other", by_day=WORKDAYS, rolling_users=[["dan"], ["eve"]])],
        [
            shift_of("low", "daily", duration=86_400),
            shift_of("high", by_day=["TU", "WE"], level=2, rolling_users=[["dan"]]),
        ],
    ],
    ids=lambda rolling: rolling[0]["id"] if isinstance(rolling, list) else None,
)
def test_grafana_shifts(rolling: list[Document]) -> None:
    """Events of groups by days, weeks and months in local time, over the change of the clocks."""
    assert same(
        of_grafana(rolling, BERLIN),
        lambda at: grafana(rolling, BERLIN, at),
        datetime(2026, 3, 1, tzinfo=UTC),
        42,
    )


def test_grafana_overrides_win_over_every_level() -> None:
    """They are shifts of level 99, for which ours is an override."""
    low, high = shift_of("low", "daily", duration=86_400), shift_of("high", "daily", level=2)
    over = shift_of("over", "daily", level=99, rolling_users=[["eve"]], until="2026-03-04T17:00:00")
    plan = of_grafana([low, high], "UTC")
    plan.overrides += [
        override("eve", f"2026-03-{day}T09:00", f"2026-03-{day}T17:00", name=day)
        for day in ("02", "03", "04")
    ]
    assert "eve" in same(
        plan, lambda at: grafana([low, high, over], "UTC", at), datetime(2026, 3, 1, tzinfo=UTC), 14
    )


def test_grafana_day_that_is_a_second_short_keeps_its_gap() -> None:
    """By day for 24 hours less a second: the gap is theirs and is not closed on the way in."""
    whole = shift_of("whole", "daily", by_day=["MO", "TU"], duration=86_400)
    assert same(of_grafana([whole], "UTC"), lambda at: grafana([whole], "UTC", at), SPRING, 14)
    hour_short = shift_of("short", "daily", by_day=["MO", "TU"], duration=86_400 - 3600)
    plan = of_grafana([hour_short], "UTC")
    assert same(plan, lambda at: grafana([hour_short], "UTC", at), SPRING, 14)
    assert on_call(plan, utc("2026-03-17T08:30")).people == []


# The worked examples that this calculator was specified by, on real Mondays.


def test_the_specified_daily_example() -> None:
    """Three people from 1 January 2026 at nine: nine days later it is the first one's turn again."""
    days = rotation("alice", "bob", "charlie", since="2026-01-01T09:00")
    assert timeline("2026-01-01T09:00", "2026-01-04T10:00", [days]) == [
        "01-01 09:00 alice", "01-02 09:00 bob", "01-03 09:00 charlie", "01-04 09:00 alice",
    ]  # fmt: skip
    assert who("2026-01-10T14:30", [days]) == ["alice"]


def test_the_specified_weekly_example_and_its_override() -> None:
    """Mondays at nine from 5 January: two weeks later the third is on, and Bob instead while he stands in."""
    weeks = [rotation("alice", "bob", "charlie", rotation_type=RotationType.WEEKLY, handoff_day=1)]
    assert timeline("2026-01-05T09:00", "2026-01-27T00:00", weeks) == [
        "01-05 09:00 alice", "01-12 09:00 bob", "01-19 09:00 charlie", "01-26 09:00 alice",
    ]  # fmt: skip
    assert who("2026-01-19T14:30", weeks) == ["charlie"]
    assert until("2026-01-19T14:30", weeks) == "2026-01-26T09:00"
    vacation = override("bob", "2026-01-15T00:00", "2026-01-22T00:00")
    assert who("2026-01-19T14:30", weeks, [vacation]) == ["bob"]
    assert who("2026-01-22T00:00", weeks, [vacation]) == ["charlie"]
