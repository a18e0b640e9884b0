"""Integrations: the keys by which monitoring reaches a service, and what came in by them."""

import hashlib
import secrets
import string

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain import sender_check
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid
from openalert.domain.ids import new_id
from openalert.domain.service import Integration, IntegrationConfig, Payload
from openalert.domain.team import check_name
from openalert.sources import DETECT, SOURCES
from openalert.sources.mapping import Mapped
from openalert.storage import heartbeats, imported_keys, integrations, payloads, services
from openalert.storage.payloads import LAST
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, given, require
from openalert.usecases.services import to_configure

_BASE62 = string.ascii_letters + string.digits
MOST_WORDS = 100
LONGEST_WORD = 40
LONGEST_WITHOUT_REPEAT = 30 * 24 * 60
"""Minutes."""
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
    sender_secret: str | None = None,
) -> tuple[Integration, str]:
    """A new integration and its key, which is not kept and cannot be shown again.

    `sender_secret`: what its sender proves itself with, where `config.sender_check` asks for that.
    """
    service = await to_configure(tx, service_id)
    config = config or IntegrationConfig()
    _check_config(config, sender_secret or "" if config.sender_check else None)
    key = new_key()
    integration = Integration(
        id=new_id(tx.now),
        service_id=service.id,
        name=check_name(name),
        type=_check_type(kind),
        key_hash=key_hash(key),
        key_hint=key[-4:],
        is_active=is_active,
        config=config,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await integrations.insert(tx, integration)
    if config.sender_check:
        await integrations.put_secret(tx, integration.id, sender_secret)
    _record(tx, "created", service.team_id, None, integration)
    return integration, key


async def update(
    tx: Transaction,
    integration_id: str,
    *,
    name: str | UnsetType = UNSET,
    kind: str | UnsetType = UNSET,
    config: IntegrationConfig | UnsetType = UNSET,
    is_active: bool | UnsetType = UNSET,
    sender_secret: str | UnsetType = UNSET,
) -> Integration:
    """Change an integration; while it is not active its key answers like an unknown one.

    A check of another kind needs a secret of its own: what one sender knows must not become the token of another.
    """
    integration, team_id = await _to_configure(tx, integration_id)
    if config is not UNSET or sender_secret is not UNSET:
        await _keep_secret(tx, integration, integration.config if config is UNSET else config, sender_secret)
    changes = given({"name": name, "type": kind, "config": config, "is_active": is_active})
    changed = msgspec.structs.replace(integration, **changes, updated_at=tx.now)
    changed.name = check_name(changed.name)
    _check_type(changed.type)
    await integrations.update(tx, changed)
    if not changed.is_active:
        await heartbeats.rest_of_integration(tx, changed.id)
    _record(tx, "updated", team_id, integration, changed)
    return changed


async def rotate_key(tx: Transaction, integration_id: str) -> tuple[Integration, str]:
    """A new key instead of the old one, which stops working with this commit."""
    integration, team_id = await _to_configure(tx, integration_id)
    key = new_key()
    rotated = msgspec.structs.replace(
        integration, key_hash=key_hash(key), key_hint=key[-4:], updated_at=tx.now
    )
    await integrations.update(tx, rotated)
    _record(tx, "key_rotated", team_id, integration, rotated)
    return rotated, key


async def delete(tx: Transaction, integration_id: str) -> None:
    """Delete an integration; what it sent stays."""
    integration, team_id = await _to_configure(tx, integration_id)
    integration.deleted_at = integration.updated_at = tx.now
    await integrations.update(tx, integration)
    await heartbeats.rest_of_integration(tx, integration.id)
    await imported_keys.delete_of(tx, integration.id)
    _record(tx, "deleted", team_id, integration, None)


async def received(
    reader: Reader,
    actor: Actor,
    integration_id: str,
    *,
    outcome: str | None = None,
    before: str = "",
    limit: int,
) -> list[Payload]:
    """What came in by the integration, the newest first, and how it was read; of one outcome, or all of it."""
    integration = await get(reader, actor, integration_id)
    return await payloads.page(reader, integration.id, outcome=outcome, before=before or LAST, limit=limit)


async def payload(
    reader: Reader,
    actor: Actor,
    integration_id: str,
    payload_id: str,
    permission: Permission = Permission.SEE,
) -> tuple[Integration, Payload]:
    """One message of an integration, for somebody who may see it or do more."""
    integration = await get(reader, actor, integration_id)
    await _require(reader, actor, integration, permission)
    return integration, found(await payloads.get(reader, integration.id, payload_id), "payload")


async def to_respond(reader: Reader, actor: Actor, integration_id: str) -> Integration:
    """The integration, for somebody who may send its messages through again."""
    integration = await get(reader, actor, integration_id)
    await _require(reader, actor, integration, Permission.RESPOND)
    return integration


async def to_change(reader: Reader, actor: Actor, integration_id: str) -> Integration:
    """The integration, for somebody who may change it."""
    integration = await get(reader, actor, integration_id)
    await _require(reader, actor, integration, Permission.CONFIGURE)
    return integration


async def _require(reader: Reader, actor: Actor, integration: Integration, permission: Permission) -> None:
    if permission > Permission.SEE:
        service = found(await services.get(reader, actor, integration.service_id), "integration")
        require(actor, permission, service.team_id, "integration")


def new_key() -> str:
    """A fresh key of 256 random bits."""
    return "".join(secrets.choice(_BASE62) for _ in range(_KEY_LENGTH))


def key_hash(key: str) -> str:
    """What is kept of a key: its SHA-256, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


async def _keep_secret(
    tx: Transaction, integration: Integration, config: IntegrationConfig, secret: str | UnsetType
) -> None:
    """Check what is to be stored, and seal the secret that comes with it."""
    check, before = config.sender_check, integration.config.sender_check
    if check is None:
        if secret is not UNSET:
            raise Invalid("A senderSecret needs a config.senderCheck that asks for it.", field="senderSecret")
        _check_config(config, None)
        if before is not None:
            await integrations.put_secret(tx, integration.id, None)
    elif secret is not UNSET:
        _check_config(config, secret)
        await integrations.put_secret(tx, integration.id, secret)
    elif before is None or before.kind is not check.kind:
        raise Invalid("Another kind of check needs its secret: give senderSecret.", field="senderSecret")
    else:
        sealed = await integrations.sealed_secret(tx, integration.id)
        _check_config(config, integrations.open_secret(tx, integration.id, sealed or ""))


async def _to_configure(tx: Transaction, integration_id: str) -> tuple[Integration, str]:
    """The integration and the id of its team, for somebody who may change it."""
    integration = found(await integrations.get(tx, tx.actor, integration_id), "integration")
    service = await to_configure(tx, integration.service_id)
    return integration, service.team_id


def _record(
    tx: Transaction, act: str, team_id: str, before: Integration | None, after: Integration | None
) -> None:
    about = after or before
    audit.record(
        tx,
        f"integration.{act}",
        kind="integration",
        id=about.id if about else None,
        name=about.name if about else "",
        team_id=team_id,
        before=before,
        after=after,
    )


def _check_config(config: IntegrationConfig, secret: str | None) -> None:
    """Raises Invalid that names the member; `secret` is the sender's, None where there is no check."""
    check_reading(config)
    if config.sender_check and secret is not None:
        sender_check.checked(config.sender_check, secret)


def check_reading(config: IntegrationConfig) -> None:
    """Raises Invalid that names every member by which messages cannot be read."""
    if len(config.severities) > MOST_WORDS:
        raise Invalid(f"config.severities holds at most {MOST_WORDS} words.", field="config.severities")
    for word in config.severities:
        if not word.strip() or len(word) > LONGEST_WORD or not word.isprintable():
            raise Invalid(
                f"A word of config.severities has 1 to {LONGEST_WORD} characters that can be seen.",
                field="config.severities",
            )
    if config.auto_close and not 1 <= config.auto_close.after_minutes <= LONGEST_WITHOUT_REPEAT:
        raise Invalid(
            f"config.autoClose.afterMinutes is 1 to {LONGEST_WITHOUT_REPEAT}.",
            field="config.autoClose.afterMinutes",
        )
    if config.mapping is not None:
        Mapped(config.mapping)


def _check_type(kind: str) -> str:
    if kind != DETECT and kind not in SOURCES:
        allowed = [*SOURCES, DETECT]
        raise Invalid(f"type must be one of {', '.join(allowed)}.", field="type", allowed=allowed)
    return kind
