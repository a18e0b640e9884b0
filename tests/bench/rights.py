"""What authorization adds to a request: the question `can`, the predicate of a list, and who a credential is."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from openalert.domain.access import Actor, Permission, Role, can, program_of
from openalert.storage import Database, open_database, services
from openalert.storage.transaction import Reader
from openalert.usecases import access, api_keys, signin
from tests import make
from tests.bench.report import Figure, main

TIMES = 2_000
TEAMS = 12
AIM = 100.0


def measure() -> Sequence[Figure]:
    """Microseconds for each part; a list with the predicate is compared with the same list without."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            return await _figures(db)
        finally:
            await db.close()


async def _figures(db: Database) -> list[Figure]:
    organization = await make.organization(db)
    person = await make.user(db, organization, "Ana")
    teams = [await make.team(db, organization, f"Team {number}") for number in range(TEAMS)]
    for team in teams:
        await make.member(db, team, person)
        for number in range(5):
            await make.service(db, team, name=f"Service {team.name} {number}")
    async with db.transaction(program_of(organization.id)) as tx:
        token = await signin.open_session(tx, person.id, address="192.0.2.1", user_agent="bench")
        _, key = await api_keys.create(tx, name="bench", team_id=teams[0].id)
    member = make.actor(person, *teams, team_role=Role.MEMBER)
    everything = program_of(organization.id)
    figures = [_of_can(member, teams[-1].id)]
    async with db.read() as reader:
        nothing = await _each(lambda: reader.value("SELECT 1"))
        without = await _each(lambda: _list(reader, everything))
        seen = await _each(lambda: _list(reader, member))
        session = await _each(lambda: signin.find_session(reader, token))
        found = await _each(lambda: api_keys.find(reader, key))
    figures.append(_figure(f"the predicate of a list, member of {TEAMS} teams", seen - without))
    # A trip to the database's thread and back is what any statement costs here, however little it asks.
    figures.append(_figure("who a session is, beyond the trip to the database", session - nothing))
    figures.append(_figure("who an API key is, beyond the trip to the database", found - nothing))
    return figures


def _of_can(member: Actor, team_id: str) -> Figure:
    begun = time.perf_counter()
    for _ in range(TIMES):
        can(member, Permission.RESPOND, team_id)
        access.require(member, Permission.RESPOND, team_id)
    return _figure("asking whether one may", (time.perf_counter() - begun) / TIMES * 1e6)


async def _list(reader: Reader, actor: Actor) -> None:
    await services.page(reader, actor, limit=10)


async def _each(act: Callable[[], Awaitable[object]]) -> float:
    """The mean of the best of five rounds, in microseconds."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(TIMES // 5):
            await act()
        best = min(best, (time.perf_counter() - begun) / (TIMES // 5))
    return best * 1e6


def _figure(what: str, value: float) -> Figure:
    return Figure(what=what, value=value, unit="µs", aim=AIM, is_time=True)


if __name__ == "__main__":
    main(measure)
