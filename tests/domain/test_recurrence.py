"""Recurrence: the rules people write, counted as dateutil counts them, at the instants that whenever knows."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from whenever import PlainDateTime

from openalert.domain import recurrence as recurring
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, MINUTE, Instant, from_datetime, to_datetime
from openalert.domain.recurrence import Recurrence
from tests.domain.oracle import begins

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "UTC",
)


def at(text: str) -> Instant:
    """An instant of UTC."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


def local(rule: str, zone: str, first: str, count: int) -> list[str]:
    """The first local times of a rule whose first is given in the zone."""
    begun = PlainDateTime.parse_iso(first).assume_tz(zone).timestamp(unit="millisecond")
    recurrence = recurring.check(Recurrence(rule=rule, timezone=zone))
    found = islice(recurring.beginnings(recurrence, begun, begun), count)
    return [to_datetime(wall).strftime("%a %Y-%m-%d %H:%M") for _, wall in found]


def test_the_third_tuesday_is_the_third_tuesday() -> None:
    """Patch days come when people expect them."""
    assert local("FREQ=MONTHLY;BYDAY=3TU", "Europe/Berlin", "2026-11-01T22:00", 3) == [
        "Tue 2026-11-17 22:00",
        "Tue 2026-12-15 22:00",
        "Tue 2027-01-19 22:00",
    ]


def test_a_month_without_the_day_is_left_out() -> None:
    """The 31st is not the 30th; the last day is written -1."""
    assert local("FREQ=MONTHLY", "UTC", "2027-01-31T01:00", 3) == [
        "Sun 2027-01-31 01:00",
        "Wed 2027-03-31 01:00",
        "Mon 2027-05-31 01:00",
    ]
    assert local("FREQ=MONTHLY;BYMONTHDAY=-1", "UTC", "2027-01-31T01:00", 3)[1] == "Sun 2027-02-28 01:00"


def test_a_time_that_is_skipped_in_spring_is_the_end_of_the_gap() -> None:
    """02:30 in the night of the change is 03:00, and 02:30 again the day after."""
    berlin = Recurrence(rule="FREQ=DAILY", timezone="Europe/Berlin")
    first = at("2027-03-27T01:30")
    found = [instant for instant, _ in islice(recurring.beginnings(berlin, first, first), 3)]
    assert found == [first, at("2027-03-28T01:00"), at("2027-03-29T00:30")]


MONTH_DAYS = [f";BYMONTHDAY={days}" for days in ("29", "31", "1,15,-1", "-31")]
RULES = st.one_of(
    st.builds(
        "FREQ=DAILY;INTERVAL={}{}".format,
        st.integers(1, 9),
        st.sampled_from(["", ";BYDAY=MO,TU,WE,TH,FR", ";BYDAY=SA", ";COUNT=7", ";UNTIL=20281231"]),
    ),
    st.builds(
        "FREQ=WEEKLY;INTERVAL={}{}{}".format,
        st.integers(1, 5),
        st.sampled_from(["", ";BYDAY=SU", ";BYDAY=TU,TH", ";BYDAY=MO,SU", ";BYDAY=WE,FR,SA"]),
        st.sampled_from(["", ";COUNT=5", ";UNTIL=20280101T010000"]),
    ),
    st.builds(
        "FREQ=MONTHLY;INTERVAL={}{}{}".format,
        st.integers(1, 13),
        st.sampled_from(
            ["", *(f";BYDAY={days}" for days in ("3TU", "-1FR", "5MO", "1MO,-1SU", "WE")), *MONTH_DAYS]
        ),
        st.sampled_from(["", ";COUNT=9", ";UNTIL=20290630"]),
    ),
)


