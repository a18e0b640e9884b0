"""How long a sender waits at a steady 500 new alerts a second, counted from when each was to be sent."""

from collections.abc import Sequence

from tests.bench import load, server
from tests.bench.load import Spec
from tests.bench.report import Figure, main


def measure() -> Sequence[Figure]:
    """The median and the 99th percentile over ten seconds."""
    with server.world() as world, server.openalert(world) as running:
        load.run(Spec(port=running.port, salt="w", seconds=2, rate=500))
        steady = load.run(Spec(port=running.port, salt="a", seconds=10, rate=500, connections=64))
    return [
        Figure(what="500 new alerts a second: p50", value=steady.p50, unit="ms", is_time=True),
        Figure(what="500 new alerts a second: p99", value=steady.p99, unit="ms", aim=10, is_time=True),
    ]


if __name__ == "__main__":
    main(measure)
