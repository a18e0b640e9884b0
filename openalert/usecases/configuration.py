"""Which settings differ from those of the last start: by name, as a configuration holds secrets."""

import hashlib
import hmac
from collections.abc import Mapping

import msgspec

from openalert.config import Config
from openalert.domain.access import command
from openalert.storage import settings
from openalert.storage.database import Database
from openalert.usecases import audit

_SEEN = "configuration_seen"


async def seen(database: Database, secret: bytes, values: Mapping[str, str], node: str = "") -> None:
    """Record which of these settings changed since this server started last.

    `values` are texts by key. Kept of them is a keyed hash each, which tells nobody what the value was; servers
    that share a database are told apart by their secret and their `node`.
    """
    name = f"{_SEEN}:{_mark(secret, _SEEN, node)}"
    marks = {key: _mark(secret, key, value) for key, value in values.items()}
    async with database.transaction(command("serve")) as tx:
        kept = await settings.get(tx, name)
        before = msgspec.json.decode(kept, type=dict[str, str]) if kept is not None else None
        if before == marks:
            return
        await settings.put(tx, name, msgspec.json.encode(marks).decode())
        if before is not None:
            changed = sorted(key for key in {*marks, *before} if marks.get(key) != before.get(key))
            await audit.record_installation(
                tx,
                "configuration.changed",
                kind="configuration",
                name="the configuration",
                after={"settings": changed},
            )


def texts(config: Config) -> dict[str, str]:
    """Every setting in effect as JSON text by `section.key`, secrets among them: not to be shown."""
    return {
        f"{section}.{field.encode_name}": msgspec.json.encode(
            getattr(getattr(config, held.name), field.name)
        ).decode()
        for held in msgspec.structs.fields(Config)
        for section in [held.encode_name]
        for field in msgspec.structs.fields(type(held.default))
    }


def _mark(secret: bytes, key: str, value: str) -> str:
    return hmac.new(secret, f"{key}={value}".encode(), hashlib.sha256).hexdigest()[:32]
