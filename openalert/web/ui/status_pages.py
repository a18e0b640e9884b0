"""Pages of status pages: which there are and how they stand, a new one, and one as a whole."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from openalert.domain.access import Actor
from openalert.domain.status_page import StatusPage
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import status_pages, status_standing, status_view
from openalert.web.status import html
from openalert.web.ui import choices
from openalert.web.ui.frame import Values, Web, address, answer, shell
from openalert.web.ui.status_frame import PATH, framed, public_address, with_preview

LISTED = 50


@get(PATH, include_in_schema=False)
async def index(
    request: Web,
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
    cursor: FromQuery[str] = "",
) -> Response[Any]:
    """Every status page in view, with how it stands."""
    async with db.read() as reader:
        rows = await status_pages.page(reader, actor, after=cursor[:64], limit=LISTED + 1)
        shown = rows[:LISTED]
        context = await shell(
            request,
            reader,
            actor,
            PATH,
            pages=await _listed(request, reader, actor, shown),
            older=address(PATH, cursor=shown[-1].id) if len(rows) > LISTED else None,
            newest=PATH if cursor else None,
        )
    return answer(request, "status_pages/list.html", context)


async def _listed(request: Web, reader: Reader, actor: Actor, shown: Sequence[StatusPage]) -> list[Values]:
    standings = await status_standing.of_pages(reader, [each.id for each in shown])
    team_names = await choices.names_of_teams(reader, actor)
    return [
        {
            "id": each.id,
            "href": f"{PATH}/{each.id}",
            "name": each.name,
            "team": team_names.get(each.team_id, ""),
            "is_public": each.is_public,
            "has_link": each.link_hash is not None,
            "domain": each.custom_domain or "",
            "address": public_address(request, each),
            "open_href": f"/status/{each.slug}",
            "standing": standings[each.id],
        }
        for each in shown
    ]


@get(f"{PATH}/{{page_id:str}}", include_in_schema=False)
async def show(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """One status page: how it stands, and what customers see."""
    async with db.read() as reader:
        page = await status_pages.get(reader, actor, page_id)
        context = await framed(request, reader, actor, page, "")
    return with_preview(answer(request, "status_pages/show.html", context))


@get(f"{PATH}/{{page_id:str}}/preview", include_in_schema=False)
async def preview(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """The page as customers see it, to be looked at inside of ours."""
    async with db.read() as reader:
        page = await status_pages.get(reader, actor, page_id)
        return await drawn(request, reader, page)


async def drawn(request: Web, reader: Reader, page: StatusPage) -> Response[bytes]:
    """The public page with these settings, saved or not."""
    base_url: str = request.app.state.config.base_url
    picture = await status_view.of_page(reader, page, base_url)
    headers, body = html.preview(picture, f"/status/{page.slug}", reader.now)
    return Response(body, headers=headers, media_type="text/html")


ROUTES: Sequence[HTTPRouteHandler] = [index, show, preview]
