"""The list of incidents: each as one row that says who is on it and what happens next."""

from collections.abc import Sequence
from typing import Any

from openalert.domain.access import Actor
from openalert.domain.incident import Incident, IncidentStatus
from openalert.domain.instant import Instant
from openalert.storage import alerts, services, users
from openalert.storage.transaction import Reader
from openalert.usecases import ladders
from openalert.usecases.ladders import Rung

Row = dict[str, Any]

SPARK_BARS = 12
_SPARK_MOST_ALERTS = 200
"""Incidents with more alerts go without the small bars: counting them would make the list wait."""


async def groups(reader: Reader, actor: Actor, found: Sequence[Incident]) -> list[dict[str, Any]]:
    """The incidents under the headings that tell what they need, each heading only where it has some."""
    rows = await _rows(reader, actor, found)
    headings: dict[str, list[Row]] = {"triggered": [], "acknowledged": [], "snoozed": [], "resolved": []}
    for row in rows:
        headings[row["status"]].append(row)
    titles = {
        "triggered": "Needs somebody",
        "acknowledged": "Somebody is on it",
        "snoozed": "Snoozed",
        "resolved": "Resolved",
    }
    return [
        {"title": titles[status], "hot": status == "triggered", "incidents": members}
        for status, members in headings.items()
        if members
    ]


async def _rows(reader: Reader, actor: Actor, found: Sequence[Incident]) -> list[Row]:
    watched = await services.named(reader, actor, {incident.service_id for incident in found})
    people = await users.named(reader, actor, {who for incident in found if (who := who_has(incident))})
    upcoming = await _upcoming(reader, actor, found)
    bars = await _bars(reader, found)
    rows = []
    for incident in found:
        person, service = people.get(who_has(incident) or ""), watched.get(incident.service_id)
        rows.append(
            {
                "id": incident.id,
                "href": f"/incidents/{incident.id}",
                "number": incident.number,
                "title": incident.title,
                "severity": incident.severity.value,
                "service": service.name if service else "a deleted service",
                "status": status_of(incident, reader.now),
                "updated_at": incident.updated_at,
                "triggered_at": incident.triggered_at,
                "since": incident.resolved_at or incident.acknowledged_at or incident.triggered_at,
                "until": incident.snoozed_until,
                "who": person.name if person else None,
                "alert_count": incident.alert_count,
                "spark": bars.get(incident.id),
                "next": next_step(incident, upcoming.get(_place(incident))),
            }
        )
    return rows


def status_of(incident: Incident, now: Instant) -> str:
    """triggered, acknowledged, resolved, or snoozed: what people want to know."""
    if incident.is_open and incident.is_snoozed(now):
        return "snoozed"
    return incident.status.value


def who_has(incident: Incident) -> str | None:
    """The id of whoever resolved it, else acknowledged it, else it is assigned to."""
    if incident.status is IncidentStatus.RESOLVED:
        return incident.resolved_by_id
    return incident.acknowledged_by_id or incident.assignee_id


def next_step(incident: Incident, rung: Rung | None) -> dict[str, Any] | None:
    """Who is told next, how and when; None when nothing more will happen by itself."""
    if incident.escalation_next_at is None:
        return None
    if rung is None:
        return {"names": ["The owners"], "how": "are told", "at": incident.escalation_next_at, "level": None}
    names = [*rung.people[:3], f"{len(rung.people) - 3} more"] if len(rung.people) > 3 else rung.people
    how = ("is" if len(rung.people) == 1 else "are") + (" mailed" if rung.channels == ["email"] else " paged")
    if not names:
        names, how = [f"Level {rung.level}"], "is tried"
    return {"names": names, "how": how, "at": incident.escalation_next_at, "level": rung.level}


def _place(incident: Incident) -> tuple[str | None, int, int]:
    """Incidents at the same place of the same policy have the same next step."""
    return incident.policy_version_id, incident.escalation_cycle, incident.escalation_level


async def _upcoming(
    reader: Reader, actor: Actor, found: Sequence[Incident]
) -> dict[tuple[str | None, int, int], Rung | None]:
    """The next rung for each place that some of the incidents are at: one look for each, not for each incident."""
    examples = {_place(incident): incident for incident in found if incident.escalation_next_at is not None}
    return {
        place: (await ladders.ladder(reader, incident, actor)).next_rung
        for place, incident in examples.items()
    }


async def _bars(reader: Reader, found: Sequence[Incident]) -> dict[str, list[int]]:
    """How many alerts began in each twelfth of the time since the incident began; for open ones of some size."""
    open_ones = [each for each in found if each.is_open and 1 < each.alert_count <= _SPARK_MOST_ALERTS]
    begun = await alerts.beginnings(reader, [incident.id for incident in open_ones])
    drawn = {}
    for incident in open_ones:
        span = max(1, reader.now - incident.triggered_at)
        bars = [0] * SPARK_BARS
        for at in begun.get(incident.id, ()):
            bars[min(SPARK_BARS - 1, max(0, (at - incident.triggered_at) * SPARK_BARS // span))] += 1
        drawn[incident.id] = bars
    return drawn
