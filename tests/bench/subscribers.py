"""10,000 subscribers of a status page: how soon they are queued and told, and how late pages are beside that."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from openalert.domain.access import Actor
from openalert.domain.ids import new_id
from openalert.domain.instant import Instant
from openalert.domain.links_back import LinksBack
from openalert.domain.status_letter import Letter
from openalert.domain.status_page import StatusPage, new_public_id
from openalert.domain.status_subscriber import Subscriber, SubscriberKind, SubscriberState, address_key
from openalert.engine.engine import Engine
from openalert.engine.status_mail import Budget
from openalert.notifiers.notifier import Receipt
from openalert.storage import Database, open_database, status_subscriber_lists
from openalert.usecases import status_incidents, status_pages
from tests import make
from tests.bench.deliveries import ANSWER, Provider, fill, sent
from tests.bench.report import Figure, main

SUBSCRIBERS = 10_000
PAGES = 1_000
AT_ONCE = 16
MAIL_TAKES = 0.005


class Courier:
    """Takes a letter in five milliseconds, as a mail server beside us does."""

    channel = "email"

    def __init__(self) -> None:
        self.taken = 0

    async def send(self, letter: Letter, now: Instant) -> Receipt:
        """Yes, after a while."""
        await asyncio.sleep(MAIL_TAKES)
        self.taken += 1
        return Receipt(provider_id=letter.id)

    async def close(self) -> None:
        """Nothing."""


def measure() -> Sequence[Figure]:
    """Seconds until all are queued and told, and how late the last hundredth of pages was, with and without them."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    queued, told = await _tell()
    alone, _ = await _beside(0)
    beside, taken = await _beside(SUBSCRIBERS)
    return [
        Figure(what=f"{SUBSCRIBERS:,} subscribers queued", value=queued, unit="s", aim=2, is_time=True),
        Figure(what=f"told, {AT_ONCE} at once to a server that takes 5 ms", value=SUBSCRIBERS / told, unit="/s"),
        Figure(what="100 pages a second, nobody else told: p99 late", value=alone, unit="s", aim=2, is_time=True),
        Figure(
            what=f"the same while subscribers are told ({taken:,} of them meanwhile)",
            value=beside, unit="s", aim=2, is_time=True,
        ),
    ]  # fmt: skip


async def _tell() -> tuple[float, float]:
    """From the publishing of an update until everybody has their delivery, and until everybody has it."""
    async with _town(SUBSCRIBERS) as (db, actor, page):
        courier = Courier()
        engine = _engine(db, courier)
        await engine.start()
        begun = time.perf_counter()
        await _publish(db, actor, page)
        await _until(db, "SELECT count(*) FROM status_mailings WHERE spread_at IS NOT NULL", 1)
        queued = time.perf_counter() - begun
        await _until(
            db, "SELECT count(*) FROM status_deliveries WHERE status = 'sent'", SUBSCRIBERS, wait=0.25
        )
        told = time.perf_counter() - begun
        await engine.stop(2)
        return queued, told


async def _beside(subscribers: int) -> tuple[float, int]:
    """The 99th hundredth of how late a hundred pages a second are at the provider, and who was told meanwhile."""
    async with _town(subscribers) as (db, actor, page):
        courier = Courier()
        engine = _engine(db, courier)
        await fill(db, "slack", PAGES, spread=10_000, after=1_000)
        await engine.start()
        await _publish(db, actor, page)
        await sent(db, "slack", PAGES)
        taken = courier.taken
        await engine.stop(2)
        async with db.read() as reader:
            late = await reader.rows("SELECT sent_at - created_at FROM notifications ORDER BY 1")
        return (late[int(PAGES * 0.99) - 1][0] - ANSWER * 1000) / 1000, taken


def _engine(db: Database, courier: Courier) -> Engine:
    return Engine(
        db,
        {"slack": Provider("slack")},
        LinksBack("https://x.example.org", b"x"),
        per_second={"slack": 0.0},
        couriers=({"email": courier}, {"email": Budget(per_second=0, at_once=AT_ONCE)}),
    )


@asynccontextmanager
async def _town(subscribers: int) -> AsyncIterator[tuple[Database, Actor, StatusPage]]:
    """A page with so many who confirmed."""
    with tempfile.TemporaryDirectory() as folder:
        db = await open_database(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            cast = await make.cast(db)
            actor = make.actor(cast.alice, cast.team)
            async with db.transaction(actor) as tx:
                page = await status_pages.create(tx, team_id=cast.team.id, name="Acme", slug="acme")
            for first in range(0, subscribers, 1_000):
                async with db.transaction(actor) as tx:
                    some = [_subscriber(page, number, tx.now) for number in range(first, first + 1_000)]
                    await status_subscriber_lists.insert(tx, some, {})
            yield db, actor, page
        finally:
            await db.close()


def _subscriber(page: StatusPage, number: int, now: Instant) -> Subscriber:
    address = f"reader{number}@customer.example"
    return Subscriber(
        id=new_id(now),
        page_id=page.id,
        public_id=new_public_id(),
        address=address,
        address_key=address_key(SubscriberKind.EMAIL, address),
        state=SubscriberState.ACTIVE,
        confirmed_at=now,
        created_at=now,
        updated_at=now,
    )


async def _publish(db: Database, actor: Actor, page: StatusPage) -> None:
    async with db.transaction(actor) as tx:
        await status_incidents.create(tx, page.id, title="API is slow", message="We look.")


async def _until(db: Database, query: str, count: int, *, wait: float = 0.01) -> None:
    """Return once the query counts so many."""
    while True:
        async with db.read() as reader:
            if await reader.value(query) >= count:
                return
        await asyncio.sleep(wait)


if __name__ == "__main__":
    main(measure)
