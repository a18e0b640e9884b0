"""Quality: coverage, balance by aspect, overload, and what is said about it."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.instant import DAY, HOUR
from openalert.domain.plan import Plan
from openalert.domain.quality import Aspect, Balance, Quality, evenness, quality, remarks, with_pages
from openalert.domain.schedule import Restriction, RotationType
from tests.domain.rotas import OFFICE, override, plan_of, rotation, utc

NAMES = {"ada": "Ada", "ben": "Ben", "cleo": "Cleo"}
YEAR = ("2026-01-05T09:00", "2027-01-04T09:00")


def of(plan: Plan, start: str = YEAR[0], end: str = YEAR[1]) -> Quality:
    """The quality of a range given in UTC."""
    return quality(plan, utc(start), utc(end))


def said(found: Quality) -> list[str]:
    """The sentences."""
    return [each.words for each in remarks(found, NAMES)]


def balance(found: Quality, aspect: Aspect) -> Balance:
    """What was found of one aspect."""
    return next(each for each in found.balances if each.aspect is aspect)


def test_a_covered_and_even_year_has_everything() -> None:
    """Two people by the week: 52 weeks, all covered, 26 each."""
    found = of(plan_of([rotation("ada", "ben", rotation_type=RotationType.WEEKLY)]))
    assert (found.coverage, found.balance, found.total, found.gaps) == (100.0, 100, 100, [])
    assert {each.aspect: each.percent for each in found.balances} == {
        Aspect.HOURS: 100,
        Aspect.NIGHTS: 100,
        Aspect.WEEKENDS: 100,
    }
    assert said(found) == ["Somebody is on call all the time.", "The hours are shared evenly."]


def test_gaps_lower_the_coverage_and_forbid_the_full_total() -> None:
    """Eight of 24 hours; and a minute without anybody in a year leaves 99.9 per cent and no total of 100."""
    found = of(plan_of([rotation("ada", "ben", restrictions=(OFFICE,))]))
    assert found.coverage == 33.3
    assert found.total == round((100 / 3 + 100) / 2)
    assert said(found)[0] == "Nobody is on call for 5,824 h, in 364 gaps."
    nearly = Restriction(from_time="09:00", to_time="08:59")
    short = of(plan_of([rotation("ada", "ben", restrictions=(nearly,))]), YEAR[0], "2026-01-07T09:00")
    assert (short.coverage, short.total) == (99.9, 99)


def test_whoever_has_more_is_named_with_what_it_is() -> None:
    """Ada has three days of four: twice Ben's share; by the formula of pairs the balance is a third."""
    found = of(plan_of([rotation("ada", "ada", "ada", "ben")]))
    hours = balance(found, Aspect.HOURS)
    assert hours.percent == 33
    assert [(each.user_id, each.more) for each in hours.overloaded] == [("ada", 50)]
    assert said(found)[1:] == [
        "The hours are shared unevenly.",
        "Ada has 50% more hours, 50% more nights and 50% more weekends than the mean.",
    ]


def test_one_more_shift_than_others_is_nobodys_overload() -> None:
    """Three weeks for two people cannot be shared better than two to one."""
    weekly = plan_of([rotation("ada", "ben", rotation_type=RotationType.WEEKLY)])
    found = of(weekly, "2026-01-05T09:00", "2026-01-26T09:00")
    assert (found.balance, balance(found, Aspect.HOURS).overloaded) == (50, [])


def test_whoever_is_on_without_a_break_is_overloaded() -> None:
    """A second rotation of Ada alone makes all of her year one shift; the others' weeks say what one shift is."""
    weekly = rotation("ada", "ben", "cleo", rotation_type=RotationType.WEEKLY)
    found = of(plan_of([weekly, rotation("ada", name="second")]))
    assert [each.user_id for each in balance(found, Aspect.HOURS).overloaded] == ["ada"]


def test_nights_can_be_unfair_where_hours_are_not() -> None:
    """Ada has the days, Ben the nights of as many hours: each aspect has its own balance."""
    days = rotation("ada", name="days", restrictions=(Restriction(from_time="06:00", to_time="18:00"),))
    nights = rotation("ben", name="nights", restrictions=(Restriction(from_time="18:00", to_time="06:00"),))
    found = of(plan_of([days, nights]))
    assert (found.balance, found.total) == (100, 100)
    assert balance(found, Aspect.NIGHTS).percent == 0
    assert [(each.user_id, each.more) for each in balance(found, Aspect.NIGHTS).overloaded] == [("ben", 100)]
    assert said(found)[2:] == ["Ben has 100% more nights than the mean."]


def test_nobody_and_one_person_are_told_apart() -> None:
    """Without rotations all is nothing; one person has nobody to share with."""
    nobody = of(plan_of([]))
    assert (nobody.coverage, nobody.balance, nobody.total) == (0.0, 0, 0)
    assert said(nobody) == ["Nobody is on call in this time."]
    alone = of(plan_of([rotation("ada")]))
    assert said(alone)[1] == "Only Ada is on call: there is nobody to share with."
    covered = of(plan_of([], [override("gone", *YEAR)]))
    assert said(covered)[1].startswith("Only Somebody who is gone")


def test_pages_of_a_past_time_are_one_more_aspect() -> None:
    """Twenty against two is overload, three against two is chance, none at all no aspect."""
    found = of(plan_of([rotation("ada", "ben", "cleo")]))
    judged = balance(with_pages(found, {"ada": 20, "ben": 2, "cleo": 2}), Aspect.PAGES)
    assert ([each.user_id for each in judged.overloaded], judged.percent) == (["ada"], 40)
    assert balance(with_pages(found, {"ada": 3, "ben": 2, "cleo": 1}), Aspect.PAGES).overloaded == []
    assert with_pages(found, {"somebody else": 9}) == found


@given(st.lists(st.integers(0, 10**12), max_size=12))
def test_the_balance_is_the_mean_over_all_pairs(amounts: list[int]) -> None:
    """Counted the long way; two who both carry nothing share it evenly."""
    pairs = [min(pair) / max(pair) if max(pair) else 1.0 for pair in itertools.combinations(amounts, 2)]
    percent = 100 * sum(pairs) / len(pairs) if pairs else 100.0
    found = evenness(amounts)
    assert found == 100 if percent > 95.5 else abs(found - percent) <= 0.51 or percent >= 94.5


def test_a_clock_change_makes_nobody_overloaded() -> None:
    """An hour more or less is noise."""
    days = rotation("ada", "ben", timezone="Europe/Berlin", since="2026-01-01T08:00")
    found = of(plan_of([days]), "2026-03-27T08:00", "2026-03-31T07:00")
    assert abs(found.loads["ada"].on_call - found.loads["ben"].on_call) in (0, HOUR)
    assert found.balance == 100
    assert sum(load.on_call for load in found.loads.values()) == 4 * DAY - HOUR
