"""The tab of settings of a status page: its words, its look, who sees it and where; with a preview of what is typed."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Invalid
from openalert.domain.languages import KNOWN, words_of
from openalert.domain.status_page import StatusPage, Theme
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import status_pages
from openalert.usecases.access import require
from openalert.web.hosts import own_names
from openalert.web.status.colours import contrasts
from openalert.web.ui.forms import Errors, attempt, forget_shown, show_once, shown_once
from openalert.web.ui.frame import Values, Web, act, answer, go, sent
from openalert.web.ui.status_frame import PATH, framed, public_base, with_preview
from openalert.web.ui.status_pages import drawn

TAB = "/settings"
_FIELDS = {
    "name": ("name", "The name"),
    "slug": ("slug", "The address"),
    "description": ("description", "The description"),
    "headerText": ("header_text", "The text above"),
    "footerText": ("footer_text", "The text below"),
    "logoUrl": ("logo_url", "The logo"),
    "supportUrl": ("support_url", "The support address"),
    "theme.accent": ("accent", "The colour"),
    "language": ("language", "The language"),
    "timezone": ("timezone", "The time zone"),
    "customDomain": ("custom_domain", "The domain"),
}


@get(f"{PATH}/{{page_id:str}}{TAB}", include_in_schema=False)
async def show(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """The settings."""
    return await _tab(request, db, actor, page_id, {}, {})


@post(f"{PATH}/{{page_id:str}}{TAB}", include_in_schema=False)
async def update(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Change them."""
    typed = await sent(request)
    names = own_names(request.app.state.config)

    async def body(tx: Transaction) -> StatusPage:
        return await status_pages.update(
            tx,
            page_id,
            slug=typed.get("slug", ""),
            own_names=names,
            is_public=typed.get("is_public") == "yes",
            custom_domain=typed.get("custom_domain") or None,
            **_looks(typed),
        )

    changed, errors = await attempt(db, actor, body, _FIELDS)
    if changed is None:
        return await _tab(request, db, actor, page_id, typed, errors)
    return go(
        f"{PATH}/{page_id}{TAB}", "Saved. Customers see it from now on." if changed.is_public else "Saved."
    )


def _looks(typed: Mapping[str, str]) -> dict[str, Any]:
    """What of the form shows on the page."""
    return {
        "name": typed.get("name", ""),
        "description": typed.get("description", ""),
        "header_text": typed.get("header_text", ""),
        "footer_text": typed.get("footer_text", ""),
        "logo_url": typed.get("logo_url") or None,
        "support_url": typed.get("support_url") or None,
        "theme": Theme(accent=typed.get("accent") or None),
        "language": typed.get("language", "en"),
        "timezone": typed.get("timezone", "UTC"),
        "is_indexed": typed.get("is_indexed") == "yes",
    }


@post(f"{PATH}/{{page_id:str}}/preview", include_in_schema=False, status_code=200)
async def preview(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """The page as it would look with what was typed; nothing is kept, and nobody else sees it."""
    typed = await sent(request)
    async with db.read() as reader:
        return await drawn(request, reader, await status_pages.draft(reader, actor, page_id, **_looks(typed)))


async def _tab(
    request: Web, db: Database, actor: Actor, page_id: str, typed: Mapping[str, str], errors: Errors
) -> Response[Any]:
    async with db.read() as reader:
        page = await status_pages.get(reader, actor, page_id)
        require(actor, Permission.CONFIGURE, page.team_id, "status page")
        values = _stored(page) | ({"is_indexed": ""} if typed else {}) | dict(typed)
        secret = shown_once(request).get(page.id, "")
        context = await framed(
            request,
            reader,
            actor,
            page,
            TAB,
            values=values,
            errors=errors,
            base=public_base(request),
            languages=sorted(
                ((each, words_of(each).name) for each in KNOWN), key=lambda pair: pair[1].casefold()
            ),
            link=f"{public_base(request)}/status/{page.slug}?key={secret}" if secret else "",
            contrast=contrasts(page.theme.accent or ""),
        )
    shown = answer(request, "status_pages/settings.html", context, 422 if errors else 200)
    return forget_shown(request, with_preview(shown))


def _stored(page: StatusPage) -> Values:
    return {
        "name": page.name,
        "slug": page.slug,
        "description": page.description,
        "header_text": page.header_text,
        "footer_text": page.footer_text,
        "logo_url": page.logo_url or "",
        "support_url": page.support_url or "",
        "accent": page.theme.accent or "",
        "language": page.language,
        "timezone": page.timezone,
        "is_indexed": "yes" if page.is_indexed else "",
        "is_public": "yes" if page.is_public else "no",
        "custom_domain": page.custom_domain or "",
    }


@post(f"{PATH}/{{page_id:str}}/public", include_in_schema=False)
async def publish(
    page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """Let everybody see the page."""

    async def body(tx: Transaction) -> str:
        changed = await status_pages.update(tx, page_id, is_public=True)
        return f"{changed.name} is public now."

    return await act(db, actor, f"{PATH}/{page_id}", body)


@post(f"{PATH}/{{page_id:str}}/link", include_in_schema=False)
async def make_link(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[None]:
    """A new secret link, shown once; the one before ends."""
    async with db.transaction(actor) as tx:
        page, secret = await status_pages.make_link(tx, page_id)
    return show_once(request, go(f"{PATH}/{page.id}{TAB}#link"), page.id, secret)


@post(f"{PATH}/{{page_id:str}}/link/revoke", include_in_schema=False)
async def revoke_link(
    page_id: FromPath[str], db: NamedDependency[Database], actor: NamedDependency[Actor]
) -> Response[None]:
    """End the secret link."""

    async def body(tx: Transaction) -> str:
        await status_pages.revoke_link(tx, page_id)
        return "The secret link opens the page no more."

    return await act(db, actor, f"{PATH}/{page_id}{TAB}#link", body)


@post(f"{PATH}/{{page_id:str}}/delete", include_in_schema=False)
async def delete(
    request: Web,
    page_id: FromPath[str],
    db: NamedDependency[Database],
    actor: NamedDependency[Actor],
) -> Response[Any]:
    """Delete the page, once its name was typed."""
    typed = await sent(request)

    async def body(tx: Transaction) -> str:
        page = await status_pages.to_configure(tx, page_id)
        if typed.get("confirm", "") != page.name:
            raise Invalid(f"Type the name of the page, {page.name}, to delete it.", field="confirm")
        await status_pages.delete(tx, page_id)
        return f"{page.name} is deleted. Its address answers like one that never was."

    said, errors = await attempt(db, actor, body)
    if said is None:
        return await _tab(request, db, actor, page_id, {}, {"confirm": errors.get("confirm") or errors[""]})
    return go(PATH, said)


ROUTES: Sequence[HTTPRouteHandler] = [
    show, update, preview, publish, make_link, revoke_link, delete,
]  # fmt: skip
