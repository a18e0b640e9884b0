"""Sends what is due: claimed in the database before, settled there after, each channel in a pool of its own."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog

from openalert import telemetry
from openalert.domain.delivery import AT_ONE_ADDRESS, room
from openalert.domain.errors import Unavailable
from openalert.domain.instant import SECOND, Instant
from openalert.domain.links_back import LinksBack
from openalert.domain.notification import Notification, NotificationKind, NotificationPriority
from openalert.domain.vault import Unreadable
from openalert.engine import on_the_way
from openalert.engine.lines import Lines, Result
from openalert.engine.node import Node
from openalert.notifiers.notifier import LostAnswer, Notifier, NotifierError, Reason, Receipt
from openalert.storage import channel_troubles
from openalert.storage import deliveries as sending
from openalert.storage.database import Database
from openalert.storage.transaction import Transaction
from openalert.usecases import bundles, deliveries, going_on, receipts
from openalert.usecases.deliveries import Terms

log = structlog.get_logger(__name__)

LONGEST_SEND = 15.0
LONGEST_PAUSE = 15.0
MOST_FAULTS = 6
"""How often it is tried to record an answer that the database refuses for a reason that does not pass."""
CLAIM_LOST_AFTER = 60 * SECOND


class Deliver:
    """The senders of this process."""

    def __init__(
        self,
        database: Database,
        notifiers: Mapping[str, Notifier],
        links_back: LinksBack,
        node: Node,
        *,
        freed: asyncio.Event,
        lines: Lines,
    ) -> None:
        self._database = database
        self._notifiers = notifiers
        self._links_back = links_back
        self._node = node
        self.lines = lines
        self._on_the_way: Counter[str] = Counter()
        """How many messages each channel is sending."""
        self._places: Counter[str] = Counter()
        """The same for each address (see `storage.deliveries.place`): one that hangs must not take all senders."""
        self._answered: set[str] = set()
        """Messages whose answer is here and not recorded yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = freed
        """Set whenever a sender is free again."""

    async def run_due(self) -> int:
        """Claim what is due and fits the pools, and set it on its way; what was done, as a number."""
        if not self._node.is_sure:
            await self._node.renew()
        await self._end_what_is_over()
        did = await self._hasten()
        now = self._database.clock()
        room_for, crowded = self._rooms(now), self._crowded()
        due = await self._database.look(lambda reader: sending.due(reader, reader.now, room_for, crowded))
        leaving = await self._without_those_that_wait(due)
        chosen, put_off = await self._choose(leaving, now)
        if chosen:
            # What was claimed is also sent when the server stops in this moment.
            await asyncio.shield(self._spawn(self._claim(chosen), "claim"))
        self._wake_for_the_pace(now)
        return did + len(due) - len(leaving) + len(chosen) + put_off

    async def _without_those_that_wait(self, due: Sequence[Notification]) -> list[Notification]:
        """In a storm pages to one person wait for each other, and leave as one message."""
        if not any(row.kind is NotificationKind.PAGE for row in due):
            return list(due)
        waiting = await self._database.look(lambda reader: bundles.waiting(reader, due))
        held = {page.id for page in waiting}
        leaving = [row for row in due if row.id not in held]
        if waiting:
            at_once = {row.id for row in leaving}
            await self._database.act(lambda tx: bundles.gather(tx, waiting, at_once))
        return leaving

    def _rooms(self, now: Instant) -> Callable[[str, NotificationPriority], int]:
        """How many of a channel may be claimed for a priority; fixed at this moment, so that any thread may ask."""
        on_the_way = Counter(self._on_the_way)
        shut = {channel for channel in self._notifiers if self.lines.is_shut(channel, now)}
        slots = {channel: self.lines.manner(channel).slots for channel in self._notifiers}

        def room_for(channel: str, priority: NotificationPriority) -> int:
            if channel in shut:
                return 0
            return room(slots.get(channel, AT_ONE_ADDRESS), priority) - on_the_way[channel]

        return room_for

    def _crowded(self) -> Callable[[NotificationPriority], Sequence[str]]:
        """The addresses that take no more of a priority; fixed at this moment too."""
        places = dict(self._places)

        def crowded(priority: NotificationPriority) -> Sequence[str]:
            most = room(AT_ONE_ADDRESS, priority)
            return [place for place, count in places.items() if count >= most]

        return crowded

    async def _choose(
        self, due: Sequence[Notification], now: Instant
    ) -> tuple[list[tuple[Notification, int]], int]:
        """Those whose address and provider have room, each with its provider. Where no provider is there, they are
        put off, or fail when their time is over; how many they are is the second value.
        """
        places = Counter(self._places)
        leading: set[str] = set()
        chosen: list[tuple[Notification, int]] = []
        waiting: dict[Instant, list[Notification]] = {}
        for row in due:
            place = sending.place(row)
            if row.bundle_id in leading or places[place] >= room(AT_ONE_ADDRESS, row.priority):
                continue
            provider = self.lines.choose(row, now)
            if provider is not None:
                places[place] += 1
                if row.bundle_id is not None:
                    leading.add(row.bundle_id)
                chosen.append((row, provider))
            elif (until := self.lines.opens_at(row, now)) is not None:
                waiting.setdefault(until, []).append(row)
        for until, rows in waiting.items():
            over = [row for row in rows if row.give_up_at <= now and self.lines.is_away(row, now)]
            await self._give_up(over)
            await self._put_off([row.id for row in rows if row not in over], until)
        return chosen, sum(len(rows) for rows in waiting.values())

    async def _give_up(self, rows: Sequence[Notification]) -> None:
        lines = [(row, self.lines.line(row.channel, row.provider, row.address)) for row in rows]
        await self._together([_giving_up(row, line.last_failure) for row, line in lines])

    async def _together(
        self, works: Sequence[Callable[[Transaction], Coroutine[Any, Any, Any]]]
    ) -> list[Any]:
        """The results of all, by one commit: on a slow disk nobody is paged while each waits for one of its own.

        When one of them fails each is tried by itself, so that it stops none before it.
        """

        async def all_of_them(tx: Transaction) -> list[Any]:
            return [await work(tx) for work in works]

        if not works:
            return []
        try:
            return await self._database.act(all_of_them)
        except Unavailable:
            raise
        except Exception:
            if len(works) == 1:
                raise
            log.exception("several could not be done together", number=len(works))
            return [await self._database.act(work) for work in works]

    async def _put_off(self, ids: list[str], until: Instant) -> None:
        await self._database.act(lambda tx: sending.put_off(tx, ids, until))

    async def _claim(self, chosen: Sequence[tuple[Notification, int]]) -> None:
        wanted: dict[int, list[Notification]] = {}
        for row, provider in chosen:
            wanted.setdefault(provider, []).append(row)
        run_id = self._node.run_id
        try:
            claimed = await self._database.act(lambda tx: deliveries.claim_all(tx, wanted, run_id))
        except BaseException:
            for row, provider in chosen:
                self.lines.withdraw(row, provider)
            raise
        messages: dict[str, list[Notification]] = {}
        for row in sorted(claimed, key=lambda row: (row.priority, row.id)):
            messages.setdefault(row.bundle_id or row.id, []).append(row)
        for row, provider in chosen:
            if (row.bundle_id or row.id) not in messages:
                self.lines.withdraw(row, provider)
        for rows in messages.values():
            self._on_the_way[rows[0].channel] += 1
            self._places[sending.place(rows[0])] += 1
            self._spawn(self._deliver(rows), f"deliver {rows[0].id}")
        if not claimed:
            await self._node.renew()  # it may be that another node took over: then a new run goes on

    async def _end_what_is_over(self) -> None:
        """What nobody can take and whose time is over fails without a try (promise NO-1)."""
        now = self._database.clock()
        dead, places = self.lines.dead(now)
        if not dead and not places:
            return
        over = await self._database.look(lambda reader: sending.over(reader, reader.now, dead, places))
        await self._give_up(over)

    async def _hasten(self) -> int:
        """People whose page was not accepted in time are reached by their next way (promise NO-3)."""
        late = await self._database.look(going_on.late)
        return sum(await self._together([_hastening(row) for row in late]))

    def _wake_for_the_pace(self, now: Instant) -> None:
        """Run again when a provider's pace allows the next message: no commit would wake the loop then."""
        wait = self.lines.wait(now)
        if wait is not None and wait < 1:
            asyncio.get_running_loop().call_later(wait + 0.001, self._freed.set)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def recover(self) -> int:
        """Take back what a sender that is gone had claimed."""
        run_id = self._node.run_id
        async with self._database.read() as reader:
            now = reader.now
            lost = await sending.abandoned(reader, run_id, now - CLAIM_LOST_AFTER)
        if not lost:
            return 0
        async with self._database.transaction() as tx:
            return await deliveries.recover(tx, run_id, now - CLAIM_LOST_AFTER, self._answered)

    async def remember(self) -> None:
        """Which providers refused our credentials when the last run ended."""
        async with self._database.read() as reader:
            known = await channel_troubles.all_of_them(reader)
        for trouble in known:
            self.lines.line(trouble.channel, trouble.provider, trouble.address).is_refused = True

    @property
    def is_sending(self) -> bool:
        """Whether anything is on its way."""
        return bool(self._tasks)

    async def finish(self, seconds: float) -> None:
        """Wait for what is on its way, so that its answers are written down."""
        await on_the_way.finish(self._tasks, seconds)

    async def stop(self, seconds: float) -> None:
        """Wait for so long, then break off what is still on its way: the next run sends it as a possible repeat.

        It would go on trying to write down its answer, in a database that is closed.
        """
        await self.finish(seconds)
        if self._tasks:
            log.warning(
                "messages were still on their way at the end", count=len(self._tasks), waited_seconds=seconds
            )
        await on_the_way.break_off(self._tasks)

    async def _deliver(self, rows: Sequence[Notification]) -> None:
        """One message about all of these; the first is its subject."""
        row, ids = rows[0], {each.id for each in rows}
        try:
            result = await self._send(rows)
            if result is None:
                self.lines.withdraw(row, row.provider)
                await self._patiently(rows, lambda tx: deliveries.give_back(tx, rows))
                return
            self._answered |= ids
            terms = self._terms(row, result)
            await self._settle(rows, result, terms)
        except Exception:
            log.exception("delivery failed", notification_id=row.id)
        finally:
            self._answered -= ids
            self._on_the_way[row.channel] -= 1
            # Addresses are many: what is at zero is not kept.
            self._places = self._places - Counter([sending.place(row)])
            self._freed.set()

    def _terms(self, row: Notification, result: Result) -> Terms:
        now = self._database.clock()
        line = self.lines.line(row.channel, row.provider, row.address)
        was_refused = line.is_refused
        self.lines.ended(row, result, now)
        providers = self.lines.providers(row.channel)
        return Terms(
            tries=self.lines.manner(row.channel).tries,
            providers=providers,
            elsewhere=self.lines.elsewhere(row, result, now),
            address=line.address,
            was_refused=was_refused,
        )

    async def _send(self, rows: Sequence[Notification]) -> Result | None:
        """What became of it; None: it did not leave, as the database is away or another node may have taken over."""
        row, together = rows[0], rows[1:]
        notifier = self._notifiers.get(row.channel)
        if notifier is None:
            return NotifierError(
                Reason.MISCONFIGURED, f"There is no channel named {row.channel}.", permanent=True
            )
        try:
            message = await self._database.look(
                lambda reader: deliveries.to_send(reader, row, self._links_back, together)
            )
        except NotifierError as error:
            return error
        except Unreadable as error:
            return NotifierError(Reason.MISCONFIGURED, error.message, permanent=True)
        except Unavailable:
            return None  # the channel is not to blame for the database: no try was made
        except Exception as error:
            log.exception("message could not be composed", notification_id=row.id)
            return NotifierError(
                Reason.MISCONFIGURED, f"The message could not be composed: {type(error).__name__}."
            )
        if not self._node.is_sure:
            return None
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

    async def _settle(self, rows: Sequence[Notification], result: Result, terms: Terms) -> None:
        if not await self._patiently(rows, lambda tx: receipts.settle(tx, rows, result, terms)):
            return
        telemetry.NOTIFICATIONS.labels(channel=rows[0].channel, outcome=rows[0].status).inc()
        for row in rows if isinstance(result, Receipt) else ():
            if row.kind is NotificationKind.PAGE:
                handover = max(0, (row.sent_at or row.created_at) - row.first_due_at) / SECOND
                telemetry.HANDOVER.labels(channel=row.channel).observe(handover)

    async def _patiently(
        self, rows: Sequence[Notification], body: Callable[[Transaction], Coroutine[Any, Any, None]]
    ) -> bool:
        """Write down what became of these, however long the database is away; False if it refuses it for good."""
        for tries in itertools.count():
            try:
                await self._database.act(body)
            except Unavailable as error:
                log.warning("answer not recorded yet", notification_id=rows[0].id, error=error.message)
            except Exception:
                log.exception("answer could not be recorded", notification_id=rows[0].id)
                if tries >= MOST_FAULTS:
                    return False
            else:
                break
            await asyncio.sleep(min(1 << min(tries, 6), LONGEST_PAUSE))
        return True


def _giving_up(row: Notification, why: str) -> Callable[[Transaction], Coroutine[Any, Any, None]]:
    return lambda tx: deliveries.give_up(tx, row, why)


def _hastening(row: Notification) -> Callable[[Transaction], Coroutine[Any, Any, bool]]:
    return lambda tx: going_on.hasten(tx, row)
