"""The form of a rotation: what it holds, what was typed into it, and the edit that this means."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.holiday import countries, is_known
from openalert.domain.instant import Instant
from openalert.domain.schedule import (
    HolidayRule,
    Restriction,
    Rotation,
    RotationChange,
    RotationType,
    RotationVersion,
)
from openalert.domain.walltime import zone_named
from openalert.usecases.schedules import Apply
from openalert.web.render import listed
from openalert.web.ui.forms import local_instant, local_text, whole
from openalert.web.ui.frame import Values, Web, sent, sent_all

MORE_PLACES = 2
"""Empty places that the form offers beyond the members there are."""
NOBODY = "nobody"
"""How the form holds a turn of nobody; an empty place is none at all."""
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_UNITS = {
    RotationType.HOURLY: "hour",
    RotationType.DAILY: "day",
    RotationType.WEEKLY: "week",
    RotationType.MONTHLY: "month",
    RotationType.CUSTOM: "day",
}
_USUAL = {"hourly": "Hourly", "daily": "Daily", "weekly": "Weekly", "monthly": "Monthly", "custom": "Turns"}
_SEVERAL_DAYS = {"workdays": "12345", "weekend": "60"}
"""What the form offers for several windows at once, and the days that it means."""
_WINDOW = ("from_day", "from_time", "to_day", "to_time", "holidays")
_PLAIN = (
    "rotation_type", "shift_length", "handoff_time", "worked_days_only", "holiday_calendar", "is_shadow",
    "layer", "begins", "until", "apply", "apply_at",
)  # fmt: skip
FIELDS = {
    "rotationType": ("rotation_type", "The kind"),
    "shiftLength": ("shift_length", "The number"),
    "handoffTime": ("handoff_time", "The handoff"),
    "handoffDay": ("handoff_day", "The day"),
    "handoffDays": ("handoff_day", "The choice of days"),
    "memberIds": ("members", "The order"),
    "layer": ("layer", "The layer"),
    "effectiveFrom": ("begins", "The beginning"),
    "effectiveUntil": ("until", "The end"),
    "restrictions": ("windows", "This"),
    "fromTime": ("windows", "The beginning of each window"),
    "toTime": ("windows", "The end of each window"),
    "fromDay": ("windows", "The first day of a window"),
    "toDay": ("windows", "The last day of a window"),
    "holidays": ("windows", "Public holidays"),
    "holidayCalendar": ("holiday_calendar", "The calendar"),
    "workedDaysOnly": ("worked_days_only", "This"),
    "apply": ("apply", "The time"),
}
OWN_FIELDS = {"name": ("name", "The name"), **FIELDS}


class Typed(msgspec.Struct, kw_only=True):
    """What a rotation's form holds; the windows by the names of their parts."""

    fields: dict[str, str]
    members: list[str]
    windows: list[dict[str, str]]
    days: list[str] = []
    """The days of handoff, 0 = Sunday."""


def untyped(actor: Actor) -> Typed:
    """The form before anybody typed: the reader has the first turn."""
    return Typed(fields={}, members=[actor.user_id] if actor.user_id else [], windows=[], days=["1"])


def held(fields: dict[str, str]) -> Typed:
    """A form without the lists of a rotation."""
    return Typed(fields=fields, members=[], windows=[])


async def read(request: Web) -> Typed:
    """What was posted."""
    columns = {name: await sent_all(request, f"window_{name}") for name in _WINDOW}
    count = max(len(column) for column in columns.values())
    rows = [
        {name: column[at] if at < len(column) else "" for name, column in columns.items()}
        for at in range(min(count, 100))
    ]
    return Typed(
        fields=await sent(request),
        members=[each for each in await sent_all(request, "member_id") if each][:500],
        windows=[row for row in rows if row["from_time"] or row["to_time"]],
        days=(await sent_all(request, "handoff_day"))[:7],
    )


def stored(rotation: Rotation) -> Typed:
    """The newest definition of a rotation, as the form holds it."""
    current = rotation.current
    zone = zone_named(current.timezone)
    return Typed(
        fields={
            "name": rotation.name,
            "rotation_type": current.rotation_type.value,
            "shift_length": str(current.shift_length),
            "handoff_time": current.handoff_time,
            "worked_days_only": "1" if current.worked_days_only else "",
            "holiday_calendar": current.holiday_calendar or "",
            "is_shadow": "1" if current.is_shadow else "",
            "layer": str(current.layer),
            "until": "" if current.effective_until is None else local_text(current.effective_until, zone),
        },
        members=[each or NOBODY for each in current.member_ids],
        windows=[
            {
                "from_day": "" if window.from_day is None else str(window.from_day),
                "from_time": window.from_time,
                "to_day": "" if window.to_day is None else str(window.to_day),
                "to_time": window.to_time,
                "holidays": window.holidays.value,
            }
            for window in current.restrictions
        ],
        days=[str(day) for day in current.days],
    )


