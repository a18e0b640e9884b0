"""SQL for links by which people choose a new password."""

from openalert.domain.invitation import PasswordReset
from openalert.storage.transaction import Reader, Transaction


async def insert(tx: Transaction, reset: PasswordReset) -> None:
    """A new one; those that are over are cleared away."""
    await tx.execute("DELETE FROM password_resets WHERE expires_at <= :now", now=tx.now)
    await tx.insert("password_resets", reset)


async def get(reader: Reader, reset_id: str) -> PasswordReset | None:
    """The one with this id."""
    return await reader.one(PasswordReset, "SELECT * FROM password_resets WHERE id = :id", id=reset_id)


async def delete_of(tx: Transaction, user_id: str) -> list[str]:
    """None of the person's links opens anything any more; their ids."""
    return await tx.changed("DELETE FROM password_resets WHERE user_id = :user RETURNING id", user=user_id)
