"""The last beats of a heartbeat: which are kept, and in which place."""

from openalert.domain.heartbeat import KEPT_BEATS, SAME_BEAT, Beat, Heartbeat
from openalert.domain.instant import Instant
from openalert.storage import heartbeats
from openalert.storage.transaction import Transaction
from openalert.usecases.heartbeat_alerts import Told


async def keep(tx: Transaction, heartbeat: Heartbeat, told: Told, duration: Instant | None = None) -> None:
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
