"""The form of a rotation: what it holds, what was typed into it, and the edit that this means."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant
from openalert.domain.schedule import Restriction, Rotation, RotationChange, RotationType, RotationVersion
from openalert.domain.walltime import zone_named
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
_WINDOW = ("from_day", "from_time", "to_day", "to_time")
_PLAIN = ("rotation_type", "shift_length", "handoff_time", "handoff_day", "layer", "begins", "until", "apply")
FIELDS = {
    "rotationType": ("rotation_type", "The kind"),
    "shiftLength": ("shift_length", "The number"),
    "handoffTime": ("handoff_time", "The handoff"),
    "handoffDay": ("handoff_day", "The day"),
    "memberIds": ("members", "The order"),
    "layer": ("layer", "The layer"),
    "effectiveFrom": ("begins", "The beginning"),
    "effectiveUntil": ("until", "The end"),
    "restrictions": ("windows", "This"),
    "fromTime": ("windows", "The beginning of each window"),
    "toTime": ("windows", "The end of each window"),
    "fromDay": ("windows", "The first day of a window"),
    "toDay": ("windows", "The last day of a window"),
    "apply": ("apply", "The time"),
}
OWN_FIELDS = {"name": ("name", "The name"), **FIELDS}


class Typed(msgspec.Struct, kw_only=True):
    """What a rotation's form holds; the windows by the names of their parts."""

    fields: dict[str, str]
    members: list[str]
    windows: list[dict[str, str]]


def untyped(actor: Actor) -> Typed:
    """The form before anybody typed: the reader has the first turn."""
    return Typed(fields={}, members=[actor.user_id] if actor.user_id else [], windows=[])


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
            "handoff_day": "" if current.handoff_day is None else str(current.handoff_day),
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
            }
            for window in current.restrictions
        ],
    )


def change(
    typed: Typed, zone: ZoneInfo, now: Instant, before: RotationVersion | None = None
) -> RotationChange:
    """What the form says; of an edit only what differs from `before`."""
    fields = typed.fields
    kind = _kind(fields.get("rotation_type", "weekly"))
    has_day = kind in (RotationType.WEEKLY, RotationType.CUSTOM) and fields.get("handoff_day")
    wanted: dict[str, Any] = {
        "rotation_type": kind,
        "shift_length": whole(fields.get("shift_length") or "1", "shift_length"),
        "handoff_time": fields.get("handoff_time") or "09:00",
        "handoff_day": whole(fields["handoff_day"], "handoff_day") if has_day else None,
        "layer": whole(fields.get("layer") or "1", "layer"),
        "member_ids": tuple("" if each == NOBODY else each for each in typed.members),
        "restrictions": tuple(_window(row) for row in typed.windows),
    }
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
        wanted = {name: value for name, value in wanted.items() if getattr(before, name) != value}
    return RotationChange(**wanted)


def _kind(text: str) -> RotationType:
    try:
        return RotationType(text)
    except ValueError:
        raise Invalid("Choose one of the kinds.", field="rotation_type") from None


def _window(row: Mapping[str, str]) -> Restriction:
    days = {name: whole(row[name], "windows") if row[name] else None for name in ("from_day", "to_day")}
    return Restriction(from_time=row["from_time"], to_time=row["to_time"] or "24:00", **days)


def usual_name(typed: Typed) -> str:
    """What a first rotation is called."""
    return _USUAL.get(typed.fields.get("rotation_type", ""), "Weekly")


def form_values(typed: Typed, now: Instant) -> Values:
    """`values`, `members` and `windows` of the form's template."""
    defaults = {
        "rotation_type": "weekly",
        "shift_length": "1",
        "handoff_time": "09:00",
        "handoff_day": "1",
        "layer": "1",
        "apply": "next_handoff",
    }
    more = MORE_PLACES if len(typed.members) > 1 else MORE_PLACES + 1
    if typed.fields.get("act") == "more":
        more += 4
    return {
        "values": {name: typed.fields.get(name, defaults.get(name, "")) for name in ("name", *_PLAIN)},
        "members": typed.members + [""] * more,
        "windows": [*typed.windows, dict.fromkeys(_WINDOW, "")],
        "handoff": None,
        "now_minute": now,
    }


def in_words(version: RotationVersion) -> str:
    """`2 weeks each, handed over on Monday at 09:00`."""
    count, unit = version.shift_length, _UNITS[version.rotation_type]
    each = f"1 {unit} each" if count == 1 else f"{count} {unit}s each"
    hourly = version.rotation_type is RotationType.HOURLY
    day = f" on {_DAYS[version.handoff_day]}" if version.handoff_day is not None else ""
    at = "" if hourly else f", handed over{day} at {version.handoff_time}"
    only = ", only at set times" if version.restrictions else ""
    return f"{each}{at}{only}"
