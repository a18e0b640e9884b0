"""Postmortems for customers: written as a draft, public by an act of its own, and taken back by another."""

import msgspec

from openalert.domain.errors import Conflict
from openalert.domain.status_page import StatusIncident, StatusPage
from openalert.domain.status_rules import LONGEST_MESSAGE, check_message
from openalert.storage import status_incidents
from openalert.storage.transaction import Transaction
from openalert.usecases import audit, postmortems
from openalert.usecases import status_pages as pages
from openalert.usecases.status_incidents import Told, get, to_tell


async def publish(tx: Transaction, incident_id: str, *, text: str | None = None) -> Told:
    """Make the draft, or `text`, what customers read; Conflict where there is nothing, or nothing is told of it."""
    page, before = await to_tell(tx, incident_id)
    words = before.postmortem_draft if text is None else check_message(text, "postmortem")
    if before.published_at is None:
        raise Conflict("Tell customers of the incident first.", code="NOT_PUBLISHED")
    if not words:
        raise Conflict("There is no draft of a postmortem to publish.", code="NO_POSTMORTEM")
    return await _write(tx, "postmortem_published", page, before, public=words, draft="")


async def withdraw(tx: Transaction, incident_id: str) -> Told:
    """Take it off the page; its words stay as a draft, unless there is a newer one."""
    page, before = await to_tell(tx, incident_id)
    if not before.postmortem:
        raise Conflict("No postmortem is published.", code="NOT_PUBLISHED")
    kept = before.postmortem_draft or before.postmortem
    return await _write(tx, "postmortem_withdrawn", page, before, public="", draft=kept)


async def take_over(tx: Transaction, incident_id: str) -> Told:
    """Begin with what the team wrote for itself about its own incident: as a draft, which nobody outside sees."""
    page, before = await to_tell(tx, incident_id)
    if before.internal_incident_id is None:
        raise Conflict("It tells of no incident of yours.", code="NO_POSTMORTEM")
    ours = await postmortems.of_incident(tx, tx.actor, before.internal_incident_id)
    if not ours.body.strip():
        raise Conflict("Nobody has written a postmortem of the incident yet.", code="NO_POSTMORTEM")
    return await _write(
        tx,
        "postmortem_taken_over",
        page,
        before,
        public=before.postmortem,
        draft=ours.body.strip()[:LONGEST_MESSAGE],
    )


async def _write(
    tx: Transaction, what: str, page: StatusPage, before: StatusIncident, *, public: str, draft: str
) -> Told:
    changed = msgspec.structs.replace(before, postmortem=public, postmortem_draft=draft, updated_at=tx.now)
    if public != before.postmortem:
        changed.postmortem_at = tx.now if public else None
    await status_incidents.update(tx, changed)
    audit.record(
        tx,
        f"status_incident.{what}",
        kind="status_incident",
        id=changed.id,
        name=changed.title,
        team_id=page.team_id,
        before={"postmortem": before.postmortem[:200], "draft": before.postmortem_draft[:200]},
        after={"postmortem": public[:200], "draft": draft[:200]},
    )
    await pages.touched(tx, page)
    return await get(tx, tx.actor, changed.id)
