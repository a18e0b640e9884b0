"""What is told after the fact: the log of the components follows, so that bars and percentages are honest."""

from collections.abc import Collection, Mapping

from openalert.domain.backdating import Span, overlaid
from openalert.domain.instant import Instant
from openalert.domain.status_page import ComponentStatus, StatusIncident
from openalert.storage import status_backdating, status_pages
from openalert.storage.transaction import Transaction


async def say(
    tx: Transaction,
    incident: StatusIncident,
    about: Mapping[str, ComponentStatus | None],
    *,
    since: Instant,
    until: Instant,
) -> None:
    """The components were like this for that span of the past, because of the incident; and it says no more."""
    before = {each.component_id for each in await status_backdating.of_incident(tx, incident.id)}
    spans = [
        Span(incident_id=incident.id, component_id=each, since=since, until=until, status=status)
        for each, status in about.items()
        if status is not None and since < until
    ]
    await status_backdating.put(tx, incident.id, spans)
    await recompute(tx, incident.page_id, before | {each.component_id for each in spans})


async def take_back(tx: Transaction, incident: StatusIncident) -> None:
    """The incident is gone, and what it said of the past with it."""
    said = await status_backdating.of_incident(tx, incident.id)
    await recompute(tx, incident.page_id, {each.component_id for each in said})


async def recompute(tx: Transaction, page_id: str, component_ids: Collection[str]) -> None:
    """The log of these components: what was noted at the time, and over it what was told later."""
    parts = [each for each in await status_pages.components(tx, page_id) if each.id in component_ids]
    ids = [each.id for each in parts]
    if not ids:
        return
    await status_backdating.forget(tx, ids)
    noted = await status_backdating.noted(tx, ids)
    spans = await status_backdating.spans(tx, ids)
    for each in parts:
        ground = noted.get(each.id, [])
        known = {entry.at: entry for entry in ground}
        if each.id in spans:
            laid = overlaid(ground, spans[each.id], each.began_at)
            await status_backdating.lay(tx, [entry for entry in laid if entry != known.get(entry.at)])
