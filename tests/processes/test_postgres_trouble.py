"""A Postgres that crashes, is locked, full of connections or of data: refused, then all goes on by itself."""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.postgres_cluster import Cluster, room
from tests.processes.senders import Senders, all_paged
from tests.processes.server import House, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.proves("F-37")]

NEXT_LEVEL_SECONDS = 3
SMALL_DISK = 128 * 1024 * 1024
FEW = 24
"""Connections that this Postgres takes; a server has up to ten."""
SETTINGS = f"""
max_connections = {FEW}
superuser_reserved_connections = 3
max_wal_size = 8MB
min_wal_size = 2MB
wal_keep_size = 0
wal_recycle = off
"""
NOBODY = "Postgres waits for its standby (synchronous_standby_names = 'nobody')"
LIMIT = 5.0
"""Seconds in which a message is taken or refused (promise IN-2)."""


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """`folder` is a file system of its own where we may mount one; whether it is."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK},mode=755", "openalert-test", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Estate:
    """A server with its Postgres, in which it is nobody special, and where its mail goes."""

    def __init__(self, cluster: Cluster, smtp: FakeSmtp, house: House, disk: Path | None) -> None:
        self.cluster, self.smtp, self.house = cluster, smtp, house
        self.disk = disk
        """The small file system that the data are on; None: there is none."""

    def stored(self) -> set[str]:
        """The titles of all alerts."""
        return set(self.cluster.sql("SELECT title FROM alerts", "openalert").splitlines())

    async def told(self, person: str, title: str) -> None:
        """Wait until this person has heard of it."""

        async def so() -> bool:
            return any(
                title in mail.content.decode("utf-8", "replace")
                and f"{person}@example.org" in mail.recipients
                for mail in self.smtp.mails
            )

        await until(so)

    async def paged(self, user_id: str, title: str) -> bool:
        """Whether a page to this person is written down; in a storm it may wait for others to leave with it."""
        return bool(
            self.cluster.sql(
                "SELECT n.id FROM notifications n JOIN alerts a ON a.incident_id = n.incident_id "
                f"WHERE n.kind = 'page' AND a.title = '{title}' AND n.user_id = '{user_id}'",
                "openalert",
            )
        )

    async def connect(self) -> Any:
        """A session of somebody else's, with the same rights as the server."""
        return await asyncpg.connect(self.cluster.url().replace("postgres@", "oncall@", 1))


@pytest.fixture(scope="module")
async def estate(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Estate]:
    """One for all tests of this file; each leaves it well."""
    with room() as folder, _small_disk(folder / "disk") as mounted:
        cluster = Cluster(folder / "disk" / "data")
        cluster.make(SETTINGS)
        cluster.start()
        try:
            cluster.sql("CREATE ROLE oncall LOGIN")
            cluster.sql("CREATE DATABASE openalert OWNER oncall")
            async with FakeSmtp() as smtp:
                url = cluster.url().replace("postgres@", "oncall@", 1)
                server = mailing(tmp_path_factory.mktemp("server"), smtp, database_url=url)
                house = await settle_in(server, delay_minutes=NEXT_LEVEL_SECONDS / 60)
                yield Estate(cluster, smtp, house, folder / "disk" if mounted else None)
                await server.close()
        finally:
            if cluster.runs:
                cluster.stop("immediate")


async def _healed(estate: Estate, senders: Senders, since: float) -> float:
    back = await senders.back(since)
    assert set(senders.answers.values()) <= {202, 503}, senders.answers
    return back


async def _nothing_lost(estate: Estate, senders: Senders) -> None:
    assert senders.taken <= estate.stored()
    await all_paged(estate.smtp, senders.taken)


@pytest.mark.proves("IN-1", "IN-2", "ES-1", "ST-1")
async def test_postgres_crashes_again_and_again_under_load(
    estate: Estate, measured: Callable[..., None]
) -> None:
    """What was answered is there after each recovery and paged; what was due while it was away is done soon after."""
    longest_back = 0.0
    async with Senders(estate.house, "crash") as senders:
        await senders.back(time.monotonic())
        for _ in range(2):
            await asyncio.to_thread(estate.cluster.stop, "immediate")
            await asyncio.to_thread(estate.cluster.start)
            longest_back = max(longest_back, await _healed(estate, senders, time.monotonic()))
        await asyncio.to_thread(estate.cluster.stop, "immediate")
        last = max(senders.taken, key=lambda title: senders.at[title])
        due = senders.at[last] + NEXT_LEVEL_SECONDS
        await asyncio.sleep(max(0.0, due - time.monotonic()))  # its second level is due, and nobody can know
        await asyncio.to_thread(estate.cluster.start)
        began = time.monotonic()
        await until(lambda: estate.paged(estate.house.jun_id, last))
        lateness = time.monotonic() - began
        await _healed(estate, senders, began)
    await _nothing_lost(estate, senders)
    measured(seconds_until_back=round(longest_back, 2), due_step_after_restart=round(lateness, 2), lost=0)


