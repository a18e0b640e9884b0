"""What group commit is for: a disk whose flushes take 2 ms longer, and many senders at a time."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench import load, server
from tests.bench.load import Spec
from tests.bench.report import Figure, main

MICROSECONDS = 2000


def measure() -> Sequence[Figure]:
    """Messages a second of 256 senders against those of one, who gets one commit for each."""
    with (
        slow_flushes() as environment,
        server.world() as world,
        server.openalert(world, **environment) as running,
    ):
        load.run(Spec(port=running.port, salt="w", seconds=1, distinct=100))
        alone = load.run(Spec(port=running.port, salt="a", seconds=4, connections=1)).rate
        many = load.run(Spec(port=running.port, salt="b", seconds=6, connections=256)).rate
    return [
        Figure(
            what="flushes + 2 ms: 256 senders",
            value=many,
            unit="msg/s",
            floor=alone,
            floor_name="single commits",
            aim=8,
        )
    ]


@contextmanager
def slow_flushes() -> Iterator[dict[str, str]]:
    """The environment of a process whose flushes are slow; needs a C compiler."""
    with tempfile.TemporaryDirectory(prefix="openalert-bench-") as name:
        yield {"LD_PRELOAD": str(compiled(Path(name))), "SLOWSYNC_US": str(MICROSECONDS)}


def compiled(folder: Path) -> Path:
    """`slowsync.c` as a library in that folder."""
    library = folder / "slowsync.so"
    source = Path(__file__).with_name("slowsync.c")
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return library


if __name__ == "__main__":
    main(measure)
