"""`/settings/words`: the organization's own words in messages, each kind and way with a preview of a real incident."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.message_kind import MESSAGE_KINDS, MessageKind
from openalert.domain.template import FILTERS
from openalert.notifiers.notifier import Message
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import word_previews, words
from openalert.usecases.words import Kept
from openalert.web.ui.forms import Errors, attempt
from openalert.web.ui.frame import Values, Web, answer, go, sent, shell

_FIELDS = {way: (way, "The template") for way in words.WAYS}


@get("/settings/words", include_in_schema=False)
async def show(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    kind: FromQuery[str] = MessageKind.ANY,
    incident: FromQuery[str] = "",
) -> Response[Any]:
    """What messages of one kind say now, by each way."""
    return await _page(request, db, actor, words.known("email", kind), incident[:64], None, {})


@post("/settings/words", include_in_schema=False)
async def save(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Keep the words, or only look at them: the button `look` changes nothing."""
    typed = await sent(request)
    kind = words.known("email", typed.get("kind", MessageKind.ANY))
    texts = {way: typed[way] for way in words.ways_of(kind) if way in typed}
    incident = typed.get("incident", "")[:64]
    if typed.get("look"):
        return await _page(request, db, actor, kind, incident, texts, {})

    async def body(tx: Transaction) -> tuple[int]:
        return (await words.save(tx, texts, kind),)

    saved, errors = await attempt(db, actor, body, _FIELDS)
    if saved is None:
        return await _page(request, db, actor, kind, incident, texts, errors)
    said = "Saved: messages say it from now on." if saved[0] else "Nothing has changed."
    return go(_address(kind), said)


def _address(kind: MessageKind) -> str:
    return "/settings/words" if kind is MessageKind.ANY else f"/settings/words?kind={kind}"


async def _page(
    request: Web,
    db: Database,
    actor: Actor,
    kind: MessageKind,
    incident_id: str,
    typed: Mapping[str, str] | None,
    errors: Errors,
) -> Response[Any]:
    about = MESSAGE_KINDS[kind]
    async with db.read() as reader:
        kept = await words.of_mine(reader, actor)
        message, newest = await word_previews.example(reader, actor, incident_id, kind)
        found = dict(errors)
        ways = [_way(way, kind, kept, typed, message, found) for way in words.ways_of(kind)]
        own = {each for each, _ in kept}
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            kind=kind,
            about=about,
            instead=[MESSAGE_KINDS[each].name for each in about.instead],
            tabs=[(each, one.name, _address(each), each in own) for each, one in MESSAGE_KINDS.items()],
            ways=ways,
            is_about_incident=message.incident is not None,
            incidents=[(each.id, f"#{each.number} {each.title[:80]}") for each in newest],
            chosen=message.incident.id if message.incident else "",
            names=list(about.places.items()),
            subject="incident.title" if "incident.title" in about.places else "headline",
            filters=_examples(kind),
            errors=found,
        )
    return answer(request, "settings/words.html", context, 422 if found else 200)


def _examples(kind: MessageKind) -> list[str]:
    """Each filter behind something that the kind can name."""
    examples = [each.example for each in FILTERS.values()]
    if "incident.title" in MESSAGE_KINDS[kind].places:
        return examples
    return [re.sub(r"(?<=\{\{ )[\w.]+", "headline", each) for each in examples]


def _way(
    way: str,
    kind: MessageKind,
    kept: Kept,
    typed: Mapping[str, str] | None,
    message: Message,
    errors: dict[str, str],
) -> Values:
    own = kept.get((kind, way), "")
    text = (typed or {}).get(way, own)
    without = words.in_force({pair: said for pair, said in kept.items() if pair[0] != kind}, kind, way)
    shown = None
    try:
        shown = word_previews.preview(way, text or without, message, kind, field=way)
    except Invalid as error:
        errors.setdefault(way, error.message)
    return {
        "key": way,
        "name": words.WAYS[way].name,
        "longest": words.WAYS[way].longest,
        "text": text,
        "without": without,
        "preview": shown,
        "own": bool(own),
    }


ROUTES: Sequence[HTTPRouteHandler] = [show, save]
