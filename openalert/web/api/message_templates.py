"""JSON `/message-templates`: the organization's own words in messages, by way of reading and kind of message."""

from litestar import Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from openalert.domain.access import Actor
from openalert.domain.message_kind import MessageKind
from openalert.storage.database import Database
from openalert.usecases import word_previews, words
from openalert.usecases.words import Kept
from openalert.web.api.wire import READS, WRITES, Input, Output
from openalert.web.paging import Page


class MessageTemplateOut(Output):
    """What messages of one kind, read by one way, call what they are about."""

    way: str
    kind: str
    name: str
    text: str
    is_own: bool
    longest: int


class MessageTemplateIn(Input):
    """Other words for one way and kind."""

    text: str


class TemplatePreviewIn(Input):
    """Words to look at: those that hold now, unless others are given; with the newest incident, unless it is named."""

    text: str | None = None
    incident_id: str | None = None


class TemplatePreviewOut(Output):
    """How a message reads; `incidentId` is null where it is about none, and where one was made up."""

    text: str
    note: str
    incident_id: str | None


def show(kept: Kept, kind: MessageKind, way: str) -> MessageTemplateOut:
    """A template as it is answered: the organization's own, or what holds without one."""
    return MessageTemplateOut(
        way=way,
        kind=kind,
        name=words.called(kind, way),
        text=words.in_force(kept, kind, way),
        is_own=(kind, way) in kept,
        longest=words.WAYS[way].longest,
    )


@get("/", responses=READS)
async def list_message_templates(
    db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Page[MessageTemplateOut]:
    """The words of every kind of message for every way of reading that carries it, in one page; for admins."""
    async with db.read() as reader:
        kept = await words.of_mine(reader, actor)
        return Page(items=[show(kept, kind, way) for kind, way in words.pairs()])


@get("/{way:str}", responses=READS)
async def get_message_template(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    way: FromPath[str],
    kind: FromQuery[str] = MessageKind.ANY,
) -> MessageTemplateOut:
    """The words for one way of reading: the organization's own, or those that hold without."""
    async with db.read() as reader:
        kept = await words.of_mine(reader, actor)
        return show(kept, words.known(way, kind), way)


@put("/{way:str}", responses=WRITES)
async def put_message_template(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    way: FromPath[str],
    data: JSONBody[MessageTemplateIn],
    kind: FromQuery[str] = MessageKind.ANY,
) -> MessageTemplateOut:
    """Choose other words; messages say them from now on. What cannot be read is refused with its position."""
    async with db.transaction(actor) as tx:
        await words.of_mine(tx, actor)
        await words.save(tx, {way: data.text}, chosen := words.known(way, kind), field="text")
        return show(await words.of_mine(tx, actor), chosen, way)


@delete("/{way:str}", responses=WRITES)
async def delete_message_template(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    way: FromPath[str],
    kind: FromQuery[str] = MessageKind.ANY,
) -> None:
    """Have no words of one's own for this kind and way any more."""
    async with db.transaction(actor) as tx:
        await words.of_mine(tx, actor)
        await words.save(tx, {way: ""}, words.known(way, kind))


@post("/{way:str}/preview", status_code=200, responses=WRITES)
async def preview_message_template(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    way: FromPath[str],
    data: JSONBody[TemplatePreviewIn],
    kind: FromQuery[str] = MessageKind.ANY,
) -> TemplatePreviewOut:
    """How a message of this kind reads with these words, about a real incident; nothing is kept, nothing is sent."""
    async with db.transaction(actor) as tx:
        kept = await words.of_mine(tx, actor)
        chosen = words.known(way, kind)
        message = await word_previews.about(tx, actor, data.incident_id, chosen)
        text = data.text if data.text is not None else words.in_force(kept, chosen, way)
        seen = word_previews.preview(way, text, message, chosen, field="text")
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
