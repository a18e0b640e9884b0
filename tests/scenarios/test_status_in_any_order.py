"""Whatever is told, planned, set by hand and by incidents in whatever order: a page says what a small model says.

OPENALERT_TEST_LIVES: how many random lives, for a longer walk than the usual one.
"""

import os
import random
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.public_page import PublicPage
from openalert.domain.severity import Severity
from openalert.domain.status_page import (
    OF_INCIDENT,
    OF_MAINTENANCE,
    Automation,
    ComponentStatus,
    PublicStatus,
)
from openalert.storage import status_pages as stored
from openalert.usecases import incidents, status_view
from openalert.usecases import status_components as components
from openalert.usecases import status_incidents as told
from openalert.usecases import status_pages as pages
from tests.cast import World

pytestmark = pytest.mark.anyio

LIVES = int(os.environ.get("OPENALERT_TEST_LIVES", "4"))
STEPS = 40
BAD = ("operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage")
"""The better before the worse."""
WEIGHT = {"partial_outage": 0.3, "major_outage": 1.0}
MADE_OF = {"critical": "major_outage", "high": "partial_outage", "medium": "degraded_performance"}


class Part(msgspec.Struct):
    """A component of the model."""

    began: Instant
    own: str = "operational"
    follows: bool = False
    heeds_from: Instant = 0
    ground: list[tuple[Instant, str]] = []


class Item(msgspec.Struct):
    """An incident or a maintenance of the model."""

    status: str
    about: dict[str, str | None]
    is_public: bool
    started: Instant
    begins: Instant | None = None
    ends: Instant | None = None
    over: Instant | None = None
    said: int = 0
    spans: list[tuple[str, Instant, Instant, str]] = []
    """Told of the past: component, from, until, how it was."""


class Ours(msgspec.Struct):
    """An internal incident of the model."""

    severity: str
    since: Instant


def worst(some: list[str]) -> str:
    """The worst of these."""
    return max(some, key=BAD.index)


