"""Ends a server whose event loop no longer turns, after it has said where each thread stands.

A loop that is held up answers nobody and pages nobody, and nothing inside it can notice. This watches from a thread
of its own. Where code in C keeps even that thread from running, the kernel's count of used time ends the process.
"""

import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

TOLD_AFTER = 5.0
"""Seconds for which the loop may be held up before the log says where."""
ENDED_AFTER = 60.0
"""Seconds after which there is nothing to wait for: whoever supervises the process begins it again."""
EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""
BEAT_SECONDS = 0.5
LONGEST_STEP = 2.0
"""More than this is not counted at once: while the whole process was stopped, the loop was not held up."""
FLUSH_SECONDS = 2.0


class LoopGuard:
    """The watch over the event loops that one process runs one after the other."""

    def __init__(
        self,
        flush: Callable[[float], object] | None = None,
        end: Callable[[int], object] = os._exit,
        *,
        watches: bool = True,
    ) -> None:
        """`flush` waits at most so many seconds until the log is written; `end` leaves at once with an exit code.

        One that does not watch does nothing, for the sake of debuggers.
        """
        self._flush = flush
        self._watches = watches
        self._end = end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beats = 0
        self._seen = 0
        self._held_up = 0.0
        self._told = False
        self._over = threading.Event()

    def start(self) -> None:
        """Watch the running loop from now on; called on it."""
        if not self._watches:
            return
        self._loop = asyncio.get_running_loop()
        self._beat()
        threading.Thread(target=self._watch, name="loop guard", daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._loop = None
        self._over.set()
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _beat(self) -> None:
        self._beats += 1
        if self._loop is not None:
            self._loop.call_later(BEAT_SECONDS, self._beat)

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._over.wait(BEAT_SECONDS):
            # Of processor time, not of the clock: a process that is stopped uses none. Its default is the end.
            if self._loop is not None:
                signal.setitimer(signal.ITIMER_PROF, ENDED_AFTER)
            now = time.monotonic()
            self.look(min(now - before, LONGEST_STEP))
            before = now

    def look(self, seconds: float) -> None:
        """So much time has passed since the last look; act when the loop has not turned for too long."""
        if self._loop is None or self._beats != self._seen:
            if self._told:
                log.warning("the event loop turns again", after_seconds=round(self._held_up, 1))
            self._seen, self._held_up, self._told = self._beats, 0.0, False
            return
        self._held_up += seconds
        if self._held_up >= TOLD_AFTER and not self._told:
            self._told = True
            log.critical("the event loop is held up", seconds=round(self._held_up, 1), stack=stacks())
        if self._held_up >= ENDED_AFTER:
            log.critical(
                "ending: the event loop does not turn", seconds=round(self._held_up, 1), stack=stacks()
            )
            if self._flush is not None:
                self._flush(FLUSH_SECONDS)
            self._end(EXIT_CODE)


def stacks() -> str:
    """Where each thread stands, that of the event loop first: files, lines and functions, never values."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    main = threading.main_thread().ident
    return "\n".join(
        f"thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sorted(sys._current_frames().items(), key=lambda each: each[0] != main)
    )
