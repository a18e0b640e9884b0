"""What each source costs beside Prometheus: processor time of an alert from its body to the disk, repeats and all."""

import asyncio
import hashlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from openalert.domain.mapping import Mapping
from openalert.domain.severity import Severity
from openalert.sources import SOURCES, USUAL, Habits, read, using
from openalert.sources.mapping import Mapped
from openalert.storage import Database, open_database
from openalert.usecases.inbound import Delivery
from openalert.usecases.ingest import take_in
from tests import make
from tests.bench.report import Figure, main
from tests.sources import payloads

MESSAGES = 1
ROUNDS = 60
KEY = "bench"
AIM = 1 / 1.2
MAPPED_AIM = 1 / 2
"""A mapping may make a message cost twice as much as one of Prometheus."""
MAPPINGS = (
    (
        "paths",
        Mapping(
            title="title", severity="severity", status="status", identity="host", labels={"host": "host"}
        ),
    ),
    (
        "JMESPath",
        Mapping(
            title="join(' ', [title, host || 'nowhere'])",
            severity="severity || 'high'",
            status="status == 'ok' && 'resolved' || 'firing'",
            identity="[host, title]",
            labels={"host": "host || `null`"},
        ),
    ),
)
"""Mappings as people write them, and what they are made of."""


def measure() -> Sequence[Figure]:
    """Alerts a second and core, for the middle payload of each source; the floor is Prometheus's."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            service = await make.service(db, await make.team(db, await make.organization(db), "Ops"))
            await make.integration(db, service, key=KEY)
            floor = await _rate(db, "prometheus")
            return [
                Figure(
                    what=f"{name}, repeats",
                    value=await _rate(db, name),
                    unit="alerts/s",
                    floor=floor,
                    floor_name="prometheus",
                    aim=AIM,
                )
                for name in SOURCES
                if name not in ("prometheus", "email")
            ] + [
                Figure(
                    what=f"generic with a mapping of {words}, repeats",
                    value=await _rate(db, "generic", Habits({"sev-a": Severity.LOW}, Mapped(mapping))),
                    unit="alerts/s",
                    floor=floor,
                    floor_name="prometheus",
                    aim=MAPPED_AIM,
                )
                for words, mapping in MAPPINGS
            ]
        finally:
            await db.close()


async def _rate(db: Database, source: str, habits: Habits = USUAL) -> float:
    """Alerts for a second of processor time, the best of some rounds."""
    names = [name for name in payloads.names(source) if payloads.expectation(name)["alerts"]]
    name = sorted(names, key=lambda each: len(payloads.content(each)))[len(names) // 2]
    content, inbound = payloads.content(name), payloads.inbound(name)
    best = 0.0
    for _ in range(ROUNDS):
        begun = time.process_time()
        with using(habits):
            reading = read(source, content, inbound)
        deliveries = [
            Delivery(
                key_hash=hashlib.sha256(KEY.encode()).hexdigest(),
                content=content,
                content_type="application/json",
                source=source,
                reading=reading,
                trace_id="bench",
            )
            for _ in range(MESSAGES)
        ]
        async with db.transaction() as tx:
            outcomes = await take_in(tx, deliveries)
        spent = time.process_time() - begun
        assert not any(outcome.error for outcome in outcomes)
        best = max(best, sum(outcome.processed for outcome in outcomes) / spent)
    return best


if __name__ == "__main__":
    main(measure)