class Model:
    """What a page must say, worked out anew from a few facts."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.items: dict[str, Item] = {}
        self.ours: dict[str, Ours] = {}

    def status(self, name: str) -> str:
        """How a component is now."""
        part = self.parts[name]
        found = [
            part.own,
            *(
                item.about.get(name) or "operational"
                for item in self.items.values()
                if item.is_public and item.over is None and item.status != "scheduled"
            ),
        ]
        if part.follows:
            found += [
                MADE_OF.get(each.severity, "operational")
                for each in self.ours.values()
                if each.since > part.heeds_from
            ]
        return worst(found)

    def settle(self, now: Instant) -> None:
        """Let maintenances begin and end, then write down how components are."""
        for _ in range(2):
            for item in self.items.values():
                if item.begins is None or item.ends is None or not item.is_public or item.over is not None:
                    continue
                if item.status == "scheduled" and item.begins <= now:
                    item.status, item.said = "in_progress", item.said + 1
                elif item.status != "scheduled" and item.ends <= now:
                    item.status, item.over, item.said = "completed", now, item.said + 1
        for name, part in self.parts.items():
            part.ground = [entry for entry in part.ground if entry[0] != now]
            part.ground.append((now, self.status(name)))

    def log(self, name: str, now: Instant) -> list[tuple[Instant, str]]:
        """How a component was, from its beginning, where that changed; with what was told of the past later."""
        part = self.parts[name]
        spans = [
            (max(since, part.began), until, status)
            for item in self.items.values()
            for of, since, until, status in item.spans
            if of == name
        ]
        moments = {at for at, _ in part.ground} | {at for span in spans for at in span[:2]}
        found: list[tuple[Instant, str]] = []
        for at in sorted(each for each in moments if part.began <= each <= now):
            ground = [status for since, status in part.ground if since <= at] or ["operational"]
            status = worst([ground[-1], *(each for since, until, each in spans if since <= at < until)])
            if not found or found[-1][1] != status:
                found.append((at, status))
        return found

    def uptime(self, name: str, now: Instant) -> float | None:
        """Per cent since its beginning, by the published weights."""
        began = self.parts[name].began
        if now <= began:
            return None
        log = [*self.log(name, now), (now, "")]
        down = sum((until - since) * WEIGHT.get(status, 0) for (since, status), (until, _) in pairwise(log))
        return 100 * (1 - down / (now - began))


class Walk:
    """One random life of a page, told by its seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.model = Model()
        self.story: list[str] = []

    async def build(self) -> None:
        """A page with two components, and a service that a third one follows."""
        await self.world.without_policy()
        self.page = await self.world.does(pages.create, team_id=self.world.core.id, name="Acme")
        for follows in (False, False, True):
            await self.add(follows=follows)

    async def does(self, act: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
        """The owner does it, then the engine what follows; refused: None."""
        self.story.append(f"{self.world.clock()} {act.__name__} {args} {options}")
        try:
            return await self.world.does(act, *args, **options)
        except OpenAlertError as error:
            self.story.append(f"  refused: {error.message}")
            return None

    def some_parts(self) -> list[str]:
        """A few components."""
        names = sorted(self.model.parts)
        return self.chance.sample(names, self.chance.randint(0, min(2, len(names))))

    def how(self) -> dict[str, str | None]:
        """A few components with how they are."""
        return {each: self.chance.choice((*BAD[2:], *BAD[3:], None)) for each in self.some_parts()}

    def an_item(self, *, is_open: bool = True) -> str | None:
        """Something told or drafted, if there is any."""
        names = [name for name, item in self.model.items.items() if item.over is None or not is_open]
        return self.chance.choice(sorted(names)) if names else None

    async def add(self, *, follows: bool = False) -> None:
        """A new component."""
        more = {"service_id": self.world.service.id, "automation": Automation.SET} if follows else {}
        made = await self.does(
            components.add_component, self.page.id, name=f"Part {len(self.model.parts)}", **more
        )
        now = self.world.clock()
        self.model.parts[made.id] = Part(began=now, follows=follows, ground=[(now, "operational")])

    async def by_hand(self) -> None:
        """A person sets a component: what is told of it says no more."""
        name, status = self.chance.choice(sorted(self.model.parts)), self.chance.choice(BAD)
        await self.does(components.change_component, name, status=ComponentStatus(status))
        part = self.model.parts[name]
        part.own, part.heeds_from = status, self.world.clock()
        for item in self.model.items.values():
            if item.is_public and item.over is None and item.status != "scheduled" and name in item.about:
                item.about[name] = None

    async def tell(self) -> None:
        """An incident, perhaps as a draft, perhaps after the fact."""
        now, about = self.world.clock(), self.how()
        is_draft = self.chance.random() < 0.25
        late = {} if is_draft or self.chance.random() < 0.7 else self.late(now)
        made = await self.does(
            told.create, self.page.id, title="X", components=_as_statuses(about), is_draft=is_draft, **late
        )
        over = late.get("resolved_at")
        started = late.get("started_at", now)
        item = Item("resolved" if over else "investigating", about, not is_draft, started, over=over)
        item.said = int(not is_draft)
        item.spans = [
            (name, started, over or now, status)
            for name, status in about.items()
            if status and started < (over or now)
        ]
        self.model.items[made.incident.id] = item

    def late(self, now: Instant) -> dict[str, Instant]:
        """When it began, and perhaps ended, before it was told."""
        began = now - self.chance.choice((MINUTE, HOUR, DAY))
        ended = began + (now - began) // 2
        return {"started_at": began} | ({"resolved_at": ended} if self.chance.random() < 0.5 else {})

    async def plan(self) -> None:
        """A maintenance to come, or one that should have begun already."""
        now, names = self.world.clock(), self.some_parts()
        begins = now + self.chance.choice((-HOUR, MINUTE, HOUR, DAY))
        ends = begins + self.chance.choice((10 * MINUTE, 5 * HOUR))
        is_draft = self.chance.random() < 0.2
        made = await self.does(
            told.create,
            self.page.id,
            title="M",
            components=dict.fromkeys(names),
            scheduled_for=begins,
            scheduled_until=ends,
            is_draft=is_draft,
        )
        about: dict[str, str | None] = dict.fromkeys(names, "under_maintenance")
        self.model.items[made.incident.id] = Item(
            "scheduled", about, not is_draft, begins, begins, ends, said=int(not is_draft)
        )

    async def say(self) -> None:
        """An update with any status; the first one publishes a draft, some are drafts themselves."""
        name = self.an_item(is_open=self.chance.random() < 0.9)
        if name is None:
            return
        item, about = self.model.items[name], self.how()
        is_planned = item.begins is not None
        status = self.chance.choice(OF_MAINTENANCE if is_planned else OF_INCIDENT)
        is_draft = self.chance.random() < 0.2
        done = await self.does(
            told.post, name, status=status, message="m", components=_as_statuses(about), is_draft=is_draft
        )
        assert (done is None) == (item.over is not None), "what is over takes no update"
        if done is None or is_draft:
            return
        usual = "under_maintenance" if is_planned else None
        item.about |= {each: how or usual for each, how in about.items()}
        item.status, item.is_public, item.said = str(status), True, item.said + 1
        if PublicStatus(status).is_over:
            item.over = self.world.clock()

    async def take_back(self) -> None:
        """It is deleted, with all it said."""
        name = self.an_item(is_open=False)
        if name is not None and self.chance.random() < 0.4:
            await self.does(told.delete, name)
            del self.model.items[name]

    async def inside(self) -> None:
        """An internal incident begins or ends."""
        if self.model.ours and self.chance.random() < 0.6:
            name = self.chance.choice(sorted(self.model.ours))
            await self.does(incidents.resolve, name)
            del self.model.ours[name]
            return
        severity = self.chance.choice(list(Severity))
        made = await self.does(
            incidents.open_by_hand, service_id=self.world.service.id, title="Down", severity=severity
        )
        self.model.ours[made.id] = Ours(str(severity), self.world.clock())

    async def wait(self) -> None:
        """Time passes; what is due happens at its moment."""
        until = self.world.clock() + self.chance.choice((MINUTE, 17 * MINUTE, 3 * HOUR, 26 * HOUR))
        while True:
            due = sorted(
                at
                for item in self.model.items.values()
                if item.is_public and item.over is None and item.begins and item.ends
                for at in (item.begins if item.status == "scheduled" else item.ends,)
                if self.world.clock() < at <= until
            )
            step = due[0] if due else until
            await self.world.advance(seconds=(step - self.world.clock()) / 1000)
            self.model.settle(step)
            if not due:
                break

    async def step(self) -> None:
        """Anything, and then the page says what the model says."""
        act = self.chance.choice((self.tell, self.tell, self.plan, self.say, self.say, self.say, self.by_hand,
                                  self.inside, self.take_back, self.wait, self.wait, self.wait))  # fmt: skip
        await act()
        self.model.settle(self.world.clock())
        await self.check()
        self.world.clock.advance(self.chance.choice((0, 0, 1, 1000)))

    async def check(self) -> None:
        """Components, the whole, what is told, the log and uptime."""
        now = self.world.clock()
        async with self.world.db.read() as reader:
            page = await stored.one(reader, self.page.id)
            assert page is not None
            shown = await status_view.of_page(reader, page, "https://x.example")
            logs = await stored.history(reader, list(self.model.parts), 0)
        statuses = {name: self.model.status(name) for name in self.model.parts}
        assert {each.id: str(each.status) for each in shown.components} == statuses
        assert str(shown.overall) == _overall(list(statuses.values()))
        self._check_told(shown)
        for each in shown.components:
            collapsed: list[tuple[Instant, str]] = []
            for entry in logs[each.id]:
                if not collapsed or collapsed[-1][1] != entry.status:
                    collapsed.append((entry.at, str(entry.status)))
            assert collapsed == self.model.log(each.id, now), each.name
            assert each.percent == pytest.approx(self.model.uptime(each.id, now), abs=1e-9), each.name

    def _check_told(self, shown: PublicPage) -> None:
        public = {name: item for name, item in self.model.items.items() if item.is_public}
        assert {each.id: (str(each.status), len(each.updates)) for each in shown.incidents} == {
            name: (item.status, item.said) for name, item in public.items()
        }
        for each in shown.incidents:
            assert each.resolved_at == public[each.id].over
            assert each.resolved_at is None or each.resolved_at >= each.started_at
            assert not (each.scheduled_for and each.status is not PublicStatus.SCHEDULED) or (
                each.started_at <= shown.as_of
            )


def _as_statuses(about: dict[str, str | None]) -> dict[str, ComponentStatus | None]:
    return {name: ComponentStatus(status) if status else None for name, status in about.items()}


def _overall(statuses: list[str]) -> str:
    """By the specification."""
    if {"major_outage", "partial_outage"} & set(statuses):
        return "outage"
    if "degraded_performance" in statuses:
        return "degraded"
    return "maintenance" if set(statuses) == {"under_maintenance"} else "operational"


@pytest.mark.parametrize("seed", range(LIVES))
async def test_a_page_says_what_the_model_says(world: World, seed: int) -> None:
    """Forty acts of every kind with a moving clock; the story of a life that ends badly is told with its seed."""
    walk = Walk(world, seed)
    await walk.build()
    for _ in range(STEPS):
        try:
            await walk.step()
        except AssertionError as error:
            story = "\n".join(walk.story[-25:])
            raise AssertionError(f"seed {seed}:\n{story}\n{error}") from error
