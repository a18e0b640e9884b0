"""What the templates of a public page are given: bars, days and months, with the words for all of it."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec
from markupsafe import Markup

from openalert.domain import languages
from openalert.domain.instant import Instant, rfc3339, to_datetime
from openalert.domain.languages import Plural, Words, counted, length_words, percent_words
from openalert.domain.public_page import (
    PublicComponent,
    PublicGroup,
    PublicIncident,
    PublicPage,
    PublicUpdate,
)
from openalert.domain.status_page import ComponentStatus, Impact, OverallStatus, PublicKind, PublicStatus
from openalert.domain.uptime import Day
from openalert.domain.walltime import zone_named

PAST_DAYS = 15
STALE_AFTER = 180_000
"""Milliseconds after which a page says how old it is: it is made anew every minute."""
SLOT, BAR = 10, 7
"""Width of a day in the drawing of the bars, and of its bar."""
MIDDLES = {"good": 18, "unknown": 28, "odd": 16}
"""Where the stroke of a bar runs, from above: what was not well stands out by its height, too."""
SHOWN_UPDATES = 3
"""Of an open incident on the page itself; all are at its own address."""


class Odd(msgspec.Struct, frozen=True):
    """A day on which something was wrong."""

    number: int
    """Counted from the oldest day, which is 0."""
    status: ComponentStatus
    words: str
    incidents: tuple[PublicIncident, ...]


class Bars(msgspec.Struct, frozen=True):
    """The last days of a component, drawn as dashed strokes: one path for each way to be."""

    width: int
    paths: tuple[tuple[str, str], ...]
    """Class and path."""
    odd: tuple[Odd, ...]
    uptime: str
    label: str
    count: int
    first: str
    """The oldest day, `2026-01-31`."""
    unknown: int
    """How many of the oldest days nothing is known of."""


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


class Near(msgspec.Struct, frozen=True):
    """Where else the archive can be opened."""

    months: tuple[Month, ...]
    """The newest first, without what is told of them."""
    earlier: str
    """A month of the year before; empty: there is none."""
    later: str


class View:
    """A page as a template asks for it."""

    def __init__(self, page: PublicPage, now: Instant) -> None:
        self.page = page
        self.now = now
        self.w: Words = languages.words_of(page.language)
        """Our own words."""
        self.language = page.language if page.language in languages.KNOWN else languages.USUAL
        self._zone: ZoneInfo = zone_named(page.timezone)
        self._told = {each.id: each for each in page.incidents}
        self._names = {each.id: each.name for each in page.components}

    @property
    def stale(self) -> str:
        """How old the picture is, where that is worth a word; empty while it is fresh."""
        age = self.now - self.page.as_of
        return self.lasted(age) if age >= STALE_AFTER else ""

    @property
    def headline(self) -> str:
        """How the whole stands."""
        if self.worst is ComponentStatus.MAJOR_OUTAGE and self.page.indicator.indicator == "critical":
            return self.w.headline_all_down
        if self.worst is ComponentStatus.OPERATIONAL and self.page.active:
            return self.w.headline_incident
        return self.w.headline[self.worst]

    @property
    def tone(self) -> ComponentStatus:
        """The shape and colour of the whole: never that of all being well while an incident is open."""
        return _NOTICE if self.page.active and self.worst.rank < _NOTICE.rank else self.worst

    @property
    def worst(self) -> ComponentStatus:
        """The status of the component that is worst: it gives the whole its shape and colour."""
        every = [each.status for each in self.page.components]
        return max(every, key=lambda status: status.rank, default=ComponentStatus.OPERATIONAL)

    def tone_of(self, told: PublicIncident) -> ComponentStatus:
        """The shape and colour of one incident or maintenance."""
        return _TONES[told.impact]

    @property
    def icon_colour(self) -> str:
        """The same as a colour that is seen on tabs of any theme, `rrggbb`."""
        return _ICONS[self.tone]

    @property
    def since(self) -> Instant | None:
        """Since when the whole is as it is; None: since there is something to tell of it."""
        at = [each.since for each in self.page.components if each.status is self.worst and each.since]
        if self.worst is not ComponentStatus.OPERATIONAL:
            return min(at, default=None)
        if self.page.active:
            return min(each.started_at for each in self.page.active)
        back = [each.since for each in self.page.components if each.since > each.created_at]
        return max(back, default=None)

    @property
    def underway(self) -> list[PublicIncident]:
        """Maintenances that have begun."""
        return [each for each in self.page.maintenances if each.status is not PublicStatus.SCHEDULED]

    @property
    def planned(self) -> list[PublicIncident]:
        """Maintenances to come, the next one first."""
        return [each for each in self.page.maintenances if each.status is PublicStatus.SCHEDULED]

    @property
    def summary(self) -> list[Markup]:
        """Since when, and what is affected, in numbers: the line below the headline."""
        parts = [self.say(self.w.since, time=self.at(self.since))] if self.since is not None else []
        if self.page.affected_components:
            count = len(self.page.components)
            parts.append(self.count(self.w.affected, count, affected=self.page.affected_components))
        if self.page.active:
            parts.append(self.count(self.w.open_incidents_count, len(self.page.active)))
        if self.underway:
            parts.append(self.count(self.w.maintenances_count, len(self.underway)))
        return parts

    def say(self, phrase: str, **values: object) -> Markup:
        """A phrase of ours with these values in it, each escaped."""
        return Markup.escape(phrase).format(**values)

    def count(self, phrase: Plural, number: int, **values: object) -> Markup:
        """A phrase in the form that the number asks for."""
        return Markup.escape(counted(self.w, phrase, number, **values))

    def at(self, instant: Instant) -> Markup:
        """A moment as people there read it, for machines too."""
        return _TIME.format(rfc3339(instant), self.moment(instant))

    def moment(self, instant: Instant) -> str:
        """`21 Nov 2026, 14:05 CET`."""
        local = to_datetime(instant).astimezone(self._zone)
        day = languages.day_words(self.w, local.date())
        return self.w.moment.format(date=day, clock=f"{local:%H:%M}", zone=f"{local:%Z}")

    def _clock(self, instant: Instant) -> str:
        """`14:05 CET`, where the day is said already."""
        return f"{to_datetime(instant).astimezone(self._zone):%H:%M %Z}"

    def shown(self, incident: PublicIncident) -> tuple[PublicUpdate, ...]:
        """The updates of it that stand on the page itself: the newest, all where that hides only one."""
        few = len(incident.updates) <= SHOWN_UPDATES + 1
        return incident.updates if few else incident.updates[:SHOWN_UPDATES]

    def times(self, incident: PublicIncident) -> Markup:
        """From when to when, or since when."""
        begun, over = incident.started_at, incident.resolved_at
        if incident.scheduled_for is not None and incident.scheduled_until is not None:
            begun, over = incident.scheduled_for, incident.scheduled_until
        if over is None:
            return self.say(self.w.since, time=self.at(begun))
        end = self.at(over)
        if self._date(begun) == self._date(over):
            end = _TIME.format(rfc3339(over), self._clock(over))
        return self.say(self.w.span, start=self.at(begun), end=end)

    def affects(self, incident: PublicIncident) -> str:
        """The components that an incident is about, in words; empty for none."""
        names = [self._names[each] for each in incident.component_ids if each in self._names]
        return self.w.affects.format(names=languages.listed(self.w, names)) if names else ""

    def lasted(self, milliseconds: int) -> str:
        """A length of time."""
        return length_words(self.w, milliseconds)

    def length(self, incident: PublicIncident) -> str:
        """How long it lasted, or has lasted."""
        until = incident.resolved_at if incident.resolved_at is not None else self.page.as_of
        phrase = self.w.lasted if incident.status.is_over else self.w.so_far
        return phrase.format(length=self.lasted(max(0, until - incident.started_at)))

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
        if not component.shows_uptime or not component.days:
            return None
        kinds: dict[str, list[int]] = {}
        odd: list[Odd] = []
        for number, day in enumerate(component.days):
            if not day.known:
                kinds.setdefault("unknown", []).append(number)
            elif day.worst is ComponentStatus.OPERATIONAL:
                kinds.setdefault("good", []).append(number)
            else:
                kinds.setdefault(day.worst, []).append(number)
                told = tuple(self._told[each] for each in day.incident_ids if each in self._told)
                odd.append(Odd(number, day.worst, self.day_words(day), told))
        uptime = percent_words(self.w, component.percent)
        count = len(component.days)
        wrong = counted(self.w, self.w.disruptions_count, len(odd)) if odd else self.w.no_disruptions
        return Bars(
            width=count * SLOT - (SLOT - BAR),
            paths=tuple((kind, _strokes(kind, days)) for kind, days in kinds.items()),
            odd=tuple(odd),
            uptime=uptime,
            label=counted(self.w, self.w.bars, count, name=component.name, uptime=uptime, wrong=wrong),
            count=count,
            first=component.days[0].date,
            unknown=len(kinds.get("unknown", ())),
        )

    def day_words(self, day: Day) -> str:
        """`21 Nov 2026: Major outage, 2 h 10 min; Uptime 90.97 %`."""
        outages = ((ComponentStatus.MAJOR_OUTAGE, day.major), (ComponentStatus.PARTIAL_OUTAGE, day.partial))
        names = self.w.component_status
        parts = [f"{names[status]}, {self.lasted(time)}" for status, time in outages if time]
        if parts:
            parts.append(f"{self.w.uptime} {percent_words(self.w, day.percent)}")
        date_words = languages.day_words(self.w, date.fromisoformat(day.date))
        return f"{date_words}: {'; '.join(parts or [names[day.worst]])}"

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
                found.append(Past(self._span(quiet), ()))
                quiet = []
            found.append(Past(languages.day_words(self.w, day), tuple(by_day[day])))
        return [*found, Past(self._span(quiet), ())] if quiet else found

    def months(self) -> list[Month]:
        """The months of which everything is in the picture, the newest first; this one is always among them."""
        grouped: dict[str, list[PublicIncident]] = {}
        for each in self.page.incidents:
            if each.status is not PublicStatus.SCHEDULED:
                grouped.setdefault(f"{self._date(each.started_at):%Y-%m}", []).append(each)
        first = max(self._date(self.page.complete_since), self._date(self.page.as_of) - timedelta(days=90))
        now = self._date(self.page.as_of).replace(day=1)
        found = [self.month(f"{now:%Y-%m}", grouped.get(f"{now:%Y-%m}", ()))]
        while (now := (now - timedelta(days=1)).replace(day=1)) >= first:
            found.append(self.month(f"{now:%Y-%m}", grouped.get(f"{now:%Y-%m}", ())))
        return found

    def month(self, key: str, incidents: Iterable[PublicIncident]) -> Month:
        """A month with what is told of it."""
        return Month(key, self.month_words(key), tuple(incidents))

    def near(self, key: str) -> Near:
        """The months of the same year in which something may have been told, and the way to other years."""
        begun, today = self._date(self.page.began_at or self.page.as_of), self._date(self.page.as_of)
        year = int(key[:4])
        months = [date(year, number, 1) for number in range(12, 0, -1)]
        return Near(
            tuple(
                self.month(f"{each:%Y-%m}", ())
                for each in months
                if f"{begun:%Y-%m}" <= f"{each:%Y-%m}" <= f"{today:%Y-%m}"
            ),
            earlier=f"{year - 1}-12" if begun.year < year else "",
            later=f"{year + 1}-01" if year < today.year else "",
        )

    def month_words(self, key: str) -> str:
        """`January 2026`, of `2026-01`."""
        return languages.month_words(self.w, date.fromisoformat(f"{key}-01"))

    def _span(self, days: Sequence[date]) -> str:
        """One day, or the first and the last of several; `days` has the newest first."""
        return languages.span_words(self.w, days[-1], days[0])

    def _date(self, instant: Instant) -> date:
        return to_datetime(instant).astimezone(self._zone).date()


_TIME = Markup('<time datetime="{}">{}</time>')
_NOTICE = ComponentStatus.DEGRADED_PERFORMANCE
"""What an open incident looks like while every component is well."""

_TONES = {
    Impact.NONE: _NOTICE,
    Impact.MINOR: _NOTICE,
    Impact.MAJOR: ComponentStatus.PARTIAL_OUTAGE,
    Impact.CRITICAL: ComponentStatus.MAJOR_OUTAGE,
    Impact.MAINTENANCE: ComponentStatus.UNDER_MAINTENANCE,
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
    words = languages.words_of(page.language)
    if page.overall is OverallStatus.OPERATIONAL and any(
        each.kind is PublicKind.INCIDENT for each in page.active
    ):
        return words.badge_incident
    return words.badge[page.overall]


def _strokes(kind: str, days: Sequence[int]) -> str:
    """Days that follow one another are one stroke: its dashes are the bars."""
    middle = MIDDLES.get(kind, MIDDLES["odd"])
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return "".join(f"M{run[0] * SLOT} {middle}H{run[-1] * SLOT + BAR}" for run in runs)
