"""Pages that leave together: who waits for whom, and what their common message says (promise NO-5)."""

from collections.abc import Collection, Sequence

from openalert.domain import bundling
from openalert.domain.bundling import Page
from openalert.domain.notification import Notification, NotificationKind, NotificationStatus
from openalert.storage import bundles as stored
from openalert.storage import incidents
from openalert.storage.bundles import Bundle
from openalert.storage.transaction import Reader, Transaction

MOST_GATHERED = 500
"""So many pages of one way, service and priority are gathered by one commit."""


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


async def gather(tx: Transaction, pages: Sequence[Page], leaving: Collection[str] = ()) -> None:
    """Let them wait: with those that wait already, or for a few seconds from now; `leaving` are ids that do not wait.

    What is due by the same way about the same waits for the same reason, and is gathered at once: where a commit takes
    long, one for each handful that fits the senders would keep whole bundles from leaving.
    """
    groups: dict[tuple[str, str | None], dict[str, None]] = {}
    for page in pages:
        groups.setdefault((page.way, page.topic[0]), {})[page.id] = None
    for way, (service_id, priority) in {(page.way, page.topic): None for page in pages}:
        more = await stored.due_alike(tx, way, service_id, priority, MOST_GATHERED)
        groups[way, service_id] |= dict.fromkeys(id_ for id_ in more if id_ not in leaving)
    for (way, service_id), ids in groups.items():
        left = list(ids)
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
