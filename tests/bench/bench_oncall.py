"""How fast is "who is on call": one schedule at an instant, ninety days of ten rotations, a thousand, a year judged."""

import asyncio
import itertools
import tempfile
import time
import timeit
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.access import SYSTEM, program_of
from openalert.domain.instant import DAY, HOUR, Instant, from_datetime
from openalert.domain.oncall import on_call, shifts
from openalert.domain.override import Override
from openalert.domain.plan import Plan
from openalert.domain.quality import quality
from openalert.domain.reminder import beginnings
from openalert.domain.schedule import (
    HolidayRule,
    Restriction,
    Rotation,
    RotationType,
    RotationVersion,
    Schedule,
)
from openalert.storage import Database, open_database
from openalert.storage import schedules as stored
from openalert.usecases import schedules
from tests import make
from tests.bench.report import Figure, main

ZONE = "Europe/Berlin"
_ZONE = ZoneInfo(ZONE)
NOW: Instant = from_datetime(datetime(2026, 9, 16, 14, 30, tzinfo=UTC))
SCHEDULE = Schedule(
    id="s", organization_id="o", team_id="t", name="Primary", timezone=ZONE, created_at=0, updated_at=0
)
NIGHT = (Restriction(from_time="22:00", to_time="06:00"),)
OFFICE = tuple(Restriction(from_time="09:00", to_time="17:00", from_day=day) for day in range(1, 6))
OFF = tuple(msgspec.structs.replace(window, holidays=HolidayRule.EXCEPT) for window in OFFICE)
WORKED = {
    "rotation_type": RotationType.DAILY,
    "restrictions": OFF,
    "worked_days_only": True,
    "holiday_calendar": "DE-BY",
}
SCHEDULES = 1_000
OLD = 2006
"""Twenty years before the rest."""


def rotation(name: str, layer: int, since: int = 2026, **definition: object) -> Rotation:
    """A rotation of four people, weekly on Mondays, that has run since the beginning of the year `since`."""
    start = from_datetime(datetime(since, 1, 1, tzinfo=UTC))
    document = {
        "valid_from": start,
        "timezone": ZONE,
        "layer": layer,
        "handoff_day": 1,
        "effective_from": start,
        "member_ids": ["ada", "ben", "cleo", "dan"],
        **definition,
    }
    version = msgspec.convert(document, RotationVersion)
    return Rotation(id=name, schedule_id="s", name=name, versions=(version,))


