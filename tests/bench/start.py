"""How soon a started server is ready, and how much memory it then needs."""

import time
from collections.abc import Sequence

from tests.bench import server
from tests.bench.report import Figure, main


def measure() -> Sequence[Figure]:
    """The second of two starts, and its memory after some idle seconds."""
    with server.world() as world:
        with server.openalert(world):
            pass
        with server.openalert(world) as running:
            time.sleep(5)
            memory, seconds = running.memory, running.started_in
    return [
        Figure(what="start to ready", value=seconds, unit="s", aim=2, is_time=True),
        Figure(what="idle memory (PSS)", value=memory, unit="MB", aim=90, is_time=True),
    ]


if __name__ == "__main__":
    main(measure)
