"""SQL for what warnings need beside the things themselves: silent integrations, quarantine, dead letters."""

import msgspec

from openalert.domain.access import Actor
from openalert.domain.ids import first_id
from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader
from openalert.storage.visible import in_organization, visible

_TOLD = "kind NOT IN ('code', 'link', 'test')"
"""What somebody waits for is seen by them at once when it fails."""


class Inlet(msgspec.Struct, frozen=True, kw_only=True):
    """An active integration of a service, and what came in by it."""

    id: str
    name: str
    service_id: str
    service_name: str
    organization_id: str
    team_id: str
    created_at: Instant
    last_received_at: Instant | None


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """Messages to an integration that were not understood."""

    integration_id: str
    messages: int
    last_at: Instant


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a team, or about none, that have failed for good."""

    organization_id: str
    team_id: str | None
    messages: int
    pages: int
    last_at: Instant


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A channel by which messages have failed and none was taken."""

    organization_id: str
    channel: str
    messages: int
    first_at: Instant


async def inlets(reader: Reader, actor: Actor) -> list[Inlet]:
    """The active integrations in the actor's view."""
    condition, parameters = visible(reader, actor, "s.team_id")
    return await reader.all(
        Inlet,
        f"""
        SELECT i.id, i.name, s.id AS service_id, s.name AS service_name, s.organization_id, s.team_id,
            i.created_at,
            i.last_received_at
        FROM integrations i JOIN services s ON s.id = i.service_id
        WHERE i.deleted_at IS NULL AND s.deleted_at IS NULL AND i.is_active = :active AND {condition}
        ORDER BY i.id
        """,
        active=True,
        **parameters,
    )


async def quarantined(reader: Reader, since: Instant) -> dict[str, Quarantine]:
    """What came in since then, was not understood and not sent through since, by integration, in all organizations."""
    found = await reader.all(
        Quarantine,
        "SELECT integration_id, CAST(sum(seen_count) AS BIGINT) AS messages, max(received_at) AS last_at "
        "FROM payloads WHERE outcome = 'quarantined' AND settled_at IS NULL AND received_at >= :since "
        "GROUP BY integration_id",
        since=since,
    )
    return {each.integration_id: each for each in found}


async def failed(reader: Reader, actor: Actor, since: Instant) -> list[Failed]:
    """Dead letters made since then in the actor's view, by team."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        Failed,
        "SELECT organization_id, team_id, count(*) AS messages, "
        "CAST(sum(CASE WHEN kind = 'page' THEN 1 ELSE 0 END) AS BIGINT) "
        f"AS pages, max(created_at) AS last_at FROM notifications WHERE status = 'failed' AND id >= :since "
        f"AND {_TOLD} AND {condition} GROUP BY organization_id, team_id",
        since=first_id(since),
        **parameters,
    )


async def refused(reader: Reader, actor: Actor, since: Instant, least: int) -> list[Refused]:
    """Channels by which at least so many messages of the organization failed since then, and none was taken."""
    condition, parameters = in_organization(actor, "n.team_id")
    # Counted first, so that whether any was taken is asked once for a channel and not for each dead letter of a storm.
    return await reader.all(
        Refused,
        "SELECT f.organization_id, f.channel, f.messages, f.first_at FROM (SELECT n.organization_id, n.channel, "
        "count(*) AS messages, min(n.created_at) AS first_at FROM notifications n WHERE n.status = 'failed' "
        f"AND n.id >= :since AND {_TOLD} AND {condition} GROUP BY n.organization_id, n.channel "
        "HAVING count(*) >= :least) f WHERE NOT EXISTS (SELECT 1 FROM notifications t WHERE t.channel = f.channel "
        "AND t.organization_id = f.organization_id AND t.id >= :since AND t.status IN ('sent', 'delivered')) "
        "ORDER BY f.channel, f.organization_id",
        since=first_id(since),
        least=least,
        **parameters,
    )
