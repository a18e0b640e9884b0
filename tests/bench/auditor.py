"""What the look for open incidents without a live reason costs with 100,000 of them open (promise ES-9).

Each slice is a look of its own in a reader's thread; beside it a task asks for its turn all the time, and the longest
that it waits is told.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence

from openalert.config import Config, Server
from openalert.engine import escalate
from openalert.storage import auditing, keyring, open_database
from openalert.storage.database import Database
from tests.bench import lateness, server, stores
from tests.bench.report import Figure, main
from tests.bench.server import World

OPEN = 100_000
LONGEST_LOOK = 50.0
LONGEST_WAIT = 20.0
"""Milliseconds."""


def measure(count: int = OPEN, some: Sequence[str] = stores.STORES) -> Sequence[Figure]:
    """The looks at all of them, one after the other, as the server does each minute."""
    figures = []
    for store in some:
        with stores.place(store) as url, server.world(database_url=url) as world:
            figures += asyncio.run(_measure(world, store, count))
    return figures


async def _measure(world: World, store: str, count: int) -> list[Figure]:
    await lateness.fill(world, count)
    keys = keyring.of(Config(server=Server(data_dir=str(world.folder))))
    database = await open_database(world.database_url, keys=keys)
    try:
        took = await _looks(database)
        begun = time.process_time()
        waited = await _beside(database)
        used = time.process_time() - begun
    finally:
        await database.close()
    what = f"{store}, {count:,} open incidents audited"
    return [
        Figure(what=f"{what}: a look, p50", value=statistics.median(took), unit="ms", is_time=True),
        Figure(what="  the longest", value=max(took), unit="ms", aim=LONGEST_LOOK, is_time=True),
        Figure(what="  processor time of all, with a task that asks", value=used * 1000, unit="ms"),
        Figure(
            what="  the longest that others wait", value=waited, unit="ms", aim=LONGEST_WAIT, is_time=True
        ),
    ]


async def _looks(database: Database) -> list[float]:
    """Milliseconds of each slice."""
    took = []
    for look in auditing.LOOKS:
        after: str | None = ""
        while after is not None:
            begun = time.perf_counter()
            async with database.read() as reader:
                found, after = await auditing.strays(reader, look, after, escalate.MOST_MENDED)
            took.append((time.perf_counter() - begun) * 1000)
            if found:
                raise RuntimeError(f"{len(found)} incidents are wrong: {look.kind}")
    return took


async def _beside(database: Database) -> float:
    """The longest that a task waits which asks for its turn each millisecond while all is looked at."""
    longest = 0.0
    looking = asyncio.create_task(escalate.strays(database))
    while not looking.done():
        begun = time.perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, (time.perf_counter() - begun) * 1000 - 1)
    await looking
    return longest


if __name__ == "__main__":
    sizes = [int(each) for each in sys.argv[1:] if each.isdigit()]
    chosen = [each for each in sys.argv[1:] if not each.isdigit()] or stores.STORES
    main(lambda: measure(*sizes, some=chosen))
