"""Librato's and AppOptics' webhook: an alert, its conditions, and the sources that violate them.

https://www.librato.com/docs/kb/alert/ (webhooks); the end is the member `clear`.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.sources import identity, normal, text
from openalert.sources.fields import at, listed, within
from openalert.sources.source import Inbound, source_of

NAME = "librato"

_SHOWN = 10


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    return (
        type(body.get("alert")) is dict
        and "trigger_time" in body
        and ("clear" in body or "violations" in body)
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    alert, moment = within(body, "alert"), body.get("trigger_time")
    status = SignalStatus.RESOLVED if body.get("clear") else SignalStatus.FIRING
    violations = within(body, "violations")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None,
        title=(alert.get("name"), f"Alert {text.scalar(alert.get('id'))}"),
        key=identity.of(NAME, (alert.get("id"),), (alert.get("name"),)),
        description=(alert.get("description"), _violated(violations)),
        labels={"source": ", ".join(list(violations)[:_SHOWN]), "account": body.get("account")},
        annotations={"violations": _violated(violations), "cleared": body.get("clear")},
        links=(
            ("Runbook", alert.get("runbook_url")),
            (
                "Source",
                f"https://metrics.librato.com/alerts/{alert['id']}" if type(alert.get("id")) is int else None,
            ),
        ),
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=moment,
    )


def _violated(violations: dict[str, Any]) -> str:
    """A line for each metric of each source that is beyond its threshold."""
    lines = [
        f"{source}: {text.scalar(at(each, 'metric'))} is {text.scalar(at(each, 'value'))}"
        for source, many in list(violations.items())[:_SHOWN]
        for each in listed(many)[:_SHOWN]
    ]
    return "\n".join(lines)


SOURCE = source_of(NAME, _looks_like, _read)
