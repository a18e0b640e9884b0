"""Calendars of other programs, on my own page and on that of a schedule: looked at first, then saved."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.calendar_feed import CalendarFeed, Counts, Period
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, to_datetime
from openalert.sources.calendar_text import thin
from openalert.storage import users as stored_users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import calendar_feeds, calendars, schedules
from openalert.usecases.calendar_feeds import Preview, Wanted
from openalert.web.ui.forms import REFUSALS, Errors, refused, values_of, whole
from openalert.web.ui.frame import Values, Web, act, answer, go, own_id, shell

NAMES = ("feed_name", "url", "counts", "layer")
COUNTS = [
    (Counts.AWAY.value, "Out of office, and whole days that are not free"),
    (Counts.ALL.value, "Every entry: it holds absences alone"),
]
MOST_SHOWN = 12
_FIELDS = {
    "name": ("feed_name", "The name"),
    "url": ("url", "The address"),
    "content": ("file", "The file"),
    "layer": ("layer", "The layer"),
}


class Typed(Mapping[str, str]):
    """What was typed into the form, and the file that came with it."""

    def __init__(self, fields: dict[str, str], content: bytes) -> None:
        self.content = content
        self._fields = fields

    def __getitem__(self, name: str) -> str:
        return self._fields[name]

    def __iter__(self) -> Any:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


async def typed_into(request: Web) -> Typed:
    """The posted form; a file that was looked at before comes back as text."""
    form = await request.form()
    fields = {name: value.strip() for name, value in form.multi_items() if isinstance(value, str)}
    content = fields.pop("content", "").encode()
    upload = form.get("file")
    if upload is not None and hasattr(upload, "read"):
        content = await upload.read() or content
    return Typed(fields, content)


def wanted_of(typed: Typed, *, user_id: str | None = None, schedule_id: str | None = None) -> Wanted:
    """What the form asks for; Invalid where it asks for nothing, or for two things."""
    if not typed.get("url") and not typed.content:
        raise Invalid("Give the address of a calendar, or choose a file.", field="url")
    if typed.get("url") and typed.content:
        raise Invalid("Give either an address or a file.", field="url")
    return Wanted(
        user_id=user_id,
        schedule_id=schedule_id,
        name=typed.get("feed_name", ""),
        url=typed.get("url", ""),
        content=typed.content,
        counts=Counts.ALL if typed.get("counts") == Counts.ALL else Counts.AWAY,
        layer=whole(typed.get("layer") or "0", "layer"),
    )


def shown(feed: CalendarFeed) -> Values:
    """A feed and how it is doing."""
    return {
        "id": feed.id,
        "name": feed.name,
        "origin": feed.origin.partition("://")[2] or "a file",
        "is_file": not feed.origin,
        "entries": feed.entries,
        "missing": list(feed.missing),
        "notes": list(feed.notes),
        "read_at": feed.read_at,
        "next_at": feed.next_at,
        "failing_since": feed.failing_since,
        "failure": feed.failure,
    }


async def looked_at(reader: Reader, actor: Actor, typed: Typed, told: Preview, action: str) -> Values:
    """A preview with all that was typed, to be saved from the same page."""
    content = ""
    if typed.content:
        since = f"{to_datetime(reader.now - 2 * DAY):%Y%m%d}"
        content = (await asyncio.to_thread(thin, typed.content, since)).text
    named = await stored_users.named(reader, actor, {each.user_id for each in told.periods})
    return {
        "action": action,
        "calendar": told.name,
        "events": told.events,
        "count": len(told.periods),
        "people": len(named),
        "periods": [_period(each, named) for each in told.periods[:MOST_SHOWN]],
        "missing": list(told.missing),
        "notes": list(told.notes),
        "fields": {name: typed.get(name, "") for name in NAMES if typed.get(name)},
        "content": content,
    }


def _period(period: Period, named: Mapping[str, Any]) -> Values:
    user = named.get(period.user_id)
    return {
        "who": user.name if user else "",
        "start": period.start_at,
        "end": period.end_at,
        "summary": period.summary,
        "layer": period.layer,
    }


async def take(
    request: Web, db: Database, actor: Actor, *, user_id: str | None = None, schedule_id: str | None = None
) -> tuple[Typed, Preview | None, CalendarFeed | None, Errors]:
    """What was typed, and: what the calendar would give, or the feed if it was to be saved, or why not."""
    typed = await typed_into(request)
    fetcher = request.app.state.calendars
    try:
        wanted = wanted_of(typed, user_id=user_id, schedule_id=schedule_id)
        if typed.get("act") == "save":
            return typed, None, await calendar_feeds.add(db, fetcher, actor, wanted), {}
        return typed, await calendar_feeds.preview(db, fetcher, actor, wanted), None, {}
    except REFUSALS as error:
        return typed, None, None, refused(error, _FIELDS)


@get("/schedules/{schedule_id:str}/calendars", include_in_schema=False)
async def show_schedule(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The calendars that give turns to a schedule, and everybody's links to it."""
    return await _schedule_page(request, db, actor, schedule_id, Typed({}, b""), None, {})


