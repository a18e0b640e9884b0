"""SQL for single sign-on: identities, sign-ins on their way, and unknown identities that wait for an admin."""

from openalert.domain.access import Actor
from openalert.domain.instant import Instant
from openalert.domain.single_sign_on import Attempt, Identity, LinkRequest, Person
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import in_organization


async def insert_attempt(tx: Transaction, attempt: Attempt) -> None:
    """A sign-in begins; those that nobody finished in time are cleared away."""
    await tx.execute("DELETE FROM single_sign_on_attempts WHERE expires_at <= :now", now=tx.now)
    await tx.insert("single_sign_on_attempts", attempt)


async def take_attempt(tx: Transaction, state_hash: str, browser_hash: str) -> Attempt | None:
    """The sign-in of this state and this browser, which is gone afterwards: of two who take it only one gets it."""
    taken = await tx.one(
        Attempt,
        "DELETE FROM single_sign_on_attempts WHERE state_hash = :state AND browser_hash = :browser RETURNING *",
        state=state_hash,
        browser=browser_hash,
    )
    return taken if taken is not None and taken.expires_at > tx.now else None


async def identity(reader: Reader, person: Person) -> Identity | None:
    """Who this is here."""
    return await reader.one(
        Identity,
        "SELECT * FROM identities WHERE issuer = :issuer AND tenant = :tenant AND subject = :subject",
        issuer=person.issuer,
        tenant=person.tenant,
        subject=person.subject,
    )


async def insert_identity(tx: Transaction, made: Identity) -> None:
    """A person can come in by this identity from now on."""
    await tx.insert("identities", made)


async def used_identity(tx: Transaction, identity_id: str, email: str) -> None:
    """Somebody came in by it, and the provider named this address."""
    await tx.execute(
        "UPDATE identities SET last_used_at = :now, email = :email WHERE id = :id",
        now=tx.now,
        email=email,
        id=identity_id,
    )


async def identities_of(reader: Reader, user_id: str) -> list[Identity]:
    """By what a person can come in."""
    return await reader.all(
        Identity, "SELECT * FROM identities WHERE user_id = :user ORDER BY id", user=user_id
    )


async def delete_identity(tx: Transaction, user_id: str, identity_id: str) -> bool:
    """The person cannot come in by it any more; False when it was not theirs."""
    return bool(
        await tx.changed(
            "DELETE FROM identities WHERE id = :id AND user_id = :user RETURNING id",
            id=identity_id,
            user=user_id,
        )
    )


async def put_request(tx: Transaction, request: LinkRequest) -> None:
    """An unknown identity came with somebody's address, again or for the first time."""
    await tx.execute(
        """
        INSERT INTO link_requests (id, user_id, issuer, tenant, subject, email, name, created_at)
        VALUES (:id, :user_id, :issuer, :tenant, :subject, :email, :name, :created_at)
        ON CONFLICT (issuer, tenant, subject) DO UPDATE
            SET user_id = excluded.user_id, email = excluded.email, name = excluded.name,
                created_at = excluded.created_at
        """,
        **to_parameters(request),
    )


async def requests(reader: Reader, actor: Actor, *, since: Instant, limit: int) -> list[LinkRequest]:
    """What waits for an admin of the actor's organization, the newest first."""
    condition, parameters = in_organization(actor, "u.id")
    return await reader.all(
        LinkRequest,
        f"""
        SELECT r.id, r.user_id, r.issuer, r.tenant, r.subject, r.email, r.name, r.created_at
        FROM link_requests r JOIN users u ON u.id = r.user_id
        WHERE r.created_at >= :since AND {condition}
        ORDER BY r.created_at DESC, r.id DESC LIMIT :limit
        """,
        since=since,
        limit=limit,
        **parameters,
    )


async def request(reader: Reader, actor: Actor, request_id: str, *, since: Instant) -> LinkRequest | None:
    """One of those."""
    condition, parameters = in_organization(actor, "u.id")
    return await reader.one(
        LinkRequest,
        f"""
        SELECT r.id, r.user_id, r.issuer, r.tenant, r.subject, r.email, r.name, r.created_at
        FROM link_requests r JOIN users u ON u.id = r.user_id
        WHERE r.id = :id AND r.created_at >= :since AND {condition}
        """,
        id=request_id,
        since=since,
        **parameters,
    )


async def delete_request(tx: Transaction, request_id: str) -> None:
    """It is decided."""
    await tx.execute("DELETE FROM link_requests WHERE id = :id", id=request_id)


async def forget_request(tx: Transaction, person: Person) -> None:
    """The identity is known now."""
    await tx.execute(
        "DELETE FROM link_requests WHERE issuer = :issuer AND tenant = :tenant AND subject = :subject",
        issuer=person.issuer,
        tenant=person.tenant,
        subject=person.subject,
    )


async def clear_requests(tx: Transaction, before: Instant) -> None:
    """Forget those that nobody looked at."""
    await tx.execute("DELETE FROM link_requests WHERE created_at < :before", before=before)
