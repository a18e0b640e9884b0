"""When a page does not reach its person: their next way at once, and when all of them failed the next level at once."""

from openalert.domain.access import SYSTEM
from openalert.domain.incident import Incident
from openalert.domain.instant import SECOND
from openalert.domain.notification import Notification, NotificationStatus
from openalert.domain.responder import ResponderState
from openalert.storage import deliveries as sending
from openalert.storage import incidents, notifications, recipients, responders, timers
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import escalation
from openalert.usecases.work import Work

NEXT_WAY_AFTER = 45 * SECOND
"""A page that no provider has accepted so long after it was due lets the person's next way begin (promise NO-3)."""


async def late(reader: Reader) -> list[Notification]:
    """Pages that no provider accepted in time, of people who have another way that has not begun."""
    return await sending.late(reader, reader.now - NEXT_WAY_AFTER)


async def hasten(tx: Transaction, row: Notification) -> bool:
    """Begin the person's next way, whether there was one; what is late goes on being tried."""
    incident = await incidents.get(tx, row.incident_id or "")
    if incident is None or not await _is_wanted(tx, incident, row):
        return False
    if await sending.is_underway(tx, row, tx.now - NEXT_WAY_AFTER):
        return False
    work = Work(tx)
    begun = await _next_way(work, incident, row, f"{row.channel} did not accept it within 45 s")
    await work.flush()
    return begun


async def after(work: Work, incident: Incident, row: Notification) -> None:
    """It ended without being accepted: the person's next way begins at once, else the next level (promise NO-6)."""
    if not await _is_wanted(work.tx, incident, row):
        return
    if not await sending.is_underway(work.tx, row, None) and await _next_way(
        work, incident, row, f"{row.channel} did not reach them"
    ):
        return
    if row.ask_id is not None:
        # Nobody's ladder: the asker sees in the timeline, and beside the name, that it did not reach them.
        return
    current = (incident.episode, incident.escalation_cycle, incident.escalation_level)
    if row.status is NotificationStatus.FAILED and row.level == escalation.THE_END:
        if not await notifications.still_hopeful(work.tx, row):
            await escalation.page_organization_owners(work, incident, row.cycle)
        return
    if row.status is not NotificationStatus.FAILED or current != (row.episode, row.cycle, row.level):
        return
    if await notifications.still_hopeful(work.tx, row):
        return
    await _next_level(work, incident, row)


async def _is_wanted(reader: Reader, incident: Incident, row: Notification) -> bool:
    """Whether the page is still to reach its person."""
    if row.ask_id is None:
        return incident.wants_pages(reader.now) and incident.episode == row.episode
    asked = await responders.by_ask(reader, row.ask_id)
    return incident.is_open and asked is not None and asked.state is ResponderState.PENDING


async def _next_way(work: Work, incident: Incident, row: Notification, why: str) -> bool:
    """Bring the person's next step of this level forward; False if there is none."""
    hastened = await sending.hasten(work.tx, row)
    if not hastened:
        return False
    names = await recipients.names(work.tx, [row.user_id]) if row.user_id else {}
    who = names.get(row.user_id or "", "a person who is gone")
    work.tell(incident, "next_way", SYSTEM, who=who, channels=[each.channel for each in hastened], why=why)
    return True


async def _next_level(work: Work, incident: Incident, row: Notification) -> None:
    timer = await timers.get(work.tx, incident.id, "escalate")
    if timer is not None and timer.due_at > work.now:
        repeats = timer.cycle > row.cycle
        waits = repeats and await escalation.was_anybody_paged(work.tx, incident)
        work.tell(
            incident,
            "escalation_empty",
            SYSTEM,
            level=row.level,
            cycle=row.cycle,
            reasons=["every page failed"],
            waits=waits,
        )
        if not repeats:
            escalation.hurry(work, incident, timer.cycle, timer.level)
        elif not waits:
            # Another round would only fail again: the owners are to be told, and now.
            escalation.hurry(work, incident, row.cycle, escalation.THE_END)
