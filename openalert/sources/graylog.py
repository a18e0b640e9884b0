"""Graylog's HTTP notifications: events of version 3.1 and later, and stream alerts before.

https://go2docs.graylog.org/current/interacting_with_your_log_data/notifications.html. There is no end. Its priority
counts up: 1 low, 2 normal, 3 high, 4 critical.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.severity import Severity
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, listed, within
from openalert.sources.source import Inbound, Nothing, source_of

NAME = "graylog"

_PRIORITIES = {
    "1": Severity.LOW,
    "2": Severity.MEDIUM,
    "3": Severity.HIGH,
    "4": Severity.CRITICAL,
}


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    return (
        "event_definition_id" in body
        or at(body, "check_result", "triggered_condition") is not None
        or ("check_result" in body and type(body.get("stream")) is dict)
    )


def _read(body: dict[str, Any], inbound: Inbound) -> Signal | Nothing:
    if "event_definition_id" not in body:
        return _stream_alert(body, inbound)
    event = within(body, "event")
    name = first(body.get("event_definition_title"), event.get("message"))
    backlog = [text.line(at(each, "message")) for each in listed(body.get("backlog"))[:10]]
    if text.scalar(body["event_definition_id"]) == "NotificationTestId":
        return Nothing("Graylog tests the notification: it works.")
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.FIRING,
        severity=words.level(_PRIORITIES, event.get("priority")),
        title=(event.get("message"), name, body.get("event_definition_description")),
        key=identity.of(
            NAME, (body.get("event_definition_id"), event.get("key") or ""), (name, event.get("key") or "")
        ),
        group=identity.of(NAME, (body.get("event_definition_id"),)),
        description=("\n".join(filter(None, backlog)), body.get("event_definition_description")),
        labels=text.texts(event.get("group_by_fields"))
        | {
            "event": name,
            "source": event.get("source"),
            "key": event.get("key"),
        },
        annotations=text.texts(event.get("fields")) | {"query": at(event, "replay_info", "query")},
        starts=event.get("timestamp"),
    )


def _stream_alert(body: dict[str, Any], inbound: Inbound) -> Signal:
    result, stream = within(body, "check_result"), within(body, "stream")
    condition = within(result, "triggered_condition")
    messages = [text.line(at(each, "message")) for each in listed(result.get("matching_messages"))[:10]]
    title = first(condition.get("title"), stream.get("title"))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=SignalStatus.FIRING if result.get("triggered") is not False else SignalStatus.RESOLVED,
        severity=None,
        title=(
            title and f"{title}: {first(result.get('result_description'), '')}".rstrip(": "),
            result.get("result_description"),
        ),
        key=identity.of(NAME, (stream.get("id"), condition.get("id") or ""), (title,)),
        group=identity.of(NAME, (stream.get("id"),)),
        description=("\n".join(filter(None, messages)), result.get("result_description")),
        labels={
            "stream": stream.get("title"),
            "condition": first(condition.get("title"), condition.get("type")),
        },
        annotations={
            "description": result.get("result_description"),
            "parameters": condition.get("description"),
        },
        links=(("Source", body.get("stream_url")),),
        starts=result.get("triggered_at"),
    )


SOURCE = source_of(NAME, _looks_like, _read)
