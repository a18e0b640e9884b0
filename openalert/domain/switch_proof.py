"""Proof of the dead-man's switch: it is told nothing on purpose for a while, and somebody says whether it complains."""

import hashlib
from enum import StrEnum

import msgspec

from openalert.domain.instant import DAY, MINUTE, Instant

SHORTEST, USUAL, LONGEST = 2, 10, 60
"""Minutes of silence."""
ANSWER_WITHIN = DAY
"""So long after the silence one may say what became of it."""
HOLDS_FOR = 90 * DAY
"""An older proof is worth a warning: addresses, telephones and accounts elsewhere change without our knowing."""


class Outcome(StrEnum):
    """What became of a silence."""

    OPEN = "open"
    """Nobody has said it yet."""
    CAME = "came"
    """The service elsewhere complained, and somebody heard it."""
    MISSED = "missed"
    """It did not."""
    STOPPED = "stopped"
    """Somebody ended it before."""
    TROUBLE = "trouble"
    """The server was really in trouble meanwhile and said so, which proves nothing about silence."""


class SwitchProof(msgspec.Struct, kw_only=True):
    """One trial; a row of `switch_proofs`."""

    id: str
    organization_id: str
    """Of whoever began it; empty: a command on the machine."""
    switch: str
    """Which switch, see `switch_of`."""
    begun_at: Instant
    until: Instant
    """When the silence ends by itself."""
    begun_by: str
    """What whoever began it is called."""
    outcome: Outcome = Outcome.OPEN
    ended_at: Instant | None = None
    """When somebody said what became of it."""
    ended_by: str = ""

    def is_silent(self, now: Instant) -> bool:
        """Whether the switch is told nothing at this moment. A clock that was set back before its begin ends it."""
        return self.outcome is Outcome.OPEN and self.begun_at <= now < self.until

    def waits(self, now: Instant) -> bool:
        """Whether somebody may still say what became of it."""
        return self.outcome is Outcome.OPEN and now < self.until + ANSWER_WITHIN


class SwitchStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the switch that is configured."""

    switch: str = ""
    """Empty: none is."""
    last: SwitchProof | None = None
    """The newest trial, of this switch."""
    proven: SwitchProof | None = None
    """The newest one that it passed."""

    def is_proven(self, now: Instant) -> bool:
        """Whether it passed one, not too long ago."""
        return self.proven is not None and now - (self.proven.ended_at or 0) <= HOLDS_FOR

    def is_silent(self, now: Instant) -> bool:
        """Whether it is told nothing at this moment."""
        return self.last is not None and self.last.is_silent(now)


def switch_of(url: str) -> str:
    """A switch by its address, without giving that away; empty for none."""
    return hashlib.sha256(url.encode()).hexdigest()[:16] if url else ""


def until(now: Instant, minutes: int) -> Instant:
    """When a silence of so many minutes ends."""
    return now + minutes * MINUTE
