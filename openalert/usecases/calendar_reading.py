"""Reading calendars that other programs wrote, in a process of its own with limits of time and memory.

The event loop pages people: nothing that somebody else wrote may hold it up. Such a process knows no secret and opens
no file; one that takes too long is ended.
"""

import asyncio
import os
import sys
from contextlib import suppress

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant
from openalert.sources.calendar import CalendarReading, Reply, Request

CPU_SECONDS = 10
SECONDS = 30.0
MEMORY = 1024 * 1024 * 1024
_AT_ONCE = 2
_PROGRAM = (
    "from openalert.sources.calendar import main\n"
    "from openalert.usecases.calendar_reading import bound\n"
    "main(bound)\n"
)
_turns = asyncio.Semaphore(_AT_ONCE)


async def read(content: bytes, zone: str, start: Instant, end: Instant, field: str) -> CalendarReading:
    """As `sources.calendar.read_calendar`; Invalid of the `field`, also for what takes too long."""
    request = msgspec.msgpack.encode(Request(content, zone, start, end))
    async with _turns:
        answered = await _ask(request)
    if answered is None:
        raise Invalid(
            "The calendar takes too long to read. Export a shorter time, or one with fewer rules.",
            field=field,
        )
    reply = msgspec.msgpack.decode(answered, type=Reply)
    if reply.reading is None:
        raise Invalid(reply.refused, field=field)
    return reply.reading


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
