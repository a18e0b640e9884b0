"""What `openalert check` tries of the machine: its disk, its clock, who may read the files, the address for people."""

import ctypes
import os
import sqlite3
import stat
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from openalert.config import Config

Finding = tuple[str, bool | None, str]
"""As in `check`."""

FLUSHES = 15
SLOW_FLUSH = 0.05
"""Seconds from which on acknowledges are felt to wait."""
HONEST_FLUSH = 0.00002
"""Seconds below which no disk has written anything."""
WAL_RESET_FIXED = (3, 51, 3)
"""The first SQLite in which two connections that write the log at once cannot corrupt the file."""
CLOCK_UNKNOWN = 5
"""TIME_ERROR of adjtimex(2): the kernel has not heard from a time service."""
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_TRIAL = "check.tmp"


async def findings(config: Config) -> AsyncIterator[Finding]:
    """All of them."""
    yield _flush(config.data_dir)
    yield time_service()
    if config.database_url.startswith("sqlite"):
        yield _sqlite()
    yield _files(config)
    yield await _front_door(config)


def _flush(folder: Path) -> Finding:
    """How long a commit has to wait for the disk."""
    name, took = "flush", []
    trial = folder / _TRIAL
    try:
        with trial.open("wb", buffering=0) as file:
            for _ in range(FLUSHES):
                file.write(os.urandom(4096))
                begun = time.perf_counter()
                os.fsync(file.fileno())
                took.append(time.perf_counter() - begun)
    except OSError as error:
        return name, False, f"{folder} does not take a file: {error.strerror}"
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)
    usual, worst = statistics.median(took), max(took)
    words = f"the disk takes {usual * 1000:.2f} ms for a commit, {worst * 1000:.2f} ms at worst"
    if usual < HONEST_FLUSH:
        return name, None, f"{words}; that is memory, not a disk: a power cut may lose alerts that were taken"
    return (
        name,
        None if usual > SLOW_FLUSH else True,
        words + (", which is slow" if usual > SLOW_FLUSH else ""),
    )


class _Timex(ctypes.Structure):
    """The beginning of struct timex of adjtimex(2), with room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 256),
    )


def time_service() -> Finding:
    """Whether somebody keeps the clock, as the kernel knows it."""
    name, asked = "time service", _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked))
    except (AttributeError, OSError):
        return name, None, "this system does not say whether anybody keeps its clock"
    if state < 0:
        return name, None, f"the kernel does not say: {os.strerror(ctypes.get_errno())}"
    if state == CLOCK_UNKNOWN:
        return name, None, "nobody keeps the clock: install chrony or systemd-timesyncd, or rotations drift"
    return name, True, f"keeps the clock, within {asked.maxerror / 1000:.0f} ms"


def _sqlite() -> Finding:
    name, version = "sqlite", sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= WAL_RESET_FIXED:
        return name, True, f"{version}"
    return (
        name,
        True,
        (
            f"{version}; before 3.51.3 two writers at once can corrupt a file. OpenAlert writes by one connection and "
            "locks others out: let no other program write to it"
        ),
    )


def _files(config: Config) -> Finding:
    """Whoever reads these files reads every secret, or can sign as this server."""
    name = "files"
    if config.server.file_access == "anyone":
        return (
            name,
            None,
            "server.file_access is anyone: whoever reads them has every secret, and nobody looks",
        )
    open_ones = [path for path in _secrets(config) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if not open_ones or not stat.S_IMODE(config.data_dir.stat().st_mode) & 0o007:
        return name, True, f"only the owner gets at the keys and the database in {config.data_dir}"
    return (
        name,
        False,
        (
            f"everybody on this machine may get at {', '.join(each.name for each in open_ones)}: "
            f"chmod 700 {config.data_dir} and chmod 600 these"
        ),
    )


def _secrets(config: Config) -> Iterator[Path]:
    from openalert.storage import sqlite_file

    file = sqlite_file(config.database_url)
    for path in (config.data_dir / "secret.key", config.data_dir / "encryption.key", file):
        if path is not None and path.is_file():
            yield path


async def _front_door(config: Config) -> Finding:
    """Whether people's address leads here, and what comes through a proxy is not taken for this machine."""
    from openalert.notifiers.configured import outgoing_settings
    from openalert.notifiers.own_door import OwnDoor, Refused

    name, host = "base_url", urlsplit(config.base_url).hostname or ""
    door = OwnDoor(config.base_url, outgoing_settings(config))
    try:
        if not await door.is_ours():
            return name, None, f"something else than OpenAlert answers at {config.base_url}"
        if host not in LOOPBACK and await door.takes_all_for_the_machine():
            return (
                name,
                False,
                (
                    f"whoever comes by {config.base_url} is taken for this machine and reads /metrics: let the proxy "
                    "set X-Forwarded-For, and name it in server.trusted_proxies"
                ),
            )
    except Refused as error:
        return name, None, f"{error} Right while no server runs; else look at DNS, proxy and TLS"
    finally:
        await door.close()
    return name, True, f"{config.base_url} leads to a running OpenAlert"
