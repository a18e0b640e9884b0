"""What one act changes, gathered in memory and written at once.

Acknowledging one incident and taking in three hundred alerts run through the same few statements: the acts
change incidents in memory and say what happened; `flush` writes rows of each kind with one statement.
"""

from typing import Any

from openalert.domain.access import Actor
from openalert.domain.alert import Alert, AlertStatus, Ended
from openalert.domain.event import Event
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.domain.notification import Notification
from openalert.domain.severity import Severity
from openalert.domain.timeline import TimelineEntry
from openalert.storage import incidents, notifications, timeline, timers
from openalert.storage.routes import Route
from openalert.storage.timers import Timer
from openalert.storage.transaction import Transaction
from openalert.usecases import following


class Work:
    """Changes to incidents and what belongs to them, inside one transaction."""

    def __init__(self, tx: Transaction, *, only_steps: bool = False) -> None:
        """`only_steps`: nothing is changed of incidents that are there but how far their escalation is."""
        self.tx = tx
        self._only_steps = only_steps
        self._new: dict[str, Incident] = {}
        self._changed: dict[str, Incident] = {}
        self._entries: list[TimelineEntry] = []
        self._timers: dict[tuple[str, str], Timer] = {}
        self._without_timers: dict[str, None] = {}
        self._notifications: list[Notification] = []
        self._said: dict[str, list[str]] = {}

    @property
    def now(self) -> Instant:
        """The instant at which all of this happens."""
        return self.tx.now

    def create(self, incident: Incident) -> None:
        """A new incident."""
        self._new[incident.id] = incident

    def touch(self, incident: Incident) -> None:
        """An incident that changed in memory."""
        incident.updated_at = self.now
        if incident.id not in self._new:
            self._changed[incident.id] = incident

    def tell(self, incident: Incident, kind: str, actor: Actor | None = None, **data: Any) -> None:
        """The next entry of its timeline; see `domain.timeline` for the kinds and their data."""
        who = actor or self.tx.actor
        incident.last_seq += 1
        self._entries.append(
            TimelineEntry(
                incident_id=incident.id,
                seq=incident.last_seq,
                at=self.now,
                kind=kind,
                actor_kind=who.kind,
                actor_id=who.id,
                actor_name=who.name,
                data=data,
            )
        )
        self.touch(incident)

    def say(self, incident: Incident, event: str) -> None:
        """Tell live listeners `incident.<event>` once this is committed; the same one is told once."""
        events = self._said.setdefault(incident.id, [])
        if event not in events:
            events.append(event)
        self.touch(incident)

    def say_alert(self, event: str, alert: Alert) -> None:
        """Tell live listeners `alert.<event>` once this is committed."""
        self._say_alert(event, alert, alert.incident_id, alert.id, alert.status, alert.severity, alert.title)

    def say_alert_ended(self, owner: Route | Incident, incident_id: str | None, alert: Ended) -> None:
        """Tell live listeners that an alert is over; `owner` knows its organization and team."""
        self._say_alert(
            "resolved", owner, incident_id, alert.id, AlertStatus.RESOLVED, alert.severity, alert.title
        )

    def _say_alert(
        self,
        event: str,
        owner: Alert | Route | Incident,
        incident_id: str | None,
        alert_id: str,
        status: AlertStatus,
        severity: Severity,
        title: str,
    ) -> None:
        self.tx.emit(
            Event(
                type=f"alert.{event}",
                organization_id=owner.organization_id,
                team_id=owner.team_id,
                incident_id=incident_id,
                data={"id": alert_id, "status": status, "severity": severity, "title": title},
            )
        )

    def set_timer(self, timer: Timer) -> None:
        """The one timer of its kind for the incident."""
        self._timers[timer.incident_id, timer.kind] = timer

    def drop_timers(self, incident: Incident) -> None:
        """Nothing is due any more for the incident, except what is set after this."""
        self._without_timers[incident.id] = None
        for key in [key for key in self._timers if key[0] == incident.id]:
            del self._timers[key]

    def send(self, notification: Notification) -> None:
        """A message; one whose effect is there already is left out."""
        self._notifications.append(notification)

    async def flush(self) -> None:
        """Write everything; the events follow at the commit."""
        tx = self.tx
        everything = self._new | self._changed
        followed = await following.news(
            tx, [(everything[each.incident_id], each) for each in self._entries], self._notifications
        )
        # What ended gives its open key back first: another of the same group may have begun in this act.
        write = incidents.step if self._only_steps else incidents.update
        await write(tx, list(self._changed.values()))
        await incidents.insert(tx, list(self._new.values()))
        await timeline.append(tx, self._entries)
        await timers.drop(tx, list(self._without_timers))
        await timers.put(tx, list(self._timers.values()))
        await notifications.enqueue(tx, [*self._notifications, *followed])
        for incident_id, events in self._said.items():
            for event in events:
                tx.emit(_incident_event(everything[incident_id], event))
        self.__init__(tx, only_steps=self._only_steps)  # type: ignore[misc]  # empty again, ready for more


def _incident_event(incident: Incident, event: str) -> Event:
    return Event(
        type=f"incident.{event}",
        organization_id=incident.organization_id,
        team_id=incident.team_id,
        incident_id=incident.id,
        data={
            "id": incident.id,
            "number": incident.number,
            "title": incident.title,
            "status": incident.status,
            "severity": incident.severity,
        },
    )
