"""What entries of calendars mean: who is away, who is on call, and what of that changes."""

import pytest

from openalert.domain import calendar_feed
from openalert.domain.calendar import Turn
from openalert.domain.calendar_feed import Counts, Entry, Period
from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.plan import OnCallPerson, OnCallSource

NOW = 1_800_000_000_000
PEOPLE = {"Ana Ito": "ana", "ana@example.org": "ana", "Bea": "bea", "bea@example.org": "bea"}


def entry(summary: str = "", hours: tuple[int, int] = (0, 8), **more: object) -> Entry:
    """An entry between so many hours from now."""
    return Entry(start=NOW + hours[0] * HOUR, end=NOW + hours[1] * HOUR, summary=summary, **more)  # type: ignore[arg-type]


def period(user: str, start: int, end: int, layer: int = 0) -> Period:
    """A period in hours from now."""
    return Period(user_id=user, start_at=NOW + start * HOUR, end_at=NOW + end * HOUR, layer=layer)


@pytest.mark.parametrize(
    ("given", "is_away"),
    [
        (entry("Sprint planning"), False),
        (entry("Sprint planning", busy="OOF"), True),
        (entry("Lisbon", is_all_day=True), True),
        (entry("Birthday of Kim", is_all_day=True, busy="FREE"), False),
        (entry("Home office", is_all_day=True, busy="WORKINGELSEWHERE"), False),
        (entry("Perhaps Lisbon", is_all_day=True, busy="TENTATIVE"), False),
        (entry("Out of Office"), True),
        (entry("OOO"), True),
        (entry("Urlaub Ana"), True),
        (entry("Abwesenheit"), True),
        (entry("Zoom with Ooolong Ltd"), False),
        (entry("Shampoo order"), False),
        (entry("Out of office", busy="FREE"), False),
    ],
)
def test_what_counts_as_an_absence(given: Entry, is_away: bool) -> None:
    """What is marked, called so, or fills days; never what is free. A calendar of absences alone counts in full."""
    found = calendar_feed.absences_in([given], "ana", Counts.AWAY)
    assert bool(found) is is_away
    assert len(calendar_feed.absences_in([given], "ana", Counts.ALL)) == 1


def test_a_moment_is_no_absence() -> None:
    """What takes no time is nothing."""
    assert calendar_feed.absences_in([entry("OOO", (3, 3))], "ana", Counts.ALL) == []


@pytest.mark.parametrize(
    ("given", "turns", "missing"),
    [
        (entry("Ana Ito"), [("ana", 5)], ()),
        (entry("[L2] Ana Ito"), [("ana", 2)], ()),
        (entry("[l7] BEA@example.org"), [("bea", 7)], ()),
        (entry("@Bea"), [("bea", 5)], ()),
        (entry("ana ito"), [], ("ana ito",)),
        (entry("Ana Ito, Bea"), [("ana", 5), ("bea", 5)], ()),
        (entry("Ana Ito, Kim"), [("ana", 5)], ("Kim",)),
        (entry("On call", attendees=("mailto:Bea@Example.org",)), [("bea", 5)], ()),
        (entry("On call", attendees=("mailto:kim@example.org",)), [], ("On call",)),
        (entry("On call", description="ana@example.org"), [("ana", 5)], ()),
        (entry("Bea", attendees=("MAILTO:ana@example.org",)), [("bea", 5), ("ana", 5)], ()),
        (entry("[L1]"), [], ()),
    ],
)
def test_whose_turn_an_entry_is(given: Entry, turns: list[tuple[str, int]], missing: tuple[str, ...]) -> None:
    """By name exactly, by address in any letters; in the title behind its level, the description, the attendees."""
    found, unknown = calendar_feed.turns_in([given], PEOPLE, 5)
    assert [(each.user_id, each.layer) for each in found] == turns
    assert unknown == missing


def test_a_turn_that_stands_twice_is_there_once() -> None:
    """People copy entries; nobody is on call twice at a time by that."""
    found, _ = calendar_feed.turns_in([entry("Bea"), entry("Bea")], PEOPLE, 0)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("old", "new", "ending", "beginning"),
    [
        ([], [("ana", -3, 5)], [], [("ana", 0, 5)]),
        ([("ana", -1, 5)], [("ana", -3, 5)], [], []),
        ([("ana", -3, 5)], [("ana", -3, 6)], [("ana", -3, 5)], [("ana", 0, 6)]),
        ([("ana", -3, 5)], [], [("ana", -3, 5)], []),
        ([("ana", 5, 9)], [("ana", 5, 9), ("bea", 9, 12)], [], [("bea", 9, 12)]),
        ([("ana", 5, 9)], [("bea", 5, 9)], [("ana", 5, 9)], [("bea", 5, 9)]),
        ([], [("ana", -9, -5), ("ana", -5, 0)], [], []),
    ],
)
def test_reading_again_changes_nothing_that_was(
    old: list[tuple[str, int, int]],
    new: list[tuple[str, int, int]],
    ending: list[tuple[str, int, int]],
    beginning: list[tuple[str, int, int]],
) -> None:
    """What is the same stays, what runs ends now, what is new begins now at the earliest, and what is over is over."""
    ends, begins = calendar_feed.merged([period(*each) for each in old], [period(*each) for each in new], NOW)
    assert ends == [period(*each) for each in ending]
    assert begins == [period(*each) for each in beginning]


def test_when_it_is_read_again() -> None:
    """Each hour with up to ten minutes of its own; after failures ever later, never beyond half a day."""
    waits = [calendar_feed.next_reading("feed", failures, NOW) - NOW for failures in range(12)]
    shift = waits[0] - HOUR
    assert 0 <= shift < 10 * MINUTE
    assert [(each - shift) // MINUTE for each in waits] == [
        60,
        15,
        30,
        60,
        120,
        240,
        480,
        720,
        720,
        720,
        720,
        720,
    ]
    assert len({calendar_feed.next_reading(str(number), 0, NOW) for number in range(50)}) > 40


def test_clashes_are_where_turn_and_absence_meet() -> None:
    """Two absences that touch are one; the part that is on call is told, with all of the absence."""
    person = OnCallPerson(user_id="ana", source=OnCallSource.ROTATION, rotation_id="r")
    turn = Turn(start=NOW, end=NOW + 7 * DAY, person=person)
    away = [period("ana", -24, 24), period("ana", 24, 48), period("ana", 160, 200), period("bea", 0, 99)]
    found = calendar_feed.clashes([turn], away)
    assert [
        tuple(
            (each - NOW) // HOUR for each in (clash.start_at, clash.end_at, clash.away_from, clash.away_until)
        )
        for clash in found
    ] == [(0, 48, -24, 48), (160, 168, 160, 200)]
    assert calendar_feed.clashes([turn], [period("ana", 168, 170), period("ana", -5, 0)]) == []
