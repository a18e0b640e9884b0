"""Dynatrace's custom integration for problems, with the variables of its payload as names.

https://docs.dynatrace.com/docs/analyze-explore-automate/notifications-and-alerting/problem-notifications/webhook-integration
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import Fields, at, first, listed
from openalert.sources.source import Inbound, source_of

NAME = "dynatrace"

_SEVERITIES = {
    "availability": Severity.CRITICAL,
    "monitoring_unavailable": Severity.HIGH,
    "error": Severity.HIGH,
    "performance": Severity.MEDIUM,
    "resource_contention": Severity.MEDIUM,
    "resource": Severity.MEDIUM,
    "custom_alert": Severity.MEDIUM,
    "info": Severity.INFO,
}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    return ("ProblemID" in body or "PID" in body) and ("State" in body or "ProblemTitle" in body)


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    fields = Fields({name: value for name, value in body.items() if not _unfilled(value)})
    state = first(fields.get("state"), fields.get("problemstate"))
    status = words.status(state) or SignalStatus.FIRING
    if isinstance(state, str) and state.strip().upper() == "MERGED":
        status = SignalStatus.RESOLVED
    over = status is SignalStatus.RESOLVED
    entities = [
        name for each in listed(fields.get("impactedentities")) if (name := text.line(at(each, "name")))
    ]
    details = (
        fields.get("problemdetailstext"),
        fields.get("problemdetailsmarkdown"),
        fields.get("problemdetails"),
    )
    moment = first(
        at(fields.get("problemdetailsjson"), "startTime"), fields.get("starttime"), fields.get("timestamp")
    )
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None
        if over
        else words.level(_SEVERITIES, first(fields.get("problemseverity"), fields.get("severity"))),
        title=(fields.get("problemtitle"), fields.get("title"), fields.get("impactedentity")),
        key=identity.of(
            NAME, (first(fields.get("pid"), fields.get("problemid")),), (fields.get("problemtitle"),)
        ),
        description=details,
        labels=text.texts(fields.get("tags"))
        | {
            "problem": fields.get("problemid"),
            "impact": fields.get("problemimpact"),
            "entity": first(*entities, fields.get("impactedentity"), fields.get("impactedentitynames")),
        },
        annotations={"entities": ", ".join(entities[:10])},
        links=(("Source", first(fields.get("problemurl"), fields.get("url"))),),
        starts=None if over else moment,
    )


def _unfilled(value: Any) -> bool:
    """A variable without a value stays as it is, in braces."""
    return isinstance(value, str) and value.startswith("{") and value.endswith("}") and value[1:-1].isalpha()


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
