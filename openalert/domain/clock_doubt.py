"""Doubt in a clock that leapt ahead: nothing is deleted by it until it has stood for a day.

A clock that is years ahead is put right sooner or later; what was deleted meanwhile would be gone. Whether a leap is
true (the machine was switched off for a month) or a lie, nobody can know at once.
"""

import msgspec

from openalert.domain.instant import DAY, HOUR, Instant

LEAP = HOUR
"""A shorter step is no reason to doubt: nothing is deleted that is younger than a day."""
BELIEVED_AFTER = DAY


class Doubt(msgspec.Struct, frozen=True):
    """By how much the clock leapt ahead, and when, by the clock as it stands since."""

    by: int = 0
    """Milliseconds; 0: there is none."""
    since: Instant = 0

    def at(self, now: Instant) -> int:
        """How much of `now` is in doubt, in milliseconds."""
        return 0 if now - self.since >= BELIEVED_AFTER else self.by

    def after(self, step: int, now: Instant) -> "Doubt":
        """What is in doubt once the clock was set by so much; `now` is what it shows since."""
        left = self.at(now - step)
        if step >= LEAP:
            return Doubt(left + step, now)
        if step > 0 or not left:
            return Doubt(left, self.since + step) if left else Doubt()
        return Doubt(left + step, self.since + step) if left + step > 0 else Doubt()
