"""JSON `/users/{id}/sessions`: where people are signed in, and the end of it."""

from datetime import datetime
from typing import Any

from litestar import Request, Router, delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from openalert.domain.access import Actor
from openalert.domain.user import Session, SignInMethod
from openalert.storage.database import Database
from openalert.usecases import signin
from openalert.web.api.wire import READS, WRITES, Output, moment
from openalert.web.guards import session_token
from openalert.web.paging import Page


class SessionOut(Output):
    """A browser or program in which somebody is signed in."""

    id: str
    method: SignInMethod
    address: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_current: bool
    """Whether this very request was made with it."""


def show(session: Session, current_hash: str) -> SessionOut:
    """A session as it is answered: never anything that opens it."""
    return SessionOut(
        id=session.id,
        method=session.method,
        address=session.address,
        user_agent=session.user_agent,
        created_at=moment(session.created_at),
        last_seen_at=moment(session.last_seen_at),
        expires_at=moment(session.expires_at),
        is_current=session.token_hash == current_hash,
    )


@get("/me/sessions", responses=READS)
async def list_my_sessions(
    request: Request[Any, Any, Any], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Page[SessionOut]:
    """Where I am signed in, the last used first."""
    return await _page(request, db, actor, None)


@delete("/me/sessions/{session_id:str}", responses=WRITES)
async def end_my_session(
    db: NamedDependency[Database], actor: NamedDependency[Actor], session_id: FromPath[str]
) -> None:
    """Sign one of my browsers out."""
    async with db.transaction(actor) as tx:
        await signin.end_session(tx, session_id)


@get("/{user_id:str}/sessions", responses=READS)
async def list_sessions(
    request: Request[Any, Any, Any],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    user_id: FromPath[str],
) -> Page[SessionOut]:
    """Where somebody is signed in; for the person and for admins of at least their rank."""
    return await _page(request, db, actor, user_id)


@delete("/{user_id:str}/sessions", responses=WRITES)
async def end_sessions(
    db: NamedDependency[Database], actor: NamedDependency[Actor], user_id: FromPath[str]
) -> None:
    """Sign somebody out everywhere; for the person and for admins of at least their rank."""
    async with db.transaction(actor) as tx:
        await signin.end_sessions_of(tx, user_id)


async def _page(
    request: Request[Any, Any, Any], db: Database, actor: Actor, user_id: str | None
) -> Page[SessionOut]:
    current = signin.token_hash(session_token(request.scope))
    async with db.read() as reader:
        listed = await signin.sessions(reader, actor, user_id)
    return Page(items=[show(each, current) for each in listed])


routes = Router(
    path="/users",
    tags=["users"],
    route_handlers=[list_my_sessions, end_my_session, list_sessions, end_sessions],
)
