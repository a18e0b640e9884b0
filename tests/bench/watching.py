"""What watching a thousand schedules costs: the check for handoffs each minute, and the warnings of 30 days.

Neither may keep others waiting: beside each a task asks for its turn all the time, and the longest it waits is told.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from openalert.domain.access import SYSTEM
from openalert.domain.escalation import EscalationPolicy, Level, PolicyVersion, Target, TargetType
from openalert.domain.ids import new_id
from openalert.domain.instant import MINUTE
from openalert.domain.schedule import Restriction, Rotation, RotationType, RotationVersion, Schedule
from openalert.domain.service import Service
from openalert.engine import escalate
from openalert.storage import Database, open_database
from openalert.storage.transaction import Transaction
from openalert.usecases import handoffs, warnings
from tests import make
from tests.bench.report import Figure, main

SCHEDULES = 1_000
PEOPLE = 100
TIMES = 5
LONGEST_WAIT = 20.0
"""Milliseconds."""


def measure() -> Sequence[Figure]:
    """CPU milliseconds of the process, and the longest wait of another task beside it."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            await _fill(db)
            known: handoffs.Known = {}
            await escalate.tell_handoffs(db)
            await escalate.tell_handoffs(db, known)
            return [
                *await _figures("the first look for handoffs in", lambda: escalate.tell_handoffs(db), None),
                *await _figures("each further look in", lambda: escalate.tell_handoffs(db, known), 40.0),
                *await _figures("warnings of", lambda: warnings.look(db, SYSTEM), None),
            ]
        finally:
            await db.close()


async def _fill(db: Database) -> None:
    """Schedules of a week's rotation and another for the office, each paged by a policy of a service."""
    organization = await make.organization(db)
    people = [await make.user(db, organization, f"Person{number}") for number in range(PEOPLE)]
    team = await make.team(db, organization, "Core")
    async with db.transaction() as tx:
        for number in range(SCHEDULES):
            members = tuple(people[(number + each) % PEOPLE].id for each in range(4))
            await _schedule(tx, organization.id, team.id, number, members)


async def _schedule(
    tx: Transaction, organization_id: str, team_id: str, number: int, members: tuple[str, ...]
) -> None:
    owned = {
        "organization_id": organization_id,
        "team_id": team_id,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    schedule = Schedule(id=new_id(tx.now), name=f"Schedule {number}", timezone="Europe/Berlin", **owned)
    office = tuple(Restriction(from_day=day, from_time="09:00", to_time="17:00") for day in range(1, 6))
    rotations = [
        Rotation(
            id=new_id(tx.now),
            schedule_id=schedule.id,
            name=f"Layer {layer}",
            versions=(
                RotationVersion(
                    valid_from=tx.now - MINUTE,
                    timezone="Europe/Berlin",
                    layer=layer,
                    rotation_type=RotationType.WEEKLY if layer == 1 else RotationType.DAILY,
                    effective_from=tx.now - MINUTE,
                    member_ids=members,
                    restrictions=() if layer == 1 else office,
                ),
            ),
        )
        for layer in (1, 2)
    ]
    policy = EscalationPolicy(id=new_id(tx.now), name=f"Policy {number}", version_id=new_id(tx.now), **owned)
    version = PolicyVersion(
        id=policy.version_id,
        policy_id=policy.id,
        levels=(Level(level=1, delay=0, targets=(Target(type=TargetType.SCHEDULE, id=schedule.id),)),),
        created_at=tx.now,
    )
    service = Service(
        id=new_id(tx.now),
        name=f"Service {number}",
        slug=f"s{number}",
        escalation_policy_id=policy.id,
        **owned,
    )
    await tx.insert("schedules", schedule)
    await tx.insert("rotations", *rotations)
    await tx.insert("escalation_policies", policy)
    await tx.insert("escalation_policy_versions", version)
    await tx.insert("services", service)


async def _figures(what: str, work: Callable[[], Awaitable[object]], aim: float | None) -> list[Figure]:
    """The best of some runs, as other programs on the machine only make it slower."""
    spent, waited = [], []
    for _ in range(TIMES):
        longest = [0.0]
        beside = asyncio.create_task(_wants_its_turn(longest))
        await asyncio.sleep(0)
        before = time.process_time()
        await work()
        spent.append(time.process_time() - before)
        beside.cancel()
        waited.append(longest[0])
    told = (("CPU", min(spent), aim), ("the longest that others wait", min(waited), LONGEST_WAIT))
    return [
        Figure(
            what=f"{what} {SCHEDULES:,} schedules: {of}",
            value=value * 1_000,
            unit="ms",
            aim=wanted,
            is_time=True,
        )
        for of, value, wanted in told
    ]


async def _wants_its_turn(longest: list[float]) -> None:
    last = time.monotonic()
    while True:
        await asyncio.sleep(0.001)
        now = time.monotonic()
        longest[0] = max(longest[0], now - last)
        last = now


if __name__ == "__main__":
    main(measure)
