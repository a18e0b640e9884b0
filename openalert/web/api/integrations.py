"""JSON `/integrations`: inbound keys; `payloads` is what came in by them."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from litestar import Request, Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.links_back import LinksBack
from openalert.domain.service import Integration, IntegrationConfig
from openalert.sources import DETECT
from openalert.storage.database import Database
from openalert.usecases import alert_mails, integrations
from openalert.usecases.rehearsal import test_alert
from openalert.web.api import imported_keys, payloads
from openalert.web.api.wire import READS, SHOWN_ONCE, WRITES, Input, Output, moment, moment_or_none
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


class IntegrationOut(Output):
    """An integration. Only when its key is made does `webhookUrl` hold all of it; later, its last four signs.

    `mailAddress` opens as much as the key, so it too is shown only then, and only where mails are taken in.
    """

    id: str
    name: str
    type: str
    service_id: str
    is_active: bool
    config: IntegrationConfig
    webhook_url: str
    last_received_at: datetime | None
    created_at: datetime
    updated_at: datetime
    integration_key: str | UnsetType = UNSET
    mail_address: str | UnsetType = UNSET


class IntegrationIn(Input):
    """A new integration."""

    name: str
    service_id: str
    type: str = DETECT
    config: IntegrationConfig | None = None
    is_active: bool = True
    sender_secret: str | None = None


class IntegrationPatch(Input):
    """What to change of an integration."""

    name: str | UnsetType = UNSET
    type: str | UnsetType = UNSET
    config: IntegrationConfig | UnsetType = UNSET
    is_active: bool | UnsetType = UNSET
    sender_secret: str | UnsetType = UNSET


def show(links_back: LinksBack, integration: Integration, key: str | None = None) -> IntegrationOut:
    """An integration as it is answered; `key` is its key, where that may be shown."""
    shown = key or f"…{integration.key_hint}"
    return IntegrationOut(
        id=integration.id,
        name=integration.name,
        type=integration.type,
        service_id=integration.service_id,
        is_active=integration.is_active,
        config=integration.config,
        webhook_url=f"{links_back.base_url}/webhooks/{integration.type}/{shown}",
        last_received_at=moment_or_none(integration.last_received_at),
        created_at=moment(integration.created_at),
        updated_at=moment(integration.updated_at),
        integration_key=UNSET if key is None else key,
        mail_address=UNSET if key is None else alert_mails.address_of(links_back, integration) or UNSET,
    )


@get("/", responses=READS)
async def list_integrations(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    service_id: Annotated[
        str | None, QueryParameter(name="serviceId", description="Only those of this service.")
    ] = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[IntegrationOut]:
    """The integrations of the services that the caller may see."""
    async with db.read() as reader:
        read = partial(integrations.page, reader, actor, service_id=service_id)
        return await paged(read, partial(show, links_back), limit, cursor)


@post("/", responses=WRITES, opt=SHOWN_ONCE)
async def create_integration(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    data: JSONBody[IntegrationIn],
) -> IntegrationOut:
    """Make an integration; `integrationKey` and the whole `webhookUrl` are shown this once."""
    async with db.transaction(actor) as tx:
        members = data.members()
        made = await integrations.create(tx, kind=members.pop("type"), **members)
        return show(links_back, *made)


@get("/{integration_id:str}", responses=READS)
async def get_integration(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    integration_id: FromPath[str],
) -> IntegrationOut:
    """One integration."""
    async with db.read() as reader:
        return show(links_back, await integrations.get(reader, actor, integration_id))


@patch("/{integration_id:str}", responses=WRITES)
async def update_integration(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    integration_id: FromPath[str],
    data: JSONBody[IntegrationPatch],
) -> IntegrationOut:
    """Change an integration; while it is not active its key answers like an unknown one."""
    async with db.transaction(actor) as tx:
        members = data.members()
        changed = await integrations.update(tx, integration_id, kind=members.pop("type"), **members)
        return show(links_back, changed)


@delete("/{integration_id:str}", responses=WRITES)
async def delete_integration(
    db: NamedDependency[Database], actor: NamedDependency[Actor], integration_id: FromPath[str]
) -> None:
    """Delete an integration; what it sent stays."""
    async with db.transaction(actor) as tx:
        await integrations.delete(tx, integration_id)


@post("/{integration_id:str}/rotate-key", status_code=200, responses=WRITES, opt=SHOWN_ONCE)
async def rotate_key(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    links_back: NamedDependency[LinksBack],
    integration_id: FromPath[str],
) -> IntegrationOut:
    """Make a new key, shown this once; the old one stops working at once."""
    async with db.transaction(actor) as tx:
        return show(links_back, *await integrations.rotate_key(tx, integration_id))


@post("/{integration_id:str}/test", status_code=202, responses=WRITES)
async def test_integration(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    integration_id: FromPath[str],
) -> payloads.ReplayOut:
    """Raise a test alert by the integration, which takes the way of a real one: whoever is on call is paged."""
    trace_id = str(request.scope.get("request_id", ""))
    async with db.transaction(actor) as tx:
        outcome = await test_alert(tx, integration_id, trace_id)
    return payloads.became(outcome, trace_id)


routes = Router(
    path="/integrations",
    tags=["integrations"],
    route_handlers=[
        list_integrations,
        create_integration,
        get_integration,
        update_integration,
        delete_integration,
        rotate_key,
        test_integration,
        *payloads.ROUTES,
        *imported_keys.ROUTES,
    ],
)
