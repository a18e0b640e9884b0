"""The oracle is tested: each seeded bug makes exactly its check fail, and the same world without bugs is clean.

One server has all the bugs, each bound to alerts of its name; another has none.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.processes.postgres_cluster import Cluster, room
from tests.processes.server import until
from tests.world import observed
from tests.world.bugs import BUGS
from tests.world.ledger import BUSY, Away, Taken, Trouble
from tests.world.oracle import CHECKS, Broken, Case, judge, lateness, live_reasons, p99
from tests.world.providers import Providers
from tests.world.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MOODS = {
    "dropped_on_503-1": ["refuse"],
    "paged_after_answer-1": ["refuse", "refuse"],
    "unmarked_repeat-1": ["lost"],
}
"""How the receiver answers the first pages of these: fewer failures than make it be left alone."""
ANSWERED = ("end_before_beginning-1", "forgotten_timer-1", "stale_for_listeners-1", "sound-4")
LATE = {("N5", "late_step-1"), ("N1", "dropped_on_503-1")}
"""What is only found once something is overdue."""
CALM = ("late_step-1", "sound_calm-1")
OTHERS = tuple(
    f"{name}-1"
    for name in (*BUGS, "sound_too", "sound_ended")
    if not any(name in each for each in (*MOODS, *ANSWERED, *CALM))
)


async def _live(world: World) -> list[Broken]:
    """What happens in both worlds; what was broken in the middle of it."""
    tell, begin = world.generator.tell, world.generator.begin

    async def paged(*titles: str) -> None:
        async def all_paged() -> bool:
            named = {
                each.about[0] for each in world.ledger.facts if isinstance(each, Taken) and each.way == "hook"
            }
            return set(titles) <= named

        await until(all_paged)

    world.providers.hooks.moods = {title: list(moods) for title, moods in MOODS.items()}
    for title in MOODS:
        tell(title, starts=begin(title))
    await paged(*MOODS)

    async def refusal_is_recorded() -> bool:
        """Before that the page is on its way, and an acknowledge would say so."""
        seen = (await observed.of_database(world.where)).messages
        return not any(each.status == "sending" for each in seen if each.title == "paged_after_answer-1")

    await until(refusal_is_recorded)
    world.generator.act("paged_after_answer-1", "acknowledge")
    for title in (*ANSWERED, *OTHERS):
        tell(title, starts=begin(title))
    await paged("forgotten_timer-1", "stale_for_listeners-1", "sound-4")
    found = [Broken("T1", about, words) for about, words in live_reasons(await world.look())]
    for title in ANSWERED:
        world.generator.act(title, "resolve" if title.startswith("end") else "acknowledge")
    for title in ("counted_twice-1", "sound_too-1"):
        tell(title, starts=world.generator.begun(title))
    tell("sound_ended-1", "resolved", starts=world.generator.begun("sound_ended-1"))
    await world.calm()
    for title in CALM:
        tell(title, starts=begin(title))
    for word in ("lost_dead_letter-1", "sound_letter-1"):
        await world.generator.spoil(word)
    return found


async def _whole(
    folder: Path, program: list[str] | None, cluster: Cluster | None
) -> tuple[Case, list[Broken]]:
    async with Providers() as providers, World(folder, providers, program=program, cluster=cluster) as world:
        found = await _live(world)
        case = await world.rest(seconds=25)
        return case, found + judge(case)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.campaign)])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster | None]:
    """Where the data are: in a file, or in a Postgres."""
    if request.param == "sqlite":
        yield None
        return
    with room() as folder:
        cluster = Cluster(folder / "postgres")
        cluster.make()
        cluster.start()
        yield cluster


@pytest.fixture(scope="module")
async def sabotaged(tmp_path_factory: Any, anyio_backend: str, cluster: Cluster | None) -> list[Broken]:
    """What the oracle finds in the world with all the bugs."""
    case, found = await _whole(
        tmp_path_factory.mktemp("sabotaged"), [sys.executable, "-m", "tests.world.saboteur", "all"], cluster
    )
    # A machine that stood still, or a receiver's mood just before, excuses what is late, also what is late by a bug.
    facts = [
        fact
        for fact in case.facts
        if not isinstance(fact, Trouble) and not (isinstance(fact, Away) and fact.why == BUSY)
    ]
    unexcused = judge(msgspec.structs.replace(case, facts=facts))
    return found + [each for each in unexcused if (each.check, each.about) in LATE]


@pytest.mark.proves(
    "IN-1", "IN-3", "IN-4", "ES-1", "ES-2", "ES-3", "ES-9", "NO-2", "NO-3", "NO-7", "ST-1", "ST-3", "F-17"
)
async def test_without_bugs_nothing_is_found(
    tmp_path: Path, cluster: Cluster | None, measured: Callable[..., None]
) -> None:
    """The same world, with refusals and lost answers in it, served by the real command: every check holds."""
    case, found = await _whole(tmp_path, None, cluster)
    assert [str(each) for each in found] == []
    late = [each.by for each in lateness(case) if each.way == "hook"]
    measured(pages=len(case.taken), lost=0, doubled=0, late_p99_ms=p99(late))


@pytest.mark.parametrize("name", BUGS)
async def test_each_bug_is_found_by_its_check_and_no_other(name: str, sabotaged: list[Broken]) -> None:
    """What a check does not find, it does not prove."""
    check, _ = BUGS[name]
    assert check in {each.check for each in sabotaged if each.about.startswith(name) or each.about == ""}
    assert {each.check for each in sabotaged if each.about.startswith(name)} <= {check}


async def test_what_has_no_bug_is_not_blamed(sabotaged: list[Broken]) -> None:
    """In the same server."""
    assert [str(each) for each in sabotaged if each.about.startswith("sound")] == []


def test_every_check_has_a_bug() -> None:
    """A check that was never seen to fail proves nothing."""
    assert {check for check, _ in BUGS.values()} == set(CHECKS)
