"""SQL for invitations."""

from openalert.domain.access import Actor
from openalert.domain.invitation import Invitation
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import in_organization


async def insert(tx: Transaction, invitation: Invitation) -> None:
    """A new invitation."""
    await tx.insert("invitations", invitation)


async def renew(tx: Transaction, invitation: Invitation) -> None:
    """Write by whom and when it was sent again, and until when it holds."""
    await tx.execute(
        """
        UPDATE invitations SET invited_by_id = :invited_by_id, sent_at = :sent_at, expires_at = :expires_at
        WHERE id = :id
        """,
        **to_parameters(invitation),
    )


async def delete(tx: Transaction, invitation_id: str) -> bool:
    """It was accepted or withdrawn; False when somebody else was first."""
    return bool(await tx.changed("DELETE FROM invitations WHERE id = :id RETURNING id", id=invitation_id))


async def delete_of(tx: Transaction, organization_id: str, key: str) -> None:
    """Nobody with this address is to be invited any more."""
    await tx.execute(
        "DELETE FROM invitations WHERE organization_id = :organization AND email_key = :key",
        organization=organization_id,
        key=key,
    )


async def get(reader: Reader, actor: Actor, invitation_id: str) -> Invitation | None:
    """The invitation, if of the actor's organization."""
    condition, parameters = in_organization(actor)
    return await reader.one(
        Invitation,
        f"SELECT * FROM invitations WHERE id = :id AND {condition}",
        id=invitation_id,
        **parameters,
    )


async def by_email_key(reader: Reader, organization_id: str, key: str) -> Invitation | None:
    """The invitation of this address into this organization."""
    return await reader.one(
        Invitation,
        "SELECT * FROM invitations WHERE organization_id = :organization AND email_key = :key",
        organization=organization_id,
        key=key,
    )


async def page(reader: Reader, actor: Actor, *, after: str = "", limit: int) -> list[Invitation]:
    """The next invitations that wait for an answer, in the order of their making."""
    condition, parameters = in_organization(actor)
    return await reader.all(
        Invitation,
        f"SELECT * FROM invitations WHERE id > :after AND {condition} ORDER BY id LIMIT :limit",
        after=after,
        limit=limit,
        **parameters,
    )
