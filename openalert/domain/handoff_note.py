"""HandoffNote: what whoever goes off call leaves for whoever comes, in own words and drafted."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, Instant, to_datetime
from openalert.domain.override import Override, OverrideKind
from openalert.domain.severity import Severity

LONGEST_WORDS = 4_000
LOOKS_BACK = 14 * DAY
"""Of a longer shift only the end is told."""
KEPT_FOR = 90 * DAY
FRESH_FOR = 7 * DAY
"""A note that was handed over to nobody is for the next to come, within this time."""
MOST_NOTED = 20
"""So many incidents are named; further ones are counted."""
_MOST_IN_MESSAGE = 5
_LONGEST_TITLE = 80


class NotedIncident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident, as it stood at the handoff."""

    id: str
    number: int
    title: str
    severity: Severity
    is_open: bool
    paged: bool
    """Whether it paged somebody of the shift while it ran."""
    acknowledged_by_id: str | None = None
    snoozed_until: Instant | None = None


class NotedCover(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who stood in during the shift."""

    user_id: str
    instead_of_id: str
    """Empty: instead of everybody, or beside them."""
    start_at: Instant
    end_at: Instant
    reason: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a shift without anybody writing it down."""

    incidents: tuple[NotedIncident, ...] = ()
    """What is open first, the worst before the rest; then what paged and is over."""
    more: int = 0
    """How many further incidents there are."""
    covers: tuple[NotedCover, ...] = ()


class HandoffNote(msgspec.Struct, kw_only=True):
    """A row of `handoff_notes`."""

    id: str
    schedule_id: str
    team_id: str
    user_ids: tuple[str, ...]
    """Who had the shift."""
    from_at: Instant
    handed_at: Instant | None = None
    """None: the shift runs still."""
    words: str = ""
    words_by_id: str | None = None
    words_at: Instant | None = None
    facts: Facts = Facts()

    @property
    def says_something(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.words or self.facts.incidents or self.facts.covers)


def check_words(words: str) -> str:
    """What somebody wrote, trimmed, or Invalid."""
    words = words.strip()
    if len(words) > LONGEST_WORDS:
        raise Invalid(f"A note has at most {LONGEST_WORDS:,} characters.", field="words")
    return words


def in_order(found: Iterable[NotedIncident]) -> tuple[NotedIncident, ...]:
    """What is open first, the worst and newest before the rest."""
    return tuple(sorted(found, key=lambda each: (not each.is_open, -each.severity.rank, -each.number)))


def covers(overrides: Iterable[Override], start: Instant, end: Instant) -> tuple[NotedCover, ...]:
    """Who stood in during the time."""
    kinds = (OverrideKind.REPLACE, OverrideKind.COVER, OverrideKind.ADD)
    return tuple(
        NotedCover(
            user_id=each.user_id,
            instead_of_id=each.instead_of_id,
            start_at=each.start_at,
            end_at=each.end_at,
            reason=each.reason,
        )
        for each in sorted(overrides, key=lambda each: (each.start_at, each.id))
        if each.kind in kinds and each.start_at < end and each.end_at > start
    )


def in_words(note: HandoffNote, names: Mapping[str, str], zone: ZoneInfo) -> list[str]:
    """The note as the lines of a message, times by the clock of its reader."""
    lines = []
    if note.words:
        author = names.get(note.words_by_id or "", "Somebody")
        lines.append(f"{author} leaves you a note: {note.words}")
    incidents = note.facts.incidents
    open_ = [each for each in incidents if each.is_open]
    lines += [f"Still open: {_incident(each, zone)}" for each in open_[:_MOST_IN_MESSAGE]]
    if len(open_) > _MOST_IN_MESSAGE:
        lines.append(f"and {len(open_) - _MOST_IN_MESSAGE} more that are open.")
    over = sum(each.paged and not each.is_open for each in incidents)
    if over:
        lines.append(f"Paged during the shift, and over: {over}.")
    lines += [f"Stood in: {_cover(each, names, zone)}" for each in note.facts.covers[:_MOST_IN_MESSAGE]]
    return lines


def _incident(noted: NotedIncident, zone: ZoneInfo) -> str:
    title = noted.title if len(noted.title) <= _LONGEST_TITLE else f"{noted.title[: _LONGEST_TITLE - 1]}…"
    asleep = f", snoozed until {clock(noted.snoozed_until, zone)}" if noted.snoozed_until else ""
    return f"#{noted.number} {title} ({noted.severity}{asleep})"


def _cover(cover: NotedCover, names: Mapping[str, str], zone: ZoneInfo) -> str:
    who = names.get(cover.user_id, "somebody")
    whom = f" for {names.get(cover.instead_of_id, 'somebody')}" if cover.instead_of_id else ""
    return f"{who}{whom}, {clock(cover.start_at, zone)} to {clock(cover.end_at, zone)}"


def clock(at: Instant, zone: ZoneInfo) -> str:
    """`Tue 06 Jan 09:00`."""
    return f"{to_datetime(at).astimezone(zone):%a %d %b %H:%M}"
