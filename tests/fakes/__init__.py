"""The other side: servers on loopback that behave well, badly, or not at all, as told."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def black_hole(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port on which connections are neither taken nor refused; yields its number."""
    with socket.socket() as listener:
        listener.bind((host, port))
        listener.listen(0)
        # The queue of connections that wait to be accepted is full, so further ones get no answer at all.
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for one in waiting:
                one.close()
