"""Handoffs: told once to whoever came and whoever went, and to nobody who does not want it."""

import pytest

from openalert.domain.instant import DAY, HOUR, MINUTE
from openalert.domain.notification import NotificationKind
from openalert.domain.quiet import QuietWindow
from openalert.domain.schedule import RotationChange
from openalert.domain.severity import Severity
from openalert.engine import escalate
from openalert.usecases import handoffs, notification_rules, overrides, schedules
from tests.world import World

pytestmark = pytest.mark.anyio
HANDOFF = NotificationKind.HANDOFF


async def rota(world: World) -> str:
    """A schedule in which Alice is on call today, Bob tomorrow; looked at once."""
    made = await world.does(schedules.create, team_id=world.core.id, name="Days", timezone="UTC")
    change = RotationChange(
        rotation_type="daily",  # type: ignore[arg-type]  # as it comes over the wire
        member_ids=(world.alice.id, world.bob.id),
        effective_from=world.clock(),
        handoff_time="09:00",
    )
    await world.does(schedules.add_rotation, made.id, "Daily", change)
    assert await escalate.tell_handoffs(world.db) == 0
    return str(made.id)


async def test_whoever_comes_and_whoever_goes_is_told_once(world: World) -> None:
    """Nothing at first sight, nothing while nothing changes; at the handoff Bob until when, Alice who has it."""
    await rota(world)
    world.is_quiet()
    world.clock.advance(DAY)
    assert await escalate.tell_handoffs(world.db) == 2
    assert await escalate.tell_handoffs(world.db) == 0
    await world.engine.run_until_idle()
    assert (
        world.mailbox(world.bob)
        .got("You are on call for Days now", HANDOFF)
        .body.startswith("At least until Wed 07 Jan, 09:00")
    )
    assert world.mailbox(world.alice).got("Your turn in Days is over", HANDOFF).body == "Bob took over."
    world.is_quiet()


async def test_an_override_is_a_handoff_too(world: World) -> None:
    """Bob takes over for an hour: both are told, and again when it is over."""
    schedule = await rota(world)
    await world.does(
        overrides.add,
        schedule,
        user_id=world.bob.id,
        start_at=world.clock(),
        end_at=world.clock() + HOUR,
        reason="",
    )
    assert await escalate.tell_handoffs(world.db) == 2
    world.clock.advance(HOUR)
    assert await escalate.tell_handoffs(world.db) == 2


async def test_who_does_not_want_it_is_not_told_and_who_sleeps_is_told_in_the_morning(world: World) -> None:
    """Alice has it off; Bob's quiet hours hold it until they end."""
    await rota(world)
    await world.does(
        notification_rules.set_preferences,
        world.alice.id,
        min_severity=Severity.INFO,
        repeat_every=5 * MINUTE,
        repeat_most=0,
        handoffs=False,
    )
    await world.does(
        notification_rules.set_quiet,
        world.bob.id,
        by=world.bob,
        windows=(QuietWindow(days=(2,), from_time="08:00", to_time="11:00"),),
        passes_from=None,
        do_not_disturb_until=None,
    )
    world.clock.advance(DAY)
    async with world.db.transaction() as tx:
        assert await handoffs.tell(tx) == 1
    await world.engine.run_until_idle()
    world.is_quiet()
    await world.advance(minutes=121)
    world.mailbox(world.bob).got("You are on call for Days now", HANDOFF)
    world.is_quiet()
