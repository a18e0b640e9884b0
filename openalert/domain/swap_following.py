"""Where a swap goes when the schedule under it is edited: it was agreed for a shift, so it follows the shift.

A shift is here a time that one person is on call by one and the same rule: a rotation, a calendar, an override.
"""

from collections.abc import Sequence

import msgspec

from openalert.domain.difference import Span
from openalert.domain.instant import Instant
from openalert.domain.oncall import FinalSchedule
from openalert.domain.plan import OnCallPerson

STRETCHES_TO = 1.5
"""A shift that becomes longer than this many times does not take a swap along: nobody agreed to that much."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One shift of one person, cut at the edges of the range asked for."""

    start: Instant
    end: Instant
    person: OnCallPerson

    @property
    def source(self) -> tuple[str | None, str | None, str | None]:
        """What puts the person on call: a rotation or calendar, an override, or an override of one of these."""
        return self.person.rotation_id, self.person.feed_id, self.person.override_id


def pieces(final: FinalSchedule, user_id: str) -> list[Piece]:
    """The shifts of one person, in the order of time."""
    found: list[Piece] = []
    for shift in final.items:
        for person in shift.people:
            if person.user_id != user_id:
                continue
            if found and found[-1].end == shift.start and found[-1].person == person:
                found[-1] = msgspec.structs.replace(found[-1], end=shift.end)
            else:
                found.append(Piece(start=shift.start, end=shift.end, person=person))
    return found


def followed(span: Span, before: Sequence[Piece], after: Sequence[Piece]) -> Span | None:
    """Where the span lies after an edit; None when what it was part of is no more.

    Its edges move along where they are those of a shift, and are cut to the shift where they are not. What was
    not in a shift before stays where it is.
    """
    shares = [(max(span[0], was.start), min(span[1], was.end), was) for was in before if _overlap(span, was)]
    if not shares:
        return span
    found = [
        moved
        for start, end, was in shares
        if (now := _same_shift((start, end), was, after)) is not None
        and (moved := _moved((start, end), was, now)) is not None
    ]
    return (min(start for start, _ in found), max(end for _, end in found)) if found else None


def _overlap(span: Span, piece: Piece) -> Instant:
    return max(0, min(span[1], piece.end) - max(span[0], piece.start))


def _same_shift(part: Span, was: Piece, after: Sequence[Piece]) -> Span | None:
    """What has become of a shift of which a part was swapped: all that has some of that part, else most of the shift.

    The same source goes before others.
    """
    found = [each for each in after if _overlap(part, each)]
    if not found:
        whole = (was.start, was.end)
        near = [each for each in after if _overlap(whole, each)]
        found = (
            [max(near, key=lambda each: (each.source == was.source, _overlap(whole, each)))] if near else []
        )
    found = [each for each in found if each.source == was.source] or found
    return (found[0].start, found[-1].end) if found else None


def _moved(part: Span, was: Piece, now: Span) -> Span | None:
    start, end = max(part[0], now[0]), min(part[1], now[1])
    if now[1] - now[0] <= STRETCHES_TO * (was.end - was.start):
        start = now[0] if part[0] == was.start else start
        end = now[1] if part[1] == was.end else end
    return (start, end) if start < end else None
