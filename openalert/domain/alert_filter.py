"""AlertFilter: what a list of alerts is narrowed to; the same as the query of an address, as which it is kept."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode

import msgspec

from openalert.domain.alert import AlertStatus
from openalert.domain.instant import DAY, HOUR, Instant
from openalert.domain.severity import Severity

Pairs = list[tuple[str, str]]

UNRESOLVED = (AlertStatus.FIRING, AlertStatus.ACKNOWLEDGED, AlertStatus.SUPPRESSED)
"""What is open: it is not over, whether or not it pages."""
ME, NOBODY = "me", "none"
"""Words of an assignee that are no ids: whoever reads the list, and nobody at all."""
LONGEST_WORD = 500
MOST_MATCHES = 10
"""Label matches, and tags, of one filter."""
SPANS = {"1h": HOUR, "6h": 6 * HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
"""Ages that a list can be narrowed to, in milliseconds back from now."""


class Sort(StrEnum):
    """What a list of alerts begins with."""

    NEWEST = "newest"
    OLDEST = "oldest"
    SEVERITY = "severity"
    """The worst; among equals the newest."""
    SEEN = "seen"
    """What its source reported last."""
    TIMES = "times"
    """What its source reported most often."""


class LabelMatch(msgspec.Struct, frozen=True):
    """One word about a label: `instance=db1`, `env!=test`, `runbook` (there is one), `!runbook` (there is none)."""

    name: str
    value: str | None = None
    """None: whatever it is."""
    is_negated: bool = False

    @classmethod
    def read(cls, text: str) -> "LabelMatch | None":
        """The match that somebody wrote; None for what names no label."""
        name, sign, value = text.partition("=")
        is_negated = name.endswith("!") if sign else name.startswith("!")
        name = (name.removesuffix("!") if sign else name.removeprefix("!")).strip()
        return cls(name, value.strip() if sign else None, is_negated) if name else None

    def __str__(self) -> str:
        """As it is written."""
        if self.value is None:
            return f"!{self.name}" if self.is_negated else self.name
        return f"{self.name}{'!=' if self.is_negated else '='}{self.value}"


class AlertFilter(msgspec.Struct, kw_only=True):
    """What a list of alerts is narrowed to; None and empty: not narrowed."""

    statuses: tuple[str, ...] | None = None
    severities: tuple[str, ...] | None = None
    service_id: str | None = None
    team_id: str | None = None
    integration_id: str | None = None
    source: str | None = None
    """The name of the source that read it."""
    incident_id: str | None = None
    labels: tuple[LabelMatch, ...] = ()
    """Each of them must match."""
    tags: tuple[str, ...] = ()
    """Each of them must be there."""
    assignee: str | None = None
    """A person's id, ME or NOBODY."""
    title: str | None = None
    """The whole of it."""
    text: str | None = None
    """Words, each in the title or among the labels."""
    since: Instant | None = None
    """Those that came then or later."""
    until: Instant | None = None
    """Those that came before."""
    span: str | None = None
    """A key of SPANS: those that came within so long before the list is looked at."""

    @property
    def is_open(self) -> bool:
        """Whether what is over is left out."""
        return self.statuses is not None and AlertStatus.RESOLVED not in self.statuses

    @property
    def is_plain(self) -> bool:
        """Whether it narrows to nothing but states."""
        return self == AlertFilter(statuses=self.statuses)

    def begins(self, now: Instant) -> Instant | None:
        """The earliest moment at which an alert of this list may have come."""
        spans = [] if self.span is None else [now - SPANS[self.span]]
        return max([*spans, *([] if self.since is None else [self.since])], default=None)


