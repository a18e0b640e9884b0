"""How fast due notifications leave: 10,000 to a provider that answers after 50 ms, alone and beside a dead one."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from openalert.domain.ids import new_id
from openalert.domain.links_back import LinksBack
from openalert.domain.notification import Notification, NotificationKind, NotificationPriority, give_up_at
from openalert.engine.engine import Engine
from openalert.notifiers.notifier import Message, NotifierError, Reason, Receipt
from openalert.storage import Database, notifications, open_database
from openalert.storage import deliveries as sending
from openalert.usecases import deliveries
from openalert.usecases.deliveries import Terms
from tests import make
from tests.bench.report import Figure, main

ROWS = 10_000
ANSWER = 0.05
BATCH = 32
ONE_BY_ONE = 300


class Provider:
    """Answers after a while, or never: then its deadline passes."""

    def __init__(self, channel: str, *, dead: bool = False) -> None:
        self.channel = channel
        self._dead = dead

    async def send(self, message: Message, now: int) -> Receipt:
        """Yes after 50 ms; the dead one is given up after a second."""
        await asyncio.sleep(1.0 if self._dead else ANSWER)
        if self._dead:
            raise NotifierError(Reason.TIMEOUT, "no answer")
        return Receipt(provider_id=message.notification_id)

    async def probe(self) -> str:
        """Well."""
        return "a provider of the benchmark"

    async def close(self) -> None:
        """Nothing."""


def measure() -> Sequence[Figure]:
    """Seconds for all of them, how late the last hundredth was at a steady pace, and what a claim and a settle cost."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    alone, beside = [], []
    # In turn and twice: what else the machine does changes more within a minute than a dead provider does.
    for _ in range(2):
        alone.append(await _run({"slack": ROWS}))
        beside.append(await _run({"slack": ROWS, "sms": ROWS}))
    late = await _lateness()
    claim, settle = await _claim_and_settle()
    single, commit, work = await _settle_one_by_one()
    return [
        Figure(what=f"{ROWS:,} due, answers after 50 ms", value=min(alone), unit="s", aim=60, is_time=True),
        Figure(
            what="the same beside as many for a dead provider",
            value=min(beside), floor=min(alone), floor_name="s alone", unit="s", aim=1.3, is_time=True,
        ),
        Figure(what="100 pages due each second: p99 late at the provider", value=late, unit="s", aim=2, is_time=True),
        Figure(what=f"claim, each of {BATCH}", value=claim, unit="ms", aim=2, is_time=True),
        Figure(what=f"settle, {BATCH} at a time", value=settle, unit="ms", aim=2, is_time=True),
        Figure(what="settle, one by one with a flush each, median", value=single, unit="ms", aim=2, is_time=True),
        Figure(
            what="the same beside the barest commit, median",
            value=single, floor=commit, floor_name="ms", unit="ms", is_time=True,
        ),
        Figure(what="the same, time of our processors", value=work, unit="ms", is_time=True),
    ]  # fmt: skip


async def _run(rows: dict[str, int]) -> float:
    """How long until everything for the living channel was accepted."""
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            for channel, count in rows.items():
                await fill(db, channel, count)
            notifiers = {"slack": Provider("slack"), "sms": Provider("sms", dead=True)}
            pace = {"slack": 0.0, "sms": 0.0}
            engine = Engine(db, notifiers, LinksBack("https://x.example.org", b"x"), per_second=pace)
            begun = time.perf_counter()
            await engine.start()
            await sent(db, "slack", rows["slack"])
            took = time.perf_counter() - begun
            await engine.stop(2)
            return took
        finally:
            await db.close()


async def _lateness() -> float:
    """The 99th hundredth of the time from due to accepted, at a hundred pages a second for ten seconds."""
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            engine = Engine(db, {"slack": Provider("slack")}, LinksBack("https://x.example.org", b"x"))
            engine.deliver.lines = type(engine.deliver.lines)(
                {"slack": Provider("slack")}, None, {"slack": 0.0}
            )
            await fill(db, "slack", 1000, spread=10_000, after=1_000)
            await engine.start()
            await sent(db, "slack", 1000)
            await engine.stop(2)
            async with db.read() as reader:
                found = await reader.rows("SELECT sent_at - created_at FROM notifications ORDER BY 1")
            late: float = (found[989][0] - ANSWER * 1000) / 1000
            return late
        finally:
            await db.close()


