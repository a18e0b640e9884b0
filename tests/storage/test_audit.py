"""The audit log in the database: one chain whoever writes, and nothing in it can be changed by ordinary SQL."""

import asyncio
from typing import Any

import pytest

from openalert.domain.access import Actor, Role
from openalert.domain.audit import GENESIS, AuditEntry, Head, broken_link
from openalert.storage import Database, Transaction, audit, open_database, postgres, sqlite_connection
from openalert.storage.audit import AuditFilter
from openalert.usecases.audit import record
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio

ADMIN = Actor(
    kind="user", id="u", name="Ana", organization_id="o", role=Role.ADMIN, address="192.0.2.1", request_id="r"
)


async def act(tx: Transaction, name: str = "x") -> None:
    """An act with one entry."""
    record(tx, "thing.made", kind="thing", id=name, name=name)


async def chain(db: Database) -> list[AuditEntry]:
    """Every entry; fails if they are not one chain that ends at the head."""
    async with db.read() as reader:
        head = await audit.head(reader)
    entries = [entry async for entry in audit.walk(db.read, head.seq)]
    at = Head()
    for entry in entries:
        assert broken_link(entry, at) is None
        at = Head(entry.seq, entry.hash)
    assert at == head
    return entries


async def test_an_entry_is_written_with_its_act_and_chained(db: Database, clock: StoppedClock) -> None:
    """What was recorded reads back whole, from the actor's request on."""
    async with db.transaction(ADMIN) as tx:
        record(
            tx,
            "thing.changed",
            kind="thing",
            id="1",
            name="One",
            team_id="t",
            before={"a": 1},
            after={"a": 2},
        )
        record(tx, "thing.changed", kind="thing", id="1", name="One", before={"a": 1}, after={"a": 1})
    (entry,) = await chain(db)
    assert entry.hash != GENESIS
    assert entry == AuditEntry(
        seq=1, at=clock(), organization_id="o", team_id="t", actor_kind="user", actor_id="u", actor_name="Ana",
        address="192.0.2.1", request_id="r", act="thing.changed", target_kind="thing", target_id="1",
        target_name="One", before='{"a":1}', after='{"a":2}', previous_hash=GENESIS, hash=entry.hash,
    )  # fmt: skip


@pytest.mark.proves("ST-3")
async def test_an_act_that_fails_leaves_neither_gap_nor_fork(db: Database) -> None:
    """Of many that share a commit, some fail before and some after recording: one chain of those that did not."""

    async def some(tx: Transaction, number: int) -> None:
        await act(tx, f"{number}")
        await tx.rows("SELECT 1")
        if number % 3 == 0:
            raise LookupError

    results = await asyncio.gather(
        *(db.act(lambda tx, n=number: some(tx, n), ADMIN) for number in range(30)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, LookupError) for result in results) == 10
    kept = [entry.target_id for entry in await chain(db)]
    assert sorted(kept, key=int) == [str(number) for number in range(30) if number % 3]


async def test_two_nodes_write_one_chain(postgres_url: str) -> None:
    """Two processes' worth of writers on one Postgres, at the same time, many entries in each act."""
    first, second = await open_database(postgres_url), await open_database(postgres_url)

    async def several(tx: Transaction) -> None:
        for number in range(3):
            await act(tx, f"{number}")

    await asyncio.gather(*(node.act(several, ADMIN) for _ in range(40) for node in (first, second)))
    assert len(await chain(first)) == 240
    await first.close()
    await second.close()


async def test_a_lost_commit_leaves_no_trace_in_memory(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the COMMIT itself fails nobody was answered, and the next act continues from what is on disk."""
    await db.act(act, ADMIN)
    kind: Any = sqlite_connection._Direct if db.dialect == "sqlite" else type(await db.writer())
    run = kind.run

    async def failing(self: object, *statements: str) -> None:
        if "COMMIT" in statements:
            raise OSError("the disk is gone")
        await run(self, *statements)

    with monkeypatch.context() as patched:
        patched.setattr(kind, "run", failing)
        patched.setattr(postgres, "DOUBT_SECONDS", 1.0)  # whether it was committed cannot be asked either
        with pytest.raises(Exception, match=r"disk|not confirmed"):
            await db.act(act, ADMIN)
    await db.act(act, ADMIN)
    assert len(await chain(db)) == 2


@pytest.mark.proves("ST-3")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor_name = 'Nobody' WHERE seq = 1",
        "DELETE FROM audit_log WHERE seq = 2",
        "DELETE FROM audit_log",
        "UPDATE audit_head SET seq = 1",
        "DELETE FROM audit_head",
        "INSERT INTO audit_log SELECT 9, at, organization_id, team_id, actor_kind, actor_id, actor_name, address, "
        "request_id, act, target_kind, target_id, target_name, before, after, previous_hash, 'x' "
        "FROM audit_log WHERE seq = 2",
    ],
)
async def test_the_database_itself_refuses_changes(db: Database, statement: str) -> None:
    """Not even the program's own connection can alter, remove or insert out of line."""
    await db.act(act, ADMIN)
    await db.act(act, ADMIN)
    with pytest.raises(Exception, match=r"append-only|continue the chain|only advances"):
        async with db.transaction() as tx:
            await tx.rows(statement)
    assert len(await chain(db)) == 2


async def test_a_list_is_narrowed_and_stays_in_its_organization(db: Database, clock: StoppedClock) -> None:
    """By actor, act, noun, target, team and time; the newest first, in pages."""
    other = Actor(kind="user", id="v", name="Bo", organization_id="elsewhere", role=Role.OWNER)
    for number, (act_, who) in enumerate([("a.b", ADMIN), ("a.c", ADMIN), ("ab.c", ADMIN), ("a.b", other)]):
        clock.now = clock.start + number
        async with db.transaction(who) as tx:
            record(tx, act_, kind="a", id=f"{number}", name="n", team_id=f"t{number}")
    async with db.read() as reader:

        async def seqs(**wanted: object) -> list[int]:
            found = await audit.page(reader, ADMIN, AuditFilter(**wanted), limit=10)  # type: ignore[arg-type]  # the filters of the test's own table
            return [entry.seq for entry in found]

        assert await seqs() == [3, 2, 1]
        assert await seqs(act="a.b") == [1]
        assert await seqs(act="a") == [2, 1]
        assert await seqs(actor_id="v") == []
        assert await seqs(target_id="1") == [2]
        assert await seqs(team_id="t2") == [3]
        assert await seqs(start=clock.start + 1, end=clock.start + 2) == [2]
        assert [e.seq for e in await audit.page(reader, ADMIN, AuditFilter(), before=3, limit=1)] == [2]
