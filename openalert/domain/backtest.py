"""Backtest: what a list of routing rules would have made of alerts that have been: which pages it would have saved.

What happened is known, what would have happened is not: a page that is saved is one of an incident that would not have
begun. What is not known is counted beside it and never guessed at: whom an alert would have called that is routed
elsewhere, or that was held.
"""

from collections import Counter
from collections.abc import Collection, Mapping

import msgspec

from openalert.domain.counts import Counts
from openalert.domain.instant import Instant
from openalert.domain.routing import Actions, Subject
from openalert.domain.routing_decide import Decision, RuleList

MOST_SHOWN = 50


class PastAlert(msgspec.Struct, kw_only=True):
    """An alert that has been, as far as a rule cares."""

    id: str
    title: str
    incident_id: str | None
    subject: Subject
    ended_at: Instant | None
    """None: it still fires."""


class PastIncident(msgspec.Struct, frozen=True, kw_only=True):
    """What people had of the alerts."""

    id: str
    number: int
    title: str
    pages: int
    """Messages that called somebody because of it."""
    alerts: int
    """How many alerts were ever part of it."""
    by_people: bool
    """Whether anybody acknowledged it, wrote on it, or did anything else to it."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that would not have begun."""

    incident: PastIncident
    rules: tuple[str, ...]
    """The names of the rules by which."""


class Backtest(msgspec.Struct, kw_only=True):
    """What the rules would have changed."""

    alerts: int = 0
    """How many were looked at."""
    matched: int = 0
    """To how many of them the rule in question would have applied."""
    pages: int = 0
    """Messages that called somebody, as it was."""
    pages_left: int = 0
    """Those of them that would have been sent all the same."""
    incidents: int = 0
    incidents_left: int = 0
    joined: int = 0
    """Incidents that would have been part of another one."""
    later: int = 0
    """Alerts that would have paged only after a wait."""
    routed: int = 0
    """Alerts that another service would have answered for."""
    rated: int = 0
    """Alerts that would have had another severity."""
    more: int = 0
    """Alerts that paged nobody, and would have."""
    failed: int = 0
    """Alerts about which some rule could not be asked."""
    hidden: list[Saved] = []
    """Incidents that would not have begun although people acted on them: what it would have cost. The newest 50."""
    hidden_count: int = 0
    saved: list[Saved] = []
    """The others that would not have begun, the newest 50."""
    saved_count: int = 0


class _Open(msgspec.Struct):
    """A group of alerts that a rule chose, while some of them fires."""

    incident_id: str
    until: Instant | None


class Trial:
    """Looks at alerts one after the other, in the order in which they came, and remembers what rules need."""

    def __init__(self, rules: RuleList, rule_id: str | None) -> None:
        """`rule_id`: the rule in question, whose matches are counted; None: none in particular."""
        self._rules, self._rule_id = rules, rule_id
        self._counts = Counts({})
        self._result = Backtest()
        self._kept: set[str] = set()
        self._joined: set[str] = set()
        self._by: dict[str, dict[str, None]] = {}
        """By incident: the names of the rules that would have held one of its alerts."""
        self._seen: Counter[str] = Counter()
        self._groups: dict[tuple[str, str], _Open] = {}

    @property
    def incident_ids(self) -> Collection[str]:
        """Every incident that alerts so far belong to."""
        return self._by

    def look(self, past: PastAlert) -> None:
        """Take one more alert into account."""
        was_severity, was_service = past.subject.severity, past.subject.service_id
        decision = self._rules.decide(past.subject, self._counts)
        result = self._result
        result.alerts += 1
        result.matched += any(
            done.rule_id == self._rule_id and done.actions is not None for done in decision.done
        )
        result.failed += any(done.actions is None for done in decision.done)
        pages, waits = _pages(decision, past)
        if past.incident_id is None:
            result.more += pages
            return
        self._by.setdefault(past.incident_id, {})
        self._seen[past.incident_id] += 1
        if not pages:
            for done in decision.done:
                if done.actions is not None and _holds(done.actions):
                    self._by[past.incident_id][done.rule_name] = None
            return
        result.later += waits
        result.routed += decision.service_id != was_service
        result.rated += decision.severity is not was_severity
        if self._joins(decision, past, past.incident_id):
            self._joined.add(past.incident_id)
        else:
            self._kept.add(past.incident_id)

    def _joins(self, decision: Decision, past: PastAlert, incident_id: str) -> bool:
        """Whether it would have been part of another incident, by the group that a rule chose."""
        if decision.group is None:
            return False
        key = (decision.service_id, decision.group)
        at = past.subject.at
        group = self._groups.get(key)
        if group is None or (group.until is not None and group.until < at):
            self._groups[key] = _Open(incident_id, past.ended_at)
            return False
        if group.until is not None:
            group.until = None if past.ended_at is None else max(group.until, past.ended_at)
        return group.incident_id != incident_id

    def result(self, incidents: Mapping[str, PastIncident]) -> Backtest:
        """The sums, given every incident that alerts belong to."""
        result = self._result
        result.incidents = len(incidents)
        result.pages = sum(each.pages for each in incidents.values())
        gone: list[Saved] = []
        for incident in sorted(incidents.values(), key=lambda each: each.id, reverse=True):
            # Of what came in elsewhere too nobody knows what these rules would have left.
            if incident.id in self._kept or self._seen[incident.id] < incident.alerts:
                result.incidents_left += 1
                result.pages_left += incident.pages
            elif incident.id in self._joined:
                result.joined += 1
            else:
                gone.append(Saved(incident=incident, rules=tuple(self._by[incident.id])))
        hidden = [each for each in gone if each.incident.by_people]
        saved = [each for each in gone if not each.incident.by_people]
        result.hidden, result.hidden_count = hidden[:MOST_SHOWN], len(hidden)
        result.saved, result.saved_count = saved[:MOST_SHOWN], len(saved)
        return result


def _pages(decision: Decision, past: PastAlert) -> tuple[bool, bool]:
    """Whether it would have paged, and whether only after a wait."""
    if decision.dropped_by is not None:
        return False, False
    if not decision.waiting:
        return True, False
    ends = [wait.until for wait in decision.waiting]
    for until in ends:
        if until is None or (past.ended_at is not None and past.ended_at <= until):
            return False, False
    return True, True


def _holds(actions: Actions) -> bool:
    return actions.drop or actions.suppress is not None or actions.delay_minutes is not None
