"""What status pages tell: incidents and maintenances, from a draft to the last update.

Nothing is public before somebody with a right to say it has published it. A first update is what publishes an incident;
what is proposed from an incident of ours stays a draft until then. How components are follows from the incidents that
are published and not over; each change of that is written into one log.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.status_page import (
    OF_INCIDENT,
    OF_MAINTENANCE,
    Affected,
    Change,
    Component,
    ComponentStatus,
    Impact,
    PublicKind,
    PublicStatus,
    StatusIncident,
    StatusPage,
    StatusUpdate,
    impact_of,
    new_public_id,
)
from openalert.domain.status_rules import (
    check_end,
    check_message,
    check_status,
    check_times,
    check_title,
    due,
    moved,
)
from openalert.domain.status_words import sentence
from openalert.storage import status_deliveries, status_incidents, status_pages
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, status_backdating, status_notes
from openalert.usecases import incidents as internal
from openalert.usecases import status_pages as pages
from openalert.usecases.access import found, require, unknown


class Told(msgspec.Struct):
    """An incident as it is told, with its components and updates."""

    incident: StatusIncident
    affected: list[Affected]
    updates: list[StatusUpdate]
    """The newest first; drafts too."""


Components = Mapping[str, ComponentStatus | None]
"""The components that an incident is about, by id, and how each is because of it; None: as it is without it."""


async def get(reader: Reader, actor: Actor, incident_id: str) -> Told:
    """One of them, for somebody of the page's team."""
    incident = found(await status_incidents.get(reader, incident_id), "status incident")
    if await status_pages.get(reader, actor, incident.page_id) is None:
        raise NotFound("status incident")
    return (await with_words(reader, [incident]))[0]


async def of_page(
    reader: Reader,
    actor: Actor,
    page_id: str,
    *,
    resolved: bool = True,
    before: str = "~",
    limit: int,
) -> list[Told]:
    """What a page tells or has as drafts, the newest first; without `resolved` only what is not over."""
    page = await pages.get(reader, actor, page_id)
    some = await status_incidents.of_page(
        reader, page.id, published=False, still_open=not resolved, before=before or "~", limit=limit
    )
    return await with_words(reader, some)


async def with_words(
    reader: Reader, some: Sequence[StatusIncident], *, published: bool = False
) -> list[Told]:
    """The incidents with their components and updates; only what is `published`."""
    ids = [each.id for each in some]
    affected = await status_incidents.affected(reader, ids)
    updates = await status_incidents.updates(reader, ids, published=published)
    return [Told(each, affected.get(each.id, []), updates.get(each.id, [])) for each in some]


