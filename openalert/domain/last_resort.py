"""The last resort: who is told that nobody could be reached, and how often, so that it is a word and not a storm."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from openalert.domain.instant import MINUTE, Instant
from openalert.domain.severity import Severity

REPEAT = 15 * MINUTE
"""What goes on is said again so often."""
GATHER = 5 * MINUTE
"""What is new waits until so long after the word before, and then goes in one."""
RETRY = MINUTE
"""When every way failed it is tried again so soon."""


class CallState(StrEnum):
    """What a word of the last resort is."""

    BEGUN = "begun"
    GOES_ON = "goes_on"
    OVER = "over"
    TEST = "test"


class Unreached(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident whose escalation has ended, and none of whose pages left or still may."""

    id: str
    number: int
    title: str
    severity: Severity
    episode: int
    triggered_at: Instant


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """One reason for the last resort."""

    key: str
    """The same for as long as it is the same: an incident in one episode, or a kind of trouble."""
    words: str
    """One sentence; of an incident empty."""
    incident: Unreached | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One word to the last resort."""

    state: CallState
    matters: tuple[Matter, ...] = ()
    """All that goes on, also what was told before."""

    @property
    def incidents(self) -> list[Unreached]:
        """Those whom nobody could be told of."""
        return [each.incident for each in self.matters if each.incident is not None]


class Hop(msgspec.Struct, frozen=True):
    """One way that was tried."""

    way: str
    """Such as `mail` or `command`."""
    problem: str = ""
    """Why it failed, for the log; empty: it was taken."""


class Pace:
    """What was told and when. Its clock only goes forward, and is nobody's: milliseconds of the process."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._tried_at: Instant | None = None
        self._has_failed = False

    def call(self, matters: Sequence[Matter], at: Instant) -> Call | None:
        """What is to be said at `at`; None: nothing now."""
        if not matters:
            return Call(state=CallState.OVER) if self._told and self._waited(RETRY, at) else None
        fresh = any(each.key not in self._told for each in matters)
        least = RETRY if self._has_failed else GATHER if fresh else REPEAT
        if not self._waited(least, at):
            return None
        return Call(state=CallState.GOES_ON if self._told else CallState.BEGUN, matters=tuple(matters))

    def assume(self, keys: Iterable[str], at: Instant) -> None:
        """The process before this one has told of these."""
        if found := set(keys):
            self._told |= found
            self._tried_at = at

    def tried(self, call: Call, hops: Sequence[Hop], at: Instant) -> None:
        """It was said, or no way took it."""
        self._tried_at = at
        self._has_failed = bool(hops) and all(each.problem for each in hops)
        if not self._has_failed:
            self._told = {each.key for each in call.matters}

    def _waited(self, least: Instant, at: Instant) -> bool:
        return self._tried_at is None or at - self._tried_at >= least
