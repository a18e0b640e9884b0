"""What is Postgres' alone: rows as arrays, and plans that stay right while tables grow."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import msgspec
import pytest

from openalert.domain.errors import Unavailable
from openalert.storage import Database, open_database
from openalert.storage.postgres import PostgresDatabase
from openalert.storage.postgres_arrays import from_arrays
from openalert.storage.rows import insert_statement
from tests.conftest import StoppedClock

pytestmark = pytest.mark.anyio

STILL_SECONDS = 3.5
"""Longer than Postgres lets a session stand still in its turn, shorter than whoever waits for theirs has patience."""


class Thing(msgspec.Struct, kw_only=True):
    """A row of a table with every kind of column that there is."""

    id: str
    number: int | None
    is_good: bool | None
    labels: dict[str, str]


@pytest.fixture
async def db(postgres_url: str, clock: StoppedClock, anyio_backend: str) -> AsyncIterator[PostgresDatabase]:
    """An open database with that table."""
    database = await open_database(postgres_url, clock, migrated=False)
    assert isinstance(database, PostgresDatabase)
    async with database.transaction() as tx:
        await tx.execute(
            "CREATE TABLE things (id TEXT PRIMARY KEY, number BIGINT, is_good BOOLEAN, labels TEXT)"
        )
    yield database
    await database.close()


def test_a_row_for_each_place_of_the_arrays() -> None:
    """The statement takes an array for each column, and keeps what follows the values."""
    statement = insert_statement("things", ("id", "number")) + " ON CONFLICT DO NOTHING"
    assert from_arrays(statement, ["text", "int8"]) == (
        "INSERT INTO things (id, number) SELECT * FROM unnest($1::text[], $2::int8[]) ON CONFLICT DO NOTHING"
    )


async def test_many_rows_are_what_they_would_be_one_by_one(db: PostgresDatabase) -> None:
    """Nothing, booleans, JSON, quotes and braces, in the order given; a repeat that may be is left out."""
    things = [
        Thing(id="a", number=None, is_good=True, labels={"k": 'a "b" {c,d} \\ NULL'}),
        Thing(id="NULL", number=-(2**63), is_good=None, labels={}),
        Thing(id="{}", number=2**63 - 1, is_good=False, labels={"\u00e9": "\U0001f525\n"}),
        Thing(id="", number=0, is_good=True, labels={}),
    ]
    async with db.transaction() as tx:
        await tx.insert("things", *things)
    async with db.transaction() as tx:
        await tx.insert_with("things", [things[0], things[0], things[1]], {}, " ON CONFLICT DO NOTHING")
        await tx.insert_with(
            "things", [things[3], things[3]], {}, " ON CONFLICT (id) DO UPDATE SET number = things.number + 1"
        )
    async with db.read() as reader:
        stored = await reader.all(Thing, "SELECT * FROM things ORDER BY ctid")
    assert {thing.id: thing for thing in stored} == {thing.id: thing for thing in things} | {
        "": msgspec.structs.replace(things[3], number=2)
    }
    assert [thing.id for thing in stored][:3] == ["a", "NULL", "{}"]


class Part(msgspec.Struct, kw_only=True):
    """A row that refers to a `Thing`."""

    thing_id: str
    place: int
    words: str


CHANGE = " ON CONFLICT (thing_id, place) DO UPDATE SET words = parts.words || excluded.words"


async def _with_parts(db: PostgresDatabase) -> list[str]:
    """A table of parts; what the writer is asked from now on."""
    async with db.transaction() as tx:
        await tx.execute(
            "CREATE TABLE parts (thing_id TEXT REFERENCES things, place BIGINT, words TEXT, "
            "PRIMARY KEY (thing_id, place))"
        )
    asked: list[str] = []
    (await db.writer()).raw.add_query_logger(lambda record: asked.append(record.query))
    return asked


async def test_inserts_that_follow_each_other_are_one_trip(db: PostgresDatabase) -> None:
    """Rows of two tables, of which one refers to the other: one statement, and what is in between keeps its place."""
    asked = await _with_parts(db)
    things = [Thing(id=each, number=1, is_good=None, labels={}) for each in "abc"]
    for _ in range(2):
        async with db.transaction() as tx:
            await tx.insert("things", *things)
            await tx.insert("parts", *(Part(thing_id=each.id, place=0, words="one") for each in things))
        assert [query.split(" (")[0] for query in asked if "INSERT INTO things" in query] == ["WITH w0 AS"]
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM parts")
            await tx.execute("DELETE FROM things")
        asked.clear()
    async with db.transaction() as tx:
        await tx.insert("things", things[0])
        await tx.execute("UPDATE things SET number = 2")
        await tx.insert("parts", Part(thing_id="a", place=1, words="one"))
        await tx.insert("things", *things[1:])
        await tx.insert("things", Thing(id="d", number=4, is_good=None, labels={}))
    async with db.read() as reader:
        rows = await reader.rows(
            "SELECT id, number, place FROM things LEFT JOIN parts ON thing_id = id ORDER BY id"
        )
    assert [tuple(row) for row in rows] == [("a", 2, 1), ("b", 1, None), ("c", 1, None), ("d", 4, None)]
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with db.transaction() as tx:
            await tx.insert("things", Thing(id="e", number=1, is_good=None, labels={}))
            await tx.insert("parts", Part(thing_id="nobody's", place=1, words="one"))
    async with db.read() as reader:
        assert await reader.value("SELECT count(*) FROM things WHERE id = 'e'") == 0


async def test_rows_that_change_others_go_together_unless_one_is_changed_twice(db: PostgresDatabase) -> None:
    """As one by one, in their order, in as few trips as that allows."""
    asked = await _with_parts(db)
    async with db.transaction() as tx:
        await tx.insert("things", Thing(id="a", number=1, is_good=None, labels={}))
    for words, places in (("x", [0, 1, 2]), ("y", [2, 0]), ("z", [1, 1, 1]), ("w", [1])):
        async with db.transaction() as tx:
            parts = [Part(thing_id="a", place=place, words=words) for place in places]
            await tx.insert_with("parts", parts, {}, CHANGE)
    async with db.read() as reader:
        stored = await reader.all(Part, "SELECT * FROM parts ORDER BY place")
    assert [part.words for part in stored] == ["xy", "xzzzw", "xy"]
    inserts = [query for query in asked if query.startswith("INSERT INTO parts")]
    assert ["unnest" in query for query in inserts][:2] == [True, True]
    assert not any("unnest" in query for query in inserts[2:])


async def test_a_plan_made_for_an_empty_table_does_not_walk_through_a_full_one(db: PostgresDatabase) -> None:
    """What the writer looks up by key it finds by the index, however small the table was when it was first asked."""
    connection = await db.writer()
    sql = "SELECT latest_key, id, incident_id, status FROM alerts WHERE latest_key = ANY(:keys)"
    for _ in range(8):  # from the sixth on a plan may be kept
        await connection.fetch(sql, {"keys": ["a"]})
    await connection.run(
        "INSERT INTO alerts (id, latest_key, organization_id, team_id, service_id, integration_id, fingerprint, "
        "status, severity, title, description, source, labels, annotations, links, content_sum, count, fired_at, "
        "last_seen_at, updated_at) "
        "SELECT 'n' || n, 'n' || n, '', '', '', '', '', '', '', '', '', '', '', '', '', 0, 0, 0, 0, 0 "
        "FROM generate_series(1, 2000) n"
    )
    walked = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'alerts'"
    await connection.run("BEGIN")
    _, rows = await connection.fetch(sql, {"keys": ["n7"]})
    assert [row[1] for row in rows] == ["n7"]
    _, rows = await connection.fetch(walked, {})
    await connection.run("ROLLBACK")
    assert rows[0][0] == 0


async def test_a_server_begins_while_the_engine_writes(postgres_url: str, anyio_backend: str) -> None:
    """What is due is acted on at once; that the settings of Postgres are looked at meanwhile must not end the start."""
    database = await open_database(postgres_url)
    try:
        asked = asyncio.Event()

        async def write() -> None:
            async with database.transaction() as tx:
                asked.set()
                await tx.rows("SELECT pg_sleep(1)")

        writing = asyncio.create_task(write())
        await asked.wait()
        await asyncio.sleep(0.1)
        await database.follow()
        await writing
    finally:
        await database.unfollow()
        await database.close()


async def test_a_look_costs_no_trip_to_forget_it(db: PostgresDatabase) -> None:
    """A snapshot leaves nothing behind on its connection: what is asked is its beginning, the question and its end."""
    async with db._pool.acquire() as raw:
        asked: list[str] = []
        raw.add_query_logger(lambda record: asked.append(record.query))
    for _ in range(3):
        await db.look(lambda reader: reader.value("SELECT count(*) FROM things"))
    questions = ["BEGIN", "SELECT count(*) FROM things", "COMMIT"]
    assert [query.split(" ISOLATION")[0].rstrip(";") for query in asked] == questions * 3


@pytest.mark.proves("HA-1", "F-39")
@pytest.mark.usefixtures("usual_limits")
@pytest.mark.parametrize("blocked", [False, True], ids=["waits", "cannot hear"])
async def test_who_stands_still_in_its_turn_loses_it_and_nobody_who_waits_is_refused(
    postgres_url: str, db: PostgresDatabase, *, blocked: bool
) -> None:
    """Nothing of it is stored, it hears that it may come again, and its next turn is as good as any."""
    other = await open_database(postgres_url)

    async def add(database: Database, name: str) -> None:
        async with database.transaction() as tx:
            await tx.execute("INSERT INTO things (id, labels) VALUES (:id, '{}')", id=name)

    async def stand_still() -> None:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO things (id, labels) VALUES ('still', '{}')")
            held.set()
            if blocked:
                time.sleep(STILL_SECONDS)  # noqa: ASYNC251  what Postgres says meanwhile lies unread
            else:
                await asyncio.sleep(STILL_SECONDS)
            await tx.execute("INSERT INTO things (id, labels) VALUES ('later', '{}')")

    held = asyncio.Event()
    standing = asyncio.create_task(stand_still())
    await held.wait()
    await add(other, "waited")
    with pytest.raises(Unavailable):
        await standing
    await add(db, "next")
    async with db.read() as reader:
        assert {row[0] for row in await reader.rows("SELECT id FROM things")} == {"waited", "next"}
    await other.close()
