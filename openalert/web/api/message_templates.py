"""JSON `/message-templates`: the organization's own words in messages, one template for each way of reading."""

from litestar import Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.storage.database import Database
from openalert.usecases import words
from openalert.web.api.wire import READS, WRITES, Input, Output
from openalert.web.paging import Page


class MessageTemplateOut(Output):
    """What messages that are read by one way call an incident."""

    way: str
    name: str
    text: str
    is_own: bool


class MessageTemplateIn(Input):
    """Other words for one way."""

    text: str


class TemplatePreviewIn(Input):
    """Words to look at: those that hold now, unless others are given; with the newest incident, unless it is named."""

    text: str | None = None
    incident_id: str | None = None


class TemplatePreviewOut(Output):
    """How a page about an incident reads; `incidentId` is null where there is none yet and one was made up."""

    text: str
    note: str
    incident_id: str | None


def show(way: str, text: str | None) -> MessageTemplateOut:
    """A template as it is answered; without one, the usual words."""
    return MessageTemplateOut(
        way=way, name=words.WAYS[way], text=text or words.USUAL, is_own=text is not None
    )


@get("/", responses=READS)
async def list_message_templates(
    db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Page[MessageTemplateOut]:
    """The words for every way of reading, in one page; for admins."""
    async with db.read() as reader:
        kept = await words.of_mine(reader, actor)
        return Page(items=[show(way, kept.get(way)) for way in words.WAYS])


@get("/{way:str}", responses=READS)
async def get_message_template(
    db: NamedDependency[Database], actor: NamedDependency[Actor], way: FromPath[str]
) -> MessageTemplateOut:
    """The words for one way of reading: the organization's own, or the usual ones."""
    async with db.read() as reader:
        return show(way, await words.of_way(reader, actor, way))


@put("/{way:str}", responses=WRITES)
async def put_message_template(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    way: FromPath[str],
    data: JSONBody[MessageTemplateIn],
) -> MessageTemplateOut:
    """Choose other words; messages say them from now on. What cannot be read is refused with its position."""
    async with db.transaction(actor) as tx:
        await words.of_way(tx, actor, way)
        await words.save(tx, {way: data.text}, field="text")
        return show(way, await words.of_way(tx, actor, way))


@delete("/{way:str}", responses=WRITES)
async def delete_message_template(
    db: NamedDependency[Database], actor: NamedDependency[Actor], way: FromPath[str]
) -> None:
    """Go back to the usual words."""
    async with db.transaction(actor) as tx:
        await words.of_way(tx, actor, way)
        await words.save(tx, {way: ""})


@post("/{way:str}/preview", status_code=200, responses=WRITES)
async def preview_message_template(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    way: FromPath[str],
    data: JSONBody[TemplatePreviewIn],
) -> TemplatePreviewOut:
    """How a page about a real incident reads with these words; nothing is kept and nothing is sent."""
    async with db.transaction(actor) as tx:
        kept = await words.of_way(tx, actor, way)
        message = await words.page_about(tx, actor, data.incident_id)
        text = data.text if data.text is not None else kept or ""
        seen = words.preview(way, text, message, field="text")
        return TemplatePreviewOut(
            text=seen.text,
            note=seen.note,
            incident_id=(message.incident.id if message.incident else "") or None,
        )


routes = Router(
    path="/message-templates",
    tags=["message templates"],
    route_handlers=[
        list_message_templates,
        get_message_template,
        put_message_template,
        delete_message_template,
        preview_message_template,
    ],
)
