"""Site24x7's webhook: names in capitals, or the form fields of the same names.

https://www.site24x7.com/help/admin/third-party-integration/webhooks.html
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import Fields, first
from openalert.sources.source import Inbound, source_of

NAME = "site24x7"

_SEVERITIES = {"down": Severity.CRITICAL, "critical": Severity.HIGH, "trouble": Severity.MEDIUM}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    return "MONITORNAME" in body and "STATUS" in body


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    fields = Fields(body)
    state = text.line(fields.get("status")).lower()
    status = words.status(state) or SignalStatus.FIRING
    name, address = fields.get("monitorname"), fields.get("monitorurl")
    moment = first(
        fields.get("outagetimeunixformat"),
        fields.get("incidenttimeiso"),
        fields.get("ct"),
        fields.get("uptimeunixformat"),
    )
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None
        if status is SignalStatus.RESOLVED
        else words.level(_SEVERITIES, state) or Severity.CRITICAL,
        title=(name and f"{name} is {state}" if state else name, fields.get("subject"), address),
        key=identity.of(NAME, (fields.get("monitorid"),), (name, address or "")),
        description=(fields.get("incidentreason"), fields.get("reason"), fields.get("message")),
        labels={
            "monitor": name,
            "type": fields.get("monitortype"),
            "group": fields.get("monitorgroupname"),
            "url": address,
        }
        | text.texts(fields.get("tags")),
        annotations={
            "failed_locations": fields.get("failedlocations"),
            "details": fields.get("incidentdetails"),
        },
        links=(
            ("Source", fields.get("monitordashboardlink")),
            ("Cause", fields.get("rcalink")),
            ("Monitored", address),
        ),
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=fields.get("uptimeunixformat"),
    )


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
