"""A page is never lost, and never stands in the way of another: dead providers, crowded addresses, storms."""

import asyncio
from collections.abc import Callable

import pytest

from openalert.domain.instant import SECOND
from openalert.engine import escalate
from openalert.engine.lines import Lines
from openalert.notifiers.failover import Failover
from openalert.notifiers.notifier import LostAnswer, Message, Notifier, NotifierError, Reason, Receipt
from tests import make
from tests.invariants import broken
from tests.world import Post, World, level

pytestmark = pytest.mark.anyio


def _fails(error: Exception) -> Callable[[Message], Receipt]:
    def behave(message: Message) -> Receipt:
        raise error

    return behave


def _drive(world: World, notifiers: dict[str, Notifier]) -> None:
    world.engine.deliver._notifiers = notifiers
    world.engine.deliver.lines = Lines(notifiers)


async def _storm(world: World, count: int, key: str = "A") -> None:
    await world.post_all([(world.group(world.alert(f"{key} {each}")), key) for each in range(count)])
    await escalate.run_due(world.db)


class Stuck(Post):
    """A channel with one address that holds every message, for as long as the test runs."""

    def __init__(self, channel: str, address: str) -> None:
        super().__init__(channel)
        self._stuck = address

    async def send(self, message: Message, now: int) -> Receipt:
        """Never an answer from that address."""
        if message.to == self._stuck:
            await asyncio.Event().wait()
        return await super().send(message, now)


async def test_many_pages_for_one_slow_address_do_not_stand_before_others(world: World) -> None:
    """A team's slow webhook has sixty pages waiting; one for another webhook, due later, leaves in the same moment."""
    slow = await make.channel(world.db, world.core, "webhook", url="https://slow.example.org/")
    quick = await make.channel(world.db, world.core, "webhook", url="https://quick.example.org/")
    await world.policy(level(1, slow))
    other = await make.policy(world.db, world.core, level(1, quick), name="Other")
    await make.integration(world.db, await make.service(world.db, world.core, other, name="Net"), "N")
    post = Stuck("webhook", "https://slow.example.org/")
    _drive(world, {"webhook": post})
    await _storm(world, 60)
    world.clock.advance(SECOND)
    await _storm(world, 1, "N")
    for _ in range(5):
        await world.engine.deliver.run_due()
        await asyncio.sleep(0.05)
    assert [message.to for message in post.received] == ["https://quick.example.org/"]
    for task in list(world.engine.deliver._tasks):
        task.cancel()


async def test_repeats_that_wait_for_a_dead_provider_do_not_stand_before_new_pages(world: World) -> None:
    """The first mail server swallows twenty answers and dies: new pages leave by the second while those wait."""
    first, second = Post("email"), Post("email")
    first.behave = _fails(LostAnswer("gone"))
    _drive(world, {"email": Failover([first, second])})
    team = await make.channel(world.db, world.core, "email", address="core@example.org")
    people = [
        await make.channel(world.db, world.core, "email", address=f"{n}@example.org") for n in range(20)
    ]
    await world.policy(level(1, *people))
    other = await make.policy(world.db, world.core, level(1, team), name="Other")
    await make.integration(world.db, await make.service(world.db, world.core, other, name="Net"), "N")
    await _storm(world, 1)
    await world.engine.run_until_idle()
    world.clock.advance(12 * SECOND)
    second.received.clear()
    await _storm(world, 1, "N")
    await world.engine.run_until_idle()
    assert [message.to for message in second.received] == ["core@example.org"]


async def test_a_provider_that_wants_a_long_pause_lets_pages_end_in_their_time(world: World) -> None:
    """Told to wait a quarter of an hour: what was never tried fails after its five minutes, and Bob is paged."""
    world.email.behave = _fails(NotifierError(Reason.RATE_LIMITED, "429", retry_after=900.0))
    team = await make.channel(world.db, world.core, "email", address="core@example.org")
    hook = await make.channel(world.db, world.core, "webhook", url="https://core.example.org/")
    await world.policy(level(1, team), level(2, hook, minutes=60))
    await world.fires("First")
    await world.fires("Second")
    assert world.email.attempts == 1
    for _ in range(31):
        await world.advance(seconds=10)
    assert await world.value("SELECT count(*) FROM notifications WHERE level = 1 AND status = 'failed'") == 2
    assert await world.value("SELECT count(*) FROM notifications WHERE level = 2 AND status = 'sent'") == 2
    assert not await broken(world.db)
