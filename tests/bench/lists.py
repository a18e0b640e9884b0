"""Whether what people look at slows down as alerts pile up: lists and details with 10,000 and 100,000 alerts."""

import http.client
import json
import statistics
import time
from collections.abc import Sequence

from tests.bench import load, server
from tests.bench.load import Spec
from tests.bench.report import Figure, main
from tests.bench.server import Running, World

FEW, MANY = 10_000, 100_000
IN_A_MESSAGE = 5
"""So many alerts are one open incident."""
TIMES = 40
ROUNDS = 3


def measure() -> Sequence[Figure]:
    """The median time of each page at both sizes, as JSON and as HTML."""
    with server.world() as world, server.openalert(world) as running:
        _fill(running, "few", FEW)
        before = _look(world, running)
        _fill(running, "many", MANY - FEW)
        after = _look(world, running)
    figures = []
    for what, slow in after.items():
        figures.append(Figure(what=f"{what}, {MANY:,} alerts", value=slow, unit="ms", aim=30, is_time=True))
        figures.append(
            Figure(
                what=f"{what}, growth",
                value=slow,
                unit="ms",
                floor=before[what],
                floor_name=f"ms at {FEW:,}",
                aim=1.3,
                is_time=True,
            )
        )
    return figures


def _fill(running: Running, salt: str, alerts: int) -> None:
    load.run(
        Spec(
            port=running.port,
            salt=salt,
            seconds=300,
            alerts=IN_A_MESSAGE,
            most=alerts // IN_A_MESSAGE,
            connections=16,
        )
    )


def _look(world: World, running: Running) -> dict[str, float]:
    """The best of a few medians: what disturbs a round is not the program's."""
    rounds = [_look_once(world, running) for _ in range(ROUNDS)]
    return {what: min(each[what] for each in rounds) for what in rounds[0]}


def _look_once(world: World, running: Running) -> dict[str, float]:
    key = {"Authorization": f"Bearer {world.api_key}"}
    person = {"Cookie": f"openalert_session={world.session}", "Accept": "text/html"}
    listed = json.loads(get(running, "/api/v1/incidents", key, 1)[1])
    one = next(iter(value for value in listed.values() if isinstance(value, list)))[0]["id"]
    return {
        "incidents (JSON)": get(running, "/api/v1/incidents", key)[0],
        "incident (JSON)": get(running, f"/api/v1/incidents/{one}", key)[0],
        "alerts (JSON)": get(running, "/api/v1/alerts", key)[0],
        "incidents (page)": get(running, "/incidents", person)[0],
        "incident (page)": get(running, f"/incidents/{one}", person)[0],
    }


def get(running: Running, path: str, headers: dict[str, str], times: int = TIMES) -> tuple[float, bytes]:
    """The median of the milliseconds that an answer takes, and the last answer."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    taken, body = [], b""
    for _ in range(times):
        begun = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        taken.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {body[:200]!r}")
    connection.close()
    return statistics.median(taken), body


if __name__ == "__main__":
    main(measure)
