"""Committed events to live listeners; losing one costs a listener seconds, never anybody a page.

Each listener has a queue with a bound. One that does not keep up is marked lost and dropped: it is told to come
back and resume from the event log, instead of making everybody else wait.
"""

import asyncio
from collections.abc import Callable, Sequence

from openalert.domain.event import Event

CAPACITY = 256
"""Events that may wait for one listener."""


class Subscription:
    """One listener's queue."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(capacity + 1)
        self._capacity = capacity
        self.over = asyncio.Event()
        """Set once nothing more will be queued: it fell behind, or the server is stopping."""

    @property
    def is_lost(self) -> bool:
        """What is queued is the last it gets."""
        return self.over.is_set()

    def offer(self, event: Event) -> bool:
        """Queue the event; False when the listener is lost by it, or was already."""
        if not self.is_lost and self._queue.qsize() < self._capacity:
            self._queue.put_nowait(event)
            return True
        self.end()
        return False

    def end(self) -> None:
        """The listener gets what is queued and then None."""
        if not self.is_lost:
            self.over.set()
            self._queue.put_nowait(None)

    async def next(self) -> Event | None:
        """The next event, in the order of the commits; None once the subscription is over."""
        return await self._queue.get()


class Bus:
    """Everybody who listens now."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._followers: list[tuple[Callable[[Sequence[Event]], None], Callable[[], None]]] = []

    def __len__(self) -> int:
        """How many listen."""
        return len(self._subscriptions)

    def publish(self, events: list[Event]) -> None:
        """Hand the events of a commit to every listener; never waits. Fits `Database.listen`."""
        for heard, _ in self._followers:
            heard(events)
        for subscription in list(self._subscriptions):
            for event in events:
                if not subscription.offer(event):
                    self._subscriptions.discard(subscription)
                    break

    def follow(self, heard: Callable[[Sequence[Event]], None], missed: Callable[[], None]) -> None:
        """Somebody who tells others, and keeps what they are behind: `heard` must never wait.

        `missed` is called in place of events that were lost, and when the server is stopping.
        """
        self._followers.append((heard, missed))

    def subscribe(self, capacity: int = CAPACITY) -> Subscription:
        """A new listener: it hears what is committed from now on."""
        subscription = Subscription(capacity)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """The listener is gone."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription: the server is stopping, or events were missed and all must look anew."""
        for _, missed in self._followers:
            missed()
        for subscription in self._subscriptions:
            subscription.end()
        self._subscriptions.clear()
