"""Tells the subscribers of status pages: behind the pages, at a pace of its own, over connections of its own.

What is to be told is a row that was written with the update. It is spread over the subscribers in batches and sent one
by one; each step is a commit, so that whatever breaks off goes on where it was. While a page is due it waits.
"""

import asyncio
import itertools
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import structlog

from openalert import telemetry
from openalert.domain.breaker import Breaker, BreakerState
from openalert.domain.bucket import Bucket
from openalert.domain.errors import Unavailable
from openalert.domain.instant import MINUTE, SECOND, Instant
from openalert.domain.links_back import LinksBack
from openalert.domain.status_letter import Letter
from openalert.domain.status_subscriber import Delivery
from openalert.engine import on_the_way
from openalert.engine.node import Node
from openalert.notifiers.courier import Courier
from openalert.notifiers.notifier import LostAnswer, NotifierError, Reason
from openalert.storage import notifications
from openalert.storage import status_deliveries as stored
from openalert.storage.database import Database
from openalert.storage.transaction import Reader
from openalert.usecases import status_mailings
from openalert.usecases.status_mailings import Composer, Result, Unwanted

log = structlog.get_logger(__name__)

GIVES_WAY_FOR = 5 * SECOND
"""So long it waits for pages that are due, then works for as long: pages that find no end must not stop it for ever."""
LONGEST_SEND = 35.0
CLAIM_LOST_AFTER = 2 * MINUTE
LONGEST_SETTLING = 15.0
MOST_FAULTS = 6
"""How often an answer is tried again that the database refuses for a reason that does not pass."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How fast one way may be used."""

    per_second: float = 10.0
    """0: no limit."""
    at_once: int = 4


POSTS = Budget(per_second=20, at_once=16)
"""Of each way by which is posted to addresses of others: some of them take half a minute to say nothing."""


class Lane:
    """One way as its sender sees it; all of it is memory."""

    def __init__(self, courier: Courier, budget: Budget) -> None:
        self.courier = courier
        self.breaker = Breaker()
        self.on_the_way = 0
        self._budget = budget
        self.bucket = Bucket(budget.per_second, budget.at_once)

    def room(self, now: Instant) -> int:
        """How many may leave now: one try now and then while the way is shut."""
        if not self.breaker.allows(now):
            return 0
        most = self._budget.at_once if self.breaker.state(now) is BreakerState.CLOSED else 1
        return min(most - self.on_the_way, self.bucket.left(now, most))

    def began(self, now: Instant) -> None:
        """A letter leaves."""
        self.on_the_way += 1
        self.bucket.take(now)
        self.breaker.began(now)

    def ended(self, result: Result | Unwanted, now: Instant) -> None:
        """What came of it."""
        self.on_the_way -= 1
        if isinstance(result, Unwanted):
            self.bucket.give_back()
            self.breaker.withdrawn()
        elif status_mailings.is_of_the_way(self.courier.channel, result):
            self.breaker.failed(now)
            if isinstance(result, NotifierError) and result.retry_after is not None:
                self.bucket.pause(now, min(result.retry_after, 3_600.0))
        else:
            self.breaker.succeeded()


