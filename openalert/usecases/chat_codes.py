"""Codes by which people prove that an account in a chat is theirs: made on their own page, shown in the chat, once."""

from openalert.domain.access import SYSTEM, Actor
from openalert.domain.chat import CODE_LASTS, ChatCode, new_code
from openalert.domain.contact import contact_kind
from openalert.domain.user import ContactMethod, User
from openalert.notifiers.text import one_line
from openalert.storage import chat_codes, users
from openalert.storage.transaction import Transaction
from openalert.usecases import audit, contact_methods, replies
from openalert.usecases.access import found
from openalert.usecases.signin import token_hash


async def make(tx: Transaction, user_id: str, *, kind: str, address: str = "") -> str:
    """A code for the person's account of this kind, good for ten minutes and once; any older one no longer works.

    `address` is the account that has to show it, if that is known already.
    """
    user = found(await users.get(tx, tx.actor, user_id), "user")
    await chat_codes.forget(tx, tx.now)
    code = new_code()
    await chat_codes.put(
        tx,
        ChatCode(
            hash=_hash(kind, code),
            kind=kind,
            user_id=user.id,
            address=address,
            expires_at=tx.now + CODE_LASTS,
        ),
    )
    audit.record(
        tx,
        "contact_method.asked",
        kind="contact_method",
        id=None,
        name=f"{contact_kind(kind).words} of {user.name}",
    )
    return code


async def redeem(tx: Transaction, kind: str, code: str, address: str = "") -> User | None:
    """Use the code up: whose it is; None for one that is not in force, or that another account had to show."""
    taken = await chat_codes.take(tx, kind, _hash(kind, code))
    if taken is None or (taken.address and taken.address != address):
        return None
    user = await users.get(tx, SYSTEM, taken.user_id)
    return user if user is not None and user.is_active else None


async def connect(tx: Transaction, user: User, kind: str, address: str, label: str) -> ContactMethod:
    """Make the account a way to reach the person, as an act of theirs."""
    came: Actor = tx.actor
    tx.actor = await replies.person(tx, user.id)
    shown = "".join(character for character in one_line(label, 60) if character.isprintable())
    method = await contact_methods.link(tx, user, kind=kind, address=address, label=shown)
    tx.actor = came
    return method


def _hash(kind: str, code: str) -> str:
    return token_hash(f"{kind}:{code}")
