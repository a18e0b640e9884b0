"""Maintenance windows and silences that begin or end by themselves: whoever looks is told."""

from openalert.storage import maintenance_windows as stored_windows
from openalert.storage import silences as stored_silences
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import maintenance_windows, silences

BATCH = 200


async def run_due(database: Database) -> int:
    """Tell of those that begin or end now; how many. What they held is let go by `engine.held`."""
    async with database.read() as reader:
        windows = await stored_windows.due(reader, BATCH)
        silenced = await stored_silences.due(reader, BATCH)
    if not windows and not silenced:
        return 0

    async def turn(tx: Transaction) -> None:
        for window in windows:
            await maintenance_windows.turn(tx, window)
        for silence in silenced:
            await silences.turn(tx, silence)

    await database.act(turn)
    return len(windows) + len(silenced)
