"""Certificates as they were seen last: one list, whichever node has looked, so that all of them say the same."""

from collections.abc import Sequence

import msgspec

from openalert.domain.certificate import Certificate
from openalert.storage import settings
from openalert.storage.transaction import Reader, Transaction

_NAME = "certificates"


async def known(reader: Reader) -> list[Certificate]:
    """Those that were looked at last, in the order in which they are looked at."""
    value = await settings.get(reader, _NAME)
    return [] if value is None else msgspec.json.decode(value, type=list[Certificate])


async def keep(tx: Transaction, seen: Sequence[Certificate]) -> list[Certificate]:
    """What was seen, in place of all that was known; of one that could not be looked at what was known still stands."""
    before = {(each.use, each.where): each for each in await known(tx)}
    kept = [_with_what_was_known(each, before.get((each.use, each.where))) for each in seen]
    await settings.put(tx, _NAME, msgspec.json.encode(kept).decode())
    return kept


def _with_what_was_known(seen: Certificate, before: Certificate | None) -> Certificate:
    if seen.ends_at is not None or before is None:
        return seen
    return msgspec.structs.replace(seen, starts_at=before.starts_at, ends_at=before.ends_at)
