"""How soon a server that was killed while alerts came in is ready again, with a million alerts stored (promise LC-1).

`python -m tests.bench.recovery` does it on SQLite and on Postgres; `… 100000 sqlite` with fewer and on one of them.
"""

import asyncio
import os
import signal
import statistics
import sys
from collections.abc import Sequence

import msgspec

from tests.bench import load, open_alerts, server, stores
from tests.bench.load import Spec
from tests.bench.report import Figure, main
from tests.bench.server import World

STORED = 1_000_000
OPEN_IN = 100
"""One in so many is open."""
KILLS = 5


class Ready(msgspec.Struct, frozen=True):
    """What a start after a kill took."""

    seconds: float
    """The middle one."""
    worst: float
    cpu: float
    """Processor time of the middle one until then."""


def measure(stored: int = STORED, some: Sequence[str] = stores.STORES) -> Sequence[Figure]:
    """From the beginning of the process to the first 200 of /ready, after each of some kills under load."""
    figures = []
    for store in some:
        with stores.place(store) as url, server.world(database_url=url) as world:
            empty = _killed(world)
            asyncio.run(open_alerts.fill(world, stored - stored // OPEN_IN, stored // OPEN_IN))
            full = _killed(world)
        what = f"{store}: ready after a kill, {stored:,} alerts"
        figures += [
            Figure(what=what, value=full.seconds, unit="s", aim=3, is_time=True),
            Figure(what="  the longest", value=full.worst, unit="s", aim=3, is_time=True),
            Figure(
                what="  processor time until then",
                value=full.cpu,
                unit="s",
                floor=empty.cpu,
                floor_name="s when empty",
                is_time=True,
            ),
        ]
    return figures


def _killed(world: World) -> Ready:
    """Start it, let alerts come in, kill it with -9, start it …"""
    took, used = [], []
    for number in range(KILLS + 1):
        with server.openalert(world) as running:
            took.append(running.started_in)
            used.append(server.cpu_seconds(running.pid))
            load.run(Spec(port=running.port, salt=f"{os.getpid()}{number}", seconds=1, alerts=50))
            os.kill(running.pid, signal.SIGKILL)
    # The first start followed no kill.
    return Ready(statistics.median(took[1:]), max(took[1:]), statistics.median(used[1:]))


if __name__ == "__main__":
    sizes = [int(each) for each in sys.argv[1:] if each.isdigit()]
    chosen = [each for each in sys.argv[1:] if not each.isdigit()] or stores.STORES
    main(lambda: measure(*sizes, some=chosen))
