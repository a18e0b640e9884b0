"""How status pages stand, several at once: what lists and the head of each page say first."""

from collections.abc import Collection

import msgspec

from openalert.domain.status_page import ComponentStatus, OverallStatus, effective, overall
from openalert.storage import status_standing
from openalert.storage.transaction import Reader


class Standing(msgspec.Struct, frozen=True):
    """How a page stands."""

    overall: OverallStatus
    worst: ComponentStatus
    """The status of the component that is worst: it gives the whole its shape."""
    components: int
    affected: int
    """Components that are not operational."""
    active: int
    """What is told and not over; a maintenance counts from its beginning on."""
    drafts: int
    """What waits for somebody to publish it."""


async def of_pages(reader: Reader, page_ids: Collection[str]) -> dict[str, Standing]:
    """How each of these pages stands; whether the actor may see them was asked where they were found."""
    because: dict[str, list[ComponentStatus | None]] = {}
    for effect in await status_standing.effects(reader, page_ids):
        because.setdefault(effect.component_id, []).append(effect.status)
    statuses: dict[str, list[ComponentStatus]] = {page_id: [] for page_id in page_ids}
    for each in await status_standing.components(reader, page_ids):
        statuses[each.page_id].append(
            effective(each.status, [*because.get(each.id, ()), each.automatic_status])
        )
    active = await status_standing.active(reader, page_ids)
    drafts = await status_standing.drafts(reader, page_ids)
    return {
        page_id: Standing(
            overall=overall(known),
            worst=max(known, key=lambda status: status.rank, default=ComponentStatus.OPERATIONAL),
            components=len(known),
            affected=sum(status is not ComponentStatus.OPERATIONAL for status in known),
            active=active.get(page_id, 0),
            drafts=drafts.get(page_id, 0),
        )
        for page_id, known in statuses.items()
    }
