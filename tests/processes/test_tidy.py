"""A short life of a server in Python's development mode: nothing is left open, forgotten or out of date."""

import re
import sys
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.conftest import mailing
from tests.processes.server import settle_in, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.campaign]
UNTIDY = re.compile(r".*(?:Warning:|was never awaited|was never retrieved|was destroyed but|Traceback).*")


async def test_a_short_life_is_tidy(tmp_path: Path, smtp: FakeSmtp) -> None:
    """Set up, an alert, a page, an acknowledge, a listener's page, an end: Python has nothing to say about it."""
    server = mailing(tmp_path, smtp)
    server.program = [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-m", "openalert"]
    try:
        house = await settle_in(server)
        assert (await house.post("Disk full")).status_code == 202

        async def is_paged() -> bool:
            return any("Disk full" in mail.subject for mail in smtp.mails)

        await until(is_paged)
        [incident] = await server.items("/incidents")
        await server.call("POST", f"/incidents/{incident['id']}/acknowledge", {})
        for path in ("/", "/incidents", "/metrics", "/health/deep"):
            assert (await server.client.get(path)).status_code < 500
        assert await server.stop() == 0
    finally:
        await server.close()
    said = server.log.read_text()
    assert UNTIDY.findall(said) == []
    assert [each for each in ("started", "stopping", "stopped") if f'"event":"{each}"' in said] == [
        "started",
        "stopping",
        "stopped",
    ]
