"""Reading calendars that other programs wrote, in a process of its own with limits of time and memory.

The event loop pages people: nothing that somebody else wrote may hold it up. Such a process knows no secret and opens
no file; one that takes too long is ended.
"""

import asyncio
import os
import sys
from contextlib import suppress

import msgspec

from openalert.domain.errors import Invalid, Unavailable
from openalert.domain.instant import Instant
from openalert.sources.calendar import CalendarReading, Reply, Request

CPU_SECONDS = 10
SECONDS = 30.0
MEMORY = 1024 * 1024 * 1024
_PROGRAM = (
    "from openalert.sources.calendar import main\n"
    "from openalert.usecases.calendar_reading import bound\n"
    "main(bound)\n"
)
_waiting = asyncio.Semaphore(8)
"""Who comes when so many wait is told to come back: each may take seconds."""
_asked = asyncio.Semaphore(2)
"""For people who look at a calendar."""
_again = asyncio.Semaphore(1)
"""For what is read again by itself, which nobody who looks can hold up."""


async def read(
    content: bytes, zone: str, start: Instant, end: Instant, field: str, *, again: bool = False
) -> CalendarReading:
    """As `sources.calendar.read_calendar`; Invalid of the `field`, also for what takes too long.

    `again`: nobody waits for it. Unavailable while too many people do.
    """
    request = msgspec.msgpack.encode(Request(content, zone, start, end))
    if again:
        async with _again:
            answered = await _ask(request)
    else:
        answered = await _in_turn(request)
    if answered is None:
        raise Invalid(
            "The calendar takes too long to read. Export a shorter time, or one with fewer rules.",
            field=field,
        )
    reply = msgspec.msgpack.decode(answered, type=Reply)
    if reply.reading is None:
        raise Invalid(reply.refused, field=field)
    return reply.reading


async def _in_turn(request: bytes) -> bytes | None:
    if _waiting.locked():
        raise Unavailable("Several calendars are being read. Try again in a minute.", retry_after=60)
    async with _waiting, _asked:
        return await _ask(request)


async def _ask(request: bytes) -> bytes | None:
    """What the process answers; None when it did not come to an end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ.get("PATH", "")},
    )
    try:
        async with asyncio.timeout(SECONDS):
            answered, _ = await process.communicate(request)
    except TimeoutError:
        return None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return answered if process.returncode == 0 else None


def bound() -> None:
    """The limits of the process itself: it gives way to whatever pages people."""
    import resource

    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
