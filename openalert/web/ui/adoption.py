"""`/settings/adoption`: keys of old pagers that came by themselves, and where each belongs; for admins."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.instant import HOUR
from openalert.storage import integrations, services
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import adoption
from openalert.usecases.adoption import Shown
from openalert.web.ui.forms import whole
from openalert.web.ui.frame import Values, Web, act, answer, sent, shell
from openalert.web.ui.kinds import BY_KEY

PATH = "/settings/adoption"
_MOST = 500
_LENGTHS = (("1", "1 hour"), ("4", "4 hours"), ("24", "1 day"), ("72", "3 days"), ("168", "7 days"))
_PAGERS = {"opsgenie": "Opsgenie", "oncall": "Grafana OnCall"}


@get(PATH, include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """The window, and the keys that wait for a decision."""
    async with db.read() as reader:
        now_open = await adoption.window(reader, actor)
        keys = await adoption.strange_keys(reader, actor)
        context = await shell(
            request,
            reader,
            actor,
            "/settings",
            window=now_open and {"closes_at": now_open.closes_at},
            keys=[_key(each) for each in keys],
            homes=await _places(reader, actor),
            lengths=_LENGTHS,
            base=str(request.app.state.config.base_url),
        )
    return answer(request, "settings/adoption.html", context)


def _key(shown: Shown) -> Values:
    key = shown.key
    names = [BY_KEY[each].name for each in shown.sources if each in BY_KEY]
    return {
        "id": key.id,
        "hint": key.key_hint,
        "pager": _PAGERS.get(key.dialect, key.dialect),
        "address": key.address,
        "first_at": key.first_at,
        "last_at": key.last_at,
        "count": key.message_count,
        "kept": key.kept_count,
        "says": shown.says,
        "looks_like": ", ".join(names),
    }


async def _places(reader: Reader, actor: Actor) -> list[tuple[str, list[tuple[str, str]]]]:
    """Where a key can belong: by service, a new address or one of those that it has."""
    known = await services.page(reader, actor, limit=_MOST)
    addresses = await integrations.page(reader, actor, limit=_MOST)
    return [
        (
            service.name,
            [
                (f"service:{service.id}", "A new address"),
                *(
                    (f"integration:{each.id}", each.name)
                    for each in addresses
                    if each.service_id == service.id
                ),
            ],
        )
        for service in sorted(known, key=lambda each: each.name.casefold())
    ]


@post(f"{PATH}/window", include_in_schema=False)
async def open_window(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Keep what comes by unknown keys, for some hours from now."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        await adoption.open_window(tx, whole(typed.get("hours", "1"), "hours") * HOUR)
        return "Keys that nobody knows are kept from now on."

    return await act(db, actor, PATH, body)


@post(f"{PATH}/window/close", include_in_schema=False)
async def close_window(db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[None]:
    """Refuse unknown keys again."""

    async def body(tx: Transaction) -> str:
        await adoption.close_window(tx)
        return "Unknown keys are refused again. What came before waits here."

    return await act(db, actor, PATH, body)


@post(f"{PATH}/keys/{{strange_key_id:str}}/adopt", include_in_schema=False)
async def adopt(
    request: Web,
    strange_key_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Let the key lead to the chosen place, and take in what came by it."""
    kind, _, chosen = (await sent(request)).get("place", "").partition(":")

    async def body(tx: Transaction) -> str:
        places = {f"{kind}_id": chosen} if kind in ("service", "integration") else {}
        integration, count = await adoption.adopt(tx, strange_key_id, **places)
        many = f"{count} message{'' if count == 1 else 's'}"
        return f"The key leads to {integration.name} now; {many} came in by it."

    return await act(db, actor, PATH, body)


@post(f"{PATH}/keys/{{strange_key_id:str}}/dismiss", include_in_schema=False)
async def dismiss(
    strange_key_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Forget the key and what came by it."""

    async def body(tx: Transaction) -> str:
        await adoption.dismiss(tx, strange_key_id)
        return "The key is forgotten and refused."

    return await act(db, actor, PATH, body)


ROUTES: Sequence[HTTPRouteHandler] = [show, open_window, close_window, adopt, dismiss]
