"""What becomes of an incident, told to those who were paged for it (docs/answering.md says what they hear, and how).

Whoever was paged hears the end of it, and who has it, where they were paged. All that happens in between changes the
message they have, on channels that can do so, and lets the telephone lie quiet.
"""

from collections.abc import Sequence

from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.notification import (
    Notification,
    NotificationKind,
    NotificationStatus,
    give_up_at,
    priority_of,
)
from openalert.notifiers.notifier import CALLING, EDITING, Message
from openalert.notifiers.text import one_line
from openalert.notifiers.wording import NEWS
from openalert.storage import notifications
from openalert.storage.transaction import Reader
from openalert.usecases.work import Work

News = Sequence[tuple[Incident, str]]
"""Incidents, and in a few words what happened to each: `Acknowledged by Bea`."""
_TAKEN = (NotificationStatus.SENT, NotificationStatus.DELIVERED)
IN_DOUBT = ", its page may not have reached you"
_WHY_IN_DOUBT = (
    "You were being paged for this incident when an answer was lost: nobody knows whether it reached you."
)


async def say_if_in_doubt(reader: Reader, row: Notification, message: Message) -> None:
    """Whose page may have been lost, because the server died or no answer came, is told so with the first news: nobody
    should look for a page that never was, nor think that there was none.
    """
    if await notifications.is_page_in_doubt(reader, row):
        message.headline = one_line(message.headline, NEWS - len(IN_DOUBT)) + IN_DOUBT
        message.reason = _WHY_IN_DOUBT


async def tell_the_paged(work: Work, news: News) -> None:
    """Whoever was paged for these hears it; the person who did it has their message changed, no more."""
    await _tell(work, news, loud=True)


async def tell_once(work: Work, news: News) -> None:
    """Several incidents end by one act: whoever was paged for some of them hears it once for each address.

    Messages about the others that can change do so in silence.
    """
    heard: set[tuple[str, str]] = set()
    for incident, headline in news:
        pages = await notifications.paged(work.tx, [incident.id])
        places = {(page.channel, page.address) for page in pages}
        await _tell(work, [(incident, headline)], loud=True, but=frozenset(heard))
        heard |= places


async def change_messages(work: Work, news: News) -> None:
    """What those who were paged have before them says how it stands now; nobody is told anew."""
    await _tell(work, news, loud=False)


async def _tell(work: Work, news: News, *, loud: bool, but: frozenset[tuple[str, str]] = frozenset()) -> None:
    if not news:
        return
    by_id = {incident.id: (incident, headline) for incident, headline in news}
    told: set[str] = set()
    for page in await notifications.paged(work.tx, list(by_id)):
        incident, headline = by_id[str(page.incident_id)]
        own = page.user_id is not None and page.user_id == work.tx.actor.user_id
        silent = own or not loud or (page.channel, page.address) in but
        if page.channel in CALLING or (silent and not _can_change(page)):
            continue
        recipient = page.contact_method_id or page.channel_id or page.address
        key = f"update:{incident.id}:{incident.last_seq}:{recipient}"
        if key not in told:
            told.add(key)
            work.send(_update(page, incident, key, headline, work, silent=silent))


def _can_change(page: Notification) -> bool:
    return page.channel in EDITING and page.provider_id is not None and page.status in _TAKEN


def _update(
    page: Notification, incident: Incident, key: str, headline: str, work: Work, *, silent: bool
) -> Notification:
    kind = NotificationKind.UPDATE
    return Notification(
        id=new_id(work.now),
        effect_key=key,
        organization_id=incident.organization_id,
        team_id=incident.team_id,
        incident_id=incident.id,
        episode=incident.episode,
        kind=kind,
        priority=priority_of(kind),
        service_id=incident.service_id,
        user_id=page.user_id,
        contact_method_id=page.contact_method_id,
        channel_id=page.channel_id,
        channel=page.channel,
        address=page.address,
        reason="You were paged for this incident.",
        content={"headline": headline, "silent": True} if silent else {"headline": headline},
        due_at=work.now,
        give_up_at=give_up_at(kind, work.now),
        created_at=work.now,
        updated_at=work.now,
    )