@pytest.mark.proves("IN-2", "ES-1", "F-12")
async def test_another_session_holds_a_lock(estate: Estate, measured: Callable[..., None]) -> None:
    """Somebody has locked the incidents: messages are refused within five seconds, what was due is done afterwards."""
    assert (await estate.house.post("lock-0")).status_code == 202
    await estate.told("bea", "lock-0")
    other = await estate.connect()
    await other.execute("BEGIN; LOCK TABLE incidents IN ACCESS EXCLUSIVE MODE")
    async with Senders(estate.house, "lock", interval=1.0) as senders:

        async def refused() -> bool:
            return list(senders.answers.values()).count(503) >= 2

        await until(refused)
        assert not senders.taken
        await other.execute("ROLLBACK")
        released = time.monotonic()
        back = await _healed(estate, senders, released)
        await estate.told("jun", "lock-0")
    await other.close()
    assert senders.longest < LIMIT + 22  # a busy machine; what is promised is measured
    await _nothing_lost(estate, senders)
    measured(longest_answer=round(senders.longest, 2), seconds_until_back=round(back, 2))


@pytest.mark.proves("LC-1")
async def test_a_server_begins_while_postgres_is_held_up(
    estate: Estate, measured: Callable[..., None]
) -> None:
    """What it has to write first is locked by somebody: it says so, waits, and begins as soon as it can."""
    server = estate.house.server
    await server.stop()
    before = server.log.stat().st_size
    other = await estate.connect()
    await other.execute("BEGIN; LOCK TABLE lives IN ACCESS EXCLUSIVE MODE")
    starting = asyncio.create_task(server.start())

    async def waits() -> bool:
        return "the start waits for the database" in server.log.read_text()[before:] or starting.done()

    await until(waits)
    assert not starting.done()
    await other.execute("ROLLBACK")
    released = time.monotonic()
    await starting
    back = time.monotonic() - released
    await other.close()
    assert "Traceback" not in server.log.read_text()[before:]
    assert (await estate.house.post("held-up-0")).status_code == 202
    await estate.told("bea", "held-up-0")
    measured(seconds_until_ready=round(back, 2))


@pytest.mark.proves("IN-2", "LC-2")
async def test_others_have_taken_every_connection(estate: Estate, measured: Callable[..., None]) -> None:
    """The server's own connections are ended and there is no room for new ones: refused until others leave."""
    others: list[Any] = []
    async with Senders(estate.house, "room", interval=0.3) as senders:
        await senders.back(time.monotonic())

        async def is_full() -> bool:
            estate.cluster.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name <> 'another'"
                " AND usename = 'oncall'"
            )
            try:
                while True:
                    others.append(await estate.connect())
                    await others[-1].execute("SET application_name = 'another'")
            except asyncpg.TooManyConnectionsError:
                return len(others) >= FEW - 3
            except asyncpg.PostgresError:
                return False

        await until(is_full)
        full = time.monotonic()

        async def refused() -> bool:
            return any(
                status == 503 and senders.began[title] > full for title, status in senders.answers.items()
            )

        await until(refused)
        assert not [title for title in senders.taken if senders.began[title] > full]
        for other in others:
            await other.close()
        back = await _healed(estate, senders, time.monotonic())
    await _nothing_lost(estate, senders)
    measured(longest_answer=round(senders.longest, 2), seconds_until_back=round(back, 2))


