"""Matchers: what they read, what they refuse, and that they mean what Prometheus means."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain import matching
from openalert.domain.errors import Invalid
from openalert.domain.matching import Matcher, Operator

LABELS = {"alertname": "DiskFull", "instance": "db-1:9100", "severity": "warning", "note": "two\nlines"}


def holds(text: str, labels: dict[str, str] | None = None) -> bool:
    """Whether the matchers of a text fit the labels."""
    return matching.fits(matching.parse_all([text]))(LABELS if labels is None else labels)


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("", True),
        ("{}", True),
        ('alertname="DiskFull"', True),
        ("alertname=DiskFull", True),
        ('alertname="Disk"', False),
        ('{alertname="DiskFull",severity!="critical"}', True),
        ('{ alertname = "DiskFull" , severity = "critical", }', False),
        ('alertname="DiskFull"\nseverity="warning"', True),
        ('alertname="DiskFull"\nseverity="info"', False),
        # Anchored on both sides.
        ('instance=~"db"', False),
        ('instance=~"db-1"', False),
        ('instance=~"db.*"', True),
        ("instance=~db.*", True),
        ('instance=~".*:9100"', True),
        ('instance=~".*-1:.*"', True),
        ('instance=~"db-[0-9]:\\d+"', True),
        ('instance=~"db-[0-9]:\\\\d+"', True),
        ('instance!~"db-[0-9]:\\d+"', False),
        ('severity=~"warning|info"', True),
        ('severity=~"critical|info"', False),
        ('severity!~"critical|info"', True),
        ('severity=~"(?i)WARNING"', True),
        # The dot fits a line's end too.
        ('note=~"two.lines"', True),
        ('note="two\\nlines"', True),
        # What is not there is empty.
        ('zone=""', True),
        ('zone=~".*"', True),
        ('zone=~".+"', False),
        ('zone!~".+"', True),
        ('zone=~"|a"', True),
        ('zone!="a"', True),
        ('severity=""', False),
        ("severity=", False),
        ('severity=~".+"', True),
    ],
)
def test_matchers_mean_what_prometheus_means(text: str, fit: bool) -> None:
    """Each operator, quoted or not, with a label that is there and one that is not."""
    assert holds(text) is fit


def test_names_may_be_of_any_writing() -> None:
    """Labels of Kubernetes, of clouds and of people who do not write English are matched too."""
    labels = {"app.kubernetes.io/name": "shop", "ö ü": 'a "b" \\c', "k8s-app": "x"}
    assert holds('app.kubernetes.io/name="shop", k8s-app=x, "ö ü"="a \\"b\\" \\\\c"', labels)


@pytest.mark.parametrize(
    ("text", "position", "why"),
    [
        ("severity", 1, "no matcher"),
        ('severity="warning" alertname="x"', 1, "no matcher"),
        ('severity="warning', 1, "no matcher"),
        ('alertname="x", severity==warning', 16, "no matcher"),
        ('="x"', 1, "no matcher"),
        ("severity=warning}", 1, "no matcher"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text: str, position: int, why: str) -> None:
    """A refusal says where it is and what to write."""
    with pytest.raises(Invalid, match=why) as refusal:
        matching.parse(text)
    assert refusal.value.details["position"] == position


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('a=~"("', "missing \\)"),
        ('a=~"(?=x)"', "invalid perl operator"),
        ('a!~"(a)\\1"', "invalid escape sequence"),
        ('a=~"x{1000}{1000}"', "bad repetition operator"),
        ('a=~".{1000}.{1000}.{1000}"', "too costly"),
        ('a=~"' + "x" * 1_001 + '"', "at most 1,000"),
        ("a=" + "x" * 1_001, "at most 1,000"),
        ("a" * 201 + "=x", "1 to 200"),
        ('""=x', "1 to 200"),
        ("__name__=x", "__title__, __severity__"),
        (",".join(f"a{n}=x" for n in range(31)), "at most 30"),
    ],
)
def test_what_costs_too_much_or_means_nothing_is_refused(text: str, why: str) -> None:
    """Sizes are bounded, and RE2's own words say what is wrong with a regular expression."""
    with pytest.raises(Invalid, match=why) as refusal:
        matching.parse_all([text])
    assert refusal.value.details["field"] == "matchers"


def test_a_regular_expression_that_eats_others_alive_does_no_harm() -> None:
    """What takes a backtracking engine longer than the universe is answered, and rightly."""
    labels = {"a": "a" * 1_024 + "!"}
    assert not holds('a=~"(a+)+"', labels)
    assert holds('a=~"(a+)+!"', labels)


def test_half_a_character_is_matched_like_any_other() -> None:
    """A lone surrogate, which JSON can carry, neither raises nor fits what it is not."""
    assert not holds('a=~"x[0-9]"', {"a": "\ud800"})
    assert holds('a=~"x.+"', {"a": "x\ud800"})
    with pytest.raises(Invalid):
        matching.check([Matcher(name="a", operator=Operator.FITS, value="\ud800(")])


def test_an_alert_is_matched_by_its_labels_or_its_title() -> None:
    """What is proposed for an alert fits it; without labels it goes by the title."""
    proposed = matching.about(LABELS, title="Disk full")
    assert [str(matcher) for matcher in proposed][:2] == ['alertname="DiskFull"', 'instance="db-1:9100"']
    assert matching.fits(matching.check(proposed))(LABELS)
    alone = matching.about({"empty": ""}, title="Disk full")
    assert [str(matcher) for matcher in alone] == ['__title__="Disk full"']
    facts = matching.facts(title="Disk full", severity="high", source="generic", fingerprint="f")
    assert matching.fits(alone)(facts)
    assert matching.fits(matching.parse("__severity__=~high|critical"))(facts)


PIECE = st.sampled_from(["a", "b", "-", ".", ".*", ".+", "|", "a|b", "(a|b)", "[ab]", "\\.", "x?", "^"])


@given(st.lists(PIECE, max_size=6).map("".join), st.text(alphabet="ab-.x\n|^$", max_size=6))
def test_short_cuts_find_what_the_engine_would(pattern: str, text: str) -> None:
    """The fast ways for common patterns agree with the standard library's engine for all that both can read."""
    try:
        expected = re.compile(pattern, re.DOTALL).fullmatch(text) is not None
        matching.check_pattern(pattern, field="matchers")
    except (re.error, Invalid):
        return
    assert matching.whole(pattern)(text) is expected


@given(
    st.text(min_size=1, max_size=20),
    st.sampled_from([Operator.EQUAL, Operator.NOT_EQUAL]),
    st.text(max_size=30),
)
def test_what_is_written_is_read_again(name: str, operator: Operator, value: str) -> None:
    """Every matcher survives being spelt out."""
    matcher = Matcher(name=name, operator=operator, value=value)
    assert matching.parse(str(matcher)) == (matcher,)


@given(st.text(alphabet=st.sampled_from('ab{}!=~,"\\ \n.*('), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever somebody types becomes matchers that can be asked, or a refusal."""
    try:
        matchers = matching.parse_all([text])
    except Invalid:
        return
    matching.fits(matchers)({"a": "b"})