async def _claim_and_settle() -> tuple[float, float]:
    """Milliseconds for each row: claims are made in batches, settles come at the same time and share a flush."""
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            await fill(db, "slack", 640)
            claims, settles = 0.0, 0.0
            for _ in range(640 // BATCH):
                async with db.read() as reader:
                    due = await sending.due(reader, reader.now, lambda *_: BATCH)
                wanted = {0: due}
                begun = time.perf_counter()
                claimed = await db.act(lambda tx: deliveries.claim_all(tx, wanted, "run"))  # noqa: B023 - awaited here
                claims += time.perf_counter() - begun
                begun = time.perf_counter()
                await asyncio.gather(*(_settle(db, row) for row in claimed))
                settles += time.perf_counter() - begun
            return claims / 640 * 1000, settles / 640 * 1000
        finally:
            await db.close()


async def _settle_one_by_one() -> tuple[float, float, float]:
    """Milliseconds for one that shares its flush with nobody; for the barest commit, made in turn with it on the same
    disk; and of processor time for the first.
    """
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(f"sqlite:///{Path(folder) / 'bench.db'}")
        bare = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        try:
            bare.execute("PRAGMA journal_mode = WAL")
            bare.execute("PRAGMA synchronous = FULL")
            bare.execute("CREATE TABLE t (n INTEGER)")
            bare.execute("INSERT INTO t VALUES (0)")
            await fill(db, "slack", ONE_BY_ONE)
            async with db.read() as reader:
                wanted = {0: await sending.due(reader, reader.now, lambda *_: ONE_BY_ONE)}
            settles, commits, work = [], [], 0.0
            for row in await db.act(lambda tx: deliveries.claim_all(tx, wanted, "run")):
                begun, worked = time.perf_counter(), time.process_time()
                await _settle(db, row)
                settles.append(time.perf_counter() - begun)
                work += time.process_time() - worked
                begun = time.perf_counter()
                bare.execute("UPDATE t SET n = n + 1")
                commits.append(time.perf_counter() - begun)
            return median(settles) * 1000, median(commits) * 1000, work / ONE_BY_ONE * 1000
        finally:
            bare.close()
            await db.close()


async def _settle(db: Database, row: Notification) -> None:
    receipt = Receipt(provider_id=row.id)
    await db.act(lambda tx: deliveries.settle_all(tx, [row], receipt, Terms()))


async def fill(db: Database, channel: str, count: int, *, spread: int = 0, after: int = 0) -> None:
    """Pages of a channel, due now or within `spread` milliseconds that begin after `after`."""
    organization = await make.organization(db, f"Of {channel}")
    team = await make.team(db, organization, f"Team {channel}")
    for first in range(0, count, 1000):
        async with db.transaction() as tx:
            rows = []
            for number in range(first, min(first + 1000, count)):
                due = tx.now + after + spread * number // count
                rows.append(
                    Notification(
                        id=new_id(tx.now),
                        effect_key=f"bench:{channel}:{number}",
                        organization_id=organization.id,
                        team_id=team.id,
                        incident_id=None,
                        kind=NotificationKind.TEST,
                        priority=NotificationPriority.CRITICAL,
                        channel=channel,
                        address=f"{channel}-{number}",
                        reason="A benchmark.",
                        content={"headline": "A test"},
                        due_at=due,
                        give_up_at=give_up_at(NotificationKind.DIGEST, due),
                        created_at=due,
                        updated_at=tx.now,
                    )
                )
            await notifications.enqueue(tx, rows)


async def sent(db: Database, channel: str, count: int) -> None:
    """Return once so many of the channel were accepted; looks four times a second, since nobody else tells."""
    query = "SELECT count(*) FROM notifications WHERE channel = :channel AND status = 'sent'"
    while True:
        async with db.read() as reader:
            if await reader.value(query, channel=channel) >= count:
                return
        await asyncio.sleep(0.25)


if __name__ == "__main__":
    main(measure)
