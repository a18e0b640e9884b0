"""The life of one alert in a world: told, paged, risen to the next level, acknowledged, resolved."""

from tests.processes.server import until
from tests.world import observed
from tests.world.ledger import Rung, Taken
from tests.world.world import World

LADDER = (Rung(delay=0, people=("bea",), channels=("Hook-1",)), Rung(delay=1_000, channels=("Hook-2",)))
"""Its levels: the second is reached within a second."""
LONGEST = 240.0
"""Seconds in which it is over, whatever happens to the server."""


async def one_life(world: World, title: str) -> None:
    """From its beginning until everybody has been told of its end; the world's ladder is `LADDER`."""
    generator = world.generator

    async def has_risen() -> bool:
        return any(
            isinstance(fact, Taken) and title in fact.about[:1] and fact.who == "Hook-2"
            for fact in world.ledger.facts
        )

    async def how_it_stands() -> tuple[list[str], list[observed.Message]]:
        """Of its incidents, and of messages that have still to leave."""
        seen = await observed.of_database(world.where)
        waits = [each for each in seen.messages if each.title == title and each.due_at is not None]
        return [each.status for each in seen.incidents if each.title == title], waits

    async def is_over() -> bool:
        return await how_it_stands() == (["resolved"], [])

    generator.tell(title, starts=generator.begin(title))
    await until(has_risen, LONGEST)
    for act in ("acknowledge", "resolve"):
        generator.act(title, act)
        await generator.settle()
    try:
        await until(is_over, LONGEST)
    except AssertionError as error:
        error.add_note(f"{title}: {await how_it_stands()}")
        raise