class Listing(msgspec.Struct, kw_only=True):
    """A list of alerts as an address asks for it: what, in which order, and gathered by what."""

    filter: AlertFilter
    sort: Sort = Sort.NEWEST
    group: str | None = None
    """`service`, `team`, `source`, `severity`, `title` or `label:` and a label's name; None: one row an alert."""

    @property
    def status(self) -> str:
        """The one word for its states: `open`, `all`, or one of them."""
        statuses = self.filter.statuses
        return "all" if statuses is None else "open" if statuses == UNRESOLVED else str(statuses[0])

    @classmethod
    def read(cls, query: str) -> "Listing":
        """The list that a query asks for; what is not understood there narrows nothing."""
        return cls.of(parse_qsl(query[:8000], keep_blank_values=False))

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Listing":
        """The list that the parameters of an address ask for."""
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            if word := value.strip()[:LONGEST_WORD].strip():
                given.setdefault(name, []).append(word)
        last = {name: values[-1] for name, values in given.items()}
        sort = last.get("sort", "")
        return cls(
            filter=_filter(given, last),
            sort=Sort(sort) if sort in list(Sort) else Sort.NEWEST,
            group=_group(last.get("group", "")),
        )

    def pairs(self, **changed: str | Sequence[str] | None) -> Pairs:
        """Its parameters in one order, with some of them changed or taken out."""
        values: dict[str, str | Sequence[str] | None] = _parameters(self) | changed
        found: Pairs = []
        for name, value in values.items():
            several = [value] if isinstance(value, str) else value or ()
            found += [(name, each) for each in several if each]
        return found

    def query(self, **changed: str | Sequence[str] | None) -> str:
        """The query of its address, with some parameters changed or taken out."""
        return urlencode(self.pairs(**changed))


def _filter(given: Mapping[str, list[str]], last: Mapping[str, str]) -> AlertFilter:
    severities = tuple(level.value for level in Severity if level in given.get("severity", ()))
    read = [LabelMatch.read(each) for each in given.get("label", ())]
    return AlertFilter(
        statuses=_statuses(last.get("status", "open")),
        severities=severities or None,
        service_id=last.get("service"),
        team_id=last.get("team"),
        integration_id=last.get("integration"),
        source=last.get("source"),
        incident_id=last.get("incident"),
        labels=tuple(dict.fromkeys(each for each in read if each is not None))[:MOST_MATCHES],
        tags=tuple(dict.fromkeys(given.get("tag", ())))[:MOST_MATCHES],
        assignee=last.get("assignee"),
        title=last.get("title"),
        text=" ".join(last.get("q", "").split()) or None,
        since=_instant(last.get("from")),
        until=_instant(last.get("to")),
        span=last["span"] if last.get("span") in SPANS else None,
    )


def _statuses(word: str) -> tuple[str, ...] | None:
    if word == "all":
        return None
    return (AlertStatus(word),) if word in list(AlertStatus) else UNRESOLVED


def _group(word: str) -> str | None:
    if word.startswith("label:"):
        return word if is_groupable(word.removeprefix("label:")) else None
    return word if word in GROUPS else None


def is_groupable(label: str) -> bool:
    """Whether alerts can be gathered by a label of this name: letters, digits and `_ - . / :`."""
    return 1 <= len(label) <= 100 and all(sign.isalnum() or sign in "_-./:" for sign in label)


GROUPS = ("service", "team", "source", "severity", "title")


def _instant(text: str | None) -> Instant | None:
    digits = text or ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 14 else None


def _parameters(listing: Listing) -> dict[str, str | Sequence[str] | None]:
    wanted = listing.filter
    return {
        "status": listing.status,
        "severity": wanted.severities or (),
        "service": wanted.service_id,
        "team": wanted.team_id,
        "integration": wanted.integration_id,
        "source": wanted.source,
        "incident": wanted.incident_id,
        "label": [str(each) for each in wanted.labels],
        "tag": wanted.tags,
        "assignee": wanted.assignee,
        "title": wanted.title,
        "q": wanted.text,
        "span": wanted.span,
        "from": None if wanted.since is None else str(wanted.since),
        "to": None if wanted.until is None else str(wanted.until),
        "sort": None if listing.sort is Sort.NEWEST else listing.sort.value,
        "group": listing.group,
    }
