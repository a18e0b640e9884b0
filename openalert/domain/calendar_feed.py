"""CalendarFeed: a calendar of another program that says when somebody is away, or who is on call."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from openalert.domain.calendar import Turn
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.schedule import HIGHEST_LAYER

AHEAD = 180 * DAY
"""How far ahead a calendar at an address is read; it is read again each hour."""
AHEAD_OF_FILE = 400 * DAY
"""The same for a file, which is read once."""
LONGEST_NAME = 100
MOST_FEEDS = 10
"""Of one person, and of one schedule."""
MOST_MISSING = 50
WARN_AFTER = 7 * DAY
EXPAND_AFTER = 20 * HOUR
"""Its repetitions go on though the calendar stays the same."""

_LEVEL = re.compile(r"^\s*\[L(\d{1,3})\]\s*", re.IGNORECASE)
_BETWEEN_NAMES = re.compile(r"\s*[,;/&+]\s*")
_AWAY = (
    "out of office", "ooo", "vacation", "annual leave", "on leave", "day off", "pto", "absent", "sick",
    "abwesen", "urlaub", "krank", "elternzeit", "congé", "absence", "fuera de la oficina", "vacaciones", "ferie",
)  # fmt: skip
"""Words by which a timed event that is not marked as out of office is known as an absence."""


class FeedKind(StrEnum):
    """What a calendar is read for."""

    ABSENCES = "absences"
    SHIFTS = "shifts"


class Counts(StrEnum):
    """Which entries of a person's calendar are absences."""

    AWAY = "away"
    """What is marked as out of office, what is called so, and whole days that are not marked as free."""
    ALL = "all"
    """Every entry: for a calendar that holds nothing but absences."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of one entry; see `sources.calendar.Occurrence`."""

    start: Instant
    end: Instant
    summary: str = ""
    description: str = ""
    attendees: tuple[str, ...] = ()
    is_all_day: bool = False
    busy: str = ""


class CalendarFeed(msgspec.Struct, frozen=True, kw_only=True):
    """Either a person's absences or turns of a schedule, and how its last readings went. Its address is sealed."""

    id: str
    organization_id: str
    kind: FeedKind
    user_id: str | None = None
    schedule_id: str | None = None
    name: str
    origin: str
    """What may be seen of its address: scheme and host; empty for a file."""
    counts: Counts = Counts.AWAY
    layer: int = 0
    """Of turns whose summary names none."""
    created_at: Instant
    created_by_id: str | None = None
    next_at: Instant | None = None
    """When it is read again; None: it is a file."""
    etag: str = ""
    read_at: Instant | None = None
    """When it was last read well."""
    expanded_at: Instant | None = None
    """When its repetitions were last counted out: hours before `read_at` where nothing had changed since."""
    failures: int = 0
    """How often in a row it could not be read since."""
    failing_since: Instant | None = None
    failure: str = ""
    """The last of them in people's words."""
    warned_at: Instant | None = None
    entries: int = 0
    """Periods that it gave."""
    missing: tuple[str, ...] = ()
    """Names in it that are nobody's here."""
    notes: tuple[str, ...] = ()
    """What of it could not be read, and why."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A time that a calendar gave: of an absence, or of a turn of somebody."""

    user_id: str
    start_at: Instant
    end_at: Instant
    layer: int = 0
    summary: str = ""
    """Of an absence, for nobody but that person's own eyes."""


def check_feed(feed: CalendarFeed) -> None:
    """Refuse, as Invalid, a feed that nobody could tell from others, or of a layer that is none."""
    if not feed.name or len(feed.name) > LONGEST_NAME:
        raise Invalid(f"name must have 1 to {LONGEST_NAME} characters.", field="name")
    if not 0 <= feed.layer <= HIGHEST_LAYER:
        raise Invalid(f"layer must be between 0 and {HIGHEST_LAYER}, not {feed.layer}.", field="layer")


def next_reading(feed_id: str, failures: int, now: Instant) -> Instant:
    """When to read next: after an hour, after failures in a row ever later up to half a day.

    Each feed has a shift of its own of up to ten minutes, so that they do not all ask at once.
    """
    shift = int(hashlib.sha256(feed_id.encode()).hexdigest()[:6], 16) % (10 * MINUTE)
    wait = HOUR if failures == 0 else min(15 * MINUTE * 2 ** min(failures - 1, 10), 12 * HOUR)
    return now + wait + shift


def absences_in(entries: Iterable[Entry], user_id: str, counts: Counts) -> list[Period]:
    """The person's absences among the entries."""
    return [
        Period(user_id=user_id, start_at=each.start, end_at=each.end, summary=each.summary)
        for each in entries
        if each.start < each.end and (counts is Counts.ALL or _is_away(each))
    ]


