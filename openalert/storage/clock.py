"""The clocks of a database: what it is now, how much time has passed, and whether somebody has set the first."""

import time
from collections.abc import Callable

from openalert.domain.clock_doubt import Doubt
from openalert.domain.instant import Instant
from openalert.domain.outage import STEP_OF_CLOCK

Clock = Callable[[], Instant]


def wall_clock() -> Instant:
    """The current instant by the machine's clock: the one place outside the engine that reads it."""
    return time.time_ns() // 1_000_000


def uptime() -> int:
    """Milliseconds since the kernel began, those in which the machine was suspended among them: nobody sets it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class Clocks:
    """The clock on the wall, put forward where it is known to be behind, and the one that nobody sets."""

    def __init__(self, wall: Clock = wall_clock, elapsed: Callable[[], int] | None = None) -> None:
        """Without `elapsed` time passes as the wall says, unless that is the machine's: for clocks of tests."""
        self._wall = wall
        self.elapsed = elapsed or (uptime if wall is wall_clock else wall)
        self.ahead = 0
        """By how much the wall's clock is put forward, in milliseconds."""
        self.doubt = Doubt()
        """What is in doubt because the clock leapt ahead."""
        self._offset = self._wall() - self.elapsed()

    def now(self) -> Instant:
        """The current instant."""
        return self._wall() + self.ahead

    @property
    def step(self) -> int:
        """By how many milliseconds the clock was set since `follow`; 0 while that is less than drift may be.

        Small steps add up. What only takes back that the clock was put forward is none.
        """
        step = self._wall() - self.elapsed() - self._offset
        return step if abs(step) > STEP_OF_CLOCK else 0

    def follow(self, step: int) -> int:
        """What was set was heard of; by how much the current instant has moved because of it.

        A clock that was put forward and is now set forward needs that no more.
        """
        self._offset += step
        if step <= 0 or not self.ahead:
            return step
        taken_back = min(step, self.ahead)
        self.ahead -= taken_back
        return step - taken_back

    def unfollow(self, step: int, ahead: int) -> None:
        """What should have followed could not: it is to be heard of again."""
        self._offset -= step
        self.ahead = ahead

    def put_forward(self, by: int) -> None:
        """The clock is known to be behind: from now on it is this much later."""
        self.ahead += by


class Ago:
    """A moment of the past, which stays as long ago as it is, however the clock is set."""

    def __init__(self, clocks: Clocks, at: Instant) -> None:
        self._clocks = clocks
        self._elapsed = clocks.elapsed() - (clocks.now() - at)

    @property
    def at(self) -> Instant:
        """When it was, by the clock as it stands now."""
        return self._clocks.now() - (self._clocks.elapsed() - self._elapsed)
