"""API keys: what they open, and for how long."""

from typing import Any

import pytest

from openalert.domain.access import Permission, Role, Scope, can
from openalert.domain.errors import Forbidden, Invalid, NotFound
from openalert.domain.instant import DAY
from openalert.domain.user import User
from openalert.storage import Database
from openalert.usecases import api_keys, teams, users
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
        signed_in = await api_keys.find(reader, text)
        return signed_in.actor if signed_in else None


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


async def test_a_key_reaches_no_team_that_its_maker_has_left(db: Database, cast: Cast) -> None:
    """A demoted admin's key acts in their own teams alone, with their role there; one bound to a team dies with it."""
    dora = await make.user(db, cast.organization, "Dora", Role.ADMIN)
    await make.member(db, cast.team, dora, Role.ADMIN)
    ops = await make.team(db, cast.organization, "Ops")
    wide = await key_of(db, dora, Role.ADMIN)
    bound = await key_of(db, dora, Role.ADMIN, team_id=cast.team.id)
    assert (await holder(db, wide)).sees_all_teams
    assert (await holder(db, bound)).teams == {cast.team.id: Role.ADMIN}
    async with db.transaction(make.actor(cast.alice)) as tx:
        await users.update(tx, dora.id, role=Role.MEMBER)
    lowered = await holder(db, wide)
    assert (lowered.is_confined, lowered.teams) == (True, {cast.team.id: Role.ADMIN})
    assert not can(lowered, Permission.SEE, ops.id)
    assert not can(lowered, Permission.CONFIGURE, None)
    async with db.transaction(make.actor(cast.alice)) as tx:
        await teams.put_member(tx, cast.team.id, dora.id, Role.VIEWER)
    assert (await holder(db, bound)).teams == {cast.team.id: Role.VIEWER}
    async with db.transaction(make.actor(cast.alice)) as tx:
        await teams.remove_member(tx, cast.team.id, dora.id)
    assert await holder(db, bound) is None
    assert (await holder(db, wide)).teams == {}


async def test_a_scope_narrows_whatever_the_role(db: Database, cast: Cast) -> None:
    """An owner's key for responding acknowledges, configures nothing and makes no keys; looking is always part."""
    actor = await holder(db, await key_of(db, cast.alice, Role.OWNER, scopes=[Scope.RESPOND]))
    allowed = {each for each in Permission if can(actor, each, cast.team.id)}
    assert allowed == {Permission.SEE, Permission.RESPOND}
    assert not can(actor, Permission.CONFIGURE, None)
    configures = await holder(db, await key_of(db, cast.alice, Role.OWNER, scopes=[Scope.CONFIGURE]))
    assert can(configures, Permission.CONFIGURE, cast.team.id)
    assert not can(configures, Permission.RESPOND, cast.team.id)
    async with db.transaction(configures) as tx:
        with pytest.raises(Forbidden, match="scope admin"):
            await api_keys.create(tx, name="more", role=Role.VIEWER, team_id=cast.team.id)


async def test_a_key_made_with_a_key_is_no_way_to_outlive_it(db: Database, cast: Cast, clock: Any) -> None:
    """It belongs to the same person, ends no later, and can be used for no more."""
    scopes = [Scope.ADMIN, Scope.RESPOND]
    parent = await holder(
        db, await key_of(db, cast.alice, Role.ADMIN, scopes=scopes, expires_at=clock() + DAY)
    )
    async with db.transaction(parent) as tx:
        with pytest.raises(Forbidden):
            await api_keys.create(tx, name="wider")
        child, _ = await api_keys.create(tx, name="same", scopes=scopes)
    assert (child.created_by_id, child.expires_at) == (cast.alice.id, clock() + DAY)


async def test_admins_of_a_team_manage_the_keys_of_that_team(db: Database, cast: Cast) -> None:
    """They make, list and revoke them; the keys of the organization stay out of view, and so do other teams'."""
    everywhere = await key_of(db, cast.alice, Role.ADMIN)
    leader = make.actor(cast.bob, cast.team, team_role=Role.ADMIN)
    ops = await make.team(db, cast.organization, "Ops")
    async with db.transaction(leader) as tx:
        with pytest.raises(Forbidden):
            await api_keys.create(tx, name="k", role=Role.VIEWER)
        with pytest.raises(Forbidden):
            await api_keys.create(tx, name="k", role=Role.OWNER, team_id=cast.team.id)
        with pytest.raises(Invalid):
            await api_keys.create(tx, name="k", role=Role.VIEWER, team_id=ops.id)
        made, _ = await api_keys.create(tx, name="k", role=Role.ADMIN, team_id=cast.team.id)
    async with db.transaction(leader) as tx:
        assert [key.id for key in await api_keys.page(tx, leader, limit=10)] == [made.id]
        with pytest.raises(NotFound):
            await api_keys.revoke(tx, everywhere.split("_")[1])
        await api_keys.revoke(tx, made.id)
    async with db.read() as reader:
        with pytest.raises(Forbidden):
            await api_keys.page(reader, make.actor(cast.bob, cast.team, team_role=Role.MEMBER), limit=10)
