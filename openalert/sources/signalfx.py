"""Splunk Observability Cloud, once SignalFx: a detector's rule and what it noticed.

https://docs.splunk.com/observability/en/admin/notif-services/webhook.html
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, within
from openalert.sources.source import Inbound, source_of

NAME = "signalfx"

_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "major": Severity.HIGH,
    "warning": Severity.HIGH,
    "minor": Severity.MEDIUM,
    "info": Severity.INFO,
}
_STATES = {
    "anomalous": SignalStatus.FIRING,
    "ok": SignalStatus.RESOLVED,
    "manually_resolved": SignalStatus.RESOLVED,
    "stopped": SignalStatus.RESOLVED,
}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    return "incidentId" in body and (
        "detectorUrl" in body or "detectorId" in body or "statusExtended" in body
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    """Parts of the body may sit in `inputs`, where a template has put them."""
    inner = within(body, "inputs")

    def said(name: str) -> Any:
        return first(body.get(name), inner.get(name))

    status = (
        words.look_up(_STATES, said("statusExtended")) or words.status(said("status")) or SignalStatus.FIRING
    )
    over = status is SignalStatus.RESOLVED
    detector, rule = said("detector"), said("rule")
    dimensions = text.texts(first(body.get("dimensions")) or body.get("dimensions") or body.get("dimension"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if over else words.level(_SEVERITIES, said("severity")),
        title=(
            said("messageTitle"),
            rule and (f"{rule} ({detector})" if detector else rule),
            said("description"),
            detector,
        ),
        key=identity.of(NAME, (said("incidentId"),), (first(said("detectorId"), detector), rule or "")),
        group=identity.of(NAME, (first(said("detectorId"), detector), rule or "")),
        description=(said("messageBody"), said("description")),
        labels=dimensions | {"detector": detector, "rule": rule, "metric": said("originatingMetric")},
        annotations={
            "condition": said("detectOnCondition"),
            "tip": said("tip"),
            "value": at(inner, "A", "value"),
        },
        links=(("Source", said("detectorUrl")), ("Runbook", said("runbookUrl")), ("Image", said("imageUrl"))),
        starts=None if over else said("timestamp"),
        ends=said("timestamp"),
    )


SOURCE = source_of(NAME, _looks_like, _read)
