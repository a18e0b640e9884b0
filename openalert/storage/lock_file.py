"""LockFile: who serves an SQLite database, and what that process knew of its log, for whoever opens it next."""

import fcntl
import json
import os
from contextlib import suppress
from pathlib import Path

from openalert.domain.errors import OpenAlertError
from openalert.storage.permissions import inaccessible


class DatabaseInUse(OpenAlertError):
    """Another process has this database open."""


class LockFile:
    """An advisory lock, freed by the kernel however the process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self.last_salt: int | None = None
        """How the log of the database was marked by a process that did not end in order; None: there was none."""

    def take(self) -> None:
        """Hold the lock until `release`; `DatabaseInUse` names the process that holds it.

        `Inaccessible` where the system does not let us: this is the first file of ours that a start opens to write.
        """
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise inaccessible(self.path, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            holder = self.holder()
            raise DatabaseInUse(
                f"The database {self.path.with_suffix('')} is in use by process {holder or 'unknown'}. "
                "Stop it first, or choose another --data-dir.",
                pid=holder,
            ) from None
        self._handle = handle
        salt = self._noted().get("salt")
        self.last_salt = salt if isinstance(salt, int) else None
        self._note({"pid": os.getpid()} | ({} if self.last_salt is None else {"salt": self.last_salt}))

    def mark(self, salt: int | None) -> None:
        """Note the mark of the log that is written from now on; None: it was taken into the database whole."""
        self._note({"pid": os.getpid()} | ({} if salt is None else {"salt": salt}))

    def holder(self) -> int | None:
        """The process id written by the last process that took the lock."""
        pid = self._noted().get("pid")
        return pid if isinstance(pid, int) else None

    def release(self) -> None:
        """Let others have the database."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _noted(self) -> dict[str, object]:
        with suppress(OSError, ValueError):
            noted = json.loads(self.path.read_text())
            if isinstance(noted, dict):
                return noted
        return {}

    def _note(self, facts: dict[str, int]) -> None:
        """One short write; a full disk costs no more than the note."""
        if self._handle is not None:
            with suppress(OSError):
                text = json.dumps(facts).encode()
                os.pwrite(self._handle, text, 0)
                os.ftruncate(self._handle, len(text))
