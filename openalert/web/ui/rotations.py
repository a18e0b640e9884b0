"""The form of a rotation: who takes turns, for how long each, and from when an edit counts."""

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission
from openalert.domain.amend import amend
from openalert.domain.errors import Invalid
from openalert.domain.instant import Instant
from openalert.domain.oncall import next_handoff
from openalert.domain.schedule import (
    Restriction,
    Rotation,
    RotationChange,
    RotationType,
    RotationVersion,
    Schedule,
    check_rotation,
)
from openalert.domain.walltime import zone_named
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import schedules
from openalert.usecases.access import require
from openalert.web.ui import choices, rotas
from openalert.web.ui.forms import REFUSALS, Errors, attempt, local_instant, local_text, refused, whole
from openalert.web.ui.frame import Values, Web, answer, go, sent, sent_all, shell

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
_OWN = {"name": ("name", "The name"), **FIELDS}


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


# --- pages ----------------------------------------------------------------------------------------


@get("/schedules/{schedule_id:str}/rotations/new", include_in_schema=False)
async def new(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The form of a further rotation."""
    return await _form(request, db, actor, schedule_id, None, None, {})


@post("/schedules/{schedule_id:str}/rotations", include_in_schema=False)
async def create(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Add it, or show what it would do."""
    typed = await read(request)
    if typed.fields.get("act") in ("more", "preview"):
        return await _form(request, db, actor, schedule_id, None, typed, {})

    async def body(tx: Transaction) -> str:
        schedule = await schedules.get(tx, tx.actor, schedule_id)
        wanted = change(typed, zone_named(schedule.timezone), tx.now)
        made = await schedules.add_rotation(tx, schedule.id, typed.fields.get("name", ""), wanted)
        return made.name

    name, errors = await attempt(db, actor, body, _OWN)
    if name is None:
        return await _form(request, db, actor, schedule_id, None, typed, errors)
    return go(f"/schedules/{schedule_id}", f"{name} is part of the schedule now.")


@get("/schedules/{schedule_id:str}/rotations/{rotation_id:str}", include_in_schema=False)
async def edit(
    request: Web,
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The form of a rotation that is there."""
    return await _form(request, db, actor, schedule_id, rotation_id, None, {})


@post("/schedules/{schedule_id:str}/rotations/{rotation_id:str}", include_in_schema=False)
async def update(
    request: Web,
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Change it from the next handoff or from now, or show what that would do."""
    typed = await read(request)
    if typed.fields.get("act") in ("more", "preview"):
        return await _form(request, db, actor, schedule_id, rotation_id, typed, {})

    async def body(tx: Transaction) -> Rotation:
        before = await schedules.rotation(tx, tx.actor, schedule_id, rotation_id)
        wanted = change(typed, zone_named(before.current.timezone), tx.now, before.current)
        return await schedules.amend_rotation(
            tx,
            schedule_id,
            rotation_id,
            wanted,
            name=typed.fields.get("name", ""),
            apply="now" if typed.fields.get("apply") == "now" else "next_handoff",
        )

    changed, errors = await attempt(db, actor, body, _OWN)
    if changed is None:
        return await _form(request, db, actor, schedule_id, rotation_id, typed, errors)
    later = changed.current.valid_from > db.clock()
    return go(
        f"/schedules/{schedule_id}",
        "Saved. It counts from the next handoff; the shift that runs stays as it is." if later else "Saved.",
    )


@post("/schedules/{schedule_id:str}/rotations/{rotation_id:str}/delete", include_in_schema=False)
async def delete(
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Delete it with its past."""
    _, errors = await attempt(db, actor, lambda tx: schedules.remove_rotation(tx, schedule_id, rotation_id))
    if errors:
        return go(f"/schedules/{schedule_id}", " ".join(errors.values()), "bad")
    return go(f"/schedules/{schedule_id}", "The rotation is deleted.")


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    schedule_id: str,
    rotation_id: str | None,
    typed: Typed | None,
    errors: Errors,
) -> Response[Any]:
    async with db.read() as reader:
        schedule = await schedules.get(reader, actor, schedule_id)
        require(actor, Permission.CONFIGURE, schedule.team_id, "schedule")
        rotation = await schedules.rotation(reader, actor, schedule_id, rotation_id) if rotation_id else None
        context = await shell(request, reader, actor, "/schedules")
        preview = None
        if typed is not None and typed.fields.get("act") == "preview":
            preview, errors = await _preview(reader, actor, schedule, rotation, typed, context["zone"])
        held = typed or (stored(rotation) if rotation else untyped(actor))
        here = f"/schedules/{schedule.id}"
        context |= {
            "title": f"Edit {rotation.name}" if rotation else f"New rotation of {schedule.name}",
            "action": f"{here}/rotations" + (f"/{rotation.id}" if rotation else ""),
            "back": {"words": schedule.name, "href": here},
            "what": "amendment" if rotation else "rotation",
            "errors": errors,
            "teams": [],
            "people": await _people(reader, actor, held.members),
            "delete": _delete(here, rotation) if rotation else None,
            "preview": preview,
            **form_values(held, reader.now),
        }
        context["handoff"] = next_handoff(rotation, reader.now) if rotation else None
        context["values"]["timezone"] = rotation.current.timezone if rotation else schedule.timezone
    return answer(request, "schedules/edit.html", context, 422 if errors else 200)


async def _people(reader: Reader, actor: Actor, members: Sequence[str]) -> choices.Choices:
    """Everybody who may be chosen, and whoever is in the rotation although switched off."""
    offered = await choices.people(reader, actor)
    missing = set(members) - {key for key, _ in offered} - {NOBODY}
    gone = await users.named(reader, actor, missing) if missing else {}
    nobody = [(NOBODY, "Nobody in this turn")] if NOBODY in members else []
    return [*offered, *nobody, *((key, f"{user.name} (switched off)") for key, user in gone.items())]


async def _preview(
    reader: Reader,
    actor: Actor,
    schedule: Schedule,
    rotation: Rotation | None,
    typed: Typed,
    zone: ZoneInfo,
) -> tuple[Values | None, Errors]:
    """Four weeks of the rotation as it is and as it would be; nothing is stored."""
    drawn = rotas.days_from(zone, reader.now, 28)
    try:
        after = _after(schedule, rotation, typed, reader.now)
    except REFUSALS as error:
        return None, refused(error, _OWN)
    members = {
        one for each in (rotation, after) if each for version in each.versions for one in version.member_ids
    }
    named = await users.named(reader, actor, members - {""})
    names = {user_id: user.name for user_id, user in named.items()}
    rows = [rotas.row("As it is", "", rotas.rotation_bars(drawn, rotation, names))] if rotation else []
    rows.append(rotas.row("As it would be", "", rotas.rotation_bars(drawn, after, names), strong=True))
    return rotas.plan(drawn, rows), {}


def _after(schedule: Schedule, rotation: Rotation | None, typed: Typed, now: Instant) -> Rotation:
    """The rotation that the form describes."""
    name = typed.fields.get("name") or "Preview"
    if rotation is None:
        wanted = change(typed, zone_named(schedule.timezone), now)
        given = {
            key: value for key, value in msgspec.structs.asdict(wanted).items() if value is not msgspec.UNSET
        }
        version = RotationVersion(valid_from=given["effective_from"], timezone=schedule.timezone, **given)
        made = Rotation(id="preview", schedule_id=schedule.id, name=name, versions=(version,))
    else:
        before = rotation.current
        wanted = change(typed, zone_named(before.timezone), now, before)
        apply = "now" if typed.fields.get("apply") == "now" else "next_handoff"
        made = amend(rotation, wanted, now, apply) if wanted != RotationChange() else rotation  # type: ignore[arg-type]  # one of two literals
    check_rotation(made)
    return made


def _delete(here: str, rotation: Rotation) -> Values:
    return {
        "path": f"{here}/rotations/{rotation.id}/delete",
        "confirm": f"Delete {rotation.name}?",
        "text": "Its turns are gone, also those that are past. To keep them, give it an end instead.",
    }


ROUTES: Sequence[HTTPRouteHandler] = [new, create, edit, update, delete]
