"""Absence: the time in which a watched server is silent or says that it pages nobody, and who was told of it.

Nobody is told twice of one absence, unless the watching host is configured to repeat, or an answer was lost. All
instants are by the watching host's clock, and move along when that is set.
"""

from collections.abc import Callable, Collection, Iterator
from enum import StrEnum

import msgspec

from openalert.domain.instant import MINUTE, SECOND, Instant
from openalert.domain.watcher import LAST_RESORT, Called, Person, Way, Word, calls

BACK_AFTER = 3
"""So many good looks one after the other end an absence: a server that stumbles to its feet is not back yet."""
ASK_AGAIN = MINUTE
"""A message whose answer was lost is sent once more so much later, marked as a possible repeat."""
ALL_CLEAR_TRIES = 10
_FIRST_RETRY = 10 * SECOND
_LONGEST_RETRY = 5 * MINUTE


class Sight(StrEnum):
    """What one look found."""

    WELL = "well"
    ILL = "ill"
    """It answers, and says that an alert arriving now might page nobody."""
    SILENT = "silent"
    """It does not answer, or nothing that it can have said."""
    REFUSED = "refused"
    """It answers, and does not know our key, or speaks a form that we do not know."""
    CUT_OFF = "cut_off"
    """Nothing at all answers: the fault is on our side."""


class Look(msgspec.Struct, frozen=True):
    """One look at the server."""

    sight: Sight
    words: str = ""
    """Why, in one sentence."""


class Mark(StrEnum):
    """What became of a message."""

    SENDING = "sending"
    """Written down before it is sent: whoever finds it after a crash knows that it may have left."""
    SENT = "sent"
    UNKNOWN = "unknown"
    """It may have arrived."""
    FAILED = "failed"
    """It did not; it is tried again."""
    USELESS = "useless"
    """It never will by this way."""


TOLD = frozenset({Mark.SENDING, Mark.SENT, Mark.UNKNOWN})


class Told(msgspec.Struct, kw_only=True):
    """One person told by one way; or the last resort, which is nobody."""

    person_id: str
    name: str
    timezone: str = "UTC"
    channel: str
    address: str
    reason: str
    mark: Mark = Mark.SENDING
    tries: int = 0
    """Of the message that is to be told now."""
    in_doubt: bool = False
    """An earlier try may have arrived: the message says so."""
    rounds: int = 0
    """How often they were told."""
    at: Instant
    """Of the last try."""
    why: str = ""
    all_clear: Mark | None = None
    """What became of the word that it is over."""


class Absence(msgspec.Struct, kw_only=True):
    """One time of it."""

    id: str
    since: Instant
    """The first look that was not good."""
    sight: Sight
    words: str
    called_at: Instant | None = None
    """Since when people are called; None: it has not lasted long enough."""
    seen_at: Instant | None = None
    """When somebody said on the watching host that it is looked after: nobody else is called."""
    over_at: Instant | None = None
    told: dict[str, Told] = {}
    """By person, channel and address."""


class Memory(msgspec.Struct, kw_only=True):
    """All that a watcher knows; it outlives the process."""

    server: str
    """Whom it watches."""
    alive_at: Instant | None = None
    """The last good proof of life."""
    word: Word | None = None
    """The last snapshot."""
    received_at: Instant = 0
    absence: Absence | None = None
    ended: Absence | None = None
    """An absence that is over, while people are told so."""
    good_looks: int = 0

    def moved(self, by: int) -> None:
        """The clock was set: what was noted before moves along."""
        self.received_at += by
        self.alive_at = None if self.alive_at is None else self.alive_at + by
        for absence in (self.absence, self.ended):
            if absence is None:
                continue
            absence.since += by
            for name in ("called_at", "seen_at", "over_at"):
                at = getattr(absence, name)
                setattr(absence, name, None if at is None else at + by)
            for told in absence.told.values():
                told.at += by

    def after_crash(self) -> None:
        """What was being sent when the process ended may have arrived."""
        for absence in (self.absence, self.ended):
            for told in absence.told.values() if absence is not None else ():
                told.mark = Mark.UNKNOWN if told.mark is Mark.SENDING else told.mark
                if told.all_clear is Mark.SENDING:
                    told.all_clear = Mark.UNKNOWN

    def there(self, now: Instant) -> Instant:
        """What the server's clock says, or would: by that it is decided who is on call."""
        return now if self.word is None else self.word.at + max(now - self.received_at, 0)

    def ahead(self) -> int:
        """By how much the server's clock is ahead of ours, in milliseconds."""
        return 0 if self.word is None else self.word.at - self.received_at


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """When and whom to call; times in milliseconds."""

    after: int
    escalate_after: int
    """After the first call; 0: never."""
    repeat_after: int
    """After somebody was told; 0: never."""
    teams: Collection[str] = ()
    """Slugs; empty: all."""
    channels: Collection[str] = ()
    """By which the watching host can send."""
    has_last_resort: bool = False


def observe(memory: Memory, look: Look, now: Instant, new_id: Callable[[Instant], str]) -> None:
    """Take in what a look found."""
    absence = memory.absence
    if look.sight is Sight.WELL:
        memory.alive_at = now
        memory.good_looks += 1
        if absence is not None and (absence.called_at is None or memory.good_looks >= BACK_AFTER):
            memory.absence = None
            if absence.called_at is not None:
                absence.over_at = now
                memory.ended = absence
        return
    memory.good_looks = 0
    if look.sight is Sight.CUT_OFF:
        # Whatever was seen before this may have been our own fault too: it has to last anew.
        if absence is not None and absence.called_at is None:
            memory.absence = None
        return
    if absence is None:
        memory.absence = Absence(id=new_id(now), since=now, sight=look.sight, words=look.words)
    else:
        absence.sight, absence.words = look.sight, look.words


