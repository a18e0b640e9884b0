"""SQL for alerts that have been, as a backtest of rules wants them."""

from collections.abc import Collection, Sequence

import msgspec

from openalert.domain.backtest import PastAlert, PastIncident
from openalert.domain.routing import Subject
from openalert.domain.severity import Severity
from openalert.storage.transaction import Reader

_labels = msgspec.json.Decoder(dict[str, str]).decode
_SEVERITY = {severity.value: severity for severity in Severity}


async def integrations_of(reader: Reader, team_id: str) -> dict[str, str]:
    """The service of each integration, deleted ones too, by which something came in for the team."""
    rows = await reader.rows(
        "SELECT i.id, i.service_id FROM integrations i JOIN services s ON s.id = i.service_id WHERE s.team_id = :team",
        team=team_id,
    )
    return {row[0]: row[1] for row in rows}


async def count(reader: Reader, integration_ids: Collection[str], after: str, most: int) -> int:
    """How many alerts came in by these after the one with this id; at most `most`."""
    found: int = await reader.value(
        f"SELECT count(*) FROM (SELECT 1 FROM alerts WHERE {reader.any_of('integration_id', 'ids')} "
        "AND id > :after LIMIT :most) AS newest",
        ids=sorted(integration_ids),
        after=after,
        most=most,
    )
    return found


async def first_of_newest(reader: Reader, integration_ids: Collection[str], after: str, most: int) -> str:
    """The id after which at most so many alerts follow: `after` itself, unless there are more."""
    found: str | None = await reader.value(
        f"SELECT id FROM alerts WHERE {reader.any_of('integration_id', 'ids')} AND id > :after "
        "ORDER BY id DESC LIMIT 1 OFFSET :most",
        ids=sorted(integration_ids),
        after=after,
        most=most,
    )
    return found or after


async def page(reader: Reader, services: dict[str, str], after: str, *, limit: int) -> list[PastAlert]:
    """The next alerts that came in by these integrations, which stand with their services."""
    rows = await reader.rows(
        "SELECT id, title, incident_id, source, severity, description, labels, integration_id, fired_at, resolved_at "
        f"FROM alerts WHERE {reader.any_of('integration_id', 'ids')} AND id > :after ORDER BY id LIMIT :limit",
        ids=sorted(services),
        after=after,
        limit=limit,
    )
    return [_past(row, services[row[7]]) for row in rows]


def _past(row: Sequence[object], service_id: str) -> PastAlert:
    alert_id, title, incident_id, source, severity, description, labels, integration_id, at, ended = row
    return PastAlert(
        id=str(alert_id),
        title=str(title),
        incident_id=None if incident_id is None else str(incident_id),
        ended_at=None if ended is None else int(str(ended)),
        subject=Subject(
            source=str(source),
            severity=_SEVERITY[str(severity)],
            title=str(title),
            description=str(description),
            labels=_labels(str(labels)),
            tags=[],
            integration_id=str(integration_id),
            service_id=service_id,
            at=int(str(at)),
        ),
    )


async def incidents(reader: Reader, ids: Sequence[str]) -> dict[str, PastIncident]:
    """What people had of these incidents."""
    rows = await reader.rows(
        f"""
        SELECT id, number, title, alert_count,
            (SELECT count(*) FROM notifications n WHERE n.incident_id = i.id AND n.kind = 'page'
                AND n.status NOT IN ('pending', 'cancelled')),
            EXISTS (SELECT 1 FROM timeline t WHERE t.incident_id = i.id AND t.actor_kind = 'user')
        FROM incidents i WHERE {reader.any_of("id", "ids")}
        """,
        ids=list(ids),
    )
    return {
        row[0]: PastIncident(
            id=row[0], number=row[1], title=row[2], alerts=row[3], pages=row[4], by_people=bool(row[5])
        )
        for row in rows
    }
