"""By what people come in from a provider: connected, taken away, and asked for by those whom nobody knows yet."""

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict
from openalert.domain.single_sign_on import LINK_REQUEST_LASTS, Identity, LinkRequest, Person
from openalert.domain.user import SignInMethod, User
from openalert.storage import credentials, users
from openalert.storage import single_sign_on as storage
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, may_manage, require
from openalert.usecases.single_sign_on import connect

MOST_REQUESTS = 100


async def of_user(reader: Reader, actor: Actor, user_id: str) -> list[Identity]:
    """By what a person can come in; for the person and for admins of at least their rank."""
    user = await _to_see(reader, actor, user_id)
    return await storage.identities_of(reader, user.id)


async def disconnect(
    tx: Transaction, user_id: str, identity_id: str, *, passwords_count: bool = True, keep_session: str = ""
) -> Identity:
    """Take an identity away from a person; Conflict when they take away the last thing that lets them in.

    It was somebody else's, or is in wrong hands: the person's sessions by single sign-on end with it, all but
    `keep_session` (its hash), and when an admin does it, every session.
    """
    user = await _to_see(tx, tx.actor, user_id)
    known = await storage.identities_of(tx, user.id)
    identity = found(next((each for each in known if each.id == identity_id), None), "identity")
    if tx.actor.user_id != user.id:
        await credentials.delete_sessions_of(tx, user.id)
    elif len(known) == 1 and (user.password_hash is None or not passwords_count):
        raise Conflict("You could not sign in any more. Set a password first, or connect another account.")
    else:
        await credentials.delete_sessions_by(tx, user.id, (SignInMethod.SSO,), but=keep_session)
    await storage.delete_identity(tx, user.id, identity.id)
    audit.record(
        tx,
        "identity.disconnected",
        kind="user",
        id=user.id,
        name=user.name,
        before={"subject": identity.subject},
    )
    return identity


async def _to_see(reader: Reader, actor: Actor, user_id: str) -> User:
    user = found(await users.get(reader, actor, user_id), "user")
    if actor.user_id != user.id:
        may_manage(actor, user)
    return user


async def requests(reader: Reader, actor: Actor) -> list[tuple[LinkRequest, User]]:
    """Who came with somebody's address and waits for an admin, with whose address it was; the newest first."""
    require(actor, Permission.CONFIGURE, None)
    since = reader.now - LINK_REQUEST_LASTS
    waiting = await storage.requests(reader, actor, since=since, limit=MOST_REQUESTS)
    people = await users.named(reader, actor, [each.user_id for each in waiting])
    return [(each, people[each.user_id]) for each in waiting if each.user_id in people]


async def grant_request(tx: Transaction, request_id: str) -> User:
    """Connect it: an admin says that this account is that person's."""
    request, user = await _take(tx, request_id)
    person = Person(
        issuer=request.issuer,
        tenant=request.tenant,
        subject=request.subject,
        email=request.email,
        email_is_verified=None,
        name=request.name,
    )
    await connect(tx, person, user)
    return user


async def dismiss_request(tx: Transaction, request_id: str) -> User:
    """Do not connect it; whoever it is may ask again."""
    request, user = await _take(tx, request_id)
    audit.record(
        tx, "identity.dismissed", kind="user", id=user.id, name=user.name, before={"subject": request.subject}
    )
    return user


async def _take(tx: Transaction, request_id: str) -> tuple[LinkRequest, User]:
    since = tx.now - LINK_REQUEST_LASTS
    request = found(await storage.request(tx, tx.actor, request_id, since=since), "link request")
    user = found(await users.get(tx, tx.actor, request.user_id), "user")
    may_manage(tx.actor, user)
    await storage.delete_request(tx, request.id)
    return request, user
