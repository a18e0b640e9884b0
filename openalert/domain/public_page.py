"""What the public sees of a status page: a picture of one moment, which can be kept, shown and shown again.

It holds nothing that was not published, and no id of anything but what is on the page.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.status_page import (
    Component,
    ComponentStatus,
    Impact,
    Indicator,
    OverallStatus,
    PublicKind,
    PublicStatus,
    StatusIncident,
    StatusUpdate,
    Theme,
)
from openalert.domain.uptime import Day


class PublicComponent(msgspec.Struct, frozen=True, kw_only=True):
    """A component as customers see it."""

    id: str
    public_id: str
    group_id: str | None
    name: str
    description: str
    link: str | None
    status: ComponentStatus
    position: int
    shows_uptime: bool
    days: tuple[Day, ...]
    """The last 90 days, the oldest first; empty where its uptime is not shown."""
    percent: float | None
    since: Instant = 0
    """Since when it is as it is; 0: that is not known."""
    created_at: Instant
    updated_at: Instant


class PublicGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of components; its status is that of its worst one."""

    id: str
    public_id: str
    name: str
    is_open: bool
    status: ComponentStatus
    position: int
    created_at: Instant
    updated_at: Instant


class PublicChange(msgspec.Struct, frozen=True, kw_only=True):
    """What an update changed of a component that is still there."""

    component_id: str
    public_id: str
    name: str
    was: ComponentStatus
    is_now: ComponentStatus


class PublicUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was said."""

    id: str
    public_id: str
    status: PublicStatus
    message: str
    """Markdown of people: to be rendered by `web.markdown` alone."""
    changes: tuple[PublicChange, ...]
    shown_at: Instant
    edited_at: Instant | None


class PublicIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident or a maintenance as customers see it."""

    id: str
    public_id: str
    kind: PublicKind
    title: str
    status: PublicStatus
    impact: Impact
    component_ids: tuple[str, ...]
    """Those of its components that are on the page."""
    scheduled_for: Instant | None
    scheduled_until: Instant | None
    started_at: Instant
    resolved_at: Instant | None
    postmortem: str
    postmortem_at: Instant | None = None
    is_backdated: bool = False
    updates: tuple[PublicUpdate, ...]
    """The newest first."""
    created_at: Instant
    updated_at: Instant


class PublicPage(msgspec.Struct, frozen=True, kw_only=True):
    """The page at one moment."""

    id: str
    public_id: str
    name: str
    slug: str
    description: str
    url: str
    """Where the public finds it, without a slash at the end."""
    custom_domain: str | None
    is_public: bool
    link_hash: str | None
    team_id: str
    organization_id: str
    logo_url: str | None
    header_text: str
    footer_text: str
    support_url: str | None
    theme: Theme
    language: str
    timezone: str
    is_indexed: bool
    kinds_off: tuple[str, ...] = ()
    """Ways of being told that it does not offer; see `SubscriberKind`."""
    version: int
    as_of: Instant
    """When the picture was taken."""
    updated_at: Instant
    overall: OverallStatus
    indicator: Indicator
    affected_components: int
    groups: tuple[PublicGroup, ...]
    components: tuple[PublicComponent, ...]
    incidents: tuple[PublicIncident, ...]
    """What is told and not over, and what was in the last 90 days; the newest first. Maintenances too."""
    complete_since: Instant = 0
    """Everything that began since then is among `incidents`."""
    began_at: Instant = 0
    """When the first of all that was ever told began; 0: nothing was, or that is not known."""

    @property
    def active(self) -> list[PublicIncident]:
        """Incidents that are not over."""
        return [
            each for each in self.incidents if each.kind is PublicKind.INCIDENT and not each.status.is_over
        ]

    @property
    def maintenances(self) -> list[PublicIncident]:
        """Maintenances to come or under way, the next one first."""
        found = [
            each for each in self.incidents if each.kind is PublicKind.MAINTENANCE and not each.status.is_over
        ]
        return sorted(found, key=lambda each: each.started_at)


def component_of(
    component: Component, *, days: Sequence[Day] = (), percent: float | None = None, since: Instant = 0
) -> PublicComponent:
    """A component as customers see it, with its uptime as far as it is given."""
    return PublicComponent(
        id=component.id,
        public_id=component.public_id,
        group_id=component.group_id,
        name=component.name,
        description=component.description,
        link=component.link_url,
        status=component.status,
        position=component.position,
        shows_uptime=component.shows_uptime,
        days=tuple(days),
        percent=percent,
        since=since,
        created_at=component.created_at,
        updated_at=component.updated_at,
    )


def incident_of(
    incident: StatusIncident,
    about: Iterable[str],
    updates: Iterable[StatusUpdate],
    parts: Mapping[str, Component],
) -> PublicIncident:
    """An incident with published `updates` and the components that it is `about`, of those that the page has."""
    return PublicIncident(
        id=incident.id,
        public_id=incident.public_id,
        kind=incident.kind,
        title=incident.title,
        status=incident.status,
        impact=incident.impact,
        component_ids=tuple(each for each in about if each in parts),
        scheduled_for=incident.scheduled_for,
        scheduled_until=incident.scheduled_until,
        started_at=incident.started_at,
        resolved_at=incident.resolved_at,
        postmortem=incident.postmortem,
        postmortem_at=incident.postmortem_at,
        is_backdated=incident.is_backdated,
        updates=tuple(update_of(each, parts) for each in updates),
        created_at=incident.created_at,
        updated_at=incident.updated_at,
    )


def update_of(update: StatusUpdate, parts: Mapping[str, Component]) -> PublicUpdate:
    """An update with what it changed of components that the page still has."""
    return PublicUpdate(
        id=update.id,
        public_id=update.public_id,
        status=update.status,
        message=update.message,
        changes=tuple(
            PublicChange(
                component_id=change.component_id,
                public_id=parts[change.component_id].public_id,
                name=change.name,
                was=change.was,
                is_now=change.is_now,
            )
            for change in update.changes
            if change.component_id in parts
        ),
        shown_at=update.shown_at,
        edited_at=update.edited_at,
    )
