"""`/settings/words`: the organization's own words in messages, each way with a preview of a real incident."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from openalert.domain.access import Actor
from openalert.domain.errors import Invalid
from openalert.domain.template import FILTERS, NAMES
from openalert.notifiers.notifier import Message
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import words
from openalert.web.ui.forms import Errors, attempt
from openalert.web.ui.frame import Values, Web, answer, go, sent, shell

_FIELDS = {way: (way, "The template") for way in words.WAYS}


@get("/settings/words", include_in_schema=False)
async def show(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    incident: FromQuery[str] = "",
) -> Response[Any]:
    """What each way says now."""
    return await _page(request, db, actor, incident[:64], None, {})


@post("/settings/words", include_in_schema=False)
async def save(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """Keep the words, or only look at them: the button `look` changes nothing."""
    typed = await sent(request)
    texts = {way: typed[way] for way in words.WAYS if way in typed}
    incident = typed.get("incident", "")[:64]
    if typed.get("look"):
        return await _page(request, db, actor, incident, texts, {})

    async def body(tx: Transaction) -> tuple[int]:
        return (await words.save(tx, texts),)

    saved, errors = await attempt(db, actor, body, _FIELDS)
    if saved is None:
        return await _page(request, db, actor, incident, texts, errors)
    return go(
        "/settings/words", "Saved: messages say it from now on." if saved[0] else "Nothing has changed."
    )


async def _page(
    request: Web,
    db: Database,
    actor: Actor,
    incident_id: str,
    typed: Mapping[str, str] | None,
    errors: Errors,
) -> Response[Any]:
    async with db.read() as reader:
        kept = await words.of_mine(reader, actor)
        message, newest = await words.example(reader, actor, incident_id)
        found = dict(errors)
        ways = [_way(way, kept, typed, message, found) for way in words.WAYS]
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            ways=ways,
            incidents=[(each.id, f"#{each.number} {each.title[:80]}") for each in newest],
            chosen=message.incident.id if message.incident else "",
            names=list(NAMES.items()),
            filters=[each.example for each in FILTERS.values()],
            usual=words.USUAL,
            errors=found,
        )
    return answer(request, "settings/words.html", context, 422 if found else 200)


def _way(
    way: str,
    kept: Mapping[str, str],
    typed: Mapping[str, str] | None,
    message: Message,
    errors: dict[str, str],
) -> Values:
    text = (typed or {}).get(way, kept.get(way, ""))
    shown = None
    try:
        shown = words.preview(way, text, msgspec.structs.replace(message))
    except Invalid as error:
        errors.setdefault(way, error.message)
    return {"key": way, "name": words.WAYS[way], "text": text, "preview": shown, "own": way in kept}


ROUTES: Sequence[HTTPRouteHandler] = [show, save]
