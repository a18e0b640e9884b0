"""Small rotas for tests, and their timelines in words."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from openalert.domain.instant import Instant, from_datetime
from openalert.domain.oncall import (
    on_call,
    shifts,
)
from openalert.domain.override import Override
from openalert.domain.plan import ImportedShift, Plan
from openalert.domain.schedule import Restriction, Rotation, RotationType, RotationVersion, Schedule

SCHEDULE = Schedule(
    id="s", organization_id="o", team_id="t", name="Primary", timezone="UTC", created_at=0, updated_at=0
)
OFFICE = Restriction(from_time="09:00", to_time="17:00")
NIGHT = Restriction(from_time="22:00", to_time="06:00")
WEEKEND = Restriction(from_day=5, from_time="18:00", to_day=1, to_time="08:00")


def utc(text: str) -> Instant:
    """`2026-03-29T01:00` in UTC as an instant."""
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


def rotation(*members: str, name: str = "r1", since: str = "2026-01-05T09:00", **definition: Any) -> Rotation:
    """A daily 09:00 rotation in UTC, unless told otherwise, that begins at `since` (UTC)."""
    settings: dict[str, Any] = {
        "valid_from": utc(since),
        "timezone": "UTC",
        "rotation_type": RotationType.DAILY,
        "effective_from": utc(since),
        "member_ids": members,
        **definition,
    }
    return Rotation(id=name, schedule_id="s", name=name.upper(), versions=(RotationVersion(**settings),))


def override(
    user: str, start: str, end: str, name: str = "o1", created_at: Instant = 0, **more: Any
) -> Override:
    """One person instead of everybody, between two times in UTC, unless told otherwise."""
    settings: dict[str, Any] = {
        "id": name,
        "schedule_id": "s",
        "user_id": user,
        "start_at": utc(start),
        "end_at": utc(end),
        "reason": "holiday",
        "created_at": created_at,
        **more,
    }
    return Override(**settings)


def plan_of(
    rotations: Iterable[Rotation],
    overrides: Iterable[Override] = (),
    imported: Iterable[ImportedShift] = (),
) -> Plan:
    """All of `SCHEDULE`."""
    return Plan(
        schedule=SCHEDULE, rotations=list(rotations), overrides=list(overrides), imported=list(imported)
    )


def who(at: str, rotations: list[Rotation], overrides: list[Override] | None = None) -> list[str]:
    """The users on call at a time in UTC."""
    return [person.user_id for person in on_call(plan_of(rotations, overrides or []), utc(at)).people]


def until(at: str, rotations: list[Rotation], overrides: list[Override] | None = None) -> str | None:
    """When that changes, in UTC."""
    instant = on_call(plan_of(rotations, overrides or []), utc(at)).until
    return None if instant is None else f"{datetime.fromtimestamp(instant / 1000, UTC):%Y-%m-%dT%H:%M}"


def timeline(
    start: str, end: str, rotations: list[Rotation], overrides: list[Override] | None = None
) -> list[str]:
    """The final schedule, one line each: `03-29 01:00 ada`; `-` stands for nobody."""
    final = shifts(plan_of(rotations, overrides or []), utc(start), utc(end))
    pieces = [(item.start, "+".join(person.user_id for person in item.people)) for item in final.items]
    pieces += [(gap[0], "-") for gap in final.gaps]
    return [
        f"{datetime.fromtimestamp(begin / 1000, UTC):%m-%d %H:%M} {names}" for begin, names in sorted(pieces)
    ]
