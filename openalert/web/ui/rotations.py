"""Pages of a rotation: who takes turns, for how long each, and from when an edit counts."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission
from openalert.domain.amend import amend
from openalert.domain.instant import Instant
from openalert.domain.oncall import next_handoff
from openalert.domain.schedule import Rotation, RotationChange, RotationVersion, Schedule, check_rotation
from openalert.domain.walltime import zone_named
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import schedules
from openalert.usecases.access import require
from openalert.web.ui import choices, rotas
from openalert.web.ui.forms import REFUSALS, Errors, attempt, refused
from openalert.web.ui.frame import Values, Web, answer, go, shell
from openalert.web.ui.rotation_forms import (
    NOBODY,
    OWN_FIELDS,
    Typed,
    change,
    form_values,
    read,
    stored,
    untyped,
)


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

    name, errors = await attempt(db, actor, body, OWN_FIELDS)
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

    changed, errors = await attempt(db, actor, body, OWN_FIELDS)
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
        return None, refused(error, OWN_FIELDS)
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
