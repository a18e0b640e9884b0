"""SQL for integrations: inbound keys of services."""

import msgspec

from openalert.domain.access import Actor
from openalert.domain.instant import MINUTE
from openalert.domain.service import Integration, IntegrationConfig
from openalert.storage.database import Reader, Transaction
from openalert.storage.rows import to_parameters
from openalert.storage.visible import visible


class Inlet(msgspec.Struct, kw_only=True):
    """All that ingestion must know about the key that a message came by, in one row."""

    id: str
    name: str
    type: str
    config: IntegrationConfig
    service_id: str
    team_id: str
    organization_id: str
    escalation_policy_id: str | None
    escalation_policy_version_id: str | None


async def insert(tx: Transaction, integration: Integration) -> None:
    """A new integration."""
    await tx.insert("integrations", integration)


async def update(tx: Transaction, integration: Integration) -> None:
    """Write everything about the integration that people may change."""
    await tx.execute(
        """
        UPDATE integrations SET name = :name, key_hash = :key_hash, key_hint = :key_hint,
            is_active = :is_active, config = :config, updated_at = :updated_at, deleted_at = :deleted_at
        WHERE id = :id
        """,
        **to_parameters(integration),
    )


async def delete_of_service(tx: Transaction, service_id: str) -> None:
    """Close every inlet of a service that is deleted."""
    await tx.execute(
        """
        UPDATE integrations SET deleted_at = :now, updated_at = :now
        WHERE service_id = :service AND deleted_at IS NULL
        """,
        now=tx.now,
        service=service_id,
    )


async def by_key(reader: Reader, key_hash: str) -> Inlet | None:
    """What the key opens; None for unknown, disabled and deleted keys alike."""
    return await reader.one(
        Inlet,
        """
        SELECT i.id, i.name, i.type, i.config, i.service_id, s.team_id, s.organization_id,
            s.escalation_policy_id, p.version_id AS escalation_policy_version_id
        FROM integrations i JOIN services s ON s.id = i.service_id
        LEFT JOIN escalation_policies p ON p.id = s.escalation_policy_id AND p.deleted_at IS NULL
        WHERE i.key_hash = :key_hash AND i.is_active = :active AND i.deleted_at IS NULL
            AND s.deleted_at IS NULL
        """,
        key_hash=key_hash,
        active=True,
    )


async def received(tx: Transaction, integration_id: str) -> None:
    """Note that something came in, to the minute: the first at once, so that a waiting page sees it."""
    await tx.execute(
        """
        UPDATE integrations SET last_received_at = :now
        WHERE id = :id AND (last_received_at IS NULL OR last_received_at <= :before)
        """,
        id=integration_id,
        now=tx.now,
        before=tx.now - MINUTE,
    )


async def get(reader: Reader, actor: Actor, integration_id: str) -> Integration | None:
    """The integration, if it is not deleted and the actor may see its service."""
    condition, parameters = visible(reader, actor, "s.team_id")
    return await reader.one(
        Integration,
        f"""
        SELECT i.* FROM integrations i JOIN services s ON s.id = i.service_id
        WHERE i.id = :id AND i.deleted_at IS NULL AND s.deleted_at IS NULL AND {condition}
        """,
        id=integration_id,
        **parameters,
    )


async def page(
    reader: Reader, actor: Actor, *, service_id: str | None = None, after: str = "", limit: int
) -> list[Integration]:
    """The next integrations that the actor may see, of one service or of all."""
    condition, parameters = visible(reader, actor, "s.team_id")
    return await reader.all(
        Integration,
        f"""
        SELECT i.* FROM integrations i JOIN services s ON s.id = i.service_id
        WHERE i.id > :after AND i.deleted_at IS NULL AND s.deleted_at IS NULL
            AND (CAST(:service AS TEXT) IS NULL OR i.service_id = :service) AND {condition}
        ORDER BY i.id LIMIT :limit
        """,
        service=service_id,
        after=after,
        limit=limit,
        **parameters,
    )
