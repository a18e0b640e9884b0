"""SQL for organizations."""

from openalert.domain.canary import HOME
from openalert.domain.second_factor import SecondFactorRule
from openalert.domain.user import Organization
from openalert.storage.transaction import Reader, Transaction


async def insert(tx: Transaction, organization: Organization) -> None:
    """A new organization."""
    await tx.insert("organizations", organization)


async def get(reader: Reader, organization_id: str) -> Organization | None:
    """The organization with this id."""
    return await reader.one(Organization, "SELECT * FROM organizations WHERE id = :id", id=organization_id)


async def first(reader: Reader) -> Organization | None:
    """The oldest organization: the one that set-up made."""
    return await reader.one(
        Organization, "SELECT * FROM organizations WHERE id <> :home ORDER BY id LIMIT 1", home=HOME
    )


async def second_factor_rule(reader: Reader, organization_id: str) -> SecondFactorRule:
    """Who of the organization has to prove more than a password."""
    return SecondFactorRule(
        await reader.value("SELECT second_factor FROM organizations WHERE id = :id", id=organization_id)
    )


async def set_second_factor_rule(tx: Transaction, organization_id: str, rule: SecondFactorRule) -> None:
    """From now on these have to."""
    await tx.execute(
        "UPDATE organizations SET second_factor = :rule WHERE id = :id", rule=rule.value, id=organization_id
    )


async def every(reader: Reader) -> list[Organization]:
    """All organizations of the installation, the oldest first; for commands on the machine alone."""
    return await reader.all(
        Organization, "SELECT * FROM organizations WHERE id <> :home ORDER BY id", home=HOME
    )


async def rename(tx: Transaction, organization_id: str, name: str) -> None:
    """Give the organization another name."""
    await tx.execute("UPDATE organizations SET name = :name WHERE id = :id", name=name, id=organization_id)
