"""A test alert that takes the way of a real one: it opens an incident and pages whoever is on call."""

import msgspec

from openalert.domain.access import Permission
from openalert.domain.errors import Conflict
from openalert.domain.ids import new_id
from openalert.sources import Inbound, generic, read
from openalert.storage import services
from openalert.storage.transaction import Transaction
from openalert.usecases import audit, ingest, integrations
from openalert.usecases.access import found, require
from openalert.usecases.inbound import Delivery, Outcome

_JSON = "application/json"


async def test_alert(tx: Transaction, integration_id: str, trace_id: str) -> Outcome:
    """Raise one alert by the integration, for whoever responds; Conflict while it is switched off."""
    integration = await integrations.get(tx, tx.actor, integration_id)
    service = found(await services.get(tx, tx.actor, integration.service_id), "integration")
    require(tx.actor, Permission.RESPOND, service.team_id, "integration")
    if not integration.is_active:
        raise Conflict(f"{integration.name} is switched off; switch it on first.")
    content = msgspec.json.encode(
        {
            "title": f"Test alert for {service.name}",
            "description": f"{tx.actor.name} asked for it. Acknowledge and resolve it; nothing is wrong.",
            "severity": "high",
            "dedupKey": f"test-{new_id(tx.now)}",
        }
    )
    delivery = Delivery(
        key_hash=integration.key_hash,
        content=content,
        content_type=_JSON,
        source=generic.NAME,
        reading=read(generic.NAME, content, Inbound(headers={"content-type": _JSON}, received_at=tx.now)),
        trace_id=trace_id,
    )
    outcome = (await ingest.take_in(tx, [delivery]))[0]
    if outcome.error is not None:
        raise outcome.error
    audit.record(
        tx,
        "integration.tested",
        kind="integration",
        id=integration.id,
        name=integration.name,
        team_id=service.team_id,
    )
    return outcome
