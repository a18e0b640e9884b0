"""Promise SP-1 at a real server: its status page answers while the database is locked, the disk full, alerts storm in.

And what is planned on it begins and ends once, whenever the process is killed.
"""

import asyncio
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from openalert.domain.instant import SECOND, rfc3339
from openalert.storage import wall_clock
from openalert.web.status.board import FOLDER
from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PATHS = (
    "/status/acme",
    "/status/acme/history",
    "/status/acme/feed.atom",
    "/status/acme/badge.svg",
    "/status/acme/api/v2/summary.json",
    "/public/status/acme",
)
STRANGER = {"Authorization": ""}


@pytest.fixture
async def house(server: Server) -> House:
    """A team with a status page that tells of something."""
    return await _with_a_page(server)


@pytest.fixture
async def small_house(tmp_path: Path, six_megabytes: Path, smtp: FakeSmtp) -> AsyncIterator[House]:
    """The same on a disk of six megabytes."""
    server = mailing(tmp_path, smtp)
    yield await _with_a_page(server)
    await server.close()


async def _with_a_page(server: Server) -> House:
    house = await settle_in(server)
    page = await server.call(
        "POST", "/status-pages", {"name": "Acme", "slug": "acme", "teamId": house.team_id}
    )
    api = await server.call("POST", f"/status-pages/{page['id']}/components", {"name": "API"})
    told = {"title": "Fire in the cellar", "message": "We look.", "componentIds": [api["id"]]}
    await server.call("POST", f"/status-pages/{page['id']}/incidents", told)
    await _shows(server, "Fire in the cellar")
    return house


async def _page_id(server: Server) -> str:
    (page,) = await server.items("/status-pages")
    return str(page["id"])


async def _shows(server: Server, words: str) -> None:
    async def it_does() -> bool:
        return words in (await server.client.get("/public/status/acme", headers=STRANGER)).text

    await until(it_does)


async def _all_answer(server: Server, words: str = "Fire in the cellar") -> None:
    """Every address of the page, to a stranger."""
    for path in PATHS:
        answer = await server.client.get(path, headers=STRANGER)
        assert answer.status_code == 200, (path, answer.text)
        assert words in answer.text or path.endswith(".svg"), path


@pytest.mark.proves("SP-1", "F-12")
async def test_pages_answer_while_the_database_is_locked(house: House) -> None:
    """Another program holds it: nothing can be told meanwhile, everything can be read, and afterwards all goes on.

    A server that starts meanwhile waits for it and says for whom.
    """
    server = house.server
    page = await _page_id(server)
    holder = sqlite3.connect(server.data / "openalert.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        telling = asyncio.create_task(
            server.client.post(f"/api/v1/status-pages/{page}/incidents", json={"title": "Not taken"})
        )
        while not telling.done():
            await _all_answer(server)
            await asyncio.sleep(0.2)
        refused = telling.result()
        assert (refused.status_code, refused.json()["code"]) == (503, "UNAVAILABLE")
        await _all_answer(server)
        await server.kill()
        said = len(server.log.read_text())
        starting = asyncio.create_task(server.start())

        async def waits() -> bool:
            return f'"holder":"{os.getpid()} (' in server.log.read_text()[said:]

        await until(waits)
        assert not starting.done()
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    await starting
    await _all_answer(server)
    await server.call("POST", f"/status-pages/{page}/incidents", {"title": "Told again"})
    await _shows(server, "Told again")
    assert "Not taken" not in (await server.client.get("/status/acme")).text


