"""The body of Opsgenie's Alert API, as every tool that can page through Opsgenie sends it.

https://docs.opsgenie.com/docs/alert-api#create-alert: `{"message", "alias", "priority", …}` creates an alert. Closing
has its own address there; `"status": "closed"` in a body closes here.
"""

from typing import Any

from openalert.domain.alert import Signal, SignalStatus
from openalert.sources import identity, normal, text, words
from openalert.sources.fields import at, first, listed, texts_of
from openalert.sources.opsgenie import priority
from openalert.sources.source import Inbound, source_of

NAME = "opsgenie_api"

_OWN = ("alias", "responders", "visibleTo", "tinyId")
_ALSO = (
    "priority",
    "entity",
    "responders",
    "tags",
    "details",
    "actions",
    "note",
    "source",
    "description",
    "user",
)


def _looks_like(body: dict[str, Any], inbound: Inbound) -> bool:
    if not isinstance(body.get("message"), str) or type(body.get("alert")) is dict:
        return False
    if inbound.headers.get("authorization", "").startswith("GenieKey "):
        return True
    return any(name in body for name in _OWN) and any(name in body for name in _ALSO) and "title" not in body


def _read(body: dict[str, Any], inbound: Inbound) -> Signal:
    """Without an alias every call of Opsgenie's is an alert of its own; here the same message is the same alert."""
    status = words.status(first(body.get("status"), body.get("action"))) or SignalStatus.FIRING
    responders = [name for each in listed(body.get("responders")) if (name := _responder(each))]
    return normal.signal(
        NAME,
        inbound.received_at,
        status=status,
        severity=None if status is SignalStatus.RESOLVED else priority(body.get("priority")),
        title=(body.get("message"), body.get("alias"), body.get("description")),
        key=identity.key(text.scalar(body.get("alias")))
        or identity.digest(NAME, text.line(body.get("message")), text.scalar(body.get("entity"))),
        description=(body.get("description"), body.get("note")),
        labels=dict.fromkeys(texts_of(body.get("tags"))[: text.LABELS], "true")
        | {"entity": body.get("entity"), "source": body.get("source")},
        annotations=text.texts(body.get("details"))
        | {"responders": ", ".join(responders[:20]), "note": body.get("note"), "user": body.get("user")},
    )


def _responder(each: Any) -> str:
    return text.line(first(at(each, "name"), at(each, "username"), at(each, "id")))


def create(body: dict[str, Any], inbound: Inbound, request_id: str) -> Signal:
    """What a call of the Alert API's own address creates: without an alias, an alert of its own.

    https://docs.opsgenie.com/docs/alert-deduplication: one more of an open alert raises its count and nothing else.
    """
    signal = _read({name: value for name, value in body.items() if name not in {"status", "action"}}, inbound)
    signal.words_stay = True
    if not text.scalar(body.get("alias")).strip():
        signal.fingerprint = signal.group = f"{NAME}:{request_id}"
    return signal


SOURCE = source_of(NAME, _looks_like, _read)
