"""A start on a machine that is slow today: what only waits for the database does not end it."""

import pytest

from openalert.cli import server
from openalert.domain.errors import Unavailable
from openalert.storage import Database

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("busy", "found"), [(0, ["token"]), (2, ["token"]), (9, [])])
async def test_an_invitation_that_gets_no_turn_ends_no_server(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, busy: int, found: list[str]
) -> None:
    """Asked for again, and left to the next start where the database gives no turn for long."""
    left = [busy]

    async def invited(database: Database) -> list[str]:
        assert database is sqlite_db
        if left[0]:
            left[0] -= 1
            raise Unavailable("The database is busy. Try again in a few seconds.")
        return ["token"]

    monkeypatch.setattr(server.console, "setup_token", invited)
    assert await server._tokens(sqlite_db) == found
