"""Every benchmark, then one table: `python -m tests.bench`, about fifteen minutes on a quiet machine."""

from tests.bench import (
    auditor,
    bench_oncall,
    deliveries,
    fanout,
    ingest,
    large_body,
    latency,
    lateness,
    listeners,
    lists,
    open_alerts,
    recovery,
    rights,
    rules,
    slow_disk,
    sources,
    start,
    status_page,
    stores,
    storm,
    subscribers,
    two_teams,
    watching,
)
from tests.bench.report import Figure, machine, show


def everything() -> list[Figure]:
    """The figures of all benchmarks."""
    figures: list[Figure] = []
    for benchmark in (
        ingest,
        sources,
        slow_disk,
        large_body,
        latency,
        storm,
        two_teams,
        lateness,
        deliveries,
        start,
        recovery,
        auditor,
        lists,
        open_alerts,
        rights,
        rules,
        bench_oncall,
        watching,
        status_page,
        subscribers,
        stores,
        fanout,
        listeners,
    ):
        print(f"{benchmark.__name__.rpartition('.')[2]} …", flush=True)
        figures += benchmark.measure()
    return figures


if __name__ == "__main__":
    print(machine(), flush=True)
    show(everything())
