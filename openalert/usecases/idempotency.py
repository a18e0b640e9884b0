"""A request that comes again under its Idempotency-Key: answered as before, acted upon once."""

import hmac

from openalert.domain.access import Actor
from openalert.domain.errors import Conflict
from openalert.domain.idempotency import KEPT_FOR, KeptAnswer, answer_id
from openalert.storage import idempotency
from openalert.storage.transaction import Transaction


async def recall(tx: Transaction, key: str, request: str) -> KeptAnswer | None:
    """What was answered to this request before, None if it is new; Conflict if the key was another request's."""
    kept = await idempotency.get(tx, _id(tx.actor, key), since=tx.sure - KEPT_FOR)
    if kept is not None and not hmac.compare_digest(kept.request, request):
        raise Conflict(
            "This Idempotency-Key was used for another request in the last 24 hours; make a new one.",
            code="IDEMPOTENCY_KEY_CONFLICT",
        )
    return kept


async def keep(
    tx: Transaction, key: str, request: str, *, status: int, headers: dict[str, str], body: str
) -> None:
    """Keep the answer for a day: it is there if and only if what it tells of is."""
    await idempotency.put(
        tx,
        KeptAnswer(
            id=_id(tx.actor, key),
            request=request,
            status=status,
            headers=headers,
            body=body,
            created_at=tx.now,
        ),
    )


def _id(actor: Actor, key: str) -> str:
    return answer_id(f"{actor.kind}:{actor.id}", key)
