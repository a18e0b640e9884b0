"""The frame of every page about one status page: its head, and the tabs that hang into it.

A tab is a line in `TABS` and a template that extends `status_pages/frame.html` and fills its block `tab`. Its handler
reads the page through a use case, as every handler does, and gives `framed` what its template asks for.
"""

from typing import Any

import msgspec
from litestar import Response

from openalert.domain.access import Actor, Permission, can
from openalert.domain.status_page import StatusPage
from openalert.storage import teams
from openalert.storage.transaction import Reader
from openalert.usecases import status_standing
from openalert.web.middleware import CONTENT_SECURITY_POLICY
from openalert.web.ui.frame import Values, Web, shell

PATH = "/status-pages"


class Tab(msgspec.Struct, frozen=True):
    """One of the pages about a status page."""

    path: str
    """What follows the address of the status page; empty for the first."""
    words: str
    needs: Permission = Permission.SEE
    counts_drafts: bool = False
    """Whether what waits to be published is counted beside its name."""


TABS = (
    Tab("", "Overview"),
    Tab("/told", "Told", counts_drafts=True),
    Tab("/components", "Components"),
    Tab("/subscribers", "Subscribers", needs=Permission.CONFIGURE),
    Tab("/settings", "Settings", needs=Permission.CONFIGURE),
)
"""In the order in which they stand."""


async def framed(
    request: Web, reader: Reader, actor: Actor, page: StatusPage, tab: str, **values: Any
) -> Values:
    """The context of the tab whose path is `tab`, on this status page; `status_page` is what the head says."""
    standing = (await status_standing.of_pages(reader, [page.id]))[page.id]
    team = await teams.get(reader, actor, page.team_id)
    home = f"{PATH}/{page.id}"
    about = {
        "id": page.id,
        "name": page.name,
        "href": home,
        "team": team.name if team else "",
        "team_href": f"/teams/{page.team_id}",
        "is_public": page.is_public,
        "has_link": page.link_hash is not None,
        "address": public_address(request, page),
        "open_href": f"/status/{page.slug}",
        "standing": standing,
        "told_href": f"{home}/told" if any(each.path == "/told" for each in TABS) else "",
        "can_configure": can(actor, Permission.CONFIGURE, page.team_id),
        "can_tell": can(actor, Permission.RESPOND, page.team_id),
        "tab": next((each.words for each in TABS if each.path == tab), ""),
        "tabs": [
            {
                "href": home + each.path,
                "words": each.words,
                "is_current": each.path == tab,
                "count": standing.drafts if each.counts_drafts else 0,
            }
            for each in TABS
            if can(actor, each.needs, page.team_id)
        ],
    }
    return await shell(request, reader, actor, PATH, status_page=about, **values)


def with_preview(page: Response[str]) -> Response[str]:
    """The answer, which may show a page of ours inside of itself."""
    page.headers["content-security-policy"] = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
    return page


def public_address(request: Web, page: StatusPage) -> str:
    """Where customers find the page: its own domain, or its place on this server."""
    if page.custom_domain and page.is_public:
        return f"https://{page.custom_domain}"
    return f"{public_base(request)}/status/{page.slug}"


def public_base(request: Web) -> str:
    """The address of this server without a slash at its end."""
    base: str = request.app.state.config.base_url
    return base.rstrip("/")