class StatusMail:
    """The senders of this process."""

    def __init__(
        self,
        database: Database,
        couriers: Mapping[str, Courier],
        budgets: Mapping[str, Budget],
        links_back: LinksBack,
        node: Node,
    ) -> None:
        self._database = database
        self._links_back = links_back
        self._node = node
        self._lanes = {name: Lane(courier, budgets.get(name, Budget())) for name, courier in couriers.items()}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held: set[tuple[str, str]] = set()
        """Claimed and not yet settled, by mailing and subscriber."""
        self._waits_since: Instant | None = None
        self.freed = asyncio.Event()
        """Set when something may be due, or a sender is free again."""

    async def run_due(self) -> int:
        """Spread what was told, and set on its way what is due; what was done, as a number."""
        now = self._database.clock()
        work = await self._database.look(lambda reader: _look(reader, list(self._lanes)))
        if not work.to_spread and not work.due:
            return 0
        if work.pages_wait and self._gives_way(now):
            return 0
        spread = work.to_spread is not None and await self._spread(work.to_spread)
        return int(spread) + sum([await self._leave(channel, now) for channel in work.due])

    async def _spread(self, mailing_id: str) -> bool:
        """One batch; each is a commit of its own, between which others write."""
        await self._database.act(lambda tx: stored.spread(tx, mailing_id))
        return True

    def _gives_way(self, now: Instant) -> bool:
        """Whether what is due waits, because pages do."""
        if self._waits_since is None or not 0 <= now - self._waits_since < 2 * GIVES_WAY_FOR:
            self._waits_since = now
        return now - self._waits_since < GIVES_WAY_FOR

    async def _leave(self, channel: str, now: Instant) -> int:
        lane = self._lanes[channel]
        room = lane.room(now)
        if room <= 0:
            self._wake_for_the_pace(lane, now)
            return 0
        # What was claimed is also sent when the server stops in this moment.
        return int(await asyncio.shield(self._spawn(self._claim(lane, room), f"claim {channel}")))

    async def _claim(self, lane: Lane, room: int) -> int:
        run_id = self._node.run_id
        claimed = await self._database.act(lambda tx: stored.claim(tx, lane.courier.channel, room, run_id))
        now = self._database.clock()
        for each in claimed:
            self._held.add(_key(each))
            lane.began(now)
        self._spawn(self._deliver_all(lane, claimed), "compose letters")
        return len(claimed)

    def _wake_for_the_pace(self, lane: Lane, now: Instant) -> None:
        """The next token is no commit that would wake the loop."""
        wait = lane.bucket.wait(now)
        if 0 < wait < 1:
            asyncio.get_running_loop().call_later(wait + 0.001, self.freed.set)

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _deliver_all(self, lane: Lane, claimed: Sequence[Delivery]) -> None:
        composed: Sequence[Letter | Unwanted | NotifierError]
        try:
            composed = await self._database.look(
                lambda reader: Composer(reader, self._links_back).letters(claimed)
            )
        except Exception as error:
            log.exception("letters could not be composed")
            # Nothing has left: it is tried again as if it had not been its turn.
            composed = [NotifierError(Reason.UNREACHABLE, f"Not composed: {type(error).__name__}.")] * len(
                claimed
            )
        for delivery, letter in zip(claimed, composed, strict=True):
            self._spawn(self._deliver(lane, delivery, letter), f"letter {delivery.mailing_id}")

    async def _deliver(
        self, lane: Lane, delivery: Delivery, letter: Letter | Unwanted | NotifierError
    ) -> None:
        result: Result | Unwanted = LostAnswer("The attempt broke off.")
        try:
            result = await self._send(lane, letter) if isinstance(letter, Letter) else letter
        finally:
            lane.ended(result, self._database.clock())
        try:
            await self._settle(delivery, result)
        finally:
            self._held.discard(_key(delivery))
            self.freed.set()

    async def _send(self, lane: Lane, letter: Letter) -> Result:
        if not self._node.is_sure:
            return NotifierError(Reason.UNREACHABLE, "This node was cut off before it could send.")
        try:
            async with asyncio.timeout(LONGEST_SEND):
                return await lane.courier.send(letter, self._database.clock())
        except (NotifierError, LostAnswer) as error:
            return error
        except TimeoutError:
            return LostAnswer("There was no answer in time.")
        except Exception as error:
            log.exception("courier broke", channel=lane.courier.channel)
            return LostAnswer(f"The attempt broke off: {type(error).__name__}.")

    async def _settle(self, delivery: Delivery, result: Result | Unwanted) -> None:
        """Write the answer down, however long the database is away: forgotten, the letter would go out again."""
        settled = delivery.status
        for tries in itertools.count():
            try:
                settled = await self._database.act(lambda tx: status_mailings.settle(tx, delivery, result))
                break
            except Unavailable as error:
                log.warning("answer not recorded yet", mailing_id=delivery.mailing_id, error=error.message)
            except Exception:
                log.exception("answer could not be recorded", mailing_id=delivery.mailing_id)
                if tries >= MOST_FAULTS:
                    return
            await asyncio.sleep(min(1 << min(tries, 6), LONGEST_SETTLING))
        telemetry.SUBSCRIBERS_TOLD.labels(channel=delivery.channel, outcome=settled.value).inc()

    async def recover(self) -> int:
        """Take back what a sender that is gone had claimed; end what found no way in its time."""
        before, run_id = self._database.clock() - CLAIM_LOST_AFTER, self._node.run_id
        held = frozenset(self._held)
        back = await self._database.act(lambda tx: stored.recover(tx, run_id, before, held))
        while await self._database.act(stored.expire):
            pass
        return back

    async def measure(self) -> None:
        """How much waits, and how long it has."""
        async with self._database.read() as reader:
            waiting, since = await stored.backlog(reader)
            now = reader.now
        telemetry.SUBSCRIBERS_WAITING.set(waiting)
        telemetry.SUBSCRIBERS_OLDEST.set(max(0, now - since) / SECOND if since is not None else 0)

    async def finish(self, seconds: float) -> None:
        """Wait for what is on its way, so that its answers are written down."""
        await on_the_way.finish(self._tasks, seconds)

    async def stop(self, seconds: float) -> None:
        """Wait for so long, then break off what is still on its way: the next run sends it as a possible repeat."""
        await self.finish(seconds)
        await on_the_way.break_off(self._tasks)
        for lane in self._lanes.values():
            await lane.courier.close()


def _key(delivery: Delivery) -> tuple[str, str]:
    return delivery.mailing_id, delivery.subscriber_id


class _Work(NamedTuple):
    """What there is to do at a moment."""

    to_spread: str | None
    due: Sequence[str]
    pages_wait: bool = False


async def _look(reader: Reader, channels: Sequence[str]) -> _Work:
    mailings = await stored.to_spread(reader, 1)
    due = await stored.has_due(reader, channels)
    if not mailings and not due:
        return _Work(None, ())
    return _Work(mailings[0].id if mailings else None, due, await notifications.page_is_due(reader))
