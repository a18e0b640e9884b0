"""Load: hours, nights, weekends and holidays of each person."""

from openalert.domain.difference import shifts_of_people
from openalert.domain.instant import DAY, HOUR
from openalert.domain.load import Load, loads, total
from openalert.domain.oncall import shifts
from openalert.domain.override import OverrideKind
from openalert.domain.plan import Plan
from openalert.domain.schedule import RotationType, Schedule
from tests.domain.rotas import OFFICE, override, plan_of, rotation, utc

BERLIN = Schedule(
    id="s", organization_id="o", team_id="t", name="P", timezone="Europe/Berlin", created_at=0, updated_at=0
)


def of(plan: Plan, start: str, end: str) -> dict[str, Load]:
    """The loads of a range given in UTC."""
    first, last = utc(start), utc(end)
    return loads(plan, shifts(plan, first, last), first, last)


def test_a_week_has_its_nights_and_its_weekend() -> None:
    """Seven nights of eight hours, two whole days, one shift."""
    week = rotation("ada", rotation_type=RotationType.WEEKLY)
    assert of(plan_of([week]), "2026-01-05T09:00", "2026-01-12T09:00") == {
        "ada": Load(on_call=7 * DAY, nights=7 * 8 * HOUR, weekends=2 * DAY, shifts=1)
    }


def test_the_night_of_a_clock_change_is_as_long_as_it_is() -> None:
    """In Berlin the night to 29 March 2026 has seven hours, and that Sunday 23; to 25 October nine and 25."""
    always = rotation("ada", timezone="Europe/Berlin", since="2026-01-01T00:00")
    plan = Plan(schedule=BERLIN, rotations=[always])
    spring = of(plan, "2026-03-28T12:00", "2026-03-29T22:00")["ada"]
    assert (spring.nights, spring.weekends) == (7 * HOUR + 2 * HOUR, 34 * HOUR)
    autumn = of(plan, "2026-10-24T12:00", "2026-10-25T23:00")["ada"]
    assert (autumn.nights, autumn.weekends) == (9 * HOUR + 2 * HOUR, 35 * HOUR)


def test_holidays_are_those_of_the_calendar_that_a_rotation_names() -> None:
    """Christmas and the day after in Germany; without a calendar there are none."""
    christmas = ("2026-12-24T00:00", "2026-12-28T00:00")
    named = rotation("ada", since="2026-01-01T00:00", holiday_calendar="DE")
    assert of(plan_of([named]), *christmas)["ada"].holidays == 2 * DAY
    assert of(plan_of([rotation("ada", since="2026-01-01T00:00")]), *christmas)["ada"].holidays == 0


def test_a_shift_is_one_whoever_comes_and_goes_beside_it() -> None:
    """Company splits the final schedule, not one's shift; a gap does."""
    office = rotation("ada", restrictions=(OFFICE,))
    more = override("eve", "2026-01-06T10:00", "2026-01-06T11:00", kind=OverrideKind.ADD)
    final = shifts(plan_of([office], [more]), utc("2026-01-06T00:00"), utc("2026-01-08T00:00"))
    assert len(final.items) == 4
    assert shifts_of_people(final, utc("2026-01-06T00:00"), utc("2026-01-08T00:00"))["ada"] == [
        (utc("2026-01-06T09:00"), utc("2026-01-06T17:00")),
        (utc("2026-01-07T09:00"), utc("2026-01-07T17:00")),
    ]


def test_several_schedules_add_up() -> None:
    """Person by person; being on twice at one time counts twice."""
    one, other = (
        {"ada": Load(on_call=1, shifts=1)},
        {"ada": Load(on_call=2, shifts=1), "bea": Load(on_call=4)},
    )
    assert total([one, other]) == {"ada": Load(on_call=3, shifts=2), "bea": Load(on_call=4)}
