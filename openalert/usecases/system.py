"""How the server is, in one piece: what /health/deep answers and the System page shows."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from openalert.domain.canary import CanaryRun
from openalert.domain.certificate import Certificate
from openalert.domain.ids import first_id
from openalert.domain.instant import DAY, Instant
from openalert.domain.outage import Outage
from openalert.domain.self_watch import Work
from openalert.storage import canary, outages, runs, self_watch
from openalert.storage.runs import Run
from openalert.storage.self_watch import Unsent
from openalert.storage.transaction import Reader
from openalert.usecases import backups, certificates, slo

RUNS_SHOWN = 60
HISTORY = 30 * DAY
OUTAGES_SHOWN = 200


class Condition(msgspec.Struct, kw_only=True):
    """What the database and the disk say of the server's work."""

    now: Instant
    work: Work
    unsent: list[Unsent]
    dead_letters: int
    """Messages of the last seven days that failed for good."""
    runs: Sequence[CanaryRun]
    """The last canaries, the newest first."""
    failures: Sequence[CanaryRun]
    """Those of the last ninety days that did not come through, the newest first."""
    backups: backups.Standing
    outages: list[Outage]
    """When nobody was there in the last thirty days, the newest first."""
    known_since: Instant
    """Since when they are known, at most thirty days ago."""
    objectives: slo.Standing
    certificates: Sequence[Certificate]
    """As they were seen last."""
    nodes: Sequence[Run]
    """Those that hold a lease, the one that leads first."""


async def look(reader: Reader) -> Condition:
    """Everything that is read from the database, at one instant."""
    since = max(await runs.first_start(reader) or reader.now, reader.now - HISTORY)
    gone = [each for each in await outages.newest(reader, OUTAGES_SHOWN) if each.until >= since]
    return Condition(
        now=reader.now,
        work=await self_watch.work(reader),
        unsent=await self_watch.unsent(reader),
        dead_letters=await self_watch.dead_letters(reader, first_id(reader.now - 7 * DAY)),
        runs=await canary.latest(reader, RUNS_SHOWN),
        failures=await canary.failures(reader, reader.now - 90 * DAY, 20),
        backups=await backups.standing(reader),
        outages=gone,
        objectives=await slo.standing(reader, gone, since),
        known_since=since,
        certificates=await certificates.known(reader),
        nodes=await runs.living(reader),
    )


def free_bytes(folder: Path) -> int | None:
    """Room on the disk that holds the data; None when the folder is gone, or cannot be asked."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def wal_bytes(database_file: Path | None) -> int | None:
    """How long SQLite's log of changes is; None: there is none, or another database."""
    wal = None if database_file is None else Path(f"{database_file}-wal")
    return wal.stat().st_size if wal is not None and wal.exists() else None
