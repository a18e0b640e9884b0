"""Where an alert came from: the integration that brought it, or the heartbeat that raised it."""

from openalert.domain.access import Actor
from openalert.storage import heartbeats, integrations
from openalert.storage.transaction import Reader
from openalert.web.ui.frame import Values


async def origin(reader: Reader, actor: Actor, integration_id: str) -> Values | None:
    """Its name and page; None when it is deleted, or out of view."""
    source = await integrations.get(reader, actor, integration_id)
    if source is not None:
        return {"words": source.name, "href": f"/services/{source.service_id}#integration-{source.id}"}
    heartbeat = await heartbeats.get(reader, actor, integration_id)
    return {"words": heartbeat.name, "href": f"/beats/{heartbeat.id}"} if heartbeat is not None else None
