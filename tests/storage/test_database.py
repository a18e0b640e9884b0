"""The writing queue: shared commits, savepoints of one's own, events after the commit, refusals that can be retried."""

import asyncio
from contextlib import suppress

import msgspec
import pytest

from openalert.domain.errors import Conflict, Unavailable
from openalert.domain.event import Event
from openalert.storage import Database, group_commit
from openalert.storage.postgres import numbered
from openalert.storage.transaction import Reader, Transaction

pytestmark = pytest.mark.anyio


async def _put(tx: Transaction, name: str) -> None:
    await tx.execute("INSERT INTO settings (name, value) VALUES (:name, '1')", name=name)


async def _names(db: Database) -> list[str]:
    async with db.read() as reader:
        return [row[0] for row in await reader.rows("SELECT name FROM settings ORDER BY name")]


class _Setting(msgspec.Struct):
    """A row of `settings`."""

    name: str
    value: str


async def test_many_rows_are_inserted_as_each_would_be(db: Database) -> None:
    """However many go together, each is stored with its own values, and each meets what is there already."""
    async with db.transaction() as tx:
        await _put(tx, "n007")
    instead = " ON CONFLICT (name) DO UPDATE SET value = settings.value || excluded.value"
    counts = (1, 2, 63, 200)
    for count in counts:
        async with db.transaction() as tx:
            rows = [_Setting(f"n{number:03d}", f"'{number}') VALUES (") for number in range(7, 7 + count)]
            await tx.insert_with("settings", rows, {}, instead)
    async with db.read() as reader:
        stored = dict(await reader.rows("SELECT name, value FROM settings"))
    assert stored.pop("n007") == "1" + len(counts) * "'7') VALUES ("
    assert stored == {
        f"n{number:03d}": sum(number < 7 + count for count in counts) * f"'{number}') VALUES ("
        for number in range(8, 207)
    }


async def test_a_transaction_is_there_after_it_and_not_before(db: Database) -> None:
    """Readers see nothing of an open transaction, and all of it once it has been left."""
    async with db.transaction() as tx:
        await _put(tx, "a")
        assert await tx.value("SELECT count(*) FROM settings") == 1
        assert await _names(db) == []
    assert await _names(db) == ["a"]


async def test_an_exception_leaves_nothing_behind(db: Database) -> None:
    """What raised did not happen, and what comes after is not disturbed."""
    with pytest.raises(Conflict):
        async with db.transaction() as tx:
            await _put(tx, "a")
            raise Conflict("no")
    async with db.transaction() as tx:
        await _put(tx, "b")
    assert await _names(db) == ["b"]


async def test_those_who_wait_together_share_a_commit_and_fail_alone(db: Database) -> None:
    """Of fifty at once every tenth raises: forty-five are stored, in far fewer commits than transactions."""

    async def one(number: int) -> None:
        with suppress(Conflict):
            async with db.transaction() as tx:
                await _put(tx, f"n{number:02d}")
                if number % 10 == 3:
                    raise Conflict("no")

    before = db.group_commit.commits
    await asyncio.gather(*(one(number) for number in range(50)))
    assert len(await _names(db)) == 45
    # Who comes when a group has begun waits for the next: on a busy machine there are more, smaller groups.
    assert 1 <= db.group_commit.commits - before <= 25


async def test_a_statement_that_breaks_hurts_only_its_own_transaction(db: Database) -> None:
    """A duplicate key inside a shared commit is rolled back alone."""

    async def one(name: str) -> bool:
        try:
            async with db.transaction() as tx:
                await _put(tx, name)
        except Exception:
            return False
        return True

    results = await asyncio.gather(*(one(name) for name in ("a", "b", "a", "c", "b")))
    assert sorted(results) == [False, False, True, True, True]
    assert await _names(db) == ["a", "b", "c"]


async def test_a_cancelled_member_leaves_nothing_and_does_not_stop_the_queue(db: Database) -> None:
    """A request that is cancelled in the middle of its transaction is rolled back; the next one goes on."""
    inside = asyncio.Event()

    async def hangs() -> None:
        async with db.transaction() as tx:
            await _put(tx, "cancelled")
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hangs())
    await inside.wait()
    waiting = asyncio.create_task(_later(db))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await waiting
    assert await _names(db) == ["later"]


