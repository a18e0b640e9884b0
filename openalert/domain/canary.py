"""Canary: an alert that the server sends itself over the whole way of a real one, and how far it came.

What it passes belongs to an organization of its own, which nobody is a member of and no list shows.
"""

from enum import StrEnum

import msgspec

from openalert.domain.instant import DAY, SECOND, Instant

HOME = "canary"
"""The id of its organization, team, service, integration, policy and channel."""
CHANNEL = "null"
"""The notifier that accepts every message and sends none."""
BUDGET = 10 * SECOND
"""It has failed when it was not through by then."""
FIRST_LEVEL = SECOND
"""Its policy pages so long after it has fired, so that it waits for a timer."""
ABANDONED_AFTER = 120 * SECOND
"""What is left of one whose server died is removed then."""
KEPT_FOR = 2 * DAY
FAILURES_KEPT_FOR = 90 * DAY


class Hop(StrEnum):
    """A stretch of the way of an alert, in their order."""

    ACCEPTED = "accepted"
    """The ingestion address took the message, by HTTP, and committed it."""
    OPENED = "opened"
    """It became an incident with a timer."""
    PAGED = "paged"
    """The timer was due, and the engine wrote a page for it."""
    CLAIMED = "claimed"
    """A sender claimed the page."""
    SENT = "sent"
    """The channel accepted it, and that was written down."""
    RESOLVED = "resolved"
    """The end of the alert ended the incident."""


STUCK = {
    Hop.ACCEPTED: "the ingestion address did not take it",
    Hop.OPENED: "it became no incident",
    Hop.PAGED: "its escalation did not run",
    Hop.CLAIMED: "no sender claimed its page",
    Hop.SENT: "its page was not handed over",
    Hop.RESOLVED: "its end did not resolve the incident",
}
"""What is wrong when a canary does not get beyond a hop, in words."""


class CanaryRun(msgspec.Struct, kw_only=True):
    """One canary; a row of `canary_runs`. The times are milliseconds after its start."""

    id: str
    run_id: str
    started_at: Instant
    accepted_ms: int | None = None
    opened_ms: int | None = None
    paged_ms: int | None = None
    claimed_ms: int | None = None
    sent_ms: int | None = None
    resolved_ms: int | None = None
    failed_at: str = ""
    """The hop that it did not make."""
    reason: str = ""

    @property
    def is_green(self) -> bool:
        """Whether it came all the way in time."""
        return not self.failed_at and self.resolved_ms is not None

    def at(self, hop: Hop) -> int | None:
        """When it had made this hop."""
        found: int | None = getattr(self, f"{hop}_ms")
        return found

    def reached(self, hop: Hop, when: Instant) -> None:
        """It had made this hop at that instant; the first word counts."""
        if self.at(hop) is None:
            setattr(self, f"{hop}_ms", max(0, when - self.started_at))

    def failed(self, why: str = "") -> None:
        """It is over before its end: it stands still before the first hop that it has not made."""
        stuck = next((hop for hop in Hop if self.at(hop) is None), Hop.RESOLVED)
        self.failed_at, self.reason = stuck.value, why or f"Within 10 s {STUCK[stuck]}."
