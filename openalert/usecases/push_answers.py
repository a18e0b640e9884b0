"""What comes back from a notification in a browser: that it was shown, and a button that was pressed.

Whoever brings a message's proof has read the message, which only the browser can that it was encrypted for.
"""

from openalert.domain import action
from openalert.domain.action import Verb
from openalert.domain.errors import Conflict, NotFound
from openalert.domain.notification import Notification
from openalert.storage import notifications
from openalert.storage.transaction import Transaction
from openalert.usecases import receipts, replies
from openalert.usecases.push_subscriptions import KIND
from openalert.usecases.replies import Reply


def check(secret: bytes, notification_id: str, proof: str) -> None:
    """Pass for a message with its proof, else NotFound; asked before a transaction begins, for strangers may come."""
    if not action.is_proven(secret, notification_id, proof):
        raise NotFound("message")


async def answer(tx: Transaction, notification_id: str, verb: Verb) -> Reply:
    """Do what the button says, as the person whose browser it is; Conflict once a day is over, as for links.

    The caller has checked the proof.
    """
    row = await _push(tx, notification_id)
    if tx.now - row.created_at >= action.VALID_FOR:
        raise Conflict("This is more than a day old. Open the incident and sign in.", code="ACTION_EXPIRED")
    return await replies.by_message(tx, row.id, verb, via="push")


async def shown(tx: Transaction, notification_id: str) -> None:
    """It stands on the screen: delivered. The caller has checked the proof."""
    row = await _push(tx, notification_id)
    await receipts.record(
        tx,
        channel=KIND,
        provider_id=row.id,
        delivered=True,
        detail="The browser showed it.",
        notification_id=row.id,
    )


async def _push(tx: Transaction, notification_id: str) -> Notification:
    row = await notifications.get(tx, notification_id)
    if row is None or row.channel != KIND:
        raise NotFound("message")
    return row
