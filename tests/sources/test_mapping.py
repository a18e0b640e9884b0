"""Mappings of people: what they find, what they leave to the usual reading, and that they can neither hang nor fail."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.alert import SignalStatus
from openalert.domain.errors import Invalid, OpenAlertError
from openalert.domain.mapping import Mapping
from openalert.domain.severity import Severity
from openalert.sources import Habits, Inbound, Reading, looked, read, using
from openalert.sources.expressions import STEPS_OF_BODY, BadExpression, Lookups, compiled
from openalert.sources.mapping import Mapped

NOW = 1_700_000_000_000
INBOUND = Inbound(headers={"content-type": "application/json"}, received_at=NOW)
BODY = {
    "site": "fra-1",
    "checks": [
        {
            "what": {"text": "Disk full"},
            "lvl": "sev-a",
            "ok": False,
            "host": {"name": "web-1"},
            "id": 7,
            "graph": "https://graphs.example/7",
            "since": "2023-11-14T22:00:00Z",
        },
        {"what": {"text": "Queue long"}, "lvl": 3, "ok": True, "host": {"name": "web-2"}, "id": 8},
    ],
}
MAPPING = Mapping(
    items="checks",
    title="what.text",
    severity="lvl",
    status="ok == `false` && 'firing' || 'resolved'",
    identity="[host.name, id]",
    group="host.name",
    starts_at="since",
    labels={"site": "$.site", "host": "host.name"},
    links={"Graph": "graph"},
)


def _read(
    body: Any, mapping: Mapping, severities: dict[str, Severity] | None = None, source: str = "generic"
) -> Reading:
    with using(Habits(severities or {}, Mapped(mapping))):
        return read(source, json.dumps(body).encode(), INBOUND)


def test_every_member_is_found_where_the_mapping_says() -> None:
    """Items, paths, JMESPath, the whole body by `$`, labels and links; the own table says what words mean."""
    first, second = _read(BODY, MAPPING, {"SEV A": Severity.CRITICAL, "3": Severity.LOW}).signals
    assert (first.title, first.status, first.severity) == (
        "Disk full",
        SignalStatus.FIRING,
        Severity.CRITICAL,
    )
    assert (first.fingerprint, first.group) == ("web-1/7", "web-1")
    assert first.labels == {"site": "fra-1", "host": "web-1"}
    assert first.links == [{"label": "Graph", "href": "https://graphs.example/7"}]
    assert first.starts_at == 1_699_999_200_000
    assert (second.title, second.status, second.severity) == (
        "Queue long",
        SignalStatus.RESOLVED,
        Severity.LOW,
    )
    assert second.fingerprint == "web-2/8"


def test_what_is_not_found_is_read_as_usual() -> None:
    """A mapping made for another body loses nothing: title, status and severity are looked for by their names."""
    reading = _read(
        {"title": "Disk full", "status": "resolved", "severity": "high", "host": "web-1"}, MAPPING
    )
    (signal,) = reading.signals
    assert (signal.title, signal.status) == ("Disk full", SignalStatus.RESOLVED)
    assert reading.note == "mapping, items: is no list"


def test_what_is_no_value_of_its_kind_is_told_and_read_as_usual() -> None:
    """An unknown word must not become a level, nor a text a time; the reason names the member and the word."""
    mapping = Mapping(severity="lvl", status="st", starts_at="when")
    body = {"title": "x", "lvl": "banana", "severity": "critical", "st": "odd", "state": "ok", "when": "soon"}
    reading = _read(body, mapping)
    (signal,) = reading.signals
    assert (signal.severity, signal.status, signal.starts_at) == (
        Severity.CRITICAL,
        SignalStatus.RESOLVED,
        None,
    )
    assert reading.note == (
        'mapping, severity: "banana" is not known; mapping, status: "odd" is not known; '
        'mapping, startsAt: "soon" is not known'
    )


def test_a_status_may_be_a_truth() -> None:
    """true is firing, false is resolved."""
    for value, status in ((True, SignalStatus.FIRING), (False, SignalStatus.RESOLVED)):
        (signal,) = _read({"title": "x", "bad": value}, Mapping(status="bad")).signals
        assert signal.status is status


def test_an_empty_list_is_nothing_to_do_and_plain_texts_are_alerts() -> None:
    """What the mapping points at counts, not what is around it."""
    empty = _read({"checks": [], "title": "envelope"}, MAPPING)
    assert (empty.signals, empty.note) == (
        [],
        "The list of alerts that the mapping names is empty: nothing to do.",
    )
    texts = _read({"problems": ["Disk full", "Queue long"]}, Mapping(items="problems"))
    assert [signal.title for signal in texts.signals] == ["Disk full", "Queue long"]


def test_a_mapping_goes_before_a_guess_on_its_own_path_and_never_before_a_source() -> None:
    """On `generic` it reads what looks like Alertmanager's, by `v1` only what no source recognises."""
    body = {"version": "4", "alerts": [{"labels": {"alertname": "Disk"}, "x": "Mapped"}], "groupKey": "g"}
    mapping = Mapping(items="alerts", title="x")
    assert [signal.title for signal in _read(body, mapping).signals] == ["Mapped"]
    detected = _read(body, mapping, source="v1")
    assert (detected.source, [signal.title for signal in detected.signals]) == ("prometheus", ["Disk"])


