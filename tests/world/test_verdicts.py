"""The oracle by itself: what it says of a few facts that one can follow by hand."""

import os
from collections.abc import Sequence

import msgspec
import pytest

from tests.world.ledger import BUSY, Answer, Asked, Away, Fact, Policy, Rung, Taken
from tests.world.observed import Alert, Message, Observed, _who
from tests.world.oracle import Case, complete, in_order, no_loss, no_surplus
from tests.world.turns import Turns, waits
from tests.world.world import without


def _case(facts: Sequence[Fact], *messages: Message) -> Case:
    seen = Observed(alerts=[], incidents=[], messages=[*messages], kept=[], damage=[])
    return Case(facts, seen, until=60_000)


def _taken(
    at: int, kind: str, status: str, name: str, who: str = "bea", *, is_in_doubt: bool = False
) -> Taken:
    return Taken(
        at=at,
        way="mail",
        who=who,
        id=name,
        kind=kind,
        about=("disk-1",),
        numbers=(1,),
        status=status,
        is_repeat=False,
        answer="took",
        is_in_doubt=is_in_doubt,
    )


def _page(status: str, who: str) -> Message:
    return Message(id="a", title="disk-1", kind="page", status=status, due_at=None, who=who)


@pytest.mark.parametrize(
    ("page", "is_blamed"),
    [
        pytest.param(_page("unknown", "bea"), False, id="it may have left as the server died"),
        pytest.param(_page("unknown", "jun"), True, id="it was somebody else's"),
        pytest.param(_page("cancelled", "bea"), True, id="it never left"),
    ],
)
def test_news_without_a_page(page: Message, is_blamed: bool) -> None:
    """The server was killed between its claim and its try, and somebody else acknowledged before the next one."""
    facts = [_taken(5_000, "update", "acknowledged", "b", is_in_doubt=True)]
    assert bool([words for _, words in in_order(_case(facts, page)) if "before" in words]) is is_blamed


@pytest.mark.parametrize(
    ("page", "is_said", "wrong"),
    [
        pytest.param("unknown", True, [], id="it was lost, and that is said"),
        pytest.param(
            "unknown",
            False,
            ["bea heard that it is resolved, and not that the page may be lost"],
            id="it was lost",
        ),
        pytest.param("sent", False, [], id="it was taken"),
        pytest.param("sent", True, ["bea heard that the page may be lost, and it was not"], id="for nothing"),
    ],
)
def test_what_is_said_of_a_lost_page(page: str, is_said: bool, wrong: list[str]) -> None:
    """To whom nothing else about the incident came."""
    facts = [_taken(5_000, "update", "resolved", "b", is_in_doubt=is_said)]
    if page == "sent":
        facts.insert(0, _taken(2_000, "page", "triggered", "a"))
    assert [words for _, words in in_order(_case(facts, _page(page, "bea")))] == wrong


def test_an_end_before_its_beginning() -> None:
    """Also where the page was in doubt."""
    facts = [
        _taken(5_000, "update", "resolved", "b", is_in_doubt=True),
        _taken(6_000, "page", "triggered", "a"),
    ]
    assert [words for _, words in in_order(_case(facts, _page("unknown", "bea")))] == [
        "bea heard of it in this order: ['resolved', 'triggered']"
    ]


@pytest.mark.parametrize(
    ("away", "is_blamed"),
    [
        pytest.param([], True, id="nothing was in the way"),
        pytest.param([(70_000, 82_000)], False, id="it stood still"),
        pytest.param(
            [(at, at + 1_000) for at in range(60_000, 84_000, 2_000)], False, id="half of its turns"
        ),
        pytest.param([(80_000, 85_000)], True, id="too short for a try to be given up"),
        pytest.param([(5_000, 25_000)], True, id="long ago"),
    ],
)
def test_a_repeat_of_nothing(away: list[tuple[int, int]], is_blamed: bool) -> None:
    """A page that came once, and says that it may be a repeat: a try was given up before it left, or it is wrong."""
    page = msgspec.structs.replace(_taken(90_000, "page", "triggered", "a"), way="hook", is_repeat=True)
    busy = [Away(since=since, until=until, why=BUSY) for since, until in away]
    assert bool(list(no_surplus(_case([page, *busy])))) is is_blamed


