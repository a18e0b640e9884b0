"""Pages of maintenance windows: a month or a list of them, one with its next times, and the form."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain import recurrence as recurring
from openalert.domain.access import Actor, Permission, can
from openalert.domain.errors import OpenAlertError
from openalert.domain.ids import new_id
from openalert.domain.instant import MINUTE
from openalert.domain.maintenance_window import MaintenanceWindow, check_window, running, status_of
from openalert.domain.muting import services_of as in_order
from openalert.storage import holds, services, users
from openalert.storage import maintenance_windows as stored
from openalert.storage.database import Database
from openalert.storage.holds import HoldCount
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import maintenance_windows
from openalert.usecases.access import require
from openalert.web.ui import choices, maintenance_calendar, maintenance_forms, muted, muting
from openalert.web.ui.forms import Errors, attempt, refused
from openalert.web.ui.frame import Values, Web, act, address, answer, go, sent, sent_all, shell
from openalert.web.ui.maintenance_forms import FIELDS, REPEATS, Typed

PATH = "/maintenance"
PAGE = 50
_IN_CALENDAR = 200


@get(PATH, include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    view: FromQuery[str] = "month",
    month: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """The month, or everything planned as a list."""
    async with db.read() as reader:
        context = await shell(request, reader, actor, PATH)
        names = await choices.names_of_teams(reader, actor)
        zone = context["zone"]
        context |= {
            "can_create": bool(await muting.teams_to_mute(reader, actor)),
            "view": "list" if view == "list" else "month",
            "calendar": None,
            "rows": [],
            "older": None,
            "newest": None,
        }
        first = maintenance_calendar.month_of(month[:7], reader.now, zone)
        if context["view"] == "month":
            start = maintenance_calendar.start_of(first, zone)
            found = await stored.since(reader, actor, start, _IN_CALENDAR)
            context["calendar"] = maintenance_calendar.month(first, found, names, reader.now, zone)
        else:
            rows = await maintenance_windows.page(reader, actor, before=cursor[:64] or None, limit=PAGE + 1)
            context["rows"] = await _rows(reader, actor, rows[:PAGE], names)
            if len(rows) > PAGE:
                context["older"] = address(PATH, view="list", cursor=rows[PAGE - 1].id)
            if cursor:
                context["newest"] = address(PATH, view="list")
    return answer(request, "maintenance/list.html", context)


async def _rows(
    reader: Reader, actor: Actor, windows: Sequence[MaintenanceWindow], names: dict[str, str]
) -> list[Values]:
    counts = await holds.counts(reader, [each.id for each in windows])
    ids = {each for window in windows for each in window.service_ids}
    known = {each.id: each.name for each in (await services.named(reader, actor, ids)).values()}
    return [_row(each, names, known, counts.get(each.id, HoldCount()), reader.now) for each in windows]


def _row(
    window: MaintenanceWindow, teams: dict[str, str], known: dict[str, str], count: HoldCount, now: int
) -> Values:
    ahead = maintenance_windows.times_ahead(window, now, 1)
    return {
        "id": window.id,
        "href": f"{PATH}/{window.id}",
        "name": window.name,
        "team": teams.get(window.team_id, ""),
        "status": status_of(window, now).value,
        "next": ahead[0] if ahead else None,
        "last": window.ends_at,
        "repeats": recurring.words(window.recurrence) if window.recurrence else "",
        "about": muted.about(window.service_ids, window.matchers, known),
        "holding": count.now,
        "held": count.ever,
    }


@get(PATH + "/new", include_in_schema=False)
async def new(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor], day: FromQuery[str] = ""
) -> Response[Any]:
    """The form of a new window."""
    return await _form(request, db, actor, None, None, {}, day=day[:10])


@post(PATH, include_in_schema=False)
async def create(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Plan the window, or show its times first."""
    typed, verb = await _read(request)
    if verb != "save":
        return await _form(request, db, actor, None, typed, {})

    async def body(tx: Transaction) -> MaintenanceWindow:
        return await maintenance_windows.create(tx, team_id=typed.team_id, **maintenance_forms.members(typed))

    made, errors = await attempt(db, actor, body, FIELDS)
    if made is None:
        return await _form(request, db, actor, None, typed, errors)
    return go(f"{PATH}/{made.id}", "Planned. Incidents that are open when it begins go on as they are.")


