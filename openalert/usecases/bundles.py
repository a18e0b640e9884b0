"""Pages that leave together: who waits for whom, and what their common message says (promise NO-5)."""

from collections.abc import Sequence

from openalert.domain import bundling
from openalert.domain.bundling import Page
from openalert.domain.notification import Notification, NotificationKind, NotificationStatus
from openalert.storage import bundles as stored
from openalert.storage import incidents
from openalert.storage.bundles import Bundle
from openalert.storage.transaction import Reader, Transaction


def _page(row: Notification) -> Page | None:
    """The row as a page to a person that was not tried yet; None for all others, which nothing holds up."""
    fresh = row.status is NotificationStatus.PENDING and row.claimed_at is None and row.bundle_id is None
    # Whoever is asked for help reads by whom, and answers that alone.
    fresh = fresh and row.ask_id is None
    if row.kind is not NotificationKind.PAGE or row.user_id is None or not fresh:
        return None
    topic = (row.service_id, int(row.priority))
    return Page(row.id, row.contact_method_id, topic) if row.contact_method_id else None


async def waiting(reader: Reader, rows: Sequence[Notification]) -> list[Page]:
    """Which of these, about to leave in this order, wait for others like them."""
    pages = [page for row in rows if (page := _page(row)) is not None]
    if not pages:
        return []
    ways = list({page.way for page in pages})
    told = await stored.told_lately(reader, ways, reader.now - bundling.LATELY)
    return bundling.gathered(pages, told)


async def gather(tx: Transaction, pages: Sequence[Page]) -> None:
    """Let them wait: with those that wait already, or for a few seconds from now."""
    groups: dict[tuple[str, str | None], list[str]] = {}
    for page in pages:
        groups.setdefault((page.way, page.topic[0]), []).append(page.id)
    for (way, service_id), ids in groups.items():
        left = ids
        while left:
            bundle = await stored.open_bundle(tx, way, service_id)
            bundle = bundle or Bundle(left[0], tx.now + bundling.GATHER)
            fit = bundling.MOST - bundle.pages
            await stored.join(tx, left[:fit], bundle)
            left = left[fit:]


async def titles(reader: Reader, rows: Sequence[Notification]) -> list[str]:
    """Number and title of the incidents of these pages, as their common message names them."""
    found = await incidents.get_many(reader, [row.incident_id for row in rows if row.incident_id])
    return [f"#{each.number} {each.title}" for each in sorted(found.values(), key=lambda each: each.number)]
