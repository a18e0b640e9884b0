"""SQL for the words that organizations have chosen for their messages."""

from collections.abc import Sequence

from openalert.storage.transaction import Reader, Transaction


async def of_organization(reader: Reader, organization_id: str) -> dict[tuple[str, str], str]:
    """Its templates, by the kind of message and the way of reading."""
    rows = await reader.rows(
        "SELECT kind, channel, text FROM message_templates WHERE organization_id = :organization "
        "ORDER BY kind, channel",
        organization=organization_id,
    )
    return {(str(row[0]), str(row[1])): str(row[2]) for row in rows}


async def first(reader: Reader, organization_id: str, channel: str, kinds: Sequence[str]) -> str | None:
    """The template for one way of reading, of the first of these kinds that has one; None: the usual words."""
    rows = await reader.rows(
        "SELECT kind, text FROM message_templates WHERE organization_id = :organization AND channel = :channel",
        organization=organization_id,
        channel=channel,
    )
    kept = {str(row[0]): str(row[1]) for row in rows}
    return next((kept[kind] for kind in kinds if kind in kept), None)


async def put(tx: Transaction, organization_id: str, channel: str, kind: str, text: str) -> None:
    """The template from now on; an empty one gives back the usual words."""
    await tx.execute(
        "DELETE FROM message_templates "
        "WHERE organization_id = :organization AND channel = :channel AND kind = :kind",
        organization=organization_id,
        channel=channel,
        kind=kind,
    )
    if text:
        await tx.execute(
            "INSERT INTO message_templates (organization_id, channel, kind, text, updated_at) "
            "VALUES (:organization, :channel, :kind, :text, :now)",
            organization=organization_id,
            channel=channel,
            kind=kind,
            text=text,
            now=tx.now,
        )
