"""Who owns the tasks of this process: one that ends is begun again, counted and told of, never lost in silence.

asyncio forgets a task that has raised. Here each has a name, an age that a single step of it may reach, and a
record of its deaths; three within ten minutes are trouble that somebody has to hear of.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

import msgspec
import structlog

from openalert import telemetry

log = structlog.get_logger(__name__)

PAUSES = (0.0, 1.0, 2.0, 5.0)
"""Seconds until a task is begun again, by its deaths lately: never so long that a page would wait for it."""
MANY_DEATHS = 3
LATELY = 600.0
"""Seconds in which so many deaths are trouble."""
LOOK_SECONDS = 1.0
"""Between two looks at how old steps are."""
LONGEST_LOOK = 2.0
"""More than this is not added to a step's age at once: while the whole process was stopped, no step was hanging."""


class Standing(StrEnum):
    """How a task stands."""

    RUNNING = "running"
    WAITING = "waiting"
    """It died, and is begun again in seconds."""
    HANGING = "hanging"
    """One of its steps takes longer than it may."""
    ENDED = "ended"
    """It did what it was there for, or was told to end."""


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    """A task as others may be shown it."""

    name: str
    standing: Standing
    restarts: int
    """Since the start of the process."""
    deaths_lately: int
    """Within the last ten minutes."""
    last_fault: str
    """What it died of last; empty: it never did."""

    @property
    def is_trouble(self) -> bool:
        """Whether somebody has to hear of it."""
        return self.deaths_lately >= MANY_DEATHS or self.standing is Standing.HANGING


class Watched:
    """One task and its record."""

    def __init__(
        self, name: str, work: "Work", most_seconds: float | None, *, may_end: bool, cure: bool
    ) -> None:
        self.name = name
        self.work = work
        self.most_seconds = most_seconds
        self.may_end = may_end
        self.cure = cure
        self.task: asyncio.Task[None] | None = None
        self.again: asyncio.TimerHandle | None = None
        self.stopping = False
        self.is_hanging = False
        self.was_broken_off = False
        self.restarts = 0
        self.last_fault = ""
        self.deaths: deque[float] = deque(maxlen=100)
        """When it died, in monotonic seconds."""
        self.age: float | None = None
        """Seconds that the step under way has taken; None: it waits for work."""

    @contextmanager
    def step(self) -> Iterator[None]:
        """What happens inside is one step: it may take `most_seconds`."""
        self.age = 0.0
        try:
            yield
        finally:
            self.age = None
            self.is_hanging = False

    def deaths_lately(self) -> int:
        """How often it died within the last ten minutes."""
        since = time.monotonic() - LATELY
        return sum(death > since for death in self.deaths)

    @property
    def state(self) -> TaskState:
        """As others may be shown it."""
        if self.is_hanging:
            standing = Standing.HANGING
        elif self.task is not None and not self.task.done():
            standing = Standing.RUNNING
        else:
            standing = Standing.WAITING if self.again is not None else Standing.ENDED
        return TaskState(
            name=self.name,
            standing=standing,
            restarts=self.restarts,
            deaths_lately=self.deaths_lately(),
            last_fault=self.last_fault,
        )


Work = Callable[[Watched], Awaitable[None]]


