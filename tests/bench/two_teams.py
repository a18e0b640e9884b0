"""What a storm of one team does to another: how soon its alerts are answered, how late it is paged (promise IN-6).

One team is sent a hundred times the sustained rate for a minute, 5,000 alerts a second in messages of fifty; what the
server cannot take of it may be refused with 503. The other team's sender goes on at the sustained rate meanwhile.
`python -m tests.bench.two_teams 10` takes that many seconds.
"""

import asyncio
import sys
from collections.abc import Sequence

import msgspec

from openalert.config import Config, Server
from openalert.domain.instant import SECOND
from openalert.domain.user import Organization
from openalert.notifiers.webhook import new_secret
from openalert.storage import keyring, open_database, open_reading
from tests import make
from tests.bench import load, server
from tests.bench.load import Result, Spec
from tests.bench.report import Figure, main
from tests.bench.server import World

SECONDS = 60.0
CALM = 8.0
OTHER = "other"
"""The key of the other team's integration."""
SUSTAINED = 50.0
"""Alerts a second."""
STORM = 100.0
"""Messages of `IN_EACH` alerts a second: a hundred times as much."""
IN_EACH = 50


class Late(msgspec.Struct, frozen=True):
    """By how many seconds a team's first pages were written down after they were due."""

    p99: float
    worst: float
    pages: int


def measure(seconds: float = SECONDS) -> Sequence[Figure]:
    """The other team alone, then beside the storm; every page of both is delivered."""
    port = server.free_port()
    command = [sys.executable, "-m", "tests.bench.sink", str(port)]
    with server.world(0, sink=port) as world:
        asyncio.run(_add_team(world, port))
        sink = server.process(command, f"http://127.0.0.1:{port}/", world.folder / "sink", {})
        with sink, server.openalert(world, **server.OUTGOING) as running:
            load.run(Spec(port=running.port, salt="w", seconds=1, distinct=100))
            calm = load.run(_calmly(running.port, "c", CALM))
            other, storm = load.run_all([_calmly(running.port, "o", seconds), _storm(running.port, seconds)])
        late = asyncio.run(_late(world, OTHER))
        own = asyncio.run(_late(world, server.KEY))
    taken = storm.statuses.get("202", 0) * IN_EACH / storm.seconds
    print(f"  the storm was answered {storm.statuses}, the other team {other.statuses}", flush=True)
    return [
        Figure(
            what=f"other team beside 5,000 alerts/s for {seconds:.0f} s: p99",
            value=other.p99,
            unit="ms",
            floor=calm.p99,
            floor_name="alone",
            is_time=True,
        ),
        Figure(what="  p99 in seconds", value=other.p99 / 1000, unit="s", aim=1, is_time=True),
        Figure(what="  answered with 202", value=_accepted(other), unit="of 1", aim=1),
        Figure(what=f"  {late.pages:,} pages written after they were due: p99", value=late.p99, unit="s"),
        Figure(what="  the latest", value=late.worst, unit="s", aim=5, is_time=True),
        Figure(what="the storm itself: alerts taken in", value=taken, unit="alerts/s"),
        Figure(what=f"  {own.pages:,} pages written after they were due: p99", value=own.p99, unit="s"),
    ]


def _accepted(result: Result) -> float:
    return result.statuses.get("202", 0) / max(1, result.answered)


def _calmly(port: int, salt: str, seconds: float) -> Spec:
    return Spec(port=port, key=OTHER, salt=salt, seconds=seconds, rate=SUSTAINED, connections=16)


def _storm(port: int, seconds: float) -> Spec:
    return Spec(port=port, salt="s", seconds=seconds, rate=STORM, alerts=IN_EACH, connections=64)


async def _add_team(world: World, sink: int) -> None:
    """A second team with a channel, a policy that pages it at once, a service and an integration of its own."""
    database = await open_database(
        world.database_url, keys=keyring.of(Config(server=Server(data_dir=str(world.folder))))
    )
    try:
        async with database.read() as reader:
            organization = await reader.one(Organization, "SELECT * FROM organizations")
        assert organization is not None
        team = await make.team(database, organization, "Payments")
        url = f"http://127.0.0.1:{sink}/"
        channel = await make.channel(database, team, "webhook", url=url, secret=new_secret())
        policy = await make.policy(database, team, make.level(1, channel), name="Payments policy")
        await make.integration(database, await make.service(database, team, policy, "Payments"), OTHER)
    finally:
        await database.close()


async def _late(world: World, key: str) -> Late:
    """Of the team whose integration has this key."""
    name = "Payments" if key == OTHER else "Database"
    database = await open_reading(world.database_url)
    try:
        async with database.read() as reader:
            rows = await reader.rows(
                "SELECT n.created_at - i.triggered_at FROM notifications n JOIN incidents i ON i.id = n.incident_id "
                "JOIN services s ON s.id = i.service_id WHERE n.kind = 'page' AND s.name = :name",
                name=name,
            )
    finally:
        await database.close()
    late = sorted(row[0] / SECOND for row in rows) or [float("inf")]
    return Late(late[int(len(late) * 0.99)], late[-1], len(rows))


if __name__ == "__main__":
    main(lambda: measure(*[float(each) for each in sys.argv[1:]]))
