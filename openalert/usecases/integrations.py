"""Integrations: the keys by which monitoring reaches a service, and what came in by them."""

import hashlib
import secrets
import string

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid
from openalert.domain.ids import new_id
from openalert.domain.service import Integration, IntegrationConfig, Payload
from openalert.domain.team import check_name
from openalert.sources import DETECT, SOURCES
from openalert.storage import integrations, payloads, services
from openalert.storage.database import Reader, Transaction
from openalert.storage.payloads import LAST
from openalert.usecases.access import found, given, require
from openalert.usecases.services import to_configure

_BASE62 = string.ascii_letters + string.digits
_KEY_LENGTH = 43
"""Characters of base 62 that hold 256 bits."""


async def page(
    reader: Reader, actor: Actor, *, service_id: str | None = None, after: str = "", limit: int
) -> list[Integration]:
    """The next integrations in view; NotFound when the service they are narrowed to is not."""
    if service_id is not None:
        found(await services.get(reader, actor, service_id), "service")
    return await integrations.page(reader, actor, service_id=service_id, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, integration_id: str) -> Integration:
    """One integration."""
    return found(await integrations.get(reader, actor, integration_id), "integration")


async def create(
    tx: Transaction,
    *,
    service_id: str,
    name: str,
    kind: str = DETECT,
    config: IntegrationConfig | None = None,
    is_active: bool = True,
) -> tuple[Integration, str]:
    """A new integration and its key, which is not kept and cannot be shown again."""
    service = await to_configure(tx, service_id)
    key = new_key()
    integration = Integration(
        id=new_id(tx.now),
        service_id=service.id,
        name=check_name(name),
        type=_check_type(kind),
        key_hash=key_hash(key),
        key_hint=key[-4:],
        is_active=is_active,
        config=config or IntegrationConfig(),
        created_at=tx.now,
        updated_at=tx.now,
    )
    await integrations.insert(tx, integration)
    return integration, key


async def update(
    tx: Transaction,
    integration_id: str,
    *,
    name: str | UnsetType = UNSET,
    kind: str | UnsetType = UNSET,
    config: IntegrationConfig | UnsetType = UNSET,
    is_active: bool | UnsetType = UNSET,
) -> Integration:
    """Change an integration; while it is not active its key answers like an unknown one."""
    integration = await _to_configure(tx, integration_id)
    changes = given({"name": name, "type": kind, "config": config, "is_active": is_active})
    changed = msgspec.structs.replace(integration, **changes, updated_at=tx.now)
    changed.name = check_name(changed.name)
    _check_type(changed.type)
    await integrations.update(tx, changed)
    return changed


async def rotate_key(tx: Transaction, integration_id: str) -> tuple[Integration, str]:
    """A new key instead of the old one, which stops working with this commit."""
    integration = await _to_configure(tx, integration_id)
    key = new_key()
    integration.key_hash, integration.key_hint, integration.updated_at = key_hash(key), key[-4:], tx.now
    await integrations.update(tx, integration)
    return integration, key


async def delete(tx: Transaction, integration_id: str) -> None:
    """Delete an integration; what it sent stays."""
    integration = await _to_configure(tx, integration_id)
    integration.deleted_at = integration.updated_at = tx.now
    await integrations.update(tx, integration)


async def received(
    reader: Reader, actor: Actor, integration_id: str, *, before: str = "", limit: int
) -> list[Payload]:
    """What came in by the integration, the newest first, and how it was read."""
    integration = await get(reader, actor, integration_id)
    return await payloads.page(reader, integration.id, before=before or LAST, limit=limit)


async def payload(
    reader: Reader,
    actor: Actor,
    integration_id: str,
    payload_id: str,
    permission: Permission = Permission.SEE,
) -> tuple[Integration, Payload]:
    """One message of an integration, for somebody who may see it or do more."""
    integration = await get(reader, actor, integration_id)
    if permission > Permission.SEE:
        service = found(await services.get(reader, actor, integration.service_id), "integration")
        require(actor, permission, service.team_id, "integration")
    return integration, found(await payloads.get(reader, integration.id, payload_id), "payload")


def new_key() -> str:
    """A fresh key of 256 random bits."""
    return "".join(secrets.choice(_BASE62) for _ in range(_KEY_LENGTH))


def key_hash(key: str) -> str:
    """What is kept of a key: its SHA-256, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


async def _to_configure(tx: Transaction, integration_id: str) -> Integration:
    integration = found(await integrations.get(tx, tx.actor, integration_id), "integration")
    await to_configure(tx, integration.service_id)
    return integration


def _check_type(kind: str) -> str:
    if kind != DETECT and kind not in SOURCES:
        allowed = [*SOURCES, DETECT]
        raise Invalid(f"type must be one of {', '.join(allowed)}.", field="type", allowed=allowed)
    return kind
