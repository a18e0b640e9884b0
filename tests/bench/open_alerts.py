"""Whether 10,000 open alerts are listed, narrowed and gathered at once, and as quickly with a million stored."""

import asyncio
from collections.abc import Sequence

from openalert.config import Config, Server
from openalert.domain.alert import Alert, AlertStatus
from openalert.domain.ids import new_id
from openalert.domain.instant import SECOND, Instant
from openalert.domain.severity import Severity
from openalert.storage import alerts, keyring, open_database
from openalert.storage.transaction import Reader
from tests.bench import server
from tests.bench.lists import get
from tests.bench.report import Figure, main
from tests.bench.server import Running, World

OPEN, FEW, MANY = 10_000, 20_000, 1_000_000
AT_ONCE = 5_000
AIM = 100
PATHS = {
    "open alerts, JSON": "/api/v1/alerts?status=firing",
    "open alerts (page)": "/alerts?status=open",
    "… worst first (page)": "/alerts?status=open&sort=severity",
    "… by a label that none has (page)": "/alerts?status=open&label=host%3Dnowhere",
    "… by words that none has (page)": "/alerts?status=open&q=nothing+like+it",
    "… gathered by a label (page)": "/alerts?status=open&group=label:host",
    "what is over, by words that none has (page)": "/alerts?status=resolved&q=nothing+like+it",
}


def measure() -> Sequence[Figure]:
    """The median time of each list with little history, then with much."""
    with server.world() as world:
        asyncio.run(fill(world, FEW - OPEN, OPEN))
        with server.openalert(world) as running:
            before = _look(world, running)
        asyncio.run(fill(world, MANY - FEW, 0))
        with server.openalert(world) as running:
            after = _look(world, running)
    figures = []
    for what, slow in after.items():
        said = f"{what}, {OPEN:,} open of {MANY:,}"
        figures.append(Figure(what=said, value=slow, unit="ms", aim=AIM, is_time=True))
        figures.append(
            Figure(
                what=f"{what}, growth",
                value=slow,
                unit="ms",
                floor=before[what],
                floor_name=f"ms at {FEW:,}",
                aim=1.3,
                is_time=True,
            )
        )
    return figures


def _look(world: World, running: Running) -> dict[str, float]:
    key = {"Authorization": f"Bearer {world.api_key}"}
    person = {"Cookie": f"openalert_session={world.session}", "Accept": "text/html"}
    return {
        what: get(running, path, key if path.startswith("/api/") else person)[0]
        for what, path in PATHS.items()
    }


async def fill(world: World, over: int, open_ones: int) -> None:
    """So many alerts that are over, among them the open ones, a second apart."""
    keys = keyring.of(Config(server=Server(data_dir=str(world.folder))))
    database = await open_database(world.database_url, keys=keys)
    total = over + open_ones
    every = total // open_ones if open_ones else 0
    try:
        async with database.read() as reader:
            place = await _place(reader)
        at = database.clock() - total * SECOND
        for begin in range(0, total, AT_ONCE):
            some = [
                _alert(place, at + number * SECOND, number, bool(every) and number % every == 0)
                for number in range(begin, min(total, begin + AT_ONCE))
            ]
            async with database.transaction() as tx:
                await alerts.insert(
                    tx, some, [each.id for each in some if each.status is AlertStatus.RESOLVED]
                )
    finally:
        await database.close()


async def _place(reader: Reader) -> tuple[str, ...]:
    [row] = await reader.rows(
        "SELECT s.organization_id, s.team_id, s.id, i.id FROM services s JOIN integrations i ON i.service_id = s.id"
    )
    return tuple(str(value) for value in row)


def _alert(place: tuple[str, ...], at: Instant, number: int, is_open: bool) -> Alert:
    host = f"node-{number % 700}.example.com:9100"
    return Alert(
        id=new_id(at),
        organization_id=place[0],
        team_id=place[1],
        service_id=place[2],
        integration_id=place[3],
        incident_id=None,
        fingerprint=f"{at}-{number}",
        status=AlertStatus.FIRING if is_open else AlertStatus.RESOLVED,
        severity=list(Severity)[number % 5],
        title=f"Disk almost full on {host}",
        description="Less than ten percent are left on /var. " * 4,
        source="prometheus",
        labels={"alertname": "DiskFull", "host": host, "job": "node", "namespace": f"ns-{number % 13}"},
        annotations={"summary": "Disk almost full", "runbook": "https://runbooks.example.com/disk"},
        links=[],
        payload_id=None,
        count=1,
        starts_at=at,
        fired_at=at,
        last_seen_at=at,
        resolved_at=None if is_open else at + SECOND,
        updated_at=at,
    )


if __name__ == "__main__":
    main(measure)
