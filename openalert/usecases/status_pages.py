"""Status pages, their groups and components: what there is to tell about, and how it looks.

What the public sees is rendered from these rows after each commit; every act that changes it calls `announce`.
"""

import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict, Invalid
from openalert.domain.event import Event
from openalert.domain.ids import new_id
from openalert.domain.languages import KNOWN
from openalert.domain.status_page import (
    COLOUR,
    DOMAIN,
    Affected,
    Component,
    ComponentStatus,
    Logged,
    OverallStatus,
    StatusPage,
    Theme,
    effective,
    new_public_id,
    overall,
)
from openalert.domain.team import check_name, slugify
from openalert.domain.walltime import zone_named
from openalert.storage import status_incidents, status_pages
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit
from openalert.usecases.access import found, given, new_owner, require, see_team, team_for
from openalert.usecases.teams import check_description, choose_slug

LONGEST_TEXT = 10_000


class Overall(msgspec.Struct, frozen=True):
    """How a page stands as a whole."""

    status: OverallStatus
    affected_components: int
    """Components that are not operational."""
    active_incidents: int
    """Published incidents that are not over; a maintenance counts from its beginning on."""


async def page(
    reader: Reader, actor: Actor, *, team_id: str | None = None, after: str = "", limit: int
) -> list[StatusPage]:
    """The next status pages in view."""
    return await status_pages.listed(reader, actor, team_id=team_id, after=after, limit=limit)


async def of_team(
    reader: Reader, actor: Actor, team_id: str, *, after: str = "", limit: int
) -> list[StatusPage]:
    """The next status pages of a team; NotFound for one that is out of sight."""
    team = await see_team(reader, actor, team_id)
    return await status_pages.listed(reader, actor, team_id=team.id, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, page_id: str) -> StatusPage:
    """One status page."""
    return found(await status_pages.get(reader, actor, page_id), "status page")


async def create(
    tx: Transaction,
    *,
    team_id: str,
    name: str,
    slug: str | None = None,
    own_names: Collection[str] = (),
    **settings: Any,
) -> StatusPage:
    """A new page, public unless told otherwise; `settings` and `own_names` as for `update`."""
    team = await team_for(tx, team_id)
    made = StatusPage(
        id=new_id(tx.now),
        organization_id=team.organization_id,
        team_id=team.id,
        public_id=new_public_id(),
        name=check_name(name),
        slug="",
        slug_key=None,
        created_at=tx.now,
        updated_at=tx.now,
    )
    made.slug = made.slug_key = await _free_slug(tx, made.name, slug)
    await _set(tx, made, settings, own_names)
    await status_pages.insert(tx, made)
    audit.change(tx, "status_page.created", None, _audited(made))
    announce(tx, made)
    return made


async def update(
    tx: Transaction,
    page_id: str,
    *,
    team_id: str | UnsetType = UNSET,
    name: str | UnsetType = UNSET,
    slug: str | UnsetType = UNSET,
    own_names: Collection[str] = (),
    **settings: Any,
) -> StatusPage:
    """Change a page. `settings`: the other columns that people set, by their names; UNSET ones stay.

    `own_names`: what this server is known by, in lower case; no page is ever given such a name as its domain.
    """
    before = await to_configure(tx, page_id)
    changed = msgspec.structs.replace(before, updated_at=tx.now)
    if name is not UNSET:
        changed.name = check_name(name)
    if slug is not UNSET and slug != before.slug:
        changed.slug = changed.slug_key = await _free_slug(tx, changed.name, slug)
    owner = await new_owner(tx, before.team_id, team_id)
    if owner is not None:
        changed.team_id = owner.id
    await _set(tx, changed, settings, own_names)
    await status_pages.update(tx, changed)
    audit.change(tx, "status_page.updated", _audited(before), _audited(changed))
    announce(tx, changed)
    return changed


async def draft(reader: Reader, actor: Actor, page_id: str, **settings: Any) -> StatusPage:
    """The page as it would look with these settings; what no page can have stays as it is. Nothing is written."""
    known = await get(reader, actor, page_id)
    require(actor, Permission.CONFIGURE, known.team_id, "status page")
    drawn = msgspec.structs.replace(known)
    for name, value in given(settings).items():
        with suppress(Invalid):
            setattr(drawn, name, check_name(value) if name == "name" else _CHECKS[name](value))
    return drawn


