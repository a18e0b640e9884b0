"""Keys of old pagers: an admin lets the senders that have them reach an integration, without a change at any sender."""

from openalert.domain import imported_key
from openalert.domain.access import Actor
from openalert.domain.errors import Conflict
from openalert.domain.ids import new_id
from openalert.domain.imported_key import MOST, ImportedKey
from openalert.domain.service import Integration
from openalert.storage import imported_keys, integrations
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found
from openalert.usecases.integrations import key_hash
from openalert.usecases.services import to_configure


async def of_integration(reader: Reader, actor: Actor, integration_id: str) -> list[ImportedKey]:
    """The further keys of an integration, the oldest first."""
    integration = found(await integrations.get(reader, actor, integration_id), "integration")
    return (await imported_keys.of_integrations(reader, [integration.id])).get(integration.id, [])


async def add(tx: Transaction, integration_id: str, key: str) -> ImportedKey:
    """Let a key that was made elsewhere lead to the integration, beside its own. Conflict if it leads somewhere."""
    checked = imported_key.check(key)
    return await add_hash(tx, integration_id, key_hash(checked), checked[-4:])


async def add_hash(tx: Transaction, integration_id: str, hashed: str, hint: str) -> ImportedKey:
    """As `add`, for a key of which only the SHA-256 is known."""
    integration, team_id = await _to_configure(tx, integration_id)
    if await imported_keys.is_taken(tx, hashed):
        raise Conflict("An integration has this key already.", code="KEY_ALREADY_IMPORTED")
    known = (await imported_keys.of_integrations(tx, [integration.id])).get(integration.id, [])
    if len(known) >= MOST:
        raise Conflict(f"An integration has at most {MOST} keys of old pagers.", code="TOO_MANY_KEYS")
    made = ImportedKey(
        id=new_id(tx.now), integration_id=integration.id, key_hash=hashed, key_hint=hint, created_at=tx.now
    )
    await imported_keys.insert(tx, made)
    _record(tx, "key_imported", team_id, integration, after=hint)
    return made


async def remove(tx: Transaction, integration_id: str, key_id: str) -> None:
    """The key is as unknown as before, from this commit on."""
    integration, team_id = await _to_configure(tx, integration_id)
    known = (await imported_keys.of_integrations(tx, [integration.id])).get(integration.id, [])
    key = found(next((each for each in known if each.id == key_id), None), "imported key")
    await imported_keys.delete(tx, key.id)
    _record(tx, "imported_key_removed", team_id, integration, before=key.key_hint)


async def _to_configure(tx: Transaction, integration_id: str) -> tuple[Integration, str]:
    integration = found(await integrations.get(tx, tx.actor, integration_id), "integration")
    service = await to_configure(tx, integration.service_id)
    return integration, service.team_id


def _record(
    tx: Transaction, act: str, team_id: str, integration: Integration, *, before: str = "", after: str = ""
) -> None:
    audit.record(
        tx,
        f"integration.{act}",
        kind="integration",
        id=integration.id,
        name=integration.name,
        team_id=team_id,
        before={"key_ends_in": before} if before else None,
        after={"key_ends_in": after} if after else None,
    )
