"""SQL for alerts."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from openalert.domain.alert import Alert, AlertStatus, Ended, Occurrence
from openalert.domain.instant import Instant
from openalert.domain.severity import Severity
from openalert.storage.connection import Rows
from openalert.storage.rows import columns_of, to_json
from openalert.storage.transaction import Reader, Transaction

_STATUS = {status.value: status for status in AlertStatus}
_SEVERITY = {severity.value: severity for severity in Severity}
_COLUMNS = ", ".join(columns_of(Alert))


def latest_key(integration_id: str, fingerprint: str) -> str:
    """What is unique among the newest occurrences."""
    return f"{integration_id}:{fingerprint}"


async def latest(reader: Reader, keys: Sequence[str]) -> dict[str, Occurrence]:
    """The newest occurrence of each identity, by `latest_key`."""
    rows = await reader.rows(
        "SELECT latest_key, id, incident_id, status, severity, content_sum, starts_at, resolved_by_id, fired_at, began "
        f"FROM alerts WHERE {reader.any_of('latest_key', 'keys')}",
        # In the order of their index: neighbours are on the same page.
        keys=sorted(keys),
    )
    return {
        row[0]: Occurrence(
            row[1],
            row[2],
            _STATUS[row[3]],
            _SEVERITY[row[4]],
            row[5],
            row[6],
            row[7],
            row[8],
            [] if row[9] == "[]" else msgspec.json.decode(row[9]),
        )
        for row in rows
    }


async def insert(tx: Transaction, alerts: Sequence[Alert], superseded: Sequence[str]) -> None:
    """New occurrences; `superseded` are the ids of those that are the newest no more.

    One of the new ones may be superseded by a later one of the same call.
    """
    await tx.many("UPDATE alerts SET latest_key = NULL WHERE id = :id", [{"id": each} for each in superseded])
    old = set(superseded)

    def key(alert: Alert) -> str | None:
        return None if alert.id in old else latest_key(alert.integration_id, alert.fingerprint)

    await tx.insert_with("alerts", alerts, {"latest_key": key})


async def seen_again(tx: Transaction, repeats: Mapping[str, int]) -> None:
    """Count repeats: how many of each alert, by its id. One statement for all that were repeated equally often."""
    by_times: dict[int, list[str]] = {}
    for alert_id, times in repeats.items():
        by_times.setdefault(times, []).append(alert_id)
    for times, ids in by_times.items():
        await tx.execute(
            f"UPDATE alerts SET count = count + :times, last_seen_at = :now WHERE {tx.any_of('id', 'ids')}",
            times=times,
            now=tx.now,
            ids=sorted(ids),
        )


async def refresh(tx: Transaction, changes: Sequence[Mapping[str, Any]]) -> None:
    """Take over what a source now says of a firing alert: `id`, texts, severity, `payload_id`, `at`."""
    await tx.many(
        "UPDATE alerts SET severity = :severity, title = :title, description = :description, "
        "annotations = :annotations, links = :links, content_sum = :content_sum, "
        "starts_at = :starts_at, payload_id = :payload_id, updated_at = :at WHERE id = :id",
        changes,
    )


async def rise(tx: Transaction, risen: Mapping[str, Severity]) -> None:
    """These are worse than they were, by id; what they say stays."""
    await tx.many(
        "UPDATE alerts SET severity = :severity, updated_at = :now WHERE id = :id",
        [{"id": alert_id, "severity": str(severity), "now": tx.now} for alert_id, severity in risen.items()],
    )


async def decide(tx: Transaction, decided: Sequence[Alert]) -> None:
    """Write what was decided about held alerts that have not ended meanwhile: all that `domain.handling` may change."""
    await tx.many(
        "UPDATE alerts SET status = :status, severity = :severity, service_id = :service_id, team_id = :team_id, "
        "incident_id = :incident_id, group_key = :group_key, snoozed_until = :snoozed_until, tags = :tags, "
        "trace = :trace, starts_at = :starts_at, resolved_at = :resolved_at, updated_at = :at WHERE id = :id",
        [
            {
                "id": alert.id,
                "status": str(alert.status),
                "severity": str(alert.severity),
                "service_id": alert.service_id,
                "team_id": alert.team_id,
                "incident_id": alert.incident_id,
                "group_key": alert.group_key,
                "snoozed_until": alert.snoozed_until,
                "tags": to_json(alert.tags),
                "trace": to_json(alert.trace),
                "starts_at": alert.starts_at,
                "resolved_at": alert.resolved_at,
                "at": tx.now,
            }
            for alert in decided
        ],
    )


async def resolve(tx: Transaction, resolved: Sequence[Mapping[str, Any]]) -> None:
    """End occurrences: each with `id`, `starts_at`, `resolved_at`, `resolved_by_id`, `at`."""
    await tx.many(
        "UPDATE alerts SET status = 'resolved', resolved_at = :resolved_at, resolved_by_id = :resolved_by_id, "
        "starts_at = :starts_at, snoozed_until = NULL, group_key = NULL, updated_at = :at "
        "WHERE id = :id AND status <> 'resolved'",
        resolved,
    )


async def resolve_of_incident(tx: Transaction, incident_id: str, by_id: str | None) -> list[Ended]:
    """End every alert of an incident that a person resolved; those that were not over."""
    return await tx.all(
        Ended,
        "UPDATE alerts SET status = 'resolved', resolved_at = :now, resolved_by_id = :by_id, snoozed_until = NULL, "
        "updated_at = :now WHERE incident_id = :incident_id AND status <> 'resolved' RETURNING id, severity, title",
        now=tx.now,
        by_id=by_id,
        incident_id=incident_id,
    )


async def link(tx: Transaction, ids: Sequence[str], incident_id: str | None, team_id: str) -> None:
    """These belong to that incident of that team now; None: to none."""
    await tx.execute(
        "UPDATE alerts SET incident_id = :incident_id, team_id = :team_id, group_key = NULL, updated_at = :now "
        f"WHERE {tx.any_of('id', 'ids')}",
        ids=list(ids),
        incident_id=incident_id,
        team_id=team_id,
        now=tx.now,
    )


async def assign(tx: Transaction, ids: Sequence[str], user_id: str | None) -> None:
    """These are that person's now; None: nobody's in particular."""
    await tx.execute(
        f"UPDATE alerts SET assignee_id = :user_id, updated_at = :now WHERE {tx.any_of('id', 'ids')}",
        user_id=user_id,
        ids=list(ids),
        now=tx.now,
    )


async def get_many(reader: Reader, ids: Sequence[str]) -> dict[str, Alert]:
    """Several alerts by id."""
    found = await reader.all(
        Alert, f"SELECT {_COLUMNS} FROM alerts WHERE {reader.any_of('id', 'ids')}", ids=list(ids)
    )
    return {alert.id: alert for alert in found}


async def move_unresolved(tx: Transaction, service_id: str, team_id: str) -> None:
    """Give the alerts of a service that are not over to the team."""
    await tx.execute(
        "UPDATE alerts SET team_id = :team WHERE service_id = :service AND status <> 'resolved'",
        team=team_id,
        service=service_id,
    )


async def acknowledge(tx: Transaction, ids: Sequence[str]) -> None:
    """Mark those of them that fire as acknowledged."""
    await tx.execute(
        "UPDATE alerts SET status = 'acknowledged', acknowledged_at = :now, updated_at = :now "
        f"WHERE {tx.any_of('id', 'ids')} AND status = 'firing'",
        ids=list(ids),
        now=tx.now,
    )


async def unacknowledge(tx: Transaction, alert_id: str) -> None:
    """Mark one acknowledged alert as firing again."""
    await tx.execute(
        "UPDATE alerts SET status = 'firing', acknowledged_at = NULL, updated_at = :now "
        "WHERE id = :id AND status = 'acknowledged'",
        id=alert_id,
        now=tx.now,
    )


async def get(reader: Reader, alert_id: str) -> Alert | None:
    """One alert by its id."""
    return await reader.one(Alert, f"SELECT {_COLUMNS} FROM alerts WHERE id = :id", id=alert_id)


async def of_incident(
    reader: Reader, incident_id: str, *, limit: int = 50, before: str | None = None
) -> list[Alert]:
    """Alerts of an incident, newest first."""
    return await reader.all(
        Alert,
        f"SELECT {_COLUMNS} FROM alerts WHERE incident_id = :incident_id "
        "AND (CAST(:before AS TEXT) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
        incident_id=incident_id,
        before=before,
        limit=limit,
    )


async def first_of_incident(reader: Reader, incident_id: str) -> str | None:
    """The id of the alert that came first of those in the incident."""
    found: str | None = await reader.value(
        "SELECT id FROM alerts WHERE incident_id = :incident_id ORDER BY id LIMIT 1", incident_id=incident_id
    )
    return found


class FiringAlert(msgspec.Struct, kw_only=True):
    """As much of an alert as matchers see."""

    id: str
    service_id: str
    incident_id: str | None
    severity: Severity
    title: str
    source: str
    fingerprint: str
    labels: dict[str, str]


_MATCHED = ", ".join(columns_of(FiringAlert))


_labels = msgspec.json.Decoder(dict[str, str]).decode


async def held_by(reader: Reader, ref_id: str) -> list[FiringAlert]:
    """The alerts that this window or silence holds now."""
    rows = await reader.rows(
        f"SELECT {_MATCHED} FROM alerts WHERE id IN "
        "(SELECT alert_id FROM alert_holds WHERE ref_id = :ref_id AND released_at IS NULL)",
        ref_id=ref_id,
    )
    return _matched(rows)


async def firing_of_team(reader: Reader, organization_id: str, team_id: str, limit: int) -> list[FiringAlert]:
    """The newest alerts of a team that fire and are not held, whoever has acknowledged them."""
    rows = await reader.rows(
        f"SELECT {_MATCHED} FROM alerts "
        "WHERE organization_id = :organization AND status <> 'resolved' AND status <> 'suppressed' "
        "AND team_id = :team ORDER BY id DESC LIMIT :limit",
        organization=organization_id,
        team=team_id,
        limit=limit,
    )
    return _matched(rows)


def _matched(rows: Rows) -> list[FiringAlert]:
    """By hand: there may be ten thousand of them, and somebody waits."""
    return [
        FiringAlert(
            id=row[0],
            service_id=row[1],
            incident_id=row[2],
            severity=_SEVERITY[row[3]],
            title=row[4],
            source=row[5],
            fingerprint=row[6],
            labels=_labels(row[7]),
        )
        for row in rows
    ]


async def unresolved_of(
    reader: Reader, organization_id: str, integration_id: str, *, limit: int
) -> list[Alert]:
    """Alerts of an integration that are not over, newest first."""
    return await reader.all(
        Alert,
        f"SELECT {_COLUMNS} FROM alerts WHERE organization_id = :organization AND status <> 'resolved' "
        "AND integration_id = :integration ORDER BY id DESC LIMIT :limit",
        organization=organization_id,
        integration=integration_id,
        limit=limit,
    )


async def beginnings(reader: Reader, incident_ids: Sequence[str]) -> dict[str, list[Instant]]:
    """When the alerts of these incidents fired, by incident; for incidents of a bounded size."""
    if not incident_ids:
        return {}
    rows = await reader.rows(
        f"SELECT incident_id, fired_at FROM alerts WHERE {reader.any_of('incident_id', 'ids')}",
        ids=list(incident_ids),
    )
    found: dict[str, list[Instant]] = {}
    for incident_id, fired_at in rows:
        found.setdefault(incident_id, []).append(fired_at)
    return found
