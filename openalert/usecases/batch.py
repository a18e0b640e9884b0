"""Batch: what is known and what changes while many messages are taken in, read first and written last."""

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from openalert.domain.alert import Alert, AlertStatus, Occurrence, Signal, SignalStatus, content_sum
from openalert.domain.counts import Counts, Key
from openalert.domain.handling import BY_SEVERITY, Draft, draft_of
from openalert.domain.incident import Incident, open_key
from openalert.domain.instant import Instant
from openalert.domain.noise import remembered
from openalert.domain.service import Payload
from openalert.domain.severity import Severity
from openalert.domain.watchdog import is_watchdog
from openalert.storage import alerts, holds, incidents, merges, noise, payloads, routes, routing_counts
from openalert.storage.holds import HoldRow
from openalert.storage.noise import GroupWindow
from openalert.storage.routes import Route
from openalert.storage.rows import to_json
from openalert.storage.transaction import Transaction
from openalert.usecases import quieting, rulebook
from openalert.usecases.work import Work

_GENERATION = "\x1e"
"""Between a group and the number of its incident, where the group has a window."""


class Batch:
    """What is known and what changes while a batch is taken in."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.work = Work(tx)
        self.known: dict[str, Occurrence] = {}
        """The newest occurrence of each identity, by `alerts.latest_key`; changed as signals are judged."""
        self.by_id: dict[str, Incident] = {}
        """Incidents that may change, by id; those that are open also by their open key."""
        self.going_on: dict[str, int] = {}
        """Numbers, by id, of open incidents whose alerts are merely repeated: nothing more of them is read."""
        self.by_key: dict[str, Incident] = {}
        self.merges: dict[str, tuple[str, ...]] = {}
        """By open key: the merges because of which alerts of the group go to another incident."""
        self.brought: list[tuple[str, str]] = []
        """(merge, alert): what a merge has brought to another incident, so that its undo takes it back."""
        self.numbers: dict[str, int] = {}
        """The number of the next new incident, by organization; `first_numbers`: of the first one in this batch."""
        self.first_numbers: dict[str, int] = {}
        self.new_alerts: list[Alert] = []
        self.superseded: list[str] = []
        """Alerts that are not the newest occurrence of their identity any more."""
        self.repeats: dict[str, int] = {}
        """How often each alert came again."""
        self.refreshed: dict[str, tuple[Signal, str | None]] = {}
        """Alerts whose words, severity or beginning changed: what they say now, and the payload that said it."""
        self.risen: dict[str, Severity] = {}
        """Alerts that became worse and keep their words."""
        self.resolved: dict[str, tuple[Instant, Instant | None]] = {}
        """Alerts that ended: when, and when they began as far as their source says."""
        self.payloads: list[Payload] = []
        self.drafts: dict[int, Draft] = {}
        """What has been decided about signals (by `id` of the signal) of teams that have set anything."""
        self.services: dict[str, Route] = {}
        """Where rules send alerts to."""
        self.windows: dict[str, GroupWindow] = {}
        self.counts = Counts({})
        self.rules_applied: Counter[str] = Counter()
        """To how many alerts each routing rule applied."""
        self.watchdogs: list[tuple[Route, Signal]] = []
        """Beats that came as alerts, see `usecases.watchdogs`."""
        self.holds: list[HoldRow] = []
        self.changed_alerts: list[Alert] = []
        """Held alerts that were looked at again."""
        self.unheld: list[str] = []
        """Held alerts that are over."""
        self.fewer: dict[str, Incident] = {}
        """Incidents of which some alerts ended, and others go on."""
        self.reconsidered: list[str] = []
        """Held alerts that have become worse: rules look at them again."""

    async def prepare(self, pairs: Sequence[tuple[Route, Signal]]) -> None:
        """Read what the signals concern: identities, then incidents, then numbers for as many new ones."""
        keyed = [
            (alerts.latest_key(route.integration_id, signal.fingerprint), route, signal)
            for route, signal in pairs
        ]
        if keyed:
            self.known = await alerts.latest(self.tx, list({key for key, _, _ in keyed}))
        ending = {key for key, _, signal in keyed if signal.status is SignalStatus.RESOLVED}
        groups = set()
        # The same alert twice in a batch (a retry, a second Alertmanager) begins once, and is counted once.
        firing = {key for key, known in self.known.items() if self._open(known)}
        for key, route, signal in keyed:
            begins = signal.status is SignalStatus.FIRING and key not in firing
            if begins:
                firing.add(key)
            elif signal.status is SignalStatus.RESOLVED:
                firing.discard(key)
            if not self._may_begin(key, signal, ending):
                if route.handling_version and self._says_otherwise(key, signal):
                    await self._draft(route, signal, None, begins=False)
                continue
            draft = None
            if route.handling_version:
                draft = await self._draft(route, signal, self.known.get(key), begins=begins)
            if signal.status is SignalStatus.FIRING:
                groups.add(
                    open_key(
                        *((draft.service_id, draft.group) if draft else (route.service_id, signal.group))
                    )
                )
        changing, repeated = self._concerned(keyed)
        await self.read_incidents(groups, changing)
        self.going_on = await incidents.open_numbers(self.tx, repeated - self.by_id.keys())

    def _concerned(self, keyed: Sequence[tuple[str, Route, Signal]]) -> tuple[set[str], set[str]]:
        """The incidents of open alerts by id: those to which a signal may do something, and those that are repeated."""
        changing: set[str] = set()
        repeated: set[str] = set()
        for key, _, signal in keyed:
            known = self.known.get(key)
            if known is None or not known.incident_id or not self._open(known):
                continue
            merely_repeats = (
                signal.status is SignalStatus.FIRING
                and signal.severity in (None, known.severity)
                and not is_watchdog(signal)
            )
            (repeated if merely_repeats else changing).add(known.incident_id)
        return changing, repeated

    async def read_incidents(self, groups: Collection[str], ids: Collection[str] = ()) -> None:
        """Read the open incidents of these groups (open keys), and those with these ids."""
        self.by_key = await incidents.open_by_key(self.tx, list(groups))
        self.by_id = await incidents.get_many(self.tx, list(ids))
        for incident in self.by_key.values():
            self.by_id[incident.id] = incident
        for incident in self.by_id.values():
            if incident.open_key:
                self.by_key[incident.open_key] = incident
        await self._follow_merges(set(groups) - self.by_key.keys())

    async def _draft(self, route: Route, signal: Signal, before: Occurrence | None, *, begins: bool) -> Draft:
        draft = draft_of(
            signal,
            integration_id=route.integration_id,
            team_id=route.team_id,
            service_id=route.service_id,
            severity=route.default_severity,
            began=remembered(before.began, before.fired_at) if before else [],
            now=self.tx.now,
        )
        draft.begins = begins
        await self.judge(route, draft)
        self.drafts[id(signal)] = draft
        return draft

    async def judge(self, route: Route, draft: Draft) -> None:
        """Let everything that is set for the integration's team, and for that of the service it goes to, look at it."""
        book = await rulebook.of_team(self.tx, route.team_id, route.handling_version)
        await self._recall(book.keys(draft))
        draft.counts = self.counts
        book.route(draft)
        if draft.begins:
            self.rules_applied.update(draft.rules)
        target = await self.target(route, draft.service_id)
        if target.service_id != draft.service_id:
            draft.note("service_gone")
            draft.service_id = target.service_id
        (await rulebook.of_team(self.tx, target.team_id, target.handling_version)).hold(draft)
        if draft.window and not draft.holds and not draft.dropped:
            await self._into_window(draft)

    async def _into_window(self, draft: Draft) -> None:
        """Go on with the group's present incident, or begin its next one when the last alert is too long ago."""
        draft.group = draft.group.partition(_GENERATION)[0]
        key = open_key(draft.service_id, draft.group)
        if key not in self.windows:
            found = (await noise.windows(self.tx, [key])).get(key)
            self.windows[key] = found or GroupWindow(key, 0, self.tx.now)
        window = self.windows[key]
        if self.tx.now - window.last_at > draft.window:
            window.generation += 1
        window.last_at = self.tx.now
        if window.generation:
            draft.group = f"{draft.group}{_GENERATION}{window.generation}"

    async def _recall(self, keys: Sequence[Key]) -> None:
        """Read what thresholds remember of these."""
        unknown = self.counts.unknown(keys)
        if unknown:
            self.counts.learn(unknown, await routing_counts.times(self.tx, unknown))

    async def target(self, route: Route, service_id: str) -> Route:
        """The way to a service of the same organization for what came in by `route`; one that is gone is the first."""
        if service_id == route.service_id:
            return route
        if service_id not in self.services:
            found = await routes.of_service(self.tx, service_id)
            known = found is not None and found.organization_id == route.organization_id
            self.services[service_id] = found if found is not None and known else route
        found = self.services[service_id]
        return msgspec.structs.replace(
            found,
            integration_id=route.integration_id,
            integration_name=route.integration_name,
            default_severity=route.default_severity,
        )

    async def _follow_merges(self, groups: Collection[str]) -> None:
        """Groups without an open incident of their own go where they were merged into."""
        for key, through in (await merges.through(self.tx, sorted(groups))).items():
            incident = self.by_id.setdefault(through.incident.id, through.incident)
            self.by_key[key] = incident
            self.merges[key] = through.merge_ids
            if incident.open_key:
                self.by_key.setdefault(incident.open_key, incident)

    def close(self, incident: Incident) -> None:
        """Nothing joins it any more: what comes of its groups begins anew."""
        if incident.open_key:
            self.by_key.pop(incident.open_key, None)
        for key in [key for key in self.merges if self.by_key.get(key) is incident]:
            del self.by_key[key], self.merges[key]

    def _may_begin(self, key: str, signal: Signal, ending: set[str]) -> bool:
        """Whether it may begin an occurrence: it is not firing yet, or it ends (`ending`) earlier in the batch.

        The end of something that never began is kept as one too, unless it is to be dropped.
        """
        known = self.known.get(key)
        if signal.status is SignalStatus.FIRING:
            return known is None or known.status is AlertStatus.RESOLVED or key in ending
        return known is None and signal.status is SignalStatus.RESOLVED

    def _says_otherwise(self, key: str, signal: Signal) -> bool:
        """Whether a repeat names another severity than we keep: rules decide whether it counts."""
        known = self.known.get(key)
        return known is not None and signal.severity not in (None, known.severity)

    @staticmethod
    def _open(known: Occurrence) -> bool:
        return known.status is not AlertStatus.RESOLVED

    async def number(self, organization_id: str) -> int:
        """The number of a new incident: counted in memory, the counter is moved once when the batch is written."""
        if organization_id not in self.numbers:
            first = await incidents.take_numbers(self.tx, organization_id, 0)
            self.first_numbers[organization_id] = self.numbers[organization_id] = first
        self.numbers[organization_id] += 1
        return self.numbers[organization_id] - 1

    async def write(self) -> None:
        """Every row of the batch."""
        tx = self.tx
        await incidents.use_numbers(
            tx, {each: self.numbers[each] - self.first_numbers[each] for each in self.numbers}
        )
        await payloads.insert_many(tx, self.payloads)
        await alerts.insert(tx, self.new_alerts, self.superseded)
        await alerts.decide(tx, self.changed_alerts)
        await holds.insert(tx, self.holds)
        await noise.put_windows(tx, self.windows)
        await routing_counts.hit(tx, self.rules_applied)
        await routing_counts.remember(tx, self.counts.changed)
        await merges.brought(tx, self.brought)
        await alerts.seen_again(tx, self.repeats)
        await alerts.refresh(
            tx,
            [_refreshing(key, signal, payload, tx.now) for key, (signal, payload) in self.refreshed.items()],
        )
        await alerts.rise(tx, self.risen)
        await alerts.resolve(
            tx,
            [
                {"id": key, "starts_at": begun, "resolved_at": at, "resolved_by_id": None, "at": tx.now}
                for key, (at, begun) in self.resolved.items()
            ],
        )
        await holds.close(tx, self.unheld)
        await holds.end_of_alerts(tx, self.reconsidered, BY_SEVERITY)
        if self.fewer:
            await quieting.settle(self.work, self.fewer.values())
        await self.work.flush()


def _refreshing(alert_id: str, signal: Signal, payload_id: str | None, now: Instant) -> dict[str, object]:
    return {
        "id": alert_id,
        "severity": signal.severity,
        "title": signal.title,
        "description": signal.description,
        "annotations": to_json(signal.annotations),
        "links": to_json(signal.links),
        "content_sum": content_sum(signal),
        "starts_at": signal.starts_at,
        "payload_id": payload_id,
        "at": now,
    }