async def _later(db: Database) -> None:
    async with db.transaction() as tx:
        await _put(tx, "later")


@pytest.mark.parametrize("how", ["transaction", "act"])
async def test_whoever_is_cancelled_is_cancelled_in_whatever_moment(db: Database, how: str) -> None:
    """Also in the moment in which its turn comes: a loop that is told to stop stops, and the writer goes on."""
    over = asyncio.Event()

    async def put(tx: Transaction) -> None:
        await tx.value("SELECT 1")

    async def acts() -> None:
        if how == "act":
            await db.act(put)
        else:
            async with db.transaction() as tx:
                await put(tx)
        await over.wait()

    for moment in range(40):
        task = asyncio.create_task(acts())
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=60)
        over.set()
        await asyncio.wait([task])
        over.clear()
        assert task.cancelled(), f"cancelled in moment {moment}, it went on"
    await _later(db)


async def test_one_cancelled_while_it_waits_is_passed_over(db: Database) -> None:
    """Whoever gives up before its turn is not given one, and nobody hangs."""
    async with db.transaction() as tx:
        waiting = [asyncio.create_task(_later(db)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[1].cancel()
        await _put(tx, "first")
    await waiting[2]
    assert await _names(db) == ["first", "later"]


@pytest.mark.proves("IN-2")
async def test_whoever_waits_too_long_is_told_to_come_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that does not get free in time answers Unavailable with a time to wait, not an endless queue."""
    async with db.transaction() as tx:
        with monkeypatch.context() as impatient, pytest.raises(Unavailable) as refused:
            impatient.setattr(group_commit, "WAIT_SECONDS", 0.05)
            await _later(db)
        await _put(tx, "first")
    assert refused.value.details["retry_after"] > 0
    await _later(db)
    assert await _names(db) == ["first", "later"]


async def test_a_body_that_hangs_is_given_up(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction may not hold the writer for ever."""
    with monkeypatch.context() as impatient, pytest.raises(Unavailable):
        impatient.setattr(group_commit, "BODY_SECONDS", 0.05)
        async with db.transaction() as tx:
            await _put(tx, "a")
            await asyncio.sleep(30)
    await _later(db)
    assert await _names(db) == ["later"]


async def test_events_come_after_the_commit_in_order_without_a_gap(db: Database) -> None:
    """Listeners hear of what is committed and nothing else; numbers count 1, 2, 3 … over rolled back ones."""
    heard: list[Event] = []
    db.listen(heard.extend)

    def event(kind: str) -> Event:
        return Event(type=kind, organization_id="o")

    async with db.transaction() as tx:
        tx.emit(event("one"))
        tx.emit(event("two"))
        assert heard == []
    with suppress(Conflict):
        async with db.transaction() as tx:
            tx.emit(event("never"))
            raise Conflict("no")
    async with db.transaction() as tx:
        tx.emit(event("three"))
    assert [(each.seq, each.type) for each in heard] == [(1, "one"), (2, "two"), (3, "three")]
    async with db.read() as reader:
        assert [row[0] for row in await reader.rows("SELECT seq FROM events ORDER BY seq")] == [1, 2, 3]


async def test_an_act_is_a_transaction(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result comes back, its events after the commit; one that fails is undone alone, with its own error."""
    heard: list[Event] = []
    db.listen(heard.extend)

    async def put(tx: Transaction, name: str) -> str:
        await _put(tx, name)
        tx.emit(Event(type=name, organization_id="o"))
        if name == "refused":
            raise Conflict("no")
        kept: str = await tx.value("SELECT name FROM settings WHERE name = :name", name=name)
        return kept

    names = ("a", "refused", "b", "a")
    monkeypatch.setattr(
        group_commit, "GROUP_SECONDS", 60.0
    )  # by which a busy machine would make more of one group
    before = db.group_commit.commits
    results = await asyncio.gather(
        *(db.act(lambda tx, name=name: put(tx, name)) for name in names),  # type: ignore[misc]
        return_exceptions=True,
    )
    assert [results[0], results[2]] == ["a", "b"]
    assert isinstance(results[1], Conflict)
    assert isinstance(results[3], Exception), "the second of one name breaks the key"
    assert await _names(db) == ["a", "b"]
    assert [event.type for event in heard] == ["a", "b"]
    assert 1 <= db.group_commit.commits - before <= 2, "not one commit each"


async def test_an_act_of_which_nobody_waits_any_more_is_passed_over(db: Database) -> None:
    """Cancelled before its turn it does not happen; cancelled after its beginning it does, whole."""

    async def put(tx: Transaction) -> None:
        await _put(tx, "act")

    async with db.transaction() as tx:
        waiting = asyncio.create_task(db.act(put))
        await asyncio.sleep(0)
        waiting.cancel()
        await _put(tx, "first")
    assert await _names(db) == ["first"]


async def test_an_act_that_waits_for_something_else_is_a_mistake_that_shows(sqlite_db: Database) -> None:
    """On SQLite the writer's thread has no event loop: such a body fails at once, and the writer goes on."""

    async def sleeps(tx: Transaction) -> None:
        await _put(tx, "never")
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="something else"):
        await sqlite_db.act(sleeps)
    await _later(sqlite_db)
    assert await _names(sqlite_db) == ["later"]


async def test_a_look_is_one_snapshot(db: Database) -> None:
    """What is committed while a body looks is not seen by it, and its result comes back."""
    await _later(db)

    async def names(reader: Reader) -> list[str]:
        return [row[0] for row in await reader.rows("SELECT name FROM settings ORDER BY name")]

    async with db.read() as reader:
        assert await reader.together(names) == ["later"]
        async with db.transaction() as tx:
            await _put(tx, "after")
        assert await reader.together(names) == ["later"]
    assert await db.look(names) == ["after", "later"]


async def test_a_look_that_fails_or_is_given_up_leaves_nothing_open(db: Database) -> None:
    """Whoever uses its connection afterwards sees what was committed since, as often as there are connections."""

    async def fails(reader: Reader) -> None:
        await reader.rows("SELECT name FROM settings")
        raise RuntimeError("a bug of ours")

    async def names(reader: Reader) -> list[str]:
        return [row[0] for row in await reader.rows("SELECT name FROM settings ORDER BY name")]

    for _ in range(8):
        with pytest.raises(RuntimeError, match="a bug of ours"):
            await db.look(fails)
        given_up = asyncio.create_task(db.look(names))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
    await _later(db)
    assert await asyncio.gather(*(db.look(names) for _ in range(8))) == [["later"]] * 8


async def test_all_of_a_transaction_happens_at_one_instant(db: Database, clock) -> None:  # type: ignore[no-untyped-def]
    """The clock may go on; `now` does not."""
    async with db.transaction() as tx:
        begun = tx.now
        clock.advance(5_000)
        assert tx.now == begun
    async with db.transaction() as tx:
        assert tx.now == begun + 5_000


async def test_lists_and_nothing_are_parameters(db: Database) -> None:
    """`any_of` takes a list on both databases, also an empty one; NULL compares as the statement says."""
    for name in ("a", "b", "c"):
        async with db.transaction() as tx:
            await _put(tx, name)
    async with db.read() as reader:
        condition = reader.any_of("name", "names")
        found = await reader.rows(
            f"SELECT name FROM settings WHERE {condition} ORDER BY name", names=["c", "a", "?"]
        )
        none = await reader.rows(f"SELECT name FROM settings WHERE {condition}", names=[])
    assert [row[0] for row in found] == ["a", "c"]
    assert list(none) == []


async def test_a_closed_database_refuses(sqlite_db: Database) -> None:
    """After close nobody waits for a turn that will not come."""
    await sqlite_db.close()
    with pytest.raises(Unavailable):
        async with sqlite_db.transaction():
            pass


def test_names_become_numbers_outside_of_literals_and_casts() -> None:
    """The Postgres form of a statement: each name once, strings and `::text` untouched."""
    statement, names = numbered("SELECT ':no', :a::text FROM t WHERE x = :b AND y = :a")
    assert statement == "SELECT ':no', $1::text FROM t WHERE x = $2 AND y = $1"
    assert names == ("a", "b")
