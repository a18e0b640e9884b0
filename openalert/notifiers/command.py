"""A program of the operator's, run without a shell, in bounded time, and without the names of our secrets."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from openalert.notifiers.notifier import NotifierError, Reason
from openalert.notifiers.text import one_line

KEPT = 4_096
"""Bytes of its output that are looked at, the last ones; the rest is read and forgotten."""
_OURS = "OPENALERT_"
"""Begins the names of our own settings, secrets among them, which the command is not given."""


async def run(command: Sequence[str], seconds: float, given: bytes = b"") -> None:
    """Run it with `given` on its standard input; NotifierError where it fails or takes too long.

    At its time limit it is ended with everything that it has started.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if given else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it cannot be read"
        raise NotifierError(Reason.MISCONFIGURED, f"{command[0]} cannot be started: {why}.") from error
    said = ""
    try:
        async with asyncio.timeout(seconds):
            said, _ = await asyncio.gather(_last_words(process), _give(process, given))
            code = await process.wait()
    except TimeoutError:
        raise NotifierError(Reason.TIMEOUT, f"{command[0]} took longer than {seconds:g} s.") from None
    finally:
        await _end(process)
    if code:
        raise NotifierError(Reason.REFUSED, one_line(f"{command[0]} ended with {code}. {said}", 300))


async def _give(process: asyncio.subprocess.Process, given: bytes) -> None:
    """What it does not want to read is no failure: its exit code decides."""
    if process.stdin is None or process.stdin.is_closing():
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """The last line of what it says; all of it is read, so that it never waits for us."""
    kept = b""
    while process.stdout is not None and (some := await process.stdout.read(65_536)):
        kept = (kept + some)[-KEPT:]
    lines = kept.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


async def _end(process: asyncio.subprocess.Process) -> None:
    """End what is left of it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        await asyncio.shield(process.wait())
