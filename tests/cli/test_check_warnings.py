"""`openalert check` about what would keep a page from arriving."""

from pathlib import Path

import pytest

from openalert.cli.check import MOST_WARNINGS, _warnings
from openalert.config import Config, DatabaseSection, Server
from openalert.storage import open_database
from tests import make
from tests.make import level

pytestmark = pytest.mark.anyio


async def test_only_what_is_critical_makes_it_fail(tmp_path: Path) -> None:
    """A service without a policy is told; that nobody is reached fails; a name cannot act on the terminal."""
    url = f"sqlite:///{tmp_path}/openalert.db"
    config = Config(server=Server(data_dir=str(tmp_path)), database=DatabaseSection(url=url))
    database = await open_database(url)
    cast = await make.cast(database)
    zoe = await make.user(database, cast.organization, "Zoe", reachable=False)
    policy = await make.policy(database, cast.team, level(1, zoe), name="\x1b[2JPolicy")
    await make.service(database, cast.team, policy)
    for number in range(MOST_WARNINGS):
        other = await make.service(database, cast.team, name=f"Service {number:02}")
        await make.integration(database, other, f"key {number}")
    await database.close()
    found = [finding async for finding in _warnings(config)]
    assert found[:3] == [
        ("warning (critical)", False, " [2JPolicy reaches nobody"),
        ("warning (critical)", False, "Zoe cannot be reached"),
        ("warning (high)", None, "Alerts of Service 00 page nobody"),
    ]
    assert found[-1][:2] == ("warnings", None)
    assert found[-1][2].startswith("3 more, see http")
    assert len(found) == MOST_WARNINGS + 1


async def test_nothing_is_said_where_nothing_is_wrong(tmp_path: Path) -> None:
    """Nor where nothing is set up yet."""
    config = Config(
        server=Server(data_dir=str(tmp_path)),
        database=DatabaseSection(url=f"sqlite:///{tmp_path}/openalert.db"),
    )
    assert [finding async for finding in _warnings(config)] == []
