"""What changes for whom between two final schedules."""

from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.difference import Difference, difference, length, shifts_of_people
from openalert.domain.instant import DAY, HOUR
from openalert.domain.oncall import FinalSchedule, shifts
from openalert.domain.plan import OnCallPerson, OnCallSource, Shift
from tests.domain.rotas import override, plan_of, rotation, utc

START, END = utc("2026-01-05T09:00"), utc("2026-01-19T09:00")
PEOPLE = ("ada", "ben", "cleo")


def _final(*rotations: object, overrides: tuple[object, ...] = ()) -> FinalSchedule:
    return shifts(plan_of(rotations, overrides), START, END)  # type: ignore[arg-type]


def _of(found: Difference, user: str) -> tuple[list[int], list[int]]:
    """Days from the start at which the person gains and loses whole days."""
    [person] = [each for each in found.people if each.user_id == user]
    return (
        [(start - START) // DAY for start, _ in person.gained],
        [(start - START) // DAY for start, _ in person.lost],
    )


def test_nothing_differs_from_itself() -> None:
    """Two equal schedules, whatever names their rotations have."""
    same = difference(_final(rotation("ada", "ben")), _final(rotation("ada", "ben", name="r9")), START, END)
    assert same == Difference(people=[], gaps_opened=[], gaps_closed=[])
    assert same.changed == []


def test_who_joins_takes_days_from_the_others() -> None:
    """Daily turns of two become turns of three: each change is told by person, in the order of time."""
    found = difference(_final(rotation("ada", "ben")), _final(rotation("ada", "ben", "cleo")), START, END)
    assert [person.user_id for person in found.people] == ["ada", "cleo", "ben"]
    assert _of(found, "cleo") == ([2, 5, 8, 11], [])
    assert [person.balance // DAY for person in found.people] == [-2, 4, -2]
    assert sum(person.balance for person in found.people) == 0
    assert found.changed[0] == (START + 2 * DAY, START + 6 * DAY)


def test_gaps_that_open_and_close_are_told_apart() -> None:
    """A turn of nobody opens gaps; the other way round it closes the same ones."""
    full, holey = _final(rotation("ada", "ben")), _final(rotation("ada", ""))
    opened = difference(full, holey, START, START + 4 * DAY)
    assert opened.gaps_opened == [
        (START + DAY, START + 2 * DAY),
        (START + 3 * DAY, START + 4 * DAY),
    ]
    assert opened.gaps_closed == []
    assert difference(holey, full, START, START + 4 * DAY).gaps_closed == opened.gaps_opened


def test_a_shift_does_not_break_where_only_its_reason_changes() -> None:
    """An override by whoever is on anyway changes nothing for anybody."""
    plain = _final(rotation("ada"))
    own = _final(rotation("ada"), overrides=(override("ada", "2026-01-06T00:00", "2026-01-07T00:00"),))
    assert shifts_of_people(own, START, END) == {"ada": [(START, END)]}
    assert difference(plain, own, START, END).people == []


def test_company_is_no_loss() -> None:
    """Somebody joins in parallel: that person gains, and the one who was on loses nothing."""
    alone = _final(rotation("ada"))
    both = _final(rotation("ada"), rotation("ben", name="r2", since="2026-01-06T09:00"))
    found = difference(alone, both, START, END)
    assert [(person.user_id, person.lost) for person in found.people] == [("ben", [])]
    assert found.people[0].gained == [(START + DAY, END)]


def test_only_the_range_asked_for_counts() -> None:
    """What differs later is not told, and shifts are cut at the edges."""
    one, other = _final(rotation("ada", "ben")), _final(rotation("ada", "cleo"))
    assert difference(one, other, START, START + DAY).people == []
    found = difference(one, other, START + DAY + HOUR, START + DAY + 2 * HOUR)
    assert [length(person.gained + person.lost) for person in found.people] == [HOUR, HOUR]


@st.composite
def _finals(draw: st.DrawFn) -> FinalSchedule:
    """Any people at each of twelve hours, none of them nobody."""
    items, gaps = [], []
    for hour in range(12):
        on = draw(st.sets(st.sampled_from(PEOPLE)))
        span = (hour * HOUR, (hour + 1) * HOUR)
        if on:
            people = [OnCallPerson(user_id=each, source=OnCallSource.ROTATION) for each in sorted(on)]
            items.append(Shift(start=span[0], end=span[1], people=people))
        else:
            gaps.append(span)
    return FinalSchedule(items=items, gaps=gaps)


def _on(final: FinalSchedule, at: int) -> set[str]:
    return {p.user_id for s in final.items if s.start <= at < s.end for p in s.people}


@given(_finals(), _finals())
def test_every_moment_is_told_as_it_is(before: FinalSchedule, after: FinalSchedule) -> None:
    """At each hour of any two schedules gains, losses and gaps are what comparing that hour says."""
    found = difference(before, after, HOUR, 11 * HOUR)
    for at in range(HOUR, 11 * HOUR, HOUR):
        was, then = _on(before, at), _on(after, at)
        gained = {p.user_id for p in found.people if any(s <= at < e for s, e in p.gained)}
        lost = {p.user_id for p in found.people if any(s <= at < e for s, e in p.lost)}
        assert (gained, lost) == (then - was, was - then)
        assert any(s <= at < e for s, e in found.changed) == (was != then)
        assert any(s <= at < e for s, e in found.gaps_opened) == bool(was and not then)
        assert any(s <= at < e for s, e in found.gaps_closed) == bool(then and not was)
