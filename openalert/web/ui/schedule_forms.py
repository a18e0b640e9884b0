"""The form of a schedule: make one with its first rotation, rename it, move it to another zone, delete it."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.schedule import Schedule
from openalert.domain.walltime import zone_named
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import previews as proposed
from openalert.usecases import schedules
from openalert.usecases.access import require
from openalert.web.ui import choices, moves, previews, rotation_forms
from openalert.web.ui.forms import REFUSALS, Errors, attempt, values_of
from openalert.web.ui.frame import Values, Web, answer, go, sent, shell

_NAMES = ("name", "team_id", "timezone")
_FIELDS = {
    "name": ("name", "The name"),
    "teamId": ("team_id", "Team"),
    "timezone": ("timezone", "The time zone"),
    **rotation_forms.FIELDS,
}


@get("/schedules/new", include_in_schema=False)
async def new(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """The form of a new schedule with its first rotation."""
    return await _form(request, db, actor, None, rotation_forms.untyped(actor), {})


@post("/schedules", include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """A schedule and its first rotation, both or neither."""
    typed = await rotation_forms.read(request)
    if typed.fields.get("act") == "more":
        return await _form(request, db, actor, None, typed, {})

    async def body(tx: Transaction) -> str:
        made = await schedules.create(
            tx,
            team_id=typed.fields.get("team_id", ""),
            name=typed.fields.get("name", ""),
            timezone=typed.fields.get("timezone", ""),
        )
        change = rotation_forms.change(typed, zone_named(made.timezone), tx.now)
        await schedules.add_rotation(tx, made.id, rotation_forms.usual_name(typed), change)
        return made.id

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _form(request, db, actor, None, typed, errors)
    return go(
        f"/schedules/{made}", "The schedule is there. Name it in an escalation policy, and it is called."
    )


@get("/schedules/{schedule_id:str}/edit", include_in_schema=False)
async def edit(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The form of a schedule that is there."""
    return await _form(request, db, actor, schedule_id, rotation_forms.untyped(actor), {})


@post("/schedules/{schedule_id:str}", include_in_schema=False)
async def update(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Rename or move it."""
    typed = await sent(request)
    if typed.get("act") == "back":
        return await _form(request, db, actor, schedule_id, rotation_forms.held(typed), {})
    if typed.get("act") == "preview":
        shown = await _preview(request, db, actor, schedule_id, typed)
        if shown is not None:
            return shown

    async def body(tx: Transaction) -> str:
        changed = await schedules.update(
            tx, schedule_id, name=typed.get("name", "").strip(), timezone=typed.get("timezone", "")
        )
        return changed.id

    done, errors = await attempt(db, actor, body, _FIELDS)
    if done is None:
        return await _form(
            request,
            db,
            actor,
            schedule_id,
            rotation_forms.held(typed),
            errors,
        )
    return go(f"/schedules/{schedule_id}", "Saved.")


async def _preview(
    request: Web, db: Database, actor: Actor, schedule_id: str, typed: Mapping[str, str]
) -> Response[Any] | None:
    """What another time zone would change; None: nothing is to be shown, so save, or say why not."""
    async with db.read() as reader:
        schedule = await schedules.get(reader, actor, schedule_id)
        if typed.get("timezone", "") == schedule.timezone:
            return None
        try:
            made = await proposed.of_move(reader, actor, schedule_id, typed.get("timezone", ""))
        except REFUSALS:
            return None
        context = await shell(request, reader, actor, "/schedules")
        return await previews.page(
            request, reader, actor, context, made,
            title=f"{schedule.name} by the clock of {typed['timezone']}",
            action=f"/schedules/{schedule_id}", verb="Save",
        )  # fmt: skip


@post("/schedules/{schedule_id:str}/delete", include_in_schema=False)
async def delete(
    schedule_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Delete a schedule that no policy calls."""
    _, errors = await attempt(db, actor, lambda tx: schedules.delete(tx, schedule_id))
    if errors:
        return go(f"/schedules/{schedule_id}/edit", " ".join(errors.values()), "bad")
    return go("/schedules", "The schedule is deleted.")


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    schedule_id: str | None,
    typed: rotation_forms.Typed,
    errors: Errors,
) -> Response[Any]:
    async with db.read() as reader:
        schedule = await schedules.get(reader, actor, schedule_id) if schedule_id else None
        if schedule:
            require(actor, Permission.CONFIGURE, schedule.team_id)
        context = await shell(request, reader, actor, "/schedules")
        stored = {"timezone": str(context["zone"])}
        if schedule:
            stored = {"name": schedule.name, "team_id": schedule.team_id, "timezone": schedule.timezone}
        context |= {
            "title": f"Edit {schedule.name}" if schedule else "New schedule",
            "move": await moves.offered(reader, actor, "schedules", schedule.id, schedule.team_id)
            if schedule
            else None,
            "action": f"/schedules/{schedule.id}" if schedule else "/schedules",
            "back": {"words": schedule.name, "href": f"/schedules/{schedule.id}"}
            if schedule
            else {"words": "On call", "href": "/schedules"},
            "what": "name" if schedule else "schedule",
            "errors": errors,
            "teams": await choices.teams_to_configure(reader, actor),
            "people": await choices.people(reader, actor),
            "delete": _delete(schedule) if schedule else None,
            **rotation_forms.form_values(typed, _round(reader.now)),
        }
        context["values"] |= values_of(typed.fields, _NAMES, **stored)
    return answer(request, "schedules/edit.html", context, 422 if errors else 200)


def _round(now: Instant) -> Instant:
    return now - now % MINUTE


def _delete(schedule: Schedule) -> Values:
    return {
        "path": f"/schedules/{schedule.id}/delete",
        "confirm": f"Delete {schedule.name}?",
        "text": "Its rotations, overrides and past are gone. A schedule that a policy calls stays.",
    }


ROUTES: Sequence[HTTPRouteHandler] = [new, create, edit, update, delete]
