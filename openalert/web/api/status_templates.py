"""JSON below `/status-pages`: templates of what is told there."""

from datetime import datetime

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.status_page import ComponentStatus, PublicKind, PublicStatus, StatusTemplate
from openalert.storage.database import Database
from openalert.usecases import status_templates as templates
from openalert.web.api.wire import READS, WRITES, Input, Output, moment
from openalert.web.paging import Page


class StatusTemplateOut(Output):
    """Words for an incident, an update or a maintenance, to begin with."""

    id: str
    status_page_id: str
    name: str
    kind: PublicKind
    title: str
    message: str
    status: PublicStatus | None
    components: dict[str, ComponentStatus | None]
    notify: bool
    created_at: datetime
    updated_at: datetime


class StatusTemplateIn(Input):
    """A new template; what it leaves out is for whoever uses it to say."""

    name: str
    kind: PublicKind = PublicKind.INCIDENT
    title: str = ""
    message: str = ""
    status: PublicStatus | None = None
    components: dict[str, ComponentStatus | None] | UnsetType = UNSET
    notify: bool = True


class StatusTemplatePatch(Input):
    """What to change of a template; its kind stays."""

    name: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    status: PublicStatus | UnsetType | None = UNSET
    components: dict[str, ComponentStatus | None] | UnsetType = UNSET
    notify: bool | UnsetType = UNSET


def _shown(template: StatusTemplate) -> StatusTemplateOut:
    return StatusTemplateOut(
        id=template.id,
        status_page_id=template.page_id,
        name=template.name,
        kind=template.kind,
        title=template.title,
        message=template.message,
        status=template.status,
        components=template.components,
        notify=template.tells,
        created_at=moment(template.created_at),
        updated_at=moment(template.updated_at),
    )


@get("/{page_id:str}/templates", responses=READS)
async def list_status_templates(
    db: NamedDependency[Database], actor: NamedDependency[Actor], page_id: FromPath[str]
) -> Page[StatusTemplateOut]:
    """The templates of a page by name."""
    async with db.read() as reader:
        found = await templates.of_page(reader, actor, page_id)
    return Page(items=[_shown(each) for each in found], next_cursor=None)


@post("/{page_id:str}/templates", responses=WRITES)
async def create_status_template(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    page_id: FromPath[str],
    data: JSONBody[StatusTemplateIn],
) -> StatusTemplateOut:
    """Add a template."""
    members = data.members()
    members["tells"] = members.pop("notify")
    async with db.transaction(actor) as tx:
        return _shown(await templates.create(tx, page_id, **members))


@get("/templates/{status_template_id:str}", responses=READS)
async def get_status_template(
    db: NamedDependency[Database], actor: NamedDependency[Actor], status_template_id: FromPath[str]
) -> StatusTemplateOut:
    """One template."""
    async with db.read() as reader:
        return _shown(await templates.get(reader, actor, status_template_id))


@patch("/templates/{status_template_id:str}", responses=WRITES)
async def update_status_template(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    status_template_id: FromPath[str],
    data: JSONBody[StatusTemplatePatch],
) -> StatusTemplateOut:
    """Change a template; what was told with it stays."""
    members = data.members()
    members["tells"] = members.pop("notify")
    async with db.transaction(actor) as tx:
        return _shown(await templates.change(tx, status_template_id, **members))


@delete("/templates/{status_template_id:str}", responses=WRITES)
async def delete_status_template(
    db: NamedDependency[Database], actor: NamedDependency[Actor], status_template_id: FromPath[str]
) -> None:
    """Delete a template."""
    async with db.transaction(actor) as tx:
        await templates.delete(tx, status_template_id)


handlers = (
    list_status_templates,
    create_status_template,
    get_status_template,
    update_status_template,
    delete_status_template,
)