async def create(
    tx: Transaction,
    page_id: str,
    *,
    title: str,
    message: str = "",
    status: PublicStatus | None = None,
    impact: Impact | None = None,
    components: Components | None = None,
    internal_incident_id: str | None = None,
    scheduled_for: Instant | None = None,
    scheduled_until: Instant | None = None,
    is_automatic: bool = True,
    started_at: Instant | None = None,
    resolved_at: Instant | None = None,
    is_draft: bool = False,
    tells: bool | None = None,
) -> Told:
    """Tell of an incident, or of a maintenance where `scheduled_for` is given.

    `started_at` in the past backdates it; with `resolved_at` it is over already, and subscribers are told of that
    (`tells`) only where somebody says so. A draft is seen by the team alone, until `post` says something of it.
    """
    page = await pages.to_tell(tx, page_id)
    kind = (
        PublicKind.MAINTENANCE
        if scheduled_for is not None or scheduled_until is not None
        else PublicKind.INCIDENT
    )
    check_times(kind, scheduled_for, scheduled_until, started_at, tx.now)
    check_end(kind, started_at, resolved_at, tx.now)
    about = await components_of(tx, page, kind, components or {})
    if internal_incident_id is not None:
        await _check_internal(tx, page, internal_incident_id)
    at = min(started_at or tx.now, tx.now)
    first = _first_status(kind, status, resolved_at)
    incident = StatusIncident(
        id=new_id(tx.now),
        page_id=page.id,
        public_id=new_public_id(),
        internal_incident_id=internal_incident_id,
        kind=kind,
        title=check_title(title),
        status=first,
        impact=impact or impact_of(list(about.values()), kind),
        impact_is_chosen=impact is not None,
        scheduled_for=scheduled_for,
        scheduled_until=scheduled_until,
        is_automatic=is_automatic and kind is PublicKind.MAINTENANCE,
        started_at=scheduled_for if scheduled_for is not None else at,
        resolved_at=resolved_at,
        is_backdated=at < tx.now,
        created_by_id=tx.actor.user_id,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await status_incidents.insert(tx, incident)
    await status_incidents.put_affected(tx, incident.id, _rows(incident.id, about))
    status_notes.record(tx, "created", page, None, incident)
    tells = resolved_at is None if tells is None else tells
    if is_draft:
        if message:
            await _say(tx, incident, first, message, at=at, tells=tells, is_draft=True)
    else:
        await _publish(tx, page, incident, first, message, about, at=resolved_at or at, tells=tells)
    return await get(tx, tx.actor, incident.id)


def _first_status(kind: PublicKind, status: PublicStatus | None, resolved_at: Instant | None) -> PublicStatus:
    usual = OF_MAINTENANCE if kind is PublicKind.MAINTENANCE else OF_INCIDENT
    first = check_status(kind, status or usual[0 if resolved_at is None else -1])
    if resolved_at is not None and not first.is_over:
        raise Invalid("With resolvedAt it is over: its status is resolved.", field="status")
    return first


async def change(
    tx: Transaction,
    incident_id: str,
    *,
    title: str | UnsetType = UNSET,
    impact: Impact | UnsetType | None = UNSET,
    component_ids: Sequence[str] | UnsetType = UNSET,
    components: Components | UnsetType = UNSET,
    scheduled_for: Instant | UnsetType = UNSET,
    scheduled_until: Instant | UnsetType = UNSET,
    is_automatic: bool | UnsetType = UNSET,
    postmortem_draft: str | UnsetType = UNSET,
) -> Told:
    """Change what an incident is; what was said of it stays. `impact` None: it follows from the components.

    It is about `component_ids`, each as it was because of it, and `components` from then on, and about no others.
    """
    page, before = await to_tell(tx, incident_id)
    changed = msgspec.structs.replace(before, updated_at=tx.now)
    if title is not UNSET:
        changed.title = check_title(title)
    if is_automatic is not UNSET:
        changed.is_automatic = is_automatic and changed.kind is PublicKind.MAINTENANCE
    if scheduled_for is not UNSET or scheduled_until is not UNSET:
        changed = moved(changed, scheduled_for, scheduled_until, tx.now)
    if postmortem_draft is not UNSET:
        changed.postmortem_draft = check_message(postmortem_draft, "postmortemDraft")
    if component_ids is not UNSET or components is not UNSET:
        known = {row.component_id: row.status for row in await _affected(tx, changed)}
        named = {each: known.get(each) for each in component_ids or ()} | dict(components or {})
        about = await components_of(tx, page, changed.kind, named, has=known)
        await status_incidents.put_affected(tx, changed.id, _rows(changed.id, about))
        if changed.is_backdated and changed.published_at and changed.resolved_at:
            await _tell_of_the_past(tx, changed, about)
    if impact is not UNSET:
        changed.impact_is_chosen = impact is not None
        changed.impact = impact or changed.impact
    await _settle(tx, page, changed)
    status_notes.record(tx, "updated", page, before, changed)
    return await get(tx, tx.actor, changed.id)


async def post(
    tx: Transaction,
    incident_id: str,
    *,
    status: PublicStatus,
    message: str,
    components: Components | None = None,
    tells: bool = True,
    shown_at: Instant | None = None,
    is_draft: bool = False,
    update_id: str | None = None,
) -> Told:
    """Say something more; with the first thing said a draft becomes public. `update_id`: the draft that it was.

    `components` changes how they are because of the incident; those that are not named stay. Conflict once it is over.
    """
    page, incident = await to_tell(tx, incident_id)
    if incident.resolved_at is not None and incident.published_at is not None:
        raise Conflict(
            "It is over; what happens next is an incident of its own.",
            code="INVALID_STATUS_TRANSITION",
            status=incident.status,
            allowed=[],
        )
    next_status = check_status(incident.kind, status)
    has = {row.component_id for row in await _affected(tx, incident)}
    about = await components_of(tx, page, incident.kind, components or {}, has=has)
    if incident.resolved_at is not None and not next_status.is_over:
        incident.resolved_at = None
    at = incident.resolved_at or min(shown_at or tx.now, tx.now)
    if is_draft:
        draft = await _say(
            tx, incident, next_status, message, proposes=about, at=at, tells=tells, is_draft=True
        )
        status_notes.draft(tx, "drafted", page, incident, draft)
        return await get(tx, tx.actor, incident.id)
    await _publish(tx, page, incident, next_status, message, about, at=at, tells=tells, update_id=update_id)
    audit.record(
        tx,
        "status_incident.told",
        kind="status_incident",
        id=incident.id,
        name=incident.title,
        team_id=page.team_id,
        after={"status": incident.status, "message": message[:200]},
    )
    return await get(tx, tx.actor, incident.id)


async def resolve(tx: Transaction, incident_id: str, *, message: str) -> Told:
    """It is over: its components are what they are without it."""
    told = await get(tx, tx.actor, incident_id)
    over = PublicStatus.COMPLETED if told.incident.kind is PublicKind.MAINTENANCE else PublicStatus.RESOLVED
    return await post(tx, incident_id, status=over, message=message)


async def delete(tx: Transaction, incident_id: str) -> None:
    """Take it off the page with everything that was said; its components are what they are without it."""
    page, before = await to_tell(tx, incident_id, Permission.CONFIGURE)
    gone = msgspec.structs.replace(before, deleted_at=tx.now, updated_at=tx.now, due_at=None)
    await status_incidents.update(tx, gone)
    await status_backdating.take_back(tx, gone)
    status_notes.record(tx, "deleted", page, before, None)
    await pages.note(tx, page.id)
    await pages.touched(tx, page)


async def advance(tx: Transaction, incident_id: str) -> bool:
    """Begin or end a maintenance whose time has come; False when there was nothing to do."""
    incident = await status_incidents.get(tx, incident_id)
    if incident is None or incident.due_at is None or incident.due_at > tx.now:
        return False
    page = await status_pages.get(tx, tx.actor, incident.page_id)
    if page is None:
        return False
    begins = incident.status is PublicStatus.SCHEDULED
    status = PublicStatus.IN_PROGRESS if begins else PublicStatus.COMPLETED
    words = sentence(page.language, status)
    await _publish(tx, page, incident, status, words, {}, at=tx.now, tells=True)
    return True


async def _publish(
    tx: Transaction,
    page: StatusPage,
    incident: StatusIncident,
    status: PublicStatus,
    message: str,
    about: Components,
    *,
    at: Instant,
    tells: bool,
    update_id: str | None = None,
) -> None:
    """Make it public with this update, and let components, the log and the page follow."""
    before = {each.id: each for each in await pages.with_effects(tx, page.id)}
    if about:
        merged = {row.component_id: row.status for row in await _affected(tx, incident)} | dict(about)
        await status_incidents.put_affected(tx, incident.id, _rows(incident.id, merged))
    incident.status, incident.updated_at = status, tx.now
    is_first = incident.published_at is None
    if status is not PublicStatus.SCHEDULED:
        incident.started_at = min(incident.started_at, at)  # a maintenance may begin early, or be called off
    incident.published_at = incident.published_at or tx.now
    if status.is_over and incident.resolved_at is None:
        incident.resolved_at = max(at, incident.started_at) if incident.is_backdated else at
    await _settle(tx, page, incident)
    if is_first and incident.is_backdated:
        known = {row.component_id: row.status for row in await _affected(tx, incident)}
        await _tell_of_the_past(tx, incident, known)
    after = await pages.with_effects(tx, page.id)
    update = await _say(
        tx,
        incident,
        status,
        message,
        changes=_changes(before, after),
        at=at,
        tells=tells,
        update_id=update_id,
    )
    if tells:
        await status_deliveries.tell_of(tx, page.id, update)
    await status_notes.inside(tx, page, incident)


async def _tell_of_the_past(tx: Transaction, incident: StatusIncident, about: Components) -> None:
    """From its beginning until it was told, or over before that, its components were like this."""
    until = min(incident.resolved_at or tx.now, incident.published_at or tx.now)
    await status_backdating.say(tx, incident, about, since=incident.started_at, until=until)


async def _settle(tx: Transaction, page: StatusPage, incident: StatusIncident) -> None:
    """Write the incident and all that follows from it."""
    about = await _affected(tx, incident)
    if not incident.impact_is_chosen:
        felt = impact_of([row.status for row in about], incident.kind)
        # The impact is the worst that was reached: it does not fall while things get better.
        incident.impact = (
            max(incident.impact, felt, key=list(Impact).index) if incident.published_at else felt
        )
    incident.due_at = due(incident)
    await status_incidents.update(tx, incident)
    await pages.note(tx, page.id)
    await pages.touched(tx, page)


async def _say(
    tx: Transaction,
    incident: StatusIncident,
    status: PublicStatus,
    message: str,
    *,
    at: Instant,
    tells: bool,
    changes: Sequence[Change] = (),
    proposes: Components | None = None,
    is_draft: bool = False,
    update_id: str | None = None,
) -> StatusUpdate:
    update = StatusUpdate(
        id=update_id or new_id(tx.now),
        incident_id=incident.id,
        public_id=new_public_id(),
        status=status,
        message=check_message(message),
        changes=list(changes),
        proposes=dict(proposes or {}),
        tells=tells,
        shown_at=at,
        published_at=None if is_draft else tx.now,
        created_by_id=tx.actor.user_id,
        created_at=tx.now,
    )
    await status_incidents.insert_update(tx, update)
    return update


def _changes(before: Mapping[str, Component], after: Sequence[Component]) -> list[Change]:
    return [
        Change(component_id=each.id, name=each.name, was=before[each.id].status, is_now=each.status)
        for each in after
        if each.id in before and before[each.id].status is not each.status
    ]


async def to_tell(
    tx: Transaction, incident_id: str, permission: Permission = Permission.RESPOND
) -> tuple[StatusPage, StatusIncident]:
    """It and its page, for somebody who may say something of it."""
    incident = found(await status_incidents.get(tx, incident_id), "status incident")
    page = await status_pages.get(tx, tx.actor, incident.page_id)
    if page is None:
        raise NotFound("status incident")
    require(tx.actor, permission, page.team_id, "status incident")
    return page, incident


async def components_of(
    tx: Transaction, page: StatusPage, kind: PublicKind, named: Components, *, has: Collection[str] = ()
) -> dict[str, ComponentStatus | None]:
    """The components that a body names, all of this page; a maintenance has them under maintenance.

    `has`: what it is about already. Some of that may be deleted by now: whoever sends back what was read names it.
    """
    known = {each.id for each in await status_pages.components(tx, page.id)} | set(has)
    for each in named:
        if each not in known:
            raise unknown("componentIds", "component of this page", each)
    usual = ComponentStatus.UNDER_MAINTENANCE if kind is PublicKind.MAINTENANCE else None
    return {each: status or usual for each, status in named.items()}


async def _affected(tx: Transaction, incident: StatusIncident) -> list[Affected]:
    return (await status_incidents.affected(tx, [incident.id])).get(incident.id, [])


def _rows(incident_id: str, about: Components) -> list[Affected]:
    return [
        Affected(incident_id=incident_id, component_id=each, status=status) for each, status in about.items()
    ]


async def _check_internal(tx: Transaction, page: StatusPage, incident_id: str) -> None:
    try:
        incident = await internal.see(tx, tx.actor, incident_id)
    except NotFound:
        raise unknown("internalIncidentId", "incident", incident_id) from None
    if incident.organization_id != page.organization_id:
        raise unknown("internalIncidentId", "incident", incident_id)
