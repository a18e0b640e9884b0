"""Keys of old pagers: they lead to an integration beside its own key, and are never seen again."""

import pytest

from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.storage import integrations as stored
from openalert.storage import routes
from openalert.usecases import imported_keys, integrations
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio
GENIE = "43a29c5c-3dbf-4fa4-9c26-f4f71023e120"


@pytest.fixture
async def integration_id(world: World) -> str:
    """The integration A of a service that pages Alice."""
    await world.policy(level(1, world.alice))
    found: str = await world.value("SELECT id FROM integrations ORDER BY id LIMIT 1")
    return found


async def test_both_keys_lead_to_the_integration(world: World, integration_id: str) -> None:
    """What comes by the old key is the integration's, as is what comes by ours; forgotten, it is unknown."""
    key = await world.does(imported_keys.add, integration_id, f" {GENIE}\n")
    assert (key.key_hint, GENIE in repr(key)) == ("e120", False)
    for name in (GENIE, "A"):
        assert (await world.posts(world.group(world.alert(f"by {name}")), name)).error is None
    assert await world.value("SELECT count(DISTINCT integration_id) FROM alerts") == 1
    await world.does(imported_keys.remove, integration_id, key.id)
    assert isinstance((await world.posts(world.group(world.alert("Late")), GENIE)).error, NotFound)


async def test_nothing_of_the_key_is_kept(world: World, integration_id: str) -> None:
    """Neither its row nor the audit log holds more of it than the last four signs."""
    await world.does(imported_keys.add, integration_id, GENIE)
    rows = await world.value("SELECT key_hash || key_hint FROM imported_keys")
    told = await world.value("SELECT after FROM audit_log WHERE act = 'integration.key_imported'")
    for kept in (rows, told):
        assert GENIE[:-4] not in kept
        assert "e120" in kept


async def test_a_key_leads_to_one_integration_alone(world: World, integration_id: str) -> None:
    """Neither twice, nor one that is ours elsewhere; after the integration is deleted it is free again."""
    await world.does(imported_keys.add, integration_id, GENIE)
    other = await world.value("SELECT id FROM integrations ORDER BY id DESC LIMIT 1")
    with pytest.raises(Conflict):
        await world.does(imported_keys.add, other, GENIE)
    async with world.db.transaction(world.as_(world.alice)) as tx:
        made, own = await integrations.create(tx, service_id=world.service.id, name="New")
    with pytest.raises(Conflict):
        await world.does(imported_keys.add, other, own)
    await world.does(integrations.delete, integration_id)
    await world.does(imported_keys.add, other, GENIE)
    assert made.id != other


async def test_a_lookup_costs_one_more_statement_only_where_a_key_is_not_ours(
    world: World, integration_id: str
) -> None:
    """The ordinary key finds its way as before."""
    await world.does(imported_keys.add, integration_id, GENIE)
    async with world.db.read() as reader:
        hashes = [integrations.key_hash(each) for each in ("A", GENIE, "B")]
        found = await routes.by_key_hash(reader, hashes)
        assert found[hashes[0]].integration_id == found[hashes[1]].integration_id == integration_id
        assert found[hashes[2]].integration_id != integration_id


@pytest.mark.parametrize(
    "key", ["", "short", "a" * 36, "has spaces in it, twenty", "x/../y" * 6, "ab12" * 40]
)
async def test_what_is_no_key_is_refused_without_repeating_it(
    world: World, integration_id: str, key: str
) -> None:
    """Too short, made of one sign, of signs that stand in no address, or too long."""
    with pytest.raises(Invalid) as refused:
        await world.does(imported_keys.add, integration_id, key)
    assert not key or key not in refused.value.message


async def test_only_admins_of_the_team_may(world: World, integration_id: str) -> None:
    """A member is refused, a stranger finds no such integration."""
    with pytest.raises(Forbidden):
        await world.does(imported_keys.add, integration_id, GENIE, by=world.bob)
    with pytest.raises(NotFound):
        await world.does(imported_keys.add, integration_id, GENIE, by=world.charlie)
    async with world.db.read() as reader:
        assert await stored.get(reader, make.actor(world.charlie), integration_id) is None
