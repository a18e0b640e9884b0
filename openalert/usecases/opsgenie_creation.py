"""What a body at the address of Opsgenie's Alert API creates: its signal, and what goes with it in that dialect."""

from functools import partial
from typing import Any

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.opsgenie import OpsgenieAlert
from openalert.sources import DETECT, Inbound, Reading, body, detect, generic, opsgenie_api, text, understand
from openalert.sources.fields import listed
from openalert.usecases import opsgenie
from openalert.usecases.inbound import Then
from openalert.usecases.opsgenie_acts import MOST_RESPONDERS, tags_of

_RESPONDER_MEMBERS = ("type", "id", "name", "username")
_LONGEST = 250


class Creation(msgspec.Struct, frozen=True):
    """A body that was understood."""

    reading: Reading
    then: Then | None
    """None: another product's own message, which knows nothing of Opsgenie."""


def understood(content: bytes, inbound: Inbound, limit: int, request_id: str) -> Creation:
    """What the body creates; Invalid for what is no alert, and what `body.decode` raises.

    A body without a message that is plainly another product's own is read as that.
    """
    value = body.decode(content, inbound, limit)
    if isinstance(value, dict) and text.line(text.scalar(value.get("message"))):
        signal = opsgenie_api.create(value, inbound, request_id)
        own, tags = own_of(value, request_id), tags_of(listed(value.get("tags")))
        then = partial(opsgenie.created, fingerprint=signal.fingerprint, own=own, tags=tags)
        return Creation(Reading(opsgenie_api.NAME, [signal]), then)
    is_group = isinstance(value, dict | list)
    if not is_group or detect(value, inbound) in (generic.SOURCE, opsgenie_api.SOURCE):
        raise Invalid("message may not be empty", field="message")
    return Creation(understand(DETECT, value, inbound), None)


def own_of(members: dict[str, Any], request_id: str) -> OpsgenieAlert:
    """What a body that creates says beyond an alert of ours; ids and numbers come when it is taken in."""
    named = [
        *listed(members.get("responders")),
        *listed(members.get("teams")),
        *listed(members.get("recipients")),
    ]
    responders = [found for each in named[:MOST_RESPONDERS] if (found := responder_of(each))]
    return OpsgenieAlert(
        alert_id="",
        organization_id="",
        integration_id="",
        tiny_id=0,
        alias=text.line(text.scalar(members.get("alias")), 512),
        request_id=request_id,
        entity=text.line(text.scalar(members.get("entity")), 512),
        source=text.line(text.scalar(members.get("source")), 100),
        actions=tags_of(listed(members.get("actions"))),
        responders=responders,
        details=text.kept(text.texts(members.get("details")), text.ANNOTATION),
    )


def responder_of(value: Any) -> dict[str, str]:
    """A responder's members that are known, as text; empty for what names nobody."""
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, dict):
        return {}
    found = {name: text.line(text.scalar(value.get(name)), _LONGEST) for name in _RESPONDER_MEMBERS}
    said = {name: each for name, each in found.items() if each}
    return said if len(said) > ("type" in said) else {}
