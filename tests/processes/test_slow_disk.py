"""A disk whose flushes take long: many share one, what cannot be stored in time gets 503, and pages go on."""

import asyncio
import os
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx2
import pytest

from tests.bench.slow_disk import compiled
from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.server import House, Server, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SECOND = 1_000_000
STORM = 320
SENDERS = 16


class Disk:
    """What its flushes take, and how many there were."""

    def __init__(self, folder: Path) -> None:
        self._delay, self._count = folder / "delay", folder / "count"
        self.takes(0)
        self._count.touch()

    def takes(self, microseconds: int) -> None:
        """From the next flush on; the file is never half written."""
        fresh = self._delay.with_suffix(".new")
        fresh.write_text(str(microseconds))
        fresh.rename(self._delay)

    @property
    def flushes(self) -> int:
        """So many until now."""
        return self._count.stat().st_size

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to have this disk."""
        if shutil.which(os.environ.get("CC", "cc")) is None:
            pytest.skip("NO SLOW-DISK TEST: there is no C compiler")
        library = compiled(self._delay.parent)
        return {
            "LD_PRELOAD": str(library),
            "SLOWSYNC_FILE": str(self._delay),
            "SLOWSYNC_COUNT": str(self._count),
        }


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """The disk of the server, quick until it is told."""
    return Disk(tmp_path)


@pytest.fixture
async def server(tmp_path: Path, smtp: FakeSmtp, disk: Disk) -> AsyncIterator[Server]:
    """A server on that disk."""
    running = mailing(tmp_path, smtp)
    running.environment |= disk.environment
    yield running
    await running.close()


async def _post_all(house: House, titles: list[str]) -> dict[str, httpx2.Response]:
    """All at once, each over a connection of its own."""
    limits = httpx2.Limits(max_connections=len(titles))
    async with httpx2.AsyncClient(base_url=house.server.url, timeout=60.0, limits=limits) as client:
        path = f"/webhooks/generic/{house.key}"
        answers = await asyncio.gather(
            *(client.post(path, json={"title": title, "dedup_key": title}) for title in titles)
        )
    return dict(zip(titles, answers, strict=True))


async def _acknowledged(server: Server, title: str) -> float:
    """Somebody answers as soon as it is taken; the seconds that the last try took."""
    (incident,) = [each for each in await server.items("/incidents") if each["title"] == title]

    async def is_answered() -> float:
        begun = time.monotonic()
        answer = await server.client.post(f"/api/v1/incidents/{incident['id']}/acknowledge", json={})
        assert answer.status_code in (200, 503), answer.text
        return time.monotonic() - begun if answer.status_code == 200 else 0.0

    return await until(is_answered)


async def _is_paged(smtp: FakeSmtp, who: str, title: str) -> bool:
    """Whether a mail to them names it, alone or with others."""
    return any(who in str(mail.recipients) and title in mail.subject + mail.text for mail in smtp.mails)


async def _keeps_everything(server: Server, disk: Disk, taken: list[str]) -> None:
    """What was answered is there after a kill -9, and a quick disk is one again."""
    await server.kill()
    disk.takes(0)
    await server.start()
    stored = {alert["title"] for alert in await server.items("/alerts")}
    assert set(taken) <= stored

    async def is_quick_again() -> bool:
        return (await server.client.get("/health/deep")).json()["disk"]["isSlow"] is False

    await until(is_quick_again)


def _codes(answers: dict[str, httpx2.Response]) -> Counter[int]:
    """How many of each; senders that are to come again are told when."""
    refused = [each for each in answers.values() if each.status_code == 503]
    assert all(int(each.headers["Retry-After"]) >= 1 for each in refused)
    return Counter(answer.status_code for answer in answers.values())


async def _at_50_ms(house: House, disk: Disk, smtp: FakeSmtp) -> tuple[list[str], float]:
    """What was taken, and how many alerts shared a flush."""
    disk.takes(SECOND // 20)
    before = disk.flushes
    taken = [f"{turn} {number}" for turn in range(3) for number in range(SENDERS)]
    for turn in range(3):
        answers = await _post_all(house, taken[turn * SENDERS : (turn + 1) * SENDERS])
        assert set(_codes(answers)) == {202}
    flushes = disk.flushes - before
    assert flushes < len(taken) // 2, "each had a flush of its own"
    assert (await house.post("rises")).status_code == 202
    await until(lambda: _is_paged(smtp, "jun@", "rises"))
    return [*taken, "rises"], len(taken) / flushes


@pytest.mark.proves("F-15", "IN-2", "ES-1", "DB-1")
async def test_many_share_a_flush_and_what_waits_too_long_comes_again(
    server: Server, disk: Disk, smtp: FakeSmtp, measured: Callable[..., None]
) -> None:
    """Flushes of 50 ms: senders share them, all are taken and paged. Of four seconds: whoever waits for more than five
    is told to come again, with 503 and nothing else; it is said how slow it is, and a kill -9 loses nothing.
    """
    house = await settle_in(server, delay_minutes=0.05)
    taken, shared = await _at_50_ms(house, disk, smtp)
    quick = await _acknowledged(server, "0 0")

    disk.takes(4 * SECOND)
    before = disk.flushes
    first = asyncio.create_task(_post_all(house, ["first"]))

    async def is_being_flushed() -> bool:
        return disk.flushes > before

    await until(is_being_flushed)
    answers = await _post_all(house, [f"behind {number}" for number in range(SENDERS)]) | await first
    codes = _codes(answers)
    assert set(codes) <= {202, 503}, codes
    assert codes[503] > 0
    taken += [title for title, answer in answers.items() if answer.status_code == 202]

    async def is_known() -> bool:
        deep = (await server.client.get("/health/deep")).json()["disk"]
        told = "the disk is slow" in server.log.read_text()
        return told and deep["isSlow"] is True and deep["commitSeconds"] >= 4

    await until(is_known)
    await _keeps_everything(server, disk, taken)
    measured(alerts_a_flush_at_50_ms=round(shared, 1), acknowledge_ms_at_50_ms=round(quick * 1000), lost=0)


@pytest.mark.campaign
@pytest.mark.proves("F-15", "NO-5", "IN-6", "ES-1")
async def test_a_storm_on_a_disk_that_takes_two_seconds(
    server: Server, disk: Disk, smtp: FakeSmtp, measured: Callable[..., None]
) -> None:
    """Part of it is refused; people answer; every incident that was taken is named to both levels, in bundles."""
    house = await settle_in(server, delay_minutes=0.2)
    taken, _ = await _at_50_ms(house, disk, smtp)
    disk.takes(2 * SECOND)
    begun = time.monotonic()
    answers = await _post_all(house, [f"storm {number:03}" for number in range(STORM)])
    codes = _codes(answers)
    assert set(codes) == {202, 503}, codes
    taken += [title for title, answer in answers.items() if answer.status_code == 202]
    slow = await _acknowledged(server, "0 1")
    fresh = [title for title in taken if title.startswith("storm")]

    async def everybody_is_paged() -> bool:
        pages = [await _is_paged(smtp, who, title) for title in fresh for who in ("bea@", "jun@")]
        return all(pages)

    await until(everybody_is_paged, 300)
    took = time.monotonic() - begun
    await _keeps_everything(server, disk, taken)
    measured(
        refused=codes[503], acknowledge_s=round(slow, 1), two_levels_told_s=round(took), mails=len(smtp.mails)
    )
