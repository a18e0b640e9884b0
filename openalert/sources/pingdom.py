"""Pingdom's webhook: a check and the state it went to.

https://www.pingdom.com/resources/webhooks/; every type of check has the same members, and a transaction check steps.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import first, within
from openalert.sources.source import Inbound, source_of

NAME = "pingdom"

_GOOD = {"up", "success", "ok"}
_IMPORTANCE = {"high": Severity.CRITICAL, "low": Severity.MEDIUM}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    return "check_id" in body and "current_state" in body and ("check_params" in body or "check_name" in body)


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    state = text.line(body.get("current_state")).lower()
    status = SignalStatus.RESOLVED if state in _GOOD else SignalStatus.FIRING
    check, name = within(body, "check_params"), body.get("check_name")
    moment = first(body.get("state_changed_timestamp"), body.get("state_changed_utc_time"))
    address = first(check.get("full_url"), check.get("url"), check.get("hostname"))
    probe = within(body, "first_probe")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None
        if status is SignalStatus.RESOLVED
        else words.level(_IMPORTANCE, body.get("importance_level")) or Severity.CRITICAL,
        title=(name and f"{name} is {state or 'down'}", address, body.get("description")),
        key=identity.of(NAME, (body.get("check_id"),), (name, check.get("hostname"))),
        description=(body.get("long_description"), body.get("description")),
        labels={"check": name, "type": body.get("check_type"), "host": check.get("hostname")}
        | text.texts(body.get("tags")),
        annotations={
            "error": body.get("description"),
            "seen_from": probe.get("location"),
            "message": body.get("custom_message"),
        },
        links=(("Monitored", address), ("Source", _report(body.get("check_id")))),
        starts=None if status is SignalStatus.RESOLVED else moment,
        ends=moment,
    )


def _report(check_id: Any) -> str | None:
    return f"https://my.pingdom.com/app/reports/uptime#check={check_id}" if type(check_id) is int else None


SOURCE = source_of(NAME, _looks_like, _read)
