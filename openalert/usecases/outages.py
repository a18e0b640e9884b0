"""Outages: what the server learns at its start of the time before it, and whom it tells."""

from openalert import telemetry
from openalert.domain.access import SYSTEM
from openalert.domain.instant import MINUTE, SECOND
from openalert.domain.outage import WORDS, Ending, Life, Outage, judge, span_of
from openalert.domain.timeline import span
from openalert.storage import clock_doubt, clock_steps, incidents, organizations, outages
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import owner_notices
from openalert.usecases.work import Work

OWNERS_HEAR_OF = 2 * MINUTE
"""Owners are told of a longer outage: somebody may have waited for a page."""
MOST_TOLD = 200
"""Incidents whose timeline says at once that it delayed them; what is late beyond these says so when it is done."""
MOST_SHOWN = 500


async def begin(tx: Transaction, run_id: str, boot_id: str, elapsed: int, *, is_alone: bool) -> Outage | None:
    """The first sign of life of a run; what lies between it and the last one of the run before.

    Unless the run `is_alone` on its database, it is no outage while another node is there. A clock that was set
    meanwhile moves what is pending, as it would have in a server that runs.
    """
    before = await outages.last(tx)
    outage = judge(before, tx.now, boot_id, elapsed)
    if before is not None and not is_alone and await outages.is_anybody_there(tx, before.run_id):
        outage = None
    number = 1 if before is None else before.number + 1
    await outages.begin(
        tx, Life(run_id=run_id, number=number, boot_id=boot_id, seen_at=tx.now, elapsed=elapsed)
    )
    if outage is None:
        return None
    if outage.clock_step:
        await clock_steps.shift(tx, outage.clock_step)
    # On another kernel nobody knows whether so much time has passed, or the clock was set.
    await clock_doubt.leap(tx, outage.length if outage.ending is Ending.MACHINE else outage.clock_step)
    await note(tx, run_id, outage)
    return outage


async def note(tx: Transaction, run_id: str, outage: Outage) -> None:
    """Keep it, say so on the incidents that it delayed, and tell the owners if it was long."""
    await outages.note(tx, run_id, outage)
    if outage.is_notable:
        await _tell_incidents(tx, outage)
    if outage.length > OWNERS_HEAR_OF:
        await _tell_owners(tx, outage)


async def seen(tx: Transaction, run_id: str, elapsed: int) -> None:
    """The run lives."""
    await outages.seen(tx, run_id, elapsed)


async def end(tx: Transaction, run_id: str, elapsed: int) -> None:
    """The run ends because it was told to."""
    await outages.seen(tx, run_id, elapsed, str(Ending.STOPPED))


async def history(reader: Reader, limit: int = MOST_SHOWN) -> list[Outage]:
    """When nobody was there and why, the newest first; one for each start, and for each pause of a run."""
    return await outages.newest(reader, min(limit, MOST_SHOWN))


def measure(outage: Outage) -> None:
    """Let the metrics say it."""
    telemetry.NOT_RUNNING.labels(ending=outage.ending.value).inc(outage.length / SECOND)


async def _tell_incidents(tx: Transaction, outage: Outage) -> None:
    delayed = await incidents.get_many(tx, await outages.delayed(tx, outage, MOST_TOLD))
    work = Work(tx)
    for incident in delayed.values():
        work.tell(
            incident,
            "server_was_away",
            SYSTEM,
            since=outage.since,
            until=outage.until,
            ending=outage.ending.value,
        )
        work.say(incident, "updated")
    await work.flush()


async def _tell_owners(tx: Transaction, outage: Outage) -> None:
    """By every way they have, as whatever came in that time may have been lost by its sender."""
    for organization in await organizations.every(tx):
        await owner_notices.tell(
            tx,
            organization.id,
            headline=f"OpenAlert was not running for {span(outage.length)}",
            body=f"From {span_of(outage.since, outage.until)} nobody was paged: {WORDS[outage.ending]}.\n\n"
            "Steps that were due then are taken now, one of each incident, and say that they are late. "
            "Senders that gave up meanwhile are not known here: look at what they watch.",
            opens=("Open the incidents", "/incidents"),
        )
