"""The organization itself."""

from openalert.domain.access import Permission
from openalert.domain.team import check_name
from openalert.storage import organizations
from openalert.storage.database import Transaction
from openalert.usecases.access import home, require


async def rename(tx: Transaction, name: str) -> str:
    """Another name for the organization, by one of its owners; answers the name as it is kept."""
    require(tx.actor, Permission.OWN, None)
    name = check_name(name)
    await organizations.rename(tx, home(tx.actor), name)
    return name
