"""Forms in which customers are told something: each makes a draft, which shows what would be public before it is."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import UNSET

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.instant import HOUR
from openalert.domain.status_page import PublicKind, StatusPage
from openalert.domain.walltime import zone_named
from openalert.storage import status_pages as stored_pages
from openalert.storage import users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from openalert.usecases import status_standing, status_templates, status_updates
from openalert.usecases.access import require
from openalert.usecases.status_incidents import Told
from openalert.web.ui import status_told, telling
from openalert.web.ui.forms import Errors, attempt, local_text
from openalert.web.ui.frame import Web, answer, go, sent
from openalert.web.ui.status_frame import PATH, framed
from openalert.web.ui.telling import FIELDS, Typed

TAB = status_told.TAB


@get(f"{PATH}/{{page_id:str}}/told/new", include_in_schema=False)
async def new(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    kind: FromQuery[str] = "",
    template: FromQuery[str] = "",
) -> Response[Any]:
    """The form of a new incident or maintenance; with a template, its words are in it."""
    async with db.read() as reader:
        page = await pages.get(reader, actor, page_id)
        is_maintenance = kind == PublicKind.MAINTENANCE
        typed = Typed(kind=PublicKind.MAINTENANCE if is_maintenance else PublicKind.INCIDENT, tells="yes")
        if is_maintenance:
            begins = (reader.now // HOUR + 25) * HOUR
            zone = zone_named(page.timezone)
            typed.scheduled_for, typed.scheduled_until = (
                local_text(begins, zone),
                local_text(begins + HOUR, zone),
            )
            typed.is_automatic = "yes"
        kept = await status_templates.of_page(reader, actor, page.id)
        await status_told.fill(typed, [each for each in kept if each.id == template])
        return await _form(request, reader, actor, page, typed, {}, template)


@post(f"{PATH}/{{page_id:str}}/told", include_in_schema=False)
async def create(
    request: Web, page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Make a draft of it, and go where it is looked at before it is published."""
    typed, _ = await telling.read(request)

    async def body(tx: Transaction) -> Told:
        page = await pages.to_tell(tx, page_id)
        if not typed.message:
            raise Invalid("Customers need some words.", field="message")
        return await told.create(
            tx,
            page.id,
            title=typed.title,
            message=typed.message,
            status=typed.phase(),
            impact=typed.chosen_impact(),
            components=typed.statuses(),
            scheduled_for=typed.moment("scheduled_for", page) if typed.is_maintenance else None,
            scheduled_until=typed.moment("scheduled_until", page) if typed.is_maintenance else None,
            is_automatic=bool(typed.is_automatic),
            started_at=None if typed.is_maintenance else typed.moment("started_at", page),
            resolved_at=None if typed.is_maintenance else typed.moment("resolved_at", page),
            is_draft=True,
            tells=bool(typed.tells),
        )

    made, errors = await attempt(db, actor, body, FIELDS)
    if made is not None:
        return go(f"{PATH}/drafts/{made.updates[0].id}")
    async with db.read() as reader:
        page = await pages.get(reader, actor, page_id)
        return await _form(request, reader, actor, page, typed, errors, "")


async def _form(
    request: Web,
    reader: Reader,
    actor: Actor,
    page: StatusPage,
    typed: Typed,
    errors: Errors,
    template: str,
) -> Response[Any]:
    require(actor, Permission.RESPOND, page.team_id, "status page")
    kept = await status_templates.of_page(reader, actor, page.id)
    context = await framed(request, reader, actor, page, TAB, **await telling.choices(reader, page, typed))
    context |= {
        "errors": errors,
        "templates": [(each.id, each.name) for each in kept if each.kind == typed.kind],
        "template": template[:64],
    }
    return answer(request, "status_pages/tell.html", context, 422 if errors else 200)


