"""Checkly's webhook channel, with the body its editor proposes.

https://www.checklyhq.com/docs/alerting-and-retries/webhooks/ names the types of alerts.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import Fields, first
from openalert.sources.source import Inbound, source_of

NAME = "checkly"

_SEVERITIES = {
    "ALERT_FAILURE": Severity.CRITICAL,
    "ALERT_FAILURE_REMAIN": Severity.CRITICAL,
    "ALERT_FAILURE_DEGRADED": Severity.CRITICAL,
    "ALERT_DEGRADED": Severity.HIGH,
    "ALERT_DEGRADED_REMAIN": Severity.HIGH,
    "ALERT_DEGRADED_FAILURE": Severity.CRITICAL,
    "ALERT_SSL": Severity.MEDIUM,
}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    kind = body.get("alert_type", body.get("ALERT_TYPE"))
    return (
        isinstance(kind, str) and kind.startswith("ALERT_") and ("check_id" in body or "check_name" in body)
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    """A degraded check and a failing one are the same alert, which rises; its certificate is another."""
    fields = Fields(body)
    kind = text.line(fields.get("alerttype")).upper()
    status = SignalStatus.RESOLVED if "RECOVERY" in kind else SignalStatus.FIRING
    name, moment = fields.get("checkname"), fields.get("startedat")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if status is SignalStatus.RESOLVED else words.level(_SEVERITIES, kind) or Severity.HIGH,
        title=(first(fields.get("event"), fields.get("alerttitle")), name),
        key=identity.of(
            NAME, (first(fields.get("checkid"), name), "certificate" if kind == "ALERT_SSL" else "")
        ),
        description=(fields.get("checkerrormessage"), fields.get("checkresulterrormessage")),
        labels={
            "check": name,
            "type": fields.get("checktype"),
            "group": fields.get("groupname"),
            "location": fields.get("runlocation"),
        }
        | text.texts(fields.get("tags")),
        annotations={
            "response_time": fields.get("responsetime"),
            "status_code": fields.get("apicheckresponsestatuscode"),
            "days_left": fields.get("ssldaysremaining"),
        },
        links=(("Source", first(fields.get("link"), fields.get("resultlink"))),),
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=moment,
    )


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
