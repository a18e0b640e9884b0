"""Alerts of senders that never say that something is over: closed when nobody repeated them for the set time."""

from openalert.domain.alert import Signal, SignalStatus
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.service import AutoClose
from openalert.sources import Reading
from openalert.storage import auto_closing
from openalert.storage.auto_closing import Closing, Silent
from openalert.storage.transaction import Transaction
from openalert.usecases import ingest
from openalert.usecases.inbound import Delivery

MOST = 200
"""Alerts of one integration that are closed at once; the next look takes the rest."""


async def close_silent(tx: Transaction, closing: Closing, up_since: Instant | None = None) -> int:
    """Close what was silent for long enough, as if its sender had said so; how many.

    `up_since`: when the server came back after it had been away. Until the time has passed from then on nothing
    is closed, because nobody was there to hear a repeat.
    """
    close = closing.config.auto_close
    if close is None:
        return 0
    before = tx.now - round(close.after_minutes * MINUTE)
    if up_since is not None and before < up_since:
        return 0
    silent = await auto_closing.silent(
        tx, closing, before, acknowledged_too=close.acknowledged_too, limit=MOST
    )
    if silent:
        await ingest.take_in(tx, [_delivery(closing, close, silent)])
    return len(silent)


def _delivery(closing: Closing, close: AutoClose, silent: list[Silent]) -> Delivery:
    """The end of several alerts, as a message that nobody sent."""
    signals = [
        Signal(
            source=each.source,
            status=SignalStatus.RESOLVED,
            severity=None,
            title=each.title,
            fingerprint=each.fingerprint,
            group=each.fingerprint,
        )
        for each in silent
    ]
    note = f"Nobody repeated it for {close.after_minutes:g} minutes."
    return Delivery(
        key_hash=closing.key_hash,
        content=b"",
        content_type="",
        source=silent[0].source,
        reading=Reading(silent[0].source, signals, note=note),
        trace_id="",
        outcome="closed",
    )
