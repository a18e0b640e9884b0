"""What a hundred routing rules cost an alert that nobody has seen before, none of which applies."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from openalert.domain.counts import Counts
from openalert.domain.routing import RoutingRule, RuleBody, Subject
from openalert.domain.routing_check import check_body
from openalert.domain.routing_decide import RuleList
from openalert.domain.severity import Severity
from tests.bench.report import Figure, main

ALERTS = 2_000
ROUNDS = 5
AIM = 100.0


def measure() -> Sequence[Figure]:
    """Processor time of an alert asked about by a hundred rules of every kind, most of them about labels."""
    rules = RuleList([_rule(number) for number in range(100)])
    return [
        Figure(
            what="100 routing rules asked about an alert",
            value=min(_microseconds(rules) for _ in range(ROUNDS)),
            unit="µs",
            aim=AIM,
            is_time=True,
        )
    ]


def _microseconds(rules: RuleList) -> float:
    subjects = [_subject(number) for number in range(ALERTS)]
    begun = time.process_time()
    for subject in subjects:
        rules.decide(subject, Counts({}))
    return (time.process_time() - begun) / ALERTS * 1e6


def _subject(number: int) -> Subject:
    return Subject(
        source="prometheus",
        severity=Severity.HIGH,
        title=f"Disk space low on db-{number}",
        description=f"Only {number % 9} % are left on /var. " * 8,
        labels={"team": "core", "env": "prod", "instance": f"db-{number}", "alertname": "DiskSpaceLow"},
        tags=[],
        integration_id="integration",
        service_id="service",
        at=1_790_000_000_000 + number * 1_000,
    )


def _rule(number: int) -> RoutingRule:
    """Of ten: six compare a label, one fits an expression to one, one searches texts, one asks how bad, one when."""
    kinds: list[Any] = [
        *[{"type": "label", "name": "team", "value": f"team-{number}"}] * 6,
        {"type": "label", "name": "instance", "operator": "=~", "value": f"web-[0-9]+-{number}.*"},
        {"type": "text", "value": f"certificate {number}"},
        {"type": "severity", "values": ["low", "info"]},
        {
            "type": "time",
            "timezone": "Europe/Berlin",
            "windows": [{"days": [1], "fromTime": "01:00", "toTime": f"02:{number % 60:02d}"}],
        },
    ]
    said = {"condition": kinds[number % 10], "actions": {"severity": "low"}}
    return RoutingRule(
        id=f"{number}",
        organization_id="organization",
        team_id="team",
        name=f"Rule {number}",
        position=number + 1,
        body=check_body(msgspec.convert(said, RuleBody)),
        created_at=0,
        updated_at=0,
    )


if __name__ == "__main__":
    main(measure)
