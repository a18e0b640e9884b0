"""SQL for what Opsgenie's Alert API shows of alerts, and for the outcomes of its requests."""

from collections.abc import Sequence

from openalert.domain.instant import Instant
from openalert.domain.opsgenie import OpsgenieAlert, OpsgenieRequest
from openalert.storage.rows import to_json
from openalert.storage.transaction import Reader, Transaction


async def next_tiny_id(reader: Reader, organization_id: str) -> int:
    """The short number after the last one of the organization; its reader must be the writer."""
    last = await reader.value(
        "SELECT max(tiny_id) FROM opsgenie_alerts WHERE organization_id = :organization",
        organization=organization_id,
    )
    return int(last or 0) + 1


async def insert(tx: Transaction, *shown: OpsgenieAlert) -> None:
    """What is shown of alerts that had nothing of this before."""
    await tx.insert("opsgenie_alerts", *shown)


async def change(tx: Transaction, shown: OpsgenieAlert) -> None:
    """Write what a caller may change of it."""
    await tx.execute(
        "UPDATE opsgenie_alerts SET details = :details, responders = :responders WHERE alert_id = :alert_id",
        alert_id=shown.alert_id,
        details=to_json(shown.details),
        responders=to_json(shown.responders),
    )


async def of_alerts(reader: Reader, alert_ids: Sequence[str]) -> dict[str, OpsgenieAlert]:
    """What is shown of these, by the id of the alert; those that came in by other ways may be missing."""
    found = await reader.all(
        OpsgenieAlert,
        f"SELECT * FROM opsgenie_alerts WHERE {reader.any_of('alert_id', 'ids')}",
        ids=list(alert_ids),
    )
    return {each.alert_id: each for each in found}


async def by_tiny_id(reader: Reader, organization_id: str, tiny_id: int) -> str | None:
    """The id of the alert with this short number."""
    found: str | None = await reader.value(
        "SELECT alert_id FROM opsgenie_alerts WHERE organization_id = :organization AND tiny_id = :tiny",
        organization=organization_id,
        tiny=tiny_id,
    )
    return found


async def by_request(reader: Reader, request_id: str) -> str | None:
    """The id of the alert that this request created, for as long as the alert is kept."""
    found: str | None = await reader.value(
        "SELECT alert_id FROM opsgenie_alerts WHERE request_id = :request", request=request_id
    )
    return found


async def set_tags(tx: Transaction, alert_id: str, tags: Sequence[str]) -> None:
    """The tags of an alert, all of them."""
    await tx.execute(
        "UPDATE alerts SET tags = :tags, updated_at = :now WHERE id = :id",
        id=alert_id,
        tags=to_json(list(tags)),
        now=tx.now,
    )


async def record(tx: Transaction, request: OpsgenieRequest) -> None:
    """What became of a request."""
    await tx.insert("opsgenie_requests", request)


async def request(reader: Reader, integration_id: str, request_id: str) -> OpsgenieRequest | None:
    """What became of a request of this integration."""
    return await reader.one(
        OpsgenieRequest,
        "SELECT * FROM opsgenie_requests WHERE id = :id AND integration_id = :integration",
        id=request_id,
        integration=integration_id,
    )


async def forget(tx: Transaction, before: Instant) -> None:
    """Drop the outcomes of requests older than `before`."""
    await tx.execute("DELETE FROM opsgenie_requests WHERE processed_at < :before", before=before)
