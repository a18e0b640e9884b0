"""A time of day that is wrong by the seconds in the file LYING_CLOCK, for a process that finds this folder first.

Python imports this before anything else of the program. Whatever in it asks Python for the time of day gets the wrong
one, at every look anew: the functions of `time`, and `datetime.now` where a library of the program asks that (it is
written in C, and replacing the class itself would change what annotations mean). Elapsed time, how long anything
waits, the ages of files, and what C asks the kernel for are true.

Nothing is put between the process and its C library: libfaketime was, of which version 0.9.10 ends every wait for a
condition of the monotonic clock at once. Threads then wait for the interpreter by trying without a pause, with its lock
in their hands, and `time.sleep` is refused; on a busy machine a server stood still for minutes.
"""

import datetime as dt
import os
import time
from collections.abc import Callable
from typing import Any, Self

import apscheduler.executors.base
import apscheduler.schedulers.base
import apscheduler.triggers.interval
import structlog.processors

FILE = os.environ["LYING_CLOCK"]
WRONG = {time.CLOCK_REALTIME} | ({time.CLOCK_BOOTTIME} if "LYING_SLEPT" in os.environ else set())
"""The clocks that are wrong; with LYING_SLEPT the one that counts a machine's sleep among them, so that the time in the
file has really passed, and nobody has set anything.
"""
BILLION = 1_000_000_000
_true = time.time_ns
_clock_ns = time.clock_gettime_ns


def _behind() -> int:
    """By how many nanoseconds the true time is behind; the file is replaced as a whole, never written in place."""
    handle = os.open(FILE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(handle, 64)) * BILLION
    finally:
        os.close(handle)


def time_ns() -> int:
    """Nanoseconds since 1970."""
    return _true() + _behind()


def now() -> float:
    """Seconds since 1970."""
    return time_ns() / BILLION


def clock_gettime(clock: int) -> float:
    """Of every clock, in seconds."""
    return clock_gettime_ns(clock) / BILLION


def clock_gettime_ns(clock: int) -> int:
    """The same in nanoseconds."""
    return _clock_ns(clock) + (_behind() if clock in WRONG else 0)


def _of_now(function: Callable[[float], Any]) -> Callable[..., Any]:
    """`gmtime` and its like: without a moment they take that of the clock."""
    return lambda seconds=None: function(now() if seconds is None else seconds)


_strftime, _asctime = time.strftime, time.asctime


class Lying(dt.datetime):
    """As it is, but for what is now; all it makes of that are ordinary ones."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Self:
        """By the wrong clock."""
        return dt.datetime.fromtimestamp(now(), tz)  # type: ignore[return-value]


class Module:
    """`datetime` as a library sees it that asks for the class by its module."""

    datetime = Lying

    def __getattr__(self, name: str) -> Any:
        return getattr(dt, name)


time.time, time.time_ns = now, time_ns
time.clock_gettime, time.clock_gettime_ns = clock_gettime, clock_gettime_ns
time.gmtime, time.localtime, time.ctime = _of_now(time.gmtime), _of_now(time.localtime), _of_now(time.ctime)
time.strftime = lambda form, at=None: _strftime(form, time.localtime() if at is None else at)
time.asctime = lambda at=None: _asctime(time.localtime() if at is None else at)
for _module in (apscheduler.executors.base, apscheduler.schedulers.base, apscheduler.triggers.interval):
    _module.datetime = Lying  # type: ignore[attr-defined]
structlog.processors.datetime = Module()  # type: ignore[attr-defined]
