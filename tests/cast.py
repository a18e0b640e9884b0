"""A small world in memory: senders that fire, people with mailboxes, a clock that is told to move.

await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
await world.fires("DiskFull")
world.mailbox(world.alice).got("DiskFull")
await world.advance(minutes=5)
world.mailbox(world.bob).got("DiskFull")
world.is_quiet()
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from openalert.domain.access import Actor
from openalert.domain.errors import OpenAlertError
from openalert.domain.incident import Incident
from openalert.domain.instant import MINUTE, SECOND, rfc3339
from openalert.domain.links_back import LinksBack
from openalert.domain.notification import NotificationKind
from openalert.domain.team import Channel
from openalert.domain.timeline import TimelineEntry, sentence
from openalert.domain.user import User
from openalert.engine.engine import Engine
from openalert.notifiers.notifier import Message, Receipt
from openalert.sources import Inbound, read
from openalert.storage import Database, incidents, timeline
from openalert.usecases import ingest
from openalert.usecases.inbound import Delivery, Outcome
from tests import make
from tests.make import level

__all__ = ["World", "level"]

LINKS_BACK = LinksBack("https://oncall.example.org", b"a secret of the tests")
Behaviour = Callable[[Message], Receipt]


class Post:
    """A notifier that delivers into mailboxes, or does what a test tells it."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.received: list[Message] = []
        self.attempts = 0
        self.behave: Behaviour | None = None

    async def send(self, message: Message, now: int) -> Receipt:
        """Deliver, or behave as told."""
        self.attempts += 1
        if self.behave is not None:
            receipt = self.behave(message)
            self.received.append(message)
            return receipt
        self.received.append(message)
        return Receipt(provider_id=f"post-{self.attempts}")

    async def probe(self) -> str:
        """Always well."""
        return "A test post."

    async def close(self) -> None:
        """Nothing to give back."""


class Mailbox:
    """What one address received and no test has looked at yet."""

    def __init__(self, name: str, messages: list[Message]) -> None:
        self._name = name
        self._messages = messages

    def got(self, title: str = "", kind: NotificationKind = NotificationKind.PAGE) -> Message:
        """The oldest unseen message of this kind about this; fails when there is none."""
        for message in self._messages:
            about = message.incident.title if message.incident else message.headline
            if message.kind is kind and title in about:
                self._messages.remove(message)
                return message
        raise AssertionError(
            f"{self._name} got no {kind} about {title!r}, only {[str(m.kind) for m in self._messages]}"
        )

    def got_update(self, headline: str) -> Message:
        """An update that begins with this headline."""
        for message in self._messages:
            if message.kind is NotificationKind.UPDATE and message.headline.startswith(headline):
                self._messages.remove(message)
                return message
        raise AssertionError(
            f"{self._name} was not told {headline!r}, only {[m.headline for m in self._messages]}"
        )

    def is_empty(self) -> None:
        """Fails if anything came that was not looked at."""
        assert not self._messages, (
            f"{self._name} also got {[(str(m.kind), m.headline) for m in self._messages]}"
        )


