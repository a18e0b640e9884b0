"""`/calendars/{token}.ics`: shifts for calendar programs, which sign in by nothing but the address."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.calendar import CONTENT_TYPE
from openalert.domain.errors import NotFound
from openalert.domain.links_back import LinksBack
from openalert.storage.database import Database
from openalert.usecases import calendars
from openalert.usecases.throttle import network_of
from openalert.web import etags
from openalert.web.guards import Access

SUFFIX = ".ics"
"""Outlook takes no address for a calendar that ends in anything else."""


def address_of(base_url: str, token: str) -> str:
    """Where a calendar program reads what a link with this token opens."""
    return f"{base_url}/calendars/{token}{SUFFIX}"


def answer(request: Request[Any, Any, Any], content: bytes) -> Response[bytes]:
    """The calendar, or 304 for a program that has it."""
    etag = etags.of_bytes(content)
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if etags.is_named(etag, request.headers.get("if-none-match", ""), strong=False):
        return Response(b"", status_code=304, headers=headers)
    headers["content-disposition"] = 'inline; filename="calendar.ics"'
    return Response(content, media_type=CONTENT_TYPE, headers=headers)


@get("/calendars/{token:str}", opt={"public": True}, include_in_schema=False)
async def show(
    request: Request[Any, Any, Any],
    token: FromPath[str],
    db: NamedDependency[Database],
    links_back: NamedDependency[LinksBack],
) -> Response[bytes]:
    """What the link opens; 404 for every address that opens nothing, for whatever reason."""
    access: Access = request.app.state.access
    network = network_of(request.client.host if request.client else "")
    await access.calendars.spend_shared(network, db.clock())
    if not token.endswith(SUFFIX):
        raise NotFound("calendar")
    return answer(request, await calendars.read_link(db, token.removesuffix(SUFFIX), links_back.base_url))


ROUTES: Sequence[HTTPRouteHandler] = [show]
