"""Decision: what the rules of a team make of one alert, and the reasons, rule by rule."""

from collections.abc import Mapping, Sequence

import msgspec

from openalert.domain.counts import Counts, Key
from openalert.domain.instant import MINUTE, Instant
from openalert.domain.routing import (
    Actions,
    RoutingRule,
    Subject,
    Threshold,
    ThresholdSide,
)
from openalert.domain.routing_compile import compiled, key_of
from openalert.domain.severity import Severity

MOST_TAGS_OF_ALERT = 30


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule did; a rule that did not apply leaves nothing."""

    rule_id: str
    rule_name: str
    actions: Actions | None
    """None: it could not be asked, and was passed over."""
    counted: int | None = None
    """How many there were, for a rule with a threshold."""
    stopped: bool = False


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A rule keeps the alert from paging."""

    rule_id: str
    rule_name: str
    until: Instant | None
    """None: until it is resolved."""


class Decision(msgspec.Struct, kw_only=True):
    """What becomes of one alert."""

    service_id: str
    severity: Severity
    tags: list[str] = []
    group: str | None = None
    """What it is grouped by in place of the source's own group."""
    waiting: list[Waiting] = []
    dropped_by: str | None = None
    """The name of the rule that leaves no alert of it."""
    done: list[Done] = []


class _Rule:
    """A rule as functions."""

    def __init__(self, rule: RoutingRule) -> None:
        body = rule.body
        self.id, self.name, self.stop = rule.id, rule.name, body.stop
        self.integration_id = rule.integration_id
        self.test = compiled(body.condition)
        self.actions, self.threshold = body.actions, body.threshold
        self.key = key_of(body.threshold.by) if body.threshold else None
        self.group = key_of(body.actions.group_by) if body.actions.group_by else None


class RuleList:
    """The rules of one team, in order, ready to be asked; a rule that cannot be read is passed over by its name."""

    def __init__(self, rules: Sequence[RoutingRule]) -> None:
        """Make functions of those that are switched on; those of an integration come before those of the team."""
        self._rules: list[_Rule] = []
        self._broken: list[RoutingRule] = []
        for rule in sorted(rules, key=lambda one: (one.integration_id is None, one.position, one.id)):
            if not rule.is_enabled:
                continue
            try:
                self._rules.append(_Rule(rule))
            except Exception:  # noqa: BLE001 - a rule that cannot be used must not keep others from being asked
                self._broken.append(rule)
        self._by_integration: dict[str, list[_Rule]] = {}

    def __len__(self) -> int:
        return len(self._rules) + len(self._broken)

    @property
    def thresholds(self) -> dict[str, Threshold]:
        """The thresholds by the id of their rule."""
        return {rule.id: rule.threshold for rule in self._rules if rule.threshold}

    @property
    def targets(self) -> set[str]:
        """The services that the rules route to."""
        return {rule.actions.service_id for rule in self._rules if rule.actions.service_id}

    def keys(self, subject: Subject) -> list[Key]:
        """Rule and key of every count that deciding about this alert may ask for, as it came."""
        return [(rule.id, rule.key(subject)) for rule in self._of(subject) if rule.key]

    def _of(self, subject: Subject) -> list[_Rule]:
        """The rules that are about its integration."""
        known = self._by_integration.get(subject.integration_id)
        if known is None:
            wanted = (None, subject.integration_id)
            known = [rule for rule in self._rules if rule.integration_id in wanted]
            self._by_integration[subject.integration_id] = known
        return known

    def decide(self, subject: Subject, counts: Counts, *, begins: bool = True) -> Decision:
        """What becomes of the alert. Never raises: a rule that fails is passed over, so that the alert pages.

        The subject is changed on the way: later rules see what those before have made of it. One that does not
        begin an occurrence (`begins`) is not counted by thresholds.
        """
        decision = Decision(service_id=subject.service_id, severity=subject.severity, tags=subject.tags)
        rules = self._of(subject)
        keys = dict(self.keys(subject)) if self.thresholds else {}
        for broken in self._broken:
            if broken.integration_id in (None, subject.integration_id):
                decision.done.append(Done(rule_id=broken.id, rule_name=broken.name, actions=None))
        for rule in rules:
            try:
                if not rule.test(subject):
                    continue
                counted, applies = _counted(rule, keys, subject.at, counts, begins=begins)
                if not applies:
                    continue
                group = rule.group(subject) if rule.group else None
            except Exception:  # noqa: BLE001 - whatever a rule holds, the alert goes on
                decision.done.append(Done(rule_id=rule.id, rule_name=rule.name, actions=None))
                continue
            _apply(rule, decision, subject, group)
            decision.done.append(
                Done(
                    rule_id=rule.id,
                    rule_name=rule.name,
                    actions=rule.actions,
                    counted=counted,
                    stopped=rule.stop,
                )
            )
            if rule.stop or rule.actions.drop:
                break
        return decision


def _counted(
    rule: _Rule, keys: Mapping[str, str], at: Instant, counts: Counts, *, begins: bool = True
) -> tuple[int | None, bool]:
    """How many there were and whether the rule applies, seen from its threshold."""
    if rule.threshold is None:
        return None, True
    key = (rule.id, keys[rule.id])
    within = round(rule.threshold.minutes * MINUTE)
    most = rule.threshold.count
    counted = counts.add(key, within, most, at) if begins else counts.within(key, within, at)
    enough = counted >= most
    return counted, enough is (rule.threshold.side is ThresholdSide.REACHED)


def _apply(rule: _Rule, decision: Decision, subject: Subject, group: str | None) -> None:
    actions = rule.actions
    if actions.service_id is not None:
        decision.service_id = subject.service_id = actions.service_id
    if actions.severity is not None:
        decision.severity = subject.severity = actions.severity
    for tag in actions.tags:
        if tag not in decision.tags and len(decision.tags) < MOST_TAGS_OF_ALERT:
            decision.tags.append(tag)
    if group is not None:
        decision.group = group
    if actions.drop:
        decision.dropped_by = rule.name
    if actions.suppress is not None:
        decision.waiting.append(_waiting(rule, actions.suppress.minutes, subject.at))
    if actions.delay_minutes is not None:
        decision.waiting.append(_waiting(rule, actions.delay_minutes, subject.at))


def _waiting(rule: _Rule, minutes: float | None, at: Instant) -> Waiting:
    until = None if minutes is None else at + round(minutes * MINUTE)
    return Waiting(rule_id=rule.id, rule_name=rule.name, until=until)
