"""Who could take a shift: those who are free, there and within reach, who are on call least first; with the reasons."""

from collections.abc import Iterable

import msgspec

from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.reachability import ReachState

AROUND = 28 * DAY
"""How far before and after the beginning of a shift time on call is counted: eight weeks in all."""

_REACH = {
    ReachState.REACHABLE: "reachable",
    ReachState.DOUBTFUL: "perhaps not reachable",
    ReachState.UNREACHABLE: "not reachable",
}


class CoverSuggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One person who could take a shift, and what speaks for and against it."""

    user_id: str
    on_call: Instant
    """Milliseconds on call in the schedules of the team, in eight weeks around the shift."""
    on_call_for: tuple[str, ...] = ()
    """The schedules for which the person is on call during the shift."""
    is_here: bool = False
    """On call during the shift in this very schedule: then nobody is relieved."""
    is_away: bool = False
    """By the person's own calendar, at some time during the shift."""
    reach: ReachState

    @property
    def is_good(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.on_call_for and not self.is_away and self.reach is ReachState.REACHABLE

    @property
    def words(self) -> str:
        """`12 h on call in eight weeks, reachable, free`."""
        busy = f"on call for {' and '.join(self.on_call_for)} then" if self.on_call_for else ""
        away = "away then" if self.is_away else ""
        when = " and ".join(part for part in (busy, away) if part) or "free"
        return f"{self.on_call / HOUR:.0f} h on call in eight weeks, {_REACH[self.reach]}, {when}"


def ranked(suggestions: Iterable[CoverSuggestion]) -> list[CoverSuggestion]:
    """The best first: who is free before who is not, then who is reachable, then who is on call least."""
    return sorted(
        suggestions,
        key=lambda each: (
            each.is_here,
            each.is_away,
            bool(each.on_call_for),
            list(ReachState).index(each.reach),
            each.on_call,
            each.user_id,
        ),
    )
