"""SQL for organizations."""

from openalert.domain.user import Organization
from openalert.storage.database import Reader, Transaction


async def insert(tx: Transaction, organization: Organization) -> None:
    """A new organization."""
    await tx.insert("organizations", organization)


async def get(reader: Reader, organization_id: str) -> Organization | None:
    """The organization with this id."""
    return await reader.one(Organization, "SELECT * FROM organizations WHERE id = :id", id=organization_id)


async def first(reader: Reader) -> Organization | None:
    """The oldest organization: the one that set-up made."""
    return await reader.one(Organization, "SELECT * FROM organizations ORDER BY id LIMIT 1")


async def rename(tx: Transaction, organization_id: str, name: str) -> None:
    """Give the organization another name."""
    await tx.execute("UPDATE organizations SET name = :name WHERE id = :id", name=name, id=organization_id)
