"""Status page: what customers are told. Pages with components, incidents with updates, and how the whole stands.

A page speaks to people outside: nothing of the team's own incidents is on it but what somebody published. The words and
the rollup follow the public API of Statuspage, version 2, which readers and clients know.
"""

import re
import secrets
import string
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from openalert.domain.instant import Instant


class ComponentStatus(StrEnum):
    """How a component is; a later member is worse than those before it, but for maintenance."""

    OPERATIONAL = "operational"
    UNDER_MAINTENANCE = "under_maintenance"
    DEGRADED_PERFORMANCE = "degraded_performance"
    PARTIAL_OUTAGE = "partial_outage"
    MAJOR_OUTAGE = "major_outage"

    @property
    def rank(self) -> int:
        """0 for operational up to 4 for a major outage."""
        return _RANK[self]

    @property
    def words(self) -> str:
        """As people read it."""
        return self.value.replace("_", " ").capitalize()


_RANK = {status: rank for rank, status in enumerate(ComponentStatus)}


class OverallStatus(StrEnum):
    """How the page stands as a whole, by the rule of `overall`."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded"
    OUTAGE = "outage"
    MAINTENANCE = "maintenance"


class PublicStatus(StrEnum):
    """How far an incident or a maintenance is."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    VERIFYING = "verifying"
    COMPLETED = "completed"

    @property
    def is_over(self) -> bool:
        """Nothing more is expected."""
        return self in (PublicStatus.RESOLVED, PublicStatus.COMPLETED)

    @property
    def words(self) -> str:
        """As people read it."""
        return self.value.replace("_", " ").capitalize()


class Impact(StrEnum):
    """How much customers feel of it."""

    NONE = "none"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"
    MAINTENANCE = "maintenance"


class PublicKind(StrEnum):
    """What is told."""

    INCIDENT = "incident"
    MAINTENANCE = "maintenance"


class Automation(StrEnum):
    """What an open incident of its service does to a component."""

    OFF = "off"
    PROPOSE = "propose"
    """A draft waits for somebody's approval."""
    SET = "set"
    """The status changes at once, without words."""


OF_INCIDENT = (
    PublicStatus.INVESTIGATING,
    PublicStatus.IDENTIFIED,
    PublicStatus.MONITORING,
    PublicStatus.RESOLVED,
)
OF_MAINTENANCE = (
    PublicStatus.SCHEDULED,
    PublicStatus.IN_PROGRESS,
    PublicStatus.VERIFYING,
    PublicStatus.COMPLETED,
)


