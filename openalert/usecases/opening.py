"""Opening: an alert that pages opens an incident or joins the one of its group, whether it just came or was held."""

from openalert.domain.access import Actor
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident, open_key
from openalert.domain.severity import Severity
from openalert.storage.routes import Route
from openalert.usecases.batch import Batch
from openalert.usecases.quieting import awaken
from openalert.usecases.transitions import begin, resolve_with_its_alerts, rise

TITLES_TOLD = 3


class Concerned:
    """The incidents that one message, or one look at held alerts, is about, and what it does to each."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.touched: dict[str, Incident] = {}
        self.created: set[str] = set()
        self.joined: dict[str, list[str]] = {}
        """Titles of the alerts that joined, by incident."""
        self.ended: dict[str, list[str]] = {}
        """Titles of the alerts that ended, by incident."""


async def open_or_join(
    batch: Batch, concerned: Concerned, route: Route, *, group: str, title: str, severity: Severity, hops: int
) -> Incident:
    """The incident that a firing alert belongs to from now on; the alert's row is the caller's."""
    key = open_key(route.service_id, group)
    incident = batch.by_key.get(key)
    if incident is None:
        number = await batch.number(route.organization_id)
        incident = begin(batch.work, route, new_id(batch.tx.now), number, title, severity, group)
        batch.by_id[incident.id] = incident
        if incident.open_key:
            batch.by_key[incident.open_key] = incident
        batch.work.tell(incident, "triggered", concerned.actor, title=title, source=route.integration_name)
        concerned.created.add(incident.id)
    else:
        concerned.joined.setdefault(incident.id, []).append(title)
        await awaken(batch.work, incident)
    incident.hops = max(incident.hops, hops)
    incident.alert_count += 1
    incident.firing_count += 1
    batch.work.touch(incident)
    concerned.touched[incident.id] = incident
    await rise_if_worse(batch, concerned, route, incident, severity)
    return incident


def came_by_merge(batch: Batch, route: Route, group: str, alert_id: str) -> None:
    """Note that the alert went where its group was merged into, so that undoing the merge takes it back."""
    merged = batch.merges.get(open_key(route.service_id, group), ())
    batch.brought += [(merge_id, alert_id) for merge_id in merged]


async def rise_if_worse(
    batch: Batch, concerned: Concerned, route: Route, incident: Incident, severity: Severity
) -> None:
    """A worse alert raises its incident; within the message that made it this is not news."""
    if incident.id in concerned.created:
        if severity.rank > incident.severity.rank:
            incident.severity = severity
    elif severity.rank > incident.severity.rank:
        # What was merged into another service's incident pages by that one's policy.
        own = route if route.service_id == incident.service_id else None
        await rise(batch.work, incident, severity, own)


async def conclude(batch: Batch, concerned: Concerned) -> None:
    """What was done to each incident, told once; incidents without a firing alert are over."""
    over = []
    for incident in concerned.touched.values():
        if titles := concerned.joined.get(incident.id):
            batch.work.tell(
                incident, "alerts_joined", concerned.actor, count=len(titles), titles=titles[:TITLES_TOLD]
            )
            batch.work.say(incident, "alert_linked")
        if titles := concerned.ended.get(incident.id):
            batch.work.tell(
                incident,
                "alerts_resolved",
                concerned.actor,
                count=len(titles),
                titles=titles[:TITLES_TOLD],
                firing=incident.firing_count,
            )
            batch.work.say(incident, "updated")
            if incident.firing_count <= 0 and incident.is_open:
                over.append(incident)
            else:
                batch.fewer[incident.id] = incident
    for incident in over:
        batch.close(incident)
    if over:
        await resolve_with_its_alerts(batch.work, over)
