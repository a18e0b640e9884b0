"""SQL for incidents and their number."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from openalert.domain.access import Actor
from openalert.domain.canary import HOME
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.storage.rows import columns_of, to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible

_FIXED = ("id", "organization_id", "service_id", "number", "group_key", "triggered_at")
_UPDATE = "UPDATE incidents SET {} WHERE id = :id".format(
    ", ".join(f"{name} = :{name}" for name in columns_of(Incident) if name not in _FIXED)
)

_STEPS = (
    "escalation_state",
    "escalation_level",
    "escalation_cycle",
    "escalation_next_at",
    "escalation_reached",
    "last_seq",
    "updated_at",
)
_STEPPED = ", ".join(f"{name} = :{name}" for name in _STEPS)

# Two looks into indexes by person; with OR both databases would read everything that is open.
_OPEN_AND_MINE = (
    "id IN (SELECT id FROM incidents WHERE assignee_id = :mine AND status <> 'resolved' UNION ALL "
    "SELECT id FROM incidents WHERE acknowledged_by_id = :mine AND status <> 'resolved')"
)


_MOVE_ALERTS = "UPDATE alerts SET team_id = :team_id WHERE incident_id = :id"
_MOVE_NOTIFICATIONS = "UPDATE notifications SET team_id = :team_id WHERE incident_id = :id"


class IncidentFilter(msgspec.Struct, kw_only=True):
    """What a list of incidents is narrowed to; None: not narrowed."""

    statuses: tuple[str, ...] | None = None
    severities: tuple[str, ...] | None = None
    service_id: str | None = None
    team_id: str | None = None
    assignee_id: str | None = None
    mine: str | None = None
    """A person's id: what is open and theirs, by assignment or acknowledgement."""
    text: str | None = None
    triggered_from: Instant | None = None
    triggered_until: Instant | None = None


async def get(reader: Reader, incident_id: str) -> Incident | None:
    """One incident by its id."""
    return await reader.one(Incident, "SELECT * FROM incidents WHERE id = :id", id=incident_id)


async def get_by_number(reader: Reader, organization_id: str, number: int) -> Incident | None:
    """One incident by the number that people call it."""
    return await reader.one(
        Incident,
        "SELECT * FROM incidents WHERE organization_id = :organization_id AND number = :number",
        organization_id=organization_id,
        number=number,
    )


async def get_many(reader: Reader, ids: Sequence[str]) -> dict[str, Incident]:
    """Several incidents by id."""
    if not ids:
        return {}
    found = await reader.all(
        Incident, f"SELECT * FROM incidents WHERE {reader.any_of('id', 'ids')}", ids=list(ids)
    )
    return {incident.id: incident for incident in found}


async def open_numbers(reader: Reader, ids: Collection[str]) -> dict[str, int]:
    """The numbers of those of these incidents that are open, by id."""
    if not ids:
        return {}
    # In the order of their index: neighbours are on the same page.
    rows = await reader.rows(
        f"SELECT id, number FROM incidents WHERE {reader.any_of('id', 'ids')} AND status <> 'resolved'",
        ids=sorted(ids),
    )
    return {row[0]: row[1] for row in rows}


async def held_for(reader: Reader, user_id: str, until: Instant) -> list[Incident]:
    """Incidents whose pages the person's own settings held until this instant, whatever became of them since."""
    return await reader.all(
        Incident,
        "SELECT * FROM incidents WHERE id IN (SELECT incident_id FROM notifications "
        "WHERE user_id = :user_id AND held_until = :until AND kind = 'page') ORDER BY id",
        user_id=user_id,
        until=until,
    )


async def open_by_key(reader: Reader, keys: Sequence[str]) -> dict[str, Incident]:
    """Open incidents by service and group (`domain.incident.open_key`)."""
    if not keys:
        return {}
    found = await reader.all(
        Incident, f"SELECT * FROM incidents WHERE {reader.any_of('open_key', 'keys')}", keys=list(keys)
    )
    return {incident.open_key: incident for incident in found if incident.open_key}


async def open_of_service(reader: Reader, service_id: str) -> list[Incident]:
    """The open incidents of a service."""
    return await reader.all(
        Incident,
        "SELECT * FROM incidents WHERE service_id = :service AND status <> 'resolved' ORDER BY id",
        service=service_id,
    )


async def move(tx: Transaction, incident_ids: Sequence[str], team_id: str) -> None:
    """Give the alerts and messages of these incidents to the team; the incidents themselves are the caller's."""
    for statement in (_MOVE_ALERTS, _MOVE_NOTIFICATIONS):
        await tx.many(statement, [{"id": each, "team_id": team_id} for each in incident_ids])


async def take_numbers(tx: Transaction, organization_id: str, count: int) -> int:
    """Reserve `count` consecutive incident numbers; the first of them."""
    last: int = await tx.value(
        "INSERT INTO counters (name, value) VALUES (:name, :count) "
        "ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value RETURNING value",
        name=f"incident:{organization_id}",
        count=count,
    )
    return last - count + 1


