"""SQL for codes by which people prove an account in a chat."""

from openalert.domain.chat import ChatCode
from openalert.domain.instant import Instant
from openalert.storage.rows import columns_of
from openalert.storage.transaction import Transaction

_COLUMNS = ", ".join(columns_of(ChatCode))


async def put(tx: Transaction, code: ChatCode) -> None:
    """The person's only code of this kind: an older one no longer works."""
    await tx.execute(
        "DELETE FROM chat_codes WHERE user_id = :user_id AND kind = :kind",
        user_id=code.user_id,
        kind=code.kind,
    )
    await tx.insert("chat_codes", code)


async def take(tx: Transaction, kind: str, code_hash: str) -> ChatCode | None:
    """The code, which is used up by this; None when there is none in force."""
    return await tx.one(
        ChatCode,
        f"DELETE FROM chat_codes WHERE hash = :hash AND kind = :kind AND expires_at > :now RETURNING {_COLUMNS}",
        hash=code_hash,
        kind=kind,
        now=tx.now,
    )


async def forget(tx: Transaction, now: Instant) -> None:
    """Drop what has expired."""
    await tx.execute("DELETE FROM chat_codes WHERE expires_at <= :now", now=now)
