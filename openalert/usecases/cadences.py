"""Cadences: notes how regularly integrations send, and finds those that have gone silent."""

from collections.abc import Sequence

from openalert.domain import cadence as rules
from openalert.domain.cadence import Cadence, Silence
from openalert.storage import cadences, runs
from openalert.storage.transaction import Reader, Transaction

BATCH = 500


async def note(tx: Transaction) -> int:
    """Take over what has come by integrations since the last look; of how many."""
    heard = await cadences.heard(tx, BATCH)
    known = await cadences.of(tx, [each.id for each in heard])
    changed = []
    for each in heard:
        found = known.get(each.id)
        if found is None:
            changed.append(
                Cadence(integration_id=each.id, last_at=each.last_received_at, was_firing=each.is_firing)
            )
        elif rules.note(found, each.last_received_at, each.is_firing):
            changed.append(found)
    await cadences.put(tx, changed)
    return len(changed)


async def silent(reader: Reader, integration_ids: Sequence[str]) -> dict[str, Silence]:
    """Those of the integrations that used to send regularly and do not any more."""
    since = await runs.listening_since(reader)
    known = await cadences.of(reader, integration_ids)
    found = {each: rules.silence(cadence, since, reader.now) for each, cadence in known.items()}
    return {each: silence for each, silence in found.items() if silence is not None}
