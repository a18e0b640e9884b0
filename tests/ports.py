"""Ports of loopback for servers that are told theirs before they listen, and that come back to it after a restart.

A port that the kernel chose and that was let go again may be given to anybody else until the server listens there: some
sixty processes run at once, and each connection that leaves takes a port too. So these are taken from below the range
from which the kernel chooses, and every test process has a slice of them for as long as it lives.
"""

import itertools
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FIRST = 12_000
SIZE = 250
"""How many ports a test process has; it comes back to one only after it has used all others."""
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port that nobody listens on, and that nobody outside this test process is given."""
    ours = _slice()
    if ours is None:
        return _of_the_kernel()
    for _ in range(SIZE):
        port = next(ours)
        if _can_be_bound(port):
            return port
    raise AssertionError("every port of this test process is in use")


@cache
def _slice() -> Iterator[int] | None:
    """Those of this process, over and over; None where there are none to be had. Whose a slice is, an abstract address
    says: it is gone with whoever holds it, however that ends.
    """
    try:
        end = int(RANGE.read_text().split()[0])
    except OSError:
        return None
    for first in range(FIRST, end - SIZE, SIZE):
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            holder.bind(f"\0openalert-tests-ports-{first}")
        except OSError:
            holder.close()
            continue
        _held.append(holder)
        return itertools.cycle(range(first, first + SIZE))
    return None


_held: list[socket.socket] = []
"""What says that the slice is ours."""


def _can_be_bound(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _of_the_kernel() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Place:
    """The port of a server that goes away and comes back: who connects meanwhile is refused, and nobody else has it."""

    def __init__(self) -> None:
        self._holder: socket.socket | None = None

    def keep(self, host: str, port: int) -> None:
        """Nobody listens there any more; whoever is to listen in place of the server still may."""
        self.leave()
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind((host, port))

    def leave(self) -> None:
        """The server listens again, or never will."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None
