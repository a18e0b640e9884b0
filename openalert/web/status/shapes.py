"""The public JSON of a status page: `/public/status/{slug}` and below, with the ids of the management API."""

from datetime import datetime

from openalert.domain.public_page import PublicComponent, PublicIncident, PublicPage, PublicUpdate
from openalert.domain.status_page import ComponentStatus, Impact, PublicKind, PublicStatus
from openalert.web.api.status_shapes import OverallOut, StatusChangeOut
from openalert.web.api.wire import Output, moment, moment_or_none


class PublicComponentOut(Output):
    """A component."""

    id: str
    name: str
    description: str
    group: str | None
    link: str | None
    status: ComponentStatus
    position: int
    uptime: float | None
    """Per cent over the last 90 days; null where it is not shown."""
    updated_at: datetime


class PublicUpdateOut(Output):
    """Something that was said."""

    id: str
    status: PublicStatus
    message: str
    changes: list[StatusChangeOut]
    created_at: datetime
    edited_at: datetime | None


class PublicIncidentOut(Output):
    """An incident or a maintenance; its updates are the oldest first, as they were said."""

    id: str
    kind: PublicKind
    title: str
    status: PublicStatus
    impact: Impact
    component_ids: list[str]
    scheduled_for: datetime | None
    scheduled_until: datetime | None
    started_at: datetime
    resolved_at: datetime | None
    postmortem: str
    url: str
    updates: list[PublicUpdateOut]
    created_at: datetime
    updated_at: datetime


class PublicPageOut(Output):
    """The page with its components and with what is not over."""

    id: str
    name: str
    slug: str
    description: str
    url: str
    timezone: str
    overall_status: OverallOut
    components: list[PublicComponentOut]
    incidents: list[PublicIncidentOut]
    updated_at: datetime
    as_of: datetime
    """When this picture of the page was taken."""


class PublicComponentsOut(Output):
    """The components in their order."""

    items: list[PublicComponentOut]


class PublicIncidentsOut(Output):
    """Incidents and maintenances, the newest first."""

    items: list[PublicIncidentOut]


def show(page: PublicPage) -> PublicPageOut:
    """The whole page."""
    return PublicPageOut(
        id=page.id,
        name=page.name,
        slug=page.slug,
        description=page.description,
        url=page.url,
        timezone=page.timezone,
        overall_status=OverallOut(
            status=page.overall,
            affected_components=page.affected_components,
            active_incidents=len(underway(page)),
        ),
        components=show_components(page).items,
        incidents=[show_incident(page, each) for each in page.incidents if not each.status.is_over],
        updated_at=moment(page.updated_at),
        as_of=moment(page.as_of),
    )


def underway(page: PublicPage) -> list[PublicIncident]:
    """What has begun and is not over; a maintenance counts from its beginning on."""
    return [
        each
        for each in page.incidents
        if not each.status.is_over and each.status is not PublicStatus.SCHEDULED
    ]


def show_components(page: PublicPage) -> PublicComponentsOut:
    """The components."""
    groups = {each.id: each.name for each in page.groups}
    return PublicComponentsOut(items=[_component(each, groups) for each in page.components])


def show_incidents(
    page: PublicPage, *, resolved: bool = True, status: PublicStatus | None = None, limit: int
) -> PublicIncidentsOut:
    """The newest incidents; without `resolved` only what is not over, with `status` only what is so far."""
    some = [
        each
        for each in page.incidents
        if (resolved or not each.status.is_over) and (status is None or each.status is status)
    ]
    return PublicIncidentsOut(items=[show_incident(page, each) for each in some[:limit]])


def show_incident(page: PublicPage, incident: PublicIncident) -> PublicIncidentOut:
    """One of them."""
    return PublicIncidentOut(
        id=incident.id,
        kind=incident.kind,
        title=incident.title,
        status=incident.status,
        impact=incident.impact,
        component_ids=list(incident.component_ids),
        scheduled_for=moment_or_none(incident.scheduled_for),
        scheduled_until=moment_or_none(incident.scheduled_until),
        started_at=moment(incident.started_at),
        resolved_at=moment_or_none(incident.resolved_at),
        postmortem=incident.postmortem,
        url=f"{page.url}/incidents/{incident.public_id}",
        updates=[_update(each) for each in reversed(incident.updates)],
        created_at=moment(incident.created_at),
        updated_at=moment(incident.updated_at),
    )


def _component(each: PublicComponent, groups: dict[str, str]) -> PublicComponentOut:
    return PublicComponentOut(
        id=each.id,
        name=each.name,
        description=each.description,
        group=groups.get(each.group_id or ""),
        link=each.link,
        status=each.status,
        position=each.position,
        uptime=None if each.percent is None else int(each.percent * 1000) / 1000,
        updated_at=moment(each.updated_at),
    )


def _update(each: PublicUpdate) -> PublicUpdateOut:
    return PublicUpdateOut(
        id=each.id,
        status=each.status,
        message=each.message,
        changes=[
            StatusChangeOut(
                component_id=change.component_id,
                name=change.name,
                old_status=change.was,
                new_status=change.is_now,
            )
            for change in each.changes
        ],
        created_at=moment(each.shown_at),
        edited_at=moment_or_none(each.edited_at),
    )
