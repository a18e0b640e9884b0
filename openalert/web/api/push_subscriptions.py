"""JSON `/users/me/push-subscriptions`: browsers and installed apps that get pages."""

from typing import Any

from litestar import Request, Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from openalert.domain.access import Actor
from openalert.storage.database import Database
from openalert.usecases import push_subscriptions
from openalert.usecases.push_subscriptions import Seat, Subscription
from openalert.usecases.signin import token_hash
from openalert.web import user_agents
from openalert.web.api.contact_methods import ContactMethodOut, show_method
from openalert.web.api.wire import READS, WRITES, Input, Output
from openalert.web.cookies import browser_of
from openalert.web.guards import session_token


class PushKeysIn(Input):
    """The keys of a subscription: only the browser can read what is encrypted to them."""

    p256dh: str
    auth: str


class PushSubscriptionIn(Input):
    """A subscription as the browser tells it (`PushSubscription.toJSON()`), and what its person calls the browser."""

    endpoint: str
    keys: PushKeysIn
    expiration_time: float | None = None
    label: str = ""

    def subscription(self) -> Subscription:
        """The same as the program knows it."""
        return Subscription(endpoint=self.endpoint, p256dh=self.keys.p256dh, auth=self.keys.auth)


class PushKeyOut(Output):
    """The public key that browsers subscribe with, `applicationServerKey`."""

    public_key: str


@get("/key", responses=READS)
async def get_push_key(request: Request[Any, Any, Any], db: NamedDependency[Database]) -> PushKeyOut:
    """The key by which push services know this server (VAPID); it stays the same."""
    configured = request.app.state.config.web_push.private_key
    return PushKeyOut(public_key=await push_subscriptions.application_key(db, configured))


@post("/", responses=WRITES)
async def create_push_subscription(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    data: JSONBody[PushSubscriptionIn],
) -> ContactMethodOut:
    """Send my pages to this browser too. Anybody else who was connected to it gets none there any more."""
    browser = browser_of(request)
    seat = Seat(
        token_hash(browser.token) if browser.token else None, token_hash(session_token(request.scope))
    )
    label = data.label or user_agents.in_words(browser.user_agent)
    async with db.transaction(actor) as tx:
        return show_method(
            await push_subscriptions.subscribe(tx, data.subscription(), label=label, seat=seat)
        )


routes = Router(
    path="/users/me/push-subscriptions",
    tags=["users"],
    route_handlers=[get_push_key, create_push_subscription],
)
