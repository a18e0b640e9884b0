"""How late escalations come with 100,000 timers pending, of which 10,000 come due within half a minute, or all at once.

`python -m tests.bench.lateness` does it on SQLite and on Postgres; `… 2000 20000 sqlite` smaller and on one of them.
"""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence

from openalert.config import Config, Server
from openalert.domain.ids import new_id
from openalert.domain.incident import EscalationState, Incident, open_key
from openalert.domain.instant import HOUR, SECOND, Instant
from openalert.domain.severity import Severity
from openalert.storage import incidents, keyring, open_database, open_reading, timers
from openalert.storage.database import Database
from openalert.storage.keyring import KeyRing
from openalert.storage.timers import Timer
from openalert.storage.transaction import Reader, Transaction
from tests.bench import server, stores
from tests.bench.report import Figure, main
from tests.bench.server import World

DUE = 10_000
PENDING = 100_000
SPREAD = 30
AT_ONCE = 1_000
"""Rows of a kind that are written in one transaction."""
HEAD_START = 15
"""Seconds that the server has to be ready before the first timer is due."""
PATIENCE = 300.0


def measure(due: int = DUE, pending: int = PENDING, some: Sequence[str] = stores.STORES) -> Sequence[Figure]:
    """From when a step was due to when its pages were written; every page is delivered meanwhile."""
    figures = []
    for store in some:
        for spread, how in ((SPREAD, f"within {SPREAD} s"), (0, "at one instant")):
            with stores.place(store) as url:
                middle, late, worst = _lateness(url, due, pending, spread)
            what = f"{store}, {pending:,} timers pending, {due:,} due {how}"
            figures += [
                Figure(what=f"{what}: p50 late", value=middle, unit="s", is_time=True),
                Figure(what="  p99", value=late, unit="s", aim=2, is_time=True),
                Figure(what="  worst", value=worst, unit="s", aim=5, is_time=True),
            ]
    return figures


def _lateness(url: str, due: int, pending: int, spread: int) -> tuple[float, float, float]:
    """Seconds of the middle one, of the one in a hundred, and of the last."""
    port = server.free_port()
    command = [sys.executable, "-m", "tests.bench.sink", str(port)]
    with server.world(sink=port, database_url=url) as world:
        asyncio.run(fill(world, pending))
        log = world.folder / "sink"
        with server.process(command, f"http://127.0.0.1:{port}/", log, {}):
            planned = asyncio.run(_make_due(world, due, spread))
            with server.openalert(world, **server.OUTGOING):
                if time.time() * SECOND > min(planned.values()):
                    raise RuntimeError("the first timer was due before the server was ready")
                late = asyncio.run(_wait(world, planned))
    return late[len(late) // 2], late[int(len(late) * 0.99)], late[-1]


async def fill(world: World, count: int) -> None:
    """So many open incidents, each waiting for the first level of its policy in an hour and later."""
    database = await open_database(world.database_url, keys=_keys(world))
    try:
        async with database.read() as reader:
            place = await _route(reader)
        now = database.clock()
        for begin in range(0, count, AT_ONCE):
            numbers = range(begin, min(count, begin + AT_ONCE))
            some = [_incident(place, number, now, now + HOUR + 10 * number) for number in numbers]

            async def write(tx: Transaction, some: Sequence[Incident] = some) -> None:
                await incidents.insert(tx, some)
                await timers.put(tx, [_timer(each) for each in some])

            await database.act(write)
        async with database.transaction() as tx:
            await incidents.take_numbers(tx, place[0], count)
    finally:
        await database.close()


async def _route(reader: Reader) -> tuple[str, ...]:
    """Organization, team, service, policy and its version."""
    [row] = await reader.rows(
        "SELECT s.organization_id, s.team_id, s.id, p.id, v.id FROM services s "
        "JOIN escalation_policies p ON p.id = s.escalation_policy_id "
        "JOIN escalation_policy_versions v ON v.policy_id = p.id"
    )
    return tuple(str(value) for value in row)


def _incident(place: tuple[str, ...], number: int, now: Instant, due_at: Instant) -> Incident:
    return Incident(
        id=new_id(now),
        organization_id=place[0],
        team_id=place[1],
        service_id=place[2],
        number=number + 1,
        title=f"Disk {number} is nearly full",
        severity=Severity.CRITICAL,
        group_key=f"disk-{number}",
        open_key=open_key(place[2], f"disk-{number}"),
        triggered_at=now,
        policy_id=place[3],
        policy_version_id=place[4],
        escalation_state=EscalationState.RUNNING,
        escalation_next_at=due_at,
        updated_at=now,
    )


def _timer(incident: Incident) -> Timer:
    assert incident.escalation_next_at is not None
    return Timer(
        incident_id=incident.id,
        kind="escalate",
        due_at=incident.escalation_next_at,
        episode=incident.episode,
        level=1,
    )


async def _make_due(world: World, count: int, spread: int) -> dict[str, Instant]:
    """Let so many of the timers come due within that many seconds; when, by incident."""
    database = await open_database(world.database_url, keys=_keys(world))
    try:
        async with database.read() as reader:
            ids = await reader.rows(
                "SELECT incident_id FROM timers ORDER BY due_at LIMIT :count", count=count
            )
        first = database.clock() + HEAD_START * SECOND
        some = [
            Timer(
                incident_id=row[0],
                kind="escalate",
                due_at=first + spread * SECOND * number // count,
                episode=1,
                level=1,
            )
            for number, row in enumerate(ids)
        ]
        await database.act(lambda tx: timers.put(tx, some))
        # The incidents say the same, or the auditor would mend them.
        async with database.transaction() as tx:
            await tx.execute(
                "UPDATE incidents SET escalation_next_at = t.due_at FROM timers t WHERE t.incident_id = incidents.id "
                "AND t.due_at < :until",
                until=first + (spread + 1) * SECOND,
            )
        return {each.incident_id: each.due_at for each in some}
    finally:
        await database.close()


async def _wait(world: World, planned: Mapping[str, Instant]) -> list[float]:
    """Until these steps have run: by how many seconds each was late, the least first."""
    database = await open_reading(world.database_url)
    deadline = time.monotonic() + PATIENCE
    try:
        while (count := await _count(database)) < len(planned):
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {count} timers were acted on within {PATIENCE:.0f} s")
            await asyncio.sleep(2)
        async with database.read() as reader:
            pages = await reader.rows("SELECT incident_id, created_at FROM notifications WHERE kind = 'page'")
    finally:
        await database.close()
    return sorted((at - planned[incident]) / SECOND for incident, at in pages)


async def _count(database: Database) -> int:
    async with database.read() as reader:
        return int(await reader.value("SELECT count(*) FROM notifications WHERE kind = 'page'"))


def _keys(world: World) -> KeyRing:
    return keyring.of(Config(server=Server(data_dir=str(world.folder))))


if __name__ == "__main__":
    sizes = [int(each) for each in sys.argv[1:] if each.isdigit()]
    chosen = [each for each in sys.argv[1:] if not each.isdigit()] or stores.STORES
    main(lambda: measure(*sizes, some=chosen))
