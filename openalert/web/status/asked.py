"""Addresses whose answer depends on the query: small pictures and lines, made when they are asked for, kept nowhere."""

from collections.abc import Callable, Mapping

from openalert.domain.public_page import PublicPage
from openalert.web.status import embeds
from openalert.web.status.answers import Answer

Query = Mapping[str, str]
_COMPONENT_BADGE, _SVG = "badge/component/", ".svg"


def render(page: PublicPage, name: str, query: Query) -> Answer | None:
    """The answer to this query at an address that heeds one; None: the query changes nothing there."""
    known = _HEEDING.get(name)
    if known is not None:
        return known(page, query)
    return component(page, name, query)


def component(page: PublicPage, name: str, query: Query) -> Answer | None:
    """The badge of a component, if this is its address."""
    if not (name.startswith(_COMPONENT_BADGE) and name.endswith(_SVG)):
        return None
    return embeds.component_badge(page, name.removeprefix(_COMPONENT_BADGE).removesuffix(_SVG), query)


_HEEDING: Mapping[str, Callable[[PublicPage, Query], Answer | None]] = {
    "badge.svg": embeds.badge,
    "embed": embeds.line,
    "api/shields.json": embeds.shields,
}
