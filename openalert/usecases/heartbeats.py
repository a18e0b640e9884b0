"""Heartbeats: what people set up, change, pause and delete. What comes in by them is in `beats`."""

import msgspec
from msgspec import UNSET, UnsetType

from openalert.domain import heartbeat as rules
from openalert.domain.access import Actor, Permission
from openalert.domain.errors import Conflict
from openalert.domain.heartbeat import Beat, Heartbeat, HeartbeatStatus
from openalert.domain.ids import new_id
from openalert.domain.instant import DAY, MINUTE, SECOND, Instant
from openalert.domain.service import Service
from openalert.domain.severity import Severity
from openalert.domain.team import check_name
from openalert.storage import heartbeats, services
from openalert.storage.heartbeats import HeartbeatFilter
from openalert.storage.transaction import Reader, Transaction
from openalert.usecases import audit, beats
from openalert.usecases.access import found, given, require
from openalert.usecases.heartbeat_alerts import say
from openalert.usecases.integrations import key_hash, new_key
from openalert.usecases.services import to_configure

USUAL_PERIOD = DAY
USUAL_GRACE = 10 * MINUTE


async def page(
    reader: Reader, actor: Actor, wanted: HeartbeatFilter, *, after: str = "", limit: int
) -> list[Heartbeat]:
    """The next heartbeats in view; NotFound when the service they are narrowed to is not."""
    if wanted.service_id is not None:
        found(await services.get(reader, actor, wanted.service_id), "service")
    return await heartbeats.page(reader, actor, wanted, after=after, limit=limit)


async def get(reader: Reader, actor: Actor, heartbeat_id: str) -> Heartbeat:
    """One heartbeat."""
    return found(await heartbeats.get(reader, actor, heartbeat_id), "heartbeat")


async def last_beats(reader: Reader, actor: Actor, heartbeat_id: str) -> list[Beat]:
    """The beats that are kept of one heartbeat, the newest first, with what they brought along."""
    heartbeat = await get(reader, actor, heartbeat_id)
    return await heartbeats.beats(reader, heartbeat.id)


async def create(
    tx: Transaction,
    *,
    service_id: str,
    name: str,
    period: Instant | None = None,
    cron: str | None = None,
    timezone: str = "UTC",
    grace: Instant = USUAL_GRACE,
    severity: Severity = Severity.HIGH,
) -> tuple[Heartbeat, str]:
    """A new heartbeat and its key, which is not kept and cannot be shown again; once a day unless told otherwise."""
    service = await to_configure(tx, service_id)
    key = new_key()
    heartbeat = Heartbeat(
        id=new_id(tx.now),
        service_id=service.id,
        name=check_name(name),
        key_hash=key_hash(key),
        key_hint=key[-4:],
        period=USUAL_PERIOD if period is None and cron is None else period,
        cron=cron,
        timezone=timezone,
        grace=grace,
        severity=severity,
        since=tx.now,
        created_at=tx.now,
        updated_at=tx.now,
    )
    rules.check(heartbeat)
    await heartbeats.insert(tx, heartbeat)
    _done(tx, "created", service, None, heartbeat)
    return heartbeat, key


async def update(
    tx: Transaction,
    heartbeat_id: str,
    *,
    name: str | UnsetType = UNSET,
    period: Instant | UnsetType | None = UNSET,
    cron: str | UnsetType | None = UNSET,
    timezone: str | UnsetType = UNSET,
    grace: Instant | UnsetType = UNSET,
    severity: Severity | UnsetType = UNSET,
) -> Heartbeat:
    """Change a heartbeat: a period takes the place of a cron expression, and the other way round.

    What is expected follows from the last beat; nobody is told of one that is late only by what was set now.
    """
    heartbeat, service = await _to_configure(tx, heartbeat_id)
    if period is not UNSET and period is not None and cron is UNSET:
        cron = None
    elif cron is not UNSET and cron is not None and period is UNSET:
        period = None
    timing = given({"period": period, "cron": cron, "timezone": timezone, "grace": grace})
    changed = msgspec.structs.replace(
        heartbeat, **timing, **given({"name": name, "severity": severity}), updated_at=tx.now
    )
    changed.name = check_name(changed.name)
    rules.check(changed)
    if any(getattr(heartbeat, each) != getattr(changed, each) for each in timing):
        changed.is_learned = False
        rules.reschedule(changed, tx.now)
    await heartbeats.update(tx, changed)
    _done(tx, "updated", service, heartbeat, changed)
    return changed


