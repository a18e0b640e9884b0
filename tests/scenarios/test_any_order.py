"""Whatever senders, people and time do in whatever order, nothing is counted wrong, stranded, or sent twice."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from openalert.domain.errors import Conflict
from openalert.domain.instant import MINUTE
from openalert.domain.severity import Severity
from openalert.notifiers.notifier import LostAnswer, Message, NotifierError, Reason, Receipt
from openalert.usecases import alerts, incidents
from tests import make
from tests.cast import World, level
from tests.invariants import broken, unsettled

pytestmark = pytest.mark.anyio

NAMES = ("DiskFull", "HighLoad")
HOSTS = ("a", "b", "c")
STEPS = 60


class Walk:
    """One random life of a world, told by its seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.story: list[str] = []
        self.sent: dict[str, int] = {}
        self.lost: dict[str, int] = {}
        world.email.behave = world.webhook.behave = self.provider

    def provider(self, message: Message) -> Receipt:
        """A provider with moods; the ledger is what it saw."""
        mood = self.chance.random()
        key = message.notification_id
        if mood < 0.1:
            self.lost[key] = self.lost.get(key, 0) + 1
            self.sent[key] = self.sent.get(key, 0) + 1
            raise LostAnswer("gone")
        if mood < 0.2:
            raise NotifierError(Reason.UNREACHABLE, "not now")
        if mood < 0.25:
            raise NotifierError(Reason.REJECTED_RECIPIENT, "never", permanent=True)
        self.sent[key] = self.sent.get(key, 0) + 1
        return Receipt(provider_id="taken")

    def signal(self, status: str | None = None) -> dict[str, Any]:
        """Something that Alertmanager says."""
        return self.world.alert(
            self.chance.choice(NAMES),
            status or self.chance.choice(("firing", "firing", "resolved")),
            since=self.chance.choice((0, 0, 60, (self.world.clock.now - self.world.clock.start) // 1000)),
            host=self.chance.choice(HOSTS),
        )

    def message(self) -> tuple[Any, str]:
        """One to four alerts of any group and severity, to either integration, in either dialect."""
        if self.chance.random() < 0.3:
            return self.generic(), self.chance.choice("AB")
        signals = [self.signal() for _ in range(self.chance.randint(1, 4))]
        return self.world.group(*signals), self.chance.choice("AB")

    def generic(self) -> dict[str, Any]:
        """A source with an identity of its own, whose severity may change while it fires."""
        return {
            "title": "Queue",
            "dedup_key": self.chance.choice(("q1", "q2")),
            "status": self.chance.choice(("firing", "firing", "resolved")),
            "severity": self.chance.choice(("low", "high", "critical")),
        }

    async def batch(self) -> None:
        """Several messages in one transaction, with or without the engine at work after it."""
        outcomes = await self.world.post_all([self.message() for _ in range(self.chance.randint(1, 4))])
        self.story.append(f"batch {[(each.processed, each.incidents) for each in outcomes]}")
        if self.chance.random() < 0.7:
            await self.world.engine.run_until_idle()

    async def person(self) -> None:
        """Somebody does something to some incident, sensible or not."""
        number = await self.world.value("SELECT max(number) FROM incidents")
        if not number:
            return
        incident = await self.world.incident(self.chance.randint(1, number))
        until = self.world.clock.now + self.chance.randint(1, 30) * MINUTE
        acts: list[tuple[Callable[..., Awaitable[Any]], dict[str, Any]]] = [
            (incidents.acknowledge, {}),
            (incidents.resolve, {}),
            (incidents.reopen, {}),
            (incidents.snooze, {"until": until}),
            (incidents.escalate, {}),
            (incidents.note, {"body": "hm"}),
        ]
        act, options = self.chance.choice(acts)
        self.story.append(f"{act.__name__} #{incident.number} {options}")
        by = self.chance.choice((self.world.alice, self.world.bob))
        try:
            await self.world.does(act, incident.id, by=by, **options)
        except Conflict as error:
            self.story.append(f"  refused: {error.message}")

    async def person_with_alert(self) -> None:
        """Somebody does something to a single alert."""
        ids = []
        async with self.world.db.read() as reader:
            ids = [row[0] for row in await reader.rows("SELECT id FROM alerts ORDER BY id")]
        if not ids:
            return
        act = self.chance.choice((alerts.acknowledge, alerts.resolve))
        self.story.append(f"alert {act.__name__}")
        try:
            await self.world.does(act, self.chance.choice(ids))
        except Conflict as error:
            self.story.append(f"  refused: {error.message}")

    async def by_hand(self) -> None:
        """A person opens an incident."""
        self.story.append("open by hand")
        await self.world.does(
            incidents.open_by_hand, service_id=self.world.service.id, title="Seen", severity=Severity.HIGH
        )

    async def time(self) -> None:
        """Time passes."""
        seconds = self.chance.choice((1, 10, 60, 300, 900))
        self.story.append(f"advance {seconds} s")
        await self.world.advance(seconds=seconds)

    async def step(self) -> None:
        """One thing happens, then everything must still be true."""
        acts = (
            self.batch,
            self.batch,
            self.batch,
            self.person,
            self.person,
            self.person_with_alert,
            self.time,
        )
        await self.chance.choice((*acts, *acts, self.by_hand))()
        wrong = await broken(self.world.db)
        assert not wrong, self.told(wrong)

    def told(self, wrong: list[str]) -> str:
        """What went wrong, after what."""
        return "\n".join([*self.story[-25:], *wrong])


@pytest.mark.proves("ES-9", "ST-3", "F-34")
@pytest.mark.parametrize("seed", range(12))
async def test_random_lives_break_no_rule(world: World, seed: int) -> None:
    """Sixty random acts of senders, people, providers and time: every rule of tests/invariants.py holds after each."""
    ops = await make.channel(world.db, world.core, "webhook", url="https://hooks.example.org/ops")
    await world.policy(
        level(1, world.alice),
        level(2, world.bob, ops, minutes=5),
        level(3, world.core, minutes=10),
        repeats=1,
        repeat_minutes=5,
    )
    walk = Walk(world, seed)
    for _ in range(STEPS):
        await walk.step()
    await world.advance(minutes=24 * 60)
    assert not (left := await broken(world.db) + await unsettled(world.db)), walk.told(left)
    doubled = {key for key, times in walk.sent.items() if times > 1 + walk.lost.get(key, 0)}
    assert not doubled, "sent again although the answer had come"
