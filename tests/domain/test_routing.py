"""Routing rules: what they fit, what they do, in which order, and that none of them can stop an alert by failing."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openalert.domain.counts import Counts
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant, from_datetime
from openalert.domain.routing import Condition, RoutingRule, RuleBody, Subject, TextPlace
from openalert.domain.routing_check import check_body
from openalert.domain.routing_compile import compiled
from openalert.domain.routing_decide import Decision, RuleList
from openalert.domain.routing_explain import reasons
from openalert.domain.routing_words import done_words, sentence
from openalert.domain.severity import Severity

SATURDAY = from_datetime(datetime(2026, 11, 21, 22, 30, tzinfo=UTC))


def subject(**changes: Any) -> Subject:
    """An alert of Prometheus about a disk, on a Saturday night."""
    values: dict[str, Any] = {
        "source": "prometheus",
        "severity": Severity.HIGH,
        "title": "Disk space low on db-1",
        "description": "Only 3 % are left.\nClean up /var.",
        "labels": {"team": "core", "instance": "db-1", "env": "prod"},
        "tags": [],
        "integration_id": "alertmanager",
        "service_id": "database",
        "at": SATURDAY,
    }
    return Subject(**(values | changes))


def condition(said: object) -> Condition:
    """A condition from its JSON."""
    return check_body(msgspec.convert({"condition": said, "actions": {}}, RuleBody)).condition


def rule(name: str, said: object = None, /, position: int = 1, **members: Any) -> RoutingRule:
    """A rule of the team that was checked: `said` is its condition, everything else as in its JSON."""
    on, integration = members.pop("is_enabled", True), members.pop("integration_id", None)
    body = {"condition": said or {"type": "all"}, "actions": {}} | members
    return RoutingRule(
        id=name,
        organization_id="org",
        team_id="team",
        integration_id=integration,
        name=name,
        position=position,
        is_enabled=on,
        body=check_body(msgspec.convert(body, RuleBody)),
        created_at=0,
        updated_at=0,
    )


def decide(*rules: RoutingRule, about: Subject | None = None, counts: Counts | None = None) -> Decision:
    """What the rules make of an alert, in the order given."""
    for position, one in enumerate(rules, start=1):
        one.position = position
    return RuleList(rules).decide(about or subject(), counts or Counts({}))


def applied(decision: Decision) -> list[str]:
    """The names of the rules that applied."""
    return [done.rule_name for done in decision.done if done.actions is not None]


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ({"type": "all"}, True),
        ({"type": "source", "values": ["zabbix", "prometheus"]}, True),
        ({"type": "source", "values": ["zabbix"]}, False),
        ({"type": "severity", "values": ["high"]}, True),
        ({"type": "severity", "values": ["low", "info"]}, False),
        ({"type": "label", "name": "env", "value": "prod"}, True),
        ({"type": "label", "name": "env", "operator": "!=", "value": "prod"}, False),
        ({"type": "label", "name": "env", "operator": "=~", "value": "pro"}, False),
        ({"type": "label", "name": "instance", "operator": "=~", "value": "db-[0-9]+"}, True),
        ({"type": "label", "name": "instance", "operator": "!~", "value": "web-.*"}, True),
        ({"type": "label", "name": "missing", "value": ""}, True),
        ({"type": "text", "value": "DISK SPACE"}, True),
        ({"type": "text", "value": "/var"}, True),
        ({"type": "text", "place": "title", "value": "/var"}, False),
        ({"type": "text", "operator": "matches", "value": "on db-[12]$"}, True),
        ({"type": "text", "place": "description", "operator": "matches", "value": "^Disk"}, False),
        ({"type": "tag", "values": ["noise"]}, False),
        ({"type": "integration", "values": ["alertmanager"]}, True),
        ({"type": "service", "values": ["web"]}, False),
        ({"type": "not", "condition": {"type": "source", "values": ["zabbix"]}}, True),
        (
            {
                "type": "any",
                "conditions": [
                    {"type": "source", "values": ["zabbix"]},
                    {"type": "severity", "values": ["high"]},
                ],
            },
            True,
        ),
        (
            {
                "type": "all",
                "conditions": [
                    {"type": "source", "values": ["zabbix"]},
                    {"type": "severity", "values": ["high"]},
                ],
            },
            False,
        ),
    ],
)
def test_each_kind_of_condition_fits_what_it_says(said: object, fits: bool) -> None:
    """Every kind of condition tells an alert that it means from one that it does not."""
    assert compiled(condition(said))(subject()) is fits


@pytest.mark.parametrize(
    ("clock", "inside"),
    [
        ("2026-11-20T21:59", False),
        ("2026-11-20T22:00", True),
        ("2026-11-21T06:59", True),
        ("2026-11-21T07:00", False),
        ("2026-11-21T22:30", False),
    ],
)
def test_hours_of_the_week_are_those_of_the_zone_and_pass_midnight(clock: str, inside: bool) -> None:
    """Nights that begin on workdays: Friday's lasts into Saturday morning, Saturday's is none of them."""
    nights = condition(
        {
            "type": "time",
            "timezone": "Europe/Berlin",
            "windows": [{"days": [1, 2, 3, 4, 5], "fromTime": "22:00", "toTime": "07:00"}],
        }
    )
    at = from_datetime(datetime.fromisoformat(f"{clock}+01:00"))
    assert compiled(nights)(subject(at=at)) is inside


def test_dates_are_whole_days_of_the_zone() -> None:
    """From the first midnight to the last, by the clocks of the place."""
    said = {"type": "time", "timezone": "America/New_York", "fromDate": "2026-12-24", "toDate": "2026-12-26"}
    test = compiled(condition(said))

    def at(text: str) -> bool:
        return test(subject(at=from_datetime(datetime.fromisoformat(f"{text}-05:00"))))

    assert [
        at("2026-12-23T23:59"),
        at("2026-12-24T00:00"),
        at("2026-12-26T23:59"),
        at("2026-12-27T00:00"),
    ] == [
        False,
        True,
        True,
        False,
    ]


def test_later_rules_see_what_earlier_ones_have_made_of_it() -> None:
    """A tag, a severity and a service that one rule sets can be asked for by the next, and the last word counts."""
    decision = decide(
        rule("first", actions={"severity": "low", "tags": ["noise"], "serviceId": "web"}),
        rule("second", {"type": "severity", "values": ["low"]}, actions={"tags": ["late"]}),
        rule("third", {"type": "tag", "values": ["noise"]}, actions={"severity": "info"}),
        rule("fourth", {"type": "service", "values": ["web"]}, actions={"groupBy": ["label:env"]}),
        rule("never", {"type": "severity", "values": ["high"]}, actions={"drop": True}),
    )
    assert applied(decision) == ["first", "second", "third", "fourth"]
    assert (decision.severity, decision.service_id) == (Severity.INFO, "web")
    assert (decision.tags, decision.group) == (["noise", "late"], "label:env=prod")


def test_a_rule_that_stops_keeps_later_ones_from_being_asked() -> None:
    """An exception stands above the rule that it is an exception of."""
    decision = decide(
        rule("except production", {"type": "label", "name": "env", "value": "prod"}, stop=True),
        rule("quiet", actions={"suppress": {}}),
    )
    assert applied(decision) == ["except production"]
    assert decision.waiting == []


def test_rules_of_an_integration_come_first_and_concern_it_alone() -> None:
    """The rules of an integration come before those of its team, and other integrations never meet them."""
    rules = [
        rule("of the team", actions={"tags": ["team"]}),
        rule("of alertmanager", actions={"tags": ["own"]}, integration_id="alertmanager"),
        rule("of another", actions={"drop": True}, integration_id="zabbix"),
    ]
    decision = RuleList(rules).decide(subject(), Counts({}))
    assert applied(decision) == ["of alertmanager", "of the team"]
    assert decision.tags == ["own", "team"]


def test_a_rule_that_is_switched_off_does_nothing() -> None:
    """A rule can rest without being deleted."""
    assert decide(rule("off", actions={"drop": True}, is_enabled=False)).done == []


def test_holding_says_how_long() -> None:
    """Suppressed until it is resolved, for a time, or held for some minutes: each is a hold of its rule."""
    decision = decide(
        rule("for good", actions={"suppress": {}}),
        rule("a day", actions={"suppress": {"minutes": 1440}}),
        rule("flappers", actions={"delayMinutes": 5}),
    )
    assert [(one.rule_id, one.until) for one in decision.waiting] == [
        ("for good", None),
        ("a day", SATURDAY + DAY),
        ("flappers", SATURDAY + 5 * MINUTE),
    ]


def test_dropping_ends_the_list() -> None:
    """What makes no alert is asked about no further, and the rule is named."""
    decision = decide(rule("log only", actions={"drop": True}), rule("later", actions={"tags": ["x"]}))
    assert (decision.dropped_by, applied(decision)) == ("log only", ["log only"])


def counting(side: str = "reached", **more: Any) -> RoutingRule:
    """Three within ten minutes for each host."""
    threshold = {"count": 3, "minutes": 10, "by": ["label:instance"], "side": side}
    return rule("three", threshold=threshold, **({"actions": {"tags": ["often"]}} | more))


def asked(rules: RuleList, counts: Counts, minute: float, host: str = "db-1", **more: Any) -> list[str]:
    """Which rules apply to an alert of this host, so many minutes after the first."""
    at = SATURDAY + round(minute * MINUTE)
    return applied(rules.decide(subject(at=at, labels={"instance": host}, **more), counts))


def test_a_threshold_counts_what_fits_within_its_minutes_each_kind_by_itself() -> None:
    """The third within ten minutes reaches it; another host, or one that comes later, does not."""
    rules, counts = RuleList([counting()]), Counts({})
    assert [asked(rules, counts, minute) for minute in (0, 4)] == [[], []]
    assert asked(rules, counts, 5, "db-2") == []
    assert asked(rules, counts, 9.9) == ["three"]
    assert asked(rules, counts, 14.5) == []
    assert asked(rules, counts, 21) == []


def test_a_threshold_can_mean_those_before_it_is_reached() -> None:
    """“Wake only after three in ten minutes”: the first two are suppressed, the third is not."""
    rules, counts = RuleList([counting("below", actions={"suppress": {}})]), Counts({})
    assert [asked(rules, counts, minute) for minute in (0, 1, 2, 3)] == [["three"], ["three"], [], []]


def test_a_threshold_counts_only_what_its_condition_fits() -> None:
    """Alerts that the rule does not mean bring it no nearer."""
    rules = RuleList(
        [rule("three", {"type": "severity", "values": ["high"]}, threshold={"count": 2, "minutes": 10})]
    )
    counts = Counts({})
    assert asked(rules, counts, 0, severity=Severity.LOW) == []
    assert asked(rules, counts, 1) == []
    assert asked(rules, counts, 2) == ["three"]


def test_counts_go_on_where_they_were_stored() -> None:
    """After a restart the third is still the third, and no more times are kept than the threshold needs."""
    before = {("three", "label:instance=db-1"): [SATURDAY - 2 * MINUTE, SATURDAY - MINUTE]}
    counts = Counts(before)
    rules = RuleList([counting()])
    assert rules.keys(subject()) == [("three", "label:instance=db-1")]
    assert asked(rules, counts, 0) == ["three"]
    assert asked(rules, counts, 1) == ["three"]
    assert counts.changed == {
        ("three", "label:instance=db-1"): [SATURDAY - MINUTE, SATURDAY, SATURDAY + MINUTE]
    }


def test_a_rule_that_fails_is_passed_over_and_named() -> None:
    """Whatever goes wrong inside a rule, the alert goes on, other rules are asked, and it is said."""
    broken = rule("broken", actions={"drop": True})
    broken.body = msgspec.structs.replace(
        broken.body, condition=msgspec.convert({"type": "time", "timezone": "No/Where"}, Condition)
    )
    rules = [broken, rule("sound", actions={"tags": ["seen"]}, position=2)]
    failing = subject(labels=None)  # a subject that no label can be read from

    decision = RuleList(rules).decide(subject(), Counts({}))
    assert [(done.rule_name, done.actions is None) for done in decision.done] == [
        ("broken", True),
        ("sound", False),
    ]
    assert decision.dropped_by is None

    by_label = rule("by label", {"type": "label", "name": "env", "value": "prod"}, actions={"drop": True})
    decision = RuleList([by_label]).decide(failing, Counts({}))
    assert (decision.dropped_by, decision.done[0].actions) == (None, None)
    assert done_words(decision.done[0], {}) == "Rule “by label” failed and was passed over."


def label(value: str, name: str = "a") -> dict[str, Any]:
    """A rule about a label that fits a regular expression."""
    return {"condition": {"type": "label", "name": name, "operator": "=~", "value": value}}


def text(pattern: str) -> dict[str, Any]:
    """A rule about a text that fits a regular expression."""
    return {"condition": {"type": "text", "operator": "matches", "value": pattern}}


def time(**members: Any) -> dict[str, Any]:
    """A rule about a time."""
    return {"condition": {"type": "time", "timezone": "UTC"} | members}


def both(*some: Any) -> dict[str, Any]:
    """A rule about several things at once."""
    return {"condition": {"type": "all", "conditions": some}}


def opposite(one: Any) -> dict[str, Any]:
    """What is not so."""
    return {"type": "not", "condition": one}


TAGGED = {"type": "tag", "values": ["a"]}
TOO_DEEP = both(opposite(opposite(opposite(TAGGED))))
DEEP = "condition.conditions[0].condition.condition.condition"


@pytest.mark.parametrize(
    ("said", "field", "words"),
    [
        ({"condition": {"type": "any", "conditions": []}}, "condition.conditions", "at least one"),
        ({"condition": {"type": "source", "values": []}}, "condition.values", "1 to 100"),
        (label("("), "condition.value", "missing )"),
        (label("x", name=""), "condition.name", "1 to 200"),
        (label("x", name="__title__"), "condition.name", "no label"),
        (label("\0"), "condition.value", "NUL"),
        (text("(?=x)"), "condition.value", "(?="),
        (text("a{1000}{1000}"), "condition.value", "repetition"),
        (time(timezone="Mars/Base", fromDate="2026-01-01"), "condition.timezone", "IANA"),
        (time(), "condition", "hours of the week"),
        (time(fromDate="24.12."), "condition.fromDate", "2026-12-24"),
        (time(fromDate="2026-12-24", toDate="2026-12-23"), "condition.toDate", "before"),
        (TOO_DEEP, DEEP, "4 deep"),
        (both(*[TAGGED] * 50), "condition", "50 conditions"),
        ({"threshold": {"count": 1, "minutes": 5}}, "threshold.count", "2 to 100"),
        ({"threshold": {"count": 3, "minutes": 0}}, "threshold.minutes", "more than 0"),
        ({"threshold": {"count": 3, "minutes": 5, "by": ["host"]}}, "threshold.by", "label:NAME"),
        ({"actions": {"tags": ["a,b"]}}, "actions.tags", "no comma"),
        ({"actions": {"delayMinutes": 99999}}, "actions.delayMinutes", "1440"),
        ({"actions": {"suppress": {"minutes": -1}}}, "actions.suppress.minutes", "more than 0"),
        ({"actions": {"drop": True, "severity": "low"}}, "actions.drop", "leaves no alert"),
        ({"actions": {"priority": "P1", "severity": "low"}}, "actions.priority", "P1 is severity critical"),
        ({"actions": {"groupBy": ["label:"]}}, "actions.groupBy", "1 to 200"),
    ],
)  # fmt: skip
def test_a_mistake_is_found_when_the_rule_is_saved(said: Any, field: str, words: str) -> None:
    """Every mistake names its member in words that lead to mending it, the regular expressions in those of RE2."""
    with pytest.raises(Invalid) as refused:
        check_body(msgspec.convert({"actions": {}} | said, RuleBody))
    assert refused.value.details["field"] == field
    assert words in refused.value.message


def test_a_priority_is_another_word_for_a_severity() -> None:
    """P1 to P5 are the five severities, so that one scale orders what people see."""
    assert rule("p", actions={"priority": "P2"}).body.actions.severity is Severity.HIGH


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text(), max_size=4))
def test_no_text_of_an_alert_can_make_a_rule_fail(title: str, value: str, labels: dict[str, str]) -> None:
    """Whatever sources send, half of a surrogate pair among it, every kind of condition has an answer."""
    about = subject(title=title, description=value, labels=labels | {"env": value})
    rules = [
        rule(f"{position}", said)
        for position, said in enumerate(
            [
                {"type": "text", "operator": "matches", "value": "(a|b)+.*c"},
                {"type": "text", "value": "x"},
                {"type": "label", "name": "env", "operator": "!~", "value": "(a+)+$"},
            ]
        )
    ]
    assert all(done.actions is not None for done in RuleList(rules).decide(about, Counts({})).done)


def test_a_rule_reads_like_a_sentence() -> None:
    """What people see of a rule are words, its services by name, those that they may not see without one."""
    body = rule(
        "night",
        {
            "type": "all",
            "conditions": [
                {"type": "severity", "values": ["low", "info"]},
                {"type": "any", "conditions": [
                    {"type": "service", "values": ["database", "hidden"]},
                    {"type": "not", "condition": {"type": "text", "place": TextPlace.TITLE, "value": "disk"}},
                ]},
                {"type": "time", "timezone": "Europe/Berlin", "windows": [
                    {"days": [1, 2, 3, 4, 5], "fromTime": "22:00", "toTime": "07:00"}]},
            ],
        },
        threshold={"count": 3, "minutes": 10, "by": ["label:host"], "side": "below"},
        actions={"suppress": {}, "tags": ["night"]},
        stop=True,
    ).body  # fmt: skip
    assert sentence(body, {"database": "Database"}) == (
        "When severity is low or info, and (service is Database or one that you do not see, or "
        "not (the title contains “disk”)), and it comes Mon to Fri 22:00 to 07:00 (Europe/Berlin), and there are "
        "fewer than 3 of them within 10 min with the same label host: tag night, suppress until it is resolved, "
        "ask no later rule."
    )
    assert sentence(rule("all").body, {}) == "Always: only count it."


def test_each_condition_says_whether_it_held_and_what_the_alert_has() -> None:
    """Whoever wonders why a rule did not apply finds the one condition that did not hold."""
    said = {
        "type": "all",
        "conditions": [
            {"type": "severity", "values": ["low"]},
            {"type": "not", "condition": {"type": "label", "name": "env", "value": "test"}},
        ],
    }
    found = reasons(rule("r", said).body, subject(), {})
    assert [(one.words, one.holds, one.depth, one.has) for one in found] == [
        ("severity is low", False, 0, "high"),
        ("not so", True, 0, ""),
        ("label env is “test”", False, 1, "prod"),
    ]


def test_every_hour_of_a_week_is_told_apart() -> None:
    """Hours that wrap around the week's end are inside on both sides of it."""
    said = {
        "type": "time",
        "timezone": "UTC",
        "windows": [{"days": [6], "fromTime": "20:00", "toTime": "04:00"}],
    }
    test = compiled(condition(said))
    sunday: Instant = from_datetime(datetime(2026, 11, 22, tzinfo=UTC))
    inside = [hour for hour in range(-6, 8) if test(subject(at=sunday + hour * HOUR))]
    assert inside == [-4, -3, -2, -1, 0, 1, 2, 3]
