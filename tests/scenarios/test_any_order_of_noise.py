"""Rules, windows, silences, pauses and people in whatever order: nothing that still fires is forgotten, or paged twice.

Each life ends with everything over that kept alerts from paging. What its sender then still reports must have an open
incident for which somebody was paged, or a person who has it.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from openalert.domain.access import Actor
from openalert.domain.alert_deed import AlertDeed, DeedKind
from openalert.domain.errors import OpenAlertError
from openalert.domain.instant import MINUTE, SECOND, rfc3339
from openalert.domain.matching import Matcher
from openalert.domain.noise import Flapping, GroupBy, Grouping, Noise
from openalert.domain.routing import (
    Actions,
    LabelFits,
    RuleBody,
    SeverityIs,
    Suppression,
    Threshold,
    ThresholdSide,
)
from openalert.domain.service import AutoClose, IntegrationConfig
from openalert.domain.severity import Severity
from openalert.domain.user import User
from openalert.engine import auto_close, held
from openalert.engine.engine import Engine
from openalert.usecases import (
    alerts,
    incidents,
    integrations,
    linking,
    maintenance_windows,
    merging,
    replay,
    routing_rules,
    services,
    silences,
)
from tests import make
from tests.cast import LINKS_BACK, World, level
from tests.invariants import broken, unsettled

pytestmark = pytest.mark.anyio

HOSTS = ("a", "b", "c")
NAMES = ("DiskFull", "HighLoad")
KEYS = "ABCD"
STEPS = 60

NOT_ASKED_FOR = """
    SELECT i.number, i.escalation_state FROM incidents i
    WHERE i.status = 'triggered' AND i.snoozed_until IS NULL AND i.escalation_next_at IS NULL
        AND EXISTS (SELECT 1 FROM alerts a WHERE a.incident_id = i.id AND a.status = 'firing')
        AND NOT EXISTS (SELECT 1 FROM notifications n
            WHERE n.incident_id = i.id AND n.kind = 'page' AND n.status = 'sent')
"""
"""Incidents with an alert that fires, that have nobody, were paged for to nobody, and never will be."""

LOUD = """
    SELECT i.number, i.id FROM incidents i
    WHERE i.status = 'triggered' AND i.snoozed_until IS NULL AND i.escalation_next_at IS NOT NULL AND i.firing_count > 0
        AND i.firing_count = (SELECT count(*) FROM alerts a WHERE a.incident_id = i.id AND a.status = 'suppressed'
            AND EXISTS (SELECT 1 FROM alert_holds h WHERE h.alert_id = a.id AND h.released_at IS NULL
                AND (h.until IS NULL OR h.until > :now)))
        AND NOT EXISTS (SELECT 1 FROM timeline t WHERE t.incident_id = i.id AND t.kind = 'severity_raised')
