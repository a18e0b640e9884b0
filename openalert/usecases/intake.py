"""Where messages wait for the writer: whoever comes at the same moment is taken in with one transaction.

A batch begins once no further message arrives: Python runs one thread at a time, so a message that is read while the
writer works slows both down, and then costs a commit of its own. A batch is capped, so that nobody waits long for
it, and integrations take turns in it, so that nobody waits behind the storm of another (promise IN-6). A batch that
fails is taken in again one message at a time, so that only the message at fault is refused. No message is answered
before its commit.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

import structlog

from openalert.domain.errors import OpenAlertError, Unavailable
from openalert.domain.fair_queue import FairQueue
from openalert.storage.database import Database
from openalert.storage.memory import Memory
from openalert.storage.standstill import MAY_BE_DONE
from openalert.supervisor import Watched
from openalert.usecases import ingest
from openalert.usecases.inbound import Delivery, Outcome

log = structlog.get_logger(__name__)

BATCH_SIGNALS = 800
BATCH_MESSAGES = 128
QUIET_TURNS = 3
"""Turns of the event loop without a new message until a batch begins: one that is in the socket arrives within two."""
MOST_WAITING = 4_000
"""More than this are refused with 503 rather than left to wait; one integration may have a quarter of it, once half of
it is taken. The same holds for their bytes."""
MOST_WAITING_BYTES = 128 * 1024 * 1024
LONGEST_WAIT = 5.0
"""Seconds until a sender is told to come again (promise IN-2); if it is stored after all, what comes is a repeat."""

LONGEST_BATCH = 60.0
"""Seconds that a batch may take: its senders have been told to come again long before."""

Observer = Callable[[Delivery, Outcome], None]


class Intake:
    """The queue in front of `usecases.ingest`."""

    def __init__(self, database: Database, observe: Observer, memory: Memory | None = None) -> None:
        """`memory`: what says that there is too little of it; None: what the system says."""
        self._database = database
        self.memory = memory or Memory()
        self._observe = observe
        self._waiting: FairQueue[tuple[Delivery, asyncio.Future[Outcome]]] = FairQueue()
        self._bytes = 0
        self._bytes_of: Counter[str] = Counter()
        self._signals = 0
        self._arrived = asyncio.Event()
        self._stopping = False
        self._task: Watched | None = None
        self._patient: deque[tuple[float, asyncio.Future[Outcome]]] = deque()
        """Who waits, and until when."""
        self._patience: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to take in."""
        self._task = self._database.supervisor.start("intake", self._run, most_seconds=LONGEST_BATCH)

    async def stop(self) -> None:
        """Take in what waits, then end."""
        if self._task is None:
            return
        task, self._task = self._task, None
        self._stopping = True
        self._arrived.set()
        await self._database.supervisor.finish(task)

    async def submit(self, delivery: Delivery) -> Outcome:
        """Take in one message; returns after the commit. Unavailable when it cannot be made durable now."""
        if self._database.disk.refuses_events:
            raise Unavailable(
                "The disk is full: nothing new is taken until there is room. Send it again.", retry_after=10
            )
        self.memory.promise(0)
        if self._task is None or not self._has_room(delivery.key_hash):
            raise Unavailable("Too many messages are waiting. Send it again in a few seconds.", retry_after=5)
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.put(delivery.key_hash, (delivery, answer))
        self._bytes += len(delivery.content)
        self._bytes_of[delivery.key_hash] += len(delivery.content)
        self._signals += _signals(delivery)
        self._arrived.set()
        self._be_patient(answer)
        return await answer

    def _be_patient(self, answer: asyncio.Future[Outcome]) -> None:
        """Give up on it after the longest wait. One timer does for all: who came first has waited longest."""
        while self._patient and self._patient[0][1].done():
            self._patient.popleft()
        loop = asyncio.get_running_loop()
        self._patient.append((loop.time() + LONGEST_WAIT, answer))
        if self._patience is None:
            self._patience = loop.call_later(LONGEST_WAIT, self._lose_patience)

    def _lose_patience(self) -> None:
        loop = asyncio.get_running_loop()
        self._patience = None
        while self._patient:
            until, answer = self._patient[0]
            if not answer.done() and until > loop.time():
                self._patience = loop.call_at(until, self._lose_patience)
                return
            self._patient.popleft()
            if not answer.done():
                answer.set_exception(self._database.standstill.delay())

    def _has_room(self, key_hash: str) -> bool:
        """Whether one more of this integration may wait."""
        count, size = len(self._waiting), self._bytes
        if count >= MOST_WAITING or size > MOST_WAITING_BYTES:
            return False
        if count < MOST_WAITING // 2 and size <= MOST_WAITING_BYTES // 2:
            return True
        is_many = self._waiting.of(key_hash) >= MOST_WAITING // 4
        return not is_many and self._bytes_of[key_hash] <= MOST_WAITING_BYTES // 4

    async def _run(self, watched: Watched) -> None:
        if self._waiting:
            self._arrived.set()  # messages that an earlier run of this task has left
        while not self._stopping:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._gather()
                batch = self._batch()
                try:
                    with watched.step():
                        await self._take_in(batch)
                except BaseException as error:
                    # Whatever it is, the messages after these are taken in.
                    self._refuse(batch, _broken())
                    if not isinstance(error, Exception):
                        raise
                    log.exception("intake broke", messages=len(batch))

    async def _gather(self) -> None:
        """Wait for messages that are about to arrive, while the batch has room; an idle server waits microseconds."""
        quiet = 0
        while quiet < QUIET_TURNS and len(self._waiting) < BATCH_MESSAGES and self._signals < BATCH_SIGNALS:
            before = len(self._waiting)
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(self._waiting) == before else 0

    def _batch(self) -> list[tuple[Delivery, asyncio.Future[Outcome]]]:
        batch: list[tuple[Delivery, asyncio.Future[Outcome]]] = []
        signals = 0
        while self._waiting and len(batch) < BATCH_MESSAGES and signals < BATCH_SIGNALS:
            delivery, answer = self._waiting.next()
            self._bytes -= len(delivery.content)
            self._bytes_of[delivery.key_hash] -= len(delivery.content)
            if not self._bytes_of[delivery.key_hash]:
                del self._bytes_of[delivery.key_hash]
            self._signals -= _signals(delivery)
            if answer.done():
                continue
            batch.append((delivery, answer))
            signals += _signals(delivery)
        return batch

    async def _take_in(self, batch: list[tuple[Delivery, asyncio.Future[Outcome]]]) -> None:
        try:
            deliveries = [delivery for delivery, _ in batch]
            outcomes = await self._database.act(lambda tx: ingest.take_in(tx, deliveries))
        except Unavailable as error:
            is_doubt = error.code == MAY_BE_DONE
            self._refuse(batch, self._database.standstill.delay() if is_doubt else error)
        except Exception:
            log.exception("batch failed", messages=len(batch))
            if len(batch) > 1:
                for single in batch:
                    await self._take_in([single])
            else:
                self._refuse(batch, _broken())
        else:
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if not answer.done():
                    answer.set_result(outcome)
            for (delivery, _), outcome in zip(batch, outcomes, strict=True):
                self._observe(delivery, outcome)

    @staticmethod
    def _refuse(batch: list[tuple[Delivery, asyncio.Future[Outcome]]], error: OpenAlertError) -> None:
        for _, answer in batch:
            if not answer.done():
                answer.set_exception(error)


def _signals(delivery: Delivery) -> int:
    return len(delivery.reading.signals) if delivery.reading else 1


def _broken() -> Unavailable:
    return Unavailable("The message could not be stored. Send it again.", retry_after=10)
