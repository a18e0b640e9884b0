"""How late escalations come when 10,000 of them are pending and become due within half a minute, or all at once."""

import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import load, server
from tests.bench.load import Spec
from tests.bench.report import Figure, main
from tests.bench.server import World

TIMERS = 10_000
SPREAD = 30.0


def measure() -> Sequence[Figure]:
    """From when a step was due to when its pages were written; every page is delivered meanwhile."""
    spread = _lateness(SPREAD)
    at_once = _lateness(0.0)
    return [
        Figure(
            what=f"{TIMERS:,} timers due within {SPREAD:.0f} s: p99 late",
            value=spread,
            unit="s",
            aim=2,
            is_time=True,
        ),
        Figure(what=f"{TIMERS:,} timers due at once: p99 late", value=at_once, unit="s", is_time=True),
    ]


def _lateness(spread: float) -> float:
    port = server.free_port()
    command = [sys.executable, "-m", "tests.bench.sink", str(port)]
    with server.world(sink=port) as world:
        with server.openalert(world) as running:
            load.run(Spec(port=running.port, salt="a", seconds=120, most=TIMERS))
        due = _make_due(world, spread)
        log = world.folder / "sink"
        with (
            server.process(command, f"http://127.0.0.1:{port}/", log, {}),
            server.openalert(world, **server.OUTGOING),
        ):
            return _wait(world, due)


def _make_due(world: World, spread: float) -> dict[str, int]:
    """Let every timer come due within that many seconds, beginning five seconds from now."""
    with sqlite3.connect(_path(world)) as raw:
        first = time.time_ns() // 1_000_000 + 5_000
        ids = [row[0] for row in raw.execute("SELECT incident_id FROM timers ORDER BY incident_id")]
        due = {each: first + int(spread * 1000 * index / len(ids)) for index, each in enumerate(ids)}
        raw.executemany(
            "UPDATE timers SET due_at = ? WHERE incident_id = ?", [(at, key) for key, at in due.items()]
        )
    raw.close()
    return due


def _wait(world: World, due: dict[str, int]) -> float:
    raw = sqlite3.connect(f"file:{_path(world)}?mode=ro", uri=True)
    query = "SELECT incident_id, created_at FROM notifications WHERE kind = 'page'"
    deadline = time.monotonic() + 180
    while raw.execute("SELECT count(*) FROM notifications WHERE kind = 'page'").fetchone()[0] < len(due):
        if time.monotonic() > deadline:
            raise RuntimeError("not every timer was acted on within three minutes")
        time.sleep(2)
    late = sorted((paged - due[incident]) / 1000 for incident, paged in raw.execute(query))
    raw.close()
    worst: float = late[int(len(late) * 0.99)]
    return worst


def _path(world: World) -> Path:
    return world.folder / "openalert.db"


if __name__ == "__main__":
    main(measure)
