"""The doubt in the clock as a setting: a restart must not believe at once what the run before did not."""

import msgspec

from openalert.domain.clock_doubt import Doubt
from openalert.storage import settings
from openalert.storage.transaction import Reader, Transaction

_NAME = "clock doubt"


async def get(reader: Reader) -> Doubt:
    """What is in doubt; nothing where the clock never leapt."""
    kept = await settings.get(reader, _NAME)
    return Doubt() if kept is None else msgspec.json.decode(kept, type=Doubt)


async def leap(tx: Transaction, step: int) -> Doubt:
    """The clock was set by so many milliseconds before this transaction; what is in doubt since."""
    before = await get(tx)
    doubt = before.after(step, tx.now)
    if doubt != before:
        await settings.put(tx, _NAME, msgspec.json.encode(doubt).decode())
    return doubt
