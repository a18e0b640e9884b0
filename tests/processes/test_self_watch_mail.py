"""All mail is down on a real server and somebody should have been paged: switch, banner and last resort say so."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook
from tests.processes.conftest import mailing
from tests.processes.server import Server, settle_in, signed_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
BANNER = "might page nobody"


@pytest.fixture
async def watched(
    tmp_path: Path, smtp: FakeSmtp, bell: FakeSmtp, switch: FakeWebhook
) -> AsyncIterator[Server]:
    """A server that looks at itself every two seconds, and has a last resort that is soon told."""
    running = mailing(
        tmp_path,
        smtp,
        self_monitor_canary="true",
        self_monitor_every_seconds="2",
        self_monitor_url=f"http://127.0.0.1:{switch.port}/ping",
        last_resort_mail_to="boss@example.org",
        last_resort_host=bell.host,
        last_resort_port=str(bell.port),
        last_resort_security="none",
        last_resort_from="OpenAlert <bell@example.org>",
        last_resort_after_seconds="2",
    )
    yield running
    await running.close()


@pytest.mark.proves("SM-1", "NO-6", "F-16")
async def test_mail_that_takes_nothing_for_a_minute_is_told_by_every_other_way(
    watched: Server, switch: FakeWebhook, smtp: FakeSmtp, bell: FakeSmtp
) -> None:
    """A mail server that is away: pages wait, and after a minute of that nobody believes the green light any more.

    The minute is taken off the page from outside, so that the test does not last one.
    """
    house = await settle_in(watched)

    async def heard(path: str, words: str = "") -> bool:
        return any(each.path == path and words in each.body.decode() for each in switch.requests)

    async with signed_in(watched) as bea:

        async def page_shows(banner: bool) -> bool:
            return (BANNER in (await bea.get("/incidents")).text) is banner

        await until(lambda: heard("/ping"))
        assert await page_shows(False)
        await smtp.down()
        await house.post("disk full", severity="critical")

        async def waits() -> bool:
            with closing(sqlite3.connect(watched.data / "openalert.db", timeout=10)) as database:
                changed = database.execute(
                    "UPDATE notifications SET give_up_at = give_up_at - 70000 "
                    "WHERE kind = 'page' AND channel = 'email' AND status IN ('pending', 'sending')"
                ).rowcount
                database.commit()
            return changed > 0

        await until(waits)
        await until(lambda: heard("/ping/fail", "nobody was told of its incident"))
        await until(lambda: page_shows(True))
        assert (await watched.client.get("/health/deep")).status_code == 503
        assert (await watched.client.get("/health")).status_code == 200
        assert "An alert arriving now might page nobody." in (await bell.received(1))[0].text

        await smtp.up()
        await smtp.received(1)
        switch.requests.clear()
        await until(lambda: heard("/ping"))
        await until(lambda: page_shows(False))
