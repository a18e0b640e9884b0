"""The one predicate of what may be seen."""

import pytest

from openalert.domain.access import SYSTEM, Actor, Role
from openalert.storage import Database, teams
from tests import make

pytestmark = pytest.mark.anyio


async def test_each_kind_of_actor_sees_what_it_should(db: Database) -> None:
    """Admins and keys see their organization, members their teams, integrations nothing, the program all."""
    cast = await make.cast(db)
    ops = await make.team(db, cast.organization, "Ops")
    other = await make.organization(db, "Other")
    theirs = await make.team(db, other, "Theirs")
    home = cast.organization.id
    seen = {
        "owner": make.actor(cast.alice),
        "member": make.actor(cast.bob, cast.team, team_role=Role.MEMBER),
        "stranger": make.actor(cast.charlie),
        "key": Actor(kind="api_key", id="k", name="k", organization_id=home, role=Role.VIEWER),
        "integration": Actor(kind="integration", id="i", name="i", organization_id=home),
        "program": SYSTEM,
        "forged": make.actor(cast.bob, theirs),
    }
    expected = {
        "owner": {cast.team.id, ops.id},
        "member": {cast.team.id},
        "stranger": set(),
        "key": {cast.team.id, ops.id},
        "integration": set(),
        "program": {cast.team.id, ops.id, theirs.id},
        "forged": set(),
    }
    async with db.read() as reader:
        for name, actor in seen.items():
            found = {team.id for team in await teams.page(reader, actor, limit=10)}
            assert found == expected[name], name