def test_members_whose_names_have_dots_in_them_are_found() -> None:
    """OpenTelemetry writes `host.name` as one name."""
    assert _read(
        {"a": {"host.name": "web-1"}, "title": "x"}, Mapping(labels={"host": "a.host.name"})
    ).signals[0].labels == {"host": "web-1"}


def test_people_see_what_each_expression_finds() -> None:
    """Member, expression, what it finds in the first alert, and why what is there is no use."""
    with using(Habits({}, Mapped(MAPPING))):
        found = looked(json.dumps(BODY).encode(), INBOUND, Habits({}, Mapped(MAPPING)))
    shown = {each.member: (each.found, each.problem) for each in found}
    assert shown["items"] == ("a list of 2", "")
    assert shown["identity"] == ("web-1/7", "")
    assert shown["severity"] == ("", '"sev-a" is not known')
    assert shown["labels.site"] == ("fra-1", "")
    assert shown["links.Graph"] == ("https://graphs.example/7", "")


@pytest.mark.parametrize(
    ("written", "position"),
    [
        ("a..b", 3),
        ("a.b[", 5),
        ("$.a..b", 5),
        ("nofunction(@)", 1),
        ("abs(a, b)", 1),
        ("a['x'", 3),
        ("a = b", 3),
        ("[::0]", 1),
        ("a\u200b", 2),
        ("`\"\\ud800\"`", 1),
        ("a" * 501, 501),
        ("(" * 400, 21),
        ("!" * 490, 1),
        ("|".join(["a"] * 60), 1),
        ("$.", 1),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_position(written: str, position: int) -> None:
    """Characters are counted from 1, in what was typed."""
    with pytest.raises(BadExpression) as refused:
        compiled(written)
    assert refused.value.position == position


def test_every_mistake_of_a_mapping_is_named_at_once() -> None:
    """Member and position, in the message and for programs."""
    with pytest.raises(Invalid) as refused:
        Mapped(Mapping(title="a..b", severity="foo(", labels={"x": "nofunction(@)", "": "a"}))
    assert [each["field"] for each in refused.value.details["mistakes"]] == [
        "config.mapping.title",
        "config.mapping.severity",
        "config.mapping.labels.x",
        "config.mapping.labels",
    ]
    assert "config.mapping.title: " in refused.value.message
    assert "(character 3)" in refused.value.message


BOMBS = [
    "[@,@][] | [@,@][] | [@,@][] | [@,@][] | [@,@][] | [@,@][] | [@,@][] | [@,@][] | [@,@][]",
    "to_string(" * 12 + "@" + ")" * 12,
    "[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@] | to_string(@)",
    "[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@]|[@,@] | [@ == @]",
    "join('',[s,s])|join('',[@,@])|join('',[@,@])|join('',[@,@])|join('',[@,@])|join('',[@,@])|join('',[@,@])",
    "a[*].[@,@,@,@,@,@,@,@][].[@,@,@,@][].[@,@,@,@][]",
    "sort_by(a, &@)[*].[@,@,@,@]",
    "max_by(a, &to_string(@))",
    "map(&[@,@,@,@], a) | map(&[@,@,@,@], @) | []|[]",
    "contains(a, a)",
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_expression_that_would_not_end_is_ended(bomb: str) -> None:
    """It pays for what it visits and copies; the account never goes further below zero than one payment."""
    body = {"a": list(range(9000)), "s": "x" * 200_000}
    lookups = Lookups()
    compiled(bomb).find(body, lookups)
    assert STEPS_OF_BODY - lookups.left <= 10_000 + 9_001


@pytest.mark.parametrize(
    "odd",
    ["floor(`1e999`)", "'a' < `1`", "contains('abc', `1`)", "&a", "a[99999999999999999999999]", "avg(a)", "a.b",
     "sum(a) | floor(@)", "length(@)", "reverse(@)", "max(a)", "to_number('" + "9" * 400 + "')"],
)  # fmt: skip
def test_what_does_not_fit_the_values_finds_nothing(odd: str) -> None:
    """Errors of the library and of Python alike are a sentence, never an exception."""
    for value in (None, 1, "x", [], {}, {"a": ["x", 1, None]}, {"a": [10**400]}, {"a": {"b": [[]]}}):
        found, problem = compiled(odd).find(value, Lookups())
        assert problem == "" or found is None


VALUES: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8)
        | st.lists(VALUES, max_size=3)
        | st.dictionaries(st.sampled_from("abcd") | st.text(max_size=4), VALUES, max_size=3)
    )
)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "d", "0", "[0]", "a-b"]), min_size=1, max_size=4).map(
    lambda parts: ".".join(parts).replace(".[", "[").lstrip("[").replace("0]", "0", 0)
)
PIECES = [
    "a", "b", ".", "[0]", "[]", "[*]", "*", "|", "||", "&&", "!", "==", "<", "(", ")", "[?", "]", "{x:", "}", ",",
    "@", "&", "'x'", "`1`", "`[1]`", "\"q\"", "$.", "length(", "join(", "sort_by(", "to_string(", "map(", ":", " ",
]  # fmt: skip
EXPRESSIONS = (
    PATHS
    | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
    | st.text(max_size=20)
    | st.sampled_from(BOMBS)
)


