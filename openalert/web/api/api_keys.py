"""JSON `/api-keys`: how machines sign in."""

from datetime import datetime
from functools import partial
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import ORDINARY, Actor, Role, Scope
from openalert.domain.user import ApiKey
from openalert.storage.database import Database
from openalert.usecases import api_keys
from openalert.web.api.wire import (
    READS,
    SHOWN_ONCE,
    WRITES,
    Input,
    Moment,
    Output,
    instant_or_none,
    moment,
    moment_or_none,
)
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


class ApiKeyOut(Output):
    """An API key; `key` is in the creating answer alone."""

    id: str
    name: str
    role: Role
    scopes: list[Scope]
    team_id: str | None
    created_by_id: str | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    key: str | UnsetType = UNSET


class ApiKeyIn(Input):
    """A new API key; it cannot be given more than its maker has."""

    name: str
    role: Role = Role.ADMIN
    scopes: Annotated[
        list[Scope],
        msgspec.Meta(
            min_length=1,
            description="What it may be used for; `read` is always part of it, but `watch` stands alone.",
        ),
    ] = msgspec.field(default_factory=lambda: [scope for scope in Scope if scope in ORDINARY])
    team_id: Annotated[
        str | None, msgspec.Meta(description="The only team in which it acts; null: wherever its maker does.")
    ] = None
    expires_at: Moment | None = None


def show(key: ApiKey, text: str | None = None) -> ApiKeyOut:
    """An API key as it is answered; `text` is the key itself."""
    return ApiKeyOut(
        id=key.id,
        name=key.name,
        role=key.role,
        scopes=list(key.scopes),
        team_id=key.team_id,
        created_by_id=key.created_by_id,
        created_at=moment(key.created_at),
        expires_at=moment_or_none(key.expires_at),
        last_used_at=moment_or_none(key.last_used_at),
        key=UNSET if text is None else text,
    )


@get("/", responses=READS)
async def list_api_keys(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[ApiKeyOut]:
    """The API keys that are not revoked: all for admins of the organization, else those of teams one leads."""
    async with db.read() as reader:
        return await paged(partial(api_keys.page, reader, actor), show, limit, cursor)


@post("/", responses=WRITES, opt=SHOWN_ONCE)
async def create_api_key(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[ApiKeyIn]
) -> ApiKeyOut:
    """Make an API key; `key` is shown this once."""
    async with db.transaction(actor) as tx:
        made = await api_keys.create(
            tx,
            name=data.name,
            role=data.role,
            scopes=data.scopes,
            team_id=data.team_id,
            expires_at=instant_or_none(data.expires_at),
        )
        return show(*made)


@get("/{key_id:str}", responses=READS)
async def get_api_key(
    db: NamedDependency[Database], actor: NamedDependency[Actor], key_id: FromPath[str]
) -> ApiKeyOut:
    """One API key."""
    async with db.read() as reader:
        return show(await api_keys.get(reader, actor, key_id))


@delete("/{key_id:str}", responses=WRITES)
async def revoke_api_key(
    db: NamedDependency[Database], actor: NamedDependency[Actor], key_id: FromPath[str]
) -> None:
    """Revoke an API key: it opens nothing any more."""
    async with db.transaction(actor) as tx:
        await api_keys.revoke(tx, key_id)


routes = Router(
    path="/api-keys",
    tags=["API keys"],
    route_handlers=[list_api_keys, create_api_key, get_api_key, revoke_api_key],
)