class World:
    """One organization with its engine, in one test."""

    def __init__(self, db: Database, clock: Any, cast: make.Cast) -> None:
        self.db = db
        self.clock = clock
        self.cast = cast
        self.alice, self.bob, self.charlie, self.core = cast.alice, cast.bob, cast.charlie, cast.team
        self.email, self.webhook = Post("email"), Post("webhook")
        self.engine = Engine(db, {"email": self.email, "webhook": self.webhook}, LINKS_BACK)
        self.events: list[str] = []
        self.service: Any = None
        self._boxes: dict[str, list[Message]] = defaultdict(list)
        db.listen(lambda events: self.events.extend(event.type for event in events))

    @classmethod
    async def build(cls, db: Database, clock: Any) -> "World":
        """A world with the standing cast and nothing configured."""
        world = cls(db, clock, await make.cast(db))
        await world.engine.begin()
        return world

    async def policy(self, *levels: Any, **options: Any) -> None:
        """A service "Database" that escalates by these levels, with the integrations A and B."""
        policy = await make.policy(self.db, self.core, *levels, **options)
        await self.without_policy(policy)

    async def without_policy(self, policy: Any = None) -> None:
        """The same service and integrations, with the given policy or none."""
        self.service = await make.service(self.db, self.core, policy)
        await make.integration(self.db, self.service, "A")
        await make.integration(self.db, self.service, "B")

    async def posts(self, body: Any, key: str = "A", source: str = "v1") -> Outcome:
        """A message as it arrives at the webhook; then the engine does what is due."""
        outcome = (await self.post_all([(body, key)], source))[0]
        await self.engine.run_until_idle()
        return outcome

    async def post_all(self, bodies: list[tuple[Any, str]], source: str = "v1") -> list[Outcome]:
        """Several messages in one batch; the engine is left alone."""
        deliveries = [self.delivery(body, key, source) for body, key in bodies]
        async with self.db.transaction() as tx:
            return await ingest.take_in(tx, deliveries)

    def delivery(self, body: Any, key: str, source: str) -> Delivery:
        """A message read as the webhook reads it."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        reading, failure = None, None
        try:
            reading = read(source, content, Inbound(received_at=self.clock()))
        except OpenAlertError as error:
            failure = error
        return Delivery(
            key_hash=hashlib.sha256(key.encode()).hexdigest(),
            content=content,
            content_type="application/json",
            source=source,
            reading=reading,
            failure=failure,
            trace_id="trace",
        )

    def alert(self, name: str, status: str = "firing", since: int = 0, **labels: str) -> dict[str, Any]:
        """One alert of an Alertmanager message, begun `since` seconds after the start of the test."""
        begun = rfc3339(self.clock.start + since * SECOND)
        return {
            "status": status,
            "labels": {"alertname": name, **labels},
            "annotations": {"summary": name},
            "startsAt": begun,
            "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else rfc3339(self.clock()),
        }

    def group(self, *alerts: dict[str, Any]) -> dict[str, Any]:
        """An Alertmanager message; its group is the name of the first alert."""
        name = alerts[0]["labels"]["alertname"]
        return {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{name}"}}',
            "status": "firing",
            "receiver": "openalert",
            "groupLabels": {"alertname": name},
            "alerts": list(alerts),
        }

    async def fires(self, name: str, since: int = 0, **labels: str) -> Outcome:
        """Alertmanager says that it fires."""
        return await self.posts(self.group(self.alert(name, "firing", since, **labels)))

    async def resolves(self, name: str, since: int = 0, **labels: str) -> Outcome:
        """Alertmanager says that it is over."""
        return await self.posts(self.group(self.alert(name, "resolved", since, **labels)))

    async def advance(self, *, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass; the engine acts at every second at which something is due."""
        until = self.clock() + int(minutes * MINUTE + seconds * SECOND)
        while True:
            await self.engine.run_until_idle()
            due = await self._next_due()
            if due is None or due > until:
                break
            self.clock.now = max(due, self.clock())
        self.clock.now = until
        await self.engine.run_until_idle()

    async def _next_due(self) -> int | None:
        async with self.db.read() as reader:
            times = [
                await reader.value("SELECT min(due_at) FROM timers WHERE due_at > :now", now=reader.now),
                await reader.value("SELECT min(due_at) FROM heartbeats WHERE due_at > :now", now=reader.now),
                await reader.value(
                    "SELECT min(due_at) FROM notifications WHERE status IN ('pending', 'unknown') AND due_at > :now",
                    now=reader.now,
                ),
                await reader.value(
                    "SELECT min(until) FROM alert_holds WHERE released_at IS NULL AND until > :now",
                    now=reader.now,
                ),
                *[
                    await reader.value(f"SELECT min(due_at) FROM {table} WHERE due_at > :now", now=reader.now)
                    for table in ("maintenance_windows", "silences", "status_incidents")
                ],
                await reader.value(
                    "SELECT min(due_at) FROM outgoing_deliveries WHERE status = 'pending' AND due_at > :now",
                    now=reader.now,
                ),
            ]
        return min((time for time in times if time is not None), default=None)

    def mailbox(self, of: User | Channel) -> Mailbox:
        """What came for a person or channel."""
        self._sort()
        address = of.email if isinstance(of, User) else of.config.get("url") or of.config["address"]
        return Mailbox(of.name, self._boxes[address])

    def _sort(self) -> None:
        for post in (self.email, self.webhook):
            for message in post.received:
                self._boxes[message.to].append(message)
            post.received.clear()

    def is_quiet(self) -> None:
        """Fails on any message that no test looked at."""
        self._sort()
        for address, messages in self._boxes.items():
            Mailbox(address, messages).is_empty()

    def is_quiet_for(self, of: User) -> None:
        """Fails on any message to this person that no test looked at."""
        self.mailbox(of).is_empty()

    async def incident(self, number: int = 1) -> Incident:
        """The incident that people call by this number."""
        async with self.db.read() as reader:
            found = await incidents.get_by_number(reader, self.cast.organization.id, number)
        assert found is not None, f"there is no incident #{number}"
        return found

    async def story(self, number: int = 1) -> list[str]:
        """The incident's timeline as sentences, oldest first; its numbers must have no gap."""
        incident = await self.incident(number)
        async with self.db.read() as reader:
            entries = await timeline.of_incident(reader, incident.id, limit=1000)
        entries.reverse()
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert incident.last_seq == len(entries)
        return [sentence(entry) for entry in entries]

    async def entries(self, kind: str, number: int = 1) -> list[TimelineEntry]:
        """The entries of one kind, oldest first."""
        incident = await self.incident(number)
        async with self.db.read() as reader:
            entries = await timeline.of_incident(reader, incident.id, limit=1000)
        return [entry for entry in reversed(entries) if entry.kind == kind]

    def as_(self, user: User) -> Actor:
        """The person as an actor: Alice owns the team, Bob is a member, others are strangers."""
        if user.id == self.alice.id:
            return make.actor(user, self.core)
        if user.id == self.bob.id:
            return make.actor(user, self.core, team_role=make.Role.MEMBER)
        return make.actor(user)

    async def does(self, act: Any, *args: Any, by: User | None = None, **options: Any) -> Any:
        """A use case in a transaction of its own, by Alice unless told otherwise; then the engine runs."""
        async with self.db.transaction(self.as_(by or self.alice)) as tx:
            result = await act(tx, *args, **options)
        await self.engine.run_until_idle()
        return result

    async def value(self, sql: str, **parameters: Any) -> Any:
        """One value straight from the database."""
        async with self.db.read() as reader:
            return await reader.value(sql, **parameters)
