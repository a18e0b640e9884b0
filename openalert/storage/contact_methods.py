"""SQL for the ways to reach people."""

from collections.abc import Collection

from openalert.domain.user import ContactMethod
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction


async def insert(tx: Transaction, method: ContactMethod) -> None:
    """A new way to reach somebody."""
    await tx.insert("contact_methods", method)


async def update(tx: Transaction, method: ContactMethod) -> None:
    """Write how far its proof has come."""
    await tx.execute(
        """
        UPDATE contact_methods SET verified_at = :verified_at, code_hash = :code_hash,
            code_expires_at = :code_expires_at, code_tries = :code_tries, code_sent_at = :code_sent_at,
            last_proven_at = :last_proven_at
        WHERE id = :id
        """,
        **to_parameters(method),
    )


async def delete(tx: Transaction, method_id: str) -> None:
    """Forget it."""
    await tx.execute("DELETE FROM contact_methods WHERE id = :id", id=method_id)


async def get(reader: Reader, user_id: str, method_id: str) -> ContactMethod | None:
    """The person's contact method with this id."""
    return await reader.one(
        ContactMethod,
        "SELECT * FROM contact_methods WHERE id = :id AND user_id = :user_id",
        id=method_id,
        user_id=user_id,
    )


async def of_user(reader: Reader, user_id: str) -> list[ContactMethod]:
    """All of one person, the oldest first."""
    return await reader.all(
        ContactMethod, "SELECT * FROM contact_methods WHERE user_id = :user_id ORDER BY id", user_id=user_id
    )


async def verified(reader: Reader, user_ids: Collection[str]) -> dict[str, list[ContactMethod]]:
    """The verified ones of these people that are active, by person; whoever has none is left out."""
    if not user_ids:
        return {}
    found = await reader.all(
        ContactMethod,
        f"""
        SELECT c.* FROM contact_methods c JOIN users u ON u.id = c.user_id
        WHERE {reader.any_of("c.user_id", "ids")} AND c.verified_at IS NOT NULL AND u.is_active = :active
        ORDER BY c.id
        """,
        ids=sorted(set(user_ids)),
        active=True,
    )
    by_user: dict[str, list[ContactMethod]] = {}
    for method in found:
        by_user.setdefault(method.user_id, []).append(method)
    return by_user
