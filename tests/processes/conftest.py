"""A mail server that the processes under test hand their mail to, and a small disk for their data."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.smtp import FakeSmtp
from tests.fakes.webhook import FakeWebhook
from tests.processes.server import Server

ROOM = 6 * 1024 * 1024


@pytest.fixture
async def smtp(anyio_backend: str) -> AsyncIterator[FakeSmtp]:
    """A mail server on loopback that keeps what it is given."""
    async with FakeSmtp() as server:
        yield server


@pytest.fixture
async def switch(anyio_backend: str) -> AsyncIterator[FakeWebhook]:
    """A dead-man's switch that keeps what it hears."""
    async with FakeWebhook() as watcher:
        yield watcher


@pytest.fixture
async def bell(anyio_backend: str) -> AsyncIterator[FakeSmtp]:
    """A second mail server, which the first one's trouble does not reach."""
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


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    """`folder` is a file system of its own, of that many bytes."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "openalert-test", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("NO DISK-FULL TEST: mounting a small tmpfs needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def six_megabytes(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own."""
    with small_disk(tmp_path / "data", ROOM):
        yield tmp_path / "data"