async def use_numbers(tx: Transaction, counts: Mapping[str, int]) -> None:
    """So many numbers of each organization are used, from the one on that its next would have had."""
    await tx.many(
        "INSERT INTO counters (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value",
        [[f"incident:{organization_id}", count] for organization_id, count in counts.items()],
    )


async def insert(tx: Transaction, incidents: Sequence[Incident]) -> None:
    """New rows."""
    await tx.insert("incidents", *incidents)


async def step(tx: Transaction, incidents: Sequence[Incident]) -> None:
    """Write what a step of its escalation can change of each; what changed alike is one statement, as in a storm."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    for each in incidents:
        alike.setdefault(tuple(getattr(each, name) for name in _STEPS), []).append(each.id)
    for values, ids in alike.items():
        await tx.execute(
            f"UPDATE incidents SET {_STEPPED} WHERE {tx.any_of('id', 'ids')}",
            ids=ids,
            **dict(zip(_STEPS, values, strict=True)),
        )


async def update(tx: Transaction, incidents: Sequence[Incident]) -> None:
    """Write everything that can change of each."""
    await tx.many(_UPDATE, [_changing(incident) for incident in incidents])


def _changing(incident: Incident) -> dict[str, Any]:
    values = to_parameters(incident)
    return {name: value for name, value in values.items() if name == "id" or name not in _FIXED}


async def search(
    reader: Reader, actor: Actor, wanted: IncidentFilter, *, limit: int, before: str | None = None
) -> list[Incident]:
    """Newest first, at most `limit`, older than the id `before`."""
    conditions, parameters = _conditions(reader, actor, wanted)
    # Ids and numbers rise together; each has the index that gives this list its order without sorting history.
    only_open = wanted.statuses is not None and "resolved" not in wanted.statuses
    order = "id" if only_open else "number"
    if before is not None:
        # An id out of view is as good as none: else a list would tell where it stands in another's.
        condition, _ = visible(reader, actor)
        number = f"number < (SELECT number FROM incidents WHERE id = :before AND {condition})"
        conditions.append("id < :before" if only_open else number)
        parameters["before"] = before
    return await reader.all(
        Incident,
        f"SELECT * FROM incidents WHERE {' AND '.join(conditions)} ORDER BY {order} DESC LIMIT :limit",
        **parameters,
        limit=limit,
    )


async def count(reader: Reader, actor: Actor, wanted: IncidentFilter, *, at_most: int = 1000) -> int:
    """How many there are, counted no further than `at_most`, so that history does not make it slow."""
    conditions, parameters = _conditions(reader, actor, wanted)
    counted: int = await reader.value(
        f"SELECT count(*) FROM (SELECT 1 FROM incidents WHERE {' AND '.join(conditions)} LIMIT :at_most) AS few",
        **parameters,
        at_most=at_most,
    )
    return counted


def _conditions(reader: Reader, actor: Actor, wanted: IncidentFilter) -> tuple[list[str], dict[str, Any]]:
    condition, parameters = visible(reader, actor)
    conditions = [condition]
    if wanted.statuses is not None:
        if "resolved" not in wanted.statuses:
            conditions.append("status <> 'resolved'")
        conditions.append(reader.any_of("status", "statuses"))
        parameters["statuses"] = list(wanted.statuses)
    if wanted.severities is not None:
        conditions.append(reader.any_of("severity", "severities"))
        parameters["severities"] = list(wanted.severities)
    for name in ("service_id", "team_id", "assignee_id"):
        value = getattr(wanted, name)
        if value is not None:
            conditions.append(f"{name} = :{name}")
            parameters[name] = value
    if wanted.mine is not None:
        conditions.append(_OPEN_AND_MINE)
        parameters["mine"] = wanted.mine
    if wanted.text is not None:
        conditions.append("lower(title) LIKE :pattern ESCAPE '!'")
        parameters["pattern"] = like(wanted.text)
    if wanted.triggered_from is not None:
        conditions.append("triggered_at >= :triggered_from")
        parameters["triggered_from"] = wanted.triggered_from
    if wanted.triggered_until is not None:
        conditions.append("triggered_at < :triggered_until")
        parameters["triggered_until"] = wanted.triggered_until
    return conditions, parameters


def like(text: str) -> str:
    """A LIKE pattern (ESCAPE '!') for "contains this text", whatever signs it holds."""
    escaped = text.lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


async def open_counts(reader: Reader) -> dict[str, int]:
    """How many incidents are open, by status."""
    rows = await reader.rows(
        "SELECT status, count(*) FROM incidents WHERE status <> 'resolved' AND organization_id <> :home "
        "GROUP BY status",
        home=HOME,
    )
    return {str(row[0]): int(row[1]) for row in rows}
