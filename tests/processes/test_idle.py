"""A server that nobody asks for anything needs little memory, and has imported nothing that only others need."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.processes.server import Server, until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MOST_MIB = 85
"""Of memory that is the process's own, 76 at last; the aim of 90 in docs/performance.md counts libraries too."""

OTHERS_NEED = {
    "aiosmtpd": "mail that comes in",
    "apprise": "channels of Apprise",
    "asyncpg": "Postgres",
    "authlib": "nobody",
    "holidays": "public holidays of a rotation",
    "icalendar": "calendars",
    "joserfc": "single sign-on",
    "openalert.cli.check": "openalert check",
    "openalert.cli.demo": "openalert demo",
    "openalert.engine.watcher": "openalert watch",
    "openalert.storage.move": "openalert migrate --to",
    "openalert.web.mail_in": "mail that comes in",
    "pyotp": "second factors",
    "recurring_ical_events": "calendars",
    "rich": "nobody",
    "segno": "pictures of codes",
    "sqlite_utils": "nobody",
    "valkey": "several nodes",
    "webauthn": "passkeys",
}
"""Modules that an idle server on SQLite does without, and for whom they are."""

NOTING = """\
import atexit, sys
from pathlib import Path
from openalert.cli import main
atexit.register(lambda: Path("modules").write_text("\\n".join(sys.modules)))
main()
"""


@pytest.fixture
async def idle(tmp_path: Path) -> AsyncIterator[Server]:
    """A server as it is without any configuration, which writes down at its end what it had imported."""
    server = Server(tmp_path, self_monitor_canary="true")
    server.program = [sys.executable, "-c", NOTING]
    yield server
    await server.close()


async def test_an_idle_server_needs_little_and_imports_what_it_needs(idle: Server) -> None:
    """Once its first canary has come through, so with what it takes to take an alert in and to page."""
    await idle.start()
    await until(lambda: green(idle))
    own = resident(idle.pid)
    assert await idle.stop() == 0
    imported = set((idle.folder / "modules").read_text().split())
    assert {"litestar", "uvloop", "openalert.notifiers.email", "openalert.web.ui.incidents"} <= imported
    assert {name: whose for name, whose in OTHERS_NEED.items() if name in imported} == {}
    assert own < MOST_MIB


async def green(server: Server) -> bool:
    """Whether a canary has come through."""
    return 'openalert_canaries_total{outcome="green"}' in (await server.client.get("/metrics")).text


def resident(pid: int) -> float:
    """MiB of memory that a process has written to, and that no file is behind."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        pytest.skip("NO TEST OF IDLE MEMORY: this system has no /proc")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("RssAnon:"))
