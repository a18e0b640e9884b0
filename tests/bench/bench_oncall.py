"""How fast is "who is on call"? Run by hand: `python tests/bench/bench_oncall.py`.

Every figure is also given as a ratio to a floor measured in the same run, one zoneinfo conversion of an
instant to local time and back, because absolute times say more about the machine than about us.
"""

import itertools
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import DAY, HOUR, Instant, from_datetime
from openalert.domain.oncall import on_call, shifts
from openalert.domain.override import Override
from openalert.domain.plan import Plan
from openalert.domain.schedule import (
    Restriction,
    Rotation,
    RotationType,
    RotationVersion,
    Schedule,
)

ZONE = "Europe/Berlin"
_ZONE = ZoneInfo(ZONE)
NOW: Instant = from_datetime(datetime(2026, 9, 16, 14, 30, tzinfo=UTC))
SCHEDULE = Schedule(
    id="s", organization_id="o", team_id="t", name="Primary", timezone=ZONE, created_at=0, updated_at=0
)


def rotation(name: str, layer: int, since: int, **definition: object) -> Rotation:
    """A rotation of four people that has run since the beginning of the year `since`."""
    start = from_datetime(datetime(since, 1, 1, tzinfo=UTC))
    document = {
        "valid_from": start,
        "timezone": ZONE,
        "layer": layer,
        "effective_from": start,
        "member_ids": ["ada", "ben", "cleo", "dan"],
        **definition,
    }
    version = msgspec.convert(document, RotationVersion)
    return Rotation(id=name, schedule_id="s", name=name, versions=(version,))


WEEKLY = rotation("weekly", 1, 2026, rotation_type=RotationType.WEEKLY, handoff_day=1)
OLD = rotation("old", 1, 2015, rotation_type=RotationType.WEEKLY, handoff_day=1)
NIGHT = Restriction(from_time="22:00", to_time="06:00")
THREE = [
    WEEKLY,
    rotation("daily", 2, 2026, rotation_type=RotationType.DAILY, restrictions=[NIGHT]),
    rotation(
        "office",
        3,
        2026,
        rotation_type=RotationType.WEEKLY,
        restrictions=[Restriction(from_time="09:00", to_time="17:00", from_day=d) for d in range(1, 6)],
    ),
]
COVER = Override(
    id="c", schedule_id="s", user_id="eve", start_at=NOW - 30 * DAY, end_at=NOW + HOUR, created_at=NOW - DAY
)


def _plan(rotations: list[Rotation], overrides: tuple[Override, ...] | list[Override] = ()) -> Plan:
    return Plan(schedule=SCHEDULE, rotations=rotations, overrides=list(overrides))


def floor() -> None:
    """One conversion to local time and back."""
    local = datetime.fromtimestamp(NOW // 1000, _ZONE)
    local.replace(tzinfo=_ZONE).astimezone(UTC)


def microseconds(what: Callable[[], object]) -> float:
    """The best of five runs, per call."""
    timer = timeit.Timer(what)
    number, _ = timer.autorange()
    return min(timer.repeat(5, number)) / number * 1e6


def main() -> None:
    """Print one line per figure."""
    unit = microseconds(floor)
    print(f"floor: one zoneinfo round trip  {unit:9.2f} us")
    moments = itertools.cycle(range(NOW - 60 * DAY, NOW, 7 * HOUR))
    cases: dict[str, Callable[[], object]] = {
        "on_call, 1 layer": lambda: on_call(_plan([WEEKLY]), next(moments)),
        "on_call, 1 layer since 2015": lambda: on_call(_plan([OLD]), next(moments)),
        "on_call, 3 layers": lambda: on_call(_plan(THREE), next(moments)),
        "on_call, 3 layers + override": lambda: on_call(_plan(THREE, [COVER]), next(moments)),
        "90 days, 1 weekly layer": lambda: shifts(_plan([WEEKLY]), NOW, NOW + 90 * DAY),
        "90 days, 3 layers + override": lambda: shifts(_plan(THREE, [COVER]), NOW, NOW + 90 * DAY),
    }
    for name, call in cases.items():
        taken = microseconds(call)
        print(f"{name:30}  {taken:9.2f} us  {taken / unit:8.1f} x floor")
    print(f"shifts in the last: {len(shifts(_plan(THREE, [COVER]), NOW, NOW + 90 * DAY).items)}")


if __name__ == "__main__":
    main()