async def delete(tx: Transaction, page_id: str) -> None:
    """Delete a page; its address answers like one that never was."""
    before = await to_configure(tx, page_id)
    gone = msgspec.structs.replace(
        before, slug_key=None, domain_key=None, link_hash=None, deleted_at=tx.now, updated_at=tx.now
    )
    await status_pages.update(tx, gone)
    audit.change(tx, "status_page.deleted", _audited(before), None)
    announce(tx, gone)


async def make_link(tx: Transaction, page_id: str) -> tuple[StatusPage, str]:
    """The secret of a new link that opens a page that is not public; it is not kept and ends the one before."""
    before = await to_configure(tx, page_id)
    secret = secrets.token_urlsafe(24)
    changed = msgspec.structs.replace(before, link_hash=link_hash(secret), updated_at=tx.now)
    await status_pages.update(tx, changed)
    audit.record(
        tx,
        "status_page.link_made",
        kind="status_page",
        id=changed.id,
        name=changed.name,
        team_id=changed.team_id,
    )
    announce(tx, changed)
    return changed, secret


async def revoke_link(tx: Transaction, page_id: str) -> StatusPage:
    """The secret link opens the page no more, nor does a browser that remembers it."""
    before = await to_configure(tx, page_id)
    changed = msgspec.structs.replace(before, link_hash=None, updated_at=tx.now)
    await status_pages.update(tx, changed)
    audit.record(
        tx,
        "status_page.link_revoked",
        kind="status_page",
        id=changed.id,
        name=changed.name,
        team_id=changed.team_id,
    )
    announce(tx, changed)
    return changed


