"""My calendars: links at which calendar programs read shifts, each made and revoked here."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.calendar_feed import AHEAD
from openalert.domain.calendar_link import CalendarLink
from openalert.domain.links_back import LinksBack
from openalert.storage import schedules
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import calendar_feeds, calendars, users
from openalert.usecases.calendar_feeds import Preview
from openalert.web.calendars import address_of
from openalert.web.ui import calendar_feeds as feeds
from openalert.web.ui.calendar_feeds import COUNTS, Typed
from openalert.web.ui.forms import Errors, attempt, forget_shown, show_once, shown_once, values_of
from openalert.web.ui.frame import Values, Web, act, answer, go, own_id, sent, shell

HERE = "/me/calendars"
_ABSENCES_SHOWN = 8
_NAMES = ("name", "schedule_id", "with_gaps")
_FIELDS = {
    "name": ("name", "The name"),
    "scheduleId": ("schedule_id", "Which shifts"),
    "withGaps": ("with_gaps", "“Also show when nobody is on call”"),
}


@get(HERE, include_in_schema=False)
async def show(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
) -> Response[Any]:
    """My links; `schedule` chooses one in the form of a new link."""
    typed = {"schedule_id": request.query_params.get("schedule", "")[:64]}
    return await _page(request, db, actor, links_back, typed, {})


async def _page(
    request: Web,
    db: Database,
    actor: Actor,
    links_back: LinksBack,
    typed: Mapping[str, str],
    errors: Errors,
    told: Preview | None = None,
) -> Response[Any]:
    shown = shown_once(request)
    async with db.read() as reader:
        me = await users.me(reader, actor)
        seen = await schedules.page(reader, actor, limit=calendars.MOST_SCHEDULES)
        names = {each.id: each.name for each in seen}
        context = await shell(
            request,
            reader,
            actor,
            "/me",
            user={"name": me.name, "email": me.email},
            links=await _links(reader, actor, names, links_back.base_url, shown),
            choices=[("", "My shifts, in all schedules"), *names.items()],
            feeds=[feeds.shown(each) for each in await calendar_feeds.of_user(reader, actor, me.id)],
            absences=await _absences(reader, actor),
            counts=COUNTS,
            looked=await feeds.looked_at(reader, actor, typed, told, "/me/calendar-feeds")
            if told and isinstance(typed, Typed)
            else None,
            values=values_of(typed, (*_NAMES, *feeds.NAMES)),
            errors=errors,
        )
    return forget_shown(request, answer(request, "me/calendars.html", context, 422 if errors else 200))


async def _absences(reader: Reader, actor: Actor) -> list[Values]:
    """My next absences, in my own words."""
    found = await calendar_feeds.own_absences(reader, actor, reader.now, reader.now + AHEAD)
    return [
        {"start": each.start_at, "end": each.end_at, "summary": each.summary}
        for each in found[:_ABSENCES_SHOWN]
    ]


async def _links(
    reader: Reader, actor: Actor, names: Mapping[str, str], base_url: str, shown: Mapping[str, str]
) -> list[Values]:
    return [
        _link(each, names, address_of(base_url, shown[each.id]) if each.id in shown else None)
        for each in await calendars.links(reader, actor)
    ]


def _link(link: CalendarLink, names: Mapping[str, str], url: str | None) -> Values:
    what = "my shifts"
    if link.schedule_id is not None:
        what = names.get(link.schedule_id, "a schedule that you do not see any more: it opens nothing")
    return {
        "id": link.id,
        "name": link.name,
        "what": f"{what}, with gaps" if link.with_gaps else what,
        "created_at": link.created_at,
        "used_at": link.last_used_at,
        "url": url,
        "webcal": "webcal://" + url.partition("://")[2] if url else None,
    }


@post("/me/calendar-links", include_in_schema=False)
async def create(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
) -> Response[Any]:
    """A new link; the page to which this leads shows its address, once."""
    typed = await sent(request)

    async def body(tx: Transaction) -> tuple[CalendarLink, str]:
        own_id(actor)
        return await calendars.create_link(
            tx,
            name=typed.get("name", ""),
            schedule_id=typed.get("schedule_id") or None,
            with_gaps="with_gaps" in typed,
        )

    made, errors = await attempt(db, actor, body, _FIELDS)
    if made is None:
        return await _page(request, db, actor, links_back, typed, errors)
    link, token = made
    return show_once(request, go(f"{HERE}#{link.id}"), link.id, token)


@post("/me/calendar-links/{link_id:str}/revoke", include_in_schema=False)
async def revoke(
    link_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """One of my links opens nothing any more."""

    async def body(tx: Transaction) -> str:
        own_id(actor)
        await calendars.revoke_link(tx, link_id)
        return "The link is revoked. Calendars that used it keep what they read until they ask again."

    return await act(db, actor, HERE, body)


@post("/me/calendar-feeds", include_in_schema=False, status_code=200)
async def add_absences(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
) -> Response[Any]:
    """Look at a calendar with my absences, or save it."""
    typed, told, made, errors = await feeds.take(request, db, actor, user_id=own_id(actor))
    if made is None:
        return await _page(request, db, actor, links_back, typed, errors, told)
    return go(f"{HERE}#absences", f"{made.name} is read: {made.entries} absences.")


ROUTES: Sequence[HTTPRouteHandler] = [show, create, revoke, add_absences]
