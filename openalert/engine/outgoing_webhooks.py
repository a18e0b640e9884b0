"""Tells outgoing webhooks what happened: behind the pages, each receiver in a lane of its own.

Nothing here shares a row, a pool, a breaker or a connection with what pages people, and while a page is due it waits.
"""

import asyncio
import itertools
import random
from collections.abc import Coroutine
from typing import Any, NamedTuple

import structlog

from openalert import telemetry
from openalert.domain.breaker import Breaker, BreakerState
from openalert.domain.errors import Unavailable
from openalert.domain.instant import HOUR, MINUTE, SECOND, Instant
from openalert.engine import on_the_way
from openalert.engine.node import Node
from openalert.notifiers.outgoing_webhook import LOST, OutgoingSender, Reply
from openalert.storage import notifications, outgoing_webhooks
from openalert.storage import outgoing_deliveries as stored
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import outgoing_deliveries, outgoing_events
from openalert.usecases.outgoing_deliveries import Leaving
from openalert.usecases.outgoing_events import Shapes

log = structlog.get_logger(__name__)

AT_ONCE = 4
"""Requests to one receiver that are on their way together."""
GIVES_WAY_FOR = 5 * SECOND
"""So long it waits for pages that are due, then works for as long: pages that find no end must not stop it for ever."""
LONGEST_PAUSE = HOUR
"""So long a receiver that asked for time is left alone altogether."""
CLAIM_LOST_AFTER = 2 * MINUTE
LONGEST_SETTLING = 15.0
MOST_FAULTS = 6
"""How often an answer is tried again that the database refuses for a reason that does not pass."""


class Lane:
    """One receiver as its sender sees it; all of it is memory."""

    def __init__(self) -> None:
        self.on_the_way = 0
        self.breaker = Breaker()
        self.paused_until: Instant = 0

    def room(self, now: Instant) -> int:
        """How many more may leave for it: one try now and then while it takes nothing."""
        if now < self.paused_until <= now + LONGEST_PAUSE or not self.breaker.allows(now):
            return 0
        most = AT_ONCE if self.breaker.state(now) is BreakerState.CLOSED else 1
        return most - self.on_the_way

    def began(self, now: Instant) -> None:
        """A request leaves."""
        self.on_the_way += 1
        self.breaker.began(now)

    def ended(self, reply: Reply, now: Instant) -> None:
        """A request has ended."""
        self.on_the_way -= 1
        if reply.is_delivered:
            self.breaker.succeeded()
        else:
            self.breaker.failed(now)
        if reply.retry_after is not None:
            self.paused_until = now + min(int(reply.retry_after * SECOND), LONGEST_PAUSE)


