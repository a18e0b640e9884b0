"""The receiver of the manual is run as it stands there, and takes what we send."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.outgoing_webhook import OutgoingSender, Reply, Request
from openalert.notifiers.webhook import new_secret
from openalert.storage.database import wall_clock
from tests.ports import free_port
from tests.processes.server import until

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[2] / "docs" / "outgoing-webhooks.md"
BODY = b'{"sequence":4711,"type":"incident.created","data":{"incident":{"title":"Disk"}}}'


@pytest.fixture
def secret() -> str:
    """What both sides know."""
    return new_secret()


@pytest.fixture
def port(secret: str, tmp_path: Path) -> Iterator[int]:
    """The only block of Python in the manual's page, as a process of its own."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code],
            env=os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)},
            stdout=log,
            stderr=log,
        )
    yield port
    process.terminate()
    process.wait()


async def send(port: int, secrets: list[str], webhook_id: str = "msg-1", now: int = 0) -> Reply:
    """One attempt."""
    sender = OutgoingSender(OutgoingSettings(allow_private_networks=True), base_url="https://our.example")
    request = Request(
        receiver="w",
        url=f"http://127.0.0.1:{port}/hook",
        webhook_id=webhook_id,
        body=BODY,
        headers={},
        secrets=secrets,
        hidden=[],
        timeout_seconds=10,
    )
    reply = await sender.send(request, now or wall_clock())
    await sender.close()
    return reply


@pytest.mark.proves("OW-1")
async def test_the_manuals_receiver_takes_what_is_signed_and_refuses_what_is_not(
    secret: str, port: int, tmp_path: Path
) -> None:
    """Once for each id, by either of two secrets; nothing of a stranger's, and nothing that was signed long ago."""

    async def is_up() -> bool:
        return (await send(port, [new_secret()], "stranger")).status_code == 401

    await until(is_up)
    assert (await send(port, [secret])).status_code == 204
    assert (await send(port, [secret])).status_code == 204
    assert (await send(port, [new_secret(), secret], "msg-2")).status_code == 204
    assert (await send(port, [secret], "msg-old", wall_clock() - 600_000)).status_code == 401
    told = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("4711 ")]
    assert told == ["4711 incident.created {'incident': {'title': 'Disk'}}"] * 2
