"""A provider refuses our credentials: the owners are told once, and not by one failed page after the other."""

from openalert.domain.notification import Notification
from openalert.storage import channel_troubles
from openalert.storage.channel_troubles import ChannelTrouble
from openalert.storage.transaction import Transaction
from openalert.usecases import owner_notices
from openalert.usecases.channel_states import NAMES


async def begin(tx: Transaction, row: Notification, address: str, detail: str) -> None:
    """Note it, and tell the owners of the organization whose message met it first; once until it works again.

    They are told by every other way they have, or by this one too, which tries for hours, where it is the only one.
    """
    trouble = ChannelTrouble(
        channel=row.channel, provider=row.provider, address=address, since=tx.now, detail=detail
    )
    if not await channel_troubles.begin(tx, trouble):
        return
    which = "second provider" if row.provider else "provider"
    name = NAMES.get(row.channel, row.channel)
    await owner_notices.tell(
        tx,
        row.organization_id,
        headline=f"{name}: the {which} refuses our credentials",
        body=f"Messages that go by it fail until that is mended. It said: {detail}\n\n"
        "Settings, Channels shows how it is and tries it at once. "
        "You hear of it once; it clears itself with the next message that gets through.",
        opens=("Open the channels", f"/settings/channels#{row.channel}"),
        avoids=row.channel,
    )


async def end(tx: Transaction, row: Notification, address: str) -> None:
    """A message got through."""
    await channel_troubles.end(tx, row.channel, row.provider, address)