@post(f"{PATH}/told/{{status_incident_id:str}}/updates", include_in_schema=False)
async def update(
    request: Web,
    status_incident_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Make a draft of an update, and go where it is looked at before it is published."""
    typed, _ = await telling.read(request)

    async def body(tx: Transaction) -> str:
        one, before = await told.get(tx, tx.actor, status_incident_id), set[str]()
        if not typed.message:
            raise Invalid("Customers need some words.", field="message")
        before = {each.id for each in one.updates}
        after = await told.post(
            tx,
            status_incident_id,
            status=typed.phase() or telling.following(one),
            message=typed.message,
            components=_changed(one, typed),
            tells=bool(typed.tells),
            is_draft=True,
        )
        return next(each.id for each in after.updates if each.id not in before)

    made, errors = await attempt(db, actor, body, FIELDS)
    if made is not None:
        return go(f"{PATH}/drafts/{made}")
    return await _incident_again(request, db, actor, status_incident_id, typed, errors)


async def _incident_again(
    request: Web, db: Database, actor: Actor, incident_id: str, typed: Typed, errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        one = await told.get(reader, actor, incident_id)
        page = await pages.get(reader, actor, one.incident.page_id)
        typed.kind = one.incident.kind
        context = await framed(
            request, reader, actor, page, TAB, **await status_told.story(reader, actor, page, one, "")
        )
        context |= await telling.choices(reader, page, typed)
        context |= {"errors": errors, "templates": [], "template": ""}
    return answer(request, "status_pages/incident.html", context, 422)


def _changed(one: Told, typed: Typed) -> dict[str, Any]:
    """The components of which something else is said than now; what is said no more is only named.

    What the form does not show, because it is deleted, stays as it was told.
    """
    now = {row.component_id: row.status for row in one.affected}
    wanted = typed.statuses()
    found: dict[str, Any] = {each: status for each, status in wanted.items() if now.get(each, "") != status}
    unsaid = typed.components.keys() - wanted.keys()
    found |= {each: None for each, status in now.items() if each in unsaid and status is not None}
    return found


@get(f"{PATH}/drafts/{{update_id:str}}", include_in_schema=False)
async def show(
    request: Web, update_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """A draft as customers would read it, and the form in which it may be changed first."""
    return await _draft(request, db, actor, update_id, None, {})


@post(f"{PATH}/drafts/{{update_id:str}}", include_in_schema=False)
async def save(
    request: Web, update_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Change the draft, and look at it again."""
    typed, _ = await telling.read(request)

    async def body(tx: Transaction) -> Told:
        draft = await status_updates.one(tx, tx.actor, update_id)
        one = await told.get(tx, tx.actor, draft.incident_id)
        page = await pages.to_tell(tx, one.incident.page_id)
        is_first = one.incident.published_at is None
        if is_first:
            await _change_incident(tx, page, one, typed)
        return await status_updates.change(
            tx,
            draft.id,
            message=typed.message,
            status=typed.phase() or draft.status,
            components={} if is_first else _changed(one, typed),
            tells=bool(typed.tells),
        )

    saved, errors = await attempt(db, actor, body, FIELDS)
    if saved is None:
        return await _draft(request, db, actor, update_id, typed, errors)
    return go(f"{PATH}/drafts/{update_id}", "Saved. This is what customers would read now.")


async def _change_incident(tx: Transaction, page: StatusPage, one: Told, typed: Typed) -> None:
    """What belongs to the incident, which nobody outside knows yet."""
    is_planned = one.incident.kind is PublicKind.MAINTENANCE
    begins = typed.moment("scheduled_for", page) if is_planned else None
    ends = typed.moment("scheduled_until", page) if is_planned else None
    await told.change(
        tx,
        one.incident.id,
        title=typed.title,
        impact=typed.chosen_impact(),
        component_ids=[],
        components=typed.statuses(),
        scheduled_for=begins if begins is not None else UNSET,
        scheduled_until=ends if ends is not None else UNSET,
        is_automatic=bool(typed.is_automatic) if is_planned else UNSET,
    )


@post(f"{PATH}/drafts/{{update_id:str}}/publish", include_in_schema=False)
async def publish(
    request: Web, update_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Let customers read it; pressed twice it is published once, changed meanwhile it is looked at again."""
    seen = (await sent(request)).get("seen", "")

    async def body(tx: Transaction) -> Told:
        draft = await status_updates.one(tx, tx.actor, update_id)
        one = await told.get(tx, tx.actor, draft.incident_id)
        if seen and draft.published_at is None and seen != telling.sight(one, draft):
            raise Conflict("It was changed after you looked at it. This is what customers would read now.")
        return await status_updates.publish(tx, update_id)

    done, errors = await attempt(db, actor, body)
    if done is None:
        return go(f"{PATH}/drafts/{update_id}", " ".join(errors.values()), "bad")
    return go(f"{PATH}/told/{done.incident.id}", f"Published: {done.incident.title}. Customers read it now.")


@post(f"{PATH}/drafts/{{update_id:str}}/drop", include_in_schema=False)
async def drop(
    update_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Throw it away; with its only draft an incident that nobody knows is gone from the list of what waits."""

    page_id, errors = await attempt(db, actor, lambda tx: status_updates.discard(tx, update_id))
    if page_id is None:
        return go(PATH, " ".join(errors.values()), "bad")
    return go(f"{PATH}/{page_id}{TAB}", "The draft is thrown away. Customers never saw it.")


async def _draft(
    request: Web, db: Database, actor: Actor, update_id: str, typed: Typed | None, errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        draft = await status_updates.one(reader, actor, update_id)
        one = await told.get(reader, actor, draft.incident_id)
        page = await pages.get(reader, actor, one.incident.page_id)
        if draft.published_at is not None:
            return go(f"{PATH}/told/{one.incident.id}")
        require(actor, Permission.RESPOND, page.team_id, "status page")
        writer = await users.get(reader, actor, draft.created_by_id or "")
        names = telling.names_of(await stored_pages.components(reader, page.id))
        held = typed or telling.begun_with(one, draft, page, local=local_text)
        held.kind = one.incident.kind
        before = (await status_standing.of_pages(reader, [page.id]))[page.id]
        context = await framed(request, reader, actor, page, TAB, **await telling.choices(reader, page, held))
        context |= {
            "errors": errors,
            "templates": [],
            "template": "",
            "draft": draft,
            "seen": telling.sight(one, draft),
            "one": one.incident,
            "href": f"{PATH}/drafts/{draft.id}",
            "by": writer.name if writer else "",
            "inside": await status_told.inside(reader, actor, one),
            "differs": telling.differences(one, draft, names),
            "hints": await telling.hints(
                reader, one.incident.internal_incident_id, one.incident.title, draft.message
            ),
        }

    async def body(tx: Transaction) -> Any:
        return await telling.would_be(tx, page, await status_updates.publish(tx, update_id), before)

    try:
        context["public"] = await telling.rehearsed(db, actor, body)
        context["refused"] = ""
    except (Conflict, Invalid) as refused:
        context["public"], context["refused"] = None, refused.message
    return answer(request, "status_pages/draft.html", context, 422 if errors else 200)


ROUTES: Sequence[HTTPRouteHandler] = [new, create, update, show, save, publish, drop]