def change(
    typed: Typed, zone: ZoneInfo, now: Instant, before: RotationVersion | None = None
) -> RotationChange:
    """What the form says; of an edit only what differs from `before`."""
    fields = typed.fields
    kind = _kind(fields.get("rotation_type", "weekly"))
    has_days = kind in (RotationType.WEEKLY, RotationType.CUSTOM)
    days = tuple(sorted(whole(day, "handoff_day") for day in typed.days)) if has_days else ()
    wanted: dict[str, Any] = {
        "rotation_type": kind,
        "shift_length": whole(fields.get("shift_length") or "1", "shift_length"),
        "handoff_time": fields.get("handoff_time") or "09:00",
        "handoff_day": days[0] if len(days) == 1 else None,
        "handoff_days": days if len(days) > 1 else (),
        "layer": whole(fields.get("layer") or "1", "layer"),
        "member_ids": tuple("" if each == NOBODY else each for each in typed.members),
        "restrictions": tuple(_window(row) for each in typed.windows for row in _day_by_day(each)),
        "worked_days_only": bool(fields.get("worked_days_only")),
        "holiday_calendar": _calendar(fields.get("holiday_calendar", "")),
        "is_shadow": bool(fields.get("is_shadow")),
    }
    if wanted["holiday_calendar"] is None and any(
        window.holidays is not HolidayRule.ANY for window in wanted["restrictions"]
    ):
        raise Invalid("Say whose public holidays are meant, such as DE or US-CA.", field="holiday_calendar")
    if not typed.members:
        raise Invalid("Choose at least one person.", field="members")
    until = fields.get("until", "")
    if before is None:
        wanted["effective_from"] = (
            local_instant(fields["begins"], zone, "begins") if fields.get("begins") else now
        )
    shown = (
        "" if before is None or before.effective_until is None else local_text(before.effective_until, zone)
    )
    if until != shown:
        wanted["effective_until"] = local_instant(until, zone, "until") if until else None
    if before is not None:
        kept = {"handoff_day", "handoff_days"} if days == before.days else set()
        wanted = {
            name: value
            for name, value in wanted.items()
            if name not in kept and getattr(before, name) != value
        }
    return RotationChange(**wanted)


def apply_from(typed: Typed, zone: ZoneInfo) -> Apply:
    """From when the edit counts, as the form says: the next handoff, now, or a local time."""
    match typed.fields.get("apply"):
        case "now":
            return "now"
        case "date":
            return local_instant(typed.fields.get("apply_at", ""), zone, "apply")
        case _:
            return "next_handoff"


def _kind(text: str) -> RotationType:
    try:
        return RotationType(text)
    except ValueError:
        raise Invalid("Choose one of the kinds.", field="rotation_type") from None


def _day_by_day(row: Mapping[str, str]) -> list[Mapping[str, str]]:
    """One row for each day that `workdays` or `weekend` stand for; other rows as they are."""
    days = _SEVERAL_DAYS.get(row["from_day"])
    if days is None:
        return [row]
    if row["to_day"]:
        raise Invalid("Windows of several days end on the same day, or the next morning.", field="windows")
    return [{**row, "from_day": day} for day in days]


def _window(row: Mapping[str, str]) -> Restriction:
    days = {name: whole(row[name], "windows") if row[name] else None for name in ("from_day", "to_day")}
    if days["from_day"] is None and days["to_day"] is not None:
        raise Invalid("A window of every day ends the same day, or the next morning.", field="windows")
    rule = row["holidays"] or HolidayRule.ANY.value
    if rule not in set(HolidayRule):
        raise Invalid("Choose what holidays do to each window.", field="windows")
    return Restriction(
        from_time=row["from_time"], to_time=row["to_time"] or "24:00", holidays=HolidayRule(rule), **days
    )


def _calendar(text: str) -> str | None:
    """The code of a calendar, however it was typed: `de-by`, or with the name of the country behind it."""
    code = text.strip().partition(" – ")[0]
    return (code.upper() if code.islower() else code) or None


def usual_name(typed: Typed) -> str:
    """What a first rotation is called."""
    return _USUAL.get(typed.fields.get("rotation_type", ""), "Weekly")


def form_values(typed: Typed, now: Instant) -> Values:
    """What the form's template wants beyond its title and people."""
    defaults = {
        "rotation_type": "weekly",
        "shift_length": "1",
        "handoff_time": "09:00",
        "layer": "1",
        "apply": "next_handoff",
    }
    more = MORE_PLACES if len(typed.members) > 1 else MORE_PLACES + 1
    if typed.fields.get("act") == "more":
        more += 4
    return {
        "values": {name: typed.fields.get(name, defaults.get(name, "")) for name in ("name", *_PLAIN)},
        "members": typed.members + [""] * more,
        "handoff_days": typed.days,
        "countries": countries(),
        "holidays_known": is_known(),
        "windows": [*typed.windows, dict.fromkeys(_WINDOW, "")],
        "handoff": None,
        "now_minute": now,
    }


def in_words(version: RotationVersion) -> str:
    """`2 weeks each, handed over on Monday at 09:00`."""
    count, unit = version.shift_length, _UNITS[version.rotation_type]
    if version.rotation_type is RotationType.WEEKLY and len(version.days) > 1:
        unit = "handoff"
    elif version.worked_days_only:
        unit = f"worked {unit}"
    each = f"1 {unit} each" if count == 1 else f"{count} {unit}s each"
    hourly = version.rotation_type is RotationType.HOURLY
    on = f" on {listed(_DAYS[day] for day in _from_monday(version.days))}" if version.days else ""
    at = "" if hourly else f", handed over{on} at {version.handoff_time}"
    only = ", only at set times" if version.restrictions else ""
    shadow = ", as shadows who are not paged" if version.is_shadow else ""
    return f"{each}{at}{only}{shadow}"


def _from_monday(days: Iterable[int]) -> list[int]:
    return sorted(days, key=lambda day: (day - 1) % 7)
