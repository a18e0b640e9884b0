"""Teams: leaving one that counts on you, deleting one with a past, and the last owner."""

import asyncio

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Conflict, Forbidden
from openalert.domain.instant import DAY
from openalert.domain.schedule import RotationChange
from openalert.storage import Database
from openalert.usecases import api_keys, incidents, overrides, schedules, services, teams, users
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def test_nobody_leaves_a_team_that_counts_on_them(world: World) -> None:
    """Turns, overrides, a place in a policy, an incident in hand: each is named; an admin may insist, oneself not."""
    core, bob = world.core, world.bob
    rota = await world.does(schedules.create, team_id=core.id, name="Nights", timezone="UTC")
    rotation = await world.does(
        schedules.add_rotation, rota.id, "Weekly", RotationChange(member_ids=(bob.id,))
    )
    await world.policy(level(1, bob))
    await world.fires("Disk")
    await world.does(incidents.acknowledge, (await world.incident()).id, by=bob)
    with pytest.raises(Conflict) as refused:
        await world.does(teams.remove_member, core.id, bob.id, by=bob)
    assert refused.value.code == "STILL_ON_DUTY"
    assert refused.value.details["duties"] == [
        "turns in the schedule 'Nights'",
        "the escalation policy 'Core policy'",
        "work on 1 open incident",
    ]
    with pytest.raises(Forbidden):
        await world.does(teams.remove_member, core.id, bob.id, by=bob, anyway=True)
    await world.does(schedules.remove_rotation, rota.id, rotation.id)
    await world.does(
        overrides.add,
        rota.id,
        user_id=bob.id,
        start_at=world.clock() + DAY,
        end_at=world.clock() + 2 * DAY,
    )
    with pytest.raises(Conflict, match="Nights"):
        await world.does(teams.remove_member, core.id, bob.id)
    await world.does(teams.remove_member, core.id, bob.id, anyway=True)
    async with world.db.read() as reader:
        assert [user.name for _, user in await teams.members(reader, world.as_(world.alice), core.id)] == [
            "Alice"
        ]


async def test_a_team_with_a_past_can_go(world: World) -> None:
    """Only once nothing is open and nobody counts on it; its incidents keep its name, its keys open nothing."""
    await world.policy(level(1, world.alice))
    key = (await world.does(api_keys.create, name="k", role=Role.MEMBER, team_id=world.core.id))[1]
    await world.fires("Disk")
    await world.does(services.delete, world.service.id)
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE escalation_policies SET deleted_at = :now", now=tx.now)
    with pytest.raises(Conflict, match="1 open incident;"):
        await world.does(teams.delete, world.core.id)
    await world.does(incidents.resolve, (await world.incident()).id)
    ops = await make.team(world.db, world.cast.organization, "Ops")
    calling = await make.policy(world.db, ops, level(1, world.core), name="Calls Core")
    with pytest.raises(Conflict, match="'Calls Core' pages this team"):
        await world.does(teams.delete, world.core.id)
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE escalation_policies SET deleted_at = :now WHERE id = :id", now=tx.now, id=calling.id
        )
    await world.does(teams.delete, world.core.id)
    async with world.db.read() as reader:
        owner = world.as_(world.alice)
        assert [team.name for team in await teams.page(reader, owner, limit=10)] == ["Ops"]
        assert (await incidents.see(reader, owner, (await world.incident()).id)).team_id == world.core.id
        assert await api_keys.find(reader, key) is None
    again = await world.does(teams.create, name="Core")
    assert again.slug == "core"


async def test_no_other_team_keeps_a_team_from_going(world: World) -> None:
    """An admin of one team takes every slug that one can have; another team is deleted all the same."""
    gone = await make.team(world.db, world.cast.organization, "Gone")
    await world.does(teams.update, world.core.id, slug=f"deleted-{gone.id}")
    await world.does(teams.delete, gone.id)
    async with world.db.read() as reader:
        assert [team.id for team in await teams.page(reader, world.as_(world.alice), limit=10)] == [
            world.core.id
        ]


async def test_two_owners_who_demote_each_other_leave_one(db: Database) -> None:
    """At the same moment: one of them succeeds, the other is told that somebody must stay."""
    cast = await make.cast(db)
    zoe = await make.user(db, cast.organization, "Zoe", Role.OWNER)

    async def demote(who: str, by: object) -> str:
        try:
            async with db.transaction(by) as tx:  # type: ignore[arg-type]  # an actor
                await users.update(tx, who, role=Role.ADMIN)
        except Conflict as error:
            return error.code
        return "done"

    done = await asyncio.gather(
        demote(zoe.id, make.actor(cast.alice)), demote(cast.alice.id, make.actor(zoe))
    )
    assert sorted(done) == ["LAST_OWNER", "done"]


async def test_a_viewer_answers_what_pages_them_and_nothing_else(world: World) -> None:
    """Answers the incident they were paged for, in this run of it; other acts stay refused."""
    viewer = make.actor(world.bob, world.core, team_role=Role.VIEWER)
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("Disk")
    incident = await world.incident()
    async with world.db.transaction(viewer) as tx:
        for refused in (incidents.acknowledge, incidents.resolve, incidents.escalate, incidents.hand_on):
            with pytest.raises(Forbidden):
                await refused(tx, incident.id)
        with pytest.raises(Forbidden):
            await incidents.snooze(tx, incident.id, until=tx.now + DAY)
    await world.advance(minutes=5)
    async with world.db.transaction(viewer) as tx:
        with pytest.raises(Forbidden):
            await incidents.note(tx, incident.id, body="x")
    async with world.db.transaction(viewer) as tx:
        assert (await incidents.acknowledge(tx, incident.id)).changed
    async with world.db.transaction(viewer) as tx:
        assert (await incidents.resolve(tx, incident.id)).changed
