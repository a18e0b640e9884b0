"""The disk fills up: alerts are refused with 503 until there is room again, and none that was taken is lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.server import Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def small_disk(tmp_path: Path, six_megabytes: Path, smtp: FakeSmtp) -> AsyncIterator[Server]:
    """A server whose data is in that folder."""
    server = mailing(tmp_path, smtp)
    yield server
    await server.close()


@pytest.mark.proves("IN-2", "F-08")
async def test_a_full_disk_refuses_with_503_and_heals(small_disk: Server) -> None:
    """Somebody else fills the disk; what was answered 202 before and after is there, also after a restart."""
    house = await settle_in(small_disk)
    taken = []
    assert (await house.post("before")).status_code == 202
    ballast = small_disk.data / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass

    refused = 0
    for number in range(400):
        title = f"alert-{number}"
        answer = await house.post(title, text="x" * 4000)
        if answer.status_code == 202:
            taken.append(title)
            continue
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.json()["code"] == "UNAVAILABLE"
        refused += 1
        if refused == 20:
            break
    assert refused == 20
    assert small_disk.process is not None
    assert small_disk.process.poll() is None

    ballast.unlink()

    async def healed() -> bool:
        return (await house.post("after")).status_code == 202

    await until(healed)
    await until(small_disk.is_ready)
    for _ in range(2):
        stored = {alert["title"] for alert in await small_disk.items("/alerts")}
        assert {"before", "after", *taken} - stored == set()
        await small_disk.kill()
        await small_disk.start()
