"""Which part of a schedule its page draws: how much, from which day, in whose zone, and the moment asked about."""

import calendar
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import Instant, to_datetime
from openalert.domain.walltime import zone_named
from openalert.web.ui.forms import local_instant, local_text
from openalert.web.ui.frame import Values, Web, address
from openalert.web.ui.rotas import Range

Length: TypeAlias = Literal["day", "week", "fortnight", "month"]
LENGTHS: dict[Length, str] = {"day": "Day", "week": "Week", "fortnight": "2 weeks", "month": "Month"}
_DAYS = {"day": 1, "week": 7, "fortnight": 14}
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What the address of a schedule's page asks to see; every part of it is kept by every link."""

    path: str
    length: Length
    day: date
    """A day of the period; a period of weeks begins on a Monday, a month on its first."""
    is_today: bool
    """No day was asked for."""
    zone: ZoneInfo
    in_schedules_zone: bool
    at: Instant | None
    """The moment about which is asked who is on call."""
    now: Instant

    @property
    def range(self) -> Range:
        """The days that are drawn."""
        if self.length == "month":
            first = self.day.replace(day=1)
            days = calendar.monthrange(first.year, first.month)[1]
        elif self.length == "day":
            first, days = self.day, 1
        else:
            first = self.day - timedelta(days=self.day.weekday())
            days = _DAYS[self.length]
        return Range(zone=self.zone, first=first, days=days, now=self.now)

    def href(self, **changes: str | None) -> str:
        """The address of this page with some of its parameters changed; None leaves one out."""
        kept: dict[str, str | None] = {
            "view": None if self.length == "fortnight" else self.length,
            "from": None if self.is_today else self.day.isoformat(),
            "zone": "schedule" if self.in_schedules_zone else None,
            "at": None if self.at is None else local_text(self.at, self.zone),
        }
        return address(self.path, **(kept | changes))

    def controls(self, schedules_zone: str, readers_zone: str) -> Values:
        """Every move that the page offers, as links."""
        shown = self.range
        length = timedelta(days=shown.days)
        earlier = (
            shown.first - timedelta(days=1) if self.length == "month" else shown.first - length
        ).isoformat()
        return {
            "words": _period(shown, self.length),
            "earlier": self.href(**{"from": earlier}),
            "later": self.href(**{"from": (shown.first + length).isoformat()}),
            "today": self.href(**{"from": None, "at": None}),
            "path": self.path,
            "length": self.length,
            "day": "" if self.is_today else self.day.isoformat(),
            "at": "" if self.at is None else local_text(self.at, self.zone),
            "in_schedules_zone": self.in_schedules_zone,
            "lengths": [
                self._choice(words, key == self.length, view=None if key == "fortnight" else key)
                for key, words in LENGTHS.items()
            ],
            "zones": [
                self._choice(schedules_zone, self.in_schedules_zone, zone="schedule", at=None),
                self._choice(readers_zone, not self.in_schedules_zone, zone=None, at=None),
            ]
            if schedules_zone != readers_zone
            else [],
        }

    def _choice(self, words: str, on: bool, **changes: str | None) -> Values:
        return {"words": words, "href": self.href(**changes), "on": on}


def asked(request: Web, path: str, readers_zone: ZoneInfo, schedules_zone: str, now: Instant) -> Timeline:
    """What the address asks for; what makes no sense in it is taken as not said."""
    given = request.query_params
    in_schedules = given.get("zone") == "schedule"
    zone = zone_named(schedules_zone) if in_schedules else readers_zone
    view = given.get("view", "")
    at = _moment(given.get("at", ""), zone)
    day = _day(given.get("from", ""))
    shown = day or to_datetime(now if at is None else at).astimezone(zone).date()
    return Timeline(
        path=path,
        length=view if view in LENGTHS else "fortnight",
        day=shown,
        is_today=day is None,
        zone=zone,
        in_schedules_zone=in_schedules,
        at=at,
        now=now,
    )


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _FIRST_DAY <= day <= _LAST_DAY else None


def _moment(text: str, zone: ZoneInfo) -> Instant | None:
    try:
        day = _day(datetime.fromisoformat(text).date().isoformat())
    except ValueError:
        return None
    return local_instant(text, zone, "at") if day else None


def _period(shown: Range, length: Length) -> str:
    """`23 Nov to 6 Dec 2026`, `December 2026`, `Thu 24 Dec 2026`."""
    if length == "month":
        return f"{shown.first:%B %Y}"
    if length == "day":
        return f"{shown.first:%a} {shown.first.day} {shown.first:%b %Y}"
    last = shown.first + timedelta(days=shown.days - 1)
    return f"{shown.first.day} {shown.first:%b} to {last.day} {last:%b %Y}"
