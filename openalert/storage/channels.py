"""SQL for the places where messages of a team go.

What a channel keeps secret stands sealed in a column of its own, which only `secrets` opens, for the delivery.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from openalert.domain.access import Actor
from openalert.domain.team import Channel
from openalert.storage.rows import columns_of, to_json, to_parameters
from openalert.storage.sealed import CHANNEL_SECRETS
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible

_COLUMNS = ", ".join(columns_of(Channel))
_SECRET = ("secret", "previousSecret", "headers")
"""Members that `config` held in the clear before there was a vault."""


async def insert(tx: Transaction, channel: Channel) -> None:
    """A new channel, without secrets."""
    await tx.insert("channels", channel)


async def put_secrets(tx: Transaction, channel_id: str, secrets: Mapping[str, Any]) -> None:
    """Seal what the channel keeps secret, in the place of what it kept before."""
    sealed = tx.database.vault.seal(to_json(secrets).encode(), CHANNEL_SECRETS.place(channel_id))
    await tx.execute("UPDATE channels SET sealed = :sealed WHERE id = :id", sealed=sealed, id=channel_id)


async def secrets(reader: Reader, channel_id: str) -> dict[str, Any]:
    """What the channel keeps secret; nothing when there is nothing, `Unreadable` when the key is lost."""
    sealed = await reader.value("SELECT sealed FROM channels WHERE id = :id", id=channel_id)
    if sealed is None:
        return {}
    plain = reader.database.vault.open(sealed, CHANNEL_SECRETS.place(channel_id))
    return msgspec.json.decode(plain, type=dict[str, Any])


async def seal_plain(tx: Transaction) -> None:
    """Move secrets that an older program left in `config` into the vault."""
    left = await tx.all(
        Channel,
        f"""SELECT {_COLUMNS} FROM channels WHERE type = 'webhook' AND sealed IS NULL AND config LIKE '%"secret"%'""",
    )
    for channel in left:
        found = {name: channel.config.pop(name) for name in _SECRET if name in channel.config}
        await update(tx, channel)
        await put_secrets(tx, channel.id, found)


async def update(tx: Transaction, channel: Channel) -> None:
    """Write everything about the channel that may change."""
    await tx.execute(
        """
        UPDATE channels SET team_id = :team_id, name = :name, is_enabled = :is_enabled, config = :config,
            updated_at = :updated_at
        WHERE id = :id
        """,
        **to_parameters(channel),
    )


async def delete(tx: Transaction, channel_id: str) -> None:
    """Forget the channel."""
    await tx.execute("DELETE FROM channels WHERE id = :id", id=channel_id)


async def get(reader: Reader, actor: Actor, channel_id: str) -> Channel | None:
    """The channel, if the actor may see its team."""
    return (await named(reader, actor, [channel_id])).get(channel_id)


async def named(reader: Reader, actor: Actor, channel_ids: Collection[str]) -> dict[str, Channel]:
    """Those of the channels that the actor may see, by id."""
    if not channel_ids:
        return {}
    condition, parameters = visible(reader, actor)
    found = await reader.all(
        Channel,
        f"SELECT {_COLUMNS} FROM channels WHERE {reader.any_of('id', 'ids')} AND {condition}",
        ids=sorted(set(channel_ids)),
        **parameters,
    )
    return {channel.id: channel for channel in found}


async def by_ids(reader: Reader, channel_ids: Collection[str]) -> list[Channel]:
    """These channels, whoever asks: for the engine."""
    return await reader.all(
        Channel,
        f"SELECT {_COLUMNS} FROM channels WHERE {reader.any_of('id', 'ids')} ORDER BY name",
        ids=list(channel_ids),
    )


async def of_kind(reader: Reader, kind: str) -> list[Channel]:
    """All of one kind, in every organization: for the engine."""
    return await reader.all(
        Channel, f"SELECT {_COLUMNS} FROM channels WHERE type = :kind ORDER BY id", kind=kind
    )


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[Channel]:
    """The next channels that the actor may see, of one team or of all."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        Channel,
        f"""
        SELECT {_COLUMNS} FROM channels
        WHERE id > :after AND (CAST(:team AS TEXT) IS NULL OR team_id = :team) AND {condition}
        ORDER BY id LIMIT :limit
        """,
        team=team_id,
        after=after,
        limit=limit,
        **parameters,
    )
