"""A team's places for messages, on the page of the team."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.channel import CHANNEL_KINDS
from openalert.domain.errors import NotFound
from openalert.domain.team import Channel
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import channels
from openalert.web.ui.forms import attempt, show_once
from openalert.web.ui.frame import Web, act, go, sent
from openalert.web.ui.teams import CHANNEL_FIELDS, team_page


@post("/teams/{team_id:str}/channels", include_in_schema=False)
async def create(
    request: Web, team_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[Any]:
    """A new channel; the page shows the secret of a webhook this once."""
    typed = await sent(request)
    kind = typed.get("type", "")

    async def body(tx: Transaction) -> tuple[Channel, str | None]:
        known = CHANNEL_KINDS.get(kind)
        config = {known.field if known else "address": typed.get("address", "")}
        return await channels.create(
            tx, team_id=team_id, name=typed.get("channel_name", ""), kind=kind, config=config
        )

    made, errors = await attempt(db, actor, body, CHANNEL_FIELDS)
    if made is None:
        return await team_page(request, db, actor, team_id, typed, errors)
    channel, secret = made
    back = go(f"/teams/{team_id}#channels", f"{channel.name} is there. Send a test to see it arrive.")
    return show_once(request, back, channel.id, secret) if secret else back


@post("/channels/{channel_id:str}/{verb:str}", include_in_schema=False)
async def do(
    channel_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """Test, switch on or off, or delete a channel; back to its team."""
    perform = _VERBS.get(verb)
    if perform is None:
        raise NotFound("page")
    async with db.read() as reader:
        team_id = (await channels.get(reader, actor, channel_id)).team_id
    return await act(db, actor, f"/teams/{team_id}#channels", lambda tx: perform(tx, channel_id))


async def _test(tx: Transaction, channel_id: str) -> str:
    await channels.send_test(tx, channel_id)
    return "A test message is on its way."


async def _enable(tx: Transaction, channel_id: str) -> str:
    channel, _ = await channels.update(tx, channel_id, is_enabled=True)
    return f"{channel.name} gets messages again."


async def _disable(tx: Transaction, channel_id: str) -> str:
    channel, _ = await channels.update(tx, channel_id, is_enabled=False)
    return f"{channel.name} is switched off."


async def _delete(tx: Transaction, channel_id: str) -> str:
    await channels.delete(tx, channel_id)
    return "The channel is removed."


_VERBS = {"test": _test, "enable": _enable, "disable": _disable, "delete": _delete}

ROUTES: Sequence[HTTPRouteHandler] = [create, do]
