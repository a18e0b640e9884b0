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
        life = self.ends_at - (self.ends_at if self.starts_at is None else self.starts_at)
        left = self.ends_at - now
        if left <= 0:
            return CertificateState.ENDED
        if left <= min(VERY_SOON, life // 8 if life > 0 else VERY_SOON):
            return CertificateState.VERY_SOON
        return (
            CertificateState.SOON
            if left <= min(SOON, life // 3 if life > 0 else SOON)
            else CertificateState.GOOD
        )