@pytest.mark.parametrize(
    ("busy", "is_repeat", "is_blamed"),
    [
        pytest.param([], True, True, id="it was taken, and nothing was in the way"),
        pytest.param(
            [Away(since=70_000, until=82_000, why=BUSY)], True, False, id="it heard the answer too late"
        ),
        pytest.param([Away(since=70_000, until=82_000, why=BUSY)], False, True, id="and does not say so"),
    ],
)
def test_a_page_that_comes_twice(busy: list[Away], is_repeat: bool, is_blamed: bool) -> None:
    """The provider took it."""
    once = msgspec.structs.replace(_taken(69_000, "page", "triggered", "a"), way="hook")
    again = msgspec.structs.replace(once, at=85_000, is_repeat=is_repeat)
    assert bool(list(no_surplus(_case([once, again, *busy])))) is is_blamed


@pytest.mark.parametrize(
    ("older", "newer", "is_blamed"), [("resolved", "firing", False), ("firing", "resolved", True)]
)
def test_the_newest_occurrence_counts(older: str, newer: str, is_blamed: bool) -> None:
    """It was told of again after its end, by a clock that had been set back: then ids say the opposite."""
    asked = [
        Asked(n=n, at=n * 1_000, about="disk-1", what=what, starts=60 * ((n + 1) // 2), first=n)
        for n, what in enumerate(("firing", "resolved", "firing"), start=1)
    ]
    case = _case([*asked, *(Answer(n=each.n, at=each.at + 10, code=202) for each in asked)])
    case.seen.alerts += [Alert("disk-1", newer, 1, None, True), Alert("disk-1", older, 1, None, False)]
    assert bool(list(no_loss(case))) is is_blamed


def _mailed(*at: int) -> list[Taken]:
    return [_taken(each, "page", "triggered", f"m{each}") for each in at]


@pytest.mark.parametrize(
    ("mails", "wrong"),
    [
        pytest.param([10_000, 40_000], 0, id="one for each round"),
        pytest.param([10_000], 0, id="one that tells of both"),
        pytest.param([10_000, 40_000, 45_000], 1, id="one too many"),
        pytest.param([], 2, id="none"),
    ],
)
def test_mails_of_two_rounds_whose_times_overlap(mails: list[int], wrong: int) -> None:
    """A server that was away may do the second round as soon as it could have done the first."""
    asked = Asked(n=1, at=5_000, about="disk-1", what="firing", starts=60, first=1)
    levels = (Rung(delay=0, people=("bea",)),)
    facts = [
        Policy(since=0, until=0, levels=levels, repeats=1, repeat_delay=2_000),
        asked,
        Answer(n=1, at=5_010, code=202),
        Away(since=5_020, until=39_000, why="kill"),
        *_mailed(*mails),
    ]
    case = _case(facts)
    case.seen.alerts.append(Alert("disk-1", "firing", 1, None))
    case.until = 200_000
    assert len(list(complete(case))) == wrong


def test_who_is_at_an_address() -> None:
    """As the ledger says it."""
    assert _who("bea@example.org") == "bea"
    assert _who("http://127.0.0.1:4711/Hook-2") == "Hook-2"


def test_nobody_names_who_was_deleted() -> None:
    """A level of theirs alone is none."""
    levels = (
        Rung(delay=0, people=("bea", "kim")),
        Rung(delay=1, people=("kim",)),
        Rung(delay=2, channels=("Hook-1",)),
    )
    assert without(levels, {"kim"}) == (Rung(delay=0, people=("bea",)), levels[2])


def test_who_gets_no_turns_may_be_late() -> None:
    """A thread that waits a third of a second within a second is held up; new threads begin at nothing."""
    turns = Turns()
    assert turns.held_up_since(1_000, {"1": 5_000}) is None
    assert turns.held_up_since(1_100, {"1": 5_040}) is None
    assert turns.held_up_since(1_200, {"1": 5_080, "2": 900}) is None
    assert turns.held_up_since(1_600, {"1": 5_200, "2": 1_040}) == 600
    assert turns.held_up_since(1_700, {"1": 5_200, "2": 1_040}) is None  # that was counted


def test_a_few_waits_over_a_long_time_hold_nobody_up() -> None:
    """As on every machine."""
    turns = Turns()
    assert [turns.held_up_since(at, {"1": at // 10}) for at in range(0, 20_000, 100)] == [None] * 200


def test_the_kernel_says_who_waits() -> None:
    """Of this process; of none that is gone."""
    assert str(os.getpid()) in waits(os.getpid())
    assert waits(1 << 30) == {}
