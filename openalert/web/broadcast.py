"""Broadcast: what was committed, to everybody who listens, by one task and in rounds.

A round tells each listener all that came since the last one, in one piece that was made once for all who may know the
same, and of a storm no more than that there is one. It takes turns with everybody else on the event loop, and then the
loop is theirs for some times as long: in a storm, which is one word whenever it is told, as long as all can still be
told within two seconds. So a few listeners hear at once, and ten thousand cost the senders of alerts little. Nobody is
waited for: whoever does not take what is sent keeps a place in the row of events, is told when it is taken again, and
is sent away when that is far behind.

A place is the number of an event in the log, which all nodes count alike and without a gap: so it means the same to the
log and to the broadcast, whichever of them knows more just then, and nobody is told of an event before their place.
"""

import asyncio
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Protocol

import msgspec
import structlog

from openalert.domain.access import Actor
from openalert.domain.errors import OpenAlertError
from openalert.domain.event import Event
from openalert.domain.instant import rfc3339
from openalert.supervisor import Watched
from openalert.usecases import access as rights
from openalert.web.asgi import text_frame

log = structlog.get_logger(__name__)

CAPACITY = 256
"""So many events a listener may be behind."""
AT_ONCE = 64
"""So many events are told in one round; in place of more it is told to read anew, which costs everybody less."""
KEPT = 1_024
"""Events that are kept for those who are behind."""
GONE = sys.maxsize
"""The position of whoever is to be told nothing more."""
ANEW = -1
"""The position of whoever has to read anew before there is anything to tell."""
AGAIN_SECONDS = 1.0
"""Until the log is asked once more, where it could not be read."""
SLICE_SECONDS = 0.002
REST = 1
"""Times as long as a slice: what a round leaves to others after each."""
SHARE = 6
"""Times as long as all slices of a round: from its beginning to that of the next."""
STORM_SHARE = 20
LONGEST_WAIT = 1.7
"""Seconds from the beginning of a round to the end of the next: nobody waits longer in favour of others."""


class News:
    """Some messages as they leave, made once for all who are told the same."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.texts = texts
        """Each in JSON."""

    @cached_property
    def frames(self) -> bytes:
        """All of them as frames of a WebSocket, one after the other."""
        return b"".join(map(text_frame, self.texts))


class Listener(Protocol):
    """Whoever is told."""

    position: int
    """The number of the next event to be told of, `ANEW` or `GONE`."""
    actor: Actor | None

    def take(self, news: News) -> bool:
        """Be told this; False: not now."""
        ...

    def lose(self) -> None:
        """Go away, too far behind."""
        ...


def message(event: Event) -> bytes:
    """An event as it leaves, in JSON."""
    return msgspec.json.encode(
        {
            "seq": event.seq,
            "type": event.type,
            "teamId": event.team_id,
            "incidentId": event.incident_id,
            "at": rfc3339(event.at),
            "data": event.data,
        }
    )


def ready(seq: int) -> bytes:
    """That what comes after this event is told, in JSON."""
    return msgspec.json.encode({"type": "ready", "seq": seq})


def resync(seq: int) -> bytes:
    """That everything up to this event has to be read anew, in JSON."""
    return msgspec.json.encode({"type": "resync", "seq": seq})


def hears(actor: Actor, organization_id: str, team_id: str | None) -> bool:
    """Whether events of this organization and team are for the actor; `team_id` None: for all of the organization."""
    if team_id is None:
        return actor.organization_id == organization_id
    return rights.sees(actor, organization_id, team_id)


class Broadcast:
    """Everybody who listens, and the newest events."""

    def __init__(self, newest: Callable[[], Awaitable[int]]) -> None:
        """`newest`: the largest number in the event log; raises OpenAlertError while that cannot be read."""
        self._newest = newest
        self._listeners: dict[Listener, None] = {}
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._end = 0
        """The number of the event that comes next; 0 while nobody knows."""
        self._told_end = 0
        """`_end` when everybody was told last."""
        self.ages = 0
        """How often everybody had to read anew. What was read of the log in an earlier one may not hold any more."""
        self._free: dict[Listener, None] = {}
        """Who takes messages again since."""
        self._news = asyncio.Event()

    async def begin(self) -> None:
        """Learn from the log which event comes next, unless that was heard meanwhile."""
        newest = await self._newest()
        self._end = self._end or newest + 1
        if not self._listeners:
            self._told_end = self._end

    def add(self, listener: Listener) -> None:
        """Tell this one of what is committed from now on; to read anew, where nobody knows what comes next."""
        listener.position = self._end
        self._listeners[listener] = None

    def remove(self, listener: Listener) -> None:
        """It is gone."""
        self._listeners.pop(listener, None)
        listener.position = GONE
        self._free.pop(listener, None)

    def heard(self, events: Sequence[Event]) -> None:
        """The events of a commit, numbered without a gap; never waits. Those before what comes next are known."""
        fresh = [event for event in events if event.seq >= self._end]
        if not fresh:
            return
        if self._end and fresh[0].seq != self._end:
            self.missed()
        self._events.extend(fresh)
        self._end = fresh[-1].seq + 1
        self._news.set()

    def missed(self) -> None:
        """Events were lost on their way here, or their numbers now stand for others: everybody has to read anew."""
        self.ages += 1
        self._events.clear()
        self._end, self._told_end = 0, ANEW
        for listener in self._listeners:
            listener.position = ANEW
        self._news.set()

    def again(self, listener: Listener) -> None:
        """This one takes messages again."""
        if listener.position < self._end:
            self._free[listener] = None
            self._news.set()

    async def run(self, watched: Watched) -> None:
        """Tell, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                with watched.step():
                    pause = await self.tell()
            except OpenAlertError as error:
                log.info("event log not read", error=error.message)
                self._news.set()
                pause = AGAIN_SECONDS
            await asyncio.sleep(pause)

    async def tell(self) -> float:
        """One round: everybody is told what came until now, or is sent away; how many seconds the next has to wait.

        Without news it is a round for those who take messages again. Raises OpenAlertError where the log has to say
        first how far it is, and cannot be read.
        """
        if not self._end:
            await self.begin()
        fresh, age = self._end - self._told_end, self.ages
        free, self._free = self._free, {}
        if not self._listeners:
            self._told_end = self._end
            return 0.0
        told = _Round(list(self._events), self._end)
        self._told_end = self._end
        begun = began = time.monotonic()
        work = 0.0
        for listener in list(self._listeners if fresh else free):
            if listener.position < told.end:
                told.by(listener)
            spent = time.monotonic() - began
            if spent > SLICE_SECONDS:
                work += spent
                await asyncio.sleep(REST * spent)
                if self.ages != age:
                    return 0.0  # what this round would tell does not hold any more
                began = time.monotonic()
        work += time.monotonic() - began
        return _pause(work, time.monotonic() - begun, is_storm=fresh > AT_ONCE)


