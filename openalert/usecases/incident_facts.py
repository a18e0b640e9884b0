"""What messages tell of an incident: its facts as they are at the moment of telling."""

from collections.abc import Sequence

from openalert.domain.access import SYSTEM
from openalert.domain.alert import Alert
from openalert.domain.incident import Incident
from openalert.notifiers.notifier import IncidentFacts, Link
from openalert.storage import alerts, services
from openalert.storage.transaction import Reader


async def of(reader: Reader, incident: Incident) -> IncidentFacts:
    """What messages tell of an incident, as it is now."""
    service = await services.get(reader, SYSTEM, incident.service_id)
    reported = await alerts.of_incident(reader, incident.id, limit=50)
    links = [Link(label="Runbook", href=service.runbook_url)] if service and service.runbook_url else []
    links += _links(reported, {link.href for link in links})
    return IncidentFacts(
        id=incident.id,
        number=incident.number,
        title=incident.title,
        severity=incident.severity,
        status=incident.status,
        service_name=service.name if service else "a deleted service",
        description=reported[-1].description if reported else "",
        labels=common_labels(reported),
        links=links[:6],
        alert_count=incident.alert_count,
        started_at=incident.triggered_at,
    )


def _links(reported: Sequence[Alert], known: set[str]) -> list[Link]:
    found = []
    for alert in reported:
        for link in alert.links:
            if link["href"] not in known:
                known.add(link["href"])
                found.append(Link(label=link["label"], href=link["href"]))
    return found


def common_labels(reported: Sequence[Alert]) -> dict[str, str]:
    """The labels that all of these alerts share."""
    if not reported:
        return {}
    shared = set(reported[0].labels.items())
    for alert in reported[1:]:
        shared &= set(alert.labels.items())
    return {name: value for name, value in reported[0].labels.items() if (name, value) in shared}