class Theme(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Colours of a page; None: our own."""

    accent: str | None = None
    """`#rrggbb`."""


class StatusPage(msgspec.Struct, kw_only=True):
    """A row of `status_pages`."""

    id: str
    organization_id: str
    team_id: str
    public_id: str
    name: str
    slug: str
    slug_key: str | None
    """The slug while the page is there: unique."""
    description: str = ""
    is_public: bool = True
    link_hash: str | None = None
    """SHA-256 of the secret in the link that opens a page that is not public; None: there is no such link."""
    custom_domain: str | None = None
    domain_key: str | None = None
    logo_url: str | None = None
    header_text: str = ""
    footer_text: str = ""
    """Markdown."""
    support_url: str | None = None
    theme: Theme = Theme()
    language: str = "en"
    timezone: str = "UTC"
    """Its days are cut there."""
    is_indexed: bool = True
    """Whether search engines may list it."""
    version: int = 1
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None = None


class ComponentGroup(msgspec.Struct, kw_only=True):
    """A row of `status_groups`."""

    id: str
    page_id: str
    public_id: str
    name: str
    position: int
    is_open: bool = True
    """Whether its components are shown before somebody opens it."""
    created_at: Instant
    updated_at: Instant


class Component(msgspec.Struct, kw_only=True):
    """A row of `status_components`."""

    id: str
    page_id: str
    group_id: str | None = None
    public_id: str
    name: str
    description: str = ""
    link_url: str | None = None
    status: ComponentStatus = ComponentStatus.OPERATIONAL
    """How it is when no incident says otherwise; see `effective`."""
    position: int
    shows_uptime: bool = True
    began_at: Instant
    service_id: str | None = None
    automation: Automation = Automation.OFF
    automatic_status: ComponentStatus | None = None
    """What open incidents of its service make of it, where `automation` sets it."""
    automatic_from: Instant = 0
    """Only incidents that began later count."""
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None = None


class StatusIncident(msgspec.Struct, kw_only=True):
    """A row of `status_incidents`: an incident or a maintenance as it is told."""

    id: str
    page_id: str
    public_id: str
    internal_incident_id: str | None = None
    kind: PublicKind = PublicKind.INCIDENT
    title: str
    status: PublicStatus
    impact: Impact
    impact_is_chosen: bool = False
    scheduled_for: Instant | None = None
    scheduled_until: Instant | None = None
    is_automatic: bool = True
    due_at: Instant | None = None
    started_at: Instant
    resolved_at: Instant | None = None
    is_backdated: bool = False
    postmortem: str = ""
    """What is public of it, in Markdown."""
    postmortem_at: Instant | None = None
    """When it was published."""
    postmortem_draft: str = ""
    """What waits to be published."""
    published_at: Instant | None = None
    """None: a draft."""
    created_by_id: str | None = None
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None = None


class Affected(msgspec.Struct, kw_only=True):
    """A row of `status_incident_components`."""

    incident_id: str
    component_id: str
    status: ComponentStatus | None = None
    """How the component is because of the incident; None: as it is without it."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What an update changed of a component."""

    component_id: str
    name: str
    was: ComponentStatus
    is_now: ComponentStatus


class StatusUpdate(msgspec.Struct, kw_only=True):
    """A row of `status_updates`."""

    id: str
    incident_id: str
    public_id: str
    status: PublicStatus
    message: str
    """Markdown."""
    changes: list[Change] = []
    proposes: dict[str, ComponentStatus | None] = {}
    """Of a draft: the components that it would change, by id."""
    tells: bool = True
    shown_at: Instant
    edited_at: Instant | None = None
    published_at: Instant | None = None
    created_by_id: str | None = None
    """None: nobody wrote it; it was proposed."""
    created_at: Instant


class Logged(msgspec.Struct, kw_only=True):
    """A row of `status_component_log`: how a component is from then on."""

    component_id: str
    at: Instant
    status: ComponentStatus
    incident_id: str | None = None


class StatusTemplate(msgspec.Struct, kw_only=True):
    """A row of `status_templates`: words that were found before they were needed."""

    id: str
    page_id: str
    name: str
    name_key: str
    """The name as it is compared: unique on its page."""
    kind: PublicKind = PublicKind.INCIDENT
    title: str = ""
    message: str = ""
    status: PublicStatus | None = None
    """None: where one of its kind begins."""
    components: dict[str, ComponentStatus | None] = {}
    tells: bool = True
    created_at: Instant
    updated_at: Instant


def overall(statuses: Iterable[ComponentStatus]) -> OverallStatus:
    """How the whole stands: an outage of any component is one, then slowness; maintenance only if all are in it."""
    known = list(statuses)
    if any(status in (ComponentStatus.MAJOR_OUTAGE, ComponentStatus.PARTIAL_OUTAGE) for status in known):
        return OverallStatus.OUTAGE
    if ComponentStatus.DEGRADED_PERFORMANCE in known:
        return OverallStatus.DEGRADED
    if known and all(status is ComponentStatus.UNDER_MAINTENANCE for status in known):
        return OverallStatus.MAINTENANCE
    return OverallStatus.OPERATIONAL


class Indicator(msgspec.Struct, frozen=True):
    """How the whole stands in Statuspage's words."""

    indicator: str
    """`none`, `minor`, `major`, `critical` or `maintenance`."""
    description: str


def indicator(statuses: Iterable[ComponentStatus]) -> Indicator:
    """The rollup of Statuspage's public API: one outage of several is partial."""
    known = list(statuses)
    found = set(known)
    for status, whole, part in _ROLLUP:
        if status in found:
            return whole if found == {status} else part
    if ComponentStatus.UNDER_MAINTENANCE in found:
        return Indicator("maintenance", "Service Under Maintenance")
    return Indicator("none", "All Systems Operational")


_ROLLUP = (
    (
        ComponentStatus.MAJOR_OUTAGE,
        Indicator("critical", "Major System Outage"),
        Indicator("major", "Partial System Outage"),
    ),
    (
        ComponentStatus.PARTIAL_OUTAGE,
        Indicator("major", "Partial System Outage"),
        Indicator("minor", "Minor Service Outage"),
    ),
    (
        ComponentStatus.DEGRADED_PERFORMANCE,
        Indicator("minor", "Degraded System Service"),
        Indicator("minor", "Partially Degraded Service"),
    ),
)


def effective(own: ComponentStatus, because: Iterable[ComponentStatus | None]) -> ComponentStatus:
    """How a component is: the worst of what it is by itself and what open incidents say of it."""
    return max([own, *(status for status in because if status)], key=lambda status: status.rank)


def impact_of(statuses: Sequence[ComponentStatus | None], kind: PublicKind) -> Impact:
    """The impact that follows from the components of an incident."""
    if kind is PublicKind.MAINTENANCE:
        return Impact.MAINTENANCE
    worst = max((status.rank for status in statuses if status), default=0)
    return {4: Impact.CRITICAL, 3: Impact.MAJOR, 2: Impact.MINOR}.get(worst, Impact.NONE)


def felt(impact: Impact | None) -> ComponentStatus | None:
    """How components are of which is only known that an incident of this impact is about them; None: untouched.

    With the specification they are slow, so that no page is green beside an incident that customers feel.
    """
    if impact is Impact.NONE:
        return None
    return ComponentStatus.MAJOR_OUTAGE if impact is Impact.CRITICAL else ComponentStatus.DEGRADED_PERFORMANCE


_PUBLIC_ALPHABET = string.ascii_lowercase + string.digits


def new_public_id() -> str:
    """Twelve letters and digits that say nothing."""
    return "".join(secrets.choice(_PUBLIC_ALPHABET) for _ in range(12))


DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
COLOUR = re.compile(r"#[0-9a-f]{6}")
