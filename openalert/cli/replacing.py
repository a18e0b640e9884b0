"""A backup that takes the place of the database of a running server: asked for, then done between two runs.

The listening socket stays open the while: whoever connects waits for the second run and is refused nothing.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from openalert.domain.errors import Conflict, Invalid, OpenAlertError
from openalert.domain.instant import rfc3339
from openalert.storage import backup
from openalert.storage.keyring import KeyRing
from openalert.usecases.restore import Restored, check_keys, counted, restore

log = structlog.get_logger(__name__)


class Outcome(msgspec.Struct, frozen=True):
    """What became of a restore that a server was asked for."""

    number: int
    """Which of this server's restores it was, from 1."""
    lines: list[str] = []
    error: str = ""
    code: str = ""


class Replacing:
    """The restores of one server."""

    def __init__(self, database: Path | None) -> None:
        """`database`: the file of the server; None with Postgres, which brings a program of its own for this."""
        self._database = database
        self._wanted: Path | None = None
        self._without_secrets = False
        self._number = 0
        self.outcome: Outcome | None = None
        self.stop: Callable[[], None] = lambda: None
        """Ends the run that goes on, so that the next one begins with the backup."""
        self.keys: KeyRing | None = None
        """Those of the run that goes on."""

    async def ask(self, file: str, *, without_secrets: bool = False) -> list[str]:
        """Prove the file while everything goes on, then end the run.

        Answers the number by which to ask for the outcome, and the process that works on it.

        BrokenBackup, SealedOtherwise or Conflict say why nothing is done.
        """
        if self._database is None:
            raise postgres()
        if self._wanted is not None:
            raise Conflict("Another restore is going on. Try again when it is done.")
        self._wanted = Path(file)
        try:
            await asyncio.to_thread(self._look_into, self._wanted, without_secrets=without_secrets)
        except BaseException:
            self._wanted = None
            raise
        self._number += 1
        self._without_secrets = without_secrets
        self.stop()
        return [str(self._number), str(os.getpid())]

    def _look_into(self, file: Path, *, without_secrets: bool) -> None:
        backup.check(file)
        if self.keys is not None:
            check_keys(file, self.keys, without_secrets=without_secrets)

    @property
    def is_wanted(self) -> bool:
        """Whether the run ended for a restore, and another is to follow."""
        return self._wanted is not None

    async def carry_out(self) -> None:
        """Put the backup in the place of the database, which nobody has open now. What fails changes nothing."""
        if self._wanted is None or self._database is None:
            return
        file, self._wanted = self._wanted, None
        try:
            done = await restore(file, self._database, self.keys, without_secrets=self._without_secrets)
        except OpenAlertError as error:
            self._failed(error.message, error.code)
        except OSError as error:
            self._failed(f"The backup was not restored: {error.strerror or error}.", OpenAlertError.code)
        else:
            log.warning("restored a backup", file=str(file), held=done.held, kept=str(done.kept))
            self.outcome = Outcome(self._number, told(file, done))

    def _failed(self, message: str, code: str) -> None:
        log.error("could not restore", reason=message)
        self.outcome = Outcome(self._number, error=message, code=code)


def told(file: Path, done: Restored) -> list[str]:
    """What the command says of a restore that was done."""
    lines = [f"Restored from {file}." + (f" The database before is {done.kept}." if done.kept else "")]
    if done.moment is not None:
        lines.append(f"It is how things stood at {rfc3339(done.moment)}; what came later is not in it.")
    if done.held:
        lines.append(
            f"{done.held} open incident(s) had a step due in the past: held, nobody is paged for them. Look at them."
        )
    if done.revoked:
        lines.append(f"{done.revoked} API key(s) had been revoked since the backup, and are again.")
    if done.lost:
        lines.append(
            f"{sum(done.lost.values())} stored secret(s) cannot be read without the key of that installation: "
            f"{counted(done.lost)}. Give them anew."
        )
    if done.sessions:
        lines.append("Everybody has to sign in again.")
    return lines


def postgres() -> Invalid:
    """Why a backup of Postgres is not restored by us."""
    return Invalid(
        "A backup of Postgres is restored with pg_restore, then run `openalert restore --in-place`; see docs/backup.md."
    )
