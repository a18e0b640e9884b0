"""Giving things to another team: what goes along, what stays, and who may."""

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Conflict, Forbidden, Invalid
from openalert.domain.team import Team
from openalert.domain.user import User
from openalert.storage import Database, incidents
from openalert.usecases import channels, escalation_policies, schedules, services
from openalert.usecases import incidents as acts
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ops(world: World) -> Team:
    """Another team, which Charlie is in."""
    made = await make.team(world.db, world.cast.organization, "Ops")
    await make.member(world.db, made, world.charlie, Role.ADMIN)
    return made


async def sees(db: Database, who: User, team: Team, incident_id: str) -> bool:
    """Whether a plain member of the team finds the incident in the list."""
    actor = make.actor(who, team, team_role=Role.MEMBER)
    async with db.read() as reader:
        found = await incidents.search(reader, actor, incidents.IncidentFilter(), limit=10)
    return incident_id in {each.id for each in found}


async def test_a_service_takes_its_open_incidents_along(world: World, ops: Team) -> None:
    """What is open goes to the new team with alerts and messages, what is over stays; escalations go on as begun."""
    await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
    await world.fires("Old")
    await world.resolves("Old")
    await world.fires("New")
    old, new = await world.incident(1), await world.incident(2)
    await world.does(services.update, world.service.id, team_id=ops.id)
    assert await sees(world.db, world.charlie, ops, new.id)
    assert not await sees(world.db, world.bob, world.core, new.id)
    assert await sees(world.db, world.bob, world.core, old.id)
    for table in ("alerts", "notifications"):
        owners = await world.value(
            f"SELECT count(*) FROM {table} WHERE incident_id = :id AND team_id <> :team",
            id=new.id,
            team=ops.id,
        )
        assert owners == 0, table
    assert "Alice moved the service, and this with it, to the team Ops" in await world.story(2)
    world.mailbox(world.alice).got("New")
    await world.advance(minutes=5)
    world.mailbox(world.bob).got("New")
    await world.fires("Later")
    assert (await world.incident(3)).team_id == ops.id


async def test_what_is_reopened_belongs_to_the_team_of_now(world: World, ops: Team) -> None:
    """An incident that was over when its service moved goes to the new team when it begins again."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    incident = await world.incident()
    await world.does(acts.resolve, incident.id)
    await world.does(services.update, world.service.id, team_id=ops.id)
    assert (await world.incident()).team_id == world.core.id
    await world.does(acts.reopen, incident.id)
    assert (await world.incident()).team_id == ops.id
    assert await world.value("SELECT team_id FROM alerts WHERE incident_id = :id", id=incident.id) == ops.id


async def test_who_lost_a_service_neither_pages_its_new_team_nor_learns_of_what_is_open_there(
    world: World, ops: Team
) -> None:
    """Reopening an incident of before needs the right in the team of now, and does not tell what that works on."""
    await world.policy(level(1, world.alice))
    await world.fires("Disk")
    past = await world.incident()
    await world.does(acts.resolve, past.id)
    await world.does(services.update, world.service.id, team_id=ops.id)
    responder = make.actor(world.bob, world.core, team_role=Role.MEMBER)
    with pytest.raises(Forbidden, match="whoever is in it"):
        async with world.db.transaction(responder) as tx:
            await acts.reopen(tx, past.id)
    responder.teams[ops.id] = Role.VIEWER
    with pytest.raises(Forbidden, match="needs a member"):
        async with world.db.transaction(responder) as tx:
            await acts.reopen(tx, past.id)
    assert (await world.incident(1)).team_id == world.core.id
    await world.resolves("Disk")
    await world.fires("Disk")
    assert (await world.incident(2)).team_id == ops.id
    await world.does(services.delete, world.service.id)
    del responder.teams[ops.id]
    with pytest.raises(Forbidden, match="whoever is in it"):
        async with world.db.transaction(responder) as tx:
            await acts.reopen(tx, past.id)
    responder.teams[ops.id] = Role.MEMBER
    with pytest.raises(Conflict, match="#2 is already open"):
        async with world.db.transaction(responder) as tx:
            await acts.reopen(tx, past.id)


async def test_only_admins_of_both_teams_move_things(world: World, ops: Team) -> None:
    """An admin of one team neither gives to, nor learns of, a team that they are not in; a member may not give."""
    await world.without_policy()
    leader = make.actor(world.bob, world.core, team_role=Role.ADMIN)
    async with world.db.transaction(leader) as tx:
        with pytest.raises(Invalid, match="there is no team"):
            await services.update(tx, world.service.id, team_id=ops.id)
    both = make.actor(world.bob, world.core, team_role=Role.ADMIN)
    both.teams[ops.id] = Role.MEMBER
    async with world.db.transaction(both) as tx:
        with pytest.raises(Forbidden):
            await services.update(tx, world.service.id, team_id=ops.id)
    both.teams[ops.id] = Role.ADMIN
    async with world.db.transaction(both) as tx:
        assert (await services.update(tx, world.service.id, team_id=ops.id)).team_id == ops.id


async def test_schedules_policies_and_channels_move_too(world: World, ops: Team) -> None:
    """They keep paging and being paged; a policy moves only by somebody who sees all that it pages."""
    channel = await make.channel(world.db, world.core, "email", address="ops@example.org")
    policy = await make.policy(world.db, world.core, level(1, world.alice, channel))
    schedule = await world.does(schedules.create, team_id=world.core.id, name="Nights", timezone="UTC")
    moved = await world.does(schedules.update, schedule.id, team_id=ops.id)
    assert moved.team_id == ops.id
    moved, _ = await world.does(channels.update, channel.id, team_id=ops.id)
    assert moved.team_id == ops.id
    third = await make.team(world.db, world.cast.organization, "Third")
    leader = make.actor(world.bob, world.core, third, team_role=Role.ADMIN)
    async with world.db.transaction(leader) as tx:
        with pytest.raises(Invalid, match="there is no channel"):
            await escalation_policies.update(tx, policy.id, team_id=third.id)
    document = await world.does(escalation_policies.update, policy.id, team_id=ops.id)
    assert document.policy.team_id == ops.id
    assert document.version.id == policy.version_id
