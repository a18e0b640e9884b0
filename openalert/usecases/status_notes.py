"""What is noted of what is told: in the audit log, and in the timeline of the incident of ours that it tells of."""

from typing import Any

from openalert.domain.status_page import StatusIncident, StatusPage, StatusUpdate
from openalert.storage import incidents
from openalert.storage.transaction import Transaction
from openalert.usecases import audit
from openalert.usecases.work import Work


async def inside(tx: Transaction, page: StatusPage, incident: StatusIncident) -> None:
    """The incident of ours that it tells of has in its timeline what customers were told."""
    ours = await incidents.get(tx, incident.internal_incident_id) if incident.internal_incident_id else None
    if ours is None:
        return
    work = Work(tx)
    work.tell(
        ours, "customers_told", page=page.name, status=incident.status.words.lower(), title=incident.title
    )
    work.say(ours, "updated")
    await work.flush()


def draft(
    tx: Transaction,
    what: str,
    page: StatusPage,
    incident: StatusIncident,
    after: StatusUpdate,
    before: StatusUpdate | None = None,
) -> None:
    """Record what was done to an update: `drafted`, `draft_changed`, `draft_dropped` or `edited`."""
    audit.record(
        tx,
        f"status_incident.{what}",
        kind="status_incident",
        id=incident.id,
        name=incident.title,
        team_id=page.team_id,
        before=_audited(before) if before else None,
        after=_audited(after),
    )


def _audited(update: StatusUpdate) -> dict[str, Any]:
    proposes = {each: str(status or "named") for each, status in update.proposes.items()}
    return {
        "status": update.status,
        "message": update.message[:200],
        "tells": update.tells,
        "components": proposes,
    }


def record(
    tx: Transaction,
    what: str,
    page: StatusPage,
    before: StatusIncident | None,
    after: StatusIncident | None,
) -> None:
    """Record that an incident on a page was made (`before` None), changed or deleted (`after` None)."""
    about: Any = after or before
    audit.record(
        tx,
        f"status_incident.{what}",
        kind="status_incident",
        id=about.id,
        name=about.title,
        team_id=page.team_id,
        before=before,
        after=after,
        organization_id=page.organization_id,
    )
