"""Dash0's webhook: an issue that a check rule raised.

https://www.dash0.com/documentation/dash0/alerting/notifications; labels are OpenTelemetry's pairs.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, listed, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "dash0"

_STATES = {"critical": Severity.CRITICAL, "failed": Severity.CRITICAL, "degraded": Severity.HIGH}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    kind = body.get("type")
    if not isinstance(kind, str) or type(body.get("data")) is not dict:
        return False
    return (kind == "test" and body.keys() == {"type", "data"}) or (
        kind.startswith("alert.") and type(body["data"].get("issue")) is dict
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    kind, issue = text.line(body.get("type")), within(body, "data", "issue")
    if kind == "test":
        return Nothing("Dash0 tests the connection: it works.")
    state = first(issue.get("status"), kind.rpartition(".")[2])
    status = words.status(state) or SignalStatus.FIRING
    rule = (listed(issue.get("checkrules")) or [{}])[0]
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None
        if status is SignalStatus.RESOLVED
        else words.level(_STATES, state) or words.severity(first(issue.get("severity"), state)),
        title=(issue.get("summary"), at(rule, "name"), issue.get("description")),
        key=identity.of(NAME, (first(issue.get("issueIdentifier"), issue.get("id")),), (at(rule, "id"),)),
        group=identity.of(NAME, (at(rule, "id"),)),
        description=(issue.get("description"), at(rule, "description")),
        labels=text.texts(issue.get("labels")) | {"rule": at(rule, "name"), "dataset": issue.get("dataset")},
        annotations=text.texts(issue.get("annotations")) | {"expression": at(rule, "expression")},
        links=(("Source", issue.get("url")), ("Rule", at(rule, "url"))),
        starts=issue.get("start"),
        ends=issue.get("end"),
    )


SOURCE = source_of(NAME, _looks_like, _read)
