"""Nagios and Naemon: the macros of a notification, as a script posts them.

https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/macrolist.html
"""

from typing import Any

from openalert.sources.hosts_and_services import reader
from openalert.sources.source import Inbound, source_of

NAME = "nagios"

_TYPES = ("NOTIFICATIONTYPE", "notification_type", "notificationtype", "NAGIOS_NOTIFICATIONTYPE")
_STATES = ("SERVICESTATE", "HOSTSTATE", "service_state", "host_state", "servicestate", "hoststate")


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if any(name.startswith("NAGIOS_") for name in body):
        return True
    states = any(name in body for name in _STATES)
    return states and (any(name in body for name in _TYPES) or "host_name" in body or "HOSTNAME" in body)


SOURCE = source_of(NAME, _looks_like, reader(NAME), templated=True)
