"""SQL for answers kept under an Idempotency-Key; their bodies lie sealed, as some show a secret."""

from openalert.domain.idempotency import KeptAnswer
from openalert.domain.instant import Instant
from openalert.storage.rows import to_parameters
from openalert.storage.sealed import KEPT_ANSWERS
from openalert.storage.transaction import Reader, Transaction


async def get(reader: Reader, answer_id: str, *, since: Instant) -> KeptAnswer | None:
    """The answer with this id, if it was given after `since`."""
    answer = await reader.one(
        KeptAnswer,
        """
        SELECT id, request, status, headers, sealed AS body, created_at FROM kept_answers
        WHERE id = :id AND created_at > :since
        """,
        id=answer_id,
        since=since,
    )
    if answer is not None:
        answer.body = reader.database.vault.open(answer.body, KEPT_ANSWERS.place(answer_id)).decode()
    return answer


async def put(tx: Transaction, answer: KeptAnswer) -> None:
    """Keep the answer, in the place of one that is too old to be given again."""
    sealed = tx.database.vault.seal(answer.body.encode(), KEPT_ANSWERS.place(answer.id))
    await tx.execute(
        """
        INSERT INTO kept_answers (id, request, status, headers, sealed, created_at)
        VALUES (:id, :request, :status, :headers, :sealed, :created_at)
        ON CONFLICT (id) DO UPDATE SET request = excluded.request, status = excluded.status,
            headers = excluded.headers, sealed = excluded.sealed, created_at = excluded.created_at
        """,
        sealed=sealed,
        **to_parameters(answer),
    )


async def forget(tx: Transaction, before: Instant) -> None:
    """Drop the answers given until then."""
    await tx.execute("DELETE FROM kept_answers WHERE created_at <= :before", before=before)
