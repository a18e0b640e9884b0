"""SQL for channels whose provider takes nothing of ours until somebody acts."""

from enum import StrEnum

import msgspec

from openalert.domain.instant import Instant
from openalert.storage.transaction import Reader, Transaction


class TroubleKind(StrEnum):
    """What somebody must mend."""

    CREDENTIALS = "credentials"
    """The provider does not know us any more."""
    CERTIFICATE = "certificate"
    """That of the provider has expired, is of another name, or nobody whom we trust has signed it."""


class ChannelTrouble(msgspec.Struct, kw_only=True):
    """A provider that takes nothing of ours; a row of `channel_troubles`."""

    channel: str
    provider: int
    address: str
    """Where every address is a provider of its own; else empty."""
    kind: TroubleKind = TroubleKind.CREDENTIALS
    since: Instant
    detail: str


async def begin(tx: Transaction, trouble: ChannelTrouble) -> bool:
    """Note it; False if it is known already."""
    won = await tx.changed(
        "INSERT INTO channel_troubles (channel, provider, address, kind, since, detail) "
        "VALUES (:channel, :provider, :address, :kind, :since, :detail) ON CONFLICT DO NOTHING RETURNING channel",
        channel=trouble.channel,
        provider=trouble.provider,
        address=trouble.address,
        kind=str(trouble.kind),
        since=trouble.since,
        detail=trouble.detail,
    )
    return bool(won)


async def end(tx: Transaction, channel: str, provider: int, address: str) -> None:
    """It takes messages again."""
    await tx.execute(
        "DELETE FROM channel_troubles WHERE channel = :channel AND provider = :provider AND address = :address",
        channel=channel,
        provider=provider,
        address=address,
    )


async def all_of_them(reader: Reader) -> list[ChannelTrouble]:
    """Every one that has not ended."""
    return await reader.all(ChannelTrouble, "SELECT * FROM channel_troubles ORDER BY since")
