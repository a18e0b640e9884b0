"""SQL for the words that organizations have chosen for their messages."""

from openalert.storage.transaction import Reader, Transaction


async def of_organization(reader: Reader, organization_id: str) -> dict[str, str]:
    """Its templates, by the way of reading."""
    rows = await reader.rows(
        "SELECT channel, text FROM message_templates WHERE organization_id = :organization ORDER BY channel",
        organization=organization_id,
    )
    return {str(row[0]): str(row[1]) for row in rows}


async def get(reader: Reader, organization_id: str, channel: str) -> str | None:
    """The template for one way of reading; None: it has the usual words."""
    found: str | None = await reader.value(
        "SELECT text FROM message_templates WHERE organization_id = :organization AND channel = :channel",
        organization=organization_id,
        channel=channel,
    )
    return found


async def put(tx: Transaction, organization_id: str, channel: str, text: str) -> None:
    """The template from now on; an empty one gives back the usual words."""
    await tx.execute(
        "DELETE FROM message_templates WHERE organization_id = :organization AND channel = :channel",
        organization=organization_id,
        channel=channel,
    )
    if text:
        await tx.execute(
            "INSERT INTO message_templates (organization_id, channel, text, updated_at) "
            "VALUES (:organization, :channel, :text, :now)",
            organization=organization_id,
            channel=channel,
            text=text,
            now=tx.now,
        )
