"""Saved views: lists of alerts that people keep under a name, alone or with a team, and begin with."""

import msgspec

from openalert.domain.access import Actor, Permission, can
from openalert.domain.alert_filter import Listing
from openalert.domain.errors import Conflict, Forbidden
from openalert.domain.ids import new_id
from openalert.domain.saved_view import MOST_VIEWS, SavedView
from openalert.domain.team import check_name
from openalert.storage import saved_views
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, home, team_for


async def get(reader: Reader, actor: Actor, view_id: str) -> SavedView:
    """One view of one's own, or of a team in view."""
    return found(await saved_views.get(reader, actor, view_id), "saved view")


def may_change(actor: Actor, view: SavedView) -> bool:
    """Whether the actor may change or delete it: whoever made it, and for a team's whoever sets the team up."""
    if view.team_id is not None and can(actor, Permission.CONFIGURE, view.team_id):
        return True
    return actor.user_id is not None and view.user_id == actor.user_id


async def create(
    tx: Transaction, *, name: str, query: str, team_id: str | None = None, begin_with: bool = False
) -> SavedView:
    """Keep a list under a name; with a team for all of its members, who must be able to respond there to share it."""
    organization_id, user_id = home(tx.actor), _person(tx.actor)
    if await saved_views.number_of(tx, user_id) >= MOST_VIEWS:
        raise Conflict(f"You have {MOST_VIEWS} views already; delete one first.")
    view = SavedView(
        id=new_id(tx.now),
        organization_id=organization_id,
        user_id=user_id,
        team_id=await _team(tx, team_id),
        name=check_name(name),
        query=Listing.read(query).query(),
        created_at=tx.now,
        updated_at=tx.now,
    )
    await saved_views.insert(tx, view)
    if begin_with:
        await saved_views.begin_with(tx, user_id, view.id)
    audit.change(tx, "saved_view.created", None, view)
    return view


async def update(
    tx: Transaction,
    view_id: str,
    *,
    name: str | None = None,
    query: str | None = None,
    team_id: str | None = None,
) -> SavedView:
    """Change those that are given; `team_id` "" takes it back from its team."""
    before = await _changeable(tx, view_id)
    after = msgspec.structs.replace(before, updated_at=tx.now)
    if name is not None:
        after.name = check_name(name)
    if query is not None:
        after.query = Listing.read(query).query()
    if team_id is not None and (team_id or None) != before.team_id:
        if before.user_id != tx.actor.user_id:
            raise Forbidden("Only whoever made a view can share it with another team, or take it back.")
        after.team_id = await _team(tx, team_id)
    await saved_views.update(tx, after)
    audit.change(tx, "saved_view.updated", before, after)
    return after


async def delete(tx: Transaction, view_id: str) -> SavedView:
    """It is gone, for everybody who had it."""
    view = await _changeable(tx, view_id)
    await saved_views.delete(tx, view.id)
    audit.change(tx, "saved_view.deleted", view, None)
    return view


async def begin_with(tx: Transaction, view_id: str | None) -> SavedView | None:
    """The actor's own list begins with this view from now on; None: with everything that is open."""
    user_id = _person(tx.actor)
    view = None if view_id is None else await get(tx, tx.actor, view_id)
    await saved_views.begin_with(tx, user_id, view_id)
    audit.record(
        tx,
        "saved_view.begun_with" if view else "saved_view.begun_without",
        kind="saved_view",
        id=view_id,
        name=view.name if view else "open alerts",
        team_id=view.team_id if view else None,
    )
    return view


async def _changeable(tx: Transaction, view_id: str) -> SavedView:
    view = await get(tx, tx.actor, view_id)
    if not may_change(tx.actor, view):
        raise Forbidden("Only whoever made a view, or an admin of its team, can change it.")
    return view


async def _team(tx: Transaction, team_id: str | None) -> str | None:
    return (await team_for(tx, team_id, Permission.RESPOND)).id if team_id else None


def _person(actor: Actor) -> str:
    if actor.user_id is None:
        raise Forbidden("Views are kept by people; an API key has none.")
    return actor.user_id
