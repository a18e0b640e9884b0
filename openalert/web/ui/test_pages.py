"""Buttons that send a test page: to somebody, to whoever is on call, to a team."""

from collections.abc import Awaitable, Callable, Sequence

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.severity import Severity
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import test_pages
from openalert.usecases.test_pages import TestPage
from openalert.web.ui.forms import attempt
from openalert.web.ui.frame import Web, go, sent


async def _send(
    db: Database, actor: Actor, path: str, body: Callable[[Transaction], Awaitable[Sequence[TestPage]]]
) -> Response[None]:
    pages, errors = await attempt(db, actor, body)
    if pages is None:
        return go(path, " ".join(errors.values()), "bad")
    sent = [page.name for page in pages if page.messages]
    silent = [
        page.silent if page.silent.startswith(page.name) else f"{page.name} {page.silent}"
        for page in pages
        if page.silent
    ]
    said = [f"A test page is on its way to {', '.join(sent)}."] if sent else []
    said += [f"{reason}." for reason in silent]
    return go(path, " ".join(said) or "Nobody is on call now: nothing is sent.", "good" if sent else "bad")


@post("/users/{user_id:str}/test-page", include_in_schema=False)
async def to_user(
    request: Web, user_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """To one person, for admins, as for an incident this severe."""
    severity = (await sent(request)).get("severity")

    async def body(tx: Transaction) -> list[TestPage]:
        as_for = Severity(severity) if severity in set(Severity) else Severity.HIGH
        return [await test_pages.to_user(tx, user_id, as_for)]

    return await _send(db, actor, f"/users/{user_id}", body)


@post("/schedules/{schedule_id:str}/test-page", include_in_schema=False)
async def to_schedule(
    schedule_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """To whoever is on call now."""
    return await _send(
        db, actor, f"/schedules/{schedule_id}", lambda tx: test_pages.to_schedule(tx, schedule_id)
    )


@post("/teams/{team_id:str}/test-page", include_in_schema=False)
async def to_team(
    team_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """To every member."""
    return await _send(db, actor, f"/teams/{team_id}", lambda tx: test_pages.to_team(tx, team_id))


ROUTES: Sequence[HTTPRouteHandler] = [to_user, to_schedule, to_team]
