"""The supervisor: no task ends in silence, one that dies or hangs is begun again, and three deaths are trouble."""

import asyncio
from typing import Any

import pytest

from openalert import supervisor as module
from openalert.storage.database import Database
from openalert.supervisor import Standing, Supervisor, Watched
from openalert.telemetry import registry

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a task to be begun again."""
    monkeypatch.setattr(module, "PAUSES", (0.0,))


class Busy:
    """Work that does what it is told, once each time it is begun."""

    def __init__(self, *deeds: str) -> None:
        self.deeds = list(deeds)
        self.begun = 0
        self.calm = asyncio.Event()
        """Set once it does nothing but wait."""

    async def __call__(self, watched: Watched) -> None:
        """Raise, end, be cancelled, hang in a step, or wait."""
        self.begun += 1
        deed = self.deeds.pop(0) if self.deeds else "wait"
        if deed == "raise":
            raise ValueError("broken")
        if deed == "end":
            return
        if deed == "cancel":
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)
        if deed == "hang":
            with watched.step():
                self.calm.set()
                await asyncio.Event().wait()
        self.calm.set()
        await asyncio.Event().wait()


def restarts(name: str) -> float:
    """How often the metric says it was begun again."""
    return registry.get_sample_value("openalert_task_restarts_total", {"task": name}) or 0.0


async def stand(tasks: Supervisor, standing: Standing, restarts: int = 0) -> None:
    """Returns once all of them stand like that, after so many restarts."""
    for _ in range(1_000):
        if all(each.standing is standing and each.restarts >= restarts for each in tasks.state):
            return
        await asyncio.sleep(0)
    raise AssertionError(tasks.state)


@pytest.mark.parametrize(
    ("deed", "fault"),
    [("raise", "ValueError"), ("end", "it ended"), ("cancel", "it was cancelled by nobody who may")],
)
@pytest.mark.proves("LC-1", "ES-1")
async def test_whatever_ends_a_task_it_is_begun_again_and_counted(deed: str, fault: str) -> None:
    """An exception, a plain end and a stray cancellation: each is one death, with its cause."""
    tasks = Supervisor()
    work = Busy(deed)
    before = restarts(deed)
    watched = tasks.start(deed, work)
    await asyncio.wait_for(work.calm.wait(), 60)
    assert work.begun == 2
    assert restarts(deed) == before + 1
    (state,) = tasks.state
    assert (state.standing, state.restarts, state.last_fault) == (Standing.RUNNING, 1, fault)
    assert tasks.troubles == []
    await tasks.stop(watched)
    assert tasks.state == []


@pytest.mark.proves("LC-1")
async def test_three_deaths_within_ten_minutes_are_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are not; the third is, and so it is until ten minutes have passed since the first."""
    now = 1_000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    tasks = Supervisor()
    work = Busy("raise", "raise")
    watched = tasks.start("often", work)
    await asyncio.wait_for(work.calm.wait(), 60)
    assert tasks.troubles == []
    work.calm.clear()
    work.deeds = []
    assert watched.task is not None
    watched.task.cancel()
    await asyncio.wait_for(work.calm.wait(), 60)
    assert [(each.name, each.deaths_lately) for each in tasks.troubles] == [("often", 3)]
    now += module.LATELY + 1
    assert tasks.troubles == []
    assert tasks.state[0].restarts == 3
    await tasks.stop(watched)


@pytest.mark.proves("LC-1", "F-26")
async def test_a_step_that_hangs_is_broken_off_and_a_paused_process_is_none() -> None:
    """Its age grows by what the looks saw pass: a pause of the whole process in between counts for two seconds."""
    tasks = Supervisor()
    work = Busy("hang")
    watched = tasks.start("slow", work, most_seconds=10)
    await asyncio.wait_for(work.calm.wait(), 60)
    work.calm.clear()
    tasks.look(9.0)
    assert tasks.state[0].standing is Standing.RUNNING
    tasks.look(2.0)
    assert [each.standing for each in tasks.troubles] == [Standing.HANGING]
    await asyncio.wait_for(work.calm.wait(), 60)
    (state,) = tasks.state
    assert (state.standing, state.last_fault) == (Standing.RUNNING, "a step took longer than 10 s")
    tasks.look(1_000.0)
    assert tasks.state[0].standing is Standing.RUNNING, "who waits for work does not hang"
    await tasks.stop(watched)


async def test_what_cannot_be_broken_off_is_told_and_recovers() -> None:
    """A hanging step of the database's writer is trouble as long as it hangs, and is left to end by itself."""
    tasks = Supervisor()
    goes_on = asyncio.Event()

    async def work(watched: Watched) -> None:
        with watched.step():
            await goes_on.wait()
        await asyncio.Event().wait()

    watched = tasks.start("writer", work, most_seconds=10, cure=False)
    await asyncio.sleep(0)
    tasks.look(11.0)
    assert [each.name for each in tasks.troubles] == ["writer"]
    assert registry.get_sample_value("openalert_task_trouble", {"task": "writer"}) == 1
    goes_on.set()
    await asyncio.sleep(0.01)
    tasks.look(1.0)
    assert tasks.troubles == []
    assert registry.get_sample_value("openalert_task_trouble", {"task": "writer"}) == 0
    assert watched.restarts == 0
    await tasks.stop(watched)


async def test_a_task_that_may_end_does_so_unless_it_broke() -> None:
    """Its plain end is no death; an exception is."""
    tasks = Supervisor()
    work = Busy("raise", "end")
    watched = tasks.start("once", work, may_end=True)
    await stand(tasks, Standing.ENDED, restarts=1)
    assert tasks.state[0].restarts == 1
    await tasks.stop(watched)


async def test_one_that_waits_to_be_begun_again_ends_when_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped in the pause after a death it never comes back; asked to finish there, it does its work once more."""
    monkeypatch.setattr(module, "PAUSES", (60.0,))
    tasks = Supervisor()
    stopped, finished = Busy("raise"), Busy("raise", "end")
    first, second = tasks.start("stopped", stopped), tasks.start("finished", finished)
    await stand(tasks, Standing.WAITING)
    await tasks.stop(first)
    await tasks.finish(second)
    assert (stopped.begun, finished.begun) == (1, 2)


@pytest.mark.proves("ST-1", "LC-1")
async def test_the_writer_of_the_database_survives_its_own_death(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled in the middle of a group: whoever waited is refused, nothing of it is stored, and the next one is."""
    original, hit = db.group_commit._serve, asyncio.Event()

    async def serve(*arguments: Any) -> bool:
        if not hit.is_set():
            hit.set()
            await asyncio.Event().wait()
        return await original(*arguments)

    monkeypatch.setattr(db.group_commit, "_serve", serve)

    async def put(name: str) -> str:
        async with db.transaction() as tx:
            await tx.execute("INSERT INTO settings (name, value) VALUES (:name, '1')", name=name)
        return name

    lost = asyncio.create_task(put("lost"))
    await asyncio.wait_for(hit.wait(), 60)
    assert db.group_commit._writing is not None
    assert db.group_commit._writing.task is not None
    db.group_commit._writing.task.cancel()
    with pytest.raises(Exception, match=r"broke off|busy"):
        await lost
    assert await put("kept") == "kept"
    async with db.read() as reader:
        assert await reader.rows("SELECT name FROM settings WHERE name IN ('lost', 'kept')") == [("kept",)]
