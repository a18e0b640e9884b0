"""What a watcher knows, in a file of its own: written whole or not at all, sealed with its key, for its eyes alone."""

import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from openalert.domain.absence import Memory
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import Instant
from openalert.domain.outage import STEP_OF_CLOCK
from openalert.domain.vault import Unreadable, Vault
from openalert.engine.black_box import boot_id

log = structlog.get_logger(__name__)


class AlreadyWatched(OpenAlertError):
    """Another process watches the same server with the same file."""


class _Kept(msgspec.Struct):
    memory: Memory
    boot: str
    """In which life of the machine it was written."""
    up: int
    """Milliseconds since that began, by the clock that nobody sets."""
    at: Instant


class WatchMemory:
    """The file. One process at a time has it."""

    def __init__(self, folder: Path, server: str, key: str) -> None:
        """`key`: the API key, which seals it: with another key everything is learned anew."""
        name = f"watch-{hashlib.sha256(server.encode()).hexdigest()[:8]}"
        self.path = folder / f"{name}.state"
        self._lock, self._seen = folder / f"{name}.lock", folder / f"{name}.seen"
        self._server, self._place = server, f"watch:{server}"
        self._vault = Vault([key])
        self._handle: int | None = None
        self._clocks: tuple[int, Instant] | None = None
        self.memory = Memory(server=server)

    def open(self, now: Instant, up: int) -> None:
        """Take it and read it; AlreadyWatched when another process has it."""
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise AlreadyWatched(
                f"Another process watches {self._server} from {self.path.parent}. Stop it first, or choose another "
                "--data-dir."
            ) from None
        self._handle = handle
        kept = self._read()
        if kept is None:
            return
        self.memory = kept.memory
        self.memory.after_crash()
        if kept.boot and kept.boot == boot_id():
            self._clocks = (kept.up, kept.at)
            self.follow(now, up)

    def follow(self, now: Instant, up: int) -> int:
        """Move what was noted along with a clock that was set since; by how much."""
        step = 0
        if self._clocks is not None:
            step = (now - self._clocks[1]) - (up - self._clocks[0])
            if abs(step) > STEP_OF_CLOCK:
                self.memory.moved(step)
            else:
                return 0
        self._clocks = (up, now)
        return step

    def save(self, now: Instant, up: int) -> bool:
        """On the disk when this returns; False when the disk does not take it, which keeps nobody from being told."""
        kept = _Kept(memory=self.memory, boot=boot_id(), up=up, at=now)
        sealed = self._vault.seal(msgspec.json.encode(kept), self._place)
        partial = self.path.with_suffix(".new")
        try:
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            log.error(  # noqa: TRY400 - the reason is in it
                "what is known cannot be kept", file=str(self.path), problem=error.strerror
            )
            return False
        return True

    def close(self) -> None:
        """Let others have it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def say_seen(self) -> bool:
        """Tell the process that has the file that somebody looks after it; False: there is no such file."""
        if not self.path.exists():
            return False
        self._seen.touch(mode=0o600)
        return True

    def was_seen(self) -> bool:
        """Whether somebody said so since it was asked last."""
        with suppress(FileNotFoundError):
            self._seen.unlink()
            return True
        return False

    def _read(self) -> _Kept | None:
        try:
            sealed = self.path.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            sealed = ""
        try:
            return msgspec.json.decode(self._vault.open(sealed, self._place), type=_Kept)
        except (Unreadable, msgspec.MsgspecError):
            aside = self.path.with_suffix(".unreadable")
            with suppress(OSError):
                self.path.replace(aside)
            log.error(  # noqa: TRY400 - the reason is in it
                "what was known is not to be believed: it was changed, damaged, or sealed with another key",
                file=str(aside),
            )
            return None
