"""The name server of a real server is away, in trouble, or says something else: pages go where they went before."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.fakes.dns import Code, FakeDns
from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook
from tests.processes.conftest import mailing
from tests.processes.server import House, settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

NAME = "hooks.openalert-test.example"
_OWN_RESOLVER = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


@pytest.fixture
def own_mounts() -> None:
    """A process may have mounts that nobody else sees."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("NOT TRIED: a server with a name server of its own (F-18) needs root and unshare")
    probe = ["unshare", "--mount", "mount", "--bind", "/etc/hostname", "/etc/resolv.conf"]
    if subprocess.run(probe, check=False, capture_output=True).returncode != 0:
        pytest.skip("NOT TRIED: a server with a name server of its own (F-18): no mounts in a namespace")


@pytest.fixture
async def dns(own_mounts: None, anyio_backend: str) -> AsyncIterator[FakeDns]:
    """On an address of loopback that is this process' alone."""
    del own_mounts, anyio_backend
    number = os.getpid()
    async with FakeDns(f"127.77.{number // 250 % 250}.{1 + number % 250}") as server:
        yield server


async def _told(receiver: FakeWebhook, house: House, title: str) -> float:
    """Seconds from the alert to its page at this receiver; honest questions are answered meanwhile."""
    begun = time.monotonic()
    before = len(receiver.requests)
    assert (await house.post(title)).status_code == 202
    health = await house.server.client.get("/health")
    assert health.status_code == 200
    await receiver.received(before + 1, 90)
    assert title in receiver.requests[-1].body.decode()
    return time.monotonic() - begun


@pytest.mark.proves("F-18", "NO-1", "NO-4")
async def test_a_name_server_that_is_away_keeps_no_page(
    tmp_path: Path, smtp: FakeSmtp, dns: FakeDns, measured: Callable[..., None]
) -> None:
    """Silent and in trouble: the address of before is dialled. Another address is believed at once, and a name that is
    gone is tried again until it is back.
    """
    resolver = tmp_path / "resolv.conf"
    resolver.write_text(f"nameserver {dns.host}\noptions timeout:1 attempts:2\n")
    server = mailing(tmp_path, smtp)
    server.program = [
        "unshare", "--mount", "sh", "-c", _OWN_RESOLVER, "sh", str(resolver), *server.program
    ]  # fmt: skip
    first, second = FakeWebhook(), FakeWebhook()
    try:
        async with first:
            second.host, second.port = "127.0.0.3", first.port
            async with second:
                house = await settle_in(server)
                url = first.url.replace("127.0.0.1", NAME)
                channel = await server.call(
                    "POST",
                    "/channels",
                    {"name": "Hook", "type": "webhook", "teamId": house.team_id, "config": {"url": url}},
                )
                target = {"type": "channel", "id": channel["id"]}
                await server.call(
                    "PATCH",
                    f"/escalation-policies/{house.policy_id}",
                    {"levels": [{"delayMinutes": 0, "targets": [target]}]},
                )
                well = await _told(first, house, "all is well")
                assert dns.asked
                dns.is_silent = True
                silent = await _told(first, house, "the name server is silent")
                dns.is_silent, dns.code = False, Code.SERVER_FAILURE
                # What was asked before may still be waited for: it is asked anew when that has ended.
                asked, number, trouble = dns.asked, 0, 0.0
                while dns.asked == asked:
                    number += 1
                    trouble = await _told(first, house, f"the name server is in trouble {number}")
                dns.code, dns.address = Code.WELL, second.host
                await _told(second, house, "the name has moved")
                dns.code = Code.NO_SUCH_NAME
                asked, before = dns.asked, (len(first.requests), len(second.requests))
                assert (await house.post("the name is gone")).status_code == 202

                async def was_asked() -> bool:
                    return dns.asked > asked

                await until(was_asked)
                await asyncio.sleep(0.5)
                assert (len(first.requests), len(second.requests)) == before
                dns.code = Code.WELL
                await second.received(before[1] + 1, 90)
                assert "the name is gone" in second.requests[-1].body.decode()
        measured(well=f"{well:.1f} s", silent=f"{silent:.1f} s", in_trouble=f"{trouble:.1f} s")
        assert "Traceback" not in server.log.read_text()
    finally:
        await server.close()
