"""SQL for saved views: lists of alerts that people keep under a name."""

from openalert.domain.access import Actor
from openalert.domain.saved_view import SavedView
from openalert.storage.rows import to_parameters
from openalert.storage.transaction import Reader, Transaction
from openalert.storage.visible import visible


async def insert(tx: Transaction, view: SavedView) -> None:
    """A new view."""
    await tx.insert("saved_views", view)


async def update(tx: Transaction, view: SavedView) -> None:
    """Write what may change of it."""
    await tx.execute(
        "UPDATE saved_views SET team_id = :team_id, name = :name, query = :query, updated_at = :updated_at "
        "WHERE id = :id",
        **to_parameters(view),
    )


async def delete(tx: Transaction, view_id: str) -> None:
    """It is gone, also as the one that somebody's list began with."""
    await tx.execute("DELETE FROM saved_views WHERE id = :id", id=view_id)


async def get(reader: Reader, actor: Actor, view_id: str) -> SavedView | None:
    """One view, if it is the actor's own or shared with a team in view."""
    condition, parameters = visible(reader, actor)
    return await reader.one(
        SavedView,
        f"SELECT * FROM saved_views WHERE id = :id AND (user_id = :me OR (team_id IS NOT NULL AND {condition}))",
        id=view_id,
        me=actor.user_id or "",
        **parameters,
    )


async def seen_by(reader: Reader, actor: Actor, *, limit: int) -> list[SavedView]:
    """The actor's own views, then those that others share with teams in view; each by name."""
    condition, parameters = visible(reader, actor)
    own = await reader.all(
        SavedView,
        "SELECT * FROM saved_views WHERE user_id = :me ORDER BY name, id LIMIT :limit",
        me=actor.user_id or "",
        limit=limit,
    )
    shared = await reader.all(
        SavedView,
        f"SELECT * FROM saved_views WHERE team_id IS NOT NULL AND user_id <> :me AND {condition} "
        "ORDER BY name, id LIMIT :limit",
        me=actor.user_id or "",
        limit=limit,
        **parameters,
    )
    return own + shared


async def number_of(reader: Reader, user_id: str) -> int:
    """How many views somebody has made."""
    found: int = await reader.value(
        "SELECT count(*) FROM saved_views WHERE user_id = :user_id", user_id=user_id
    )
    return found


async def first_of(reader: Reader, actor: Actor) -> SavedView | None:
    """The view with which the actor's list begins, as long as they may see it."""
    view_id = await reader.value(
        "SELECT view_id FROM first_views WHERE user_id = :user_id", user_id=actor.user_id or ""
    )
    return None if view_id is None else await get(reader, actor, view_id)


async def begin_with(tx: Transaction, user_id: str, view_id: str | None) -> None:
    """Somebody's list begins with this view; None: with what is open."""
    if view_id is None:
        await tx.execute("DELETE FROM first_views WHERE user_id = :user_id", user_id=user_id)
        return
    await tx.execute(
        "INSERT INTO first_views (user_id, view_id) VALUES (:user_id, :view_id) "
        "ON CONFLICT (user_id) DO UPDATE SET view_id = excluded.view_id",
        user_id=user_id,
        view_id=view_id,
    )