def begin_calling(memory: Memory, rules: Rules, now: Instant) -> bool:
    """Whether the absence has now lasted long enough, for the first time."""
    absence = memory.absence
    if absence is None or absence.called_at is not None or now - absence.since < rules.after:
        return False
    absence.called_at = now
    return True


def due_calls(memory: Memory, rules: Rules, now: Instant) -> list[Told]:
    """What is to be sent now, marked as being sent; whoever calls this keeps the memory before anything leaves."""
    absence = memory.absence
    if absence is None or absence.called_at is None or absence.seen_at is not None:
        return []
    found = []
    for called, way in _wanted(memory, absence, rules, now):
        key = f"{called.person.id} {way.channel} {way.address}"
        told = absence.told.get(key)
        if told is None:
            told = absence.told[key] = _to(called.person, way, called.reason, now)
        elif not _is_due(told, rules, now):
            continue
        elif told.mark is Mark.SENT:
            told.tries, told.in_doubt = 0, False
        told.in_doubt = told.in_doubt or told.mark is Mark.UNKNOWN
        told.mark, told.at, told.reason = Mark.SENDING, now, called.reason
        told.tries += 1
        found.append(told)
    return found


def due_all_clears(memory: Memory, now: Instant, ringing: Collection[str]) -> list[Told]:
    """Who is to hear now that it is over, marked as being sent; nobody is rung up for it (`ringing`)."""
    ended = memory.ended
    if ended is None:
        return []
    found = []
    waiting = False
    for told in ended.told.values():
        if told.mark not in TOLD or told.channel in ringing:
            continue
        if told.all_clear is None:
            told.tries = 0
        elif told.all_clear is not Mark.FAILED or told.tries >= ALL_CLEAR_TRIES:
            continue
        elif now - told.at < _pause(told.tries):
            waiting = True
            continue
        told.all_clear, told.at = Mark.SENDING, now
        told.tries += 1
        found.append(told)
    if not found and not waiting:
        memory.ended = None
    return found


def _wanted(memory: Memory, absence: Absence, rules: Rules, now: Instant) -> Iterator[tuple[Called, Way]]:
    """Everybody who is to know by now, by every way that the watching host can take."""
    if rules.has_last_resort:
        yield Called(person=NOBODY, reason=""), Way(LAST_RESORT, "")
        if absence.sight is Sight.REFUSED:
            # Somebody has revoked the key: that is for those who run the servers, and wakes nobody else.
            return
    snapshot = memory.word.snapshot if memory.word is not None else None
    if snapshot is None:
        return
    at = min(memory.there(now), snapshot.until - 1)
    first, further = calls(snapshot, at, rules.teams)
    everybody = rules.escalate_after > 0 and now - (absence.called_at or now) >= rules.escalate_after
    if everybody or not any(_may_hear(each, absence, rules) for each in first):
        first = [*first, *further]
    for called in first:
        for way in usable(called.person, rules.channels):
            yield called, way


NOBODY = Person(id="", name="last resort", timezone="UTC")


def usable(person: Person, channels: Collection[str]) -> list[Way]:
    """By which ways the watching host reaches somebody: all of them, or the spare one where there is none."""
    own = [each for each in person.ways if each.channel in channels]
    return [each for each in own if not each.is_spare] or own


def test_calls(memory: Memory, rules: Rules, now: Instant) -> list[Told]:
    """Everybody who would be called first at this instant, by every way that would be taken: to be sent a test."""
    found = []
    if rules.has_last_resort:
        found.append(_to(NOBODY, Way(LAST_RESORT, ""), "", now))
    snapshot = memory.word.snapshot if memory.word is not None else None
    if snapshot is not None:
        first, _ = calls(snapshot, memory.there(now), rules.teams)
        found += [
            _to(each.person, way, each.reason, now)
            for each in first
            for way in usable(each.person, rules.channels)
        ]
    return found


def _to(person: Person, way: Way, reason: str, now: Instant) -> Told:
    return Told(
        person_id=person.id, name=person.name, timezone=person.timezone, channel=way.channel, address=way.address,
        reason=reason, at=now,
    )  # fmt: skip


def _may_hear(called: Called, absence: Absence, rules: Rules) -> bool:
    """Whether some way to them is left that has not turned out to be useless."""
    for way in usable(called.person, rules.channels):
        told = absence.told.get(f"{called.person.id} {way.channel} {way.address}")
        if told is None or told.mark is not Mark.USELESS:
            return True
    return False


def _is_due(told: Told, rules: Rules, now: Instant) -> bool:
    waited = now - told.at
    if told.mark is Mark.FAILED:
        return waited >= _pause(told.tries)
    if told.mark is Mark.UNKNOWN and not told.in_doubt:
        return waited >= ASK_AGAIN
    is_told = told.mark in (Mark.SENT, Mark.UNKNOWN)
    return is_told and rules.repeat_after > 0 and waited >= rules.repeat_after


def _pause(tries: int) -> int:
    """Milliseconds after so many tries: 10, 20, 40 s, … at most five minutes."""
    return int(min(_FIRST_RETRY * 2 ** (tries - 1), _LONGEST_RETRY))
