"""The file system under a running server becomes read-only: senders come again, people read on, outside is told.

A kernel refuses to remount what is being written, so there are two ways. An ext4 in which an error is found is given
up by its kernel, for good; that is what happens to people. And strace lets the calls on the database's files end as on
such a file system, and lets go: what of that heals by itself.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook
from tests.processes.conftest import mailing
from tests.processes.disks import formatted, give_up, mended, mounted
from tests.processes.server import House, Server, settle_in, until
from tests.processes.strace import database_files, injected

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

REFUSED = "pwrite64,write,ftruncate,fallocate:error=EROFS"
WORDS = "is read-only"


@pytest.fixture
async def outside(anyio_backend: str) -> AsyncIterator[FakeWebhook]:
    """The dead-man's switch and the last resort, in one."""
    async with FakeWebhook() as watcher:
        yield watcher


def watched(folder: Path, smtp: FakeSmtp, outside: FakeWebhook) -> Server:
    """A server that tries itself every two seconds and soon says what it found."""
    return mailing(
        folder,
        smtp,
        database_reserve_mib="4",
        self_monitor_canary="true",
        self_monitor_every_seconds="2",
        self_monitor_url=f"http://127.0.0.1:{outside.port}/ping",
        last_resort_webhook=f"http://127.0.0.1:{outside.port}/last",
        last_resort_after_seconds="2",
    )


async def _has_a_page(house: House) -> None:
    """A status page that tells of something."""
    told = {"name": "Acme", "slug": "acme", "teamId": house.team_id}
    page = await house.server.call("POST", "/status-pages", told)
    await house.server.call("POST", f"/status-pages/{page['id']}/incidents", {"title": "Fire in the cellar"})

    async def shows() -> bool:
        return "Fire in the cellar" in (await _as_a_stranger(house.server))

    await until(shows)


async def _as_a_stranger(server: Server) -> str:
    answer = await server.client.get("/status/acme", headers={"Authorization": ""})
    return answer.text if answer.status_code == 200 else ""


async def _mailed(smtp: FakeSmtp, who: str, title: str) -> bool:
    return any(mail.recipients[0].startswith(who) and title in mail.subject for mail in smtp.mails)


async def _serves_reading_only(house: House) -> None:
    """Nothing is taken, everything can be read, and whoever asks is told why."""
    server = house.server
    (incident,) = [each for each in await server.items("/incidents") if each["title"] == "before"]
    acknowledge = f"/api/v1/incidents/{incident['id']}/acknowledge"
    for answer in (await house.post("not taken"), await server.client.post(acknowledge, json={})):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.json()["code"] == "UNAVAILABLE"
        assert WORDS in answer.json()["message"]
    assert "Fire in the cellar" in await _as_a_stranger(server)
    assert [each["title"] for each in await server.items("/alerts")] == ["before"]
    assert (await server.client.get("/health")).status_code == 200, "to start it again would not help"
    assert WORDS in (await server.client.get("/health/deep")).json()["disk"]["trouble"]


async def _says_so_outside(server: Server, outside: FakeWebhook) -> None:
    """The dead-man's switch and the last resort hear it, in words, and proxies send alerts elsewhere."""

    async def sends_alerts_elsewhere() -> bool:
        ready = await server.client.get("/ready")
        return ready.status_code == 503 and ready.json()["checks"]["database"] is False

    await until(sends_alerts_elsewhere)

    async def told_outside() -> bool:
        heard = {each.path: each.body.decode() for each in outside.requests}
        return all(WORDS in heard.get(path, "") for path in ("/ping/fail", "/last"))

    await until(told_outside)
    assert (await server.client.get("/health/deep")).status_code == 503
    assert "Traceback" not in server.log.read_text()


async def _is_whole_again(house: House, smtp: FakeSmtp) -> None:
    """What was answered is there, what was refused is not, and what was due is done."""
    server = house.server
    assert (await house.post("after")).status_code == 202
    await until(lambda: _mailed(smtp, "bea@", "after"))
    await until(lambda: _mailed(smtp, "jun@", "before"))
    assert {each["title"] for each in await server.items("/alerts")} == {"before", "after"}
    (incident,) = [each for each in await server.items("/incidents") if each["title"] == "before"]
    await server.call("POST", f"/incidents/{incident['id']}/acknowledge", {})


@pytest.mark.proves("F-10", "IN-2", "SP-1", "SM-1", "DB-1")
async def test_a_disk_that_its_kernel_gives_up(tmp_path: Path, smtp: FakeSmtp, outside: FakeWebhook) -> None:
    """The kernel finds an error in the file system and makes it read-only: 503 with the reason, people and customers
    read on, outside is told; a start there says what to do; mended and mounted again it goes on where it was.
    """
    image, data = formatted(tmp_path / "disk"), tmp_path / "data"
    server = watched(tmp_path, smtp, outside)
    try:
        with mounted(image, data, "errors=remount-ro", wanted_for="READ-ONLY"):
            house = await settle_in(server, delay_minutes=0.2)
            await _has_a_page(house)
            assert (await house.post("before")).status_code == 202
            await until(lambda: _mailed(smtp, "bea@", "before"))
            give_up(data)
            await _serves_reading_only(house)
            await _says_so_outside(server, outside)
            await server.stop()
            refused = server.run("serve", "--port", str(server.port))
            assert refused.returncode == 3, refused.stderr
            assert "openalert.db.lock cannot be written: its file system is read-only" in refused.stderr
            assert "Traceback" not in refused.stderr
        mended(image)
        with mounted(image, data, wanted_for="READ-ONLY"):
            await server.start()
            await _is_whole_again(house, smtp)
            assert server.run("verify").returncode == 0
            await server.close()
    finally:
        await server.close()


@pytest.mark.proves("F-10", "IN-2", "SP-1")
async def test_a_disk_that_can_be_written_again(server: Server, smtp: FakeSmtp) -> None:
    """Where it can be written again all goes on by itself: what was due is paged, nobody has to restart anything."""
    house = await settle_in(server, delay_minutes=0.1)
    await _has_a_page(house)
    assert (await house.post("before")).status_code == 202
    await until(lambda: _mailed(smtp, "bea@", "before"))
    files = [*database_files(server.data), server.data / "openalert.db.probe"]
    with injected(server.pid, REFUSED, "openat:error=EROFS", paths=files):
        await _serves_reading_only(house)
    await _is_whole_again(house, smtp)
    assert (await server.client.get("/health/deep")).json()["disk"]["trouble"] is None
    assert server.process is not None
    assert server.process.poll() is None
