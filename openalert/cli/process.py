"""The process itself: what it leaves behind, who may read it, and how much it may open."""

import ctypes
import os
import resource
from typing import NoReturn

from openalert.storage.disk import Fatal

MOST_HANDLES = 16_384
"""More open files than this are not asked for."""
KEPT_HANDLES = 256
"""For the database, mail, webhooks and files."""
KEPT_FREE = 16
"""No client gets these, however many come: a page that goes out needs one."""


COULD_NOT_START = 3
"""Also: another process has taken the database, so that this one cannot go on."""
FLUSH_FAILED = 4
"""The disk did not take what was written; the supervisor starts it anew."""
DAMAGED = 5
"""The database file is broken: a person has to restore a backup, to start again does not help."""
_CODES = {Fatal.FLUSH_FAILED: FLUSH_FAILED, Fatal.OVERTAKEN: COULD_NOT_START}


def leave_at_once(why: Fatal, words: str) -> NoReturn:
    """End without another write, as a kill would; docs/operations.md has the codes."""
    os.write(2, f"openalert: {words}\n".encode())
    os._exit(_CODES[why])


def keep_to_ourselves() -> None:
    """Files that are made from now on are for us alone, and a crash writes no memory with keys to the disk."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def give_back_memory() -> None:
    """Give the kernel what a start took and nobody needs any more, where the C library is one that can: glibc's."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def is_root() -> bool:
    """Whether a fault in this program would be a fault of the whole machine."""
    return os.geteuid() == 0


def is_among_the_last(handle: int) -> bool:
    """Whether this handle is one of those that are kept for pages, also where the limit is lowered while we run.

    The kernel gives out the lowest that is free, so all below it are taken.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft != resource.RLIM_INFINITY and handle >= soft - KEPT_FREE


def most_connections() -> int:
    """As many as there are file handles, less those that we need ourselves; the soft limit is raised for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_HANDLES if hard == resource.RLIM_INFINITY else min(hard, MOST_HANDLES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted - min(KEPT_HANDLES, wanted // 2)
