"""Pages of a rotation: who takes turns, for how long each, and from when an edit counts."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission
from openalert.domain.oncall import next_handoff
from openalert.domain.schedule import Rotation
from openalert.domain.walltime import zone_named
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import previews as proposed
from openalert.usecases import schedules
from openalert.usecases.access import require
from openalert.web.ui import choices, previews
from openalert.web.ui.forms import REFUSALS, Errors, attempt, refused
from openalert.web.ui.frame import Values, Web, answer, go, sent, shell
from openalert.web.ui.rotation_forms import (
    NOBODY,
    OWN_FIELDS,
    Typed,
    apply_from,
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
    if typed.fields.get("act") in ("more", "back"):
        return await _form(request, db, actor, schedule_id, None, typed, {})
    if typed.fields.get("act") == "preview":
        return await _preview(request, db, actor, schedule_id, None, typed)

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
    if typed.fields.get("act") in ("more", "back"):
        return await _form(request, db, actor, schedule_id, rotation_id, typed, {})
    if typed.fields.get("act") == "preview":
        return await _preview(request, db, actor, schedule_id, rotation_id, typed)

    async def body(tx: Transaction) -> Rotation:
        before = await schedules.rotation(tx, tx.actor, schedule_id, rotation_id)
        zone = zone_named(before.current.timezone)
        return await schedules.amend_rotation(
            tx,
            schedule_id,
            rotation_id,
            change(typed, zone, tx.now, before.current),
            name=typed.fields.get("name", ""),
            apply=apply_from(typed, zone),
        )

    changed, errors = await attempt(db, actor, body, OWN_FIELDS)
    if changed is None:
        return await _form(request, db, actor, schedule_id, rotation_id, typed, errors)
    later = changed.current.valid_from > db.clock()
    from_when = "the date that you chose" if typed.fields.get("apply") == "date" else "the next handoff"
    return go(
        f"/schedules/{schedule_id}",
        f"Saved. It counts from {from_when}; the shift that runs stays as it is." if later else "Saved.",
    )


@post("/schedules/{schedule_id:str}/rotations/{rotation_id:str}/delete", include_in_schema=False)
async def delete(
    request: Web,
    schedule_id: FromPath[str],
    rotation_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Take it out of the schedule, or show what that would do."""
    act = (await sent(request)).get("act")
    here = f"/schedules/{schedule_id}"
    if act == "back":
        return go(f"{here}/rotations/{rotation_id}")
    if act == "preview":
        async with db.read() as reader:
            made = await proposed.of_removal(reader, actor, schedule_id, rotation_id)
            rotation = await schedules.rotation(reader, actor, schedule_id, rotation_id)
            context = await shell(request, reader, actor, "/schedules")
            return await previews.page(
                request, reader, actor, context, made,
                title=f"Remove {rotation.name}", action=f"{here}/rotations/{rotation_id}/delete", verb="Remove it",
            )  # fmt: skip
    _, errors = await attempt(db, actor, lambda tx: schedules.remove_rotation(tx, schedule_id, rotation_id))
    if errors:
        return go(here, " ".join(errors.values()), "bad")
    return go(here, "The rotation is removed.")


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
    request: Web, db: Database, actor: Actor, schedule_id: str, rotation_id: str | None, typed: Typed
) -> Response[Any]:
    """What saving would change; the form again where saving would be refused."""
    async with db.read() as reader:
        schedule = await schedules.get(reader, actor, schedule_id)
        rotation = await schedules.rotation(reader, actor, schedule_id, rotation_id) if rotation_id else None
        context = await shell(request, reader, actor, "/schedules")
        name = typed.fields.get("name", "")
        action = f"/schedules/{schedule.id}/rotations"
        applies = None
        try:
            if rotation is None:
                wanted = change(typed, zone_named(schedule.timezone), reader.now)
                made = await proposed.of_new_rotation(reader, actor, schedule.id, name, wanted)
            else:
                zone = zone_named(rotation.current.timezone)
                action += f"/{rotation.id}"
                made = await proposed.of_amendment(
                    reader,
                    actor,
                    schedule.id,
                    rotation.id,
                    change(typed, zone, reader.now, rotation.current),
                    name=name,
                    apply=apply_from(typed, zone),
                )
                applies = {
                    "chosen": typed.fields.get("apply") or "next_handoff",
                    "at": typed.fields.get("apply_at", ""),
                    "handoff": next_handoff(rotation, reader.now),
                    "zone": rotation.current.timezone,
                }
        except REFUSALS as error:
            errors = refused(error, OWN_FIELDS)
        else:
            return await previews.page(
                request, reader, actor, context, made,
                title=name, action=action, verb="Save", applies=applies,
            )  # fmt: skip
    return await _form(request, db, actor, schedule_id, rotation_id, typed, errors)


def _delete(here: str, rotation: Rotation) -> Values:
    return {
        "path": f"{here}/rotations/{rotation.id}/delete",
        "confirm": "",
        "text": "",
    }


ROUTES: Sequence[HTTPRouteHandler] = [new, create, edit, update, delete]
