"""Looking for what is due costs the same however much waits, and however much was sent before."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from openalert.domain.notification import NotificationPriority
from openalert.storage import Database
from openalert.storage import deliveries as sending
from openalert.storage.transaction import Reader

pytestmark = pytest.mark.anyio


class Explained:
    """A connection that asks how the database would answer, and then answers."""

    def __init__(self, real: Any, how: str) -> None:
        self._real = real
        self._how = how
        self.plans: list[str] = []

    async def fetch(
        self, sql: str, parameters: Mapping[str, Any], before: Any = ()
    ) -> tuple[Sequence[str], Any]:
        """Note the plan."""
        _, rows = await self._real.fetch(f"{self._how} {sql}", parameters)
        self.plans.append("\n".join(str(row[-1]) for row in rows))
        if "RECURSIVE" in sql:
            return ("channel",), [("email",), ("sms",)]
        return (), []


async def test_what_is_due_is_found_by_an_index_and_never_sorted(db: Database) -> None:
    """On both databases each lane reads its index in order; nobody reads the table, nobody sorts."""
    sqlite = db.dialect == "sqlite"
    async with db.read() as reader:
        if not sqlite:
            await reader.rows("SET LOCAL enable_seqscan = off")
            await reader.rows("SET LOCAL enable_bitmapscan = off")
        explained = Explained(reader._connection, "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN")
        asking = Reader(explained, db, reader.now)  # type: ignore[arg-type]  # only `fetch` is asked for
        await sending.due(asking, reader.now, lambda *_: 10)
        await sending.over(asking, reader.now, ["email"], [])
        await sending.late(asking, reader.now)
    waiting, *lanes, over, late = explained.plans
    assert len(lanes) == 2 * len(NotificationPriority)
    assert "notifications_by_lane" in waiting
    for lane in lanes:
        assert "notifications_by_lane" in lane
        assert not any(sort in lane for sort in ("TEMP B-TREE", "Sort Key"))
    assert "notifications_by_end" in over
    # Postgres chooses by what the tables hold, which here is nothing.
    assert not sqlite or "notifications_by_end" in late
