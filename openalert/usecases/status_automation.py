"""From incidents of ours to status pages: what is proposed for approval, and what is set by choice of an admin.

It runs after the incident's own transaction and never in it, so nothing here can keep anybody from being paged. What is
to be done follows from how things stand, not from what happened: done twice it is done once.
"""

from openalert.domain.incident import Incident
from openalert.domain.severity import Severity
from openalert.domain.status_page import Component, ComponentStatus, PublicStatus, StatusPage
from openalert.domain.status_rules import LONGEST_TITLE
from openalert.domain.status_words import sentence
from openalert.storage import incidents, status_automation, status_incidents, status_pages
from openalert.storage.status_automation import Proposal
from openalert.storage.transaction import Transaction
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases.access import sees, unknown
from openalert.usecases.status_incidents import Told

FELT = {
    Severity.CRITICAL: ComponentStatus.MAJOR_OUTAGE,
    Severity.HIGH: ComponentStatus.PARTIAL_OUTAGE,
    Severity.MEDIUM: ComponentStatus.DEGRADED_PERFORMANCE,
}
"""What an incident makes of the components of its service; milder ones make nothing of them."""


async def propose(tx: Transaction, page_id: str, incident_id: str) -> Told:
    """A draft that tells of an incident of ours, with the components of its service; the same one when asked again."""
    page = await pages.to_tell(tx, page_id)
    incident = await incidents.get(tx, incident_id)
    if incident is None or not sees(tx.actor, incident.organization_id, incident.team_id):
        raise unknown("incidentId", "incident", incident_id)
    if incident.organization_id != page.organization_id:
        raise unknown("incidentId", "incident", incident_id)
    known = await status_automation.get(tx, page.id, incident.id)
    if known is not None and await status_incidents.get(tx, known.status_incident_id) is not None:
        return await told.get(tx, tx.actor, known.status_incident_id)
    parts = await _parts(tx, page.id, incident)
    status = PublicStatus(incident.phase)
    made = await told.create(
        tx,
        page.id,
        title=_title(incident),
        message=_message(page, status, parts),
        status=status,
        components=dict.fromkeys([each.id for each in parts], FELT.get(incident.severity)),
        internal_incident_id=incident.id,
        is_draft=True,
    )
    proposal = Proposal(
        page_id=page.id,
        incident_id=incident.id,
        status_incident_id=made.incident.id,
        phase=incident.phase,
    )
    await status_automation.put(tx, proposal)
    return made


async def carry_on(tx: Transaction, page_id: str, incident_id: str) -> bool:
    """Propose an update because the incident is in another phase; it takes the place of an older proposal."""
    known = await status_automation.get(tx, page_id, incident_id)
    incident = await incidents.get(tx, incident_id)
    if known is None or incident is None or known.phase == incident.phase:
        return False
    page = await status_pages.get(tx, tx.actor, page_id)
    if page is None:
        return False
    status = PublicStatus(incident.phase)
    await status_automation.drop_drafts(tx, known.status_incident_id)
    await told.post(
        tx,
        known.status_incident_id,
        status=status,
        message=_message(page, status, await _parts(tx, page_id, incident)),
        is_draft=True,
    )
    known.phase = incident.phase
    await status_automation.put(tx, known)
    return True


async def follow(tx: Transaction, page_id: str) -> int:
    """Set the components of a page that follow their services to what open incidents make of them; how many changed."""
    changed = [each for each in await status_automation.pulls(tx) if each.page_id == page_id and is_new(each)]
    page = await status_pages.get(tx, tx.actor, page_id)
    if page is None or not changed:
        return 0
    for each in changed:
        await status_automation.set_status(tx, each.component_id, status_of(each.rank))
    await pages.note(tx, page.id)
    await pages.touched(tx, page)
    return len(changed)


def is_new(pull: status_automation.Pull) -> bool:
    """Whether open incidents make something else of the component than before."""
    return status_of(pull.rank) != pull.automatic_status


def status_of(rank: int) -> ComponentStatus | None:
    """The status of this rank; None for 0."""
    return list(ComponentStatus)[rank] if rank else None


async def _parts(tx: Transaction, page_id: str, incident: Incident) -> list[Component]:
    return [
        each for each in await status_pages.components(tx, page_id) if each.service_id == incident.service_id
    ]


def _title(incident: Incident) -> str:
    """What the incident is called here, fit for one line: a first word for whoever approves it."""
    shown = "".join(each if each.isprintable() else " " for each in incident.title)
    return " ".join(shown.split())[:LONGEST_TITLE].strip() or f"Incident {incident.number}"


def _message(page: StatusPage, status: PublicStatus, parts: list[Component]) -> str:
    return sentence(page.language, status, ", ".join(each.name for each in parts))
