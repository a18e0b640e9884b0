"""What a watcher on a second host is told by the server that it watches, and whom it calls when that goes silent.

A word is JSON with a code (HMAC-SHA256) that only somebody with the watcher's API key can make. It repeats the nonce
that was asked with, so that no older word passes for a fresh one, whatever the clocks of both hosts say.
"""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterator, Sequence

import msgspec

from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.vault import derive

HORIZONS = (7 * DAY, 2 * DAY, 12 * HOUR, 2 * HOUR)
"""So far ahead a snapshot knows who is on call; a shorter time where a longer one would make it too large."""
LARGEST = 1024 * 1024
"""Bytes of a word."""
NONCE = r"^[A-Za-z0-9_-]{16,64}$"
LAST_RESORT = "last_resort"
"""The channel of the ways in [last_resort] of the watching host."""
NOT_FROM_AFAR = frozenset({"push"})
"""Ways that only the server itself can take: the keys to people's browsers are its own."""
_PURPOSE = b"openalert watch"


class Forged(Exception):
    """It was not said by the server, not said now, or changed on the way; the text says which."""


class Misread(Exception):
    """The server has said it now, in a form that this program does not know."""


class Way(msgspec.Struct, frozen=True, rename="camel"):
    """One way to reach a person."""

    channel: str
    address: str
    is_spare: bool = False
    """Not a way that they have chosen: their address for signing in, where nothing else would reach them."""


class Person(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Somebody who may be called."""

    id: str
    name: str
    timezone: str
    ways: tuple[Way, ...] = ()


class Span(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who is on from `start` until before `end`."""

    start: Instant
    end: Instant
    people: tuple[str, ...]
    """Ids."""


class Roster(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A schedule, or people who are called by name, as a team calls them."""

    name: str
    level: int
    """The first level of the team's escalation policies that calls it; `UNCALLED`: none does."""
    spans: tuple[Span, ...]
    calls_next: bool = False
    """Whoever is on after those who are on now."""
    calls_previous: bool = False
    """Whoever was on before them; the spans then begin before the snapshot."""

    def on(self, at: Instant) -> Span | None:
        """The span that counts at that instant."""
        now = next((each for each in self.spans if each.start <= at < each.end), None)
        if not self.calls_next and not self.calls_previous:
            return now
        present = set(now.people) if now else set()
        if self.calls_previous:
            before = (each for each in reversed(self.spans) if each.end <= at and set(each.people) != present)
            return next(before, None)
        later = (each for each in self.spans if each.start > at and set(each.people) != present)
        return next(later, None)


UNCALLED = 1_000


class TeamRosters(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All of one team."""

    id: str
    name: str
    slug: str
    rosters: tuple[Roster, ...]
    owners: tuple[str, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who is on call now and in the time ahead, and how they are reached."""

    until: Instant
    """What comes later it does not know."""
    people: tuple[Person, ...]
    teams: tuple[TeamRosters, ...]
    owners: tuple[str, ...] = ()
    """Of the organization."""

    def person(self, person_id: str) -> Person | None:
        """Whom an id means."""
        return next((each for each in self.people if each.id == person_id), None)


class Word(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the server says."""

    nonce: str
    at: Instant
    """By the server's clock."""
    organization: str
    server: str
    """Where people reach it."""
    would_page: bool | None
    """Whether an alert arriving now would page; None: not known yet."""
    troubles: tuple[str, ...] = ()
    snapshot: Snapshot | None = None


class _Nonce(msgspec.Struct):
    """What every version says."""

    nonce: str


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is to be told, and why."""

    person: Person
    reason: str
    until: Instant | None = None
    """When they are relieved; None: no time is known."""


def written(word: Word) -> str:
    """The text that is signed."""
    return msgspec.json.encode(word).decode()


def signature(text: str, key: str) -> str:
    """64 hexadecimal digits; `key` is the text of the API key, which both sides hold."""
    return hmac.digest(derive(key, _PURPOSE), text.encode(), hashlib.sha256).hex()


def read(text: str, code: str, key: str, nonce: str) -> Word:
    """The word; Forged when its code or its nonce is another, Misread when it is of another version."""
    if not hmac.compare_digest(signature(text, key).encode(), code.encode("utf-8", "replace")):
        raise Forged("Its signature is wrong: somebody else made it, or changed it on the way.")
    try:
        said = msgspec.json.decode(text, type=_Nonce).nonce
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise Forged("It is no word of OpenAlert.") from None
    if not hmac.compare_digest(said.encode("utf-8", "replace"), nonce.encode()):
        raise Forged("It is an older one, said to another question.")
    try:
        return msgspec.json.decode(text, type=Word)
    except (msgspec.MsgspecError, RecursionError):
        raise Misread("The server is of another version: install the same on both hosts.") from None


def is_nonce(text: str) -> bool:
    """Whether it can be asked with."""
    return re.fullmatch(NONCE, text) is not None


def calls(snapshot: Snapshot, at: Instant, slugs: Collection[str] = ()) -> tuple[list[Called], list[Called]]:
    """Whom to call at that instant, first and when those do not suffice; nobody twice.

    First: of every team those of its lowest level that has somebody on. Further: everybody else on call, the owners of
    the teams and of the organization; at once where nobody is on call. `slugs`: of these teams alone.
    """
    teams = [each for each in snapshot.teams if not slugs or each.slug in slugs]
    first: dict[str, Called] = {}
    further: dict[str, Called] = {}
    for team in teams:
        on = [(each, span) for each in team.rosters if (span := each.on(at)) is not None and span.people]
        lowest = min((each.level for each, _ in on), default=0)
        for roster, span in on:
            place = first if roster.level == lowest else further
            for called in _of_span(snapshot, team, roster, span):
                place.setdefault(called.person.id, called)
    for owner in _owners(snapshot, teams):
        further.setdefault(owner.person.id, owner)
    rest = [each for each in further.values() if each.person.id not in first]
    return (list(first.values()), rest) if first else (rest, [])


def _of_span(snapshot: Snapshot, team: TeamRosters, roster: Roster, span: Span) -> Iterator[Called]:
    for person_id in span.people:
        if (person := snapshot.person(person_id)) is None:
            continue
        what = "are next on call" if roster.calls_next else "are on call"
        what = "were on call before" if roster.calls_previous else what
        lasting = not roster.calls_next and not roster.calls_previous and span.end < snapshot.until
        yield Called(
            person=person,
            reason=f"You {what} for {roster.name} ({team.name}).",
            until=span.end if lasting else None,
        )


def _owners(snapshot: Snapshot, teams: Sequence[TeamRosters]) -> Iterator[Called]:
    for team in teams:
        for each in team.owners:
            if (person := snapshot.person(each)) is not None:
                yield Called(person=person, reason=f"You own the team {team.name}.")
    for each in snapshot.owners:
        if (person := snapshot.person(each)) is not None:
            yield Called(person=person, reason="You own the organization.")


def changes(snapshot: Snapshot, after: Instant) -> Instant | None:
    """The next instant at which anybody's time on call begins or ends; None: none is known."""
    edges = (
        edge
        for team in snapshot.teams
        for roster in team.rosters
        for span in roster.spans
        for edge in (span.start, span.end)
        if after < edge < snapshot.until
    )
    return min(edges, default=None)
