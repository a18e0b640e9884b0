"""Difference: for whom what changes between two final schedules of one range, and where gaps open or close.

A person's shift is here a time on call without a break, whoever else is on and by whatever rule.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from openalert.domain.instant import Instant
from openalert.domain.oncall import FinalSchedule

Span: TypeAlias = tuple[Instant, Instant]
"""A time from its start until before its end."""


class PersonDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What changes for one person; all spans ascend and do not touch each other."""

    user_id: str
    before: list[Span]
    """The person's shifts as they were."""
    after: list[Span]
    """The person's shifts as they would be."""
    gained: list[Span]
    """On call after and not before."""
    lost: list[Span]
    """On call before and not after."""

    @property
    def balance(self) -> Instant:
        """How many milliseconds the person is on call more; negative: fewer."""
        return length(self.after) - length(self.before)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit does to a range of time; nothing is in it that stays as it was."""

    people: list[PersonDifference]
    """Whoever gains or loses time, in the order in which it happens to them."""
    gaps_opened: list[Span]
    """Nobody is on call after, and somebody was before."""
    gaps_closed: list[Span]
    """Somebody is on call after, and nobody was before."""

    @property
    def changed(self) -> list[Span]:
        """The times at which other people are on call."""
        return _joined(span for person in self.people for span in (*person.gained, *person.lost))


def difference(before: FinalSchedule, after: FinalSchedule, start: Instant, end: Instant) -> Difference:
    """What is different from `start` until before `end`, which both final schedules must tell in full."""
    was, then = shifts_of_people(before, start, end), shifts_of_people(after, start, end)
    changed = difference_of_people(was, then, start, end)
    gaps = [_joined(_clipped(final.gaps, start, end)) for final in (before, after)]
    return Difference(
        people=changed, gaps_opened=_without(gaps[1], gaps[0]), gaps_closed=_without(gaps[0], gaps[1])
    )


def difference_of_people(
    before: Mapping[str, list[Span]], after: Mapping[str, list[Span]], start: Instant, end: Instant
) -> list[PersonDifference]:
    """Whoever gains or loses time in the range; both tell each person's shifts by the person's id."""
    people = [
        _of_person(
            user_id,
            _clipped(before.get(user_id, []), start, end),
            _clipped(after.get(user_id, []), start, end),
        )
        for user_id in {**before, **after}
    ]
    changed = [person for person in people if person.gained or person.lost]
    return sorted(changed, key=lambda person: (min(person.gained + person.lost)[0], person.user_id))


def shifts_of_people(final: FinalSchedule, start: Instant, end: Instant) -> dict[str, list[Span]]:
    """Each person's shifts in the range, in the order of time, by the person's id."""
    times: dict[str, list[Span]] = {}
    for shift in final.items:
        for span in _clipped([(shift.start, shift.end)], start, end):
            for user_id in {person.user_id: None for person in shift.people}:
                times.setdefault(user_id, []).append(span)
    return {user_id: _joined(spans) for user_id, spans in times.items()}


def exchanged(spans: Iterable[Span], lost: Iterable[Span], gained: Iterable[Span]) -> list[Span]:
    """Somebody's shifts without what is lost and with what is gained."""
    return _joined([*_without(_joined(spans), _joined(lost)), *gained])


def length(spans: Iterable[Span]) -> Instant:
    """Milliseconds in all of the spans."""
    return sum(end - start for start, end in spans)


def _of_person(user_id: str, before: list[Span], after: list[Span]) -> PersonDifference:
    return PersonDifference(
        user_id=user_id,
        before=before,
        after=after,
        gained=_without(after, before),
        lost=_without(before, after),
    )


def _clipped(spans: Iterable[Span], start: Instant, end: Instant) -> list[Span]:
    inside = ((max(begin, start), min(finish, end)) for begin, finish in spans)
    return [(begin, finish) for begin, finish in inside if begin < finish]


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, those that touch or overlap as one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _without(spans: list[Span], taken: list[Span]) -> list[Span]:
    """What of `spans` lies in none of `taken`; both ascend, and neither overlaps itself."""
    left: list[Span] = []
    place = 0
    for start, end in spans:
        while place < len(taken) and taken[place][1] <= start:
            place += 1
        at, later = start, place
        while later < len(taken) and taken[later][0] < end:
            if at < taken[later][0]:
                left.append((at, taken[later][0]))
            at = max(at, taken[later][1])
            later += 1
        if at < end:
            left.append((at, end))
    return left
