"""Settings, Channels: every channel with its state, what its providers said last, and buttons that try it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor
from openalert.domain.breaker import BreakerState
from openalert.domain.errors import Conflict
from openalert.notifiers.failover import providers_of
from openalert.notifiers.notifier import LostAnswer, Notifier, NotifierError
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import channel_states, contact_methods
from openalert.usecases.channel_states import ChannelState, ProviderState
from openalert.web.ui.frame import Values, Web, act, answer, go, sent, shell

PATH = "/settings/channels"
LONGEST_PROBE = 15.0


@get(PATH, include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """How every channel is."""
    lines = request.app.state.engine.deliver.lines
    async with db.read() as reader:
        states = await channel_states.look(reader, actor, request.app.state.config, lines)
        context = await shell(
            request, reader, actor, "/settings", channels=[_shown(state) for state in states]
        )
    return answer(request, "settings/channels.html", context)


def _shown(state: ChannelState) -> Values:
    return {
        "name": state.name,
        "words": state.words,
        "state": state.condition.value,
        "missing": state.missing,
        "manual": f"docs/channels/{state.name}.md",
        "providers": [_provider(each) for each in state.providers] if len(state.providers) > 1 else [],
        "only": _provider(state.providers[0]) if len(state.providers) == 1 else None,
        "resting": state.resting,
        "last_success_at": state.last_success_at,
        "last_failure_at": state.last_failure_at,
        "last_failure": state.last_failure,
        "can_probe": bool(state.providers) and not state.missing,
        "can_test": state.own_method_id is not None and not state.missing,
    }


def _provider(provider: ProviderState) -> Values:
    said = provider.said if provider.breaker is not BreakerState.CLOSED else ""
    return {
        "name": "Second provider" if provider.number else "First provider",
        "well": provider.is_well,
        "resting": provider.breaker is not BreakerState.CLOSED,
        "said": said,
        "refused_since": provider.refused_since,
        "trouble": provider.trouble,
        "refusal": provider.refusal,
    }


@post(PATH + "/probe", include_in_schema=False)
async def probe(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[None]:
    """Ask every provider of a channel whether it knows us; nobody gets a message by it."""
    channel = (await sent(request)).get("channel", "")
    words = channel_states.check(actor, channel)
    notifier: Notifier | None = request.app.state.notifiers.get(channel)
    providers = providers_of(notifier) if notifier is not None else ()
    answers = [await _ask(provider) for provider in providers]
    async with db.transaction(actor) as tx:
        for number, (works, _) in enumerate(answers):
            await channel_states.probed(tx, channel, number, works=works)
    said = " ".join(
        f"{'Second' if number else 'First'} provider: {text}" if len(answers) > 1 else text
        for number, (_, text) in enumerate(answers)
    )
    works = bool(answers) and all(works for works, _ in answers)
    return go(f"{PATH}#{channel}", f"{words}: {said}", "good" if works else "bad")


async def _ask(provider: Notifier) -> tuple[bool, str]:
    """Whether it is well, and its own words."""
    try:
        async with asyncio.timeout(LONGEST_PROBE):
            return True, await provider.probe()
    except (NotifierError, LostAnswer) as error:
        return False, error.detail
    except TimeoutError:
        return False, f"It did not answer within {LONGEST_PROBE:.0f} s."


@post(PATH + "/test", include_in_schema=False)
async def send_test(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """A test message to my own verified contact method of a channel."""
    channel = (await sent(request)).get("channel", "")
    words = channel_states.check(actor, channel)

    async def body(tx: Transaction) -> str:
        me = actor.user_id or ""
        # A key is nobody, and has none.
        methods = await contact_methods.of_user(tx, actor, me) if me else []
        mine = next((each for each in methods if each.type == channel and each.verified_at), None)
        if mine is None:
            raise Conflict(f"None of your own contact methods is {words}; add one on your page first.")
        await contact_methods.send_test(tx, me, mine.id)
        return f"A test message is on its way to {mine.label or mine.address}."

    return await act(db, actor, f"{PATH}#{channel}", body)


ROUTES: Sequence[HTTPRouteHandler] = [show, probe, send_test]
