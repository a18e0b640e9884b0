"""Storms: after a few pages to one person by one way, further ones about the same service leave together (NO-5)."""

from collections.abc import Mapping, Sequence

import msgspec

from openalert.domain.instant import MINUTE, SECOND

FEW = 3
"""So many pages within `LATELY` go out one by one."""
LATELY = MINUTE
GATHER = 8 * SECOND
"""How long pages wait for others like them; with what sending takes it stays below the 15 s of promise NO-3."""

MOST = 50
"""So many leave together at most; a message that names more is not read."""

Topic = tuple[str | None, int]
"""A service and a priority: its first critical page does not wait for others that were not."""


class Told(msgspec.Struct, frozen=True):
    """What was sent lately to one person by one way."""

    messages: int = 0
    topics: frozenset[Topic] = frozenset()


class Page(msgspec.Struct, frozen=True):
    """A page that is about to leave."""

    id: str
    way: str
    """The contact method."""
    topic: Topic


def waits(told: Told, topic: Topic) -> bool:
    """Whether another page about this waits for more; the first about something else never does."""
    return told.messages >= FEW and topic in told.topics


def gathered(pages: Sequence[Page], told: Mapping[str, Told]) -> list[Page]:
    """Which of these pages, in the order in which they would leave, wait for others."""
    now = dict(told)
    waiting = []
    for page in pages:
        before = now.get(page.way, Told())
        if waits(before, page.topic):
            waiting.append(page)
        else:
            now[page.way] = Told(before.messages + 1, before.topics | {page.topic})
    return waiting