@pytest.mark.proves("IN-1", "IN-2", "ES-1", "SM-1")
async def test_the_standby_is_away(estate: Estate, measured: Callable[..., None]) -> None:
    """Whoever acts hears within ten seconds that the database waits for its standby, and that it may be done; readers
    go on, nothing asks for a restart, and when the standby may be done without all goes on and the act is there.
    """
    client = estate.house.server.client
    assert (await estate.house.post("sync-0")).status_code == 202
    await estate.told("bea", "sync-0")
    [incident] = [each for each in await estate.house.server.items("/incidents") if each["title"] == "sync-0"]
    path = f"/api/v1/incidents/{incident['id']}"
    await estate.cluster.lose_standby()
    reads: list[float] = []

    async def read() -> None:
        began = time.monotonic()
        assert (await client.get(path)).status_code == 200
        assert (await client.get("/health")).status_code == 200
        reads.append(time.monotonic() - began)

    async def acknowledge() -> dict[str, Any]:
        began = time.monotonic()
        answer = await client.post(f"{path}/acknowledge", json={})
        told: dict[str, Any] = answer.json()
        return told | {"seconds": time.monotonic() - began, "status": answer.status_code}

    acts: list[dict[str, Any]] = []

    async def is_told() -> bool:
        acts.append(await acknowledge())
        return NOBODY in acts[-1]["detail"]

    try:
        async with Senders(estate.house, "sync", interval=1.0) as senders:
            await until(is_told)
            await read()
            deep = await client.get("/health/deep")
            estate.cluster.forgo_standby()
            back = await _healed(estate, senders, time.monotonic())
    finally:
        estate.cluster.forgo_standby()
    assert {each["status"] for each in acts} == {503}
    assert {each["code"] for each in acts} <= {"MAY_BE_DONE", "UNAVAILABLE"}
    assert (deep.status_code, deep.json()["database"], deep.json()["wouldPage"]) == (
        503,
        "standing still",
        False,
    )
    if "MAY_BE_DONE" not in {each["code"] for each in acts}:  # whoever came before had the commit that hung
        await estate.house.server.call("POST", f"/incidents/{incident['id']}/acknowledge", {})
    assert (await estate.house.server.call("GET", f"/incidents/{incident['id']}"))["status"] == "acknowledged"

    async def is_over() -> bool:
        told = (await client.get("/health/deep")).json()
        return bool(told["database"] == "ok" and told["standstill"]["cause"] is None)

    await until(is_over)
    longest = max(each["seconds"] for each in acts)
    assert longest < 10 + 18  # a busy machine; what is promised is measured
    assert senders.longest < LIMIT + 22
    await _nothing_lost(estate, senders)
    measured(
        longest_act=round(longest, 2),
        longest_answer=round(senders.longest, 2),
        longest_read=round(max(reads), 2),
        seconds_until_back=round(back, 2),
    )


@pytest.mark.proves("IN-2", "ST-1", "F-37")
async def test_a_start_waits_for_the_standby(estate: Estate) -> None:
    """It is alive, so that nobody restarts it, not ready, and says why to whoever asks; it begins by itself, without a
    restart, when commits are answered, and pages.
    """
    server, client = estate.house.server, estate.house.server.client
    await server.stop()
    await estate.cluster.lose_standby()
    try:
        begun = len(server.log.read_text())
        server.begin()

        async def is_alive() -> bool:
            with suppress(httpx2.TransportError):
                return (await client.get("/health/live")).status_code == 200
            return False

        await until(is_alive)
        ready = await client.get("/ready")
        assert (ready.status_code, ready.json()["waits"]) == (503, NOBODY)
        refused = await estate.house.post("begin-0")
        assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
            503,
            "UNAVAILABLE",
            "5",
        )
        assert NOBODY in refused.json()["detail"]
        assert (await client.head("/ready")).content == b""
    finally:
        estate.cluster.forgo_standby()
    await until(server.is_ready)

    async def said_so() -> str:
        said = server.log.read_text()[begun:]
        return said if "OpenAlert is running" in said else ""

    said = await until(said_so)  # it is ready before it says so
    assert [said.count(words) for words in ("OpenAlert waits: ", "OpenAlert is running")] == [1, 1]
    assert (await estate.house.post("begin-0")).status_code == 202
    await estate.told("bea", "begin-0")


@pytest.mark.proves("IN-1", "IN-2")
async def test_the_disk_of_postgres_is_full(estate: Estate, measured: Callable[..., None]) -> None:
    """Refused until there is room, whether Postgres lives or has to be started again; nothing answered is lost."""
    if estate.disk is None:
        pytest.skip("NO DISK-FULL TEST OF POSTGRES: mounting a small tmpfs needs root")
    filler = estate.disk / "filler"
    async with Senders(estate.house, "full", interval=0.05) as senders:
        await senders.back(time.monotonic())
        with filler.open("wb", buffering=0) as file:

            async def refused() -> bool:
                try:
                    while True:
                        file.write(bytes(65_536))
                except OSError:
                    pass
                return 503 in senders.answers.values()

            await until(refused)
        filler.unlink()
        if not estate.cluster.runs:
            await asyncio.to_thread(estate.cluster.start)
        back = await _healed(estate, senders, time.monotonic())
    await _nothing_lost(estate, senders)
    measured(seconds_until_back=round(back, 2), lost=0)
