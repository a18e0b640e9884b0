"""JSON `/adoption`: the window in which unknown keys are kept, and what becomes of each; for organization admins."""

from datetime import datetime

from litestar import Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from openalert.domain.access import Actor
from openalert.domain.adoption import USUAL_LENGTH, AdoptionWindow
from openalert.domain.instant import MINUTE
from openalert.storage.database import Database
from openalert.usecases import adoption
from openalert.usecases.adoption import Shown
from openalert.web.api.wire import READS, WRITES, Input, Output, moment


class AdoptionWindowOut(Output):
    """From when to when unknown keys are kept."""

    opened_at: datetime
    closes_at: datetime


class StrangeKeyOut(Output):
    """A key that nobody knows, and what came by it. What it is cannot be asked for."""

    id: str
    key_hint: str
    dialect: str
    address: str
    first_at: datetime
    last_at: datetime
    message_count: int
    kept_count: int
    titles: list[str]
    sources: list[str]


class AdoptionOut(Output):
    """The open window, and the keys that wait for a decision."""

    window: AdoptionWindowOut | None
    items: list[StrangeKeyOut]


class AdoptionWindowIn(Input):
    """For how long unknown keys are kept from now."""

    duration_minutes: float = USUAL_LENGTH / MINUTE


class AdoptIn(Input):
    """Where a key belongs: an integration, or a service that gets a new one, called `name`."""

    integration_id: str | None = None
    service_id: str | None = None
    name: str | None = None


class AdoptedOut(Output):
    """Where a key leads now, and how many messages were taken in by it."""

    integration_id: str
    service_id: str
    messages_replayed: int


def _window(found: AdoptionWindow) -> AdoptionWindowOut:
    return AdoptionWindowOut(opened_at=moment(found.opened_at), closes_at=moment(found.closes_at))


def _key(shown: Shown) -> StrangeKeyOut:
    key = shown.key
    return StrangeKeyOut(
        id=key.id,
        key_hint=key.key_hint,
        dialect=key.dialect,
        address=key.address,
        first_at=moment(key.first_at),
        last_at=moment(key.last_at),
        message_count=key.message_count,
        kept_count=key.kept_count,
        titles=shown.says,
        sources=shown.sources,
    )


@get("/", responses=READS)
async def get_adoption(db: NamedDependency[Database], actor: NamedDependency[Actor]) -> AdoptionOut:
    """Whether unknown keys are kept now, and those that wait for a decision."""
    async with db.read() as reader:
        now_open = await adoption.window(reader, actor)
        keys = await adoption.strange_keys(reader, actor)
    return AdoptionOut(window=_window(now_open) if now_open else None, items=[_key(each) for each in keys])


@put("/window", responses=WRITES)
async def open_window(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[AdoptionWindowIn]
) -> AdoptionWindowOut:
    """Keep what comes by unknown keys of Opsgenie and OnCall from now on; one that is open is replaced."""
    async with db.transaction(actor) as tx:
        length = round(min(data.duration_minutes, 1e9) * MINUTE)
        return _window(await adoption.open_window(tx, length))


@delete("/window", responses=WRITES)
async def close_window(db: NamedDependency[Database], actor: NamedDependency[Actor]) -> None:
    """Refuse unknown keys again; what is kept stays until somebody decides."""
    async with db.transaction(actor) as tx:
        await adoption.close_window(tx)


@post("/keys/{strange_key_id:str}/adopt", status_code=200, responses=WRITES)
async def adopt_key(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    strange_key_id: FromPath[str],
    data: JSONBody[AdoptIn],
) -> AdoptedOut:
    """Let the key lead to an integration, and take in what came by it, in order and once."""
    async with db.transaction(actor) as tx:
        integration, count = await adoption.adopt(
            tx,
            strange_key_id,
            integration_id=data.integration_id or "",
            service_id=data.service_id or "",
            name=data.name or "",
        )
    return AdoptedOut(
        integration_id=integration.id, service_id=integration.service_id, messages_replayed=count
    )


@post("/keys/{strange_key_id:str}/dismiss", status_code=204, responses=WRITES)
async def dismiss_key(
    db: NamedDependency[Database], actor: NamedDependency[Actor], strange_key_id: FromPath[str]
) -> None:
    """Forget what came by the key, and refuse it for the rest of the window."""
    async with db.transaction(actor) as tx:
        await adoption.dismiss(tx, strange_key_id)


routes = Router(
    path="/adoption",
    tags=["adoption"],
    route_handlers=[get_adoption, open_window, close_window, adopt_key, dismiss_key],
)
