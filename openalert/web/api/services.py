"""JSON `/services`: the monitored things, and their integrations."""

from datetime import datetime
from functools import partial

from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.follower import USUAL
from openalert.domain.links_back import LinksBack
from openalert.domain.noise import Grouping, Noise
from openalert.domain.service import IntegrationConfig, Service
from openalert.domain.severity import Severity
from openalert.sources import DETECT
from openalert.storage.database import Database
from openalert.storage.followers import Following
from openalert.usecases import followers, integrations, services
from openalert.web.api.integrations import IntegrationOut
from openalert.web.api.integrations import show as show_integration
from openalert.web.api.wire import READS, SHOWN_ONCE, WRITES, Input, Output, TeamFilter, moment
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


class ServiceOut(Output):
    """A service."""

    id: str
    name: str
    slug: str
    description: str
    team_id: str
    escalation_policy_id: str | None
    runbook_url: str | None
    grouping: Grouping
    noise: Noise
    created_at: datetime
    updated_at: datetime


class ServiceIn(Input):
    """A new service."""

    name: str
    team_id: str
    slug: str | None = None
    description: str = ""
    escalation_policy_id: str | None = None
    runbook_url: str | None = None
    grouping: Grouping | None = None
    noise: Noise | None = None


class ServicePatch(Input):
    """What to change of a service; `teamId` gives it to another team, for admins of both."""

    team_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    slug: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    escalation_policy_id: str | UnsetType | None = UNSET
    runbook_url: str | UnsetType | None = UNSET
    grouping: Grouping | UnsetType = UNSET
    noise: Noise | UnsetType = UNSET


class FollowerOut(Output):
    """A channel that follows a service."""

    channel_id: str
    name: str
    type: str
    min_severity: Severity
    events: list[str]
    created_at: datetime


class FollowerIn(Input):
    """The channel that is to follow, and what it is to hear."""

    channel_id: str
    min_severity: Severity = Severity.INFO
    events: tuple[str, ...] = USUAL


class ServiceIntegrationIn(Input):
    """A new integration of the service in the path."""

    name: str
    type: str = DETECT
    config: IntegrationConfig | None = None
    is_active: bool = True
    sender_secret: str | None = None


def show(service: Service) -> ServiceOut:
    """A service as it is answered."""
    return ServiceOut(
        id=service.id,
        name=service.name,
        slug=service.slug,
        description=service.description,
        team_id=service.team_id,
        escalation_policy_id=service.escalation_policy_id,
        runbook_url=service.runbook_url,
        grouping=service.grouping,
        noise=service.noise,
        created_at=moment(service.created_at),
        updated_at=moment(service.updated_at),
    )


@get("/", responses=READS)
async def list_services(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: TeamFilter = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[ServiceOut]:
    """The services of the teams that the caller may see."""
    async with db.read() as reader:
        return await paged(partial(services.page, reader, actor, team_id=team_id), show, limit, cursor)


@post("/", responses=WRITES)
async def create_service(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[ServiceIn]
) -> ServiceOut:
    """Make a service."""
    async with db.transaction(actor) as tx:
        return show(await services.create(tx, **data.members()))


@get("/{service_id:str}", responses=READS)
async def get_service(
    db: NamedDependency[Database], actor: NamedDependency[Actor], service_id: FromPath[str]
) -> ServiceOut:
    """One service."""
    async with db.read() as reader:
        return show(await services.get(reader, actor, service_id))


@patch("/{service_id:str}", responses=WRITES)
async def update_service(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    service_id: FromPath[str],
    data: JSONBody[ServicePatch],
) -> ServiceOut:
    """Change a service."""
    async with db.transaction(actor) as tx:
        return show(await services.update(tx, service_id, **data.members()))


@delete("/{service_id:str}", responses=WRITES)
async def delete_service(
    db: NamedDependency[Database], actor: NamedDependency[Actor], service_id: FromPath[str]
) -> None:
    """Delete a service and its integrations; its incidents stay."""
    async with db.transaction(actor) as tx:
        await services.delete(tx, service_id)


def show_follower(follower: Following) -> FollowerOut:
    """A follower as it is answered."""
    return FollowerOut(
        channel_id=follower.channel_id,
        name=follower.name,
        type=follower.type,
        min_severity=follower.min_severity,
        events=list(follower.events),
        created_at=moment(follower.created_at),
    )


@get("/{service_id:str}/followers", responses=READS)
async def list_followers(
    db: NamedDependency[Database], actor: NamedDependency[Actor], service_id: FromPath[str]
) -> Page[FollowerOut]:
    """The channels that hear what becomes of the service's incidents, in one page."""
    async with db.read() as reader:
        return Page(
            items=[show_follower(each) for each in await followers.of_service(reader, actor, service_id)]
        )


@post("/{service_id:str}/followers", responses=WRITES)
async def put_follower(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    service_id: FromPath[str],
    data: JSONBody[FollowerIn],
) -> FollowerOut:
    """Let a channel follow the service; for one that does, change what it hears."""
    async with db.transaction(actor) as tx:
        return show_follower(await followers.put(tx, service_id, **data.members()))


@delete("/{service_id:str}/followers/{channel_id:str}", responses=WRITES)
async def remove_follower(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    service_id: FromPath[str],
    channel_id: FromPath[str],
) -> None:
    """It follows no more."""
    async with db.transaction(actor) as tx:
        await followers.remove(tx, service_id, channel_id)


@get("/{service_id:str}/integrations", responses=READS)
async def list_service_integrations(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    service_id: FromPath[str],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[IntegrationOut]:
    """The integrations of a service."""
    async with db.read() as reader:
        read = partial(integrations.page, reader, actor, service_id=service_id)
        return await paged(read, partial(show_integration, links_back), limit, cursor)


@post("/{service_id:str}/integrations", responses=WRITES, opt=SHOWN_ONCE)
async def create_service_integration(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    service_id: FromPath[str],
    data: JSONBody[ServiceIntegrationIn],
) -> IntegrationOut:
    """Make an integration; `integrationKey` and the whole `webhookUrl` are shown this once."""
    async with db.transaction(actor) as tx:
        members = data.members()
        made = await integrations.create(tx, service_id=service_id, kind=members.pop("type"), **members)
        return show_integration(links_back, *made)


routes = Router(
    path="/services",
    tags=["services"],
    route_handlers=[
        list_services,
        create_service,
        get_service,
        update_service,
        delete_service,
        list_followers,
        put_follower,
        remove_follower,
        list_service_integrations,
        create_service_integration,
    ],
)
