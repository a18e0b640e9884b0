"""`openalert tail` beside a real server that stands still, is stopped, killed and begun again: each event once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.mark.proves("WS-1", "F-01", "F-24")
async def test_each_event_is_shown_once_over_freeze_stop_and_kill(tmp_path: Path) -> None:
    """What happens while the server is away, before the tail finds it again, is shown too, and the tail says so."""
    server = Server(tmp_path)
    shown, said = tmp_path / "shown", tmp_path / "said"
    process = None

    def events() -> list[dict[str, Any]]:
        return [
            json.loads(line) for line in shown.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]

    async def seen(title: str) -> None:
        async def so() -> bool:
            return any(each["type"] == "incident.created" and title in json.dumps(each) for each in events())

        await until(so)

    try:
        house = await settle_in(server)
        with shown.open("wb") as out, said.open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "openalert", "tail", "--json", *server.where],
                stdout=out, stderr=err, env=server.environment, cwd=tmp_path,
            )  # fmt: skip

        async def follows() -> bool:
            await server.call("POST", "/teams", {"name": f"Team {len(names)}"})
            names.append("")
            assert (await house.post(f"first {len(names)}")).status_code == 202
            return bool(events())

        names: list[str] = []
        await until(follows)
        os.kill(server.pid, signal.SIGSTOP)
        posting = asyncio.create_task(house.post("while it stood still"))
        await asyncio.sleep(0.5)
        os.kill(server.pid, signal.SIGCONT)
        assert (await posting).status_code == 202
        await seen("while it stood still")
        for end in (server.stop, server.kill):
            title = f"after {end.__name__}"
            await end()
            await server.start()
            assert (await house.post(title)).status_code == 202
            await seen(title)
    finally:
        if process is not None:
            process.kill()
            process.wait()
        await server.close()
    numbers = [each["seq"] for each in events()]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert said.read_text().count("The server is away.") == 2
