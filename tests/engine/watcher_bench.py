"""A watcher in the test's own process: a real server that it watches, clocks and channels of the test's."""

from pathlib import Path

import msgspec

from openalert.domain.absence import Memory, Rules, Sight
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.watcher import Person, Roster, Snapshot, Span, TeamRosters, Way
from openalert.engine.watch_memory import WatchMemory
from openalert.engine.watch_pages import WatchPages
from openalert.engine.watcher import Watcher
from openalert.notifiers.http import OutgoingSettings
from openalert.notifiers.last_resort import LastResort
from openalert.notifiers.notifier import Message, NotifierError, Receipt
from openalert.notifiers.watched import Watched
from openalert.storage import wall_clock
from tests.fakes.watched import FakeWatched

KEY = "oak_0123_" + "a" * 64
AFTER = 3 * MINUTE


class Post:
    """A channel that keeps what it sends and fails as told."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.sent: list[Message] = []
        self.failure: Exception | None = None

    async def send(self, message: Message, now: Instant) -> Receipt:
        """Keep it, or fail; of a lost answer both."""
        if not isinstance(self.failure, NotifierError):
            self.sent.append(message)
        if self.failure is not None:
            raise self.failure
        return Receipt(provider_id="x")

    async def probe(self) -> str:
        """Well."""
        return ""

    async def close(self) -> None:
        """Nothing is open."""

    def to(self, kind: NotificationKind = NotificationKind.PAGE) -> list[str]:
        """The addresses of messages of this kind, in order."""
        return [each.to for each in self.sent if each.kind is kind]


class Place:
    """Whether other addresses answer."""

    answers = True

    async def answer(self) -> bool:
        """As told."""
        return self.answers


class Bench:
    """A watcher, and everything around it."""

    def __init__(self, first: FakeWatched, folder: Path) -> None:
        self.first, self.folder = first, folder
        self.now, self.up = wall_clock(), 1_000_000
        self.mail, self.sms = Post("email"), Post("sms")
        self.place = Place()
        self.resort: LastResort | None = None
        self.rules = Rules(after=AFTER, escalate_after=15 * MINUTE, repeat_after=0, channels=("email", "sms"))
        self.deadline = 10.0
        self.watcher = self.open()

    def open(self) -> Watcher:
        """Begin to watch with what is kept, as a process does."""
        memory = WatchMemory(self.folder, self.first.url, KEY)
        memory.open(self.now, self.up)
        return Watcher(
            memory,
            Watched(self.first.url, KEY, OutgoingSettings(deadline=self.deadline)),
            self.place,  # type: ignore[arg-type]  # as References
            WatchPages(
                {"email": self.mail, "sms": self.sms}, self.resort, host="watch-1", server=self.first.url
            ),
            msgspec.structs.replace(self.rules, has_last_resort=self.resort is not None),
            clock=lambda: self.now,
            up=lambda: self.up,
        )

    async def restart(self) -> None:
        """The process ends in order, and a new one begins."""
        await self.watcher.close()
        self.watcher = self.open()

    def pass_(self, milliseconds: int) -> None:
        """Time passes."""
        self.now += milliseconds
        self.up += milliseconds

    async def turn(self, milliseconds: int = 0) -> Sight:
        """Let time pass, and look."""
        self.pass_(milliseconds)
        return (await self.watcher.turn()).sight

    async def goes_silent(self) -> None:
        """Well once, then silent for so long that people are called."""
        assert await self.turn() is Sight.WELL
        await self.first.down()
        assert await self.turn(MINUTE) is Sight.SILENT
        assert await self.turn(AFTER) is Sight.SILENT

    @property
    def memory(self) -> Memory:
        """What it knows."""
        return self.watcher.memory


def snapshot(now: Instant) -> Snapshot:
    """Bea is on for an hour, then Jun; level 2 is Kim, who has only a telephone; Ana owns the team."""
    people = (
        Person(id="ana", name="Ana", timezone="UTC", ways=(Way("email", "ana@example.org", is_spare=True),)),
        Person(
            id="bea",
            name="Bea",
            timezone="Europe/Berlin",
            ways=(
                Way("email", "bea@example.org"),
                Way("sms", "+49151"),
                Way("slack", "U1"),
            ),
        ),
        Person(id="jun", name="Jun", timezone="UTC", ways=(Way("email", "jun@example.org"),)),
        Person(
            id="kim",
            name="Kim\x1b[31m\n",
            timezone="Nowhere/Land",
            ways=(
                Way("sms", "+49152"),
                Way("email", "kim@example.org", is_spare=True),
            ),
        ),
    )
    primary = Roster(
        name="Primary",
        level=1,
        spans=(
            Span(start=now - HOUR, end=now + HOUR, people=("bea",)),
            Span(start=now + HOUR, end=now + 7 * DAY, people=("jun",)),
        ),
    )
    second = Roster(
        name="Second", level=2, spans=(Span(start=now - HOUR, end=now + 7 * DAY, people=("kim",)),)
    )
    team = TeamRosters(id="t", name="Core", slug="core", rosters=(primary, second), owners=("ana",))
    return Snapshot(until=now + 7 * DAY, people=people, teams=(team,))
