"""SQL for passkeys, and for what they are asked to sign."""

from openalert.domain.second_factor import Challenge, Passkey
from openalert.storage.transaction import Reader, Transaction


async def insert(tx: Transaction, passkey: Passkey) -> bool:
    """A new passkey; False when it is somebody's already."""
    known = await by_credential(tx, passkey.credential_id)
    if known is None:
        await tx.insert("passkeys", passkey)
    return known is None


async def of_user(reader: Reader, user_id: str) -> list[Passkey]:
    """The person's passkeys, the oldest first."""
    return await reader.all(Passkey, "SELECT * FROM passkeys WHERE user_id = :user ORDER BY id", user=user_id)


async def by_credential(reader: Reader, credential_id: str) -> Passkey | None:
    """The passkey that a device names so."""
    return await reader.one(
        Passkey, "SELECT * FROM passkeys WHERE credential_id = :credential", credential=credential_id
    )


async def used(tx: Transaction, passkey_id: str, sign_count: int) -> None:
    """It has signed, and says how often it has."""
    await tx.execute(
        "UPDATE passkeys SET sign_count = :sign_count, last_used_at = :now WHERE id = :id",
        sign_count=sign_count,
        now=tx.now,
        id=passkey_id,
    )


async def delete(tx: Transaction, user_id: str, passkey_id: str) -> bool:
    """The person's passkey opens nothing any more; False when there is none with this id."""
    return bool(
        await tx.changed(
            "DELETE FROM passkeys WHERE id = :id AND user_id = :user RETURNING id",
            id=passkey_id,
            user=user_id,
        )
    )


async def delete_of(tx: Transaction, user_id: str) -> None:
    """None of the person's passkeys opens anything any more."""
    await tx.execute("DELETE FROM passkeys WHERE user_id = :user", user=user_id)


async def insert_challenge(tx: Transaction, challenge: Challenge) -> None:
    """Something to sign; what was never signed in time is cleared away."""
    await tx.execute("DELETE FROM passkey_challenges WHERE expires_at <= :now", now=tx.now)
    await tx.insert("passkey_challenges", challenge)


async def take_challenge(tx: Transaction, challenge: str, purpose: str) -> Challenge | None:
    """What was to be signed for this purpose, which it cannot be again; None when we never asked, or long ago."""
    return await tx.one(
        Challenge,
        "DELETE FROM passkey_challenges WHERE challenge = :challenge AND purpose = :purpose "
        "AND expires_at > :now RETURNING challenge, purpose, user_id, expires_at",
        challenge=challenge,
        purpose=purpose,
        now=tx.now,
    )
