"""Templates of what is told on a status page: which there are, and the form of one."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor, Permission
from openalert.domain.status_page import PublicKind, StatusPage, StatusTemplate
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import status_pages as pages
from openalert.usecases import status_templates as templates
from openalert.usecases.access import require
from openalert.web.ui import status_told, telling
from openalert.web.ui.forms import Errors, attempt
from openalert.web.ui.frame import Web, answer, go, sent
from openalert.web.ui.status_frame import PATH, framed
from openalert.web.ui.telling import FIELDS, Typed

FORM = FIELDS | {"name": ("name", "The name")}


@get(f"{PATH}/{{page_id:str}}/templates", include_in_schema=False)
async def index(
    request: Web, page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """The templates of a page."""
    async with db.read() as reader:
        page = await pages.get(reader, actor, page_id)
        context = await framed(request, reader, actor, page, status_told.TAB)
        context["templates"] = await templates.of_page(reader, actor, page.id)
    return answer(request, "status_pages/templates.html", context)


@get(f"{PATH}/{{page_id:str}}/templates/new", include_in_schema=False)
async def new(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    kind: FromQuery[str] = "",
) -> Response[Any]:
    """The form of a new template."""
    is_maintenance = kind == PublicKind.MAINTENANCE
    typed = Typed(kind=PublicKind.MAINTENANCE if is_maintenance else PublicKind.INCIDENT, tells="yes")
    async with db.read() as reader:
        page = await pages.get(reader, actor, page_id)
        return await _form(request, reader, actor, page, None, typed, "", {})


@post(f"{PATH}/{{page_id:str}}/templates", include_in_schema=False)
async def create(
    request: Web, page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Keep a new one."""
    typed, _ = await telling.read(request)
    name = (await sent(request)).get("name", "")

    async def body(tx: Transaction) -> StatusTemplate:
        kind = PublicKind.MAINTENANCE if typed.is_maintenance else PublicKind.INCIDENT
        return await templates.create(tx, page_id, name=name, kind=kind, **_words(typed))

    made, errors = await attempt(db, actor, body, FORM)
    if made is not None:
        return go(f"{PATH}/{page_id}/templates", f"The template {made.name} is kept.")
    async with db.read() as reader:
        page = await pages.get(reader, actor, page_id)
        return await _form(request, reader, actor, page, None, typed, name, errors)


@get(f"{PATH}/templates/{{status_template_id:str}}", include_in_schema=False)
async def edit(
    request: Web,
    status_template_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The form of one that is there."""
    async with db.read() as reader:
        template = await templates.get(reader, actor, status_template_id)
        page = await pages.get(reader, actor, template.page_id)
        typed = Typed(
            kind=template.kind,
            title=template.title,
            message=template.message,
            status=template.status or "",
            tells="yes" if template.tells else "",
            components={
                each: status.value if status else telling.NAMED
                for each, status in template.components.items()
            },
        )
        return await _form(request, reader, actor, page, template, typed, template.name, {})


@post(f"{PATH}/templates/{{status_template_id:str}}", include_in_schema=False)
async def update(
    request: Web,
    status_template_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Change it."""
    typed, _ = await telling.read(request)
    name = (await sent(request)).get("name", "")

    async def body(tx: Transaction) -> StatusTemplate:
        return await templates.change(tx, status_template_id, name=name, **_words(typed))

    changed, errors = await attempt(db, actor, body, FORM)
    if changed is not None:
        return go(f"{PATH}/{changed.page_id}/templates", f"The template {changed.name} is saved.")
    async with db.read() as reader:
        template = await templates.get(reader, actor, status_template_id)
        page = await pages.get(reader, actor, template.page_id)
        typed.kind = template.kind
        return await _form(request, reader, actor, page, template, typed, name, errors)


@post(f"{PATH}/templates/{{status_template_id:str}}/delete", include_in_schema=False)
async def delete(
    status_template_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """Delete it; what was told with it stays told."""

    async def body(tx: Transaction) -> StatusTemplate:
        gone = await templates.get(tx, tx.actor, status_template_id)
        await templates.delete(tx, gone.id)
        return gone

    gone, errors = await attempt(db, actor, body)
    if gone is None:
        return go(PATH, " ".join(errors.values()), "bad")
    return go(f"{PATH}/{gone.page_id}/templates", f"The template {gone.name} is deleted.")


def _words(typed: Typed) -> dict[str, Any]:
    return {
        "title": typed.title,
        "message": typed.message,
        "status": typed.phase(),
        "components": typed.statuses(),
        "tells": bool(typed.tells),
    }


async def _form(
    request: Web,
    reader: Reader,
    actor: Actor,
    page: StatusPage,
    template: StatusTemplate | None,
    typed: Typed,
    name: str,
    errors: Errors,
) -> Response[Any]:
    require(actor, Permission.RESPOND, page.team_id, "status page")
    context = await framed(
        request, reader, actor, page, status_told.TAB, **await telling.choices(reader, page, typed)
    )
    context |= {
        "errors": errors,
        "name": name,
        "template": template,
        "action": f"{PATH}/templates/{template.id}" if template else f"{PATH}/{page.id}/templates",
    }
    return answer(request, "status_pages/template.html", context, 422 if errors else 200)


ROUTES: Sequence[HTTPRouteHandler] = [index, new, create, edit, update, delete]
