"""`openalert oncall`: what is printed of schedules, of a person's turns and of the load."""

import pytest

from openalert.domain.errors import Invalid, NotFound
from openalert.domain.schedule import RotationChange, RotationType
from openalert.usecases import console, schedules
from tests.cast import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def days(world: World) -> str:
    """Alice and Bob by the day, from Monday 2026-01-05, 09:00 UTC; whose name would turn a terminal red."""
    made = await world.does(
        schedules.create, team_id=world.core.id, name="Days \x1b[31mand nights", timezone="UTC"
    )
    change = RotationChange(
        rotation_type=RotationType.DAILY,
        member_ids=(world.alice.id, world.bob.id),
        effective_from=world.clock(),
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    return made.id


async def test_who_is_on_and_who_follows(world: World, days: str) -> None:
    """One line with both, also for another moment; names cannot steer the terminal; what is no time is refused."""
    [line] = await console.run(world.db, "oncall", {"schedule": days})
    assert line.endswith(": Alice until 2026-01-06T09:00:00.000Z, then Bob")
    assert "\x1b" not in line
    [line] = await console.run(world.db, "oncall", {"schedule": days, "at": "2026-01-04T00:00:00Z"})
    assert line.endswith(": nobody until 2026-01-05T09:00:00.000Z, then Alice")
    for wrong in ("tomorrow", "2026-01-06T09:00:00"):
        with pytest.raises(Invalid, match="2026-01-31T18:00:00Z"):
            await console.run(world.db, "oncall", {"at": wrong})
    with pytest.raises(NotFound):
        await console.run(world.db, "oncall", {"schedule": "Nights"})


async def test_when_somebody_is_on(world: World, days: str) -> None:
    """Every turn of four weeks with its schedule, from a moment on; whoever is unknown is not found."""
    lines = await console.run(world.db, "oncall user", {"person": world.bob.email.upper()})
    assert len(lines) == 14
    assert lines[0].split("\t")[:2] == ["2026-01-06T09:00:00.000Z", "2026-01-07T09:00:00.000Z"]
    later = {"person": world.bob.email, "at": "2027-01-01T00:00:00.000Z"}
    assert (await console.run(world.db, "oncall user", later))[0].startswith("2027-01-0")
    [none] = await console.run(world.db, "oncall user", {"person": world.charlie.email})
    assert none == "Charlie is not on call in the four weeks from 2026-01-05T09:00:00.000Z."
    with pytest.raises(NotFound):
        await console.run(world.db, "oncall user", {"person": "nobody@example.org"})


async def test_who_carries_how_much(world: World, days: str) -> None:
    """The days to come, or those past, with a head; of one schedule or of all."""
    head, first, second = await console.run(world.db, "oncall load", {"days": 14, "schedule": days})
    assert head.split("\t")[-1] == "person"
    assert [line.split("\t")[0] for line in (first, second)] == ["168.0", "168.0"]
    assert {line.split("\t")[-1] for line in (first, second)} == {"Alice", "Bob"}
    assert len(await console.run(world.db, "oncall load", {"days": -14})) == 1
