"""What happened to incidents, told to the channels that follow their services.

A channel that was paged for an incident, or is on the first level of its policy, hears of it as whoever was paged
does, and not a second time by following.
"""

from collections.abc import Sequence

from openalert.domain.channel import channel_kind
from openalert.domain.escalation import PolicyVersion
from openalert.domain.follower import EVENTS, body, headline
from openalert.domain.ids import new_id
from openalert.domain.incident import Incident
from openalert.domain.instant import Instant
from openalert.domain.notification import Notification, NotificationKind, give_up_at, priority_of
from openalert.domain.timeline import TimelineEntry
from openalert.storage import escalation_policies, followers
from openalert.storage.followers import Following
from openalert.storage.transaction import Reader


async def news(
    reader: Reader, happened: Sequence[tuple[Incident, TimelineEntry]], pages: Sequence[Notification]
) -> list[Notification]:
    """The messages to followers about this, where these pages go out with it; one read when nobody follows."""
    told = [(incident, entry) for incident, entry in happened if entry.kind in EVENTS]
    if not told:
        return []
    listening = await followers.listening(reader, {incident.service_id for incident, _ in told})
    if not listening:
        return []
    paged = await followers.paged_channels(reader, {incident.id for incident, _ in told})
    paged |= {(page.incident_id or "", page.channel_id or "") for page in pages}
    versions = await escalation_policies.versions(
        reader, {incident.policy_version_id for incident, _ in told if incident.policy_version_id}
    )
    return [
        _row(reader.now, incident, entry, follower)
        for incident, entry in told
        for follower in listening
        if follower.service_id == incident.service_id
        and follower.hears(incident, entry)
        and (incident.id, follower.channel_id) not in paged
        and follower.channel_id not in _on_first_level(versions.get(incident.policy_version_id or ""))
    ]


def _on_first_level(version: PolicyVersion | None) -> set[str]:
    return {target.id for target in version.levels[0].targets} if version and version.levels else set()


def _row(now: Instant, incident: Incident, entry: TimelineEntry, follower: Following) -> Notification:
    kind = NotificationKind.FOLLOW
    return Notification(
        id=new_id(now),
        effect_key=f"follow:{incident.id}:{entry.seq}:{follower.channel_id}",
        organization_id=incident.organization_id,
        team_id=incident.team_id,
        incident_id=incident.id,
        episode=incident.episode,
        kind=kind,
        priority=priority_of(kind),
        service_id=incident.service_id,
        channel_id=follower.channel_id,
        channel=follower.type,
        address=str(follower.config.get(channel_kind(follower.type).field) or ""),
        reason="This channel follows the service.",
        content={"headline": headline(entry), "body": body(entry)},
        due_at=now,
        give_up_at=give_up_at(kind, now),
        created_at=now,
        updated_at=now,
    )
