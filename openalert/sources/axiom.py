"""Axiom's custom webhook notifier, with the body it proposes.

https://axiom.co/docs/monitor-data/custom-webhook-notifier
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, texts_of, within
from openalert.sources.source import Inbound, source_of

NAME = "axiom"


def _looks_like(body: dict[str, Any], _inbound: Inbound) -> bool:
    event = body.get("event")
    return type(event) is dict and "monitorID" in event and "action" in body


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    event = within(body, "event")
    status = words.status(body.get("action")) or SignalStatus.FIRING
    over = status is SignalStatus.RESOLVED
    title = text.line(event.get("title"))
    mark, colon, name = title.partition(": ")
    group = dict(zip(texts_of(event.get("groupKeys")), _texts(event.get("groupValues")), strict=False))
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=words.severity(event.get("severity")),
        title=(name if colon and words.status(mark) else title, event.get("body")),
        key=identity.of(NAME, (event.get("monitorID"), group or ""), (name or title,)),
        description=(event.get("description"), event.get("body")),
        labels=group,
        annotations=text.texts(event.get("matchedEvent")) | {"value": event.get("value")},
        links=(("Source", first(at(event, "url"), body.get("url"))),),
        starts=None if over else event.get("timestamp"),
        ends=event.get("timestamp"),
    )


def _texts(values: Any) -> list[str]:
    return [text.scalar(value) for value in values] if type(values) is list else []


SOURCE = source_of(NAME, _looks_like, _read)
