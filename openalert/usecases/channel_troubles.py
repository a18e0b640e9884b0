"""A provider refuses our credentials, or its certificate has expired: the owners are told once, and not by one failed
page after the other (fault F-48).
"""

from openalert.domain.notification import Notification
from openalert.notifiers.notifier import NotifierError, Reason
from openalert.storage import channel_troubles
from openalert.storage.channel_troubles import ChannelTrouble, TroubleKind
from openalert.storage.transaction import Transaction
from openalert.usecases import owner_notices
from openalert.usecases.channel_states import NAMES

_WORDS = {
    TroubleKind.CREDENTIALS: (
        "the {} refuses our credentials",
        "Messages that go by it fail until that is mended. It said: {}",
    ),
    TroubleKind.CERTIFICATE: (
        "the certificate of the {} is not valid",
        "Messages that go by it fail until there is a valid one: {}",
    ),
}


def kind_of(error: NotifierError) -> TroubleKind | None:
    """What somebody must mend before anything gets through; None: it may pass, or is about this message alone."""
    if error.is_certificate:
        return TroubleKind.CERTIFICATE
    return TroubleKind.CREDENTIALS if error.reason is Reason.AUTH_FAILED else None


async def begin(tx: Transaction, row: Notification, address: str, kind: TroubleKind, detail: str) -> None:
    """Note it, and tell the owners of the organization whose message met it first; once until it works again.

    They are told by every other way they have, or by this one too, which tries for hours, where it is the only one.
    """
    trouble = ChannelTrouble(
        channel=row.channel, provider=row.provider, address=address, kind=kind, since=tx.now, detail=detail
    )
    if not await channel_troubles.begin(tx, trouble):
        return
    which = "second provider" if row.provider else "provider"
    name = NAMES.get(row.channel, row.channel)
    headline, body = _WORDS[kind]
    await owner_notices.tell(
        tx,
        row.organization_id,
        headline=f"{name}: {headline.format(which)}",
        body=f"{body.format(detail)}\n\n"
        "Settings, Channels shows how it is and tries it at once. "
        "You hear of it once; it clears itself with the next message that gets through.",
        opens=("Open the channels", f"/settings/channels#{row.channel}"),
        avoids=row.channel,
    )


async def end(tx: Transaction, row: Notification, address: str) -> None:
    """A message got through."""
    await channel_troubles.end(tx, row.channel, row.provider, address)
