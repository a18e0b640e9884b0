"""Finding by name on both databases: what is seen, what comes first, and how many."""

import pytest

from openalert.storage import finder
from openalert.storage.database import Database
from tests import make

pytestmark = pytest.mark.anyio


async def test_names_are_found_in_what_is_seen(db: Database) -> None:
    """By part of a name in any case or of an address, the beginning first, few of each kind; with whose it is."""
    cast = await make.cast(db)
    await make.policy(db, cast.team)
    for number in range(4):
        await make.user(db, cast.organization, f"Mal{number}")
    async with db.read() as reader:
        found = await finder.named(reader, make.actor(cast.bob, cast.team), "AL", each=3)
        assert [(one.kind, one.name) for one in found] == [
            ("person", "Alice"), ("person", "Mal0"), ("person", "Mal1"),
        ]  # fmt: skip
        assert found[0].detail == "alice@example.org"
        seen = await finder.named(reader, make.actor(cast.bob, cast.team), cast.team.name, each=3)
        assert ("team", cast.team.id) in [(one.kind, one.id) for one in seen]
        assert not await finder.named(reader, make.actor(cast.charlie), cast.team.name, each=3)
        assert not await finder.named(reader, make.actor(cast.bob, cast.team), "%", each=3)
