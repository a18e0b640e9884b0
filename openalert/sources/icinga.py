"""Icinga 2: notification scripts, and the events of its stream API.

https://icinga.com/docs/icinga-2/latest/doc/09-object-types/#notificationcommand and …/doc/12-icinga2-api/#event-streams
"""

from typing import Any

from openalert.domain.alert import Signal
from openalert.sources.fields import at, within
from openalert.sources.hosts_and_services import reader
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "icinga"

_EVENTS = ("StateChange", "Notification", "CheckResult")
_read_notification = reader(NAME)


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if body.get("type") in _EVENTS and "host" in body and "check_result" in body:
        return True
    if any(name.startswith("ICINGA_") for name in body):
        return True
    return any(name in body for name in ("icinga_web_path", "icingaweb_url", "icinga2_host"))


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    """An event of the stream has its state as a number, and the output in its check result."""
    result = within(body, "check_result")
    if not result:
        return _read_notification(body, inbound)
    state = at(body, "state") if body.get("state") is not None else result.get("state")
    members = {
        "host": body.get("host"),
        "service": body.get("service"),
        "notification_type": body.get("notification_type"),
        "state_id": state,
        "output": result.get("output"),
        "timestamp": body.get("timestamp"),
        "comment": body.get("text"),
        "author": body.get("author"),
    }
    return _read_notification({name: value for name, value in members.items() if value is not None}, inbound)


SOURCE = source_of(NAME, _looks_like, _read, templated=True)
