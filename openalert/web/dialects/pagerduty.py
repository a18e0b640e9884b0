"""PagerDuty's Events API: version 2, change events and version 1; the key stands in the body.

https://developer.pagerduty.com/docs/events-api-v2-overview and …/send-v1-event. What PagerDuty refuses with 400 is
refused here with the same body; what it would cut is taken whole. An event without a key of its own gets one, as
there. A key that is not known is refused too, because a sender that is told nothing loses its alerts unseen.
"""

import secrets
from typing import Any, NoReturn

from openalert.domain.errors import Invalid, NotFound, OpenAlertError
from openalert.sources import DETECT, Reading, pagerduty_events, text, understand
from openalert.web.dialects.way import Answer, Call, Way, json, retry_after

_SUCCESS = {"status": "success", "message": "Event processed"}


async def _enqueue(call: Call) -> Answer:
    """An event of version 2."""
    content, event = await _event(call)
    faults = pagerduty_events.faults(event)
    dedup_key = _with_key(event, "dedup_key")
    await _take_in(call, event, "routing_key", content, faults)
    return json(202, {**_SUCCESS, "dedup_key": dedup_key})


async def _create_event(call: Call) -> Answer:
    """An event of version 1."""
    content, event = await _event(call)
    faults = pagerduty_events.faults_of_version_1(event)
    incident_key = _with_key(event, "incident_key")
    await _take_in(call, event, "service_key", content, faults)
    return json(200, {**_SUCCESS, "incident_key": incident_key})


async def _enqueue_change(call: Call) -> Answer:
    """A change, such as a deployment: kept among the integration's messages, and no alert."""
    content, event = await _event(call)
    for name in ("event_action", "event_type"):
        event.pop(name, None)
    await _take_in(call, event, "routing_key", content, pagerduty_events.faults_of_change(event))
    return json(202, {"status": "success", "message": "Change event processed"})


async def _enqueue_at_key(call: Call) -> Answer:
    """A vendor's own address, with the key in the path: the body decides what it is."""
    content = await call.body()
    event = call.decoded(content)
    made = _with_key(event, "dedup_key") if isinstance(event, dict) and "event_action" in event else ""
    delivered = await call.take_in(
        call.names["key"], DETECT, content, lambda: understand(DETECT, event, call.inbound)
    )
    signals = delivered.reading.signals
    return json(202, {**_SUCCESS, "dedup_key": made or (signals[0].fingerprint if signals else made)})


async def _event(call: Call) -> tuple[bytes, dict[str, Any]]:
    """The body as it came, and the event in it."""
    content = await call.body()
    event = call.decoded(content)
    if not isinstance(event, dict):
        _refuse(["The body is not a JSON object."])
    return content, event


def _with_key(event: dict[str, Any], name: str) -> str:
    """The event's own identity; one that has none is given one."""
    given = event.get(name)
    own = text.scalar(given) if isinstance(given, str | int | float) else ""
    if not own.strip():
        event[name] = own = secrets.token_hex(16)
    return own


async def _take_in(call: Call, event: dict[str, Any], name: str, content: bytes, faults: list[str]) -> None:
    key = event.get(name)
    if not isinstance(key, str) or not key.strip():
        _refuse([f"'{name}' is missing or blank"])

    def read() -> Reading:
        if faults:
            _refuse(faults)
        return understand(pagerduty_events.NAME, event, call.inbound)

    await call.take_in(key.strip(), pagerduty_events.NAME, content, read)


def _refuse(errors: list[str]) -> NoReturn:
    raise Invalid("; ".join(errors), errors=errors)


def _refusal(error: OpenAlertError, _request_id: str) -> Answer:
    """What PagerDuty's clients expect; PagerDuty has no words for an unknown address or key but these."""
    if error.status == 503:
        passing = {"status": "unavailable", "message": error.message}
        return json(503, passing, *retry_after(error))
    errors = ["Invalid routing key"] if isinstance(error, NotFound) else error.details.get("errors")
    status = 400 if isinstance(error, NotFound) else error.status
    body = {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": errors or [error.message],
    }
    return json(status, body)


WAYS = (
    Way("POST", "/v2/enqueue", _enqueue, _refusal),
    Way("POST", "/v2/change/enqueue", _enqueue_change, _refusal),
    Way("POST", "/generic/2010-04-15/create_event.json", _create_event, _refusal),
    Way("POST", "/integration/{key}/enqueue", _enqueue_at_key, _refusal),
    Way("POST", "/x-ere/{key}", _enqueue_at_key, _refusal),
)
