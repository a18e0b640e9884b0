"""JSON `/channels`: a team's places for messages."""

from datetime import datetime
from functools import partial
from typing import Any

from litestar import Router, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor
from openalert.domain.team import Channel
from openalert.storage.database import Database
from openalert.usecases import channels
from openalert.web.api.contact_methods import TestOut
from openalert.web.api.wire import READS, SHOWN_ONCE, WRITES, Input, Output, TeamFilter, moment
from openalert.web.paging import DEFAULT, Cursor, Limit, Page, paged


class ChannelOut(Output):
    """A channel; `config.secret` of a webhook is only in the answer that gave it one: made, or given another URL."""

    id: str
    name: str
    type: str
    team_id: str
    is_enabled: bool
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class ChannelIn(Input):
    """A new channel: `email` with `{"address"}`, `webhook` and `teams` with `{"url"}`."""

    name: str
    type: str
    team_id: str
    config: dict[str, Any]
    is_enabled: bool = True


class ChannelPatch(Input):
    """What to change of a channel; `teamId` gives it to another team, for admins of both."""

    team_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    config: dict[str, Any] | UnsetType = UNSET
    is_enabled: bool | UnsetType = UNSET


def show(channel: Channel, secret: str | None = None) -> ChannelOut:
    """A channel as it is answered."""
    return ChannelOut(
        id=channel.id,
        name=channel.name,
        type=channel.type,
        team_id=channel.team_id,
        is_enabled=channel.is_enabled,
        config=channel.config | ({"secret": secret} if secret else {}),
        created_at=moment(channel.created_at),
        updated_at=moment(channel.updated_at),
    )


@get("/", responses=READS)
async def list_channels(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    team_id: TeamFilter = None,
    limit: Limit = DEFAULT,
    cursor: Cursor = None,
) -> Page[ChannelOut]:
    """The channels of the teams that the caller may see."""
    async with db.read() as reader:
        return await paged(partial(channels.page, reader, actor, team_id=team_id), show, limit, cursor)


@post("/", responses=WRITES, opt=SHOWN_ONCE)
async def create_channel(
    db: NamedDependency[Database], actor: NamedDependency[Actor], data: JSONBody[ChannelIn]
) -> ChannelOut:
    """Make a channel. What a webhook sends is signed with `config.secret`, which is shown this once."""
    async with db.transaction(actor) as tx:
        members = data.members()
        return show(*await channels.create(tx, kind=members.pop("type"), **members))


@get("/{channel_id:str}", responses=READS)
async def get_channel(
    db: NamedDependency[Database], actor: NamedDependency[Actor], channel_id: FromPath[str]
) -> ChannelOut:
    """One channel."""
    async with db.read() as reader:
        return show(await channels.get(reader, actor, channel_id))


@patch("/{channel_id:str}", responses=WRITES)
async def update_channel(
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    channel_id: FromPath[str],
    data: JSONBody[ChannelPatch],
) -> ChannelOut:
    """Change a channel. A webhook that gets another URL gets a new `config.secret`, shown this once."""
    async with db.transaction(actor) as tx:
        return show(*await channels.update(tx, channel_id, **data.members()))


@delete("/{channel_id:str}", responses=WRITES)
async def delete_channel(
    db: NamedDependency[Database], actor: NamedDependency[Actor], channel_id: FromPath[str]
) -> None:
    """Delete a channel that no escalation policy pages."""
    async with db.transaction(actor) as tx:
        await channels.delete(tx, channel_id)


@post("/{channel_id:str}/test", status_code=202, responses=WRITES)
async def test_channel(
    db: NamedDependency[Database], actor: NamedDependency[Actor], channel_id: FromPath[str]
) -> TestOut:
    """Send a test message by the channel."""
    async with db.transaction(actor) as tx:
        return TestOut(notification_id=(await channels.send_test(tx, channel_id)).id)


routes = Router(
    path="/channels",
    tags=["channels"],
    route_handlers=[
        list_channels,
        create_channel,
        get_channel,
        update_channel,
        delete_channel,
        test_channel,
    ],
)
