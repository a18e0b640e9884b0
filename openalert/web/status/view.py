"""What the templates of a public page are given: bars, days and months, with the words for all of it."""

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.instant import Instant, rfc3339, to_datetime
from openalert.domain.public_page import PublicComponent, PublicGroup, PublicIncident, PublicPage
from openalert.domain.status_page import ComponentStatus, OverallStatus, PublicKind, PublicStatus
from openalert.domain.uptime import Day, words
from openalert.domain.walltime import zone_named
from openalert.web.render import amount, lasted

PAST_DAYS = 15
STALE_AFTER = 180_000
"""Milliseconds after which a page says how old it is: it is made anew every minute."""
SLOT, BAR = 10, 7
"""Width of a day in the drawing of the bars, and of its bar."""
HEIGHT = 32
_TOPS = {ComponentStatus.OPERATIONAL: 5}
"""Where a bar begins, from above: what was not well stands out by its height, too."""


class Stamp(msgspec.Struct, frozen=True):
    """A moment in the time zone of the page."""

    machine: str
    date: str
    clock: str
    zone: str

    @property
    def full(self) -> str:
        """`21 Nov 2026, 14:05 CET`."""
        return f"{self.date}, {self.clock} {self.zone}"


class Odd(msgspec.Struct, frozen=True):
    """A day on which something was wrong."""

    status: ComponentStatus
    words: str
    path: str
    incidents: tuple[PublicIncident, ...]


class Bars(msgspec.Struct, frozen=True):
    """The last days of a component, drawn."""

    width: int
    good: str
    """The path of all days on which all was well."""
    unknown: str
    """The path of days of which nothing is known."""
    odd: tuple[Odd, ...]
    uptime: str
    label: str
    count: int


class Row(msgspec.Struct, frozen=True):
    """A component with its bars, if it shows them."""

    component: PublicComponent
    bars: Bars | None


class Section(msgspec.Struct, frozen=True):
    """A group with its components; None: those in no group."""

    group: PublicGroup | None
    rows: tuple[Row, ...]


class Past(msgspec.Struct, frozen=True):
    """A day with what happened on it, or several days on which nothing did."""

    words: str
    incidents: tuple[PublicIncident, ...]


class Month(msgspec.Struct, frozen=True):
    """A month of the archive."""

    key: str
    """`2026-01`."""
    words: str
    incidents: tuple[PublicIncident, ...]


