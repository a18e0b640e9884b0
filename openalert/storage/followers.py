"""SQL for the channels that follow services."""

from collections.abc import Collection
from typing import Any

from openalert.domain.follower import Follower
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction


class Following(Follower, kw_only=True):
    """A follower with the channel that it is."""

    name: str
    type: str
    team_id: str
    config: dict[str, Any]
    is_enabled: bool


_OF_F = "f.service_id, f.channel_id, f.min_severity, f.events, f.created_at"
_WITH_CHANNEL = (
    f"SELECT {_OF_F}, c.name, c.type, c.team_id, c.config, c.is_enabled "
    "FROM service_followers f JOIN channels c ON c.id = f.channel_id "
)


async def put(tx: Transaction, follower: Follower) -> None:
    """A new follower, or what it is to hear from now on."""
    await tx.execute(
        """
        INSERT INTO service_followers (service_id, channel_id, min_severity, events, created_at)
        VALUES (:service_id, :channel_id, :min_severity, :events, :created_at)
        ON CONFLICT (service_id, channel_id)
        DO UPDATE SET min_severity = excluded.min_severity, events = excluded.events
        """,
        **to_parameters(follower),
    )


async def remove(tx: Transaction, service_id: str, channel_id: str) -> None:
    """It follows no more."""
    await tx.execute(
        "DELETE FROM service_followers WHERE service_id = :service_id AND channel_id = :channel_id",
        service_id=service_id,
        channel_id=channel_id,
    )


async def keep_only(tx: Transaction, service_id: str, team_id: str) -> None:
    """Channels of other teams than this one follow the service no more."""
    await tx.execute(
        "DELETE FROM service_followers WHERE service_id = :service_id AND channel_id NOT IN "
        "(SELECT id FROM channels WHERE team_id = :team_id)",
        service_id=service_id,
        team_id=team_id,
    )


async def of_service(reader: Reader, service_id: str) -> list[Following]:
    """Who follows the service, by name, also where a channel has gone to another team."""
    return await reader.all(
        Following,
        f"{_WITH_CHANNEL} WHERE f.service_id = :service_id ORDER BY c.name, c.id",
        service_id=service_id,
    )


async def listening(reader: Reader, service_ids: Collection[str]) -> list[Following]:
    """Who follows these services and is switched on."""
    return await reader.all(
        Following,
        f"{_WITH_CHANNEL} WHERE {reader.any_of('f.service_id', 'services')} AND c.is_enabled = :yes ORDER BY c.id",
        services=sorted(set(service_ids)),
        yes=True,
    )


async def paged_channels(reader: Reader, incident_ids: Collection[str]) -> set[tuple[str, str]]:
    """Which channels were paged for which of these incidents: (incident, channel)."""
    rows = await reader.rows(
        "SELECT DISTINCT incident_id, channel_id FROM notifications "
        f"WHERE {reader.any_of('incident_id', 'ids')} AND kind = 'page' AND channel_id IS NOT NULL "
        "AND status <> 'cancelled'",
        ids=sorted(set(incident_ids)),
    )
    return {(str(incident_id), str(channel_id)) for incident_id, channel_id in rows}
