"""Checkmk: its notification scripts' variables as JSON.

https://docs.checkmk.com/latest/en/notifications.html#scripts; notifications are those of `hosts_and_services`.
"""

from typing import Any

from openalert.sources.hosts_and_services import reader
from openalert.sources.source import Inbound, source_of

NAME = "checkmk"


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    if "NOTIFY_WHAT" in body or "OMD_SITE" in body or "NOTIFY_OMD_SITE" in body:
        return True
    kind = "notification_type" in body or "NOTIFICATIONTYPE" in body
    return kind and (("what" in body and "host" in body) or ("WHAT" in body and "HOSTNAME" in body))


SOURCE = source_of(NAME, _looks_like, reader(NAME), templated=True)
