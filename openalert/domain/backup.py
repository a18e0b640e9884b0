"""Backups that are made by themselves: when the next one is due, what its file is called, how each job stands."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import DAY, HOUR, MINUTE, Instant, from_datetime, to_datetime
from openalert.domain.walltime import Wall, date_of, first_instant, midnight, reached

LATE_AFTER = 2 * DAY
"""The last good backup may be so old; then a night was missed, and people are told."""
AGAIN_AFTER = HOUR
"""What failed, or was broken off, is tried again after this time."""
CUT_OFF = 2
"""So many tries in a row that a kill ended are told: one night in which the power went is nobody's fault."""
DRILL_EVERY = 7 * DAY
DRILL_LATE_AFTER = 2 * DRILL_EVERY

_NAME = re.compile(r"openalert-(\d{8}T\d{6})Z\.db")
_SLACK = 15 * MINUTE
"""A night is not made up for so shortly before the next one."""


class JobName(StrEnum):
    """What is done by itself."""

    BACKUP = "backup"
    """The copy of the database in the folder."""
    COPY = "copy"
    """What carries the newest file to another place: a bucket, a command."""
    DRILL = "drill"
    """A restore into a temporary copy, which is thrown away."""


class BackupJob(msgspec.Struct, kw_only=True):
    """How a job stands: a row of `backup_jobs`."""

    name: JobName
    since: Instant
    """Since when it is on."""
    due_at: Instant
    done_at: Instant | None = None
    """When it last succeeded."""
    failing_since: Instant | None = None
    attempts: int = 0
    """Tries that were begun since the last success, however they ended."""
    error: str = ""
    facts: dict[str, Any] = {}
    """What came of the last success: `file`, `bytes`, `rows`, …"""

    def begin(self, now: Instant) -> None:
        """It is tried now: whatever ends it before it ends by itself, it is tried again after a while."""
        self.attempts, self.due_at = self.attempts + 1, now + AGAIN_AFTER

    def broken_off(self) -> None:
        """Whoever stopped the server in order ended it: that says nothing about whether it works."""
        self.attempts = max(0, self.attempts - 1)

    @property
    def is_cut_off(self) -> bool:
        """Whether again and again a try was begun and the process was gone before it could say how that ended."""
        return self.failing_since is None and self.attempts >= CUT_OFF

    def failed(self, why: str, now: Instant) -> bool:
        """It did not work; True when that is new."""
        is_new = self.failing_since is None
        self.failing_since = self.failing_since or now
        self.error, self.due_at = why, now + AGAIN_AFTER
        return is_new

    def succeeded(self, now: Instant, due_at: Instant, **facts: Any) -> None:
        """It worked; the next one is due then."""
        self.done_at, self.due_at, self.facts = now, due_at, facts
        self.failing_since, self.attempts, self.error = None, 0, ""

    def age(self, now: Instant) -> Instant:
        """How long ago it last succeeded; if never, since when it should have."""
        return max(0, now - (self.since if self.done_at is None else self.done_at))


def next_night(zone: ZoneInfo, at: Wall, now: Instant) -> Instant:
    """When the clocks of the zone next show `at`, in milliseconds since midnight; not within a quarter of an hour."""
    day = midnight(date_of(reached(zone, now)))
    while (due := first_instant(zone, day + at)) < now + _SLACK:
        day += DAY
    return due


def file_name(at: Instant) -> str:
    """What the backup of this instant is called: `openalert-20260102T030000Z.db`."""
    return f"openalert-{to_datetime(at):%Y%m%dT%H%M%S}Z.db"


def made_at(name: str) -> Instant | None:
    """The instant in the name of a backup of ours; None for any other file."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return from_datetime(datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC))
    except ValueError:
        return None


def superfluous(names: list[str], newest: str, keep: int) -> list[str]:
    """Those that are to go so that `keep` are left. `newest`, which was just proven, stays whatever clocks said."""
    others = sorted((name for name in names if made_at(name) is not None and name != newest), reverse=True)
    return others[max(keep, 1) - 1 :]
