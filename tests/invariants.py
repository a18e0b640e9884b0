"""What must be true of any database at any moment between two transactions, whatever happened before.

`await broken(world.db)` lists what is not, in words; an empty list is what every test wants.
"""

from openalert.storage import Database
from openalert.storage.invariants import RULES, breaks, damage
from openalert.usecases import verify


async def broken(db: Database) -> list[str]:
    """Every rule that does not hold."""
    async with db.read() as reader:
        found = [line for rule in RULES for line in await breaks(reader, rule)] + await damage(reader)
        oldest = await reader.value("SELECT min(seq) FROM events")
    # No test lives long enough for events to be forgotten.
    if oldest not in (None, 1):
        found.append(f"the first event is {oldest}")
    audit = await verify.chain(db)
    return found + ([] if audit.holds else [audit.words])


async def unsettled(db: Database) -> list[str]:
    """What is due or on its way although the engine has nothing left to do."""
    async with db.read() as reader:
        rows = await reader.rows(
            "SELECT kind, status, address FROM notifications WHERE status = 'sending' OR due_at <= :now",
            now=reader.now,
        )
        timers = await reader.rows("SELECT kind FROM timers WHERE due_at <= :now", now=reader.now)
    return [f"{row[0]} to {row[2]} is {row[1]}" for row in rows] + [
        f"timer {row[0]} is due" for row in timers
    ]