@given(
    RULES,
    st.sampled_from(ZONES),
    st.integers(0, 2 * 365 * 24 * 4),
    st.integers(0, 900),
)
def test_times_are_those_of_dateutil_at_the_instants_of_whenever(
    rule: str, zone: str, quarter: int, later: int
) -> None:
    """For any rule, zone and beginning, from the beginning or years later, both oracles agree with us."""
    naive = to_datetime(at("2026-01-01T00:00") + quarter * 15 * MINUTE).replace(tzinfo=None)
    first = PlainDateTime(naive).assume_tz(zone).timestamp(unit="millisecond")
    naive = to_datetime(recurring.shown(zone, first)).replace(tzinfo=None)  # not inside a gap
    after = first + later * DAY
    recurrence = recurring.check(Recurrence(rule=rule, timezone=zone))
    ours = [(instant, wall) for instant, wall in islice(recurring.beginnings(recurrence, first, after), 12)]

    # An UNTIL that is a date means the end of that day; dateutil takes its beginning.
    theirs = rrulestr(rule if "T01" in rule or "UNTIL" not in rule else rule + "T235959", dtstart=naive)
    since = to_datetime(recurring.shown(zone, after)).replace(tzinfo=None, hour=0, minute=0, second=0)
    expected = list(islice((each for each in theirs if "COUNT" in rule or each >= since), 12))
    assert [to_datetime(wall).replace(tzinfo=None) for _, wall in ours] == expected
    for instant, wall in ours:
        meant = begins(zone, PlainDateTime(to_datetime(wall).replace(tzinfo=None)))
        assert instant in {meant, first}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("", "is not understood"),
        ("FREQ=YEARLY", "FREQ must be one of DAILY, WEEKLY, MONTHLY"),
        ("FREQ=SECONDLY", "FREQ must be one of"),
        ("FREQ=DAILY;FREQ=DAILY", "is not understood"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be a whole number from 1 to 100"),
        ("FREQ=DAILY;INTERVAL=101", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=²", "INTERVAL"),
        ("FREQ=DAILY;COUNT=101", "COUNT must be a whole number from 1 to 100"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20300101", "cannot go together"),
        ("FREQ=DAILY;UNTIL=20301301", "UNTIL must be a day"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL must be a day"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY=1MO is not understood; write BYDAY=MO,TH"),
        ("FREQ=MONTHLY;BYDAY=6MO", "write BYDAY=3TU,-1FR"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY=32"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "goes with FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYMONTHDAY=1;BYDAY=MO", "cannot go together"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS is not known"),
        ("FREQ=WEEKLY;WKST=SU", "WKST"),
        ("FREQ=DAILY;" + "X" * 300, "at most 200"),
    ],
)
def test_what_is_not_understood_is_named(rule: str, why: str) -> None:
    """A refusal says which part of a rule is wrong."""
    with pytest.raises(Invalid, match=why):
        recurring.read(rule)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("RRULE:freq=daily;", "every day"),
        ("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "every working day"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TH,TU", "every 2 weeks on Tuesday and Thursday"),
        ("FREQ=MONTHLY;BYDAY=3TU", "every month on the third Tuesday"),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "every month on the last Friday, 3 times"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1,15", "every month on the last day and day 15"),
        ("FREQ=WEEKLY;BYDAY=SU;UNTIL=20271231", "every week on Sunday, until 2027-12-31"),
    ],
)
def test_rules_read_as_sentences(rule: str, words: str) -> None:
    """People read what they set, and the rule survives being written again."""
    assert recurring.words(Recurrence(rule=rule, timezone="UTC")) == words
    assert recurring.read(recurring.spell(recurring.read(rule))) == recurring.read(rule)


def test_a_rule_that_never_fits_ends() -> None:
    """No day is looked for without end: February has no 30th."""
    never = Recurrence(rule="FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30", timezone="UTC")
    february = at("2027-02-01T00:00")
    assert list(recurring.beginnings(never, february, february)) == []
    far = at("9998-06-01T00:00")
    assert len(list(recurring.beginnings(Recurrence(rule="FREQ=MONTHLY", timezone="UTC"), far, far))) < 100


@given(st.text(alphabet=st.sampled_from("FREQ=DAILYWKMONTH;UI1239BYSTZ,-+ "), max_size=60))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    """Whatever somebody writes, it is refused as a mistake of theirs or it can be counted out."""
    try:
        rule = recurring.read(text)
    except Invalid:
        return
    recurrence = Recurrence(rule=recurring.spell(rule), timezone="UTC")
    list(islice(recurring.beginnings(recurrence, 0, 0), 5))
