"""Pictures of status pages: everything that is published of one, read in one go for whoever shows it."""

from collections.abc import Mapping, Sequence

import msgspec

from openalert.domain.instant import DAY, Instant
from openalert.domain.public_page import (
    PublicComponent,
    PublicGroup,
    PublicIncident,
    PublicPage,
    component_of,
    incident_of,
)
from openalert.domain.status_page import (
    Component,
    ComponentGroup,
    Logged,
    StatusPage,
    effective,
    indicator,
    overall,
)
from openalert.domain.uptime import DAYS, Day, days, percent
from openalert.domain.walltime import zone_named
from openalert.storage import status_incidents, status_pages, status_subscriber_lists
from openalert.storage.transaction import Reader
from openalert.usecases import status_incidents as told
from openalert.usecases.status_incidents import Told
from openalert.usecases.status_pages import overall_of, with_effects

MOST_INCIDENTS = 500
YEAR = 366
"""Days of the calendar of a component."""


async def of_page(reader: Reader, page: StatusPage, base_url: str) -> PublicPage:
    """What the public sees of the page now."""
    parts = await with_effects(reader, page.id)
    since = reader.now - (DAYS + 1) * DAY
    history = await status_pages.history(reader, [each.id for each in parts], since)
    opened = await status_incidents.of_page(
        reader, page.id, published=True, still_open=True, limit=MOST_INCIDENTS
    )
    recent = await status_incidents.of_page(
        reader, page.id, published=True, since=since, limit=MOST_INCIDENTS
    )
    every = {each.id: each for each in (*recent, *opened)}
    newest = sorted(every.values(), key=lambda each: (each.started_at, each.id), reverse=True)
    said = await told.with_words(reader, newest, published=True)
    is_whole = len(recent) < MOST_INCIDENTS
    statuses = [each.status for each in parts]
    by_id = {each.id: each for each in parts}
    return PublicPage(
        id=page.id,
        public_id=page.public_id,
        name=page.name,
        slug=page.slug,
        description=page.description,
        url=f"https://{page.custom_domain}" if page.custom_domain else f"{base_url}/status/{page.slug}",
        custom_domain=page.custom_domain,
        is_public=page.is_public,
        link_hash=page.link_hash,
        team_id=page.team_id,
        organization_id=page.organization_id,
        logo_url=page.logo_url,
        header_text=page.header_text,
        footer_text=page.footer_text,
        support_url=page.support_url,
        theme=page.theme,
        language=page.language,
        timezone=page.timezone,
        is_indexed=page.is_indexed,
        kinds_off=tuple(sorted(await status_subscriber_lists.kinds_off(reader, page.id))),
        version=page.version,
        as_of=reader.now,
        updated_at=page.updated_at,
        overall=overall(statuses),
        indicator=indicator(statuses),
        affected_components=overall_of(statuses, 0).affected_components,
        groups=_groups(await status_pages.groups(reader, page.id), parts),
        components=tuple(_component(each, history.get(each.id, []), page, reader.now) for each in parts),
        incidents=tuple(_incident(each, by_id) for each in said),
        complete_since=since if is_whole else reader.now,
        began_at=await status_incidents.began_at(reader, page.id) or 0,
    )


class Archived(msgspec.Struct, frozen=True):
    """What is too old for the picture of a page."""

    told: tuple[PublicIncident, ...] = ()
    """The newest first."""
    days: Mapping[str, tuple[Day, ...]] = {}
    """A year of each component that shows its uptime, by its id; empty: not known."""
    is_whole: bool = False
    """Whether everything that was ever told is here or in the picture."""


async def archived(reader: Reader, page: PublicPage) -> Archived:
    """What a copy of the page needs beside its picture; of what is older the newest `MOST_INCIDENTS`."""
    told = await told_between(reader, page.id, 0, page.complete_since)
    shown = {each.id for each in page.incidents}
    days = await year(reader, page, [each.id for each in page.components])
    older = tuple(each for each in told if each.id not in shown)
    return Archived(told=older, days=days, is_whole=len(told) < MOST_INCIDENTS)


async def told_between(
    reader: Reader, page_id: str, since: Instant, until: Instant
) -> tuple[PublicIncident, ...]:
    """What a page tells that began then, the newest first, however long ago; at most `MOST_INCIDENTS`."""
    some = await status_incidents.of_page(
        reader, page_id, published=True, since=since, until=until, limit=MOST_INCIDENTS
    )
    newest = sorted(some, key=lambda each: (each.started_at, each.id), reverse=True)
    by_id = {each.id: each for each in await status_pages.components(reader, page_id)}
    said = await told.with_words(reader, newest, published=True)
    return tuple(_incident(each, by_id) for each in said)


async def told_under(reader: Reader, page_id: str, wanted: str) -> PublicIncident | None:
    """What a page tells under this id, however long ago; None: nothing."""
    found = await status_incidents.told(reader, page_id, wanted)
    if found is None:
        return None
    by_id = {each.id: each for each in await status_pages.components(reader, page_id)}
    return _incident((await told.with_words(reader, [found], published=True))[0], by_id)


async def year(reader: Reader, page: PublicPage, component_ids: Sequence[str]) -> dict[str, tuple[Day, ...]]:
    """The last 366 days of components whose uptime is shown, the oldest first."""
    shown = {each.id for each in page.components if each.shows_uptime} & set(component_ids)
    history = await status_pages.history(reader, sorted(shown), reader.now - (YEAR + 1) * DAY)
    began = {each.id: each.began_at for each in await status_pages.components(reader, page.id)}
    zone = zone_named(page.timezone)
    return {
        each: tuple(days(history.get(each, []), began_at=began[each], now=reader.now, zone=zone, count=YEAR))
        for each in component_ids
        if each in shown and each in began
    }


def _groups(groups: Sequence[ComponentGroup], parts: Sequence[Component]) -> tuple[PublicGroup, ...]:
    """Those that have components."""
    found = []
    for group in groups:
        own = [each for each in parts if each.group_id == group.id]
        if own:
            found.append(
                PublicGroup(
                    id=group.id,
                    public_id=group.public_id,
                    name=group.name,
                    is_open=group.is_open,
                    status=effective(own[0].status, [each.status for each in own]),
                    position=group.position,
                    created_at=group.created_at,
                    updated_at=group.updated_at,
                )
            )
    return tuple(found)


def _component(
    component: Component, history: Sequence[Logged], page: StatusPage, now: int
) -> PublicComponent:
    bars = (
        days(history, began_at=component.began_at, now=now, zone=zone_named(page.timezone))
        if component.shows_uptime
        else []
    )
    since = history[-1].at if history else 0
    return component_of(component, days=bars, percent=percent(bars), since=since)


def _incident(each: Told, by_id: Mapping[str, Component]) -> PublicIncident:
    return incident_of(each.incident, [row.component_id for row in each.affected], each.updates, by_id)
