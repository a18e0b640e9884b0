"""Ten thousand WebSockets: memory, when the last one is told, and what that leaves to the senders of alerts (WS-1)."""

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack

import msgspec

from openalert.config import Config, Server
from openalert.domain.access import Role
from openalert.storage import keyring, open_database
from openalert.usecases import api_keys, signin
from tests.bench import load, server, sockets
from tests.bench.load import Spec
from tests.bench.report import Figure, main
from tests.bench.sockets import Crowd, Listening

CLIENTS = 10_000
EACH = 20
"""Connections that one API key may have."""
ABUSERS = 500
"""So many more of each kind that misbehaves."""
MARKS = 5
RATE = 100.0
"""New alerts a second, of each of which everybody is told."""
SECONDS = 8.0
MOST_MEMORY = 400.0
LAST_TOLD = 2.0
KINDS = ("never", "drip", "ping", "huge", "half")


class Seen(msgspec.Struct, frozen=True):
    """How the server does at one moment."""

    p99: float
    """Milliseconds, of RATE alerts a second."""
    most: float
    """Alerts a second, as many as go."""
    last: float
    """Seconds from the answer to an alert until the last listener was told, at worst."""
    memory: float
    """MB."""
    cpu: float
    """Microseconds of processor time of the server for an alert, while as many come as go."""


def measure(clients: int = CLIENTS, abusers: int = ABUSERS) -> Sequence[Figure]:
    """Alone, then with listeners, then with such that misbehave beside them."""
    with server.world() as world:
        keys = asyncio.run(_keys(world, clients // EACH + len(KINDS) * (abusers // EACH)))
        with server.openalert(world) as running, ExitStack() as stack:
            load.run(Spec(port=running.port, salt="w", seconds=1, distinct=100))
            alone = _seen(running, "a")
            everybody = Crowd(port=running.port, keys=keys[: clients // EACH], clients=clients)
            listening = stack.enter_context(sockets.crowd(everybody))
            beside = _seen(running, "b", listening, clients)
            rest = keys[clients // EACH :]
            for kind in KINDS:
                some, rest = rest[: abusers // EACH], rest[abusers // EACH :]
                # Who begins an opening and does not end it is sent away after some seconds, and tries again.
                crowd = Crowd(port=running.port, keys=some, clients=abusers, behave=kind, back=kind == "half")
                stack.enter_context(sockets.crowd(crowd))
            abused = _seen(running, "c", listening, clients)
            hearing = listening.tell()
    print(
        f"  {hearing.open:,} of {clients:,} listen to the end; opened in {hearing.seconds:.1f} s", flush=True
    )
    who = f"{clients:,} WebSockets"
    return [
        *_figures(who, beside, alone),
        *_figures(f"{who}, {len(KINDS) * abusers:,} abuse theirs", abused, alone),
        Figure(what="memory without WebSockets", value=alone.memory, unit="MB"),
    ]


def _figures(who: str, seen: Seen, alone: Seen) -> list[Figure]:
    return [
        Figure(what=f"{who}: last told, worst", value=seen.last, unit="s", aim=LAST_TOLD, is_time=True),
        Figure(what=f"{who}: memory", value=seen.memory, unit="MB", aim=MOST_MEMORY, is_time=True),
        Figure(
            what=f"{who}: {RATE:g} alerts a second, p99", value=seen.p99, unit="ms",
            floor=alone.p99, floor_name="alone", is_time=True,
        ),
        Figure(
            what=f"{who}: alerts as many as go", value=seen.most, unit="msg/s",
            floor=alone.most, floor_name="alone", aim=0.8,
        ),
        Figure(
            what=f"{who}: processor time of an alert", value=seen.cpu, unit="µs",
            floor=alone.cpu, floor_name="alone", is_time=True,
        ),
    ]  # fmt: skip


async def _keys(world: server.World, count: int) -> list[str]:
    """API keys of the world's organization, as many."""
    keys = keyring.of(Config(server=Server(data_dir=str(world.folder))))
    database = await open_database(f"sqlite:///{world.folder / 'openalert.db'}", keys=keys)
    try:
        async with database.read() as reader:
            owner = await signin.actor_for_session(reader, world.session)
        assert owner is not None
        async with database.transaction(owner) as tx:
            made = [await api_keys.create(tx, name=f"Listener {n}", role=Role.VIEWER) for n in range(count)]
        return [text for _, text in made]
    finally:
        await database.close()


def _seen(running: server.Running, salt: str, listening: Listening | None = None, clients: int = 0) -> Seen:
    steady = load.run(Spec(port=running.port, salt=f"{salt}s", seconds=SECONDS, rate=RATE))
    used = server.cpu_seconds(running.pid)
    most = load.run(Spec(port=running.port, salt=f"{salt}m", seconds=SECONDS))
    cpu = (server.cpu_seconds(running.pid) - used) / max(1, most.answered) * 1e6
    time.sleep(2)
    last = (
        max(_told(running.port, listening, clients, f"{salt}{n}") for n in range(MARKS)) if listening else 0
    )
    return Seen(p99=steady.p99, most=most.rate, last=last, memory=running.memory, cpu=cpu)


def _told(port: int, listening: Listening, clients: int, name: str) -> float:
    """Seconds from the answer to an alert until the last of all listeners heard of it."""
    body = json.dumps({"title": f"mark {name}", "dedup_key": name}).encode()
    url = f"http://127.0.0.1:{port}/webhooks/generic/{server.KEY}"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30):
        answered = time.time()
    for _ in range(100):
        heard, last = listening.tell().heard.get(f"mark {name}", (0, 0.0))
        if heard >= clients:
            return max(0.0, last - answered)
        time.sleep(0.1)
    print(f"  only {heard:,} of {clients:,} heard of it", flush=True)
    return float("inf")


if __name__ == "__main__":
    sizes = [int(each) for each in sys.argv[1:]]
    main(lambda: measure(*sizes))
