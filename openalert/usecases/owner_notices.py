"""Notices to the owners of an organization: about the installation, not about an incident; each is sent once."""

from openalert.domain.notification import NotificationKind
from openalert.domain.notification_plan import last_resort
from openalert.domain.severity import Severity
from openalert.storage import recipients
from openalert.storage.transaction import Transaction
from openalert.usecases import notify

_WHY = "You own the organization"


async def tell(
    tx: Transaction,
    organization_id: str,
    *,
    headline: str,
    body: str,
    opens: tuple[str, str],
    prefers: str | None = None,
    avoids: str | None = None,
) -> None:
    """Tell every owner by every way that they have.

    `opens`: the words and the path of the link in it. `prefers`: a channel that is enough where they have it, as mail
    is where nobody has to get up. `avoids`: one that fails; it is taken only where they have no other.
    """
    owners = await recipients.organization_owners(tx, organization_id)
    for owner in await recipients.callees(tx, owners):
        ways = notify.steps_of(owner, last_resort(owner, Severity.CRITICAL, tx.now), _WHY)
        for way in _chosen(ways, prefers, avoids):
            await notify.send_to(
                tx,
                way,
                NotificationKind.NOTICE,
                organization_id=organization_id,
                team_id=None,
                headline=headline,
                body=body,
                opens=opens,
                reason=f"{_WHY}.",
            )


def _chosen(ways: list[notify.Recipient], prefers: str | None, avoids: str | None) -> list[notify.Recipient]:
    """Each way once."""
    preferred = [way for way in ways if way.channel == prefers]
    others = [way for way in ways if way.channel != avoids]
    return list({way.key: way for way in preferred or others or ways}.values())