def _is_away(entry: Entry) -> bool:
    if entry.busy in ("FREE", "TENTATIVE", "WORKINGELSEWHERE"):
        return False
    words = entry.summary.casefold()
    return entry.busy == "OOF" or entry.is_all_day or any(_stands_in(word, words) for word in _AWAY)


def _stands_in(word: str, words: str) -> bool:
    """Whether the words hold this one: abbreviations whole, others as a beginning: Urlaubstag, abwesend."""
    ending = r"(?!\w)" if len(word) < 4 else ""
    return re.search(rf"(?<!\w){re.escape(word)}{ending}", words) is not None


def turns_in(
    entries: Iterable[Entry], people: Mapping[str, str], layer: int
) -> tuple[list[Period], tuple[str, ...]]:
    """The turns that the entries give, and the names that are nobody's.

    `people` maps names as they are written, and addresses in small letters, to ids. The people of an entry stand in
    its summary, behind a level like `[L2]` if it has one, in its description, or among its attendees.
    """
    turns: list[Period] = []
    missing: dict[str, None] = {}
    for entry in entries:
        level = _LEVEL.match(entry.summary)
        found, unknown = _people(entry, people)
        missing |= dict.fromkeys(unknown)
        if entry.start < entry.end:
            turns += [
                Period(
                    user_id=user_id,
                    start_at=entry.start,
                    end_at=entry.end,
                    layer=min(int(level.group(1)), HIGHEST_LAYER) if level else layer,
                )
                for user_id in found
            ]
    return list(dict.fromkeys(turns)), tuple(list(missing)[:MOST_MISSING])


def _people(entry: Entry, people: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The ids of those whom an entry names, each once, and the names that it gives for nobody."""
    summary = _LEVEL.sub("", entry.summary).strip()
    addresses = [re.sub(r"(?i)^mailto:", "", each).strip() for each in entry.attendees]
    described = _LEVEL.sub("", entry.description).strip()
    found: dict[str, None] = {}
    unknown: list[str] = []
    whole = _known(summary, people)
    pieces = [summary] if whole else [each for each in _BETWEEN_NAMES.split(summary) if each]
    for name in pieces:
        user_id = _known(name, people)
        if user_id:
            found[user_id] = None
        else:
            unknown.append(name[:100])
    others = [user_id for name in (described, *addresses) if (user_id := _known(name, people))]
    if others and not found:
        unknown = []  # the summary is a title then
    for user_id in others:
        found[user_id] = None
    return list(found), unknown


def _known(name: str, people: Mapping[str, str]) -> str | None:
    return people.get(name) or people.get(name.removeprefix("@")) or people.get(name.casefold())


def merged(old: Sequence[Period], new: Sequence[Period], now: Instant) -> tuple[list[Period], list[Period]]:
    """What of the `old` periods, none of them over, has to end now, and what of the `new` ones begins, from now on.

    Who was on call is not rewritten: a turn that runs and is not there any more ends now, one that would have begun
    before begins now, and what is the same stays.
    """
    kept = {_key(each, now) for each in old} & {_key(each, now) for each in new}
    ending = [each for each in old if _key(each, now) not in kept]
    beginning = [
        msgspec.structs.replace(each, start_at=max(each.start_at, now))
        for each in new
        if _key(each, now) not in kept and each.end_at > now
    ]
    return ending, beginning


def _key(period: Period, now: Instant) -> tuple[str, int, Instant, Instant]:
    """What makes two periods the same from now on: one that runs was clipped when it was read first."""
    return (period.user_id, period.layer, max(period.start_at, now), period.end_at)


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody is away while on call, from `start_at` until before `end_at`."""

    user_id: str
    start_at: Instant
    end_at: Instant
    away_from: Instant
    away_until: Instant


def clashes(turns: Iterable[Turn], away: Iterable[Period]) -> list[Clash]:
    """Where turns and absences of one person meet, in the order of time; absences that touch count as one."""
    absent: dict[str, list[tuple[Instant, Instant]]] = {}
    for each in sorted(away, key=lambda period: period.start_at):
        known = absent.setdefault(each.user_id, [])
        if known and each.start_at <= known[-1][1]:
            known[-1] = (known[-1][0], max(known[-1][1], each.end_at))
        else:
            known.append((each.start_at, each.end_at))
    found = [
        Clash(
            user_id=turn.person.user_id,
            start_at=max(turn.start, begin),
            end_at=min(turn.end, end),
            away_from=begin,
            away_until=end,
        )
        for turn in turns
        for begin, end in absent.get(turn.person.user_id, ())
        if begin < turn.end and end > turn.start
    ]
    return sorted(found, key=lambda clash: (clash.start_at, clash.user_id))
