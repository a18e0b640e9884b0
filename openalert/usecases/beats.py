"""Beats: what comes in by a heartbeat, and what becomes of one that does not. Time and machines do it, nobody.

What a heartbeat finds out becomes an alert of its service and takes the way of every other alert.
"""

from collections.abc import Sequence

import msgspec

from openalert.domain import heartbeat as rules
from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.event import Event
from openalert.domain.heartbeat import KEPT_BEATS, SAME_BEAT, Beat, BeatKind, Heartbeat
from openalert.domain.heartbeat_words import description, title
from openalert.domain.instant import Instant
from openalert.storage import heartbeats, routes
from openalert.storage.routes import Route
from openalert.storage.transaction import Transaction
from openalert.usecases import ingest

NAME = "heartbeat"
"""The source of alerts that heartbeats raise."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a beat says."""

    kind: BeatKind = BeatKind.SUCCESS
    exit_code: int | None = None
    body: str = ""


async def hear_by_key(tx: Transaction, key_hash: str, told: Told) -> Heartbeat | None:
    """Take in a beat that came to the address with this key; None when there is none."""
    heartbeat = await heartbeats.by_key_hash(tx, key_hash)
    if heartbeat is not None:
        await hear(tx, heartbeat, told)
    return heartbeat


async def hear(tx: Transaction, heartbeat: Heartbeat, told: Told) -> None:
    """Take in a beat: what it ends or begins is done with it, in one transaction."""
    before = heartbeat.status
    was_firing = heartbeat.is_firing
    duration = rules.hear(heartbeat, told.kind, tx.now)
    await _keep(tx, heartbeat, told, duration)
    await heartbeats.update(tx, heartbeat)
    if told.kind is BeatKind.FAIL and heartbeat.is_firing:
        await _tell(tx, [(heartbeat, _firing(heartbeat, tx.now, told))])
    elif was_firing and not heartbeat.is_firing:
        await tell_ended(tx, [heartbeat])
    if heartbeat.status is not before:
        await _say(tx, [heartbeat])


async def fall_late(tx: Transaction, ids: Sequence[str]) -> int:
    """Raise the alert of each of these whose beat has not come by now; how many.

    Whoever was answered before is committed before, so that nobody is told of a beat that came in time.
    """
    late = await heartbeats.still_due(tx, ids)
    told = []
    for heartbeat in late:
        deadline = heartbeat.due_at or tx.now
        rules.fall_late(heartbeat, tx.now)
        await heartbeats.update(tx, heartbeat)
        told.append((heartbeat, _firing(heartbeat, deadline, None)))
    await _tell(tx, told)
    await _say(tx, late)
    return len(late)


async def excuse(tx: Transaction, deaf_from: Instant, deaf_until: Instant) -> int:
    """OpenAlert could not hear in that time: put off what a beat then would have put off; how many heartbeats."""
    excused = 0
    for heartbeat in await heartbeats.awaited(tx):
        if rules.excuse(heartbeat, deaf_from, deaf_until):
            await heartbeats.update(tx, heartbeat)
            excused += 1
    return excused


async def tell_ended(tx: Transaction, some: Sequence[Heartbeat]) -> None:
    """End the alerts of these heartbeats."""
    await _tell(tx, [(each, _signal(each, SignalStatus.RESOLVED)) for each in some])


async def _keep(tx: Transaction, heartbeat: Heartbeat, told: Told, duration: Instant | None) -> None:
    """Give the beat a slot; a quick repeat of the last one, without anything to keep, takes none."""
    if heartbeat.beat_count and not told.body and duration is None:
        last = await heartbeats.last_beat(tx, heartbeat.id, (heartbeat.beat_count - 1) % KEPT_BEATS)
        if (
            last is not None
            and (last.kind, last.exit_code) == (told.kind, told.exit_code)
            and 0 <= tx.now - last.at < SAME_BEAT
        ):
            return
    beat = Beat(
        heartbeat_id=heartbeat.id,
        slot=heartbeat.beat_count % KEPT_BEATS,
        at=tx.now,
        kind=told.kind,
        exit_code=told.exit_code,
        duration=duration,
        body=told.body,
    )
    heartbeat.beat_count += 1
    await heartbeats.put_beat(tx, beat)


def _firing(heartbeat: Heartbeat, at: Instant, told: Told | None) -> Signal:
    """The alert that the heartbeat raises: late since `at`, or failed by what it was told."""
    signal = _signal(heartbeat, SignalStatus.FIRING)
    signal.description = description(heartbeat, at)
    if told is not None:
        if told.exit_code is not None:
            signal.annotations["exitCode"] = str(told.exit_code)
        if told.body:
            signal.annotations["body"] = told.body[:_SHOWN_BODY]
    return signal


_SHOWN_BODY = 2_000


def _signal(heartbeat: Heartbeat, status: SignalStatus) -> Signal:
    return Signal(
        source=NAME,
        status=status,
        severity=heartbeat.severity,
        title=title(heartbeat),
        fingerprint=heartbeat.id,
        group=f"heartbeat:{heartbeat.id}",
        labels={"alertname": "Heartbeat", "heartbeat": heartbeat.name},
        annotations={},
    )


async def _tell(tx: Transaction, told: Sequence[tuple[Heartbeat, Signal]]) -> None:
    """Let alerts begin, go on or end, as if an integration had brought them."""
    signals = []
    for heartbeat, signal in told:
        route = await routes.of_service(tx, heartbeat.service_id)
        if route is not None:
            signals.append((_route(route, heartbeat), signal))
    if signals:
        await ingest.take_in_own(tx, signals)


def _route(route: Route, heartbeat: Heartbeat) -> Route:
    return msgspec.structs.replace(
        route,
        integration_id=heartbeat.id,
        integration_name=heartbeat.name,
        default_severity=heartbeat.severity,
    )


async def _say(tx: Transaction, changed: Sequence[Heartbeat]) -> None:
    """Let pages that show these heartbeats look again."""
    for heartbeat in changed:
        route = await routes.of_service(tx, heartbeat.service_id)
        if route is not None:
            tx.emit(
                Event(
                    type="heartbeat.updated",
                    organization_id=route.organization_id,
                    team_id=route.team_id,
                    data={"id": heartbeat.id, "status": heartbeat.status, "name": heartbeat.name},
                )
            )
