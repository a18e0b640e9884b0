"""How regularly integrations send, noted once a minute."""

from openalert.storage import cadences as stored
from openalert.storage.database import Database
from openalert.usecases import cadences


async def run_due(database: Database) -> int:
    """Note what has come since the last look; of how many integrations. Without anything, the writer is left alone."""
    async with database.read() as reader:
        heard = await stored.heard(reader, 1)
    return await database.act(cadences.note) if heard else 0
