"""Reminders: which turns are worth being told of ahead."""

import pytest

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR
from openalert.domain.reminder import LONGEST_LEAD, beginnings, check_lead
from openalert.domain.schedule import Restriction, RotationType
from tests.domain.rotas import override, plan_of, rotation, utc


def test_turns_after_a_day_off_are_told_and_what_goes_on_is_not() -> None:
    """Two people by the day: each turn; a turn that runs at the beginning of the range is none that begins."""
    days = plan_of([rotation("ada", "ben")])
    start = utc("2026-01-05T12:00")
    assert sorted(beginnings(days, start, start + 3 * DAY), key=lambda each: each[1]) == [
        ("ben", (utc("2026-01-06T09:00"), utc("2026-01-07T09:00"))),
        ("ada", (utc("2026-01-07T09:00"), utc("2026-01-08T09:00"))),
        ("ben", (utc("2026-01-08T09:00"), start + 3 * DAY)),
    ]
    assert beginnings(plan_of([rotation("ada")]), start, start + 9 * DAY) == []


def test_office_hours_are_told_once_a_week_and_not_each_morning() -> None:
    """One person from nine to five, Monday to Friday: Monday alone, after the weekend."""
    windows = tuple(Restriction(from_time="09:00", to_time="17:00", from_day=day) for day in range(1, 6))
    office = plan_of([rotation("ada", rotation_type=RotationType.WEEKLY, restrictions=windows)])
    start = utc("2026-01-06T00:00")
    assert [span[0] for _, span in beginnings(office, start, start + 14 * DAY)] == [
        utc("2026-01-12T09:00"),
        utc("2026-01-19T09:00"),
    ]


def test_the_range_may_begin_anywhere() -> None:
    """Cut into any pieces it gives the same beginnings, each once: nothing is seen twice, nothing is missed."""
    plan = plan_of(
        [rotation("ada", "ben", "cleo")], [override("eve", "2026-01-09T10:00", "2026-01-09T12:00")]
    )
    start = utc("2026-01-05T09:00")
    whole = sorted((each, span[0]) for each, span in beginnings(plan, start, start + 12 * DAY))
    for step in (5 * HOUR, DAY, 2 * DAY + HOUR):
        pieces = [
            (each, span[0])
            for at in range(start, start + 12 * DAY, step)
            for each, span in beginnings(plan, at, min(at + step, start + 12 * DAY))
        ]
        assert sorted(pieces) == whole


@pytest.mark.parametrize("lead", [-1, LONGEST_LEAD + 1])
def test_a_lead_lies_within_a_week(lead: int) -> None:
    """Less than nothing and more than a week are refused by the name of the field."""
    assert check_lead(0) == 0
    assert check_lead(LONGEST_LEAD) == LONGEST_LEAD
    with pytest.raises(Invalid) as refused:
        check_lead(lead)
    assert refused.value.details["field"] == "handoffLeadHours"
