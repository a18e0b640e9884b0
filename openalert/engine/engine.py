"""Runs the steps: at least once a second, and at once when a commit brought work forward.

Each kind of step has a loop of its own, so that slow sending does not delay escalations. A loop that breaks is
started again; what it was doing is a row and waits. `run_until_idle` drives the same steps for tests.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from openalert.domain.access import SYSTEM
from openalert.domain.errors import Unavailable
from openalert.domain.event import Event
from openalert.domain.instant import SECOND, Instant
from openalert.domain.links_back import LinksBack
from openalert.engine import (
    auto_close,
    cadences,
    calendar_feeds,
    drills,
    escalate,
    heartbeats,
    held,
    housekeeping,
    measures,
    muting,
    shift_reminders,
    status_steps,
    swaps,
    weekly_reports,
)
from openalert.engine.black_box import BlackBox
from openalert.engine.deliver import Deliver
from openalert.engine.lines import Lines
from openalert.engine.node import Node, elapsed
from openalert.engine.outgoing_webhooks import OutgoingWebhooks
from openalert.engine.patience import patiently
from openalert.engine.status_mail import Budget, StatusMail
from openalert.notifiers.calendar_feed import CalendarFetcher
from openalert.notifiers.courier import Courier
from openalert.notifiers.notifier import Notifier
from openalert.notifiers.outgoing_webhook import OutgoingSender
from openalert.storage.clock import Ago
from openalert.storage.database import Database
from openalert.storage.runs import Run
from openalert.storage.standstill import within
from openalert.storage.transaction import Transaction
from openalert.supervisor import Watched
from openalert.usecases import beats, handoffs, warnings
from openalert.usecases import shift_reminders as reminders
from openalert.usecases.outgoing_events import Shapes
from openalert.usecases.warning_facts import Installation

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0
BREATH_SECONDS = 0.02
"""Between two steps: in a storm every commit wakes the loops, and looking for what is due costs as much as it finds."""
LONGEST_BREATH = 0.1
"""The same where commit after commit wakes a loop that finds nothing due, and nothing is being sent."""
LONGEST_TICK = 120.0
"""Seconds that a step may take of those that pages depend on; then it hangs, and is begun again."""
LONGEST_ROUND = 1800.0
"""The same for rounds through everything there is."""
AUDIT_SECONDS = 60.0
ALIVE_SECONDS = 5.0
DISK_SECONDS = 2.0
WARNINGS_SECONDS = 300.0
REMINDERS_SECONDS = 300.0
DEAF_SECONDS = 8.0
"""Without a sign of life for so long, beats may have found nobody who heard them."""
LONGEST_GOODBYE = 3.0
"""Seconds that the end of the server waits for receivers of outgoing webhooks: what breaks off goes out again."""
HELP_AFTER = 2 * SECOND
"""What is due is done by the node that leads; so long overdue, by whichever comes first."""
WAITS_FOR_NOTHING = ("escalate", "alive", "measure")
"""Loops that go on while the clock is known to be wrong; the first of them ticks, and does nothing."""


class Health:
    """What the engine knows of itself; read by /health and /ready."""

    def __init__(self) -> None:
        self.last_tick = time.monotonic()
        self.last_write: float | None = None
        """When a row of our own was last committed; monotonic seconds."""
        self.leaving = False
        """It serves on, but is about to stop: whoever can go elsewhere should."""
        self.draining = False
        self.on_tick: Callable[[], None] = _nothing
        """Called whenever a tick has ended, or has got on: with what was due, or with the database's refusal."""

    @property
    def tick_age(self) -> float:
        """Seconds since the last tick began."""
        return time.monotonic() - self.last_tick

    @property
    def write_age(self) -> float | None:
        """Seconds since the writer last proved itself; None: not yet."""
        return None if self.last_write is None else time.monotonic() - self.last_write


