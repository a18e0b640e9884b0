"""Disk: what is known of the disk under the database, and why a process must not go on writing to it.

A plain state that everybody may read at any moment: storage writes it, those who tell people look at it. On Postgres,
which has its own disk, nothing is ever wrong here.
"""

from collections.abc import Callable
from enum import Enum

LONG_LOG = 256 * 1024 * 1024
"""Bytes of SQLite's log from which on somebody is told: a reader keeps it from being used again."""

SLOW_COMMIT = 0.5
"""Seconds from which on somebody is told: every act waits for at least two of them where others are before it."""


class Fatal(Enum):
    """Why the process has to end at once."""

    FLUSH_FAILED = "flush_failed"
    """The disk did not take what was committed: whether it is there is unknown, and what is in memory may be wrong."""
    OVERTAKEN = "overtaken"
    """Another process has the database: two would page twice."""


Leave = Callable[[Fatal, str], None]
"""Ends the process, saying why."""


class Disk:
    """What was last seen of it."""

    def __init__(self) -> None:
        self.free_bytes: int | None = None
        """What is free for us on the file system; None: not looked at, or not ours."""
        self.log_bytes = 0
        """The size of SQLite's log (the -wal file)."""
        self.log_readers: tuple[str, ...] = ()
        """While it is long: the other processes that read the database, as "1234 (sqlite3)"; empty: not known."""
        self.commit_seconds = 0.0
        """What the slowest commit took of those since the disk was last looked at but one; 0: none was needed."""
        self.reserve_bytes = 0
        """What the reserve holds now."""
        self.reserve_wanted = 0
        """What the reserve holds while all is well."""
        self.refuses_events = False
        """New events get 503, so that what is left serves those who answer and are paged."""
        self.damage = ""
        """What is broken in the file, and how to go on: nothing is written to it any more. "" while it is sound."""
        self.trouble = ""
        """Why the last commit failed; "" since one went through."""

    @property
    def reserve_in_use(self) -> bool:
        """Whether we live on what was put aside for a full disk, or have not all of it back."""
        return self.refuses_events or self.reserve_bytes < self.reserve_wanted

    @property
    def has_long_log(self) -> bool:
        """Whether some reader has kept SQLite's log from being used again for long."""
        return self.log_bytes >= LONG_LOG

    @property
    def is_slow(self) -> bool:
        """Whether people and senders feel what a commit takes."""
        return self.commit_seconds >= SLOW_COMMIT
