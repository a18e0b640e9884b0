"""Cadence: how regularly an integration sends, learned from when its messages came, and whether it has gone silent.

A source that repeats its alerts while they fire is regular then, and rightly silent when all is well; one that says
"all is well" every hour is regular then. So the times between messages are kept apart by whether anything fired when
they began, and a silence is measured against those of its own kind. Where they are not clearly regular, nothing is
concluded.
"""

from collections.abc import Sequence
from statistics import median_low

import msgspec

from openalert.domain.instant import HOUR, SECOND, Instant

KEPT_GAPS = 24
FEWEST_GAPS = 12
"""So many times between messages must be known before anything is concluded."""
STEADY = 2
"""They are regular when none but one is longer than so many times the usual one."""
TIMES_LONGEST = 3
"""It is silent after so many times the longest that is no exception, and never before `LEAST`."""
LEAST = HOUR
SAME_VISIT = 30 * SECOND
"""Messages so close together are one; whoever looks does so once a minute."""


class Cadence(msgspec.Struct, kw_only=True):
    """A row of `cadences`."""

    integration_id: str
    last_at: Instant
    """When the last message came that was noted."""
    was_firing: bool
    """Whether any alert of the integration fired after it."""
    firing_gaps: list[Instant] = []
    """The last times between messages that began while something fired, the newest last; milliseconds."""
    quiet_gaps: list[Instant] = []


class Silence(msgspec.Struct, frozen=True):
    """A source that used to send and does not."""

    usual: Instant
    """Milliseconds that usually lay between two messages."""
    since: Instant
    """When the last one came."""


def note(cadence: Cadence, received_at: Instant, is_firing: bool) -> bool:
    """A message has come at that time since the last look; whether anything is to be written down."""
    gap = received_at - cadence.last_at
    if gap <= 0:
        changed = cadence.was_firing is not is_firing
        cadence.was_firing = is_firing
        return changed
    if gap >= SAME_VISIT:
        kept = cadence.firing_gaps if cadence.was_firing else cadence.quiet_gaps
        kept.append(gap)
        del kept[:-KEPT_GAPS]
    cadence.last_at, cadence.was_firing = received_at, is_firing
    return True


def silence(cadence: Cadence, listening_since: Instant, now: Instant) -> Silence | None:
    """Whether it has gone silent; while OpenAlert itself was away nobody could be heard."""
    gaps = cadence.firing_gaps if cadence.was_firing else cadence.quiet_gaps
    known = _regular(gaps)
    if known is None:
        return None
    usual, longest = known
    quiet_for = now - max(cadence.last_at, listening_since)
    return Silence(usual, cadence.last_at) if quiet_for > max(LEAST, TIMES_LONGEST * longest) else None


def _regular(gaps: Sequence[Instant]) -> tuple[Instant, Instant] | None:
    """The usual time between messages and the longest but one; None where they are not clearly regular."""
    if len(gaps) < FEWEST_GAPS:
        return None
    usual, longest = median_low(gaps), sorted(gaps)[-2]
    return (usual, longest) if longest <= STEADY * usual else None
