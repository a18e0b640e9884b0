"""A page must not reach whoever has signed out: what a browser was subscribed to ends with the session in it.

A session that merely runs out ends nothing, for then pages would stop in the middle of the night; but as soon as
somebody else signs in there, those of the person before end.
"""

from collections.abc import Sequence

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.user import ContactMethod
from openalert.storage import contact_methods, push_subscriptions, users
from openalert.storage.transaction import Transaction
from openalert.usecases import audit


async def entered(tx: Transaction, user_id: str, browser_hash: str, token_hash: str) -> None:
    """Somebody signed in: their own subscription there belongs to the new session, those of others end."""
    await push_subscriptions.move(tx, user_id, browser_hash, token_hash)
    await _end(tx, await push_subscriptions.of_others(tx, browser_hash, user_id))


async def left(tx: Transaction, token_hash: str, actor: Actor) -> None:
    """`actor` signs out of the session with this token hash."""
    await _end(tx, await push_subscriptions.of_token(tx, token_hash), actor)


async def ended(tx: Transaction, user_id: str, session_id: str) -> None:
    """Somebody ends this session of the person from elsewhere."""
    await _end(tx, await push_subscriptions.of_session(tx, user_id, session_id))


async def all_ended(tx: Transaction, user_id: str, *, but: str = "") -> None:
    """Somebody ends all sessions of the person but the one with the token hash `but`."""
    await _end(tx, await push_subscriptions.of_user(tx, user_id, but))


async def taken_over(tx: Transaction, methods: Sequence[ContactMethod]) -> None:
    """The actor connects a browser that was connected to these people."""
    await _end(tx, methods)


async def _end(tx: Transaction, methods: Sequence[ContactMethod], actor: Actor | None = None) -> None:
    """Forget them, even the last way to reach somebody: it reaches them no more."""
    for method in methods:
        await contact_methods.delete(tx, method.id)
        user = await users.get(tx, SYSTEM, method.user_id)
        audit.record(
            tx,
            "contact_method.signed_out",
            kind="contact_method",
            id=method.id,
            name=f"{method.label or method.address} of {user.name if user else 'somebody'}",
            before=method,
            actor=actor,
            organization_id=user.organization_id if user else None,
        )
