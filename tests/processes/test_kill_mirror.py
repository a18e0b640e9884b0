"""kill -9 between a commit and its copy: the next process makes the copy, and the one that is there stays whole."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def mirrored(tmp_path: Path) -> AsyncIterator[Server]:
    """A server with a mirror in a folder, and a command that notes each copy."""
    noted = ["/bin/sh", "-c", 'cat "$1/copy.json" >> "$0"', str(tmp_path / "noted")]
    mirror = {"name": "beside", "pages": ["acme"], "folder": str(tmp_path / "copy"), "command": noted}
    server = Server(tmp_path, status_pages_mirror=json.dumps([mirror]))
    await server.start()
    yield server
    await server.close()


@pytest.mark.proves("SP-1", "F-03")
async def test_kill_9_between_the_commit_and_the_copy_loses_no_word(mirrored: Server) -> None:
    """What was answered with 201 is in the mirror after the next start, though nobody changes anything any more."""
    house = await settle_in(mirrored)
    page = await mirrored.call(
        "POST", "/status-pages", {"name": "Acme", "slug": "acme", "teamId": house.team_id}
    )
    copy = mirrored.folder / "copy"
    await until(lambda: _holds(copy, "Acme"))
    assert (mirrored.folder / "noted").exists()
    between = 0
    for number in range(3):
        said = f"Said before the end, number {number}"
        await mirrored.call(
            "POST", f"/status-pages/{page['id']}/incidents", {"title": said, "message": "We look."}
        )
        await mirrored.kill()
        between += not await _holds(copy, said)
        assert await _holds(copy, "Acme")
        await mirrored.start()
        await until(lambda said=said: _holds(copy, said))
    assert between, "no kill came between a commit and its copy"
    mirrors = await asyncio.to_thread(mirrored.run, "status", "mirrors", "--json")
    assert mirrors.returncode == 0, mirrors.stderr
    (state,) = json.loads(mirrors.stdout)
    assert state["failingSince"] is None
    metrics = (await mirrored.client.get("/metrics")).text
    assert 'openalert_status_mirror_failing_seconds{mirror="beside"} 0.0' in metrics


async def _holds(folder: Path, words: str) -> bool:
    """Whether the front page of the copy says so; it is never half a page."""
    path = folder / "index.html"
    text = await asyncio.to_thread(lambda: path.read_text() if path.exists() else "")
    assert not text or text.rstrip().endswith("</html>")
    return words in text
