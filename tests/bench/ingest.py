"""How fast alerts come in, each answered after it is on the disk: as ratios to a bare mount and to bare rows."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec

from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.ids import new_id
from openalert.domain.severity import Severity
from openalert.storage import open_database
from openalert.storage.rows import for_several, insert_statement, values_of
from tests.bench import cores, load, server
from tests.bench.load import Spec
from tests.bench.report import Figure, main

SECONDS = 6.0
TURNS = 5
TURN = 1.5
"""Seconds that the bare mount and OpenAlert have in turn."""
BATCH = 500
SENDERS = 32
"""The aims are for so many connections, as in all comparisons of the design."""
MANY = 128
"""In a storm there are more, and more share a flush: told beside it, without an aim."""
_OF_AN_ALERT = {"payloads": 1, "alerts": 1, "incidents": 1, "timeline": 1, "timers": 1, "events": 2}
"""How many rows of each table a new alert makes that comes alone."""
_HOME = new_id(0)


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts a second, beside what a mount that stores nothing answers in a second."""

    bare: float
    bare_many: float
    """From MANY senders."""
    bare_again: float
    """Beside repeats, in turn with them; the others beside new ones."""
    bare_again_many: float
    new: float
    new_many: float
    new_50: float
    """Fifty in a message."""
    again: float
    again_many: float
    again_50: float
    rows: float
    """If there were nothing to do for new ones but to write their rows."""


def measure() -> Sequence[Figure]:
    """New and repeated alerts, one and fifty in a message, and what the rows of new ones would cost alone."""
    with cores.apart():
        apart = _rates()
    anywhere = _rates()
    rows = row_rate(3.0)
    return [
        *_figures("on one processor, senders on another", apart, rows),
        *_figures("wherever the kernel lets them run", anywhere, rows),
    ]


def _rates() -> Rates:
    with server.world() as world:
        with server.mount() as floor, server.openalert(world) as running:
            port = running.port
            load.run(Spec(port=floor, salt="w", seconds=1))
            load.run(Spec(port=port, salt="w", seconds=1, distinct=500))
            bare, new = _in_turn(floor, Spec(port=port, salt="a", seconds=TURN))
            new_50 = load.run(Spec(port=port, salt="b", seconds=SECONDS, alerts=50, connections=16)).rate * 50
            load.run(Spec(port=port, salt="c", seconds=1, distinct=200))
            bare_again, again = _in_turn(
                floor, Spec(port=port, salt="c", seconds=TURN, distinct=200), again=True
            )
            bare_again_many, again_many = _in_turn(
                floor, Spec(port=port, salt="c", seconds=TURN, distinct=200, connections=MANY), again=True
            )
            load.run(Spec(port=port, salt="d", seconds=2, alerts=50, distinct=200, connections=16))
            fifty = load.run(
                Spec(port=port, salt="d", seconds=SECONDS, alerts=50, distinct=200, connections=16)
            )
            # Last: their fingerprints must not be among those whose rows are written alone.
            bare_many, new_many = _in_turn(floor, Spec(port=port, salt="z", seconds=TURN, connections=MANY))
        return Rates(
            bare=bare,
            bare_many=bare_many,
            bare_again=bare_again,
            bare_again_many=bare_again_many,
            new=new,
            new_many=new_many,
            new_50=new_50,
            again=again,
            again_many=again_many,
            again_50=fifty.rate * 50,
            rows=contract_rate(world.folder / "openalert.db"),
        )


def _in_turn(floor: int, spec: Spec, *, again: bool = False) -> tuple[float, float]:
    """Messages a second of the bare mount at that port, and of what `spec` says: medians of turns.

    A virtual machine may be half as fast again from one second to the next, so a floor that was measured once, before,
    says little. Each turn brings new alerts, unless it is `again`.
    """
    bare, ours = [], []
    for turn in range(TURNS):
        salt = spec.salt if again else f"{spec.salt}{turn}"
        bare.append(load.run(Spec(port=floor, salt="m", seconds=TURN, connections=spec.connections)).rate)
        ours.append(load.run(msgspec.structs.replace(spec, salt=salt)).rate)
    return median(bare), median(ours)


