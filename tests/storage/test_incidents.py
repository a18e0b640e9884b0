"""Lists of incidents come from an index in their order, however long the history is."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from openalert.domain.incident import IncidentStatus
from openalert.storage import Database, incidents, notifications
from openalert.storage.connection import Writes
from openalert.storage.incidents import IncidentFilter
from openalert.storage.sqlite import SqliteConnection
from openalert.storage.transaction import Reader
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


class Explained:
    """A connection that asks how SQLite would answer."""

    def __init__(self, real: Any) -> None:
        self._real: SqliteConnection = real
        self.plans: list[str] = []

    async def fetch(
        self, sql: str, parameters: Mapping[str, Any], before: Writes = ()
    ) -> tuple[Sequence[str], Any]:
        """Note the plan, answer with nothing."""
        _, rows = await self._real.fetch(f"EXPLAIN QUERY PLAN {sql}", parameters)
        self.plans.append("\n".join(row[3] for row in rows))
        return (), []


@pytest.mark.parametrize("statuses", [None, ("triggered", "acknowledged"), ("resolved",)])
async def test_no_list_sorts_what_it_was_not_asked_for(
    sqlite_db: Database, statuses: tuple[str, ...] | None
) -> None:
    """Neither the first page nor a later one of incidents and notifications is sorted after it was found."""
    cast = await make.cast(sqlite_db)
    actor = make.actor(cast.alice, cast.team)
    async with sqlite_db.read() as reader:
        explained = Explained(reader._connection)
        asking = Reader(explained, sqlite_db, reader.now)  # type: ignore[arg-type]  # only `fetch` is asked for
        for before in (None, "01a1fcb0-3e2a-7001-9b71-89e183c71ecc"):
            await incidents.search(asking, actor, IncidentFilter(statuses=statuses), limit=50, before=before)
            await notifications.search(asking, actor, {}, limit=50, before=before)
    assert [plan for plan in explained.plans if "TEMP B-TREE" in plan] == []


async def test_pages_of_all_incidents_follow_each_other(world: World) -> None:
    """Newest first, and the next page goes on where the last one ended, open or resolved."""
    await world.policy(level(1, world.alice))
    for name in ("A", "B", "C"):
        await world.fires(name)
    await world.resolves("B")
    actor = make.actor(world.alice, world.core)
    async with world.db.read() as reader:
        first = await incidents.search(reader, actor, IncidentFilter(), limit=2)
        rest = await incidents.search(reader, actor, IncidentFilter(), limit=2, before=first[-1].id)
    assert [each.number for each in (*first, *rest)] == [3, 2, 1]
    assert [each.status for each in (*first, *rest)].count(IncidentStatus.RESOLVED) == 1
