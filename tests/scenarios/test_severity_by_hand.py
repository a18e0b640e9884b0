"""How bad people find an incident: what they raise pages, what they lower holds until something gets worse."""

import pytest

from openalert.domain.severity import Severity
from openalert.usecases import incidents
from tests.cast import World, level

pytestmark = pytest.mark.anyio


async def test_what_people_raise_pages_again(world: World) -> None:
    """Bob has it; Alice finds it critical: it is triggered again, and level 1 is paged."""
    await world.policy(level(1, world.alice))
    await world.fires("DiskFull", severity="warning")
    world.mailbox(world.alice).got("DiskFull")
    incident = await world.incident()
    await world.does(incidents.acknowledge, incident.id, by=world.bob)
    world.mailbox(world.alice).got_update("Acknowledged by Bob")
    await world.does(incidents.edit, incident.id, severity=Severity.CRITICAL)
    assert (await world.incident()).severity is Severity.CRITICAL
    world.mailbox(world.alice).got("DiskFull")
    assert "Alice set the severity from high to critical" in await world.story()


async def test_what_people_lower_holds_until_something_is_worse(world: World) -> None:
    """Repeats of the same alert change nothing; the alert getting worse, or a worse one joining, raises and pages."""
    await world.policy(level(1, world.alice))
    await world.posts(world.group(world.alert("DiskFull", severity="warning")))
    world.mailbox(world.alice).got("DiskFull")
    incident = await world.incident()
    await world.does(incidents.edit, incident.id, severity=Severity.INFO)
    await world.posts(world.group(world.alert("DiskFull", severity="warning")))
    assert (await world.incident()).severity is Severity.INFO
    world.mailbox(world.alice).is_empty()
    await world.posts(
        world.group(world.alert("DiskFull", severity="warning"), world.alert("Other", severity="critical"))
    )
    assert (await world.incident()).severity is Severity.CRITICAL
    world.mailbox(world.alice).got("DiskFull")
