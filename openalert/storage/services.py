"""SQL for services."""

from collections.abc import Collection

from openalert.domain.access import Actor
from openalert.domain.ids import first_id
from openalert.domain.instant import Instant
from openalert.domain.service import Service
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible


async def insert(tx: Transaction, service: Service) -> None:
    """A new service."""
    await tx.insert("services", service)


async def update(tx: Transaction, service: Service) -> None:
    """Write everything about the service that may change; with `deleted_at` it is gone but for history."""
    await tx.execute(
        """
        UPDATE services SET team_id = :team_id, name = :name, slug = :slug, description = :description,
            escalation_policy_id = :escalation_policy_id, runbook_url = :runbook_url, grouping = :grouping,
            noise = :noise, updated_at = :updated_at, deleted_at = :deleted_at
        WHERE id = :id
        """,
        **to_parameters(service),
    )


async def get(reader: Reader, actor: Actor, service_id: str) -> Service | None:
    """The service, if it is not deleted and the actor may see its team."""
    condition, parameters = visible(reader, actor)
    return await reader.one(
        Service,
        f"SELECT * FROM services WHERE id = :id AND deleted_at IS NULL AND {condition}",
        id=service_id,
        **parameters,
    )


async def by_slug(reader: Reader, actor: Actor, slug: str) -> Service | None:
    """The service with this slug, if the actor may see its team."""
    condition, parameters = visible(reader, actor)
    return await reader.one(
        Service,
        f"SELECT * FROM services WHERE slug = :slug AND deleted_at IS NULL AND {condition}",
        slug=slug,
        **parameters,
    )


async def named(reader: Reader, actor: Actor, service_ids: Collection[str]) -> dict[str, Service]:
    """Those of the services that the actor may see, by id; deleted ones too, for what refers to them."""
    if not service_ids:
        return {}
    condition, parameters = visible(reader, actor)
    found = await reader.all(
        Service,
        f"SELECT * FROM services WHERE {reader.any_of('id', 'ids')} AND {condition}",
        ids=sorted(set(service_ids)),
        **parameters,
    )
    return {service.id: service for service in found}


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[Service]:
    """The next services that the actor may see, of one team or of all."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        Service,
        f"""
        SELECT * FROM services
        WHERE id > :after AND deleted_at IS NULL AND (CAST(:team AS TEXT) IS NULL OR team_id = :team)
            AND {condition}
        ORDER BY id LIMIT :limit
        """,
        team=team_id,
        after=after,
        limit=limit,
        **parameters,
    )


async def by_policy(reader: Reader, policy_id: str) -> list[Service]:
    """The services that escalate by the policy."""
    return await reader.all(
        Service,
        "SELECT * FROM services WHERE escalation_policy_id = :policy AND deleted_at IS NULL ORDER BY id",
        policy=policy_id,
    )


async def of_team(reader: Reader, team_id: str) -> list[Service]:
    """The services of a team, whoever asks: for the engine."""
    return await reader.all(
        Service,
        "SELECT * FROM services WHERE team_id = :team AND deleted_at IS NULL ORDER BY id",
        team=team_id,
    )


async def slugs_like(reader: Reader, organization_id: str, slug: str) -> set[str]:
    """The slugs in use that begin with this one."""
    rows = await reader.rows(
        """
        SELECT slug FROM services
        WHERE organization_id = :organization AND deleted_at IS NULL AND slug LIKE :pattern
        """,
        organization=organization_id,
        pattern=f"{slug}%",
    )
    return {row[0] for row in rows}


async def unused(reader: Reader, actor: Actor, since: Instant) -> list[Service]:
    """Those that were made before `since`, had no incident since then, and have nothing by which one could come."""
    condition, parameters = visible(reader, actor, "s.team_id")
    return await reader.all(
        Service,
        f"""
        SELECT s.* FROM services s
        WHERE s.deleted_at IS NULL AND s.created_at < :since AND {condition}
            AND NOT EXISTS (SELECT 1 FROM integrations i WHERE i.service_id = s.id AND i.deleted_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM heartbeats h WHERE h.service_id = s.id AND h.deleted_at IS NULL)
            AND NOT EXISTS (SELECT 1 FROM incidents n WHERE n.service_id = s.id AND n.id >= :since_id)
        ORDER BY s.id LIMIT 100
        """,
        since=since,
        since_id=first_id(since),
        **parameters,
    )
