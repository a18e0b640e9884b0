"""On which processors the server of a benchmark runs, and on which its senders: where the kernel likes, or apart.

Apart, the whole server has one processor and the senders have another, which is how the aims of ingestion were found.
The bare mount's figure is that of one core then too, and nothing wanders between the caches of two.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_of_servers: set[int] = set()
_of_senders: set[int] = set()


@contextmanager
def apart() -> Iterator[None]:
    """Until the end of the block servers begin on the first processor that we may use, and senders on the others."""
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise RuntimeError("to keep the server and its senders apart takes two processors")
    _of_servers.add(first)
    _of_senders.update(others)
    try:
        yield
    finally:
        _of_servers.clear()
        _of_senders.clear()


def keep_server(process: int) -> None:
    """Let a server that has just begun run where it shall; its threads follow."""
    _keep(process, _of_servers)


def keep_sender(process: int) -> None:
    """The same of a sender."""
    _keep(process, _of_senders)


def _keep(process: int, processors: set[int]) -> None:
    if processors:
        os.sched_setaffinity(process, processors)
