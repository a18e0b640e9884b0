"""Committed events to whoever follows them; losing one costs a listener seconds, never anybody a page.

It keeps nothing for anybody: who cannot take events at once reads them in the event log.
"""

from collections.abc import Callable, Sequence

from openalert.domain.event import Event

Heard = Callable[[Sequence[Event]], None]
Missed = Callable[[], None]


class Bus:
    """Everybody who follows."""

    def __init__(self) -> None:
        self._followers: list[tuple[Heard, Missed]] = []

    def __len__(self) -> int:
        """How many follow."""
        return len(self._followers)

    def follow(self, heard: Heard, missed: Missed) -> Callable[[], None]:
        """Call `heard` with the events of each commit from now on, in their order; it must never wait.

        `missed` is called where events were lost on their way here, or their numbers now stand for others: whatever was
        heard has to be looked at anew. What is returned ends it.
        """
        follower = (heard, missed)
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    def publish(self, events: list[Event]) -> None:
        """Hand the events of a commit to everybody; never waits. Fits `Database.listen`."""
        for heard, _ in self._followers:
            heard(events)

    def missed(self) -> None:
        """Events were missed: all must look anew. Fits `Database.when_missed`."""
        for _, missed in self._followers:
            missed()
