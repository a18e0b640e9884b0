"""Uptime Kuma's webhook: a monitor, its last heartbeat, and a line for people.

https://github.com/louislam/uptime-kuma (server/notification-providers/webhook.js). Monitor and heartbeat are null in
the test of the connection and in warnings of certificates that will expire.
"""

import re
from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import first, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "uptimekuma"

_STATUSES = {
    "0": (SignalStatus.FIRING, Severity.CRITICAL),
    "1": (SignalStatus.RESOLVED, None),
    "2": (SignalStatus.FIRING, Severity.HIGH),
    "down": (SignalStatus.FIRING, Severity.CRITICAL),
    "up": (SignalStatus.RESOLVED, None),
}
_MAINTENANCE = "3"
_NUMBER = re.compile(r"\d+")


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    return "heartbeat" in body and "monitor" in body and "msg" in body


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    beat, monitor, said = within(body, "heartbeat"), within(body, "monitor"), body.get("msg")
    if not beat and not monitor:
        return _notice(text.line(said), inbound)
    state = text.scalar(beat.get("status"))
    if state == _MAINTENANCE:
        return Nothing("Uptime Kuma has the monitor in maintenance: nothing to do.")
    status, severity = words.look_up(_STATUSES, state) or (SignalStatus.FIRING, Severity.CRITICAL)
    name, address = first(monitor.get("pathName"), monitor.get("name")), monitor.get("url")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=words.own_level(state) or severity,
        title=(name and f"{name} is {'up' if severity is None else 'down'}", said, address),
        key=identity.of(NAME, (first(monitor.get("id"), beat.get("monitorID")),), (name,)),
        description=(beat.get("msg"), said),
        labels=text.texts(monitor.get("tags"))
        | {"monitor": monitor.get("name"), "type": monitor.get("type"), "host": monitor.get("hostname")},
        annotations={"url": address, "ping": beat.get("ping"), "note": monitor.get("description")},
        links=(("Monitored", address),),
        starts=None if status is SignalStatus.RESOLVED else beat.get("time"),
        ends=beat.get("time"),
    )


def _notice(said: str, inbound: Inbound) -> Signal | Nothing:
    """A test ends with "Testing"; anything else is about a certificate or a domain, and counts days."""
    if not said or said.endswith("Testing"):
        return Nothing("Uptime Kuma tests the connection: it works.")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.FIRING,
        severity=Severity.HIGH,
        title=said,
        key=identity.digest(NAME, _NUMBER.sub("", said)),
    )


SOURCE = source_of(NAME, _looks_like, _read)
