"""Postgres through a proxy that cuts: what was answered is there, what was refused is not, nothing hangs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from openalert.domain.errors import Unavailable
from openalert.domain.event import Event
from openalert.storage import Database, open_database
from openalert.storage.postgres_clock import PostgresClock
from openalert.storage.transaction import Transaction
from tests.conftest import StoppedClock
from tests.processes.cutting_proxy import CuttingProxy, cutting
from tests.processes.server import until

pytestmark = [pytest.mark.anyio, pytest.mark.proves("HA-1", "ST-1", "F-37")]


def _once(holds: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """The same, but true at most once."""
    done = False

    def asked(data: bytes) -> bool:
        nonlocal done
        if done or not holds(data):
            return False
        done = True
        return True

    return asked


def _is_commit(data: bytes) -> bool:
    return b"COMMIT" in data


@pytest.fixture
async def proxy(postgres_url: str, anyio_backend: str) -> AsyncIterator[CuttingProxy]:
    """Between the database and whoever uses `proxy.url`."""
    async with cutting(postgres_url) as between:
        yield between


@pytest.fixture
async def far(proxy: CuttingProxy, clock: StoppedClock) -> AsyncIterator[Database]:
    """The database as it is behind the proxy."""
    database = await open_database(proxy.url, clock, migrated=False)
    yield database
    proxy.cut_before = proxy.cut_after = lambda _: False
    await database.close()


async def _put(tx: Transaction, name: str) -> str:
    await tx.execute("INSERT INTO settings (name, value) VALUES (:name, '1')", name=name)
    tx.emit(Event(type="test", organization_id="o", data={"name": name}))
    return name


async def _act(database: Database, name: str) -> str:
    return await database.act(lambda tx: _put(tx, name))


async def _transaction(database: Database, name: str) -> str:
    async with database.transaction() as tx:
        return await _put(tx, name)


async def _names(database: Database) -> set[str]:
    async with database.read() as reader:
        return {row[0] for row in await reader.rows("SELECT name FROM settings")}


@pytest.mark.parametrize("write", [_act, _transaction])
async def test_a_commit_whose_answer_is_lost_is_known_to_be_there(
    far: Database, proxy: CuttingProxy, write: Any
) -> None:
    """Postgres has committed and the connection is cut before it says so: we ask, answer "stored", and tell of it."""
    heard: list[str] = []
    far.listen(lambda events: heard.extend(event.data["name"] for event in events))
    proxy.cut_after = _once(_is_commit)
    assert await write(far, "doubted") == "doubted"
    assert proxy.cuts == 1
    assert await _names(far) == {"doubted"}
    assert heard == ["doubted"]
    await write(far, "after")
    assert heard == ["doubted", "after"]


@pytest.mark.parametrize("write", [_act, _transaction])
async def test_a_commit_that_never_arrived_is_known_not_to_be_there(
    far: Database, proxy: CuttingProxy, write: Any
) -> None:
    """The connection is cut before COMMIT reaches Postgres: whoever waits is refused, nobody hears of it."""
    heard: list[str] = []
    far.listen(lambda events: heard.extend(event.data["name"] for event in events))
    proxy.cut_before = _once(_is_commit)
    with pytest.raises(Unavailable):
        await write(far, "lost")
    assert await _names(far) == set()
    assert heard == []
    await write(far, "lost")
    assert await _names(far) == {"lost"}


@pytest.mark.parametrize("cut", ["before", "after"])
async def test_of_a_whole_group_everybody_is_told_the_same_truth(
    far: Database, proxy: CuttingProxy, cut: str
) -> None:
    """Sixty writers share commits, every third commit is cut: who was answered is stored, who was refused is not."""
    commits = 0

    def every_third(data: bytes) -> bool:
        nonlocal commits
        commits += _is_commit(data) and b"settings" not in data
        return _is_commit(data) and b"commit_receipts" in data and commits % 3 == 1

    setattr(proxy, f"cut_{cut}", every_third)
    ended = []
    for part in range(6):
        ended += await asyncio.gather(
            *((_act if number % 2 else _transaction)(far, f"{part}-{number}") for number in range(10)),
            return_exceptions=True,
        )
    setattr(proxy, f"cut_{cut}", lambda _: False)
    assert proxy.cuts
    assert not [each for each in ended if not isinstance(each, str | Unavailable)]
    assert {each for each in ended if isinstance(each, str)} == await _names(far)


async def _sweep(far: Database, proxy: CuttingProxy, points: range, before: bool, round_: int = 0) -> None:
    for point in points:
        sent = 0

        def nth(_: bytes, point: int = point) -> bool:
            nonlocal sent
            sent += 1
            return sent == point

        setattr(proxy, "cut_before" if before else "cut_after", nth)
        name = f"{round_}-{point}"
        try:
            answered = await _act(far, name) == name
        except Unavailable:
            answered = False
        proxy.cut_before = proxy.cut_after = lambda _: False
        assert (name in await _names(far)) == answered, f"cut {before=} {point=}"


@pytest.mark.parametrize("before", [True, False])
async def test_a_cut_at_any_message_of_an_act(far: Database, proxy: CuttingProxy, before: bool) -> None:
    """At each of the first messages of an act, before it or before its answer: the caller is told what is true."""
    await _sweep(far, proxy, range(1, 10), before)


@pytest.mark.campaign
@pytest.mark.parametrize("before", [True, False])
async def test_a_cut_at_any_message_again_and_again(far: Database, proxy: CuttingProxy, before: bool) -> None:
    """The same up to the messages of the act after, twenty times over."""
    for round_ in range(20):
        await _sweep(far, proxy, range(1, 18), before, round_)


async def test_postgres_that_is_gone_refuses_and_is_used_again_as_soon_as_it_is_back(
    far: Database, proxy: CuttingProxy
) -> None:
    """Every connection is reset and none is let in: Unavailable; then the next one to ask is served."""
    await _act(far, "before")
    proxy.is_open = False
    proxy.cut()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await _act(far, "while")
        with pytest.raises(Unavailable):
            await _names(far)
    proxy.is_open = True

    async def back() -> bool:
        try:
            return bool(await _act(far, "after")) and "after" in await _names(far)
        except Unavailable:
            return False

    await until(back, 60)
    assert await _names(far) == {"before", "after"}


async def test_a_deadlock_with_somebody_else_is_tried_again(far: Database, postgres_url: str) -> None:
    """An administrator's transaction and ours want the same two rows the other way round: ours is done then."""
    import asyncpg

    await _act(far, "one")
    await _act(far, "two")
    other = await asyncpg.connect(postgres_url)
    await other.execute(
        "SET deadlock_timeout = '1h'; BEGIN; UPDATE settings SET value = '2' WHERE name = 'two'"
    )
    runs = 0
    holding, waits = asyncio.Event(), asyncio.Event()

    async def crossing(tx: Transaction) -> int:
        nonlocal runs
        runs += 1
        if runs > 1:
            await asyncio.wait({theirs})  # else it may have the first row once more before they wake up
        await tx.changed("UPDATE settings SET value = '3' WHERE name = 'one' RETURNING name")
        holding.set()
        await waits.wait()  # Postgres looks for a deadlock once, a second after ours has begun to wait
        await tx.changed("UPDATE settings SET value = '3' WHERE name = 'two' RETURNING name")
        return runs

    ours = asyncio.create_task(far.act(crossing))
    await holding.wait()
    theirs = asyncio.create_task(other.execute("UPDATE settings SET value = '2' WHERE name = 'one'; COMMIT"))
    is_waiting = f"SELECT count(*) FROM pg_locks WHERE pid = {other.get_server_pid()} AND NOT granted"

    async def they_wait() -> bool:
        async with far.read() as reader:
            return bool(await reader.value(is_waiting))

    await until(they_wait)
    waits.set()
    assert await ours == 2
    await theirs
    await other.close()
    async with far.read() as reader:
        assert [row[0] for row in await reader.rows("SELECT value FROM settings ORDER BY name")] == ["3", "3"]


