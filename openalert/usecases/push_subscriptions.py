"""Push subscriptions: a browser or installed app that gets pages, and the key by which push services know us."""

import hashlib
from typing import Any
from urllib.parse import urlsplit

import msgspec

from openalert.domain import action
from openalert.domain.access import SYSTEM
from openalert.domain.errors import Conflict, Invalid, NotFound
from openalert.domain.notification import Notification
from openalert.domain.user import ContactMethod
from openalert.notifiers.http import parse_url
from openalert.notifiers.notifier import NotifierError
from openalert.storage import contact_methods as stored
from openalert.storage import push_subscriptions, settings, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, contact_methods, push_browsers

KIND = "push"
_KEY = "web_push_key"
"""The setting with our key: its public half in the clear, its private half sealed."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser's `PushSubscription.toJSON()` says. All of it is secret: whoever knows it can send there."""

    endpoint: str
    p256dh: str
    auth: str

    @property
    def address(self) -> str:
        """What may be seen of it: the push service, and a digest that tells this browser from others."""
        digest = hashlib.sha256(self.endpoint.encode()).hexdigest()[:32]
        return f"{urlsplit(self.endpoint).hostname}/{digest}"

    @property
    def sealed(self) -> dict[str, str]:
        """What its contact method keeps secret."""
        return {"address": self.endpoint, "p256dh": self.p256dh, "auth": self.auth}

    def __repr__(self) -> str:
        """Never the endpoint or the keys."""
        return "Subscription()"


class Seat(msgspec.Struct, frozen=True):
    """Where somebody sits: hashes of the token of their browser, if it has one, and of their session's."""

    browser_hash: str | None
    token_hash: str


async def application_key(db: Database, configured: str) -> str:
    """The public key that browsers subscribe with, of the `configured` private one or of ours.

    Ours is made by the first start that needs one, so that whoever asks for it only reads.
    """
    known = None if configured else await db.look(lambda reader: settings.get(reader, _KEY))
    if known is not None:
        return known
    from openalert.notifiers import web_push

    if configured:
        return web_push.public_key(configured)
    private = web_push.new_private_key()
    return await db.act(lambda tx: _keep(tx, private, web_push.public_key(private)))


async def _keep(tx: Transaction, private: str, public: str) -> str:
    """The key in force: this one, or one that was made a moment before."""
    await settings.put_first(tx, _KEY, public, private)
    return await settings.get(tx, _KEY) or public


async def keys(reader: Reader, row: Notification, secret: bytes) -> dict[str, Any]:
    """What a push needs beside its subscription: our private key, and the proof that lets it be answered."""
    kept = await settings.secret(reader, _KEY)
    return {"proof": action.proof(secret, row.id)} | ({"vapid_key": kept} if kept else {})


async def subscribe(tx: Transaction, given: Subscription, *, label: str, seat: Seat) -> ContactMethod:
    """Send the actor's pages to this browser too. Whoever had it before gets none there any more."""
    _check(given)
    if tx.actor.user_id is None:
        raise NotFound("user")
    user = await users.get(tx, SYSTEM, tx.actor.user_id)
    if user is None:
        raise NotFound("user")
    there = await push_subscriptions.of_address(tx, given.address)
    others = [each for each in there if each.user_id != user.id]
    for other in others:
        await _check_same(tx, other, given)
    await push_browsers.taken_over(tx, others)
    method = await contact_methods.link(
        tx, user, kind=KIND, address=given.address, label=label, sealed=given.sealed
    )
    await push_subscriptions.put(tx, method.id, seat.browser_hash, seat.token_hash)
    return method


async def renew(tx: Transaction, *, endpoint: str, auth: str, given: Subscription) -> ContactMethod:
    """The browser has another subscription in the place of one that it proves to know by endpoint and secret."""
    _check(given)
    _check_endpoint(endpoint)
    before = Subscription(endpoint=endpoint, p256dh="", auth=auth)
    for method in await push_subscriptions.of_address(tx, before.address):
        kept = await stored.secrets(tx, method.id)
        if kept.get("address") == endpoint and kept.get("auth") == auth:
            break
    else:
        raise NotFound("push subscription")
    if await push_subscriptions.of_address(tx, given.address):
        raise Conflict("This subscription is there already.")
    await push_subscriptions.rename(tx, method.id, given.address)
    await stored.put_secrets(tx, method.id, given.sealed)
    user = await users.get(tx, SYSTEM, method.user_id)
    audit.record(
        tx,
        "contact_method.linked",
        kind="contact_method",
        id=method.id,
        name=f"{method.label} of {user.name if user else 'somebody'}",
        organization_id=user.organization_id if user else None,
    )
    return method


async def _check_same(tx: Transaction, other: ContactMethod, given: Subscription) -> None:
    """Only the very browser knows the keys too: who merely learnt the endpoint takes nothing from anybody."""
    kept = await stored.secrets(tx, other.id)
    if (kept.get("p256dh"), kept.get("auth")) != (given.p256dh, given.auth):
        raise Conflict("This endpoint belongs to another browser.")


def _check(given: Subscription) -> None:
    from openalert.notifiers import web_push

    _check_endpoint(given.endpoint)
    try:
        web_push.check_keys(given.p256dh, given.auth)
    except ValueError as error:
        raise Invalid("These are not the keys of a push subscription.", field="keys") from error


def _check_endpoint(endpoint: str) -> None:
    try:
        scheme = parse_url(endpoint).scheme
        urlsplit(endpoint)  # which finds fault with other addresses
    except (NotifierError, ValueError) as error:
        detail = error.detail if isinstance(error, NotifierError) else "it cannot be read."
        raise Invalid(f"The endpoint cannot be used: {detail}", field="endpoint") from error
    if scheme != "https":
        raise Invalid("The endpoint of a push service begins with https://.", field="endpoint")
