"""The query language of Opsgenie's alert search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.errors import Invalid
from openalert.domain.opsgenie_query import Both, Either, Term, Without, parse


def _term(field: str, value: str, **more: object) -> Term:
    return Term(field=field, value=value, **more)  # type: ignore[arg-type]  # of the test's own making


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", None),
        ("  ", None),
        ("disk", _term("message", "disk")),
        ("status:OPEN", _term("status", "open")),
        ("status : open", _term("status", "open")),
        ("createdAt>=5", _term("createdAt", "5", comparison=">=")),
        ("createdAt:>5", _term("createdAt", "5", comparison=">")),
        ("alias:web*", _term("alias", "web", prefix=True)),
        ('teams:"Core EU"', _term("teams", "Core EU")),
        ("NOT tag:x", Without(_term("tag", "x"))),
        ("tag:a tag:b", Both((_term("tag", "a"), _term("tag", "b")))),
        (
            "tag:a and tag:b or tag:c",
            Either((Both((_term("tag", "a"), _term("tag", "b"))), _term("tag", "c"))),
        ),
        ("message:(a OR b*)", Either((_term("message", "a"), _term("message", "b", prefix=True)))),
        ("priority:(p1 OR NOT P2)", Either((_term("priority", "P1"), Without(_term("priority", "P2"))))),
        ("((tag:a))", _term("tag", "a")),
    ],
)
def test_a_query_means_what_opsgenie_documents(text: str, meant: object) -> None:
    """Fields, sets of values, conditions, phrases, beginnings of words; AND binds before OR."""
    assert parse(text) == meant


@pytest.mark.parametrize(
    "text",
    ["colour:red", "status:ajar", "count:x", "isSeen:maybe", "tag>3", "tag:", "(tag:a", "tag:a)", 'tag:"a', "OR tag:a",
     "NOT", "tag:a AND", "(" * 30 + "tag:a" + ")" * 30, " ".join(["tag:a"] * 60), ":", "tag::a", "x" * 1001],
)  # fmt: skip
def test_what_is_no_query_is_refused_as_one(text: str) -> None:
    """With the parameter named, and within bounds of length, depth and number."""
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert refused.value.details["field"] == "query"


@given(st.text(alphabet='ab:<>=()"* \tORANDNOTstatusopen', max_size=80))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Whatever is asked for is a query or refused."""
    try:
        parse(text)
    except Invalid:
        return
