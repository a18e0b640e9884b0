"""Kapacitor's HTTP post alert handler.

https://docs.influxdata.com/kapacitor/v1/reference/event_handlers/post/
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, listed
from openalert.sources.source import Inbound, source_of

NAME = "kapacitor"

_LEVELS = {"critical": Severity.CRITICAL, "warning": Severity.HIGH, "info": Severity.INFO}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    return "level" in body and "previousLevel" in body


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    level = text.line(body.get("level")).lower()
    over = level == "ok"
    series = (listed(at(body, "data", "series")) or [{}])[0]
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=None if over else words.level(_LEVELS, level) or words.severity(level),
        title=(body.get("message"), body.get("id"), at(series, "name")),
        key=identity.of(NAME, (body.get("id"),)),
        description=body.get("details"),
        labels=text.texts(at(series, "tags")) | {"series": at(series, "name"), "alert": body.get("id")},
        annotations={
            "previous_level": body.get("previousLevel"),
            "duration_ns": body.get("duration"),
            "values": (at(series, "values") or [None])[0] if type(at(series, "values")) is list else None,
        },
        starts=None if over else body.get("time"),
        ends=body.get("time"),
    )


SOURCE = source_of(NAME, _looks_like, _read)
