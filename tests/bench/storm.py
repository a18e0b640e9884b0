"""What a storm that pages somebody for every new incident at once does to the senders of alerts."""

import sys
from collections.abc import Sequence

from tests.bench import load, server
from tests.bench.load import Spec
from tests.bench.report import Figure, main

SECONDS = 10.0


def measure() -> Sequence[Figure]:
    """New alerts a second while each pages at once: by a channel that works, and by one that refuses."""
    with server.world() as world, server.openalert(world) as running:
        load.run(Spec(port=running.port, salt="w", seconds=1, distinct=100))
        calm = load.run(Spec(port=running.port, salt="a", seconds=5)).rate
    port = server.free_port()
    command = [sys.executable, "-m", "tests.bench.sink", str(port)]
    with server.world(0, sink=port) as world:
        log = world.folder / "sink"
        with server.process(command, f"http://127.0.0.1:{port}/", log, {}):
            works = _storm(world)
    with server.world(0, sink=server.free_port()) as world:
        refuses = _storm(world)
    return [
        Figure(
            what="new, each pages: channel works", value=works, unit="msg/s", floor=calm, floor_name="calm"
        ),
        Figure(
            what="new, each pages: channel refuses",
            value=refuses,
            unit="msg/s",
            floor=calm,
            floor_name="calm",
        ),
    ]


def _storm(world: server.World) -> float:
    with server.openalert(world, **server.OUTGOING) as running:
        return load.run(Spec(port=running.port, salt="a", seconds=SECONDS)).rate


if __name__ == "__main__":
    main(measure)