"""
"""Incidents that are to page although every alert of them is held, and none became worse."""


class Walk:
    """One random life of two teams, three services and four integrations, told by its seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.story: list[str] = []
        self.begun: dict[tuple[str, str, str], int] = {}
        """What fires according to its sender: integration, name and host; and since when."""
        self.closable = False
        self.woken: set[str] = set()
        """Incidents that people opened again by hand, whatever holds their alerts."""

    async def build(self) -> None:
        """Two teams in which Alice and Bob respond."""
        world = self.world
        self.other = await make.team(world.db, world.cast.organization, "Network")
        await make.member(world.db, self.other, world.alice)
        await world.policy(level(1, world.alice), level(2, world.bob, minutes=5))
        policy = await make.policy(world.db, self.other, level(1, world.bob), name="Network policy")
        self.services = [
            world.service,
            await make.service(world.db, world.core, policy, "Cache"),
            await make.service(world.db, self.other, policy, "Network"),
        ]
        await make.integration(world.db, self.services[1], "C")
        await make.integration(world.db, self.services[2], "D")

    async def does(self, act: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
        """A person of both teams does it; refusals are part of life."""
        by: User = self.chance.choice((self.world.alice, self.world.bob))
        actor: Actor = make.actor(by, self.world.core, self.other)
        self.story.append(f"{by.name} {act.__module__.rpartition('.')[2]}.{act.__name__} {args} {options}")
        try:
            async with self.world.db.transaction(actor) as tx:
                return await act(tx, *args, **options)
        except OpenAlertError as error:
            self.story.append(f"  refused: {error.message}")

    def signal(self, key: str) -> dict[str, Any]:
        """Something that Alertmanager says: a beginning, a repeat, an end, or the end of an earlier occurrence."""
        name, host = self.chance.choice(NAMES), self.chance.choice(HOSTS)
        identity, now = (key, name, host), self.world.clock.advance(SECOND)
        since, status = self.begun.get(identity), "firing"
        if since is None:
            since = self.begun[identity] = now
        elif self.chance.random() < 0.35:
            status = "resolved"
            if self.chance.random() < 0.2:
                since -= 60 * MINUTE
            else:
                del self.begun[identity]
        return self.said(identity, since, status)

    def said(self, identity: tuple[str, str, str], since: int, status: str) -> dict[str, Any]:
        """The same as its sender writes it."""
        _, name, host = identity
        severity = self.chance.choice(("info", "warning", "critical"))
        alert = self.world.alert(name, status, host=host, severity=severity)
        return alert | {"startsAt": rfc3339(since), "fingerprint": f"{name}-{host}"}

    async def messages(self) -> None:
        """Up to four messages in one transaction, each of up to four alerts."""
        bodies = []
        for _ in range(self.chance.randint(1, 4)):
            key = self.chance.choice(KEYS)
            bodies.append(
                (self.world.group(*[self.signal(key) for _ in range(self.chance.randint(1, 4))]), key)
            )
        outcomes = await self.world.post_all(bodies)
        for (body, key), outcome in zip(bodies, outcomes, strict=True):
            said = [f"{each['fingerprint']} {each['status']}" for each in body["alerts"]]
            self.story.append(
                f"message by {key}: {', '.join(said)} -> {[number for _, number in outcome.incidents]}"
            )

    def matchers(self) -> tuple[Matcher, ...]:
        """Something about labels, or nothing."""
        some = (
            Matcher(name="host", value=self.chance.choice(HOSTS)),
            Matcher(name="severity", value="warning"),
        )
        return self.chance.choice(((), some[:1], some[1:]))

    def those(self) -> list[str]:
        """A service, or none."""
        return [self.chance.choice(self.services[:2]).id] if self.chance.random() < 0.4 else []

    def later(self) -> int:
        """Some minutes from now."""
        now: int = self.world.clock.now
        return now + self.chance.choice((1, 5, 20, 60)) * MINUTE

    async def ids(self, table: str, where: str = "1 = 1") -> list[str]:
        """The ids of what there is."""
        async with self.world.db.read() as reader:
            return [row[0] for row in await reader.rows(f"SELECT id FROM {table} WHERE {where} ORDER BY id")]

    async def some(self, table: str, where: str = "1 = 1") -> str | None:
        """One of them, if there is any."""
        found = await self.ids(table, where)
        return self.chance.choice(found) if found else None

    async def window(self) -> None:
        """Somebody plans, changes or ends maintenance."""
        known = await self.some("maintenance_windows")
        kind = self.chance.randint(0, 5)
        if known is None or kind < 2:
            start = self.world.clock.now + self.chance.choice((0, 0, 10)) * MINUTE
            options = {"starts_at": start, "ends_at": start + self.chance.choice((5, 30)) * MINUTE}
            await self.does(
                maintenance_windows.create,
                team_id=self.world.core.id,
                name="Works",
                service_ids=self.those(),
                matchers=self.matchers(),
                **options,
            )
        elif kind == 2:
            await self.does(
                maintenance_windows.update, known, matchers=self.matchers(), service_ids=self.those()
            )
        elif kind == 3:
            await self.does(maintenance_windows.extend, known, self.later())
        elif kind == 4:
            await self.does(self.chance.choice((maintenance_windows.end, maintenance_windows.begin)), known)
        else:
            await self.does(maintenance_windows.delete, known)

    async def silence(self) -> None:
        """Somebody silences, thinks better of it, or goes on."""
        known = await self.some("silences")
        kind = self.chance.randint(0, 5)
        if known is None or kind < 3:
            await self.does(
                silences.create,
                team_id=self.chance.choice((self.world.core, self.other)).id,
                matchers=self.matchers(),
                ends_at=self.later(),
                also_firing=self.chance.random() < 0.5,
            )
        elif kind == 3:
            await self.does(silences.update, known, ends_at=self.later(), matchers=self.matchers())
        else:
            await self.does(self.chance.choice((silences.expire, silences.delete)), known)

    def body(self) -> RuleBody:
        """A rule that does one thing."""
        actions = (
            Actions(suppress=Suppression()),
            Actions(suppress=Suppression(minutes=7)),
            Actions(delay_minutes=3),
            Actions(drop=True),
            Actions(service_id=self.chance.choice(self.services).id),
            Actions(severity=self.chance.choice((Severity.LOW, Severity.CRITICAL)), tags=("seen",)),
            Actions(group_by=("label:host",)),
        )
        conditions = (
            LabelFits(name="host", value=self.chance.choice(HOSTS)),
            SeverityIs(values=(Severity.MEDIUM, Severity.LOW)),
            LabelFits(name="alertname", value=NAMES[0]),
        )
        below = Threshold(count=2, minutes=10, by=("label:host",), side=ThresholdSide.BELOW)
        held_below = (below, Actions(suppress=Suppression()))
        threshold, action = held_below if self.chance.random() < 0.2 else (None, self.chance.choice(actions))
        return RuleBody(
            condition=self.chance.choice(conditions),
            threshold=threshold,
            actions=action,
            stop=self.chance.random() < 0.2,
        )

    async def rule(self) -> None:
        """Somebody makes, changes, moves or deletes a routing rule."""
        known = await self.some("routing_rules")
        kind = self.chance.randint(0, 5)
        if known is None or kind < 2:
            team = self.chance.choice((self.world.core, self.world.core, self.other))
            await self.does(routing_rules.create, team_id=team.id, name="Rule", body=self.body(), position=1)
        elif kind == 2:
            await self.does(routing_rules.update, known, body=self.body())
        elif kind == 3:
            await self.does(routing_rules.update, known, is_enabled=self.chance.random() < 0.5)
        elif kind == 4:
            await self.does(routing_rules.step, known, self.chance.choice((-1, 1)))
        else:
            await self.does(routing_rules.delete, known)

    async def noise(self) -> None:
        """Somebody sets what is one incident, what may end by itself, and what flaps."""
        groupings = (
            Grouping(),
            Grouping(by=GroupBy.SERVICE, window_minutes=5),
            Grouping(by=GroupBy.ALERT),
            Grouping(by=GroupBy.FIELDS, fields=("label:host",)),
        )
        noises = (
            Noise(),
            Noise(pause_seconds=90),
            Noise(flapping=Flapping(occurrences=2, within_minutes=30, steady_minutes=4)),
        )
        await self.does(
            services.update,
            self.chance.choice(self.services).id,
            grouping=self.chance.choice(groupings),
            noise=self.chance.choice(noises),
        )

    async def move(self) -> None:
        """A service goes to the other team or comes back."""
        to = self.chance.choice((self.world.core, self.other))
        await self.does(services.update, self.chance.choice(self.services).id, team_id=to.id)

    async def delete(self) -> None:
        """An integration or, more rarely, a service is deleted."""
        if self.chance.random() < 0.25:
            await self.does(services.delete, self.services[1].id)
        elif known := await self.some("integrations", "deleted_at IS NULL"):
            await self.does(integrations.delete, known)

    async def deed(self) -> None:
        """Somebody does something to one alert or to several."""
        kinds = (
            DeedKind.SNOOZE,
            DeedKind.SUPPRESS,
            DeedKind.RELEASE,
            DeedKind.RESOLVE,
            DeedKind.ACKNOWLEDGE,
            DeedKind.ASSIGN,
        )
        kind = self.chance.choice((*kinds[:3], *kinds))
        until = self.later() if kind is DeedKind.SNOOZE or self.chance.random() < 0.5 else None
        deed = AlertDeed(kind=kind, until=until if kind in kinds[:2] else None)
        if kind is DeedKind.ASSIGN:
            deed = msgspec.structs.replace(deed, user_id=self.world.bob.id)
        chosen = await self.ids("alerts", "status <> 'resolved'")
        chosen = self.chance.sample(chosen, min(len(chosen), self.chance.randint(1, 4)))
        if len(chosen) == 1:
            await self.does(alerts.one, chosen[0], deed)
        elif chosen:
            await self.does(alerts.many, chosen, deed)

    async def person(self) -> None:
        """Somebody does something to an incident, or moves alerts in, out and about."""
        incident = await self.some("incidents", "status <> 'resolved'")
        alert = await self.some("alerts", "status <> 'resolved'")
        if incident is None or alert is None:
            return
        second = await self.some("incidents", "status <> 'resolved'")
        merged = await self.some("incidents", "merged_into_id IS NOT NULL")
        resolved = await self.some("incidents", "status = 'resolved'")
        async with self.world.db.read() as reader:
            inside = await reader.value("SELECT incident_id FROM alerts WHERE id = :id", id=alert)
        acts = [
            partial(self.does, incidents.acknowledge, incident),
            partial(self.does, incidents.resolve, incident),
            partial(self.does, incidents.snooze, incident, until=self.later()),
            partial(self.does, incidents.reopen, incident),
            partial(self.does, incidents.reopen, resolved or incident),
            partial(self.does, linking.link, incident, [alert]),
            partial(self.does, linking.link, incident, [alert]),
            partial(self.does, linking.unlink, inside or incident, alert),
            partial(self.does, linking.unlink, inside or incident, alert),
            partial(self.does, merging.merge, incident, [second or incident]),
            partial(self.does, merging.merge, incident, [second or incident]),
            partial(self.does, merging.undo, merged or incident),
            partial(self.does, merging.undo, merged or incident),
        ]
        act = self.chance.choice(acts)
        if act.args[0] is incidents.reopen:
            self.woken.add(act.args[1])
        await act()

    async def replay(self) -> None:
        """Somebody sends an old message through again."""
        async with self.world.db.read() as reader:
            rows = await reader.rows("SELECT integration_id, id FROM payloads ORDER BY id")
        if rows:
            chosen = self.chance.choice(rows)
            await self.does(replay.replay, chosen[0], chosen[1], "trace")

    async def restart(self) -> None:
        """The engine goes away and another comes."""
        posts = {"email": self.world.email, "webhook": self.world.webhook}
        self.world.engine = Engine(self.world.db, posts, LINKS_BACK)
        await self.world.engine.begin()
        self.story.append("restart")

    async def close(self) -> None:
        """What nobody repeats any more is closed, and what lost its holds is found."""
        known = await self.some("integrations", "deleted_at IS NULL")
        if known and not self.closable:
            self.closable = True
            config = IntegrationConfig(auto_close=AutoClose(after_minutes=30))
            await self.does(integrations.update, known, config=config)
        self.story.append(f"close {await auto_close.run_due(self.world.db, None)}")

    async def time(self) -> None:
        """Time passes."""
        seconds = self.chance.choice((1, 10, 60, 300, 900))
        self.story.append(f"advance {seconds} s")
        await self.world.advance(seconds=seconds)

    async def step(self) -> None:
        """One thing happens, then everything must still be true."""
        often = (self.messages, self.messages, self.messages, self.deed, self.person, self.time, self.time)
        seldom = (
            self.window,
            self.silence,
            self.rule,
            self.noise,
            self.move,
            self.replay,
            self.restart,
            self.close,
        )
        await self.chance.choice(
            (*often, *often, *seldom, *((self.delete,) if self.chance.random() < 0.3 else ()))
        )()
        if self.chance.random() < 0.7:
            await self.world.engine.run_until_idle()
        await self.check()

    async def check(self) -> None:
        """What holds at any time."""
        wrong = await broken(self.world.db)
        async with self.world.db.read() as reader:
            wrong += [f"#{row[0]} ({row[1]}) asked for nobody" for row in await reader.rows(NOT_ASKED_FOR)]
            loud = await reader.rows(LOUD, now=reader.now)
        wrong += [f"#{row[0]} pages, and all of it is held" for row in loud if row[1] not in self.woken]
        wrong += [f"{alert} was held by nothing" for alert in await self.stranded()]
        assert not wrong, self.told(wrong)

    async def stranded(self) -> list[str]:
        """Alerts that only the engine's audit would find."""
        return ["an alert"] if await held.audit(self.world.db) else []

    async def end(self) -> None:
        """Everything is over that holds alerts; a day later what fires must have been paged for, without its sender."""
        for rule in await self.ids("routing_rules"):
            await self.does(routing_rules.delete, rule)
        for window in await self.ids("maintenance_windows"):
            await self.does(maintenance_windows.delete, window)
        for silence in await self.ids("silences"):
            await self.does(silences.delete, silence)
        for alert in await self.ids("alerts", "status = 'suppressed'"):
            await self.does(alerts.one, alert, AlertDeed(kind=DeedKind.RELEASE))
        await self.world.advance(minutes=24 * 60)
        await self.check()
        wrong = await unsettled(self.world.db)
        wrong += [f"alert {each} is still held" for each in await self.ids("alerts", "status = 'suppressed'")]
        wrong += [f"{each} sleeps on" for each in await self.ids("incidents", "snoozed_until IS NOT NULL")]
        wrong += await self.forgotten()
        assert not wrong, self.told(wrong)
        await self.repeat()
        wrong = [*await self.forgotten(strictly=True), *await self.doubled()]
        assert not wrong, self.told(wrong)

    async def repeat(self) -> None:
        """The senders repeat what fires, as they do."""
        for identity, since in self.begun.items():
            await self.world.post_all([(self.world.group(self.said(identity, since, "firing")), identity[0])])
        await self.world.advance(minutes=24 * 60)
        await self.check()

    async def forgotten(self, *, strictly: bool = False) -> list[str]:
        """What fires by its sender and has no open incident; unless `strictly`: and no person or rule ended it."""
        found = []
        for key, name, host in self.begun:
            async with self.world.db.read() as reader:
                integration = await reader.value(
                    "SELECT i.id FROM integrations i JOIN services s ON s.id = i.service_id WHERE i.key_hash = :hash "
                    "AND i.deleted_at IS NULL AND s.deleted_at IS NULL",
                    hash=integrations.key_hash(key),
                )
                rows = await reader.rows(
                    "SELECT a.status, i.status, (SELECT max(b.resolved_by_id) FROM alerts b WHERE "
                    "b.integration_id = a.integration_id AND b.fingerprint = a.fingerprint), a.starts_at FROM alerts a "
                    "LEFT JOIN incidents i ON i.id = a.incident_id WHERE a.latest_key = :key",
                    key=f"{integration}:{name}-{host}",
                )
            if integration is None:
                continue
            if not rows:
                if strictly or not self.dropping():
                    found.append(f"{key} {name} {host} fires, and there is no alert")
                continue
            status, incident, by, starts = rows[0]
            ended = by is not None or starts is None or self.dropping()
            if status == "resolved" and ended and not strictly:
                continue
            if status not in ("firing", "acknowledged") or incident not in ("triggered", "acknowledged"):
                found.append(f"{key} {name} {host} fires, its alert is {status}, its incident {incident}")
        return found

    def dropping(self) -> bool:
        """Whether any rule of this life dropped alerts."""
        return any("drop=True" in line for line in self.story)

    async def doubled(self) -> list[str]:
        """Pages that somebody got twice for one step of one escalation."""
        got = Counter(message.notification_id for message in self.world.email.received)
        async with self.world.db.read() as reader:
            rows = await reader.rows(
                "SELECT incident_id, episode, cycle, level, user_id, count(*) FROM notifications "
                "WHERE kind = 'page' AND status = 'sent' "
                "GROUP BY incident_id, episode, cycle, level, user_id HAVING count(*) > 1"
            )
        return [f"{row} twice" for row in rows] + [f"{each} sent twice" for each in got if got[each] > 1]

    def told(self, wrong: list[str]) -> str:
        """What went wrong, after what."""
        return "\n".join([*self.story[-40:], *wrong])


@pytest.mark.proves("ES-9", "F-34")
@pytest.mark.parametrize("seed", range(4))
async def test_noise_in_any_order_loses_no_page(world: World, seed: int) -> None:
    """Sixty random acts upon alerts that are held, moved, routed and let go: no rule breaks, no page is lost."""
    walk = Walk(world, seed)
    await walk.build()
    for _ in range(STEPS):
        await walk.step()
    await walk.end()
