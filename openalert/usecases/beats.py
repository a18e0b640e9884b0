"""Beats: what comes in by a heartbeat, and what becomes of one that does not. Time and machines do it, nobody.

What a heartbeat finds out becomes an alert of its service and takes the way of every other alert.
"""

from collections.abc import Sequence

from openalert.domain import heartbeat as rules
from openalert.domain.alert import Signal
from openalert.domain.heartbeat import BeatKind, Heartbeat
from openalert.domain.instant import Instant
from openalert.storage import heartbeats
from openalert.storage.transaction import Transaction
from openalert.usecases import ingest
from openalert.usecases.heartbeat_alerts import Told, ended, firing, say, way
from openalert.usecases.kept_beats import keep


async def hear_by_key(tx: Transaction, key_hash: str, told: Told) -> Heartbeat | None:
    """Take in a beat that came to the address with this key; None when there is none."""
    heartbeat = await heartbeats.by_key_hash(tx, key_hash)
    if heartbeat is not None:
        await hear(tx, heartbeat, told)
    return heartbeat


async def hear_by_name(tx: Transaction, service_id: str, name: str, told: Told) -> Heartbeat | None:
    """Take in a beat of the heartbeat of this name that the service has; None when it has none."""
    heartbeat = await heartbeats.by_name(tx, service_id, name)
    if heartbeat is not None:
        await hear(tx, heartbeat, told)
    return heartbeat


async def hear(tx: Transaction, heartbeat: Heartbeat, told: Told) -> None:
    """Take in a beat: what it ends or begins is done with it, in one transaction."""
    before, was_firing = heartbeat.status, heartbeat.is_firing
    duration = rules.hear(heartbeat, told.kind, tx.now)
    await keep(tx, heartbeat, told, duration)
    await heartbeats.update(tx, heartbeat)
    if told.kind is BeatKind.FAIL and heartbeat.is_firing:
        await _tell(tx, [(heartbeat, firing(heartbeat, tx.now, told))])
    elif was_firing and not heartbeat.is_firing:
        await tell_ended(tx, heartbeat)
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
        told.append((heartbeat, firing(heartbeat, deadline, None)))
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


async def tell_ended(tx: Transaction, heartbeat: Heartbeat) -> None:
    """End the alert of the heartbeat."""
    await _tell(tx, [(heartbeat, ended(heartbeat))])


async def _tell(tx: Transaction, told: Sequence[tuple[Heartbeat, Signal]]) -> None:
    """Let alerts begin, go on or end, as if an integration had brought them."""
    signals = [(route, signal) for heartbeat, signal in told if (route := await way(tx, heartbeat))]
    if signals:
        await ingest.take_in_own(tx, signals)


async def _say(tx: Transaction, changed: Sequence[Heartbeat]) -> None:
    for heartbeat in changed:
        if route := await way(tx, heartbeat):
            say(tx, heartbeat, route.organization_id, route.team_id)
