"""The installed app: its service worker, the page it shows without a connection, and what it brings back.

What it brings back is proven by what came with the message, not by a session: one may have run out at night.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from openalert.domain.action import Verb
from openalert.domain.links_back import LinksBack
from openalert.storage.database import Database
from openalert.usecases import push_answers, push_subscriptions
from openalert.web import assets, render
from openalert.web.api.push_subscriptions import PushSubscriptionIn
from openalert.web.guards import stranger

Web = Request[Any, Any, Any]
_PUBLIC: dict[str, Any] = {"public": True}


class ShownIn(msgspec.Struct, forbid_unknown_fields=True):
    """A notification that stands on the screen, and the proof that came with it."""

    id: str
    proof: str


class AnswerIn(ShownIn, forbid_unknown_fields=True):
    """A button of a notification."""

    verb: Verb


class AnswerOut(msgspec.Struct):
    """What became of it, to be shown in the notification's place."""

    said: str
    changed: bool


class RenewalIn(msgspec.Struct, forbid_unknown_fields=True):
    """The subscription that takes the place of the one with this endpoint and secret."""

    endpoint: str
    auth: str
    subscription: PushSubscriptionIn


@get("/service-worker.js", opt=_PUBLIC, include_in_schema=False)
async def service_worker() -> Response[bytes]:
    """The script that browsers run for us; at the root, because it may only look after what lies below it."""
    asset = assets.ASSETS["service-worker.js"]
    return Response(
        asset.body,
        media_type=asset.content_type,
        headers={"cache-control": "no-cache", "etag": asset.etag},
    )


@get("/offline", opt=_PUBLIC, include_in_schema=False)
async def offline() -> Response[str]:
    """What browsers keep for the time without a connection: the same for everybody."""
    return Response(render.page("push/offline.html"), media_type="text/html")


@post("/push/answers", opt=_PUBLIC, status_code=200, include_in_schema=False)
async def answer(
    request: Web,
    db: NamedDependency[Database],
    links_back: NamedDependency[LinksBack],
    data: JSONBody[AnswerIn],
) -> AnswerOut:
    """A button of a notification was pressed."""
    push_answers.check(links_back.secret, data.id, data.proof)
    async with db.transaction(stranger(request)) as tx:
        reply = await push_answers.answer(tx, data.id, data.verb)
    return AnswerOut(reply.said, reply.changed)


@post("/push/shown", opt=_PUBLIC, status_code=204, include_in_schema=False)
async def shown(
    request: Web,
    db: NamedDependency[Database],
    links_back: NamedDependency[LinksBack],
    data: JSONBody[ShownIn],
) -> None:
    """The browser has shown a notification."""
    push_answers.check(links_back.secret, data.id, data.proof)
    async with db.transaction(stranger(request)) as tx:
        await push_answers.shown(tx, data.id)


@post("/push/renewals", opt=_PUBLIC, status_code=204, include_in_schema=False)
async def renew(request: Web, db: NamedDependency[Database], data: JSONBody[RenewalIn]) -> None:
    """The browser has changed its subscription by itself."""
    async with db.transaction(stranger(request)) as tx:
        await push_subscriptions.renew(
            tx, endpoint=data.endpoint, auth=data.auth, given=data.subscription.subscription()
        )


ROUTES: Sequence[HTTPRouteHandler] = [service_worker, offline, answer, shown, renew]
