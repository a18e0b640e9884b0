"""A mail server that the processes under test hand their mail to."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.processes.server import Server


@pytest.fixture
async def smtp(anyio_backend: str) -> AsyncIterator[FakeSmtp]:
    """A mail server on loopback that keeps what it is given."""
    async with FakeSmtp() as server:
        yield server


def mailing(folder: Path, smtp: FakeSmtp, **settings: str) -> Server:
    """A server, not started, that hands its mail to `smtp` and may reach loopback."""
    return Server(
        folder,
        smtp_host=smtp.host,
        smtp_port=str(smtp.port),
        smtp_security="none",
        smtp_from="OpenAlert <alerts@example.org>",
        outgoing_allow_private_networks="true",
        **settings,
    )


@pytest.fixture
async def server(tmp_path: Path, smtp: FakeSmtp) -> AsyncIterator[Server]:
    """As `mailing`; nothing of it is left at the end."""
    running = mailing(tmp_path, smtp)
    yield running
    await running.close()