async def _schedule_page(
    request: Web,
    db: Database,
    actor: Actor,
    schedule_id: str,
    typed: Typed,
    told: Preview | None,
    errors: Errors,
) -> Response[Any]:
    async with db.read() as reader:
        schedule = await schedules.get(reader, actor, schedule_id)
        feeds = await calendar_feeds.of_schedule(reader, actor, schedule.id)
        links = await calendars.links_to(reader, actor, schedule.id)
        makers = await stored_users.named(reader, actor, {each.user_id for each in links})
        action = f"/schedules/{schedule.id}/calendar-feeds"
        context = await shell(
            request,
            reader,
            actor,
            "/schedules",
            schedule={"id": schedule.id, "name": schedule.name},
            feeds=[shown(each) for each in feeds],
            looked=await looked_at(reader, actor, typed, told, action) if told else None,
            links=[
                {
                    "id": each.id,
                    "name": each.name,
                    "who": makers[each.user_id].name if each.user_id in makers else "somebody who is gone",
                    "used_at": each.last_used_at,
                }
                for each in links
            ],
            values=values_of(typed, NAMES, layer="0"),
            errors=errors,
        )
    return answer(request, "schedules/calendars.html", context, 422 if errors else 200)


@post("/schedules/{schedule_id:str}/calendar-feeds", include_in_schema=False, status_code=200)
async def add_to_schedule(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Look at a calendar with turns, or save it."""
    typed, told, made, errors = await take(request, db, actor, schedule_id=schedule_id)
    if made is None:
        return await _schedule_page(request, db, actor, schedule_id, typed, told, errors)
    return go(f"/schedules/{schedule_id}/calendars", f"{made.name} is read: {made.entries} turns.")


@post("/schedules/{schedule_id:str}/calendar-feeds/{calendar_id:str}/remove", include_in_schema=False)
async def remove_from_schedule(
    schedule_id: FromPath[str],
    calendar_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Read it no more."""

    async def body(tx: Transaction) -> str:
        await calendar_feeds.remove(tx, calendar_id, schedule_id=schedule_id)
        return "The calendar is removed. Its turns to come do not happen."

    return await act(db, actor, f"/schedules/{schedule_id}/calendars", body)


@post("/schedules/{schedule_id:str}/calendar-links/{link_id:str}/revoke", include_in_schema=False)
async def revoke_link(
    schedule_id: FromPath[str],
    link_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Somebody's link to the schedule opens nothing any more."""

    async def body(tx: Transaction) -> str:
        await calendars.revoke_link_to(tx, schedule_id, link_id)
        return "The link is revoked."

    return await act(db, actor, f"/schedules/{schedule_id}/calendars", body)


@post("/me/calendar-feeds/{feed_id:str}/remove", include_in_schema=False)
async def remove_mine(
    feed_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Read it no more."""

    async def body(tx: Transaction) -> str:
        await calendar_feeds.remove(tx, feed_id, user_id=own_id(actor))
        return "The calendar is removed, and the absences that it gave are forgotten."

    return await act(db, actor, "/me/calendars", body)


ROUTES: Sequence[HTTPRouteHandler] = [
    show_schedule,
    add_to_schedule,
    remove_from_schedule,
    revoke_link,
    remove_mine,
]
