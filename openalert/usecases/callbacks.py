"""What a provider sends to us, acted upon once: sent again it gets the same answer, and nothing happens."""

from collections.abc import Awaitable, Callable

from openalert.domain.idempotency import KEPT_FOR, KeptAnswer, answer_id
from openalert.storage import idempotency, provider_events
from openalert.storage.transaction import Transaction


async def once(tx: Transaction, provider: str, name: str, act: Callable[[], Awaitable[str]]) -> str | None:
    """What `act` answers, kept for a day in the transaction of the act; `name` tells one request from the next.

    None when it was acted upon and its answer is not kept any more: nobody but whoever has recorded it sends it then.
    """
    kept_as = answer_id(f"callback:{provider}", name)
    kept = await idempotency.get(tx, kept_as, since=tx.sure - KEPT_FOR)
    if kept is not None:
        return kept.body
    if not await provider_events.first(tx, provider, kept_as):
        return None
    answer = await act()
    await idempotency.put(
        tx, KeptAnswer(id=kept_as, request="", status=200, headers={}, body=answer, created_at=tx.now)
    )
    return answer