class Engine:
    """The loops of one process."""

    def __init__(
        self,
        database: Database,
        notifiers: Mapping[str, Notifier],
        links_back: LinksBack,
        *,
        payload_days: int = 30,
        slots: Mapping[str, int] | None = None,
        per_second: Mapping[str, float] | None = None,
        unset: Mapping[str, str] = warnings.NOTHING_UNSET,
        installation: Installation | None = None,
        calendars: CalendarFetcher | None = None,
        outgoing: tuple[OutgoingSender, Shapes] | None = None,
        couriers: tuple[Mapping[str, Courier], Mapping[str, Budget]] | None = None,
        node: Node | None = None,
    ) -> None:
        """`slots` and `per_second`: how channels are driven where the defaults are not meant.

        `unset`: what the configuration lacks, by channel, so that owners are told where people count on it.
        `installation`: what else of the configuration is worth a warning; None: nobody asks.
        `calendars`: by what calendars of other programs are fetched; None: they are not read.
        `outgoing`: what posts outgoing webhooks, and the shapes of their bodies; None: they are told nothing.
        `couriers`: what writes to subscribers of status pages, and how fast; None: they are told nothing.
        `node`: which one of those that share the database this is; None: the only one.
        """
        self.node = node or Node(database)
        self.health = Health()
        self._database = database
        self._payload_days = payload_days
        self._unset, self._installation = unset, installation
        self._calendars = calendars
        self._due = asyncio.Event()
        self._to_send = asyncio.Event()
        lines = Lines(notifiers, slots, per_second)
        self.deliver = Deliver(database, notifiers, links_back, self.node, freed=self._to_send, lines=lines)
        self.outgoing = OutgoingWebhooks(database, *outgoing, self.node) if outgoing else None
        self.letters = StatusMail(database, *couriers, links_back, self.node) if couriers else None
        self._tasks: list[Watched] = []
        self.black_box = BlackBox(database, leads=lambda: self.node.leads)
        self._listening = elapsed()
        self._duties: handoffs.Known = {}
        self._turns: reminders.Known = {}
        self.outlook: warnings.Outlook | None = None
        """The warnings of all organizations, as of the last look; None: there was none yet."""
        self.ticks_begun = self.ticks_ended = 0
        """The number of the tick that began last, and of the one that ended last without a fault."""
        self._audited: Ago | None = None
        """When open incidents were last looked over."""
        self.violations = 0
        """How many of them had lost their reason then."""
        self._stopping = False
        self._scheduler: Any = None

    async def start(self) -> None:
        """Take over what an earlier run left, then begin."""
        await self.begin()
        self._database.when_set(self.black_box.when_set)
        self._tasks.append(
            self._database.supervisor.start("pulse", self.black_box.beat, most_seconds=LONGEST_TICK)
        )
        self._database.listen(self._woken)
        for name, step, event, seconds in (
            ("escalate", self._escalate, self._due, TICK_SECONDS),
            ("heartbeats", self._check_heartbeats, asyncio.Event(), TICK_SECONDS),
            ("status pages", self._tell_customers, asyncio.Event(), TICK_SECONDS),
            ("deliver", self._deliver, self._to_send, TICK_SECONDS),
            ("audit", self._audit, asyncio.Event(), AUDIT_SECONDS),
            ("alive", self._alive, asyncio.Event(), self.node.renew_seconds),
            ("chores", self._led(self._chores), asyncio.Event(), AUDIT_SECONDS),
            ("disk", self._look_at_disk, asyncio.Event(), DISK_SECONDS),
            ("measure", self._measure, asyncio.Event(), ALIVE_SECONDS),
            ("weekly reports", self._led(self._report), asyncio.Event(), AUDIT_SECONDS),
            ("warnings", self._measure_warnings, asyncio.Event(), WARNINGS_SECONDS),
            ("shift reminders", self._led(self._plan_reminders), asyncio.Event(), REMINDERS_SECONDS),
            ("calendars", self._led(self._read_calendars), asyncio.Event(), AUDIT_SECONDS),
            *self._outgoing_loops(),
        ):
            self._tasks.append(self._begin_loop(name, step, event, seconds))
        self._scheduler = housekeeping.schedule(self._database, self._payload_days, lambda: self.node.leads)

    def _begin_loop(
        self, name: str, step: Callable[[], Awaitable[int]], event: asyncio.Event, seconds: float
    ) -> Watched:
        """One loop; what runs at least once a second must also be done within a minute."""
        return self._database.supervisor.start(
            name,
            lambda watched: self._loop(watched, step, event, seconds),
            most_seconds=LONGEST_TICK if seconds <= ALIVE_SECONDS else LONGEST_ROUND,
        )

    def _outgoing_loops(self) -> list[tuple[str, Callable[[], Awaitable[int]], asyncio.Event, float]]:
        return [
            (name, self._led(each.run_due), each.freed, TICK_SECONDS)
            for name, each in (("outgoing", self.outgoing), ("subscribers", self.letters))
            if each is not None
        ]

    def _led(self, step: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
        """A step that is one node's alone: it does nothing on the others."""

        @functools.wraps(step)
        async def led() -> int:
            return await step() if self.node.leads else 0

        return led

    async def begin(self) -> None:
        """Note this run and learn how long nobody was there; take back what the one before had claimed."""
        await self.black_box.begin()
        await patiently(self._database, lambda: self.node.begin(_excuse_gap))
        self.health.last_write = time.monotonic()
        self._listening = elapsed()
        await patiently(self._database, self.deliver.remember)
        for each in (self.deliver, self.outgoing, self.letters):
            if each is not None:
                await patiently(self._database, each.recover)

    async def stop(self, seconds: float = 10.0) -> None:
        """Claim nothing more, let what is on its way be answered and recorded, note the clean end."""
        self._stopping = self.health.draining = True
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None
        await self._database.supervisor.stop(*self._tasks)
        await self.deliver.stop(seconds)
        if self.outgoing is not None:
            await self.outgoing.stop(min(seconds, LONGEST_GOODBYE))
        if self.letters is not None:
            await self.letters.stop(min(seconds, LONGEST_GOODBYE))
        await self.node.end()
        await self.black_box.end()

    async def run_until_idle(self) -> None:
        """Everything that is due at this moment, to its end; for tests and `openalert demo`."""
        while True:
            did = await heartbeats.run_due(self._database) + await held.run_due(self._database)
            did += await escalate.run_due(self._database, self.black_box.outage)
            did += await muting.run_due(self._database) + await status_steps.run_due(self._database)
            did += await self.deliver.run_due()
            await self.deliver.finish(60)
            if self.outgoing is not None:
                did += await self.outgoing.run_due()
                await self.outgoing.finish(60)
            if self.letters is not None:
                did += await self.letters.run_due()
                await self.letters.finish(60)
            if not did:
                return

    def wake(self) -> None:
        """Something may be due now."""
        self._due.set()
        self._to_send.set()
        if self.outgoing is not None and self.outgoing.is_used:
            self.outgoing.freed.set()

    def _woken(self, events: list[Event]) -> None:
        if any(event.type.startswith(("incident.", "notification.", "alert.suppressed")) for event in events):
            self.wake()
        elif self.outgoing is not None and self.outgoing.is_used:
            self.outgoing.freed.set()
        if self.letters is not None and any(event.type.startswith("status_page.") for event in events):
            self.letters.freed.set()

    async def _loop(
        self, watched: Watched, step: Callable[[], Awaitable[int]], event: asyncio.Event, seconds: float
    ) -> None:
        """For ever. What breaks ends it, and the supervisor begins it again; a refusal of the database is no fault."""
        breath = BREATH_SECONDS
        while not self._stopping:
            await asyncio.sleep(breath)
            event.clear()
            if self.black_box.waits and watched.name not in WAITS_FOR_NOTHING:
                await asyncio.sleep(1)
                continue
            try:
                with watched.step():
                    did = await step()
            except Unavailable as error:
                log.warning("engine step waits for the database", step=watched.name, reason=error.message)
                await asyncio.sleep(1)
                continue
            found = time.monotonic()
            if did == 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await event.wait()
            in_vain = did == 0 and time.monotonic() - found < breath and self._dozes(event)
            breath = min(2 * breath, LONGEST_BREATH) if in_vain else BREATH_SECONDS

    def _dozes(self, event: asyncio.Event) -> bool:
        """Whether what wakes this loop is commits, and not senders that are free again."""
        return event in (self._due, self._to_send) and not self.deliver.is_sending

    async def _escalate(self) -> int:
        """One tick."""
        self.ticks_begun += 1
        number = self.ticks_begun
        try:
            # A commit that hangs must not look like an engine that does. What is done after all is not done twice.
            with within():
                did = await self._tick()
        except Unavailable:
            self.health.on_tick()  # the engine turns: it is the database that does not, and a restart mends no disk
            raise
        self.ticks_ended = number
        return did

    async def cycle(self) -> None:
        """Return when a tick has ended that began after this was asked."""
        asked = self.ticks_begun
        while self.ticks_ended <= asked:
            self._due.set()
            await asyncio.sleep(BREATH_SECONDS)

    async def _tick(self) -> int:
        self.health.last_tick = time.monotonic()
        await self.black_box.look()
        if self.black_box.waits:
            self.health.on_tick()
            return 0
        did = await held.run_due(self._database)
        grace = 0 if self.node.leads else HELP_AFTER
        did += await escalate.run_due(
            self._database, self.black_box.outage, self.health.on_tick, overdue_by=grace
        )
        await muting.run_due(self._database)
        self.health.on_tick()
        if did:
            self._to_send.set()
        return did

    async def _check_heartbeats(self) -> int:
        """First what could not be heard, then what is missing; while the server stops, beats are refused."""
        if self.health.draining:
            return 0
        await self._excuse_heartbeats()
        return await heartbeats.run_due(self._database)

    async def _excuse_heartbeats(self) -> None:
        """A machine that was stopped, or could write nothing down, must not blame those whom it did not hear."""
        deaf = elapsed() - self._listening
        if deaf > DEAF_SECONDS:
            now = self._database.clock()
            since = await self.node.unheard_since(now - int(deaf * SECOND))
            if now - since > DEAF_SECONDS * SECOND:
                await heartbeats.excuse(self._database, since, now)
            self._listening = elapsed()

    async def _tell_customers(self) -> int:
        return await status_steps.run_due(self._database)

    async def _deliver(self) -> int:
        return await self.deliver.run_due()

    @property
    def audited_at(self) -> Instant | None:
        """When open incidents were looked over last, by the clock as it stands now."""
        return None if self._audited is None else self._audited.at

    @audited_at.setter
    def audited_at(self, at: Instant) -> None:
        self._audited = Ago(self._database.clocks, at)

    async def _audit(self) -> int:
        await measures.reach(self._database)
        await measures.on_call(self._database)
        self.violations = await escalate.audit(self._database) + await held.audit(self._database)
        self.audited_at = self._database.clock()
        if self.violations:
            self._due.set()
        return 0

    async def _chores(self) -> int:
        if self.outgoing is not None:
            await self.outgoing.recover()
        if self.letters is not None:
            await self.letters.recover()
        await escalate.tell_handoffs(self._database, self._duties)
        if await shift_reminders.run_due(self._database):
            self._to_send.set()
        if await escalate.tell_changed_shifts(self._database):
            self._to_send.set()
        await cadences.run_due(self._database)
        if await auto_close.run_due(self._database, self.black_box.up_since):
            self._to_send.set()
        ended = await swaps.run_due(self._database)
        if await drills.run_due(self._database) or ended:
            self._to_send.set()
        return 0

    async def _report(self) -> int:
        if await weekly_reports.run_due(self._database, self._unset, self._installation):
            self._to_send.set()
        return 0

    async def _measure_warnings(self) -> int:
        await self.measure_warnings()
        return 0

    async def _plan_reminders(self) -> int:
        await shift_reminders.plan(self._database, self._turns)
        return 0

    async def _read_calendars(self) -> int:
        return await calendar_feeds.run_due(self._database, self._calendars) if self._calendars else 0

    async def _alive(self) -> int:
        await self._excuse_heartbeats()
        await self.node.renew()
        await self.black_box.seen()
        self.health.last_write = time.monotonic()
        self._listening = elapsed()
        await self.node.fence_others()
        if await self.deliver.recover():
            self._to_send.set()
        return 0

    async def _look_at_disk(self) -> int:
        return await housekeeping.look_at_disk(self._database)

    async def _measure(self) -> int:
        await measures.work(self._database)
        await heartbeats.measure(self._database)
        if self.outgoing is not None:
            await self.outgoing.measure()
        if self.letters is not None:
            await self.letters.measure()
        return 0

    async def measure_warnings(self) -> None:
        """What would keep a page from arriving, in all organizations."""
        self.outlook = await warnings.look(self._database, SYSTEM, self._unset, self._installation)
        measures.warnings(self.outlook)


def _nothing() -> None:
    """Nobody listens."""


async def _excuse_gap(tx: Transaction, previous: Run) -> None:
    """Nobody was there to hear a heartbeat since then."""
    await beats.excuse(tx, previous.last_seen_at, tx.now)