async def rotate_key(tx: Transaction, heartbeat_id: str) -> tuple[Heartbeat, str]:
    """A new key instead of the old one, which stops working with this commit; Conflict for what has no address."""
    heartbeat, service = await _to_configure(tx, heartbeat_id)
    if heartbeat.integration_id is not None:
        raise Conflict(
            f"{heartbeat.name} is heard by the alerts of an integration: it has no address and no key."
        )
    key = new_key()
    rotated = msgspec.structs.replace(heartbeat, key_hash=key_hash(key), key_hint=key[-4:], updated_at=tx.now)
    await heartbeats.update(tx, rotated)
    _done(tx, "key_rotated", service, heartbeat, rotated)
    return rotated, key


async def pause(tx: Transaction, heartbeat_id: str) -> Heartbeat:
    """Expect nothing until somebody resumes it, for whoever responds; its alert is over."""
    heartbeat, service = await _to_respond(tx, heartbeat_id)
    if heartbeat.status is HeartbeatStatus.PAUSED:
        return heartbeat
    paused = msgspec.structs.replace(heartbeat, updated_at=tx.now)
    rules.pause(paused, tx.now)
    await heartbeats.update(tx, paused)
    if heartbeat.is_firing:
        await beats.tell_ended(tx, heartbeat)
    _done(tx, "paused", service, heartbeat, paused)
    return paused


async def resume(tx: Transaction, heartbeat_id: str) -> Heartbeat:
    """Expect beats again, the next one within a whole period and grace from now."""
    heartbeat, service = await _to_respond(tx, heartbeat_id)
    if heartbeat.status is not HeartbeatStatus.PAUSED:
        return heartbeat
    resumed = msgspec.structs.replace(heartbeat, updated_at=tx.now)
    rules.resume(resumed, tx.now)
    await heartbeats.update(tx, resumed)
    _done(tx, "resumed", service, heartbeat, resumed)
    return resumed


async def delete(tx: Transaction, heartbeat_id: str) -> None:
    """Delete a heartbeat; its alert is over, and what it caused stays."""
    heartbeat, service = await _to_configure(tx, heartbeat_id)
    if heartbeat.is_firing:
        await beats.tell_ended(tx, heartbeat)
    gone = msgspec.structs.replace(
        heartbeat, due_at=None, watch_key=None, deleted_at=tx.now, updated_at=tx.now
    )
    await heartbeats.update(tx, gone)
    _done(tx, "deleted", service, heartbeat, None)


async def _to_configure(tx: Transaction, heartbeat_id: str) -> tuple[Heartbeat, Service]:
    """The heartbeat and its service, for somebody who may change them."""
    heartbeat = await get(tx, tx.actor, heartbeat_id)
    return heartbeat, await to_configure(tx, heartbeat.service_id)


async def _to_respond(tx: Transaction, heartbeat_id: str) -> tuple[Heartbeat, Service]:
    heartbeat = await get(tx, tx.actor, heartbeat_id)
    service = found(await services.get(tx, tx.actor, heartbeat.service_id), "heartbeat")
    require(tx.actor, Permission.RESPOND, service.team_id, "heartbeat")
    return heartbeat, service


def _done(
    tx: Transaction, act: str, service: Service, before: Heartbeat | None, after: Heartbeat | None
) -> None:
    """Note the act, and let pages that show the heartbeat look again."""
    about = after or before
    if about is None:
        raise ValueError("nothing was there before or after")
    audit.record(
        tx,
        f"heartbeat.{act}",
        kind="heartbeat",
        id=about.id,
        name=about.name,
        team_id=service.team_id,
        before=_members(before),
        after=_members(after),
    )
    say(tx, about, service.organization_id, service.team_id)


def _members(heartbeat: Heartbeat | None) -> dict[str, object] | None:
    """What people set of a heartbeat; what it was heard of is no part of an act."""
    if heartbeat is None:
        return None
    return {
        "name": heartbeat.name,
        "service_id": heartbeat.service_id,
        "interval_seconds": None if heartbeat.period is None else heartbeat.period / SECOND,
        "cron": heartbeat.cron,
        "timezone": heartbeat.timezone,
        "grace_seconds": heartbeat.grace / SECOND,
        "severity": heartbeat.severity,
        "is_paused": heartbeat.status is HeartbeatStatus.PAUSED,
        "key_hash": heartbeat.key_hash,
    }