class View:
    """A page as a template asks for it."""

    def __init__(self, page: PublicPage, now: Instant) -> None:
        self.page = page
        self.now = now
        self._zone: ZoneInfo = zone_named(page.timezone)
        self._told = {each.id: each for each in page.incidents}
        self._names = {each.id: each.name for each in page.components}

    @property
    def stale(self) -> str:
        """How old the picture is, where that is worth a word; empty while it is fresh."""
        age = self.now - self.page.as_of
        return lasted(age) if age >= STALE_AFTER else ""

    @property
    def headline(self) -> str:
        """How the whole stands."""
        if self.worst is ComponentStatus.MAJOR_OUTAGE and self.page.indicator.indicator == "critical":
            return "All systems are down"
        return _HEADLINES[self.worst]

    @property
    def worst(self) -> ComponentStatus:
        """The status of the component that is worst: it gives the whole its shape and colour."""
        every = [each.status for each in self.page.components]
        return max(every, key=lambda status: status.rank, default=ComponentStatus.OPERATIONAL)

    @property
    def icon_colour(self) -> str:
        """The same as a colour that is seen on tabs of any theme, `rrggbb`."""
        return _ICONS[self.worst]

    @property
    def underway(self) -> list[PublicIncident]:
        """Maintenances that have begun."""
        return [each for each in self.page.maintenances if each.status is not PublicStatus.SCHEDULED]

    @property
    def planned(self) -> list[PublicIncident]:
        """Maintenances to come, the next one first."""
        return [each for each in self.page.maintenances if each.status is PublicStatus.SCHEDULED]

    @property
    def summary(self) -> str:
        """What is affected, in numbers: the line below the headline."""
        parts = []
        if self.page.affected_components:
            parts.append(
                f"{self.page.affected_components} of {amount(len(self.page.components), 'component')} affected"
            )
        if self.page.active:
            parts.append(amount(len(self.page.active), "open incident"))
        if self.underway:
            parts.append(f"{amount(len(self.underway), 'maintenance')} under way")
        return " · ".join(parts)

    def at(self, instant: Instant) -> Stamp:
        """A moment as people there read it."""
        local = to_datetime(instant).astimezone(self._zone)
        return Stamp(rfc3339(instant), _day_words(local.date()), f"{local:%H:%M}", f"{local:%Z}")

    def names(self, incident: PublicIncident) -> list[str]:
        """The components that an incident is about."""
        return [self._names[each] for each in incident.component_ids if each in self._names]

    def length(self, incident: PublicIncident) -> str:
        """How long it lasted, or has lasted."""
        until = incident.resolved_at if incident.resolved_at is not None else self.page.as_of
        return lasted(max(0, until - incident.started_at))

    def sections(self) -> list[Section]:
        """Components in their order: those in no group first, then each group."""
        found = [
            Section(group, tuple(Row(each, self._bars(each)) for each in self._parts(group)))
            for group in (None, *self.page.groups)
        ]
        return [section for section in found if section.rows]

    def _parts(self, group: PublicGroup | None) -> list[PublicComponent]:
        known = {each.id for each in self.page.groups}
        if group is None:
            return [each for each in self.page.components if each.group_id not in known]
        return [each for each in self.page.components if each.group_id == group.id]

    def _bars(self, component: PublicComponent) -> Bars | None:
        if not component.shows_uptime:
            return None
        good, unknown, odd = [], [], []
        for number, day in enumerate(component.days):
            if not day.known:
                unknown.append(_bar(number, HEIGHT - 8))
            elif day.worst is ComponentStatus.OPERATIONAL:
                good.append(_bar(number, _TOPS[day.worst]))
            else:
                told = tuple(self._told[each] for each in day.incident_ids if each in self._told)
                odd.append(Odd(day.worst, _odd_words(day), _bar(number, 0), told))
        uptime = words(component.percent)
        count = len(component.days)
        wrong = f"{amount(len(odd), 'day')} with disruptions" if odd else "no disruptions"
        return Bars(
            width=max(1, count * SLOT - (SLOT - BAR)),
            good="".join(good),
            unknown="".join(unknown),
            odd=tuple(odd),
            uptime=uptime,
            label=f"{component.name}, last {count} days: uptime {uptime}, {wrong}",
            count=count,
        )

    def past(self) -> list[Past]:
        """The last days, the newest first; days without anything are told together."""
        today = self._date(self.page.as_of)
        by_day: dict[date, list[PublicIncident]] = {}
        for each in self.page.incidents:
            if each.status.is_over:
                by_day.setdefault(self._date(each.started_at), []).append(each)
        found: list[Past] = []
        quiet: list[date] = []
        for back in range(PAST_DAYS):
            day = today - timedelta(days=back)
            if day not in by_day:
                quiet.append(day)
                continue
            if quiet:
                found.append(Past(_span(quiet), ()))
                quiet = []
            found.append(Past(_day_words(day), tuple(by_day[day])))
        return [*found, Past(_span(quiet), ())] if quiet else found

    def months(self) -> list[Month]:
        """The archive, the newest month first; this month is in it even if nothing happened."""
        grouped: dict[str, list[PublicIncident]] = {f"{self._date(self.page.as_of):%Y-%m}": []}
        for each in self.page.incidents:
            if each.status is not PublicStatus.SCHEDULED:
                grouped.setdefault(f"{self._date(each.started_at):%Y-%m}", []).append(each)
        return [
            Month(key, f"{date.fromisoformat(key + '-01'):%B %Y}", tuple(grouped[key]))
            for key in sorted(grouped, reverse=True)
        ]

    def _date(self, instant: Instant) -> date:
        return to_datetime(instant).astimezone(self._zone).date()


_HEADLINES = {
    ComponentStatus.OPERATIONAL: "All systems operational",
    ComponentStatus.UNDER_MAINTENANCE: "Maintenance under way",
    ComponentStatus.DEGRADED_PERFORMANCE: "Degraded performance",
    ComponentStatus.PARTIAL_OUTAGE: "Partial outage",
    ComponentStatus.MAJOR_OUTAGE: "Some systems are down",
}

_ICONS = {
    ComponentStatus.OPERATIONAL: "2f9e6b",
    ComponentStatus.UNDER_MAINTENANCE: "2f7fd0",
    ComponentStatus.DEGRADED_PERFORMANCE: "b58700",
    ComponentStatus.PARTIAL_OUTAGE: "e06a12",
    ComponentStatus.MAJOR_OUTAGE: "d3233a",
}


def badge_words(page: PublicPage) -> str:
    """How the whole stands in a word or two."""
    if page.overall is OverallStatus.OPERATIONAL and any(
        each.kind is PublicKind.INCIDENT for each in page.active
    ):
        return "open incident"
    return str(page.overall)


def _bar(number: int, top: int) -> str:
    return f"M{number * SLOT} {top}h{BAR}v{HEIGHT - top}h-{BAR}z"


def _odd_words(day: Day) -> str:
    """`21 Nov 2026: major outage, 2 h 10 min; uptime 90.97 %`."""
    outages = [("major outage", day.major), ("partial outage", day.partial)]
    parts = [f"{name}, {lasted(time)}" for name, time in outages if time] or [day.worst.words.lower()]
    if day.major or day.partial:
        parts.append(f"uptime {words(day.percent)}")
    return f"{_day_words(date.fromisoformat(day.date))}: {'; '.join(parts)}"


def _day_words(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _span(days: Sequence[date]) -> str:
    """One day, or the first and the last of several; `days` has the newest first."""
    if len(days) == 1:
        return _day_words(days[0])
    first, last = days[-1], days[0]
    begin = f"{first.day} {first:%b}" if first.year == last.year else _day_words(first)
    return f"{begin} to {_day_words(last)}"
