"""Saved views: kept by somebody, shared with a team, begun with."""

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Conflict, Forbidden, Invalid, NotFound
from openalert.domain.saved_view import MOST_VIEWS, SavedView
from openalert.storage import saved_views as stored
from openalert.usecases import saved_views
from tests import make
from tests.cast import World

pytestmark = pytest.mark.anyio


async def _seen(world: World, who: object) -> list[str]:
    async with world.db.read() as reader:
        return [each.name for each in await stored.seen_by(reader, world.as_(who), limit=50)]  # type: ignore[arg-type]


async def _kept(world: World, who: object, name: str, **said: object) -> SavedView:
    async with world.db.transaction(world.as_(who)) as tx:  # type: ignore[arg-type]
        return await saved_views.create(tx, name=name, query="q=disk", **said)  # type: ignore[arg-type]


async def test_a_view_is_its_makers_until_it_is_shared(world: World) -> None:
    """Bob does not see what Alice keeps for herself, sees what she shares with the team, and Charlie sees neither."""
    own = await _kept(world, world.alice, "Mine")
    await _kept(world, world.alice, "Ours", team_id=world.core.id)
    assert await _seen(world, world.alice) == ["Mine", "Ours"]
    assert await _seen(world, world.bob) == ["Ours"]
    assert await _seen(world, world.charlie) == []
    async with world.db.read() as reader:
        with pytest.raises(NotFound):
            await saved_views.get(reader, world.as_(world.bob), own.id)


async def test_what_is_kept_is_the_list_as_it_writes_itself(world: World) -> None:
    """Whatever stands in the query beside what a list understands is not kept."""
    async with world.db.transaction(world.as_(world.alice)) as tx:
        view = await saved_views.create(
            tx, name="  Disks  ", query="view=x&javascript:alert(1)&q=disk&severity=high&cursor=9"
        )
    assert (view.name, view.query) == ("Disks", "status=open&severity=high&q=disk")


async def test_only_its_maker_or_an_admin_of_its_team_changes_it(world: World) -> None:
    """Bob, a member, cannot; an admin of the team renames it, but does not take it to another team."""
    view = await _kept(world, world.alice, "Ours", team_id=world.core.id)
    dora = await make.user(world.db, world.cast.organization, "Dora")
    await make.member(world.db, world.core, dora, Role.ADMIN)
    ops = await make.team(world.db, world.cast.organization, "Ops")
    member = make.actor(world.bob, world.core, team_role=Role.MEMBER)
    admin = make.actor(dora, world.core, ops, team_role=Role.ADMIN)
    for change in ({"name": "Theirs"}, {"query": "q=x"}, {"team_id": ""}):
        with pytest.raises(Forbidden):
            async with world.db.transaction(member) as tx:
                await saved_views.update(tx, view.id, **change)
    with pytest.raises(Forbidden):
        async with world.db.transaction(member) as tx:
            await saved_views.delete(tx, view.id)
    with pytest.raises(Forbidden):
        async with world.db.transaction(admin) as tx:
            await saved_views.update(tx, view.id, team_id=ops.id)
    async with world.db.transaction(admin) as tx:
        assert (await saved_views.update(tx, view.id, name="Everybody's")).name == "Everybody's"
        await saved_views.delete(tx, view.id)
    assert await _seen(world, world.alice) == []


async def test_a_view_is_shared_only_with_a_team_in_which_one_responds(world: World) -> None:
    """Not with a team that one is not in, in the words of one that never was, and not by a viewer."""
    ops = await make.team(world.db, world.cast.organization, "Ops")
    viewer = make.actor(world.bob, world.core, team_role=Role.VIEWER)
    with pytest.raises(Invalid, match="there is no team"):
        async with world.db.transaction(make.actor(world.bob, world.core)) as tx:
            await saved_views.create(tx, name="A", query="", team_id=ops.id)
    with pytest.raises(Forbidden):
        async with world.db.transaction(viewer) as tx:
            await saved_views.create(tx, name="A", query="", team_id=world.core.id)


async def test_a_list_begins_with_the_view_as_long_as_it_is_there(world: World) -> None:
    """Bob begins with Alice's shared view; once she deletes it, or takes it back, he begins with what is open."""
    view = await _kept(world, world.alice, "Ours", team_id=world.core.id, begin_with=True)

    async def begins(who: object) -> str | None:
        async with world.db.read() as reader:
            first = await stored.first_of(reader, world.as_(who))  # type: ignore[arg-type]
        return first.name if first else None

    assert await begins(world.alice) == "Ours"
    assert await begins(world.bob) is None
    async with world.db.transaction(world.as_(world.bob)) as tx:
        await saved_views.begin_with(tx, view.id)
    assert await begins(world.bob) == "Ours"
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await saved_views.update(tx, view.id, team_id="")
    assert await begins(world.bob) is None
    async with world.db.transaction(world.as_(world.alice)) as tx:
        await saved_views.delete(tx, view.id)
    assert await begins(world.alice) is None
    with pytest.raises(NotFound):
        async with world.db.transaction(world.as_(world.alice)) as tx:
            await saved_views.begin_with(tx, view.id)


async def test_nobody_keeps_views_without_end(world: World) -> None:
    """One more than the most is refused; a name must be one."""
    for number in range(MOST_VIEWS):
        await _kept(world, world.alice, f"View {number}")
    with pytest.raises(Conflict):
        await _kept(world, world.alice, "One more")
    with pytest.raises(Invalid):
        await _kept(world, world.bob, " ")