class OutgoingWebhooks:
    """The senders of outgoing webhooks of this process."""

    def __init__(self, database: Database, sender: OutgoingSender, shapes: Shapes, node: Node) -> None:
        self._database = database
        self._sender = sender
        self._shapes = shapes
        self._node = node
        self._lanes: dict[str, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waits_since: Instant | None = None
        self.is_used = False
        """Whether anybody is told anything, as of the last look: where nobody is, events wake nobody."""
        self.freed = asyncio.Event()
        """Set when something may be due, or a lane is free again."""

    async def run_due(self) -> int:
        """Write down what webhooks are to be told, and set on its way what is due; what was done, as a number."""
        now = self._database.clock()
        work = await self._database.look(_look)
        self.is_used = work.is_used
        if work.pages_wait and self._gives_way(now):
            return 0
        gathered = work.has_news and await self._gather()
        leaving = await self._claim(now) if gathered or work.has_due else []
        return int(gathered) + len(leaving)

    async def _gather(self) -> bool:
        """Write down what is to be told of the next events; whether there was anything."""
        found = await self._database.look(lambda reader: outgoing_events.gather(reader, self._shapes))
        return found is not None and await self._database.act(lambda tx: outgoing_events.keep(tx, found))

    def _gives_way(self, now: Instant) -> bool:
        """Whether what is due waits, because pages do."""
        if self._waits_since is None or not 0 <= now - self._waits_since < 2 * GIVES_WAY_FOR:
            self._waits_since = now
        return now - self._waits_since < GIVES_WAY_FOR

    async def _claim(self, now: Instant) -> list[Leaving]:
        room = {webhook_id: lane.room(now) for webhook_id, lane in self._lanes.items()}
        # What was claimed is also sent when the server stops in this moment.
        return await asyncio.shield(self._spawn(self._claim_and_send(room), "claim outgoing"))

    async def _claim_and_send(self, room: dict[str, int]) -> list[Leaving]:
        run_id = self._node.run_id
        leaving = await self._database.act(lambda tx: outgoing_deliveries.claim(tx, room, AT_ONCE, run_id))
        now = self._database.clock()
        for each in leaving:
            self._lane(each.webhook.id).began(now)
            self._spawn(self._deliver(each), f"outgoing {each.delivery.id}")
        return leaving

    def _lane(self, webhook_id: str) -> Lane:
        return self._lanes.setdefault(webhook_id, Lane())

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _deliver(self, leaving: Leaving) -> None:
        began_at = self._database.clock()
        reply = Reply(outcome=LOST, detail="The attempt broke off.")
        try:
            if self._node.is_sure:
                reply = await self._sender.send(leaving.request, began_at)
        except Exception:
            log.exception("outgoing webhook broke", delivery_id=leaving.delivery.id)
        finally:
            self._lane(leaving.webhook.id).ended(reply, self._database.clock())
        try:
            await self._settle(leaving, reply, began_at)
        finally:
            self.freed.set()

    async def _settle(self, leaving: Leaving, reply: Reply, began_at: Instant) -> None:
        """Write the answer down, however long the database is away: forgotten, the request would go out again."""
        delivery = leaving.delivery
        chance = random.random()  # noqa: S311 - spreads retries, guards nothing
        for tries in itertools.count():
            try:
                await self._database.act(
                    lambda tx: outgoing_deliveries.settle(
                        tx, delivery, reply, began_at=began_at, chance=chance
                    )
                )
                break
            except Unavailable as error:
                log.warning("outgoing answer not recorded yet", delivery_id=delivery.id, error=error.message)
            except Exception:
                log.exception("outgoing answer could not be recorded", delivery_id=delivery.id)
                if tries >= MOST_FAULTS:
                    return
            await asyncio.sleep(min(1 << min(tries, 6), LONGEST_SETTLING))
        telemetry.OUTGOING.labels(outcome=reply.outcome).inc()
        telemetry.OUTGOING_SECONDS.observe(max(0, self._database.clock() - began_at) / SECOND)

    async def recover(self) -> int:
        """Take back what a sender that is gone had claimed, and let go of receivers that are gone."""
        if not await self._database.look(outgoing_webhooks.any_there):
            return 0
        while await self._database.act(stored.fail_waiting):
            pass
        before, run_id = self._database.clock() - CLAIM_LOST_AFTER, self._node.run_id
        back = await self._database.act(lambda tx: stored.recover(tx, run_id, before))
        async with self._database.read() as reader:
            used = [webhook.id for webhook in await outgoing_webhooks.enabled(reader)]
        idle = [each for each, lane in self._lanes.items() if each not in used and not lane.on_the_way]
        for webhook_id in idle:
            del self._lanes[webhook_id]
        await self._sender.forget([*used, *self._lanes])
        return back

    async def measure(self) -> None:
        """How much waits, and how long it has."""
        async with self._database.read() as reader:
            waiting, since = await stored.backlog(reader)
            now = reader.now
        telemetry.OUTGOING_WAITING.set(waiting)
        telemetry.OUTGOING_OLDEST.set(max(0, now - since) / SECOND if since is not None else 0)

    async def finish(self, seconds: float) -> None:
        """Wait for what is on its way, so that its answers are written down."""
        await on_the_way.finish(self._tasks, seconds)

    async def stop(self, seconds: float) -> None:
        """Wait for so long, then break off what is still on its way: the next run sends it again."""
        await self.finish(seconds)
        await on_the_way.break_off(self._tasks)
        await self._sender.close()


class _Work(NamedTuple):
    """What there is to do at a moment."""

    is_used: bool = False
    pages_wait: bool = False
    has_news: bool = False
    has_due: bool = False


async def _look(reader: Reader) -> _Work:
    if not await outgoing_webhooks.any_enabled(reader):
        return _Work()
    return _Work(
        is_used=True,
        pages_wait=await notifications.page_is_due(reader),
        has_news=await stored.has_news(reader),
        has_due=bool(await stored.waiting_webhooks(reader, reader.now)),
    )
