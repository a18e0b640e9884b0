"""API keys: what they open, and for how long."""

from typing import Any

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Forbidden
from openalert.domain.instant import DAY
from openalert.domain.user import User
from openalert.storage import Database
from openalert.usecases import api_keys, users
from tests import make
from tests.make import Cast

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cast(db: Database) -> Cast:
    """The standing cast."""
    return await make.cast(db)


async def key_of(db: Database, user: User, role: Role, **options: Any) -> str:
    """The text of a new API key made by the person."""
    async with db.transaction(make.actor(user)) as tx:
        return (await api_keys.create(tx, name="ci", role=role, **options))[1]


async def holder(db: Database, text: str) -> Any:
    """The key's actor."""
    async with db.read() as reader:
        return await api_keys.actor_for(reader, text)


async def test_a_key_does_no_more_than_its_maker_may_now(db: Database, cast: Cast) -> None:
    """Demoting the maker lowers the key, deactivating ends it; nobody makes a key above themselves."""
    dora = await make.user(db, cast.organization, "Dora", Role.ADMIN)
    with pytest.raises(Forbidden):
        await key_of(db, dora, Role.OWNER)
    with pytest.raises(Forbidden):
        await key_of(db, cast.bob, Role.VIEWER)
    text = await key_of(db, dora, Role.ADMIN)
    assert (await holder(db, text)).role is Role.ADMIN
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.update(tx, dora.id, role=Role.VIEWER)
    assert (await holder(db, text)).role is Role.VIEWER
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.deactivate(tx, dora.id)
    assert await holder(db, text) is None


async def test_what_is_not_the_key_opens_nothing(db: Database, cast: Cast, clock: Any) -> None:
    """A changed secret, another prefix, an unknown id, nonsense, and the key itself once expired."""
    text = await key_of(db, cast.alice, Role.ADMIN, expires_at=clock.now + DAY)
    prefix, key_id, secret = text.split("_")
    assert prefix == "oak"
    assert len(secret) == 64
    wrong = "0" if secret[0] != "0" else "1"
    for other in (
        f"oak_{key_id}_{wrong}{secret[1:]}",
        f"oax_{key_id}_{secret}",
        f"oak_{key_id[:-1]}_{secret}",
        f"oak_{key_id}_",
        "oak__",
        "",
        "\ud800",
    ):
        assert await holder(db, other) is None
    assert await holder(db, text) is not None
    clock.advance(DAY)
    assert await holder(db, text) is None
