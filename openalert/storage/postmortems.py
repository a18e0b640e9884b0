"""SQL for postmortems."""

from openalert.domain.postmortem import Postmortem
from openalert.storage.transaction import Reader, Transaction


async def get(reader: Reader, incident_id: str) -> Postmortem | None:
    """That of the incident, if anybody wrote one."""
    return await reader.one(
        Postmortem, "SELECT * FROM postmortems WHERE incident_id = :incident_id", incident_id=incident_id
    )


async def put(tx: Transaction, postmortem: Postmortem) -> None:
    """Write it, in place of what was there."""
    await tx.insert_with(
        "postmortems",
        [postmortem],
        {},
        " ON CONFLICT (incident_id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at, "
        "updated_by_id = excluded.updated_by_id, updated_by_name = excluded.updated_by_name",
    )
