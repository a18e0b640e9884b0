"""Templates of what is told on a status page: words that were found before they were needed.

Members of the team use and write them: whoever may say something to customers may prepare it.
"""

from typing import Any

import msgspec

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, NotFound
from openalert.domain.ids import new_id
from openalert.domain.status_page import PublicKind, StatusPage, StatusTemplate
from openalert.domain.status_rules import check_message, check_status, check_title
from openalert.domain.team import check_name
from openalert.storage import status_pages, status_templates
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases import status_pages as pages
from openalert.usecases.access import found, given, require
from openalert.usecases.status_incidents import components_of

MOST = 100


async def of_page(reader: Reader, actor: Actor, page_id: str) -> list[StatusTemplate]:
    """The templates of a page by name, for somebody of its team."""
    page = await pages.get(reader, actor, page_id)
    there = {each.id for each in await status_pages.components(reader, page.id)}
    return [_without_gone(each, there) for each in await status_templates.of_page(reader, page.id)]


async def get(reader: Reader, actor: Actor, template_id: str) -> StatusTemplate:
    """One template, for somebody of the page's team; components that are gone are left out."""
    template = found(await status_templates.get(reader, template_id), "status template")
    if await status_pages.get(reader, actor, template.page_id) is None:
        raise NotFound("status template")
    there = {each.id for each in await status_pages.components(reader, template.page_id)}
    return _without_gone(template, there)


async def create(
    tx: Transaction, page_id: str, *, name: str, kind: PublicKind = PublicKind.INCIDENT, **words: Any
) -> StatusTemplate:
    """A new template; `words` as for `change`."""
    page = await pages.to_tell(tx, page_id)
    others = await status_templates.of_page(tx, page.id)
    if len(others) >= MOST:
        raise Conflict(f"A page has at most {MOST} templates.")
    made = StatusTemplate(
        id=new_id(tx.now),
        page_id=page.id,
        name="",
        name_key="",
        kind=kind,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await _set(tx, page, made, {"name": name, **words}, others)
    await status_templates.insert(tx, made)
    _record(tx, "created", page, None, made)
    return made


async def change(tx: Transaction, template_id: str, **words: Any) -> StatusTemplate:
    """Change what is named: `name`, `title`, `message`, `status`, `components`, `tells`. Its kind stays."""
    page, before = await _to_change(tx, template_id)
    changed = msgspec.structs.replace(before, updated_at=tx.now)
    await _set(tx, page, changed, words, await status_templates.of_page(tx, page.id))
    await status_templates.update(tx, changed)
    _record(tx, "updated", page, before, changed)
    return changed


async def delete(tx: Transaction, template_id: str) -> None:
    """Delete it; what was told with it stays told."""
    page, before = await _to_change(tx, template_id)
    await status_templates.delete(tx, before.id)
    _record(tx, "deleted", page, before, None)


async def _to_change(tx: Transaction, template_id: str) -> tuple[StatusPage, StatusTemplate]:
    template = await get(tx, tx.actor, template_id)
    page = await pages.get(tx, tx.actor, template.page_id)
    require(tx.actor, Permission.RESPOND, page.team_id, "status template")
    return page, template


async def _set(
    tx: Transaction,
    page: StatusPage,
    changed: StatusTemplate,
    words: dict[str, Any],
    others: list[StatusTemplate],
) -> None:
    """Set what a body names, checked."""
    for member, value in given(words).items():
        if member == "name":
            changed.name = check_name(value)
            changed.name_key = changed.name.casefold()
        elif member == "title":
            changed.title = check_title(value) if value.strip() else ""
        elif member == "message":
            changed.message = check_message(value)
        elif member == "status":
            changed.status = None if value is None else check_status(changed.kind, value)
        elif member == "components":
            changed.components = await components_of(tx, page, changed.kind, value)
        else:
            changed.tells = bool(value)
    if any(each.name_key == changed.name_key and each.id != changed.id for each in others):
        raise Conflict(f"This page has a template named {changed.name!r} already.", field="name")


def _without_gone(template: StatusTemplate, there: set[str]) -> StatusTemplate:
    kept = {each: how for each, how in template.components.items() if each in there}
    return msgspec.structs.replace(template, components=kept)


def _record(
    tx: Transaction,
    what: str,
    page: StatusPage,
    before: StatusTemplate | None,
    after: StatusTemplate | None,
) -> None:
    about = after or before
    if about is not None:
        audit.record(
            tx,
            f"status_template.{what}",
            kind="status_template",
            id=about.id,
            name=about.name,
            team_id=page.team_id,
            before=before,
            after=after,
        )
