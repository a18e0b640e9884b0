"""Rollbar's webhooks: what happened to an item, an occurrence of it, or a deploy.

https://docs.rollbar.com/docs/webhooks
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "rollbar"

_LEVELS = {
    "50": Severity.CRITICAL,
    "40": Severity.HIGH,
    "30": Severity.MEDIUM,
    "20": Severity.INFO,
    "10": Severity.INFO,
    "critical": Severity.CRITICAL,
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "info": Severity.INFO,
    "debug": Severity.INFO,
}
_SILENT = {"deploy", "test"}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    data = body.get("data")
    return (
        isinstance(body.get("event_name"), str)
        and type(data) is dict
        and ("item" in data or "occurrence" in data or body["event_name"] in _SILENT)
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    event = text.line(body.get("event_name")).lower()
    if event in _SILENT:
        return Nothing(f'Rollbar tells of a "{event}": nothing to do.')
    data = within(body, "data")
    item, last = within(data, "item"), within(data, "occurrence") or within(data, "item", "last_occurrence")
    over = event == "resolved_item"
    moment = first(item.get("last_occurrence_timestamp"), last.get("timestamp"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.RESOLVED if over else SignalStatus.FIRING,
        severity=None
        if over
        else words.level(_LEVELS, item.get("level")) or words.level(_LEVELS, last.get("level")),
        title=(
            item.get("title"),
            at(last, "body", "message", "body"),
            at(last, "body", "trace", "exception", "message"),
        ),
        key=identity.of(NAME, (item.get("id"),), (item.get("hash"),), (item.get("title"),)),
        description=(
            at(last, "body", "message", "body"),
            at(last, "body", "trace", "exception", "description"),
        ),
        labels={
            "environment": first(item.get("environment"), last.get("environment")),
            "project": first(at(item, "project", "name"), item.get("project_id")),
            "host": at(last, "server", "host"),
            "language": last.get("language"),
        },
        annotations={
            "event": event,
            "occurrences": item.get("total_occurrences"),
            "counter": item.get("counter"),
            "context": last.get("context"),
        },
        links=(("Source", first(data.get("url"), item.get("url"))),),
        starts=None if over else moment,
    )


SOURCE = source_of(NAME, _looks_like, _read)
