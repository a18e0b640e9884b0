"""The watcher: looks at another server, and pages who is on call there by itself when that is silent."""

import asyncio
from collections.abc import Callable

import structlog

from openalert.domain.absence import (
    Look,
    Memory,
    Rules,
    Sight,
    begin_calling,
    due_all_clears,
    due_calls,
    observe,
)
from openalert.domain.ids import new_id
from openalert.domain.instant import HOUR, MINUTE, SECOND, Instant
from openalert.domain.watcher import Word
from openalert.engine.watch_memory import WatchMemory
from openalert.engine.watch_pages import CLOCKS_DIFFER, WatchPages
from openalert.notifiers.letter import duration
from openalert.notifiers.notifier import CALLING
from openalert.notifiers.watched import References, Watched

log = structlog.get_logger(__name__)

LEARN_EVERY = 5 * MINUTE
"""How often it is asked who is on call."""
STALE = HOUR
"""Who is on call could not be learned for so long: that is said in the log."""


class Watcher:
    """One watch over one server."""

    def __init__(
        self,
        file: WatchMemory,
        watched: Watched,
        references: References,
        pages: WatchPages,
        rules: Rules,
        *,
        clock: Callable[[], Instant],
        up: Callable[[], int],
    ) -> None:
        """`clock`: the machine's; `up`: the one that nobody sets, in milliseconds."""
        self._file, self._watched, self._references = file, watched, references
        self.pages, self._rules, self._clock, self._up = pages, rules, clock, up
        self._last: Sight | None = None
        self._learned_at: int | None = None
        self._told_clock = False
        self.look = Look(Sight.WELL)
        """The last one."""

    @property
    def memory(self) -> Memory:
        """What is known."""
        return self._file.memory

    async def run(
        self, stopping: asyncio.Event, every: float, alive: Callable[[str], None] = lambda _: None
    ) -> None:
        """Until it is to stop, every so many seconds; a message on its way is waited for. `alive` hears each turn."""
        while not stopping.is_set():
            begun = self._up()
            try:
                await self.turn()
            except Exception:
                log.exception("a turn of the watch failed")
            alive(self.words())
            rest = every - (self._up() - begun) / SECOND
            try:
                await asyncio.wait_for(stopping.wait(), max(rest, 0.2))
            except TimeoutError:
                continue

    async def turn(self) -> Look:
        """Look once, and tell whoever is to be told now."""
        self._follow_clock()
        self.look = await self._see()
        now = self._clock()
        observe(self.memory, self.look, now, new_id)
        self._note_change()
        if self._file.was_seen():
            self._take_seen(now)
        if begin_calling(self.memory, self._rules, now):
            log.critical("calling who is on call", reason=self.look.words, sight=self.look.sight.value)
        # Written down before it leaves, so that a crash makes no second page of it.
        calls, clears = (
            due_calls(self.memory, self._rules, now),
            due_all_clears(self.memory, now, CALLING),
        )
        self._save()
        if calls or clears:
            await self.pages.call(self.memory, calls, now)
            await self.pages.all_clear(self.memory, clears, now)
            self._save()
        return self.look

    async def learn(self) -> Look:
        """Ask who is on call; what is known stays where that fails."""
        look, word = await self._watched.snapshot()
        if word is not None and word.snapshot is not None:
            self.memory.word, self.memory.received_at = word, self._clock()
            self._learned_at = self._up()
            self._compare_clocks()
            self._save()
        else:
            log.warning("who is on call could not be learned", reason=look.words)
            if self.memory.word is None or self._clock() - self.memory.received_at > STALE:
                log.error("who is on call has not been learned for long", reason=look.words)
        return look

    async def ask(self) -> tuple[Look, Word | None]:
        """Who is on call, for whoever asks; nothing is kept."""
        return await self._watched.snapshot()

    async def close(self) -> None:
        """Gives everything back."""
        await self._watched.close()
        await self.pages.close()
        self._file.close()

    def words(self) -> str:
        """How it is, in one line, for whoever looks at the process."""
        absence = self.memory.absence
        if absence is None:
            return f"{self.memory.server}: {self.look.sight.value}"
        told = sum(each.rounds > 0 for each in absence.told.values())
        lasting = duration(self._clock() - absence.since)
        return f"{self.memory.server}: {absence.sight.value} for {lasting}, told by {told} ways"

    async def _see(self) -> Look:
        look, word = await self._watched.look()
        if word is not None and self._is_due_to_learn():
            await self.learn()
        if look.sight is Sight.SILENT and not await self._references.answer():
            return Look(
                Sight.CUT_OFF,
                "Nothing answers, the other addresses neither: this host is cut off, and cannot tell how it is.",
            )
        return look

    def _is_due_to_learn(self) -> bool:
        return (
            self.memory.word is None
            or self._learned_at is None
            or self._up() - self._learned_at >= LEARN_EVERY
        )

    def _note_change(self) -> None:
        if self.look.sight is self._last:
            return
        self._last = self.look.sight
        say = log.info if self.look.sight is Sight.WELL else log.warning
        say("the server is", sight=self.look.sight.value, reason=self.look.words)

    def _take_seen(self, now: Instant) -> None:
        absence = self.memory.absence
        if absence is not None and absence.seen_at is None:
            absence.seen_at = now
            log.warning("somebody looks after it: nobody else is called")

    def _compare_clocks(self) -> None:
        ahead = self.memory.ahead()
        if abs(ahead) > CLOCKS_DIFFER and not self._told_clock:
            self._told_clock = True
            log.warning("the clocks differ: who is on call goes by the server's", seconds=ahead / SECOND)

    def _follow_clock(self) -> None:
        if step := self._file.follow(self._clock(), self._up()):
            log.warning("the clock of this host was set", seconds=step / SECOND)

    def _save(self) -> None:
        self._file.save(self._clock(), self._up())
