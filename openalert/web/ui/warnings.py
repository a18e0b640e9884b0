"""`/warnings`: what would keep a page from arriving, the worst first, each with the page that mends it."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from openalert.domain.access import Actor
from openalert.domain.warning import Finding, when
from openalert.storage.database import Database
from openalert.usecases import warning_installation, warnings
from openalert.usecases.channel_states import missing
from openalert.usecases.warnings import Outlook
from openalert.web.ui.frame import Values, Web, answer, shell

PATH = "/warnings"
MOST = 200


@get(PATH, include_in_schema=False)
async def show(request: Web, db: NamedDependency[Database], actor: NamedDependency[Actor]) -> Response[Any]:
    """All of them."""
    outlook = await look(request, db, actor)
    async with db.read() as reader:
        context = await shell(request, reader, actor, "/settings")
    context["outlook"] = drawn(outlook, context["zone"], MOST)
    return answer(request, "warnings/list.html", context)


async def look(request: Web, db: Database, actor: Actor) -> Outlook:
    """The warnings that the reader may see."""
    config = request.app.state.config
    return await warnings.look(db, actor, missing(config), warning_installation.of(config))


def drawn(outlook: Outlook, zone: ZoneInfo, most: int) -> Values:
    """At most so many of them as macros/warnings takes them, on the reader's clock."""
    return {
        "rows": [_row(each, zone, outlook.at) for each in outlook.findings[:most]],
        "more": max(len(outlook.findings) - most, 0),
        "count": len(outlook.findings),
        "people": outlook.people,
    }


def _row(finding: Finding, zone: ZoneInfo, now: int) -> Values:
    return {
        "severity": finding.severity.value,
        "words": finding.words,
        "when": when(finding, zone, now),
        "detail": finding.detail,
        "href": finding.link,
    }


ROUTES: Sequence[HTTPRouteHandler] = [show]
