"""SQL for the places where messages of a team go."""

from collections.abc import Collection

from openalert.domain.access import Actor
from openalert.domain.team import Channel
from openalert.storage.database import Reader, Transaction
from openalert.storage.rows import to_parameters
from openalert.storage.visible import visible


async def insert(tx: Transaction, channel: Channel) -> None:
    """A new channel."""
    await tx.insert("channels", channel)


async def update(tx: Transaction, channel: Channel) -> None:
    """Write everything about the channel that may change."""
    await tx.execute(
        """
        UPDATE channels SET name = :name, is_enabled = :is_enabled, config = :config, updated_at = :updated_at
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
        f"SELECT * FROM channels WHERE {reader.any_of('id', 'ids')} AND {condition}",
        ids=sorted(set(channel_ids)),
        **parameters,
    )
    return {channel.id: channel for channel in found}


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[Channel]:
    """The next channels that the actor may see, of one team or of all."""
    condition, parameters = visible(reader, actor)
    return await reader.all(
        Channel,
        f"""
        SELECT * FROM channels
        WHERE id > :after AND (CAST(:team AS TEXT) IS NULL OR team_id = :team) AND {condition}
        ORDER BY id LIMIT :limit
        """,
        team=team_id,
        after=after,
        limit=limit,
        **parameters,
    )
