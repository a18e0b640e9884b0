"""JSON `/organization`: what everything belongs to, its name, and who in it needs a second factor."""

from datetime import datetime

from litestar import Router, get, patch
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.second_factor import SecondFactorRule
from openalert.domain.user import Organization
from openalert.storage.database import Database
from openalert.usecases import organizations, second_factors
from openalert.web.api.wire import READS, WRITES, Input, Output, moment


class OrganizationOut(Output):
    """The organization of whoever asks."""

    id: str
    name: str
    second_factor: SecondFactorRule
    created_at: datetime


class OrganizationPatch(Input):
    """What to change of the organization."""

    name: str | UnsetType = UNSET
    second_factor: SecondFactorRule | UnsetType = UNSET


def show(organization: Organization) -> OrganizationOut:
    """The organization as it is answered."""
    return OrganizationOut(
        id=organization.id,
        name=organization.name,
        second_factor=organization.second_factor,
        created_at=moment(organization.created_at),
    )


@get("/", responses=READS)
async def get_organization(db: NamedDependency[Database], actor: NamedDependency[Actor]) -> OrganizationOut:
    """The organization of whoever asks: there is no address for any other."""
    async with db.read() as reader:
        return show(await organizations.mine(reader, actor))


@patch("/", responses=WRITES)
async def update_organization(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[OrganizationPatch]
) -> OrganizationOut:
    """Rename it, or say who needs a second factor; for owners.

    Whoever then needs one and signed in by password alone is signed out. A person first sets up their own.
    """
    async with db.transaction(actor) as tx:
        organizations.may_change(actor)
        if data.name is not UNSET:
            await organizations.rename(tx, data.name)
        if data.second_factor is not UNSET:
            await second_factors.set_rule(tx, data.second_factor)
        return show(await organizations.mine(tx, actor))


routes = Router(
    path="/organization", tags=["organization"], route_handlers=[get_organization, update_organization]
)
