"""One person's time on call: what they are on for now, and what comes."""

from collections.abc import Mapping

import msgspec

from openalert.domain.access import Actor
from openalert.domain.instant import DAY, Instant
from openalert.domain.oncall import on_call, shifts
from openalert.storage import schedules
from openalert.storage.transaction import Reader
from openalert.web.ui.frame import Values, address

LOOK_AHEAD = 35 * DAY
_MOST_SCHEDULES = 100
_MOST_SHIFTS = 8


class Duty(msgspec.Struct, kw_only=True):
    """A person's present and coming shifts, in the schedules that the reader may see."""

    on: list[Values]
    """{schedule, href, until, give}."""
    shifts: list[Values]
    """{schedule, href, start, end, give}, the next first, without running ones; `end` None beyond five weeks.

    `give` is where the shift is given away; None while its end is not known.
    """


async def of_person(reader: Reader, actor: Actor, user_id: str) -> Duty:
    """The next five weeks of one person."""
    seen = await schedules.page(reader, actor, limit=_MOST_SCHEDULES)
    found = await schedules.plans(reader, seen, reader.now, reader.now + LOOK_AHEAD)
    horizon = reader.now + LOOK_AHEAD
    duty = Duty(on=[], shifts=[])
    for each in seen:
        plan = found[each.id]
        if user_id not in plan.people:
            continue
        place: Values = {"schedule": each.name, "href": f"/schedules/{each.id}"}
        final = shifts(plan, reader.now, horizon)
        mine = [
            (shift.start, shift.end)
            for shift in final.items
            if any(person.user_id == user_id for person in shift.people)
        ]
        for start, end in _joined(mine):
            known = end if end < horizon else None
            span = {"start": str(start), "end": str(end), "user_id": user_id}
            place["give"] = f"{address(f'/schedules/{each.id}/swaps', **span)}#give" if known else None
            if start > reader.now:
                duty.shifts.append(place | {"start": start, "end": known})
            else:
                duty.on.append(place | {"until": known})
    duty.shifts.sort(key=lambda shift: int(shift["start"]))
    del duty.shifts[_MOST_SHIFTS:]
    return duty


def _joined(pieces: list[tuple[Instant, Instant]]) -> list[tuple[Instant, Instant]]:
    """Shifts that follow each other without a break, as one: only the company changed."""
    joined: list[tuple[Instant, Instant]] = []
    for start, end in pieces:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


async def on_now(reader: Reader, actor: Actor) -> Mapping[str, list[str]]:
    """The schedules for which each person is on call now, by the person's id."""
    return await on_at(reader, actor, reader.now)


async def on_at(reader: Reader, actor: Actor, at: Instant, but: str = "") -> Mapping[str, list[str]]:
    """The names of the schedules for which each person is on call at an instant, that of the id `but` left out."""
    seen = [each for each in await schedules.page(reader, actor, limit=_MOST_SCHEDULES) if each.id != but]
    found = await schedules.plans(reader, seen, at)
    names: dict[str, list[str]] = {}
    for each in seen:
        for person in on_call(found[each.id], at).people:
            names.setdefault(person.user_id, []).append(each.name)
    return names
