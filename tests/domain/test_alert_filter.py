"""What a list of alerts is narrowed to, and the query that says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.alert_filter import (
    GROUPS,
    SPANS,
    UNRESOLVED,
    AlertFilter,
    LabelMatch,
    Listing,
    Sort,
)
from openalert.domain.instant import DAY, HOUR
from openalert.domain.severity import Severity

WORD = st.text(min_size=1, max_size=30).map(str.strip).filter(bool)
NAME = st.from_regex(r"[a-z_.]{1,12}", fullmatch=True)
MATCH = st.builds(LabelMatch, NAME, st.none() | WORD, st.booleans())
ID = st.none() | st.uuids().map(str)
FILTER = st.builds(
    AlertFilter,
    statuses=st.sampled_from([None, UNRESOLVED, ("firing",), ("resolved",), ("suppressed",)]),
    severities=st.none()
    | st.sets(st.sampled_from(list(Severity)), min_size=1).map(
        lambda some: tuple(level.value for level in Severity if level in some)
    ),
    service_id=ID,
    team_id=ID,
    integration_id=ID,
    source=st.none() | NAME,
    incident_id=ID,
    labels=st.lists(MATCH, max_size=4, unique=True).map(tuple),
    tags=st.lists(WORD, max_size=3, unique=True).map(tuple),
    assignee=ID,
    title=st.none() | WORD,
    text=st.none() | st.lists(NAME, min_size=1, max_size=3).map(" ".join),
    since=st.none() | st.integers(0, 10**13),
    until=st.none() | st.integers(0, 10**13),
    span=st.none() | st.sampled_from(sorted(SPANS)),
)
LISTING = st.builds(
    Listing,
    filter=FILTER,
    sort=st.sampled_from(Sort),
    group=st.none() | st.sampled_from(GROUPS) | NAME.map(lambda name: f"label:{name}"),
)


@given(LISTING)
def test_a_list_is_read_from_its_own_query(listing: Listing) -> None:
    """What is kept as text, or sent as an address, shows the same list again, whatever is in its words."""
    assert Listing.read(listing.query()) == listing


@given(st.text(max_size=300))
def test_no_query_breaks_the_list(query: str) -> None:
    """Whatever stands in an address is a list, whose own query is stable."""
    listing = Listing.read(query)
    assert Listing.read(listing.query()) == listing


def test_what_is_not_said_is_everything_open_newest_first() -> None:
    """An empty query leaves out what is over, and nothing else."""
    listing = Listing.read("")
    assert listing.filter == AlertFilter(statuses=UNRESOLVED)
    assert (listing.sort, listing.group, listing.status) == (Sort.NEWEST, None, "open")
    assert listing.filter.is_open
    assert listing.filter.is_plain


def test_what_is_not_understood_narrows_nothing() -> None:
    """Unknown states, severities, orders, spans and times are as if they were not there."""
    said = Listing.read(
        "status=gone&severity=purple&sort=luck&span=9y&from=yesterday&group=label:a%22b&x=1&label=%3D1"
    )
    assert said == Listing.read("")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("env=prod", LabelMatch("env", "prod")),
        ("env != test", LabelMatch("env", "test", is_negated=True)),
        ("runbook", LabelMatch("runbook")),
        ("!runbook", LabelMatch("runbook", is_negated=True)),
        ("url=http://x/?a=b", LabelMatch("url", "http://x/?a=b")),
        ("env=", LabelMatch("env", "")),
        ("=prod", None),
        ("!", None),
    ],
)
def test_words_about_labels(text: str, expected: LabelMatch | None) -> None:
    """One equals, differs, is there, or is not; what names no label is nothing."""
    assert LabelMatch.read(text) == expected


def test_a_span_counts_back_from_when_the_list_is_looked_at() -> None:
    """The later of a span's beginning and a fixed one holds."""
    now = 100 * DAY
    assert AlertFilter(span="6h").begins(now) == now - 6 * HOUR
    assert AlertFilter(span="6h", since=now - HOUR).begins(now) == now - HOUR
    assert AlertFilter().begins(now) is None


def test_one_parameter_is_changed_and_the_others_stay() -> None:
    """The address of a narrower list keeps what is there."""
    listing = Listing.read("q=disk&severity=high&label=env%3Dprod&sort=severity")
    changed = Listing.read(listing.query(severity=["critical", "high"], q=None))
    assert changed.filter.severities == ("critical", "high")
    assert changed.filter.text is None
    assert changed.filter.labels == (LabelMatch("env", "prod"),)
    assert changed.sort is Sort.SEVERITY
