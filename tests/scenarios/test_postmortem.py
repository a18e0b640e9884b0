"""What people write down about an incident when it is over."""

import pytest

from openalert.domain.access import Role
from openalert.domain.errors import Forbidden, Invalid, NotFound
from openalert.usecases import incidents, postmortems
from tests import make
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def test_it_is_written_after_the_end_and_changed_later(world: World) -> None:
    """The timeline says once who began it; the text is the last one saved, and signs that nobody sees are gone."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    incident = await world.incident()
    await world.does(incidents.resolve, incident.id)
    async with world.db.read() as reader:
        assert (await postmortems.of_incident(reader, world.as_(world.bob), incident.id)).body == ""
    await world.does(postmortems.write, incident.id, body="## Why\r\n\r\nFull\x07 disk\n")
    await world.does(postmortems.write, incident.id, body="## Why\nA full disk.", by=world.bob)
    async with world.db.read() as reader:
        found = await postmortems.of_incident(reader, world.as_(world.bob), incident.id)
    assert (found.body, found.updated_by_id) == ("## Why\nA full disk.", world.bob.id)
    assert [line for line in await world.story() if "postmortem" in line] == ["Alice began the postmortem"]
    acts = await world.value("SELECT count(*) FROM audit_log WHERE act = 'incident.postmortem_written'")
    assert acts == 2


async def test_only_who_responds_writes_it(world: World) -> None:
    """Strangers find no incident, viewers may read, and a book is refused."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull")
    incident = await world.incident()
    with pytest.raises(NotFound):
        await world.does(postmortems.write, incident.id, body="x", by=world.charlie)
    with pytest.raises(Forbidden):
        async with world.db.transaction(make.actor(world.charlie, world.core, team_role=Role.VIEWER)) as tx:
            await postmortems.write(tx, incident.id, body="x")
    with pytest.raises(Invalid, match="50000"):
        await world.does(postmortems.write, incident.id, body="x" * 50_001)
