"""The shapes of Statuspage's public API, version 2 (`…/api/v2/*.json`), for the clients that know them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openalert.domain.instant import Instant, rfc3339
from openalert.domain.public_page import (
    PublicComponent,
    PublicGroup,
    PublicIncident,
    PublicPage,
    PublicUpdate,
)
from openalert.domain.status_page import PublicKind, PublicStatus

MOST = 50
"""Incidents in a list, as there."""


def summary(page: PublicPage) -> dict[str, Any]:
    """Everything of now: `summary.json`."""
    return {
        **_page(page),
        "components": _components(page),
        "incidents": told(page, page.active),
        "scheduled_maintenances": told(page, page.maintenances),
        **_status(page),
    }


def status(page: PublicPage) -> dict[str, Any]:
    """`status.json`."""
    return _page(page) | _status(page)


def components(page: PublicPage) -> dict[str, Any]:
    """`components.json`; groups are among them."""
    return _page(page) | {"components": _components(page)}


def incidents(page: PublicPage) -> dict[str, Any]:
    """`incidents.json`: the latest, over or not."""
    return _page(page) | {"incidents": told(page, _of(page, PublicKind.INCIDENT))}


def unresolved(page: PublicPage) -> dict[str, Any]:
    """`incidents/unresolved.json`."""
    return _page(page) | {"incidents": told(page, page.active)}


def maintenances(page: PublicPage) -> dict[str, Any]:
    """`scheduled-maintenances.json`: the latest, over or not."""
    return _page(page) | {"scheduled_maintenances": told(page, _of(page, PublicKind.MAINTENANCE))}


def upcoming(page: PublicPage) -> dict[str, Any]:
    """`scheduled-maintenances/upcoming.json`."""
    some = [each for each in page.maintenances if each.status is PublicStatus.SCHEDULED]
    return _page(page) | {"scheduled_maintenances": told(page, some)}


def active(page: PublicPage) -> dict[str, Any]:
    """`scheduled-maintenances/active.json`."""
    some = [each for each in page.maintenances if each.status is not PublicStatus.SCHEDULED]
    return _page(page) | {"scheduled_maintenances": told(page, some)}


FILES: Mapping[str, Callable[[PublicPage], dict[str, Any]]] = {
    "summary.json": summary,
    "status.json": status,
    "components.json": components,
    "incidents.json": incidents,
    "incidents/unresolved.json": unresolved,
    "scheduled-maintenances.json": maintenances,
    "scheduled-maintenances/upcoming.json": upcoming,
    "scheduled-maintenances/active.json": active,
}
"""By path below `api/v2/`."""


def _page(page: PublicPage) -> dict[str, Any]:
    return {
        "page": {
            "id": page.public_id,
            "name": page.name,
            "url": page.url,
            "time_zone": "Etc/UTC" if page.timezone == "UTC" else page.timezone,
            "updated_at": rfc3339(page.updated_at),
        }
    }


def _status(page: PublicPage) -> dict[str, Any]:
    return {"status": {"indicator": page.indicator.indicator, "description": page.indicator.description}}


def _of(page: PublicPage, kind: PublicKind) -> list[PublicIncident]:
    return [each for each in page.incidents if each.kind is kind][:MOST]


def _components(page: PublicPage) -> list[dict[str, Any]]:
    groups = {each.id: each for each in page.groups}
    return [
        *(_component(page, each, groups) for each in page.components),
        *(_group(page, each) for each in page.groups),
    ]


def _component(page: PublicPage, each: PublicComponent, groups: Mapping[str, PublicGroup]) -> dict[str, Any]:
    group = groups.get(each.group_id or "")
    return {
        "id": each.public_id,
        "name": each.name,
        "status": each.status,
        "created_at": rfc3339(each.created_at),
        "updated_at": rfc3339(each.updated_at),
        "position": each.position,
        "description": each.description or None,
        "showcase": each.shows_uptime,
        "start_date": rfc3339(each.created_at)[:10],
        "group_id": group.public_id if group else None,
        "page_id": page.public_id,
        "group": False,
        "only_show_if_degraded": False,
    }


def _group(page: PublicPage, group: PublicGroup) -> dict[str, Any]:
    return {
        "id": group.public_id,
        "name": group.name,
        "status": group.status,
        "created_at": rfc3339(group.created_at),
        "updated_at": rfc3339(group.updated_at),
        "position": group.position,
        "description": None,
        "showcase": False,
        "start_date": None,
        "group_id": None,
        "page_id": page.public_id,
        "group": True,
        "only_show_if_degraded": False,
        "components": [each.public_id for each in page.components if each.group_id == group.id],
    }


def told(page: PublicPage, some: Sequence[PublicIncident]) -> list[dict[str, Any]]:
    """Incidents with their updates, the newest first, and their components."""
    groups = {each.id: each for each in page.groups}
    parts = {each.id: _component(page, each, groups) for each in page.components}
    return [_incident(page, each, parts) for each in some]


def _incident(
    page: PublicPage, incident: PublicIncident, parts: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    learned = _postmortem(incident)
    # What was told later was there when it began, as it would be had it been told in time.
    made = incident.created_at if incident.scheduled_for else min(incident.created_at, incident.started_at)
    shown = {
        "id": incident.public_id,
        "name": incident.title,
        "status": learned[0]["status"] if learned else incident.status,
        "created_at": rfc3339(made),
        "updated_at": rfc3339(incident.updated_at),
        "monitoring_at": _time(_first(incident, PublicStatus.MONITORING)),
        "resolved_at": _time(incident.resolved_at),
        "impact": incident.impact,
        "shortlink": f"{page.url}/incidents/{incident.public_id}",
        "started_at": rfc3339(incident.started_at),
        "page_id": page.public_id,
        "incident_updates": [*learned, *(_update(incident, each) for each in incident.updates)],
        "components": [parts[each] for each in incident.component_ids if each in parts],
        "reminder_intervals": None,
    }
    if incident.kind is PublicKind.MAINTENANCE:
        shown["scheduled_for"] = _time(incident.scheduled_for)
        shown["scheduled_until"] = _time(incident.scheduled_until)
    return shown


def _postmortem(incident: PublicIncident) -> list[dict[str, Any]]:
    """The last word on an incident that is over, where one is published: an update and a status of its own there."""
    if not incident.postmortem or not incident.status.is_over or incident.kind is PublicKind.MAINTENANCE:
        return []
    at = rfc3339(incident.postmortem_at or incident.updated_at)
    return [
        {
            "id": hashlib.sha256(f"postmortem of {incident.public_id}".encode()).hexdigest()[:12],
            "status": "postmortem",
            "body": incident.postmortem,
            "incident_id": incident.public_id,
            "created_at": at,
            "updated_at": at,
            "display_at": at,
            "affected_components": None,
            "deliver_notifications": False,
            "custom_tweet": None,
            "tweet_id": None,
        }
    ]


def _update(incident: PublicIncident, update: PublicUpdate) -> dict[str, Any]:
    said = rfc3339(update.shown_at)
    return {
        "id": update.public_id,
        "status": update.status,
        "body": update.message,
        "incident_id": incident.public_id,
        "created_at": said,
        "updated_at": _time(update.edited_at) or said,
        "display_at": said,
        "affected_components": [
            {
                "code": change.public_id,
                "name": change.name,
                "old_status": change.was,
                "new_status": change.is_now,
            }
            for change in update.changes
        ]
        or None,
        "deliver_notifications": True,
        "custom_tweet": None,
        "tweet_id": None,
    }


def _first(incident: PublicIncident, wanted: PublicStatus) -> Instant | None:
    return min((each.shown_at for each in incident.updates if each.status is wanted), default=None)


def _time(instant: Instant | None) -> str | None:
    return None if instant is None else rfc3339(instant)
