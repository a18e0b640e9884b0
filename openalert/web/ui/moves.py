"""Giving things to another team: one button each, for admins of both teams, and what came of it in words."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission, can
from openalert.storage import escalation_policies as stored_policies
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import channels, escalation_policies, schedules, services
from openalert.usecases.access import see_team
from openalert.web.ui import choices
from openalert.web.ui.frame import Values, Web, act, sent

WORDS = {
    "services": "Its integrations and open incidents go with it; past incidents stay with the team that had them. "
    "Escalations that run go on as they began.",
    "schedules": "Policies that page it go on paging it.",
    "escalation-policies": "Services that escalate by it go on doing so, and it goes on paging whom it pages.",
    "channels": "Policies that page it go on paging it.",
}
"""What happens, by the first part of the path of the thing."""


async def offered(reader: Reader, actor: Actor, kind: str, thing_id: str, team_id: str) -> Values | None:
    """The form for a thing, as `form.move` takes it; None when there is nowhere to move it to."""
    if not can(actor, Permission.CONFIGURE, team_id):
        return None
    others = [pair for pair in await choices.teams_to_configure(reader, actor) if pair[0] != team_id]
    return {"path": f"/{kind}/{thing_id}/move", "teams": others, "words": WORDS[kind]} if others else None


async def _move(
    request: Web, db: Database, actor: Actor, back: str, body: Callable[[Transaction, str], Awaitable[str]]
) -> Response[None]:
    typed = await sent(request)
    return await act(db, actor, back, lambda tx: body(tx, typed.get("team_id", "")))


@post("/services/{service_id:str}/move", include_in_schema=False)
async def move_service(
    request: Web,
    service_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The service, with all that is open of it."""

    async def body(tx: Transaction, team_id: str) -> str:
        moved = await services.update(tx, service_id, team_id=team_id)
        team = await see_team(tx, tx.actor, moved.team_id)
        said = f"{moved.name} belongs to {team.name} now, with its integrations and open incidents."
        policies = await stored_policies.named(
            tx, tx.actor, [moved.escalation_policy_id] if moved.escalation_policy_id else []
        )
        left = [each.name for each in policies.values() if each.team_id != moved.team_id]
        return f"{said} Its escalation policy {left[0]} stays where it is." if left else said

    return await _move(request, db, actor, f"/services/{service_id}", body)


@post("/schedules/{schedule_id:str}/move", include_in_schema=False)
async def move_schedule(
    request: Web,
    schedule_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The schedule."""

    async def body(tx: Transaction, team_id: str) -> str:
        moved = await schedules.update(tx, schedule_id, team_id=team_id)
        return f"{moved.name} belongs to {(await see_team(tx, tx.actor, moved.team_id)).name} now."

    return await _move(request, db, actor, f"/schedules/{schedule_id}", body)


@post("/escalation-policies/{policy_id:str}/move", include_in_schema=False)
async def move_policy(
    request: Web,
    policy_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The escalation policy."""

    async def body(tx: Transaction, team_id: str) -> str:
        moved = (await escalation_policies.update(tx, policy_id, team_id=team_id)).policy
        return f"{moved.name} belongs to {(await see_team(tx, tx.actor, moved.team_id)).name} now."

    return await _move(request, db, actor, f"/escalation-policies/{policy_id}", body)


@post("/channels/{channel_id:str}/move", include_in_schema=False)
async def move_channel(
    request: Web,
    channel_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The channel; back to the team that had it."""
    async with db.read() as reader:
        before = (await channels.get(reader, actor, channel_id)).team_id

    async def body(tx: Transaction, team_id: str) -> str:
        moved, _ = await channels.update(tx, channel_id, team_id=team_id)
        return f"{moved.name} belongs to {(await see_team(tx, tx.actor, moved.team_id)).name} now."

    return await _move(request, db, actor, f"/teams/{before}#channels", body)


ROUTES: Sequence[HTTPRouteHandler] = [move_service, move_schedule, move_policy, move_channel]
