"""Status pages as JSON: what the API answers and takes of pages, components, incidents and updates."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from openalert.domain.instant import Instant, from_datetime
from openalert.domain.links_back import LinksBack
from openalert.domain.status_page import (
    Automation,
    Component,
    ComponentGroup,
    ComponentStatus,
    Impact,
    OverallStatus,
    PublicKind,
    PublicStatus,
    StatusPage,
    StatusUpdate,
    Theme,
    felt,
)
from openalert.usecases.status_incidents import Told
from openalert.usecases.status_pages import Overall
from openalert.web.api.wire import Input, Output, moment, moment_or_none


class StatusPageOut(Output):
    """A status page. Only when it is made does `link` hold the secret that opens a page that is not public."""

    id: str
    name: str
    slug: str
    team_id: str
    description: str
    is_public: bool
    custom_domain: str | None
    logo_url: str | None
    header_text: str
    footer_text: str
    support_url: str | None
    theme: Theme
    language: str
    timezone: str
    is_indexed: bool
    url: str
    has_link: bool
    created_at: datetime
    updated_at: datetime
    link: str | UnsetType = UNSET


class StatusPageIn(Input):
    """A new status page; it is public unless it says otherwise."""

    name: str
    team_id: str
    slug: str | None = None
    description: str = ""
    is_public: bool = True
    custom_domain: str | None = None
    logo_url: str | None = None
    header_text: str = ""
    footer_text: str = ""
    support_url: str | None = None
    theme: Theme | UnsetType = UNSET
    language: str = "en"
    timezone: str = "UTC"
    is_indexed: bool = True


class StatusPagePatch(Input):
    """What to change of a status page."""

    name: str | UnsetType = UNSET
    team_id: str | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    is_public: bool | UnsetType = UNSET
    custom_domain: str | UnsetType | None = UNSET
    logo_url: str | UnsetType | None = UNSET
    header_text: str | UnsetType = UNSET
    footer_text: str | UnsetType = UNSET
    support_url: str | UnsetType | None = UNSET
    theme: Theme | UnsetType = UNSET
    language: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET
    is_indexed: bool | UnsetType = UNSET


class OverallOut(Output):
    """How a page stands as a whole."""

    status: OverallStatus
    affected_components: int
    active_incidents: int


class ComponentOut(Output):
    """A component; `status` is the worst of its own and of what open incidents say of it."""

    id: str
    status_page_id: str
    group_id: str | None
    name: str
    description: str
    link_url: str | None
    status: ComponentStatus
    position: int
    shows_uptime: bool
    service_id: str | None
    automation: Automation
    created_at: datetime
    updated_at: datetime


class ComponentIn(Input):
    """A new component, the last of its page unless `position` says otherwise."""

    name: str
    description: str = ""
    link_url: str | None = None
    status: ComponentStatus = ComponentStatus.OPERATIONAL
    group_id: str | None = None
    position: int | None = None
    shows_uptime: bool = True
    service_id: str | None = None
    automation: Automation = Automation.OFF


class ComponentPatch(Input):
    """What to change of a component; its status alone may be set by every member."""

    status: ComponentStatus | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    link_url: str | UnsetType | None = UNSET
    group_id: str | UnsetType | None = UNSET
    position: int | UnsetType = UNSET
    shows_uptime: bool | UnsetType = UNSET
    service_id: str | UnsetType | None = UNSET
    automation: Automation | UnsetType = UNSET


class ComponentOrderIn(Input):
    """The components in their new order; those that are not named follow as they were."""

    component_ids: list[str]


class ComponentGroupOut(Output):
    """A group of components."""

    id: str
    status_page_id: str
    name: str
    position: int
    is_open: bool


class ComponentGroupIn(Input):
    """A new group, the last one."""

    name: str
    is_open: bool = True


class ComponentGroupPatch(Input):
    """What to change of a group."""

    name: str | UnsetType = UNSET
    position: int | UnsetType = UNSET
    is_open: bool | UnsetType = UNSET


class StatusChangeOut(Output):
    """What an update changed of a component."""

    component_id: str
    name: str
    old_status: ComponentStatus
    new_status: ComponentStatus


class StatusUpdateOut(Output):
    """Something that was said about an incident, or a draft of it."""

    id: str
    status: PublicStatus
    message: str
    changes: list[StatusChangeOut]
    created_at: datetime
    edited_at: datetime | None
    is_draft: bool
    notify: bool
    proposed_components: dict[str, ComponentStatus | None]


class StatusIncidentOut(Output):
    """An incident or a maintenance as it is told."""

    id: str
    status_page_id: str
    internal_incident_id: str | None
    kind: PublicKind
    title: str
    status: PublicStatus
    impact: Impact
    component_ids: list[str]
    components: dict[str, ComponentStatus | None]
    scheduled_for: datetime | None
    scheduled_until: datetime | None
    is_automatic: bool
    started_at: datetime
    resolved_at: datetime | None
    is_backdated: bool
    is_draft: bool
    postmortem: str
    postmortem_published_at: datetime | None
    postmortem_draft: str
    updates: list[StatusUpdateOut]
    created_at: datetime
    updated_at: datetime


class StatusIncidentIn(Input):
    """What to tell; with `scheduledFor` and `scheduledUntil` it is a maintenance."""

    title: str
    message: str = ""
    status: PublicStatus | None = None
    impact: Impact | None = None
    component_ids: tuple[str, ...] = ()
    components: dict[str, ComponentStatus | None] | None = None
    internal_incident_id: str | None = None
    scheduled_for: datetime | None = None
    scheduled_until: datetime | None = None
    is_automatic: bool = True
    started_at: datetime | None = None
    resolved_at: datetime | None = None
    is_draft: bool = False
    notify: bool | None = None


class ProposalIn(Input):
    """An incident here of which customers may be told."""

    incident_id: str


class StatusIncidentPatch(Input):
    """What to change of it; what was said stays."""

    title: str | UnsetType = UNSET
    impact: Impact | UnsetType | None = UNSET
    component_ids: tuple[str, ...] | UnsetType = UNSET
    components: dict[str, ComponentStatus | None] | UnsetType = UNSET
    scheduled_for: datetime | UnsetType = UNSET
    scheduled_until: datetime | UnsetType = UNSET
    is_automatic: bool | UnsetType = UNSET
    postmortem_draft: str | UnsetType = UNSET


class StatusUpdateIn(Input):
    """Something more to say."""

    status: PublicStatus
    message: str
    components: dict[str, ComponentStatus | None] | None = None
    notify: bool = True
    is_draft: bool = False


class StatusUpdatePatch(Input):
    """Other words for what was said; the rest only while it is a draft."""

    message: str | UnsetType = UNSET
    status: PublicStatus | UnsetType = UNSET
    components: dict[str, ComponentStatus | None] | UnsetType = UNSET
    notify: bool | UnsetType = UNSET


class DraftApproval(Input):
    """A draft as it is, or in other words."""

    message: str | None = None
    status: PublicStatus | None = None
    components: dict[str, ComponentStatus | None] | None = None
    notify: bool | None = None


class PostmortemApproval(Input):
    """The draft of a postmortem as it is, or in other words."""

    postmortem: str | None = None


class StatusResolution(Input):
    """The last words."""

    message: str = ""


def show_page(links_back: LinksBack, page: StatusPage, secret: str | None = None) -> StatusPageOut:
    """A page as it is answered; `secret` is that of its link, where that may be shown."""
    base = (
        f"https://{page.custom_domain}" if page.custom_domain else f"{links_back.base_url}/status/{page.slug}"
    )
    return StatusPageOut(
        id=page.id,
        name=page.name,
        slug=page.slug,
        team_id=page.team_id,
        description=page.description,
        is_public=page.is_public,
        custom_domain=page.custom_domain,
        logo_url=page.logo_url,
        header_text=page.header_text,
        footer_text=page.footer_text,
        support_url=page.support_url,
        theme=page.theme,
        language=page.language,
        timezone=page.timezone,
        is_indexed=page.is_indexed,
        url=base,
        has_link=page.link_hash is not None,
        created_at=moment(page.created_at),
        updated_at=moment(page.updated_at),
        link=UNSET if secret is None else f"{links_back.base_url}/status/{page.slug}?key={secret}",
    )


def show_overall(overall: Overall) -> OverallOut:
    """How a page stands, as it is answered."""
    return OverallOut(
        status=overall.status,
        affected_components=overall.affected_components,
        active_incidents=overall.active_incidents,
    )


def show_component(component: Component) -> ComponentOut:
    """A component as it is answered."""
    return ComponentOut(
        id=component.id,
        status_page_id=component.page_id,
        group_id=component.group_id,
        name=component.name,
        description=component.description,
        link_url=component.link_url,
        status=component.status,
        position=component.position,
        shows_uptime=component.shows_uptime,
        service_id=component.service_id,
        automation=component.automation,
        created_at=moment(component.created_at),
        updated_at=moment(component.updated_at),
    )


def show_group(group: ComponentGroup) -> ComponentGroupOut:
    """A group as it is answered."""
    return ComponentGroupOut(
        id=group.id,
        status_page_id=group.page_id,
        name=group.name,
        position=group.position,
        is_open=group.is_open,
    )


def show_update(update: StatusUpdate) -> StatusUpdateOut:
    """An update as it is answered."""
    return StatusUpdateOut(
        id=update.id,
        status=update.status,
        message=update.message,
        changes=[
            StatusChangeOut(
                component_id=each.component_id, name=each.name, old_status=each.was, new_status=each.is_now
            )
            for each in update.changes
        ],
        created_at=moment(update.shown_at),
        edited_at=moment_or_none(update.edited_at),
        is_draft=update.published_at is None,
        notify=update.tells,
        proposed_components=update.proposes if update.published_at is None else {},
    )


def show_told(told: Told) -> StatusIncidentOut:
    """An incident with its updates as it is answered, the newest update first."""
    incident = told.incident
    return StatusIncidentOut(
        id=incident.id,
        status_page_id=incident.page_id,
        internal_incident_id=incident.internal_incident_id,
        kind=incident.kind,
        title=incident.title,
        status=incident.status,
        impact=incident.impact,
        component_ids=[row.component_id for row in told.affected],
        components={row.component_id: row.status for row in told.affected},
        scheduled_for=moment_or_none(incident.scheduled_for),
        scheduled_until=moment_or_none(incident.scheduled_until),
        is_automatic=incident.is_automatic,
        started_at=moment(incident.started_at),
        resolved_at=moment_or_none(incident.resolved_at),
        is_backdated=incident.is_backdated,
        is_draft=incident.published_at is None,
        postmortem=incident.postmortem,
        postmortem_published_at=moment_or_none(incident.postmortem_at),
        postmortem_draft=incident.postmortem_draft,
        updates=[show_update(each) for each in told.updates],
        created_at=moment(incident.created_at),
        updated_at=moment(incident.updated_at),
    )


def about(data: StatusIncidentIn) -> dict[str, ComponentStatus | None]:
    """The components that a new incident names in either way; its impact says how those are that it only names.

    The use case has those of a maintenance under maintenance.
    """
    is_planned = data.scheduled_for is not None or data.scheduled_until is not None
    usual = None if is_planned else felt(data.impact)
    return dict.fromkeys(data.component_ids, usual) | dict(data.components or {})


def instant_or_none(value: datetime | None) -> Instant | None:
    """A moment of a body."""
    return None if value is None else from_datetime(value)
