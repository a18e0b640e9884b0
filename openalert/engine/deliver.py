"""Sends what is due: claimed in the database before, settled there after, each channel in a pool of its own."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Coroutine, Mapping
from typing import Any

import structlog

from openalert import telemetry
from openalert.domain.errors import Unavailable
from openalert.domain.instant import SECOND
from openalert.domain.notification import Notification, NotificationKind
from openalert.domain.vault import Unreadable
from openalert.notifiers.notifier import LostAnswer, Notifier, NotifierError, Reason, Receipt
from openalert.storage import notifications
from openalert.storage.database import Database
from openalert.usecases import deliveries
from openalert.usecases.deliveries import Outside

log = structlog.get_logger(__name__)

PER_CHANNEL = 8
"""How many messages of one channel are on their way at a time; a dead provider holds up only its own."""
PER_PLACE = 3
"""Of those, how many to one address: a dead webhook of one team holds up few of another's."""
LONGEST_SEND = 15.0
LONGEST_PAUSE = 15.0
MOST_FAULTS = 6
"""How often an answer is tried again that the database refuses for a reason that does not pass."""
CLAIM_LOST_AFTER = 60 * SECOND

Result = Receipt | NotifierError | LostAnswer


class Deliver:
    """The senders of this process."""

    def __init__(
        self,
        database: Database,
        notifiers: Mapping[str, Notifier],
        outside: Outside,
        run_id: str,
        *,
        freed: asyncio.Event,
    ) -> None:
        self._database = database
        self._notifiers = notifiers
        self._outside = outside
        self._run_id = run_id
        self._on_the_way: Counter[str] = Counter()
        self._places: Counter[str] = Counter()
        self._answered: set[str] = set()
        """Messages whose answer is here and not recorded yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = freed
        """Set whenever a sender is free again."""

    async def run_due(self) -> int:
        """Claim what is due and fits the pools, and set it on its way; how many."""
        full = [channel for channel, count in self._on_the_way.items() if count >= PER_CHANNEL]
        crowded = [place for place, count in self._places.items() if count >= PER_PLACE]
        async with self._database.read() as reader:
            due = await notifications.due(reader, reader.now, 64, full, crowded)
        channels, places = Counter(self._on_the_way), Counter(self._places)
        chosen = []
        for row in due:
            place = notifications.place(row)
            if channels[row.channel] < PER_CHANNEL and places[place] < PER_PLACE:
                channels[row.channel] += 1
                places[place] += 1
                chosen.append(row.id)
        if chosen:
            # What was claimed is also sent when the server stops in this moment.
            await asyncio.shield(self._spawn(self._claim(chosen), "claim"))
        return len(chosen)

    async def _claim(self, chosen: list[str]) -> None:
        claimed = await self._database.act(lambda tx: deliveries.claim(tx, chosen, self._run_id))
        for row in claimed:
            self._on_the_way[row.channel] += 1
            self._places[notifications.place(row)] += 1
            self._spawn(self._deliver(row), f"deliver {row.id}")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def recover(self) -> int:
        """Take back what a sender that is gone had claimed."""
        async with self._database.read() as reader:
            now = reader.now
            lost = await notifications.abandoned(reader, self._run_id, now - CLAIM_LOST_AFTER)
        if not lost:
            return 0
        async with self._database.transaction() as tx:
            return await deliveries.recover(tx, self._run_id, now - CLAIM_LOST_AFTER, self._answered)

    async def finish(self, seconds: float) -> None:
        """Wait for what is on its way, so that its answers are written down."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while self._tasks and clock() < until:
            await asyncio.wait(self._tasks, timeout=until - clock(), return_when=asyncio.FIRST_COMPLETED)

    async def _deliver(self, row: Notification) -> None:
        try:
            result = await self._send(row)
            self._answered.add(row.id)
            await self._settle(row, result)
        except Exception:
            log.exception("delivery failed", notification_id=row.id)
        finally:
            self._answered.discard(row.id)
            self._on_the_way[row.channel] -= 1
            # Addresses are many: what is at zero is not kept.
            self._places = self._places - Counter([notifications.place(row)])
            self._freed.set()

    async def _send(self, row: Notification) -> Result:
        notifier = self._notifiers.get(row.channel)
        if notifier is None:
            return NotifierError(
                Reason.MISCONFIGURED, f"There is no channel named {row.channel}.", permanent=True
            )
        try:
            message = await self._database.look(lambda reader: deliveries.compose(reader, row, self._outside))
        except NotifierError as error:
            return error
        except Unreadable as error:
            return NotifierError(Reason.MISCONFIGURED, error.message, permanent=True)
        except Exception as error:
            log.exception("message could not be composed", notification_id=row.id)
            return NotifierError(
                Reason.MISCONFIGURED, f"The message could not be composed: {type(error).__name__}."
            )
        try:
            async with asyncio.timeout(LONGEST_SEND):
                return await notifier.send(message, self._database.clock())
        except (NotifierError, LostAnswer) as error:
            return error
        except TimeoutError:
            return LostAnswer("The channel did not answer in time.")
        except Exception as error:
            log.exception("notifier broke", notification_id=row.id, channel=row.channel)
            return LostAnswer(f"The channel broke off: {type(error).__name__}.")

    async def _settle(self, row: Notification, result: Result) -> None:
        """Write the answer down, however long the database is away: forgotten, the message would go out again."""
        for tries in itertools.count():
            try:
                await self._database.act(lambda tx: deliveries.settle(tx, row, result))
                break
            except Unavailable as error:
                log.warning("answer not recorded yet", notification_id=row.id, error=error.message)
            except Exception:
                log.exception("answer could not be recorded", notification_id=row.id)
                if tries >= MOST_FAULTS:
                    return
            await asyncio.sleep(min(1 << min(tries, 6), LONGEST_PAUSE))
        telemetry.NOTIFICATIONS.labels(channel=row.channel, outcome=row.status).inc()
        if isinstance(result, Receipt) and row.kind is NotificationKind.PAGE:
            handover = max(0, (row.sent_at or row.created_at) - row.created_at) / SECOND
            telemetry.HANDOVER.labels(channel=row.channel).observe(handover)