async def test_the_clock_is_that_of_postgres(postgres_url: str) -> None:
    """A node whose machine says another time uses Postgres' all the same, and goes on by what elapses."""
    elapsed = 5_000
    clock = PostgresClock(lambda: elapsed)

    async def at(now: int) -> int:
        return now

    await clock.look(lambda: at(1_000_000_000))
    assert clock() == 1_000_000_000
    elapsed += 3_000
    await clock.look(lambda: at(1_000_003_100))
    assert clock() == 1_000_003_000, "a tenth of a second is the way there and back"
    await clock.look(lambda: at(1_003_603_000))
    assert clock() == 1_003_603_000, "somebody set the clock of Postgres"
    database = await open_database(postgres_url, migrated=False)
    assert isinstance(database.clocks._wall, PostgresClock)
    assert not database.clocks.step
    await database.close()


async def test_receipts_of_a_process_end_with_it(
    far: Database, postgres_url: str, clock: StoppedClock
) -> None:
    """Each writer has one row while it lives, however much it writes, and none afterwards."""
    for number in range(5):
        await _act(far, f"w{number}")
    other = await open_database(postgres_url, clock, migrated=False)
    await _act(other, "other")
    count = "SELECT count(*) FROM commit_receipts"
    async with far.read() as reader:
        assert await reader.value(count) == 2
    await other.close()
    async with far.read() as reader:
        assert await reader.value(count) == 1
