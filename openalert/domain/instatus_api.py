"""The shapes of Instatus' public files (`/summary.json`, `/v2/components.json`), for the clients that know them."""

from typing import Any

from openalert.domain.instant import MINUTE, rfc3339
from openalert.domain.public_page import PublicComponent, PublicIncident, PublicPage
from openalert.domain.status_page import ComponentStatus, Impact, OverallStatus, PublicStatus

_PAGE = {
    OverallStatus.OPERATIONAL: "UP",
    OverallStatus.DEGRADED: "HASISSUES",
    OverallStatus.OUTAGE: "HASISSUES",
    OverallStatus.MAINTENANCE: "UNDERMAINTENANCE",
}
_COMPONENT = {
    ComponentStatus.OPERATIONAL: "OPERATIONAL",
    ComponentStatus.UNDER_MAINTENANCE: "UNDERMAINTENANCE",
    ComponentStatus.DEGRADED_PERFORMANCE: "DEGRADEDPERFORMANCE",
    ComponentStatus.PARTIAL_OUTAGE: "PARTIALOUTAGE",
    ComponentStatus.MAJOR_OUTAGE: "MAJOROUTAGE",
}
_IMPACT = {
    Impact.NONE: "OPERATIONAL",
    Impact.MINOR: "DEGRADEDPERFORMANCE",
    Impact.MAJOR: "PARTIALOUTAGE",
    Impact.CRITICAL: "MAJOROUTAGE",
}
_MAINTENANCE = {
    PublicStatus.SCHEDULED: "NOTSTARTEDYET",
    PublicStatus.IN_PROGRESS: "INPROGRESS",
    PublicStatus.VERIFYING: "INPROGRESS",
    PublicStatus.COMPLETED: "COMPLETED",
}


def summary(page: PublicPage) -> dict[str, Any]:
    """How the whole stands, with what is open and planned; the lists are left out while they are empty, as there."""
    has_issues = page.overall is OverallStatus.OPERATIONAL and page.active
    found: dict[str, Any] = {
        "page": {
            "name": page.name,
            "url": page.url,
            "status": "HASISSUES" if has_issues else _PAGE[page.overall],
        }
    }
    if page.active:
        found["activeIncidents"] = [_incident(page, each) for each in page.active]
    if page.maintenances:
        found["activeMaintenances"] = [_maintenance(page, each) for each in page.maintenances]
    return found


def components(page: PublicPage) -> dict[str, Any]:
    """The components; one in a group names it."""
    return {"components": [_component(page, each) for each in page.components]}


def _incident(page: PublicPage, told: PublicIncident) -> dict[str, Any]:
    return {
        "id": told.public_id,
        "name": told.title,
        "started": rfc3339(told.started_at),
        "status": told.status.upper(),
        "impact": _IMPACT.get(told.impact, "OPERATIONAL"),
        "url": f"{page.url}/incidents/{told.public_id}",
        "updatedAt": rfc3339(told.updated_at),
    }


def _maintenance(page: PublicPage, told: PublicIncident) -> dict[str, Any]:
    begins, ends = told.scheduled_for or told.started_at, told.scheduled_until or told.started_at
    return {
        "id": told.public_id,
        "name": told.title,
        "start": rfc3339(begins),
        "status": _MAINTENANCE.get(told.status, "INPROGRESS"),
        "duration": str((ends - begins) // MINUTE),
        "url": f"{page.url}/incidents/{told.public_id}",
        "updatedAt": rfc3339(told.updated_at),
    }


def _component(page: PublicPage, part: PublicComponent) -> dict[str, Any]:
    group = next((each for each in page.groups if each.id == part.group_id), None)
    return {
        "id": part.public_id,
        "name": part.name,
        "description": part.description,
        "status": _COMPONENT[part.status],
        "isParent": False,
        "group": {"id": group.public_id, "name": group.name} if group else None,
    }
