"""Which channels follow a service, and what they hear."""

from collections.abc import Collection

from openalert.domain.access import Actor
from openalert.domain.escalation import TargetType
from openalert.domain.follower import USUAL, Follower, check_events
from openalert.domain.service import Service
from openalert.domain.severity import Severity
from openalert.domain.team import Channel
from openalert.storage import channels, followers
from openalert.storage.followers import Following
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, services
from openalert.usecases.access import found, unknown
from openalert.usecases.notify import HIDDEN


async def of_service(reader: Reader, actor: Actor, service_id: str) -> list[Following]:
    """The followers of a service in view; what belongs to a team out of sight is not called by its name."""
    service = await services.get(reader, actor, service_id)
    following = await followers.of_service(reader, service.id)
    seen = await channels.named(reader, actor, [each.channel_id for each in following])
    for each in following:
        if each.channel_id not in seen:
            each.name = HIDDEN[TargetType.CHANNEL]
    return following


async def put(
    tx: Transaction,
    service_id: str,
    channel_id: str,
    *,
    min_severity: Severity = Severity.INFO,
    events: Collection[str] = USUAL,
) -> Following:
    """Let a channel in view follow the service, or change what it hears."""
    service = await services.to_configure(tx, service_id)
    channel = await channels.get(tx, tx.actor, channel_id)
    if channel is None:
        raise unknown("channelId", "channel", channel_id)
    before = await _known(tx, service, channel_id)
    follower = Follower(
        service_id=service.id,
        channel_id=channel.id,
        min_severity=min_severity,
        events=check_events(events),
        created_at=before.created_at if before else tx.now,
    )
    await followers.put(tx, follower)
    _record(tx, "updated" if before else "added", service, channel, before, follower)
    return found(await _known(tx, service, channel_id), "channel")


async def remove(tx: Transaction, service_id: str, channel_id: str) -> None:
    """It follows no more."""
    service = await services.to_configure(tx, service_id)
    before = found(await _known(tx, service, channel_id), "channel")
    await followers.remove(tx, service.id, channel_id)
    channel = await channels.get(tx, tx.actor, channel_id)
    _record(tx, "removed", service, channel, before, None)


async def _known(reader: Reader, service: Service, channel_id: str) -> Following | None:
    every = await followers.of_service(reader, service.id)
    return next((each for each in every if each.channel_id == channel_id), None)


def _record(
    tx: Transaction,
    act: str,
    service: Service,
    channel: Channel | None,
    before: Follower | None,
    after: Follower | None,
) -> None:
    audit.record(
        tx,
        f"follower.{act}",
        kind="follower",
        id=service.id,
        name=f"{channel.name if channel else 'a channel'} of {service.name}",
        team_id=service.team_id,
        before=_heard(before),
        after=_heard(after),
    )


def _heard(follower: Follower | None) -> dict[str, object] | None:
    if follower is None:
        return None
    return {"min_severity": follower.min_severity, "events": ", ".join(follower.events)}
