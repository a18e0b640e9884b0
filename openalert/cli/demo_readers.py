"""Who reads the status page of `openalert demo`, and the words that its team keeps for the next time."""

from collections.abc import Mapping
from typing import NamedTuple

from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.status_page import ComponentStatus, PublicKind, PublicStatus
from openalert.storage.transaction import Transaction
from openalert.usecases import status_subscribers, status_templates
from openalert.usecases.status_subscribers import Choice


class Reader(NamedTuple):
    """A subscriber by mail: since how many days, and of which components; without any, of the whole page."""

    email: str
    days: int
    components: tuple[str, ...] = ()
    is_confirmed: bool = True


READERS = (
    Reader("it@bakery.example", 88),
    Reader("orders@flowers-and-more.example", 81, ("Checkout", "Payments")),
    Reader("mina.okoye@corner-shop.example", 77),
    Reader("dev@bookworm.example", 64, ("REST API", "Webhooks")),
    Reader("status@harbour-market.example", 52),
    Reader("jonas@lindqvist.example", 37, ("Checkout",)),
    Reader("accounting@bakery.example", 30, ("Exports", "Reports")),
    Reader("integrations@parcel.example", 23, ("Webhooks",)),
    Reader("yuki.tanaka@teahouse.example", 9),
    Reader("help@northwind-cycles.example", 4, ("Website", "Search", "Checkout")),
    Reader("new.customer@garden.example", 0, is_confirmed=False),
)


async def set_up(tx: Transaction, page_id: str, parts: Mapping[str, str], now: Instant) -> None:
    """Readers who subscribed one after the other, one who has not confirmed yet, and two templates."""
    for reader in READERS:
        tx.now = now - reader.days * DAY - 2 * HOUR
        chosen = tuple(parts[name] for name in reader.components) or None
        await status_subscribers.add(
            tx,
            page_id,
            email=reader.email,
            choice=Choice(component_ids=chosen),
            is_confirmed=reader.is_confirmed,
        )
    await status_templates.create(
        tx,
        page_id,
        name="Payments are slow",
        title="Some payments take longer",
        message="Payments are taken, but confirmed later than usual. Nobody is charged twice.",
        status=PublicStatus.IDENTIFIED,
        components={parts["Payments"]: ComponentStatus.DEGRADED_PERFORMANCE},
    )
    await status_templates.create(
        tx,
        page_id,
        name="Upgrade without interruption",
        kind=PublicKind.MAINTENANCE,
        title="Upgrade of our databases",
        message="The shop stays open; single orders may take a few seconds longer.",
    )