@get(PATH + "/{window_id:str}", include_in_schema=False)
async def show(
    request: Web, window_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """One window: what it does now, its next times, what it held."""
    async with db.read() as reader:
        window = await maintenance_windows.get(reader, actor, window_id)
        context = await shell(request, reader, actor, PATH)
        [row] = await _rows(reader, actor, [window], await choices.names_of_teams(reader, actor))
        maker = (await users.named(reader, actor, {window.created_by_id or ""})).get(
            window.created_by_id or ""
        )
        present = running(window, reader.now)
        context |= {
            "window": row
            | {
                "maker": maker.name if maker else "",
                "created_at": window.created_at,
                "timezone": window.recurrence.timezone if window.recurrence else "",
                "ends_at": present.ends_at if present else None,
                "can_edit": can(actor, Permission.RESPOND, window.team_id),
                "is_over": row["status"] == "over",
            },
            "times": maintenance_windows.times_ahead(window, reader.now),
            "held": await muting.held(reader, window.id),
        }
    return answer(request, "maintenance/show.html", context)


@get(PATH + "/{window_id:str}/edit", include_in_schema=False)
async def edit(
    request: Web, window_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """The form of a window that is there."""
    return await _form(request, db, actor, window_id, None, {})


@post(PATH + "/{window_id:str}", include_in_schema=False)
async def update(
    request: Web, window_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Change the window, or show its times first."""
    typed, verb = await _read(request)
    if verb != "save":
        return await _form(request, db, actor, window_id, typed, {})

    async def body(tx: Transaction) -> MaintenanceWindow:
        before = await maintenance_windows.get(tx, tx.actor, window_id)
        return await maintenance_windows.update(tx, window_id, **maintenance_forms.members(typed, before))

    changed, errors = await attempt(db, actor, body, FIELDS)
    if changed is None:
        return await _form(request, db, actor, window_id, typed, errors)
    return go(f"{PATH}/{window_id}", "Saved. What it held and does not mean any more is let go.")


def _act(
    name: str, words: str, does: Callable[[Transaction, str], Awaitable[object]], to: str = ""
) -> HTTPRouteHandler:
    """The route of an act on one window that needs nothing but the window."""

    async def handle(
        window_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
    ) -> Response[None]:
        async def body(tx: Transaction) -> str:
            await does(tx, window_id)
            return words

        return await act(db, actor, to or f"{PATH}/{window_id}", body)

    handle.__doc__ = words
    return post(PATH + "/{window_id:str}/" + name, include_in_schema=False)(handle)


begin = _act("begin", "It runs now and ends as planned.", maintenance_windows.begin)
end = _act("end", "It is over. What still fires pages now.", maintenance_windows.end)
skip = _act("skip", "The next time is left out; those after it stay.", maintenance_windows.skip_next)


@post(PATH + "/{window_id:str}/extend", include_in_schema=False)
async def extend(
    request: Web, window_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Let the time that runs now last longer."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        window = await maintenance_windows.get(tx, tx.actor, window_id)
        present = running(window, tx.now)
        longer = muting.whole_minutes(typed.get("minutes", "")) * MINUTE
        await maintenance_windows.extend(tx, window_id, (present.ends_at if present else tx.now) + longer)
        return "It lasts longer now."

    return await act(db, actor, f"{PATH}/{window_id}", body)


@post(PATH + "/{window_id:str}/delete", include_in_schema=False)
async def delete(
    window_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Delete the window: what it holds and still fires pages."""
    _, errors = await attempt(db, actor, lambda tx: maintenance_windows.delete(tx, window_id))
    if errors:
        return go(f"{PATH}/{window_id}", " ".join(errors.values()), "bad")
    return go(PATH, "The window is deleted. What it held and still fires pages now.")


async def _read(request: Web) -> tuple[Typed, str]:
    fields = await sent(request)
    typed = maintenance_forms.typed_in(fields, await sent_all(request, "service_ids"))
    return typed, fields.get("act", "save")


async def _form(
    request: Web,
    db: Database,
    actor: Actor,
    window_id: str | None,
    typed: Typed | None,
    errors: Errors,
    day: str = "",
) -> Response[Any]:
    async with db.read() as reader:
        window = await maintenance_windows.get(reader, actor, window_id) if window_id else None
        if window:
            require(actor, Permission.RESPOND, window.team_id, "maintenance window")
        context = await shell(request, reader, actor, PATH)
        teams = await muting.teams_to_mute(reader, actor)
        zone = str(context["zone"])
        if typed is not None:
            held = typed
        elif window is not None:
            held = maintenance_forms.stored(window, zone)
        else:
            held = maintenance_forms.fresh(muting.chosen(teams, ""), zone, reader.now, day)
        if window is not None:
            held.team_id = window.team_id
        times, problems = _times(held, window, reader.now) if not errors else ([], errors)
        if typed is not None:
            errors = problems
        href = f"{PATH}/{window.id}" if window else PATH
        context |= {
            "title": f"Edit {window.name}" if window else "New maintenance window",
            "action": href,
            "back": {"words": window.name if window else "Maintenance", "href": href},
            "is_new": window is None,
            "values": held.values(),
            "errors": errors,
            "teams": teams,
            "services": await muting.services_of(
                reader, actor, [held.team_id] if window else [key for key, _ in teams]
            ),
            "repeats": REPEATS,
            "times": times,
            "looked": typed is not None,
            "preview": await muting.preview(reader, actor, held.team_id, held.service_ids, held.matchers),
        }
    return answer(request, "maintenance/edit.html", context, 422 if errors else 200)


def _times(typed: Typed, window: MaintenanceWindow | None, now: int) -> tuple[list[Any], Errors]:
    """The next times of what was typed, or why there are none."""
    try:
        members = maintenance_forms.members(typed, window)
        members["service_ids"] = in_order(members["service_ids"])
        draft = MaintenanceWindow(
            id=new_id(now),
            organization_id="",
            team_id=typed.team_id,
            created_at=now,
            updated_at=now,
            **members | {"name": typed.name or "New"},
        )
        check_window(draft, now)
    except OpenAlertError as error:
        return [], refused(error, FIELDS)
    return maintenance_windows.times_ahead(draft, now), {}


ROUTES: Sequence[HTTPRouteHandler] = [
    index,
    new,
    create,
    show,
    edit,
    update,
    begin,
    end,
    skip,
    extend,
    delete,
]
