"""What happened, noted outside the server, one line for each fact, in the order in which it happened.

All times are milliseconds since the world began, by a clock of the machine that nobody sets and that goes on while it
sleeps. A fact is on disk before anything follows from it: a test that is killed leaves its ledger behind.
"""

import time
from pathlib import Path
from typing import TypeAlias

import msgspec

Moment: TypeAlias = int
"""Milliseconds since the world began."""


class Asked(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """A request is about to leave: an alert that is told, or an act of a person."""

    n: int
    """Its number; every try of one request has a number of its own."""
    at: Moment
    about: str
    """The title of the alert, which is its identity too."""
    what: str
    """`firing`, `resolved`: what its source says; `acknowledge`, `resolve`: what a person does."""
    starts: int | None = None
    """When it began by its source's clock, in seconds; None: the source does not say, or it is an act."""
    first: int
    """The number of the first try of the same request."""


class Answer(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """What came of a request."""

    n: int
    at: Moment
    code: int | None
    """None: no answer came, so nobody knows whether it took effect."""
    in_flight: tuple[str, ...] = ()
    """Messages that the answer names as being on their way."""


class Spoilt(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """A body that nobody can read was posted, and answered."""

    at: Moment
    about: str
    """A word that stands in it."""
    code: int | None


class Taken(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """A provider was handed a message."""

    at: Moment
    way: str
    """`mail` or `hook`."""
    who: str
    """The person, or the channel."""
    id: str
    """Equal for every try of one message."""
    kind: str
    """`page`, or what else it is."""
    about: tuple[str, ...]
    """The titles that it names, its own first."""
    numbers: tuple[int, ...]
    """The number of the incident of each."""
    status: str
    """That of its own incident, as the message says."""
    is_repeat: bool
    """It says that it may be one."""
    answer: str
    """`took`, `refused`, `withheld`."""
    is_in_doubt: bool = False
    """It says that the page before it may not have arrived."""


BUSY = "busy machine"


class Away(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """For a while the server could not act: killed, paused, without room, or on a machine that is BUSY."""

    since: Moment
    until: Moment
    why: str
    node: str = ""
    """Of several, the one that could not, while others could; empty: none could."""


class Trouble(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """For a while a way did not take messages as it should."""

    since: Moment
    until: Moment
    way: str
    mode: str


class Policy(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """By what incidents escalate that begin from now on; it took effect somewhere between the two moments."""

    since: Moment
    until: Moment
    levels: tuple["Rung", ...]
    repeats: int = 0
    repeat_delay: int = 0


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One level: whom it pages, so many milliseconds after the one before."""

    delay: int
    people: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


class Left(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Somebody was deleted, somewhere between the two moments."""

    since: Moment
    until: Moment
    who: str


class Stepped(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The clock of the server's machine was set."""

    at: Moment
    by: int
    """Milliseconds, forward or back."""


Fact: TypeAlias = Asked | Answer | Spoilt | Taken | Away | Trouble | Policy | Left | Stepped


class Ledger:
    """The facts of one world."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: list[Fact] = []
        self._began = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._file = path.open("ab", buffering=0)

    @property
    def now(self) -> Moment:
        """This moment."""
        return (time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._began) // 1_000_000

    def note(self, fact: Fact) -> None:
        """One more fact, never changed."""
        self._file.write(msgspec.json.encode(fact) + b"\n")
        self.facts.append(fact)

    def close(self) -> None:
        """No more facts."""
        self._file.close()


def read(path: Path) -> list[Fact]:
    """The facts of a world that is over."""
    return [msgspec.json.decode(line, type=Fact) for line in path.read_bytes().splitlines()]
