"""What the last resort is told of, and the incident's own record of it."""

from collections.abc import Sequence

from openalert.domain.access import SYSTEM
from openalert.domain.last_resort import REPEAT, Hop, Unreached
from openalert.storage import incidents
from openalert.storage import last_resort as stored
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases.work import Work

MOST = 200
"""So many incidents are looked at and told of."""


async def unreached(reader: Reader) -> list[Unreached]:
    """Incidents that nobody could be told of, after everybody who is to be told was tried."""
    return await stored.unreached(reader, MOST)


async def told_lately(reader: Reader, some: Sequence[Unreached]) -> set[str]:
    """The ids of those among them that the process before this one has told of in the last quarter of an hour."""
    since = reader.now - REPEAT
    return {each.id for each in some if await stored.told_since(reader, each.id, since)}


async def note(tx: Transaction, some: Sequence[Unreached], hops: Sequence[Hop]) -> None:
    """Each way that was tried becomes an entry of each incident's timeline, so does that there was none."""
    for each in some:
        incident = await incidents.get(tx, each.id)
        if incident is None:
            continue
        work = Work(tx)
        for hop in hops or [Hop("")]:
            work.tell(incident, "last_resort", SYSTEM, way=hop.way, failed=bool(hop.problem))
        work.touch(incident)
        work.say(incident, "updated")
        await work.flush()
