"""Restore drill: a backup is restored into a copy that is thrown away, to know today that it can be done.

Nothing of the copy is ever sent: no engine runs on it, and nobody else knows of it.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path
from threading import Event

import msgspec

from openalert.domain.instant import Instant
from openalert.storage import Database, backup, leftovers, open_database, restoring
from openalert.storage.keyring import KeyRing
from openalert.usecases import restore, vault, verify
from openalert.usecases.verify import Finding

_FOLDER = "openalert-drill-"


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill found."""

    file: str
    moment: Instant | None
    """When the backup was last written to; None: never."""
    age: Instant
    """How long before the drill that was."""
    schema: int
    """That of the file; the program brings it up to date."""
    rows: int
    incidents: int
    open_incidents: int
    held: restore.Held
    """What a restore at this moment would let happen no more."""
    waiting: int
    """Open incidents that would go on, because their next step is due later or was due a moment ago."""
    unreadable: int
    """Stored secrets that the keys of this installation do not open; they would have to be given anew."""
    findings: tuple[Finding, ...]
    """What was proven, one after the other."""
    seconds: float

    @property
    def broken(self) -> list[Finding]:
        """What does not hold."""
        return [each for each in self.findings if not each.holds]


async def rehearse(
    file: Path, scratch: Path, keys: KeyRing | None = None, stop: Event | None = None
) -> Rehearsed:
    """Restore the file into a folder of its own below `scratch`, and prove what came of it.

    BrokenBackup, NotEnoughSpace, SchemaError say why it cannot be restored; BrokenOff that `stop` was set.
    """
    began = time.monotonic()
    stop = stop or Event()
    clear(scratch)
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=scratch))
    try:
        staged = backup.stage(file, folder / "openalert.db", stop)
        counts = backup.check(staged, stop)
        schema = backup.schema_of(staged)
        opened = await open_database(f"sqlite:///{staged}", keys=keys, keeps_copy=False)
        try:
            return await _proven(opened, file, counts, schema, stop, began, has_keys=keys is not None)
        finally:
            await opened.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _proven(
    opened: Database,
    file: Path,
    counts: backup.Counts,
    schema: int,
    stop: Event,
    began: float,
    *,
    has_keys: bool,
) -> Rehearsed:
    async with opened.read() as reader:
        moment, now = await restoring.last_word(reader), reader.now
    held = await restore.hold(opened)
    findings = []
    async for finding in verify.verify(opened):
        findings.append(finding)
        if stop.is_set():
            raise backup.BrokenOff("The drill was broken off.")
    async with opened.read() as reader:
        open_incidents, waiting = await restoring.open_and_waiting(reader)
        unreadable = await vault.lost(reader) if has_keys else 0
    return Rehearsed(
        file=file.name,
        moment=moment,
        age=max(0, now - moment) if moment is not None else 0,
        schema=schema,
        rows=sum(counts.values()),
        incidents=counts["incidents"],
        open_incidents=open_incidents,
        held=held,
        waiting=waiting,
        unreadable=unreadable,
        findings=tuple(findings),
        seconds=time.monotonic() - began,
    )


def clear(scratch: Path) -> None:
    """Take away what drills left that were killed."""
    for folder in scratch.glob(f"{_FOLDER}*"):
        process = folder.name.removeprefix(_FOLDER).partition("-")[0]
        if folder.is_dir() and not leftovers.is_at_work(process, folder):
            shutil.rmtree(folder, ignore_errors=True)
