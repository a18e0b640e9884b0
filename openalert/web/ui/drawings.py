"""What the timeline of one schedule is drawn from, and what is too crowded to be drawn shift by shift.

Shifts that reach over the edges of what is drawn are told with their real beginning and end, as far as they
lie within `MARGIN`.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from openalert.domain.calendar_feed import Clash
from openalert.domain.instant import DAY, Instant, to_datetime
from openalert.domain.oncall import FinalSchedule
from openalert.domain.override import Override
from openalert.domain.plan import OnCallPerson, Plan
from openalert.web.ui.forms import local_text
from openalert.web.ui.frame import Values
from openalert.web.ui.rotas import GONE, Range, Ruler
from openalert.web.ui.timelines import Timeline

MARGIN = 8 * DAY


class Piece(msgspec.Struct, frozen=True):
    """A time at which the same people are on call; none: nobody is."""

    start: Instant
    end: Instant
    people: Sequence[OnCallPerson]


def pieces_of(final: FinalSchedule) -> list[Piece]:
    """The final schedule without a break, in the order of time."""
    found = [Piece(shift.start, shift.end, shift.people) for shift in final.items]
    found += [Piece(start, end, ()) for start, end in final.gaps]
    return sorted(found, key=lambda piece: piece.start)


class Drawing:
    """Everything that a bar is made from."""

    def __init__(
        self,
        timeline: Timeline,
        plan: Plan,
        final: FinalSchedule,
        names: Mapping[str, str],
        may_take: bool,
        away: Sequence[Clash] = (),
    ) -> None:
        """`final` tells the drawn range and `MARGIN` on both sides; `may_take`: the reader may override.

        `away`: who is away while on call.
        """
        self.timeline, self.plan, self.names, self.may_take = timeline, plan, names, may_take
        self.shown: Range = timeline.range
        self.ruler = Ruler(self.shown)
        self.pieces = pieces_of(final)
        self.starts = [piece.start for piece in self.pieces]
        self.overrides = {each.id: each for each in plan.overrides}
        self.midnights = [self.shown.midnight(day) for day in range(self.shown.days)]
        self._away: dict[str, list[Clash]] = {}
        for clash in away:
            self._away.setdefault(clash.user_id, []).append(clash)
        page = timeline.href(at=None)
        self._form = page + ("&" if "?" in page else "?")
        self._texts: dict[Instant, str] = {}

    def during(self, start: Instant, end: Instant) -> list[Piece]:
        """The pieces that touch a time."""
        place = max(bisect_right(self.starts, start) - 1, 0)
        found = []
        for piece in self.pieces[place:]:
            if piece.start >= end:
                break
            if piece.end > start:
                found.append(piece)
        return found

    def drawn(self) -> list[Piece]:
        """The pieces of the range that is drawn."""
        return self.during(self.ruler.start, self.ruler.end)

    def name(self, user_id: str) -> str:
        """What somebody is called."""
        return self.names.get(user_id, GONE)

    def is_away(self, user_id: str, start: Instant, end: Instant) -> bool:
        """Whether somebody is away at a time at which they are on call."""
        return any(each.start_at < end and each.end_at > start for each in self._away.get(user_id, ()))

    def href(self, start: Instant, end: Instant) -> str:
        """Where a click on a shift leads: to the form that gives it away, or to the reason of a past one."""
        if self.may_take and end > self.timeline.now:
            begin = max(start, self.timeline.now)
            times = f"start={self._text(begin)}&end={self._text(end)}&span={begin}-{end}"
            return f"{self._form}{times}#override"
        at = local_text(max(start, self.ruler.start), self.timeline.zone)
        return self.timeline.href(at=at) + "#who"

    def href_of(self, override: Override) -> str:
        """Where a click on an override leads: to the form that lets it last otherwise, while it is not over."""
        if self.may_take and override.end_at > self.timeline.now:
            return self.timeline.href(override=override.id, at=None) + "#override"
        return self.href(override.start_at, override.end_at)

    def href_of_day(self, instant: Instant) -> str:
        """The day of an instant alone, with room for all of its shifts."""
        day = to_datetime(max(instant, self.ruler.start)).astimezone(self.timeline.zone).date()
        return self.timeline.href(view="day", at=None, **{"from": day.isoformat()})

    def _text(self, instant: Instant) -> str:
        if instant not in self._texts:  # neighbours begin where the one before ends
            self._texts[instant] = quote(local_text(instant, self.timeline.zone))
        return self._texts[instant]


def row(name: str, note: str, bars: Sequence[Values], *, strong: bool = False) -> Values:
    """A line of the grid."""
    lanes = max((each["lanes"] for each in bars), default=1)
    return {"name": name, "note": note, "strong": strong, "bars": bars, "lanes": lanes, "changed": ()}