@pytest.mark.proves("SP-1", "F-08")
async def test_pages_answer_while_the_disk_is_full(small_house: House) -> None:
    """What was told is read on; with room again the next thing that is told is on the page and in its copy."""
    server = small_house.server
    page = await _page_id(server)
    ballast = server.data / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass

    async def tells(number: int) -> httpx2.Response:
        words = {"title": f"Number {number}", "message": "x" * 20_000}
        return await server.client.post(f"/api/v1/status-pages/{page}/incidents", json=words)

    refused = 0
    for number in range(200):
        answer = await tells(number)
        await _all_answer(server)
        refused += answer.status_code == 503
        if refused == 5:
            break
        assert answer.status_code in (201, 503), answer.text
    assert refused == 5
    ballast.unlink()

    async def healed() -> bool:
        return (await tells(999)).status_code == 201

    await until(healed)
    await _shows(server, "Number 999")
    (kept,) = (server.data / FOLDER).glob("*.json")

    async def is_kept() -> bool:
        return "Number 999" in kept.read_text() and list((server.data / FOLDER).iterdir()) == [kept]

    await until(is_kept)


@pytest.mark.proves("SP-1", "IN-6", "F-31")
async def test_pages_answer_while_alerts_storm_in(house: House) -> None:
    """A thousand alerts at once: each is taken, and whoever reads the page meanwhile is answered every time."""
    server = house.server
    titles = [f"storm-{number}" for number in range(1_000)]
    places = asyncio.Semaphore(64)

    async def post(title: str) -> int:
        async with places:
            return (await house.post(title)).status_code

    storm = asyncio.gather(*(post(title) for title in titles))
    read = 0
    while not storm.done() or read < 3:
        await _all_answer(server)
        read += 1
    assert Counter(await storm) == {202: len(titles)}


@pytest.mark.proves("ES-2", "F-03")
async def test_kill_9_about_the_steps_of_maintenances(server: Server) -> None:
    """Twelve maintenances begin and end while the process is killed again and again: each step is told once."""
    house = await settle_in(server)
    page = await server.call(
        "POST", "/status-pages", {"name": "Acme", "slug": "acme", "teamId": house.team_id}
    )
    here = f"/status-pages/{page['id']}"
    part = await server.call("POST", f"{here}/components", {"name": "API"})
    now = wall_clock() + 8 * SECOND  # until then all of them are planned, on a busy machine too
    planned = []
    for number in range(12):
        body = {
            "title": f"Upgrade {number}",
            "componentIds": [part["id"]],
            "scheduledFor": rfc3339(now + number * SECOND // 2),
            "scheduledUntil": rfc3339(now + 5 * SECOND + number * SECOND // 3),
        }
        planned.append((await server.call("POST", f"{here}/incidents", body))["id"])
    await asyncio.sleep(max(0, now - 2 * SECOND - wall_clock()) / SECOND)
    while wall_clock() < now + 9 * SECOND:
        await asyncio.sleep(0.7)
        await server.kill()
        await server.start()

    async def told() -> list[dict[str, Any]]:
        every = [await server.call("GET", f"/status-pages/incidents/{each}") for each in planned]
        return every if all(each["status"] == "completed" for each in every) else []

    for each in await until(told):
        steps = [(update["status"], update["message"]) for update in reversed(each["updates"])]
        assert steps == [
            ("scheduled", ""),
            ("in_progress", "The maintenance has begun."),
            ("completed", "The maintenance is complete."),
        ]
        times = [datetime.fromisoformat(update["createdAt"]) for update in reversed(each["updates"])]
        assert times == sorted(times)
        begins, ends, resolved = (
            datetime.fromisoformat(each[name]) for name in ("scheduledFor", "scheduledUntil", "resolvedAt")
        )
        assert begins <= times[1]
        assert ends <= times[2] == resolved
    (api,) = (await server.call("GET", f"{here}/components"))["items"]
    assert api["status"] == "operational"
    await _shows(server, '"status":"operational"')
    await server.stop()
    assert _log(server) == ["operational", "under_maintenance", "operational"]


def _log(server: Server) -> list[str]:
    """How the component was, as the file has it, where one entry differs from the one before."""
    reading = sqlite3.connect(f"file:{server.data / 'openalert.db'}?mode=ro", uri=True)
    with reading:
        rows = reading.execute("SELECT status FROM status_component_log ORDER BY at").fetchall()
    reading.close()
    found = [row[0] for row in rows]
    return [each for number, each in enumerate(found) if number == 0 or each != found[number - 1]]
