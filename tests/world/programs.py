"""Lives of a world as lists of deeds, drawn by hypothesis, which makes those shorter that end badly."""

import asyncio
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
from hypothesis import strategies as st

from tests.world.crew import Crew
from tests.world.ledger import Rung
from tests.world.nemesis import POSTGRES
from tests.world.providers import MODES
from tests.world.world import LADDER, World

TITLES = 6
POLICIES: tuple[tuple[tuple[Rung, ...], int, int], ...] = (
    (LADDER, 0, 0),
    (
        (
            Rung(delay=1_000, channels=("Hook-1",)),
            Rung(delay=2_000, people=("kim",)),
            Rung(delay=1_000, channels=("Hook-3",)),
        ),
        0,
        0,
    ),
    (
        (Rung(delay=0, people=("bea",), channels=("Hook-1",)), Rung(delay=1_000, channels=("Hook-2",))),
        1,
        2_000,
    ),
)
"""Levels, repetitions, and the milliseconds before one."""
STEPS = (1, 300, 3_600, -1, -300, -3_600)


class Deed(msgspec.Struct, frozen=True):
    """One thing that happens: `what` it is, to which alert or with which choice."""

    what: str
    which: int = 0
    pause: int = 0
    """Milliseconds until the next one."""

    def __repr__(self) -> str:
        """As one writes it."""
        return f"Deed({self.what!r}, {self.which}, {self.pause})"


Program: TypeAlias = list[Deed]
SENDING = (
    "fire",
    "fire",
    "fire",
    "again",
    "end",
    "end_first",
    "end_unknown",
    "acknowledge",
    "resolve",
    "spoil",
)
MISFORTUNE = ("kill", "restart", "pause", "hook", "mail", "policy", "dismiss", "disk", "clock")
ON_POSTGRES = tuple("postgres" if what == "disk" else what for what in MISFORTUNE)
"""The same where the data are in Postgres: not our disk is full, Postgres is gone."""
LOSSES = ("lose", "freeze", "return", "roll")
"""Of several nodes one is killed, and stays dead; one stands still; who is dead returns; each is restarted in turn."""
ON_NODES = (*LOSSES, "lose", "freeze", "postgres", "valkey", "hook", "mail", "policy", "dismiss")
"""The same where several nodes share a Postgres, and a Valkey."""
FREEZES = (18.0, 2.0, 6.0)
"""Seconds: more than a lease, and less."""
NEEDS_CLOCK = "clock"
NEEDS_DISK = "disk"


def programs(most: int, misfortune: Sequence[str] = MISFORTUNE) -> st.SearchStrategy[Program]:
    """At most so many deeds, some of them misfortune."""
    pauses = st.sampled_from((0, 0, 50, 300, 1_000))
    deed = st.builds(
        Deed,
        st.one_of(st.sampled_from(SENDING), st.sampled_from(SENDING), st.sampled_from(misfortune)),
        st.integers(0, TITLES - 1),
        pauses,
    )
    return st.lists(deed, min_size=3, max_size=most)


async def live(world: World, program: Program) -> None:
    """All of it, in order; what the machine cannot do is left out by whoever draws the program."""
    for deed in program:
        await _do(world, deed)
        await asyncio.sleep(deed.pause / 1000)


async def _do(world: World, deed: Deed) -> None:
    if deed.what in SENDING:
        await _send(world, deed.what, f"alert-{deed.which}")
    elif deed.what in LOSSES:
        await _lose(world.crew, deed.what, deed.which)
    elif deed.what == "valkey":
        await world.nemesis.hurt_valkey()
    else:
        await _harm(world, deed.what, deed.which)


async def _send(world: World, what: str, title: str) -> None:
    generator = world.generator
    match what:
        case "fire":
            generator.tell(title, starts=generator.begin(title))
        case "again" if generator.knows(title):
            generator.tell(title, starts=generator.begun(title))
        case "end" if generator.knows(title):
            generator.tell(title, "resolved", starts=generator.begun(title))
        case "end_first":
            starts = generator.begin(title)
            generator.tell(title, "resolved", starts=starts)
            generator.tell(title, starts=starts)
        case "end_unknown":
            generator.tell(title, "resolved", starts=generator.begin(title))
        case "acknowledge" | "resolve":
            generator.act(title, what)
        case "spoil":
            await generator.spoil(title.replace("alert", "letter"))
        case _:  # nothing is known of it that could come again, or end
            pass


async def _harm(world: World, what: str, which: int) -> None:
    nemesis = world.nemesis
    if what in ("kill", "restart", "policy", "dismiss"):
        await nemesis.free()
    match what:
        case "kill":
            await nemesis.kill()
        case "restart":
            await nemesis.restart()
        case "pause":
            await nemesis.pause(5 if which == 0 else 1)
        case "hook" | "mail":
            await nemesis.behave(what, MODES[which % len(MODES)])
        case "policy":
            levels, repeats, wait = POLICIES[which % len(POLICIES)]
            await world.follow(levels, repeats=repeats, repeat_delay=wait)
        case "dismiss":
            await world.dismiss("kim")
        case "disk":
            await (nemesis.free() if nemesis.is_full else _fill(world))
        case "postgres":
            await nemesis.hurt_postgres(POSTGRES[which % len(POSTGRES)])
        case "clock":
            nemesis.step(STEPS[which % len(STEPS)])
        case _:
            raise AssertionError(f"there is no {what}")


async def _lose(crew: Crew, what: str, which: int) -> None:
    match what:
        case "lose":
            await crew.kill(which)
        case "return":
            await crew.back()
        case "freeze":
            await crew.freeze(which, FREEZES[which % len(FREEZES)])
        case "roll":
            await crew.roll()
        case _:
            raise AssertionError(f"there is no {what}")


async def _fill(world: World) -> None:
    await asyncio.to_thread(world.nemesis.fill)
