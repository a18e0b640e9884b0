"""JSON `/integrations/{id}/imported-keys`: keys of old pagers by which senders reach the integration as well."""

from datetime import datetime

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.imported_key import ImportedKey
from openalert.storage.database import Database
from openalert.usecases import imported_keys
from openalert.web.api.wire import READS, WRITES, Input, Output, moment


class ImportedKeyOut(Output):
    """A key that was made elsewhere. What it is cannot be asked for: its last four signs tell keys apart."""

    id: str
    key_hint: str
    created_at: datetime


class ImportedKeyIn(Input):
    """A key as the old pager made it."""

    key: str


class ImportedKeys(Output):
    """Every further key of an integration, the oldest first."""

    items: list[ImportedKeyOut]


def show(key: ImportedKey) -> ImportedKeyOut:
    """A key as it is answered."""
    return ImportedKeyOut(id=key.id, key_hint=key.key_hint, created_at=moment(key.created_at))


@get("/{integration_id:str}/imported-keys", responses=READS)
async def list_imported_keys(
    db: NamedDependency[Database], actor: NamedDependency[Actor], integration_id: FromPath[str]
) -> ImportedKeys:
    """The keys of old pagers that lead to the integration."""
    async with db.read() as reader:
        found = await imported_keys.of_integration(reader, actor, integration_id)
    return ImportedKeys(items=[show(each) for each in found])


@post("/{integration_id:str}/imported-keys", responses=WRITES)
async def import_key(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    integration_id: FromPath[str],
    data: JSONBody[ImportedKeyIn],
) -> ImportedKeyOut:
    """Let a key of an old pager lead to the integration; its senders need another host and nothing else."""
    async with db.transaction(actor) as tx:
        return show(await imported_keys.add(tx, integration_id, data.key))


@delete("/{integration_id:str}/imported-keys/{imported_key_id:str}", responses=WRITES)
async def remove_imported_key(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    integration_id: FromPath[str],
    imported_key_id: FromPath[str],
) -> None:
    """Forget a key of an old pager: whoever comes with it is refused."""
    async with db.transaction(actor) as tx:
        await imported_keys.remove(tx, integration_id, imported_key_id)


ROUTES = (list_imported_keys, import_key, remove_imported_key)
