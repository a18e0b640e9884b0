"""Saved views: lists of alerts under a name, on the list itself and on a page where they are kept in order."""

from collections.abc import Sequence

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission, can
from openalert.domain.alert_filter import Listing
from openalert.domain.errors import NotFound
from openalert.domain.saved_view import MOST_VIEWS, SavedView
from openalert.storage import saved_views, teams, users
from openalert.storage.database import Database
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import saved_views as acts
from openalert.web.ui.choices import MOST, Choices
from openalert.web.ui.frame import Values, Web, act, answer, own_id, sent, shell

PATH = "/alerts/views"


def href(view: SavedView) -> str:
    """The address of what a view shows."""
    return f"/alerts?{view.query}&view={view.id}"


async def menu(reader: Reader, actor: Actor, listing: Listing, view_id: str) -> Values:
    """The views that the reader can go to, and the one that the list is."""
    seen = await saved_views.seen_by(reader, actor, limit=MOST_VIEWS)
    first = await saved_views.first_of(reader, actor)
    shown = next((each for each in seen if each.id == view_id), None)
    listed = await _listed(reader, actor, seen, first)
    return {
        "views": listed,
        "view": None
        if shown is None
        else {
            "id": shown.id,
            "name": shown.name,
            "is_changed": shown.query != listing.query(),
            "can_change": acts.may_change(actor, shown),
            "href": href(shown),
        },
        "share_with": await _teams(reader, actor),
        "keeps_views": actor.user_id is not None,
    }


async def _listed(
    reader: Reader, actor: Actor, seen: Sequence[SavedView], first: SavedView | None
) -> list[Values]:
    of = await teams.named(reader, actor, [each.team_id for each in seen if each.team_id])
    people = await users.named(reader, actor, [each.user_id for each in seen])
    return [
        {
            "id": each.id,
            "name": each.name,
            "href": href(each),
            "query": each.query,
            "is_own": each.user_id == actor.user_id,
            "by": people[each.user_id].name if each.user_id in people else "somebody",
            "team_id": each.team_id or "",
            "team": of[each.team_id].name if each.team_id in of else "",
            "is_first": first is not None and first.id == each.id,
            "can_change": acts.may_change(actor, each),
        }
        for each in seen
    ]


async def _teams(reader: Reader, actor: Actor) -> Choices:
    every = await teams.page(reader, actor, limit=MOST)
    return [(each.id, each.name) for each in every if can(actor, Permission.RESPOND, each.id)]


@get(PATH, include_in_schema=False)
async def index(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[str]:
    """Every view that the reader has, to rename, share, begin with and delete."""
    own_id(actor)
    async with db.read() as reader:
        context = await shell(request, reader, actor, "/alerts")
        seen = await saved_views.seen_by(reader, actor, limit=MOST_VIEWS)
        first = await saved_views.first_of(reader, actor)
        context |= {
            "views": await _listed(reader, actor, seen, first),
            "share_with": await _teams(reader, actor),
            "begins_with_view": first is not None,
        }
    return answer(request, "alerts/views.html", context)


@post(PATH, include_in_schema=False)
async def create(
    request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Keep the list that is shown under a name."""
    own_id(actor)
    fields = await sent(request)
    made: list[SavedView] = []

    async def body(tx: Transaction) -> str:
        view = await acts.create(
            tx,
            name=fields.get("name", ""),
            query=fields.get("query", ""),
            team_id=fields.get("team_id") or None,
            begin_with=fields.get("begin_with") == "yes",
        )
        made.append(view)
        return f"“{view.name}” is kept under Views."

    refused_to = f"/alerts?{Listing.read(fields.get('query', '')).query()}"
    answered = await act(db, actor, refused_to, body)
    if made:
        answered.headers["location"] = href(made[0])
    return answered


@post(PATH + "/{view_id:str}/{verb:str}", include_in_schema=False)
async def change(
    request: Web,
    view_id: FromPath[str],
    verb: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """One act on one view."""
    own_id(actor)
    fields = await sent(request)
    there = PATH

    async def body(tx: Transaction) -> str:
        nonlocal there
        if verb == "begin":
            view = await acts.begin_with(tx, view_id)
            return f"Your list begins with “{view.name}” from now on." if view else ""
        if verb == "delete":
            return f"“{(await acts.delete(tx, view_id)).name}” is deleted."
        if verb == "keep":
            changed = await acts.update(tx, view_id, query=fields.get("query", ""))
            there = href(changed)
            return f"“{changed.name}” shows this list from now on."
        if verb != "edit":
            raise NotFound("page")
        changed = await acts.update(tx, view_id, name=fields.get("name", ""), team_id=fields.get("team_id"))
        return f"“{changed.name}” is saved."

    answered = await act(db, actor, PATH, body)
    answered.headers["location"] = there
    return answered


@post(PATH + "/begin-open", include_in_schema=False)
async def begin_open(db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[None]:
    """The reader's own list begins with everything that is open again."""
    own_id(actor)

    async def body(tx: Transaction) -> str:
        await acts.begin_with(tx, None)
        return "Your list begins with everything that is open from now on."

    return await act(db, actor, PATH, body)


ROUTES: Sequence[HTTPRouteHandler] = [index, create, change, begin_open]
