"""An answer by mail: the address names who was written to and about what, the first words say what to do."""

import hashlib

from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.instant import DAY
from openalert.domain.mail_address import answered_message
from openalert.domain.notification import Notification, NotificationKind, give_up_at, priority_of
from openalert.sources.mail import Mail
from openalert.storage import incidents, notifications
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.text_replies import answer_text

VALID_FOR = 7 * DAY
"""So long after it was sent a mail can be answered."""


async def answered(reader: Reader, secret: bytes, local_part: str) -> Notification | None:
    """The message whose answer goes to this local part; None when there is no such address (any more)."""
    notification_id = answered_message(secret, local_part)
    row = await notifications.get(reader, notification_id) if notification_id else None
    if row is None or row.user_id is None or row.incident_id is None:
        return None
    return row if reader.now - row.created_at < VALID_FOR else None


async def take_in(tx: Transaction, secret: bytes, local_part: str, mail: Mail) -> str | None:
    """Do what the mail says and mail back what came of it; None for what no person wrote, or to nobody.

    The same mail twice acts once more, which changes nothing, and is answered once. The answer goes to the address
    that the page went to, whoever wrote, and nothing can be answered to it: so there is no loop.
    """
    row = await answered(tx, secret, local_part)
    if row is None or row.user_id is None or mail.is_automatic:
        return None
    said = await answer_text(
        tx, user_id=row.user_id, text=mail.text, via="e-mail", incident_id=row.incident_id
    )
    incident = await incidents.get(tx, row.incident_id or "")
    if incident is not None:
        await notifications.enqueue(tx, [_answer(tx, row, incident, said, mail)])
    return said


def _answer(tx: Transaction, row: Notification, incident: Incident, said: str, mail: Mail) -> Notification:
    same = hashlib.sha256(f"{mail.message_id}\0{mail.text}".encode("utf-8", "replace")).hexdigest()[:32]
    kind = NotificationKind.NOTICE
    return Notification(
        id=new_id(tx.now),
        effect_key=f"answer:{row.id}:{same}",
        organization_id=row.organization_id,
        team_id=None,
        incident_id=None,
        kind=kind,
        priority=priority_of(kind),
        user_id=row.user_id,
        contact_method_id=row.contact_method_id,
        channel=row.channel,
        address=row.address,
        reason="You answered a mail of OpenAlert.",
        content={"headline": f"Your answer to #{incident.number}", "body": said},
        due_at=tx.now,
        give_up_at=give_up_at(kind, tx.now),
        created_at=tx.now,
        updated_at=tx.now,
    )
