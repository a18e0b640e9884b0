"""JSON /api/v1/channels/states: how every channel is, as the page Settings, Channels shows it."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor
from openalert.domain.breaker import BreakerState
from openalert.storage.channel_troubles import TroubleKind
from openalert.storage.database import Database
from openalert.usecases import channel_states
from openalert.usecases.channel_states import ChannelCondition, ChannelState, ProviderState
from openalert.web.api.wire import READS, Moment, Output, moment_or_none
from openalert.web.paging import Page


class ProviderStateOut(Output):
    """One provider of a channel; a second one takes over when the first fails."""

    number: int
    breaker: BreakerState
    said: str | None
    refused_since: Moment | None
    trouble: TroubleKind | None
    refusal: str | None


class ChannelStateOut(Output):
    """One channel."""

    channel: str
    name: str
    state: ChannelCondition
    missing: str | None
    providers: list[ProviderStateOut]
    resting_addresses: int
    last_success_at: Moment | None
    last_failure_at: Moment | None
    last_failure: str | None


@get("/channels/states", responses=READS, tags=["channels"])
async def list_channel_states(
    request: Request[Any, Any, Any], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Page[ChannelStateOut]:
    """How every channel is: whether it is set up, whether its providers take messages, and what they said last."""
    lines, config = request.app.state.engine.deliver.lines, request.app.state.config
    async with db.read() as reader:
        states = await channel_states.look(reader, actor, config, lines)
    return Page(items=[_show(state) for state in states])


def _show(state: ChannelState) -> ChannelStateOut:
    return ChannelStateOut(
        channel=state.name,
        name=state.words,
        state=state.condition,
        missing=state.missing or None,
        providers=[_provider(each) for each in state.providers],
        resting_addresses=state.resting,
        last_success_at=moment_or_none(state.last_success_at),
        last_failure_at=moment_or_none(state.last_failure_at),
        last_failure=state.last_failure or None,
    )


def _provider(provider: ProviderState) -> ProviderStateOut:
    return ProviderStateOut(
        number=provider.number,
        breaker=provider.breaker,
        said=provider.said or None,
        refused_since=moment_or_none(provider.refused_since),
        trouble=provider.trouble,
        refusal=provider.refusal or None,
    )


ROUTES: Sequence[HTTPRouteHandler] = [list_channel_states]
