"""SQL for channels whose provider refuses our credentials."""

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


class ChannelTrouble(msgspec.Struct, kw_only=True):
    """A provider that does not know us any more; a row of `channel_troubles`."""

    channel: str
    provider: int
    address: str
    """Where every address is a provider of its own; else empty."""
    since: Instant
    detail: str


async def begin(tx: Transaction, trouble: ChannelTrouble) -> bool:
    """Note it; False if it is known already."""
    won = await tx.changed(
        "INSERT INTO channel_troubles (channel, provider, address, since, detail) "
        "VALUES (:channel, :provider, :address, :since, :detail) ON CONFLICT DO NOTHING RETURNING channel",
        channel=trouble.channel,
        provider=trouble.provider,
        address=trouble.address,
        since=trouble.since,
        detail=trouble.detail,
    )
    return bool(won)


async def end(tx: Transaction, channel: str, provider: int, address: str) -> None:
    """It knows us again."""
    await tx.execute(
        "DELETE FROM channel_troubles WHERE channel = :channel AND provider = :provider AND address = :address",
        channel=channel,
        provider=provider,
        address=address,
    )


async def all_of_them(reader: Reader) -> list[ChannelTrouble]:
    """Every one that has not ended."""
    return await reader.all(ChannelTrouble, "SELECT * FROM channel_troubles ORDER BY since")
