"""Reminders of shifts: which turns are worth being told of ahead, and how long before."""

from openalert.domain.difference import Span, shifts_of_people
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.oncall import shifts
from openalert.domain.plan import Plan

DEFAULT_LEAD = 12 * HOUR
LONGEST_LEAD = 7 * DAY
OFF_FOR = DAY
"""Whoever was on call there less than this before needs no reminder: office hours are one turn, day after day."""


def check_lead(lead: Instant) -> Instant:
    """How long before a turn somebody is told, in milliseconds, 0 for not at all; or Invalid."""
    if not 0 <= lead <= LONGEST_LEAD:
        raise Invalid("It is told between 0 and 168 hours before.", field="handoffLeadHours")
    return lead


def beginnings(plan: Plan, start: Instant, end: Instant) -> list[tuple[str, Span]]:
    """Who goes on call from `start` until before `end`, after a day off at least, and for which time.

    The time is cut at `end`; the plan must tell all from a day before `start` on.
    """
    final = shifts(plan, start - OFF_FOR, end)
    found: list[tuple[str, Span]] = []
    for user_id, spans in shifts_of_people(final, start - OFF_FOR, end).items():
        before = None
        for span in spans:
            if span[0] >= start and (before is None or span[0] - before >= OFF_FOR):
                found.append((user_id, span))
            before = span[1]
    return found