@given(written=EXPRESSIONS, value=VALUES)
def test_no_text_is_more_than_refused_and_no_value_breaks_what_was_taken(written: str, value: Any) -> None:
    """Any text at all either compiles or is refused with a position in it; what compiles never raises."""
    try:
        expression = compiled(written)
    except BadExpression as error:
        refused = error
    else:
        found, problem = expression.find(value, Lookups())
        assert found is None or problem == ""
        return
    assert 1 <= refused.position <= len(written) + 1


@given(body=VALUES, expressions=st.lists(EXPRESSIONS, min_size=8, max_size=8), severity=st.text(max_size=5))
def test_no_mapping_loses_a_body_that_is_read_without_it(
    body: Any, expressions: list[str], severity: str
) -> None:
    """Whatever people write and senders send: signals that can be stored, or the refusal that the body gets anyway."""
    usable = [each for each in expressions if _compiles(each)] + [""] * 8
    mapping = Mapping(
        items=usable[0],
        title=usable[1],
        severity=usable[2],
        status=usable[3],
        identity=usable[4],
        labels={"l": usable[5]} if usable[5].strip() else {},
        links={"k": usable[6]} if usable[6].strip() else {},
        starts_at=usable[7],
    )
    habits = Habits({severity: Severity.LOW} if severity.strip() else {}, Mapped(mapping))
    content = json.dumps(body).encode()
    with using(habits):
        try:
            reading = read("generic", content, INBOUND)
        except OpenAlertError:
            if usable[0].strip() == "":
                with using(Habits()), pytest.raises(OpenAlertError):
                    read("generic", content, INBOUND)
            return
        looked(content, INBOUND, habits)
    for signal in reading.signals:
        assert signal.title
        assert 0 < len(signal.fingerprint) <= 128
        json.dumps([signal.title, signal.labels, signal.fingerprint, signal.group]).encode()
        for text in (signal.title, signal.fingerprint, *signal.labels.values()):
            text.encode()
            assert "\0" not in text


def _compiles(written: str) -> bool:
    try:
        compiled(written)
    except BadExpression:
        return False
    return True


def test_a_storm_through_a_costly_mapping_loses_nothing() -> None:
    """Ten thousand items and expressions that cost much: what is left over is read as usual, nothing is lost."""
    body = {"alerts": [{"title": f"a{number}", "list": list(range(20))} for number in range(10_000)]}
    mapping = Mapping(items="alerts", description="list[*].[@,@,@][] | to_string(@)", identity="title")
    reading = _read(body, mapping)
    assert len(reading.signals) == 10_000
    assert {signal.fingerprint for signal in reading.signals} == {f"a{number}" for number in range(10_000)}
    assert "description: it takes too long on this body" in (reading.note or "")


class TestOwnWords:
    """The table of an integration."""

    @pytest.mark.parametrize(
        ("source", "body", "word"),
        [
            ("prometheus", {"alerts": [{"labels": {"alertname": "X", "severity": "banana"}}]}, "Banana"),
            ("zabbix", {"trigger": "X", "severity": "Warning", "status": "PROBLEM"}, "warning"),
            ("sentry", {"project_slug": "p", "culprit": "c", "level": "error", "event": {"event_id": "1"}}, "error"),
            ("generic", {"title": "X", "priority": 4}, "4"),
        ],
    )  # fmt: skip
    def test_they_go_before_what_a_source_knows(self, source: str, body: dict[str, Any], word: str) -> None:
        """Also for words that nobody knows, and for numbers, whose order differs from sender to sender."""
        content = json.dumps(body).encode()
        with using(Habits({word: Severity.INFO})):
            (signal,) = read(source, content, INBOUND).signals
        assert signal.severity is Severity.INFO
        (before,) = read(source, content, INBOUND).signals
        assert before.severity is not Severity.INFO

    def test_they_do_not_make_what_is_over_fire(self) -> None:
        """A word for a good state stays one, whatever the table says of how bad it is."""
        body = {
            "HOSTNAME": "web-1",
            "SERVICEDESC": "disk",
            "SERVICESTATE": "OK",
            "NOTIFICATIONTYPE": "RECOVERY",
        }
        with using(Habits({"ok": Severity.CRITICAL})):
            (signal,) = read("nagios", json.dumps(body).encode(), INBOUND).signals
        assert signal.status is SignalStatus.RESOLVED
