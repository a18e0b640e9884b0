"""The keys of the installation: given by the configuration, or made once and kept in files of the data folder.

Of the vault there is one key a line, the one that seals first; further lines are older keys, which still open. The
files lie beside the database and never in it, so that a stolen copy of the database opens nothing.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from openalert.config import Config
from openalert.domain.errors import Invalid
from openalert.domain.vault import Vault
from openalert.storage.permissions import inaccessible

FILE = "encryption.key"
SIGNING_FILE = "secret.key"


class KeyRing:
    """The keys in force; `vault` is replaced whenever they change."""

    def __init__(self, keys: list[str], path: Path | None = None, *, is_new: bool = False) -> None:
        """`path`: the file that is ours to write; None where the configuration gives the keys.

        `is_new`: the file was made by this start, so that nothing can be sealed with its key yet.
        """
        self.is_new = is_new
        self._keys = keys
        self._path = path
        self.vault = Vault(keys)

    @property
    def where(self) -> str:
        """What a person must look at when a key is missing."""
        return str(self._path) if self._path else "server.encryption_key"

    def forget_new(self) -> None:
        """Remove the file that this start made: its key is the wrong one here, and none is to be found next time."""
        if self.is_new and self._path is not None:
            self._path.unlink(missing_ok=True)

    def begin_change(self) -> None:
        """A fresh key seals from now on, the others still open; goes on where an earlier change was broken off."""
        if len(self._keys) > 1:
            return
        if self._path is None:
            raise Invalid(
                "The key is given by server.encryption_key. Write a new one on a line above it, restart "
                "OpenAlert, and run this again."
            )
        self._keep([new_key(), *self._keys])

    def end_change(self) -> bool:
        """Nothing is sealed with the older keys any more; True where they were ours to forget."""
        if self._path is not None:
            self._keep(self._keys[:1])
        return self._path is not None

    def _keep(self, keys: list[str]) -> None:
        """The file first: what is sealed from now on must open after a crash too."""
        assert self._path is not None  # noqa: S101 - both callers look
        partial = self._path.with_name(f"{self._path.name}.new")
        partial.unlink(missing_ok=True)
        _write_new(partial, keys)
        partial.rename(self._path)
        _flush_folder(self._path.parent)
        self._keys = keys
        self.vault = Vault(keys)


def of(config: Config) -> KeyRing:
    """The keys of this installation; the file is made at the first start, readable by us alone."""
    if config.server.encryption_key:
        return KeyRing(config.server.encryption_key.split())
    path = config.data_dir / FILE
    text, is_new = _read_or_made(path)
    return KeyRing(text.decode("ascii").split(), path, is_new=is_new)


def signing_key(config: Config) -> bytes:
    """The key that signs the links in messages; made at the first start, readable by us alone."""
    if config.server.secret_key:
        return config.server.secret_key.encode()
    text, _ = _read_or_made(config.data_dir / SIGNING_FILE)
    return text.strip()


def _read_or_made(path: Path) -> tuple[bytes, bool]:
    """What the file of keys holds, and whether it was made just now; `Inaccessible` when it is not for us."""
    is_new = False
    try:
        with suppress(FileExistsError):
            _write_new(path, [new_key()])
            is_new = True
            _flush_folder(path.parent)
        return path.read_bytes(), is_new
    except OSError as error:
        raise inaccessible(path, error) from error


def new_key() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def _write_new(path: Path, keys: list[str]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write("".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """A new name is only safe from a loss of power when its folder is on the disk too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