def ten(since: int = 2026, **definition: object) -> list[Rotation]:
    """Ten rotations in five layers: weeks, days, nights, office hours, halves of weeks."""
    kinds: list[dict[str, object]] = [
        {},
        {"rotation_type": RotationType.DAILY, "restrictions": NIGHT},
        {"restrictions": OFFICE},
        {"handoff_day": None, "handoff_days": (1, 5), "restrictions": NIGHT},
        {"rotation_type": RotationType.HOURLY, "shift_length": 12, "restrictions": OFFICE},
    ]
    made = []
    for number in range(10):
        kind = kinds[number // 2] | (definition if number > 1 else {})
        made.append(rotation(f"r{number}", number // 2, since, **kind))
    return made


THREE = [
    rotation("weekly", 1),
    rotation("daily", 2, rotation_type=RotationType.DAILY, restrictions=NIGHT),
    rotation("office", 3, restrictions=OFFICE),
]
COVER = Override(
    id="c", schedule_id="s", user_id="eve", start_at=NOW - 30 * DAY, end_at=NOW + HOUR, created_at=NOW - DAY
)


def measure() -> Sequence[Figure]:
    """The figures: at moments spread over sixty days, the rotations being known."""
    moments = itertools.cycle(range(NOW - 60 * DAY, NOW, 7 * HOUR))

    def asked(rotations: list[Rotation], *overrides: Override) -> Callable[[], object]:
        return lambda: on_call(_plan(rotations, *overrides), next(moments))

    def drawn(rotations: list[Rotation]) -> Callable[[], object]:
        return lambda: shifts(_plan(rotations, COVER), NOW, NOW + 90 * DAY)

    floor = microseconds(_round_trip)
    at_once = {
        "who is on call, 1 rotation": asked([rotation("weekly", 1)]),
        "… that began 20 years ago": asked([rotation("old", 1, OLD)]),
        "… of worked days and holidays": asked([rotation("worked", 1, **WORKED)]),
        "… and began 20 years ago": asked([rotation("old", 1, OLD, **WORKED)]),
        "… 3 layers and an override": asked(THREE, COVER),
    }
    ranges = {
        "90 days of 10 rotations": drawn(ten()),
        "… that began 20 years ago": drawn(ten(OLD)),
        "… of worked days and holidays": drawn(ten(**WORKED)),
        "… and began 20 years ago": drawn(ten(OLD, **WORKED)),
    }
    judged = {
        "quality of 90 days of 10 rotations": lambda: quality(_plan(ten(OLD), COVER), NOW, NOW + 90 * DAY),
        "… of 52 weeks": lambda: quality(_plan(ten(OLD), COVER), NOW, NOW + 364 * DAY),
        "turns ahead to be told, 8 days of 10 rotations": lambda: beginnings(
            _plan(ten(OLD), COVER), NOW, NOW + 8 * DAY
        ),
    }
    figures = [
        Figure(what=what, value=microseconds(act), unit="µs", aim=100, is_time=True)
        for what, act in at_once.items()
    ]
    figures += [
        Figure(what=what, value=microseconds(act) / 1000, unit="ms", aim=10, is_time=True)
        for what, act in ranges.items()
    ]
    figures += [
        Figure(what=what, value=microseconds(act) / 1000, unit="ms", is_time=True)
        for what, act in judged.items()
    ]
    figures.append(
        Figure(what="one zoneinfo round trip, for comparison", value=floor, unit="µs", is_time=True)
    )
    return [*figures, *asyncio.run(_everybody())]


def microseconds(what: Callable[[], object]) -> float:
    """The best of five runs, per call; time of this process alone, for nothing here waits."""
    timer = timeit.Timer(what, timer=time.process_time)
    number, _ = timer.autorange()
    return min(timer.repeat(5, number)) / number * 1e6


def _plan(rotations: list[Rotation], *overrides: Override) -> Plan:
    return Plan(schedule=SCHEDULE, rotations=rotations, overrides=list(overrides))


def _round_trip() -> None:
    local = datetime.fromtimestamp(NOW // 1000, _ZONE)
    local.replace(tzinfo=_ZONE).astimezone(UTC)


async def _everybody() -> list[Figure]:
    """A thousand schedules of three rotations each, asked for now: computed alone, and read from a database too."""
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            return await _thousand(db)
        finally:
            await db.close()


async def _thousand(db: Database) -> list[Figure]:
    organization = await make.organization(db)
    team = await make.team(db, organization, "Team")
    async with db.transaction(program_of(organization.id)) as tx:
        for number in range(SCHEDULES):
            made = await schedules.create(tx, team_id=team.id, name=f"Schedule {number}", timezone=ZONE)
            for one in THREE:
                own = msgspec.structs.replace(one, id=f"{made.id}{one.id}", schedule_id=made.id)
                own = msgspec.structs.replace(own, versions=(_unlike(own.current, number),))
                await stored.insert_rotation(tx, own)
    async with db.read() as reader:
        everybody = await stored.page(reader, SYSTEM, limit=SCHEDULES)
        plans = list((await stored.plans(reader, everybody, NOW)).values())

        async def with_database() -> None:
            assert len(await schedules.on_call_of(reader, everybody, NOW)) == SCHEDULES

        read = [await _timed(with_database) for _ in range(6)]
    moments = itertools.cycle(range(NOW - 60 * DAY, NOW, 7 * HOUR))

    def alone() -> None:
        at = next(moments)
        for plan in plans:
            on_call(plan, at)

    what = f"{SCHEDULES:,} schedules of 3 rotations"
    return [
        Figure(what=what, value=microseconds(alone) / 1000, unit="ms", aim=100, is_time=True),
        Figure(what=f"{what}, read from SQLite for the first time", value=read[0], unit="ms", is_time=True),
        Figure(what=f"{what}, read from SQLite", value=min(read), unit="ms", aim=100, is_time=True),
    ]


def _unlike(version: RotationVersion, number: int) -> RotationVersion:
    """The version of a schedule of its own: other people, at another minute."""
    people = tuple(f"{person}{number}" for person in version.member_ids)
    return msgspec.structs.replace(version, member_ids=people, handoff_time=f"09:{number % 60:02d}")


async def _timed(act: Callable[[], Awaitable[None]]) -> float:
    begun = time.process_time()
    await act()
    return (time.process_time() - begun) * 1000


if __name__ == "__main__":
    main(measure)
