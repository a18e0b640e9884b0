"""Courier: how letters to subscribers of status pages leave, one for each way of telling them.

Nothing of a courier is shared with what pages people: a connection that is slow here is slow here alone.
"""

from typing import Protocol

from openalert.domain.instant import Instant
from openalert.domain.status_letter import Letter
from openalert.notifiers.notifier import Receipt


class Courier(Protocol):
    """One way. An instance is shared by all letters and may carry several at once."""

    channel: str
    """The kind of the subscribers: `email`, `webhook`, `slack`, `teams`."""

    async def send(self, letter: Letter, now: Instant) -> Receipt:
        """Makes one attempt; raises NotifierError or LostAnswer, and nothing else, within its deadline."""
        ...

    async def close(self) -> None:
        """Gives back what it holds."""
        ...
