"""SQL for integrations: inbound keys of services.

The secret with which a sender proves itself stands sealed in a column of its own.
"""

from collections.abc import Collection

from openalert.domain.access import Actor
from openalert.domain.service import Integration
from openalert.storage.rows import columns_of, to_parameters
from openalert.storage.sealed import INTEGRATION_SECRETS
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible

_COLUMNS = ", ".join(f"i.{column}" for column in columns_of(Integration))


async def insert(tx: Transaction, integration: Integration) -> None:
    """A new integration."""
    await tx.insert("integrations", integration)


async def update(tx: Transaction, integration: Integration) -> None:
    """Write everything about the integration that people may change."""
    await tx.execute(
        """
        UPDATE integrations SET name = :name, type = :type, key_hash = :key_hash, key_hint = :key_hint,
            is_active = :is_active, config = :config, updated_at = :updated_at, deleted_at = :deleted_at
        WHERE id = :id
        """,
        **to_parameters(integration),
    )


async def put_secret(tx: Transaction, integration_id: str, secret: str | None) -> None:
    """Seal what the sender proves itself with, in the place of what it was before; None: it proves nothing."""
    place = INTEGRATION_SECRETS.place(integration_id)
    await tx.execute(
        "UPDATE integrations SET sealed = :sealed WHERE id = :id",
        sealed=None if secret is None else tx.database.vault.seal(secret.encode(), place),
        id=integration_id,
    )


async def sealed_secret(reader: Reader, integration_id: str) -> str | None:
    """The sealed secret; None when there is none."""
    found: str | None = await reader.value(
        "SELECT sealed FROM integrations WHERE id = :id", id=integration_id
    )
    return found


def open_secret(reader: Reader, integration_id: str, sealed: str) -> str:
    """What the sender proves itself with; `Unreadable` when the key is lost."""
    return reader.database.vault.open(sealed, INTEGRATION_SECRETS.place(integration_id)).decode()


async def delete_of_service(tx: Transaction, service_id: str) -> None:
    """Close every way into a service that is deleted."""
    await tx.execute(
        """
        UPDATE integrations SET deleted_at = :now, updated_at = :now
        WHERE service_id = :service AND deleted_at IS NULL
        """,
        now=tx.now,
        service=service_id,
    )


async def get(reader: Reader, actor: Actor, integration_id: str) -> Integration | None:
    """The integration, if it is not deleted and the actor may see its service."""
    condition, parameters = visible(reader, actor, "s.team_id")
    return await reader.one(
        Integration,
        f"""
        SELECT {_COLUMNS} FROM integrations i JOIN services s ON s.id = i.service_id
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
        SELECT {_COLUMNS} FROM integrations i JOIN services s ON s.id = i.service_id
        WHERE i.id > :after AND i.deleted_at IS NULL AND s.deleted_at IS NULL
            AND (CAST(:service AS TEXT) IS NULL OR i.service_id = :service) AND {condition}
        ORDER BY i.id LIMIT :limit
        """,
        service=service_id,
        after=after,
        limit=limit,
        **parameters,
    )


async def named(reader: Reader, actor: Actor, integration_ids: Collection[str]) -> dict[str, Integration]:
    """Those of the integrations whose service the actor may see, by id; deleted ones are missing."""
    if not integration_ids:
        return {}
    condition, parameters = visible(reader, actor, "s.team_id")
    found = await reader.all(
        Integration,
        f"""
        SELECT i.* FROM integrations i JOIN services s ON s.id = i.service_id
        WHERE {reader.any_of("i.id", "ids")} AND i.deleted_at IS NULL AND s.deleted_at IS NULL AND {condition}
        """,
        ids=sorted(set(integration_ids)),
        **parameters,
    )
    return {integration.id: integration for integration in found}
