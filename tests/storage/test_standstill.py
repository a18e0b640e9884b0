"""Commits that nobody answers: who waits how long for them, what they are told, and what Postgres says of the cause."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from openalert.domain.errors import Unavailable
from openalert.storage import Database, open_database
from openalert.storage.standstill import MAY_BE_DONE, Standstill, patience, within
from openalert.storage.transaction import Transaction
from tests.processes.postgres_cluster import Cluster, room
from tests.processes.server import until

pytestmark = pytest.mark.anyio

NOBODY = "Postgres waits for its standby (synchronous_standby_names = 'nobody')"


async def _confirmed(durable: asyncio.Future[None], seconds: float | None) -> str:
    """What whoever waits so long is told; "" when it is done."""
    standstill = Standstill()
    standstill.found("the disk is away")
    until = None if seconds is None else asyncio.get_running_loop().time() + seconds
    try:
        await standstill.confirmed(durable, until)
    except Unavailable as error:
        return f"{error.code}: {error.message}"
    finally:
        standstill.found("")
    return ""


async def test_who_waits_for_an_answer_is_told_that_it_may_be_done() -> None:
    """A commit that is neither made nor refused in time is in doubt; what is known of it is told as it is."""
    loop = asyncio.get_running_loop()
    durable: asyncio.Future[None] = loop.create_future()
    said = await _confirmed(durable, 0.05)
    assert said.startswith(
        "MAY_BE_DONE: The database has not confirmed this: the disk is away. It may have been done"
    )
    assert not durable.cancelled(), "it goes on without whoever waited"
    loop.call_later(0.1, durable.set_result, None)
    assert await _confirmed(durable, None) == "", "who waits as long as it takes hears the end"
    assert await _confirmed(durable, 0.0) == ""
    refused: asyncio.Future[None] = loop.create_future()
    refused.set_exception(Unavailable("It is not there."))
    for seconds in (None, 0.0, 5.0):
        assert await _confirmed(refused, seconds) == "UNAVAILABLE: It is not there."


async def test_only_what_is_inside_wants_an_answer_soon() -> None:
    """A request is in a hurry, and what it calls; whoever was begun beside it waits as long as it takes."""
    assert patience() is None
    begun = asyncio.get_running_loop().time()
    with within(3.0):
        until = patience()
        assert until is not None
        assert begun + 3.0 <= until <= asyncio.get_running_loop().time() + 3.0
    assert patience() is None


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of Postgres of our own, which others do not wait for."""
    with room() as folder:
        made = Cluster(folder / "data")
        made.make()
        made.start()
        made.create()
        yield made


@pytest.fixture
async def nodes(
    usual_limits: None, cluster: Cluster, anyio_backend: str
) -> AsyncIterator[tuple[Database, Database]]:
    """Two nodes, whose Postgres lost its standby after they had begun."""
    databases = await open_database(cluster.url()), await open_database(cluster.url())
    await cluster.lose_standby()
    yield databases
    cluster.forgo_standby()
    for database in databases:
        await database.close()


async def _put(database: Database, name: str, seconds: float) -> str:
    """The code of the refusal; "" when it was done."""

    async def body(tx: Transaction) -> None:
        await tx.execute("INSERT INTO settings (name, value) VALUES (:name, '1')", name=name)

    try:
        with within(seconds):
            await database.act(body)
    except Unavailable as error:
        return f"{error.code} {error.message}"
    return ""


async def _names(database: Database) -> set[str]:
    async with database.read() as reader:
        return {row[0] for row in await reader.rows("SELECT name FROM settings")}


@pytest.mark.proves("F-37", "IN-2", "ST-1")
async def test_postgres_waits_for_a_standby_that_is_away(
    nodes: tuple[Database, Database], cluster: Cluster
) -> None:
    """The cause is named on every node and readers go on; who waits for an answer is told that it may be done, the
    engine waits for it, and all that hung is done when nobody is waited for any more.
    """
    one, other = nodes
    engine = asyncio.create_task(_put(one, "engine", 3600.0))

    async def hangs() -> bool:
        return one.group_commit.age is not None and one.standstill.cause == NOBODY

    await until(hangs)
    refused = await _put(other, "other", 3600.0)
    assert refused.startswith(f"UNAVAILABLE Nothing can be stored now: {NOBODY}.")
    assert not {"engine", "other"} & await _names(other), (
        "readers go on, and see nothing that was not committed"
    )
    assert not engine.done()
    cluster.forgo_standby()
    assert await engine == ""
    assert not one.standstill.cause
    assert await _put(one, "later", 3600.0) == ""
    assert await _names(other) >= {"engine", "later"}


@pytest.mark.proves("F-37", "ST-1")
async def test_an_act_in_doubt_is_there_once_the_standby_may_be_done_without(
    nodes: tuple[Database, Database], cluster: Cluster
) -> None:
    """A person whose commit hangs is told that it may be done and why that is not known; and it is."""
    one, other = nodes
    doubted = await _put(one, "doubted", 4.0)
    assert doubted.startswith(f"{MAY_BE_DONE} The database has not confirmed this")
    cluster.forgo_standby()

    async def is_there() -> bool:
        return "doubted" in await _names(other)

    await until(is_there)


@pytest.mark.proves("F-37")
@pytest.mark.parametrize("usual", ["", "?synchronous_commit=off"], ids=["usual", "hasty"])
async def test_a_start_waits_until_commits_are_answered(
    nodes: tuple[Database, Database], cluster: Cluster, usual: str
) -> None:
    """It is told why as long as that lasts, also where the usual of its Postgres is not to wait, as its writer will;
    where they are answered it is told nothing.
    """
    told: list[str] = []
    starts = asyncio.create_task(open_database(cluster.url() + usual, tell=told.append))

    async def is_told() -> bool:
        return len(told) > 1

    await until(is_told)
    assert set(told) == {NOBODY}
    assert not starts.done()
    cluster.forgo_standby()
    await (await starts).close()
    told.clear()
    await (await open_database(cluster.url(), tell=told.append)).close()
    assert told == []


async def test_a_start_that_cannot_try_a_commit_goes_on(cluster: Cluster) -> None:
    """Where the function by which it tries is for others the start meets the database as it is."""
    cluster.sql(
        "REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text, boolean) FROM PUBLIC"
    )
    cluster.sql("CREATE ROLE small LOGIN")
    cluster.sql("CREATE DATABASE small OWNER small")
    told: list[str] = []
    url = cluster.url("small").replace("postgres@", "small@", 1)
    await (await open_database(url, tell=told.append)).close()
    assert told == []
