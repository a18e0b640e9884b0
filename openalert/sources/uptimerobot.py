"""UptimeRobot's webhook alert contact: the variables of a monitor as JSON, as a form, or in the address.

https://uptimerobot.com/help/webhooks/; people choose the names, which are most often those of the variables.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, words
from openalert.sources.fields import Fields, first
from openalert.sources.source import Inbound, source_of

NAME = "uptimerobot"

_TYPES = {
    "1": (SignalStatus.FIRING, Severity.CRITICAL),
    "down": (SignalStatus.FIRING, Severity.CRITICAL),
    "2": (SignalStatus.RESOLVED, None),
    "up": (SignalStatus.RESOLVED, None),
    "3": (SignalStatus.FIRING, Severity.MEDIUM),
    "ssl_expiry": (SignalStatus.FIRING, Severity.MEDIUM),
    "4": (SignalStatus.FIRING, Severity.MEDIUM),
    "domain_expiry": (SignalStatus.FIRING, Severity.MEDIUM),
}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if "alertTypeFriendlyName" in body or "alert_type_friendly_name" in body:
        return True
    return ("monitorFriendlyName" in body or "monitor_friendly_name" in body) and (
        "alertType" in body or "alert_type" in body
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    """The expiry of a certificate or a domain is another alert than the monitor's being down, and has no end."""
    fields = Fields(body)
    kind, word = fields.get("alerttype"), first(fields.get("alerttypefriendlyname"), fields.get("status"))
    found = words.look_up(_TYPES, kind) or words.look_up(_TYPES, word)
    status, severity = found or (words.status(word) or SignalStatus.FIRING, Severity.CRITICAL)
    name = first(fields.get("monitorfriendlyname"), fields.get("monitorname"), fields.get("name"))
    address = first(fields.get("monitorurl"), fields.get("url"))
    expiry = "expiry" if severity is Severity.MEDIUM else ""
    what = f"{name} is {'up' if severity is None else 'down'}" if name and not expiry else name
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if status is SignalStatus.RESOLVED else words.own_level(word) or severity,
        title=(f"{name}: {word}" if expiry and name and word else what, address, fields.get("alertdetails")),
        key=identity.of(
            NAME, (fields.get("monitorid"), expiry), (address, name or "", expiry), (name, "", expiry)
        ),
        description=(fields.get("alertdetails"), fields.get("message")),
        labels={"monitor": name, "url": address, "group": fields.get("monitorgroup")},
        annotations={
            "duration": fields.get("alertfriendlyduration"),
            "contacts": fields.get("monitoralertcontacts"),
            "days_left": fields.get("sslexpirydaysleft"),
        },
        links=(("Monitored", address),),
        starts=None if status is SignalStatus.RESOLVED else fields.get("alertdatetime"),
        ends=fields.get("alertdatetime"),
    )


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
