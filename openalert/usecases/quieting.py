"""Quiet incidents: open ones of which every alert that fires is held page nobody, until one of them is let go.

They stay open and count their alerts as before, because nothing is over. The end of their silence is that of the alert
that comes back first; an alert that joins, or is let go earlier, ends it at once. What a person snoozed stays so.
"""

from collections.abc import Iterable

from openalert.domain import incident as rules
from openalert.domain.access import SYSTEM
from openalert.domain.incident import LONGEST_SNOOZE, Incident, IncidentStatus
from openalert.domain.instant import Instant
from openalert.storage import holds, incidents, notifications, timers
from openalert.storage.timers import Timer
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import escalation, news, slo
from openalert.usecases.transitions import cancel_pages, escalate_again
from openalert.usecases.work import Work


async def settle(work: Work, touched: Iterable[Incident]) -> None:
    """Let those be quiet that have nothing left that fires and is not held."""
    open_ones = [each for each in touched if each.is_open and each.firing_count > 0]
    returns = await _returns(work.tx, [each for each in open_ones if not each.is_snoozed(work.now)])
    for incident in open_ones:
        if incident.id in returns:
            await _quiet(work, incident, returns[incident.id])
            work.tell(incident, "quieted", SYSTEM, until=returns[incident.id])


async def _returns(reader: Reader, some: list[Incident]) -> dict[str, Instant | None]:
    """By incident of which every firing alert is held: when the first comes back; None: when somebody says so.

    What is held by nothing that lasts is about to be let go, and counts as firing.
    """
    if not some:
        return {}
    held: dict[str, list[Instant | None]] = {}
    for row in await holds.in_incidents(reader, [each.id for each in some]):
        if row.until is None or row.until > reader.now:
            held.setdefault(row.incident_id, []).append(row.until)
    return {
        each.id: min((until for until in held[each.id] if until is not None), default=None)
        for each in some
        if len(held.get(each.id, ())) >= each.firing_count > 0
    }


async def _quiet(work: Work, incident: Incident, until: Instant | None) -> None:
    end = until if until is not None else work.now + LONGEST_SNOOZE
    rules.snooze(incident, end, work.now)
    incident.is_held = True
    work.say(incident, "updated")
    escalation.stop(work, incident)
    work.set_timer(Timer(incident_id=incident.id, kind="unsnooze", due_at=end, episode=incident.episode))
    await cancel_pages(work, [(incident, "Every alert of it is snoozed or suppressed.")])
    await news.change_messages(work, [(incident, "Every alert of it is snoozed or suppressed")])


async def awaken(work: Work, incident: Incident) -> None:
    """Something of a quiet incident fires again, or came to it: it pages from the first level. Else nothing changes."""
    if incident.is_open and incident.is_quiet(work.now):
        await _wake(work, incident)


async def come_back(work: Work, incident: Incident, since: Instant) -> None:
    """An alert of it, held until `since`, fires again: what is quiet wakes, and what had given up asks once more.

    Many alerts whose time is over together come back in several transactions: whoever was paged after that instant is
    not paged again for the next of them.
    """
    if incident.snoozed_until is not None:
        # What a person snoozed wakes by its timer, and so does what is to wake at this very instant.
        await awaken(work, incident)
    elif (
        incident.status is IncidentStatus.TRIGGERED
        and incident.escalation_next_at is None
        and not await _asked_since(work.tx, incident, since)
    ):
        work.tell(incident, "paging_again", SYSTEM, why="An alert that was held fires again")
        work.say(incident, "updated")
        await escalate_again(work, incident)


async def _asked_since(reader: Reader, incident: Incident, since: Instant) -> bool:
    last = await notifications.last_page(reader, incident.id, incident.episode)
    return last is not None and last >= since


async def disturb(work: Work, incident: Incident) -> None:
    """Something was moved into it: a quiet incident wakes if anything of it fires now that is not held."""
    if incident.is_quiet(work.now) and not await _returns(work.tx, [incident]):
        await _wake(work, incident)


async def stands(work: Work, incident: Incident) -> None:
    """What goes on as it stood before is quiet if all that fires of it is held now, and only then."""
    await disturb(work, incident)
    await settle(work, [incident])


async def _wake(work: Work, incident: Incident) -> None:
    incident.snoozed_until, incident.is_held = None, False
    rules.reopen(incident, work.now)
    work.tell(incident, "unsnoozed", SYSTEM)
    work.say(incident, "updated")
    await escalate_again(work, incident)


async def wake(tx: Transaction, timer: Timer) -> None:
    """A snooze is over: what is still open pages again, unless all of it is held. Again, it changes nothing."""
    incident = await incidents.get(tx, timer.incident_id)
    if incident is None or not incident.is_open or incident.snoozed_until is None:
        await timers.done(tx, timer)
        return
    await slo.steps_done(tx, [slo.step(incident, timer)])
    work = Work(tx)
    returns = await _returns(tx, [incident])
    if incident.id in returns:
        await _quiet(work, incident, returns[incident.id])
    else:
        await _wake(work, incident)
    await work.flush()
