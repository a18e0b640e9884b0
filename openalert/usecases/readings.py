"""How kept messages would be read by other settings: what people see before they save a mapping."""

import msgspec

from openalert.domain.access import Actor
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.service import Integration, IntegrationConfig, Payload
from openalert.sources import Looked, Reading, generic, looked
from openalert.storage import payloads
from openalert.storage.transaction import Reader
from openalert.usecases import integrations
from openalert.usecases.access import found
from openalert.usecases.profiles import habits_of
from openalert.usecases.replay import inbound_of, read_again, whole

LAST = 3
"""Messages that are tried when none is named."""


class Preview(msgspec.Struct):
    """One message as it would be read."""

    payload: Payload
    reading: Reading | None
    """None: it could not be read."""
    reason: str
    """Why not, or what people should know of it; else ""."""
    found: list[Looked]
    """What each expression of the mapping finds in its first alert."""


async def preview(
    reader: Reader,
    actor: Actor,
    integration_id: str,
    *,
    config: IntegrationConfig | None = None,
    payload_id: str | None = None,
) -> list[Preview]:
    """How one message, or the last ones, would be read by `config` (None: as it is); for whoever may change it.

    Nothing changes. Invalid names what is wrong with the configuration.
    """
    integration = await integrations.to_change(reader, actor, integration_id)
    if config is not None:
        integrations.check_reading(config)
        integration = msgspec.structs.replace(integration, config=config)
    if payload_id is not None:
        tried = [found(await payloads.get(reader, integration.id, payload_id), "payload")]
    else:
        recent = await payloads.page(reader, integration.id, limit=3 * LAST)
        tried = [payload for payload in recent if payload.outcome != "closed"][:LAST]
    return [preview_of(integration, payload, reader.now) for payload in tried]


def preview_of(integration: Integration, payload: Payload, now: int) -> Preview:
    """One message as an integration would read it."""
    try:
        reading = read_again(integration, payload, now)
    except (Conflict, Invalid) as error:
        return Preview(payload, None, error.message, [])
    expressions: list[Looked] = []
    if reading.source == generic.NAME:
        expressions = looked(whole(payload), inbound_of(payload, now), habits_of(integration.config))
    skipped = [f"item {each.index}: {each.reason}" for each in reading.skipped[:20]]
    return Preview(payload, reading, "; ".join((*skipped, *filter(None, [reading.note]))), expressions)
