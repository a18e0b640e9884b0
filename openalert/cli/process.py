"""The process itself: what it leaves behind, who may read it, and how much it may open."""

import os
import resource

MOST_HANDLES = 16_384
"""More open files than this are not asked for."""
KEPT_HANDLES = 256
"""For the database, mail, webhooks and files."""


def keep_to_ourselves() -> None:
    """Files that are made from now on are for us alone, and a crash writes no memory with keys to the disk."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def is_root() -> bool:
    """Whether a fault in this program would be a fault of the whole machine."""
    return os.geteuid() == 0


def most_connections() -> int:
    """As many as there are file handles, less those that we need ourselves; the soft limit is raised for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_HANDLES if hard == resource.RLIM_INFINITY else min(hard, MOST_HANDLES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted - min(KEPT_HANDLES, wanted // 2)