def link_hash(secret: str) -> str:
    """What is kept of the secret in a link."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def standing(reader: Reader, actor: Actor, page_id: str) -> Overall:
    """How a page stands as a whole."""
    known = await get(reader, actor, page_id)
    parts = await with_effects(reader, known.id)
    opened = await status_incidents.of_page(reader, known.id, published=True, still_open=True, limit=1_000)
    return overall_of([each.status for each in parts], sum(each.status != "scheduled" for each in opened))


def overall_of(statuses: Sequence[ComponentStatus], active: int) -> Overall:
    """How a page with components of these statuses and so many active incidents stands."""
    affected = sum(status is not ComponentStatus.OPERATIONAL for status in statuses)
    return Overall(overall(statuses), affected, active)


async def to_configure(tx: Transaction, page_id: str) -> StatusPage:
    """The page, for somebody who may change it."""
    known = found(await status_pages.get(tx, tx.actor, page_id), "status page")
    require(tx.actor, Permission.CONFIGURE, known.team_id, "status page")
    return known


async def to_tell(tx: Transaction, page_id: str) -> StatusPage:
    """The page, for somebody who may say something on it."""
    known = found(await status_pages.get(tx, tx.actor, page_id), "status page")
    require(tx.actor, Permission.RESPOND, known.team_id, "status page")
    return known


def announce(tx: Transaction, changed: StatusPage) -> None:
    """Let the page be rendered anew once this is committed."""
    tx.emit(
        Event(
            type="status_page.updated",
            organization_id=changed.organization_id,
            team_id=changed.team_id,
            data={"id": changed.id},
        )
    )


async def components(reader: Reader, actor: Actor, page_id: str) -> list[Component]:
    """The components of a page in their order, each as it is for customers."""
    known = await get(reader, actor, page_id)
    return await with_effects(reader, known.id)


async def with_effects(reader: Reader, page_id: str) -> list[Component]:
    """The components of a page, `status` being the worst of their own and of what open incidents say."""
    because: dict[str, list[ComponentStatus | None]] = {}
    for row in await status_incidents.open_effects(reader, page_id):
        because.setdefault(row.component_id, []).append(row.status)
    own = await status_pages.components(reader, page_id)
    for each in own:
        each.status = effective(each.status, [*because.get(each.id, ()), each.automatic_status])
    return own


async def note(tx: Transaction, page_id: str) -> None:
    """Write into the log how components are, and because of which incident, where that changed."""
    said = await status_incidents.open_effects(tx, page_id)
    own = await with_effects(tx, page_id)
    known = await status_pages.present(tx, [each.id for each in own])
    entries = [
        Logged(component_id=each.id, at=tx.now, status=each.status, incident_id=_because(said, each))
        for each in own
    ]
    await status_pages.log(
        tx,
        [
            entry
            for entry in entries
            if (before := known.get(entry.component_id)) is None
            or (before.status, before.incident_id) != (entry.status, entry.incident_id)
        ],
    )


def _because(said: Sequence[Affected], component: Component) -> str | None:
    """The open incident that makes the component what it is, the oldest of several; None: no incident does."""
    if component.status is ComponentStatus.OPERATIONAL:
        return None
    return next(
        (
            row.incident_id
            for row in said
            if (row.component_id, row.status) == (component.id, component.status)
        ),
        None,
    )


async def touched(tx: Transaction, known: StatusPage) -> None:
    """What the public sees of the page has changed."""
    await status_pages.touch(tx, known.id)
    announce(tx, known)


async def _set(
    tx: Transaction, changed: StatusPage, settings: Mapping[str, Any], own_names: Collection[str]
) -> None:
    """Set what a body names, checked."""
    for name, value in given(settings).items():
        if name == "custom_domain":
            await _set_domain(tx, changed, value, own_names)
        else:
            setattr(changed, name, _CHECKS[name](value))


async def _set_domain(
    tx: Transaction, changed: StatusPage, value: str | None, own_names: Collection[str]
) -> None:
    domain = (value or "").strip().lower().removesuffix(".")
    if domain and not DOMAIN.fullmatch(domain):
        raise Invalid("customDomain is a name such as status.example.com.", field="customDomain")
    if domain in own_names:
        raise Invalid(
            f"{domain} is the name of this server, where people sign in: a page needs a name of its own.",
            field="customDomain",
        )
    other = await status_pages.by_domain(tx, domain) if domain else None
    if other is not None and other.id != changed.id:
        raise Conflict(f"Another page has the domain {domain!r}.", field="customDomain")
    changed.custom_domain = changed.domain_key = domain or None


def check_url(field: str) -> Callable[[str | None], str | None]:
    """What checks the address in a member: http or https, None for an empty one."""

    def check(value: str | None) -> str | None:
        if not value:
            return None
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable or not value.isprintable() or len(value) > 2_000:
            raise Invalid(f"{field} must be an address that begins with https:// or http://.", field=field)
        return value

    return check


def _text(field: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if len(value) > LONGEST_TEXT:
            raise Invalid(f"{field} holds at most {LONGEST_TEXT} characters.", field=field)
        return value.strip()

    return check


def _language(value: str) -> str:
    if value not in KNOWN:
        raise Invalid(f"language is one of {', '.join(KNOWN)}.", field="language")
    return value


def _theme(value: Theme) -> Theme:
    if value.accent is not None and not COLOUR.fullmatch(value.accent.lower()):
        raise Invalid("theme.accent is a colour such as #4f46e5.", field="theme.accent")
    return Theme(accent=value.accent.lower() if value.accent else None)


def _zone(value: str) -> str:
    return zone_named(value).key


_CHECKS: Mapping[str, Any] = {
    "description": check_description,
    "is_public": bool,
    "logo_url": check_url("logoUrl"),
    "header_text": _text("headerText"),
    "footer_text": _text("footerText"),
    "support_url": check_url("supportUrl"),
    "theme": _theme,
    "language": _language,
    "timezone": _zone,
    "is_indexed": bool,
}


async def _free_slug(tx: Transaction, name: str, wanted: str | None) -> str:
    taken = await status_pages.slugs_like(tx, (wanted or slugify(name))[:56].rstrip("-"))
    return choose_slug(name, wanted, taken)


def _audited(known: StatusPage) -> StatusPage:
    """Without what only we look things up by."""
    return msgspec.structs.replace(known, link_hash=None, slug_key=None, domain_key=None, version=0)