def _pause(work: float, lasted: float, *, is_storm: bool) -> float:
    """Seconds after a round that lasted so long, and used the event loop for `work` of it."""
    between = (STORM_SHARE if is_storm else SHARE) * work
    return max(0.0, min(between, LONGEST_WAIT - lasted) - lasted)


class _Round:
    """What one round has made already."""

    def __init__(self, events: list[Event], end: int) -> None:
        self.end = end
        self._events = events
        self._begin = end - len(events)
        self._places = {(event.organization_id, event.team_id) for event in events}
        self._texts: list[bytes | None] = [None] * len(events)
        self._news: dict[tuple[frozenset[tuple[str, str | None]], int], News | None] = {}
        self._known: dict[tuple[int, int], tuple[Actor, News | None]] = {}
        """By the actor's id() and the position."""
        self._resync = News([resync(end - 1)])

    def by(self, listener: Listener) -> None:
        """Tell this one."""
        actor = listener.actor
        if actor is None:
            return
        key = (id(actor), listener.position)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (actor, self._news_for(actor, listener.position))
        news = known[1]
        if news is None or listener.take(news):
            listener.position = self.end
        elif self.end - listener.position > CAPACITY:
            listener.lose()

    def _news_for(self, actor: Actor, position: int) -> News | None:
        """What there is to tell from there on; None: nothing."""
        if position < self._begin:
            return self._resync
        key = (frozenset(place for place in self._places if hears(actor, *place)), position)
        if key not in self._news:
            self._news[key] = self._made(*key)
        return self._news[key]

    def _made(self, audience: frozenset[tuple[str, str | None]], position: int) -> News | None:
        meant = [
            index
            for index in range(position - self._begin, len(self._events))
            if (self._events[index].organization_id, self._events[index].team_id) in audience
        ]
        if len(meant) > AT_ONCE:
            return self._resync
        return News([self._text(index) for index in meant]) if meant else None

    def _text(self, index: int) -> bytes:
        made = self._texts[index]
        if made is None:
            self._texts[index] = made = message(self._events[index])
        return made
