"""Backdating: what the log of a component becomes by incidents that were told after the fact.

The log as it was noted at the time is the ground, which nothing changes. What is told later lies over it: for its span
a component was the worst of both. So telling late never makes the past better, and what is taken back leaves no trace.
"""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.status_page import ComponentStatus, Logged


class Span(msgspec.Struct, kw_only=True):
    """A row of `status_backdated`: how a component was from `since` until before `until`, as was told later."""

    incident_id: str
    component_id: str
    since: Instant
    until: Instant
    status: ComponentStatus


def overlaid(noted: Sequence[Logged], spans: Sequence[Span], began_at: Instant) -> list[Logged]:
    """The log of one component with what was told later over it; both ordered by time, nothing before `began_at`."""
    told = [each for each in spans if max(each.since, began_at) < each.until]
    moments = {entry.at for entry in noted}
    moments |= {max(each.since, began_at) for each in told} | {each.until for each in told}
    known_at = [entry.at for entry in noted]
    found: list[Logged] = []
    for at in sorted(moments):
        before = bisect_right(known_at, at)
        ground = noted[before - 1] if before else None
        because = ground.incident_id if ground else None
        status = ground.status if ground else ComponentStatus.OPERATIONAL
        for each in told:
            if max(each.since, began_at) <= at < each.until and each.status.rank > status.rank:
                status, because = each.status, each.incident_id
        found.append(Logged(component_id=_of(noted, told), at=at, status=status, incident_id=because))
    return found


def _of(noted: Sequence[Logged], told: Sequence[Span]) -> str:
    return noted[0].component_id if noted else told[0].component_id
