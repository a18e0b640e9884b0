"""What happens on status pages by itself: maintenances begin and end, components and drafts follow incidents.

Each is moved on in a transaction of its own: what was committed is not due any more, what was not is done by the next
run, and one that fails stops no other.
"""

from collections.abc import Coroutine
from functools import partial
from typing import Any

import structlog

from openalert.storage import status_automation as automatic
from openalert.storage import status_incidents as stored
from openalert.storage.database import Database
from openalert.usecases import status_automation, status_incidents

BATCH = 100

Step = partial[Coroutine[Any, Any, Any]]

log = structlog.get_logger(__name__)


async def run_due(database: Database) -> int:
    """Do all that is due; how much that was."""
    async with database.read() as reader:
        due = await stored.due(reader, BATCH)
        pulled = {each.page_id for each in await automatic.pulls(reader) if status_automation.is_new(each)}
        new = await automatic.unproposed(reader, BATCH)
        moved = await automatic.moved(reader, BATCH)
    steps: list[Step] = [partial(status_incidents.advance, incident_id=each.id) for each in due]
    steps += [partial(status_automation.follow, page_id=each) for each in sorted(pulled)]
    steps += [
        partial(step, page_id=each.page_id, incident_id=each.incident_id)
        for step, pairs in ((status_automation.propose, new), (status_automation.carry_on, moved))
        for each in pairs
    ]
    return sum([await _done(database, step) for step in steps])


async def _done(database: Database, step: Step) -> bool:
    try:
        return bool(await database.act(step))
    except Exception:
        log.exception("step of a status page failed", step=step.func.__name__, of=step.keywords)
        return False
