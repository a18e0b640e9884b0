"""Updates on status pages: drafts that wait for approval, and other words for what was said."""

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, NotFound
from openalert.domain.status_page import PublicStatus, StatusIncident, StatusPage, StatusUpdate
from openalert.domain.status_rules import check_message, check_status
from openalert.storage import status_incidents, status_pages
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import status_notes
from openalert.usecases import status_pages as pages
from openalert.usecases.access import found, require
from openalert.usecases.status_incidents import Components, Told, components_of, get, post


async def one(reader: Reader, actor: Actor, update_id: str) -> StatusUpdate:
    """One update, or a draft of one, for somebody of the page's team."""
    return (await _see(reader, actor, update_id))[2]


async def publish(
    tx: Transaction,
    update_id: str,
    *,
    message: str | None = None,
    status: PublicStatus | None = None,
    components: Components | None = None,
    tells: bool | None = None,
) -> Told:
    """Approve a draft, as it is or with other words; it is said now, under the id of the draft.

    `components` takes the place of what it proposes.
    """
    page, incident, draft = await _to_change(tx, update_id)
    if draft.published_at is not None:
        raise Conflict("It is published already.", code="ALREADY_PUBLISHED")
    await status_incidents.delete_update(tx, draft.id)
    there = {each.id for each in await status_pages.components(tx, page.id)}
    proposed = {each: how for each, how in draft.proposes.items() if each in there}
    return await post(
        tx,
        incident.id,
        status=status or draft.status,
        message=draft.message if message is None else message,
        components=proposed if components is None else components,
        tells=draft.tells if tells is None else tells,
        update_id=draft.id,
    )


async def drop(tx: Transaction, update_id: str) -> Told:
    """Throw a draft of an update away."""
    page, incident, draft = await _to_change(tx, update_id)
    if draft.published_at is not None:
        raise Conflict("It is published; it can be edited, not unsaid.", code="ALREADY_PUBLISHED")
    await status_incidents.delete_update(tx, draft.id)
    status_notes.draft(tx, "draft_dropped", page, incident, draft)
    return await get(tx, tx.actor, incident.id)


async def discard(tx: Transaction, update_id: str) -> str:
    """Throw a draft away, and the incident with it if customers never heard of it and nothing else waits; its page."""
    left = await drop(tx, update_id)
    incident = left.incident
    if incident.published_at is None and not left.updates:
        gone = msgspec.structs.replace(incident, deleted_at=tx.now, updated_at=tx.now)
        await status_incidents.update(tx, gone)
        page = await pages.get(tx, tx.actor, incident.page_id)
        status_notes.record(tx, "deleted", page, incident, None)
    return incident.page_id


async def change(
    tx: Transaction,
    update_id: str,
    *,
    message: str | UnsetType = UNSET,
    status: PublicStatus | UnsetType = UNSET,
    components: Components | UnsetType = UNSET,
    tells: bool | UnsetType = UNSET,
) -> Told:
    """Say it in other words; readers see that it was edited. The rest may change while it is a draft."""
    page, incident, before = await _to_change(tx, update_id)
    changed = msgspec.structs.replace(before)
    if before.published_at is not None and (status, components, tells) != (UNSET, UNSET, UNSET):
        raise Conflict("It is published; only its words can be edited.", code="ALREADY_PUBLISHED")
    if message is not UNSET:
        changed.message = check_message(message)
    if status is not UNSET:
        changed.status = check_status(incident.kind, status)
    if components is not UNSET:
        changed.proposes = await components_of(tx, page, incident.kind, components, has=before.proposes)
    if tells is not UNSET:
        changed.tells = tells
    if changed == before:
        return await get(tx, tx.actor, incident.id)
    if before.published_at is None:
        # It is somebody's words from now on: a later proposal does not take its place.
        changed.created_by_id = changed.created_by_id or tx.actor.user_id
    else:
        changed.edited_at = tx.now
    await status_incidents.change_update(tx, changed)
    status_notes.draft(
        tx, "edited" if before.published_at is not None else "draft_changed", page, incident, changed, before
    )
    if before.published_at is not None:
        await pages.touched(tx, page)
    return await get(tx, tx.actor, incident.id)


async def _see(
    reader: Reader, actor: Actor, update_id: str
) -> tuple[StatusPage, StatusIncident, StatusUpdate]:
    update = found(await status_incidents.one_update(reader, update_id), "status update")
    incident = await status_incidents.get(reader, update.incident_id)
    page = await status_pages.get(reader, actor, incident.page_id) if incident else None
    if incident is None or page is None:
        raise NotFound("status update")
    return page, incident, update


async def _to_change(tx: Transaction, update_id: str) -> tuple[StatusPage, StatusIncident, StatusUpdate]:
    page, incident, update = await _see(tx, tx.actor, update_id)
    require(tx.actor, Permission.RESPOND, page.team_id, "status update")
    return page, incident, update