def _figures(where: str, rates: Rates, rows: float) -> list[Figure]:
    def of_mount(what: str, value: float, floor: float, aim: float | None = None) -> Figure:
        return Figure(
            what=f"{what} ({where})", value=value, unit="msg/s", floor=floor, floor_name="mount", aim=aim
        )

    def alerts(what: str, value: float, aim: float, floor: float | None = None) -> Figure:
        return Figure(
            what=f"{what} ({where})", value=value, unit="alerts/s", floor=floor, floor_name="rows/s", aim=aim
        )

    return [
        of_mount("only the rows of new, 1 per message", rates.rows, rates.bare),
        of_mount("new, 1 per message", rates.new, rates.bare, aim=0.25),
        of_mount("new, 1 per message (stretch)", rates.new, rates.bare, aim=0.4),
        of_mount("repeats, 1 per message", rates.again, rates.bare_again, aim=0.5),
        of_mount(f"new, 1 per message, {MANY} senders", rates.new_many, rates.bare_many),
        of_mount(f"repeats, 1 per message, {MANY} senders", rates.again_many, rates.bare_again_many),
        alerts("new, 50 per message", rates.new_50, 0.15, rows),
        alerts("new, 50 per message", rates.new_50, 10_000),
        alerts("new, 50 per message (stretch)", rates.new_50, 25_000),
        alerts("repeats, 50 per message", rates.again_50, 40_000),
    ]


def row_rate(seconds: float) -> float:
    """Rows a second that SQLite itself takes into our alerts table: FULL, 500 in a transaction, made before."""
    with tempfile.TemporaryDirectory(prefix="openalert-bench-") as name:
        path = Path(name, "rows.db")
        asyncio.run(_make_schema(path))
        statement = insert_statement("alerts", (*Alert.__struct_fields__, "latest_key"))
        batches = [
            [_row(batch * BATCH + index) for index in range(BATCH)] for batch in range(int(seconds * 160))
        ]
        raw = sqlite3.connect(path, isolation_level=None)
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        done, begun = 0, time.perf_counter()
        for batch in batches:
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(statement, batch)
            raw.execute("COMMIT")
            done += len(batch)
            if time.perf_counter() - begun > seconds:
                break
        taken = time.perf_counter() - begun
        raw.close()
    return done / taken


def contract_rate(written: Path) -> float:
    """New alerts a second if there were nothing to do but to write their rows.

    The rows are those that OpenAlert wrote for messages of one alert; they are made before, and go into empty tables
    with one statement a table and one commit for as many alerts as there are senders.
    """
    with tempfile.TemporaryDirectory(prefix="openalert-bench-") as name:
        path = Path(name, "rows.db")
        asyncio.run(_make_schema(path))
        batches = _contracts(written)
        raw = sqlite3.connect(path, isolation_level=None)
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")
        begun = time.perf_counter()
        for batch in batches:
            raw.execute("BEGIN IMMEDIATE")
            for statement, values in batch:
                raw.execute(statement, values)
            raw.execute("COMMIT")
        taken = time.perf_counter() - begun
        raw.close()
    return len(batches) * SENDERS / taken


def _contracts(written: Path) -> list[list[tuple[str, list[object]]]]:
    """The oldest rows in that database, as statements for as many alerts as there are senders."""
    old = sqlite3.connect(f"{written.as_uri()}?mode=ro", uri=True)
    # Those that came before the messages of fifty.
    (alerts,) = old.execute("SELECT count(*) FROM alerts WHERE fingerprint < 'b'").fetchone()
    batches: list[list[tuple[str, list[object]]]] = [[] for _ in range(alerts // SENDERS)]
    for table, each in _OF_AN_ALERT.items():
        found = old.execute(f"SELECT * FROM {table} ORDER BY 1 LIMIT {each * alerts}")
        statement = insert_statement(table, (column[0] for column in found.description))
        for batch in batches:
            rows = found.fetchmany(each * SENDERS)
            batch.append((for_several(statement, len(rows)), [value for row in rows for value in row]))
    old.close()
    return batches


async def _make_schema(path: Path) -> None:
    await (await open_database(f"sqlite:///{path}")).close()


def _row(number: int) -> list[object]:
    now, name = 1_767_603_600_000, f"{number * load.SCATTER % 10**10:010d}"
    alert = Alert(
        id=new_id(now),
        organization_id=_HOME,
        team_id=_HOME,
        service_id=_HOME,
        integration_id=_HOME,
        incident_id=new_id(now),
        fingerprint=name,
        status=AlertStatus.FIRING,
        severity=Severity.CRITICAL,
        title="Disk is nearly full",
        description="",
        source="prometheus",
        labels={"alertname": "Disk", "instance": "host:9100", "job": "node", "severity": "critical"},
        annotations={"summary": "Disk is nearly full"},
        links=[{"label": "Source", "href": "http://prometheus.example.org/graph?g0.expr=disk"}],
        payload_id=new_id(now),
        count=1,
        starts_at=now,
        fired_at=now,
        last_seen_at=now,
        updated_at=now,
    )
    return [*values_of(Alert)(alert), f"{alert.integration_id}:{name}"]


if __name__ == "__main__":
    main(measure)
