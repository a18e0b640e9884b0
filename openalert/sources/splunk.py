"""Splunk's webhook alert action: a saved search and the first of its results.

https://docs.splunk.com/Documentation/Splunk/latest/Alert/Webhooks. A search has no end: set when alerts close by
themselves, or resolve them by hand.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import first, within
from openalert.sources.source import Inbound, source_of

NAME = "splunk"

_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "informational": Severity.INFO,
    "1": Severity.INFO,
    "2": Severity.LOW,
    "3": Severity.MEDIUM,
    "4": Severity.HIGH,
    "5": Severity.CRITICAL,
    "6": Severity.CRITICAL,
}
"""`alert.severity` of saved searches: 1 debug … 6 fatal."""


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if "sid" in body and ("search_name" in body or "results_link" in body or "owner" in body):
        return True
    return "search_name" in body and ("result" in body or "results_link" in body)


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    result, name = within(body, "result"), body.get("search_name")
    raw = first(result.get("_raw"), result.get("message"), body.get("message"))
    said = first(
        result.get("urgency"), result.get("severity"), body.get("severity"), result.get("alert_severity")
    )
    host = result.get("host")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.FIRING,
        severity=words.level(_SEVERITIES, said) or words.severity(said),
        title=(name, text.line(raw), body.get("app")),
        key=identity.of(NAME, (name, body.get("app") or ""), (body.get("app"), host or "")),
        description=(raw,),
        labels={
            "search": name,
            "app": body.get("app"),
            "host": host,
            "source": result.get("source"),
            "sourcetype": first(result.get("sourcetype"), result.get("_sourcetype")),
            "index": result.get("index"),
            "owner": body.get("owner"),
        },
        annotations={key: value for key, value in result.items() if not key.startswith(("_", "date_"))},
        links=(("Source", body.get("results_link")),),
    )


SOURCE = source_of(NAME, _looks_like, _read)
