"""Watchdogs: alerts that always fire are heard as heartbeats of their integration's service, without any set-up."""

import hashlib
from collections.abc import Sequence

from openalert.domain import heartbeat as rules
from openalert.domain.alert import Signal
from openalert.domain.heartbeat import BeatKind, Heartbeat, HeartbeatStatus
from openalert.domain.ids import new_id
from openalert.domain.severity import Severity
from openalert.domain.watchdog import MOST, SHORTEST, is_beat, learned, name_of
from openalert.storage import alerts, heartbeats
from openalert.storage.routes import Route
from openalert.storage.transaction import Transaction
from openalert.usecases.heartbeat_alerts import Told, ended, say, way
from openalert.usecases.kept_beats import keep

SEVERITY = Severity.CRITICAL
"""Whoever does not hear of a Watchdog hears of no other alert of that source either."""


async def hear(tx: Transaction, heard: Sequence[tuple[Route, Signal]]) -> list[tuple[Route, Signal]]:
    """Take in Watchdogs, each by the integration that brought it; the ends of alerts that this causes.

    A new one becomes a heartbeat, at most `MOST` of an integration; the end of one is no beat.
    """
    keyed = {
        alerts.latest_key(route.integration_id, signal.fingerprint): (route, signal)
        for route, signal in heard
        if is_beat(signal)
    }
    known = await heartbeats.watched(tx, list(keyed))
    ends = []
    for key, (route, signal) in keyed.items():
        heartbeat = known.get(key) or await _begin(tx, key, route, signal)
        if heartbeat is None:
            continue
        before, was_firing = heartbeat.status, heartbeat.is_firing
        await _beat(tx, heartbeat)
        if heartbeat.status is not before:
            say(tx, heartbeat, route.organization_id, route.team_id)
        if was_firing and not heartbeat.is_firing and (own := await way(tx, heartbeat)):
            ends.append((own, ended(heartbeat)))
    return ends


async def _beat(tx: Transaction, heartbeat: Heartbeat) -> None:
    excused = heartbeat.unheard_until is not None
    rules.hear(heartbeat, BeatKind.SUCCESS, tx.now)
    await keep(tx, heartbeat, Told())
    if heartbeat.is_learned and not excused:
        await _learn(tx, heartbeat)
    await heartbeats.update(tx, heartbeat)


async def _learn(tx: Transaction, heartbeat: Heartbeat) -> None:
    """Expect what was observed: the interval that was learned, and as long a grace. Until it is known, nothing."""
    kept = (await heartbeats.strips(tx, [heartbeat.id]))[heartbeat.id]
    period = learned([each.at for each in kept])
    if period is None:
        heartbeat.expected_at = heartbeat.due_at = None
    elif heartbeat.status is HeartbeatStatus.HEALTHY:
        heartbeat.period = heartbeat.grace = period
        rules.expect(heartbeat, tx.now)


async def _begin(tx: Transaction, key: str, route: Route, signal: Signal) -> Heartbeat | None:
    """A heartbeat for a Watchdog that is heard for the first time; None when the integration has too many."""
    if await heartbeats.count_watched(tx, route.integration_id) >= MOST:
        return None
    heartbeat_id = new_id(tx.now)
    heartbeat = Heartbeat(
        id=heartbeat_id,
        service_id=route.service_id,
        name=name_of(signal, route.integration_name),
        # Nobody has a key that has this hash: it is heard by the integration alone.
        key_hash=hashlib.sha256(heartbeat_id.encode()).hexdigest()[:40],
        key_hint="",
        period=SHORTEST,
        grace=SHORTEST,
        severity=SEVERITY,
        since=tx.now,
        integration_id=route.integration_id,
        watch_key=key,
        is_learned=True,
        created_at=tx.now,
        updated_at=tx.now,
    )
    await heartbeats.insert(tx, heartbeat)
    return heartbeat
