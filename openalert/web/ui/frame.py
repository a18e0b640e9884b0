"""What every page has: the shell around it, live parts of it alone, and what is said after an act.

A handler gathers plain values, `answer` renders them: the whole page for a reader, one block of it when the
browser refreshes a part. An act is a POST that changes something and goes back to a page; what it did is said
there once, carried by a short-lived cookie.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from litestar import Request, Response
from litestar.datastructures import Cookie

from openalert.domain.access import Actor
from openalert.domain.errors import Conflict, Invalid, NotFound, Unavailable
from openalert.domain.instant import Instant
from openalert.domain.walltime import zone_named
from openalert.storage import events, incidents, organizations, schedules, users
from openalert.storage.database import Database
from openalert.storage.incidents import IncidentFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import schedules as duty
from openalert.web import render
from openalert.web.ui import muted
from openalert.web.watching import watch_of

Web = Request[Any, Any, Any]
Values = dict[str, Any]

_FLASH = "openalert_flash"
_ON_CALL_SHOWN = 8
WONDERED = ("/incidents", "/alerts", "/services")
"""Where people may wonder why nothing came."""
OPEN = ("triggered", "acknowledged")


async def shell(request: Web, reader: Reader, actor: Actor, section: str, **values: Any) -> Values:
    """The context of a page in the signed-in shell; `section` is the path of the place, "/incidents"."""
    user = await users.get(reader, actor, actor.user_id or "")
    organization = await organizations.get(reader, actor.organization_id or "")
    opened = await incidents.count(reader, actor, IncidentFilter(statuses=OPEN), at_most=100)
    return {
        "now": reader.now,
        "zone": zone_named(user.timezone if user else "UTC"),
        "theme": request.cookies.get("theme"),
        "frame": {
            "section": section,
            "organization": organization.name if organization else "OpenAlert",
            "me": {"name": actor.name, "email": user.email if user else ""},
            "open_count": opened,
            "seq": await events.last(reader),
            "query": request.query_params.get("q", "")[:200],
            "on_call": await _on_call(reader, actor),
            "flash": flash(request),
            "impaired": is_impaired(request),
            "standstill": request.app.state.access.database.standstill.cause,
            "muted": await muted.banner(reader, actor) if section in WONDERED else [],
        },
        **values,
    }


def is_impaired(request: Web) -> bool:
    """Whether an alert arriving now might page nobody, as the server last found."""
    watch = watch_of(request)
    return watch is not None and watch.standing is not None and not watch.standing.would_page


async def _on_call(reader: Reader, actor: Actor) -> list[dict[str, str]]:
    """Who is on call now, for the first few schedules in view."""
    some = await schedules.page(reader, actor, after="", limit=_ON_CALL_SHOWN)
    answers = await duty.on_call_of(reader, some)
    people = await users.named(reader, actor, duty.people_of(answer for _, answer in answers))
    return [
        {"name": people[person.user_id].name, "schedule": schedule.name}
        for schedule, answer in answers
        for person in answer.people
        if person.user_id in people
    ]


def plain(request: Web, now: Instant, **values: Any) -> Values:
    """The context of a page without navigation, its times in UTC unless `zone` says otherwise."""
    return {"now": now, "zone": zone_named("UTC"), "theme": request.cookies.get("theme"), **values}


def answer(request: Web, template: str, context: Mapping[str, Any], status: int = 200) -> Response[str]:
    """The page, or the one block of it that a live update asks for by the id of its element."""
    asked = request.headers.get("hx-target", "").partition("#")[2]
    if asked in render.blocks(template):
        return Response(render.block(template, asked, **context), media_type="text/html", status_code=status)
    page = Response(render.page(template, **context), media_type="text/html", status_code=status)
    if _FLASH in request.cookies:
        page.delete_cookie(_FLASH)
    return page


def go(path: str, said: str = "", tone: str = "good") -> Response[None]:
    """303 to a page of ours, which says `said` once; tone "good" or "bad"."""
    response: Response[None] = Response(None, status_code=303, headers={"location": path})
    if said:
        response.set_cookie(
            Cookie(
                key=_FLASH,
                value=quote(f"{tone}:{said[:500]}"),
                max_age=20,
                httponly=True,
                samesite="lax",
                path="/",
            )
        )
    return response


async def act(
    db: Database,
    actor: Actor,
    path: str,
    body: Callable[[Transaction], Awaitable[str]],
    *,
    but: Collection[str] = (),
) -> Response[None]:
    """Do `body` in a transaction, then go to `path` and say what it returned, or why it was refused.

    Refusals with a code in `but` are the caller's to answer.
    """
    try:
        async with db.transaction(actor) as tx:
            said = await body(tx)
    except (Invalid, Conflict, Unavailable) as error:
        if error.code in but:
            raise
        return go(path, error.message, "bad")
    return go(path, said)


def flash(request: Web) -> dict[str, str] | None:
    """What an act left to be said: {"tone", "text"}."""
    tone, _, text = unquote(request.cookies.get(_FLASH, "")).partition(":")
    return {"tone": tone if tone in ("good", "bad") else "good", "text": text} if text else None


def own_id(actor: Actor) -> str:
    """My own id; an API key has no page."""
    if actor.user_id is None:
        raise NotFound("page")
    return actor.user_id


async def sent(request: Web) -> dict[str, str]:
    """The fields of a posted form, the last of each name; trimmed but for line breaks inside, without NUL."""
    form = await request.form()
    return {name: _typed(value) for name, value in form.multi_items() if isinstance(value, str)}


async def sent_all(request: Web, name: str) -> list[str]:
    """Every value posted under one name, in order."""
    form = await request.form()
    return [_typed(value) for value in form.getall(name, []) if isinstance(value, str)]


def _typed(value: str) -> str:
    """What somebody can have typed: Postgres keeps no NUL, and no keyboard has one."""
    return value.replace("\0", "").strip()


def address(path: str, **parameters: str | None) -> str:
    """`path` with those query parameters that have a value."""
    given = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def chips(
    path: str, chosen: Mapping[str, tuple[str, str] | None], **kept: str | None
) -> list[dict[str, str]]:
    """Filters in force: `chosen` maps a parameter to (its value, its words); each with the address without it."""
    values = {name: pair[0] for name, pair in chosen.items() if pair is not None}
    return [
        {
            "words": pair[1],
            "without": address(
                path, **kept, **{other: value for other, value in values.items() if other != name}
            ),
        }
        for name, pair in chosen.items()
        if pair is not None
    ]