class Supervisor:
    """The tasks of one process."""

    def __init__(self) -> None:
        self._watched: list[Watched] = []
        self._looking: Watched | None = None

    @property
    def state(self) -> list[TaskState]:
        """Every task, in the order in which they were begun."""
        return [each.state for each in self._watched]

    @property
    def troubles(self) -> list[TaskState]:
        """The tasks that somebody has to hear of."""
        return [each for each in self.state if each.is_trouble]

    def start(
        self,
        name: str,
        work: Work,
        *,
        most_seconds: float | None = None,
        may_end: bool = False,
        cure: bool = True,
    ) -> Watched:
        """Begin a task that goes on until `stop` or `finish`.

        `most_seconds`: how long one of its steps may take; with `cure`, one that takes longer is broken off and the
        task begun again. `may_end`: it may come to its end by itself.
        """
        watched = Watched(name, work, most_seconds, may_end=may_end, cure=cure)
        self._watched.append(watched)
        self._begin(watched)
        if self._looking is None:
            self._looking = Watched("supervisor", self._look_forever, None, may_end=False, cure=False)
            self._begin(self._looking)
        return watched

    async def stop(self, *watched: Watched) -> None:
        """Break these off."""
        for each in watched:
            self._let_end(each)
            if each.task is not None:
                each.task.cancel()
        await self._gone(watched)

    async def finish(self, watched: Watched, *, begin_again: bool = True) -> None:
        """Wait until a task that was told so by its owner has ended by itself."""
        waited = watched.again is not None
        self._let_end(watched)
        if waited and begin_again:
            self._begin(watched)
        await self._gone([watched])

    async def _gone(self, watched: "list[Watched] | tuple[Watched, ...]") -> None:
        await asyncio.gather(
            *(each.task for each in watched if each.task is not None), return_exceptions=True
        )
        for each in watched:
            if each in self._watched:
                self._watched.remove(each)
        if not self._watched and self._looking is not None:
            looking, self._looking = self._looking, None
            await self.stop(looking)

    @staticmethod
    def _let_end(watched: Watched) -> None:
        watched.stopping = True
        if watched.again is not None:
            watched.again.cancel()
            watched.again = None

    def _begin(self, watched: Watched) -> None:
        watched.again = None
        watched.age = None
        watched.is_hanging = watched.was_broken_off = False
        watched.task = asyncio.get_running_loop().create_task(_run(watched), name=watched.name)
        watched.task.add_done_callback(lambda task: self._ended(watched, task))

    def _ended(self, watched: Watched, task: asyncio.Task[None]) -> None:
        """The callback of its end: whatever ended it, this is heard."""
        error = None if task.cancelled() else task.exception()
        if watched.stopping or (watched.may_end and error is None and not task.cancelled()):
            if error is not None:
                log.error("task failed at its end", task=watched.name, exc_info=error)
            return
        if watched.was_broken_off:
            fault = f"a step took longer than {watched.most_seconds:.0f} s"
        elif task.cancelled():
            fault = "it was cancelled by nobody who may"
        else:
            fault = "it ended" if error is None else type(error).__name__
        watched.last_fault = fault
        watched.deaths.append(time.monotonic())
        watched.restarts += 1
        telemetry.TASK_RESTARTS.labels(task=watched.name).inc()
        deaths = watched.deaths_lately()
        pause = PAUSES[min(deaths, len(PAUSES)) - 1]
        say = log.critical if deaths >= MANY_DEATHS else log.error
        say("task died", task=watched.name, fault=fault, deaths=deaths, again_in=pause, exc_info=error)
        watched.again = task.get_loop().call_later(pause, self._begin, watched)

    async def _look_forever(self, _: Watched) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            self.look(min(now - before, LONGEST_LOOK))
            before = now

    def look(self, seconds: float) -> None:
        """Let every step under way grow older by so much, and break off those that hang."""
        for each in self._watched:
            if each.age is not None:
                each.age += seconds
                if each.most_seconds is not None and each.age > each.most_seconds:
                    self._hangs(each)
            telemetry.TASK_TROUBLE.labels(task=each.name).set(each.state.is_trouble)

    @staticmethod
    def _hangs(watched: Watched) -> None:
        if watched.is_hanging:
            return
        watched.is_hanging = True
        log.critical("a step hangs", task=watched.name, seconds=watched.most_seconds, cure=watched.cure)
        if watched.cure and watched.task is not None:
            watched.was_broken_off = True
            watched.task.cancel()


async def _run(watched: Watched) -> None:
    await watched.work(watched)
