"""Batch: what is known and what changes while many messages are taken in, read first and written last."""

from collections.abc import Collection, Sequence

from openalert.domain.alert import Alert, AlertStatus, Occurrence, Signal, SignalStatus, content_sum
from openalert.domain.incident import Incident, open_key
from openalert.domain.instant import Instant
from openalert.domain.service import Payload
from openalert.storage import alerts, incidents, merges, payloads
from openalert.storage.routes import Route
from openalert.storage.rows import to_json
from openalert.storage.transaction import Transaction
from openalert.usecases.work import Work


class Batch:
    """What is known and what changes while a batch is taken in."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.work = Work(tx)
        self.known: dict[str, Occurrence] = {}
        self.by_id: dict[str, Incident] = {}
        self.by_key: dict[str, Incident] = {}
        self.merges: dict[str, tuple[str, ...]] = {}
        """By open key: the merges because of which alerts of the group go to another incident."""
        self.brought: list[tuple[str, str]] = []
        self.numbers: dict[str, int] = {}
        self.first_numbers: dict[str, int] = {}
        self.new_alerts: list[Alert] = []
        self.superseded: list[str] = []
        self.repeats: dict[str, int] = {}
        self.refreshed: dict[str, tuple[Signal, str | None]] = {}
        self.resolved: dict[str, tuple[Instant, Instant | None]] = {}
        self.payloads: list[Payload] = []

    async def prepare(self, pairs: Sequence[tuple[Route, Signal]]) -> None:
        """Read what the signals concern: identities, then incidents, then numbers for as many new ones."""
        keyed = [
            (alerts.latest_key(route.integration_id, signal.fingerprint), route, signal)
            for route, signal in pairs
        ]
        if keyed:
            self.known = await alerts.latest(self.tx, list({key for key, _, _ in keyed}))
        ending = {key for key, _, signal in keyed if signal.status is SignalStatus.RESOLVED}
        groups = {
            open_key(route.service_id, signal.group)
            for key, route, signal in keyed
            if signal.status is SignalStatus.FIRING and self._may_open(key, ending)
        }
        self.by_key = await incidents.open_by_key(self.tx, list(groups))
        ids = {known.incident_id for known in self.known.values() if known.incident_id and self._open(known)}
        self.by_id = await incidents.get_many(self.tx, list(ids))
        for incident in self.by_key.values():
            self.by_id[incident.id] = incident
        for incident in self.by_id.values():
            if incident.open_key:
                self.by_key[incident.open_key] = incident
        await self._follow_merges(groups - self.by_key.keys())

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

    def _may_open(self, key: str, ending: set[str]) -> bool:
        """Whether it may begin something: it is not firing yet, or it ends (`ending`) earlier in the batch."""
        known = self.known.get(key)
        return known is None or known.status is AlertStatus.RESOLVED or key in ending

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
        for organization_id, following in self.numbers.items():
            await incidents.take_numbers(tx, organization_id, following - self.first_numbers[organization_id])
        await payloads.insert_many(tx, self.payloads)
        await alerts.insert(tx, self.new_alerts, self.superseded)
        await merges.brought(tx, self.brought)
        await alerts.seen_again(tx, self.repeats)
        await alerts.refresh(
            tx,
            [_refreshing(key, signal, payload, tx.now) for key, (signal, payload) in self.refreshed.items()],
        )
        await alerts.resolve(
            tx,
            [
                {"id": key, "starts_at": begun, "resolved_at": at, "resolved_by_id": None, "at": tx.now}
                for key, (at, begun) in self.resolved.items()
            ],
        )
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
