"""Certificate: until when a server can prove who it is; that of ours, or of one that we speak to."""

from enum import StrEnum

import msgspec

from openalert.domain.instant import DAY, Instant

SOON = 14 * DAY
"""So long before its end people are told, or a third of its time where that is less."""
VERY_SOON = 3 * DAY
"""So long before its end it is urgent, or an eighth of its time."""


class CertificateState(StrEnum):
    """How long it lasts."""

    UNKNOWN = "unknown"
    """It could not be looked at yet."""
    GOOD = "good"
    SOON = "soon"
    VERY_SOON = "very_soon"
    ENDED = "ended"


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """One as it was seen last."""

    use: str
    """What it is for, as a word that stays: `base_url`, `smtp`."""
    words: str
    """The same for people: "the address for people"."""
    where: str
    """`host:port`, or the name of the file."""
    looked_at: Instant
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    """None: it was never seen."""
    problem: str = ""
    """Why it could not be looked at last; what was seen before still stands. From elsewhere, so hostile."""

    def state(self, now: Instant) -> CertificateState:
        """Those of a short life are renewed late: what is soon for them is a part of it."""
        if self.ends_at is None:
            return CertificateState.UNKNOWN
        left = self.ends_at - now
        if left <= 0:
            return CertificateState.ENDED
        soon, very_soon = SOON, VERY_SOON
        if self.starts_at is not None and self.starts_at < self.ends_at:
            life = self.ends_at - self.starts_at
            soon, very_soon = min(SOON, life // 3), min(VERY_SOON, life // 8)
        if left <= very_soon:
            return CertificateState.VERY_SOON
        return CertificateState.SOON if left <= soon else CertificateState.GOOD
