"""The stage of routing rules: what they decide, done to the draft of an alert, with a line of its trace for each."""

import hashlib

import msgspec

from openalert.domain.counts import Key
from openalert.domain.handling import Draft, Hold, HoldKind, Named
from openalert.domain.routing import Actions, Subject, ThresholdSide
from openalert.domain.routing_decide import Decision, Done, RuleList, Waiting
from openalert.domain.routing_words import Names, actions_words

LONGEST_GROUP = 200


def subject_of(draft: Draft) -> Subject:
    """What rules see of a draft; its tags are the draft's own."""
    return Subject(
        source=draft.source,
        severity=draft.severity,
        title=draft.title,
        description=draft.description,
        labels=draft.labels,
        tags=draft.tags,
        integration_id=draft.integration_id,
        service_id=draft.service_id,
        at=draft.now,
    )


def stage(rules: RuleList, names: Names) -> Named:
    """The rules of a team as a stage; `names` of the services that they route to."""

    def apply(draft: Draft) -> None:
        decision = rules.decide(subject_of(draft), draft.counts, begins=draft.begins)
        _done_to(draft, decision, rules, names)

    def keys(draft: Draft) -> list[Key]:
        return rules.keys(subject_of(draft))

    return Named("The list of routing rules", apply, keys)


def _done_to(draft: Draft, decision: Decision, rules: RuleList, names: Names) -> None:
    draft.severity, draft.service_id = decision.severity, decision.service_id
    if decision.group is not None:
        draft.regroup(_bounded(decision.group))
    waiting: dict[str, list[Waiting]] = {}
    for wait in decision.waiting:
        waiting.setdefault(wait.rule_id, []).append(wait)
    for done in decision.done:
        if done.actions is None:
            draft.note("failed", name=f"The routing rule “{done.rule_name}”", ref=done.rule_id)
            continue
        draft.rules.append(done.rule_id)
        _note(draft, done, names)
        for wait in waiting.get(done.rule_id, ()):
            draft.hold(_hold(wait, done, rules))
    if decision.dropped_by is not None:
        draft.dropped = f"The routing rule “{decision.dropped_by}” drops it."


def _note(draft: Draft, done: Done, names: Names) -> None:
    """What a rule did beside holding it, which is a line by itself."""
    actions = done.actions or Actions()
    acts = actions_words(msgspec.structs.replace(actions, suppress=None, delay_minutes=None), names)
    holds = actions.suppress is not None or actions.delay_minutes is not None
    if acts or done.stopped or not holds:
        draft.note(
            "rule",
            name=done.rule_name,
            ref=done.rule_id,
            acts=acts,
            stopped=done.stopped,
            **({} if done.counted is None else {"counted": done.counted}),
        )


def _hold(wait: Waiting, done: Done, rules: RuleList) -> Hold:
    threshold = rules.thresholds.get(wait.rule_id)
    if threshold is not None and threshold.side is ThresholdSide.BELOW:
        kind = HoldKind.THRESHOLD
    elif done.actions is not None and done.actions.suppress is None:
        kind = HoldKind.DELAY
    else:
        kind = HoldKind.RULE
    return Hold(kind=kind, ref_id=wait.rule_id, name=wait.rule_name, until=wait.until)


def _bounded(group: str) -> str:
    if len(group) <= LONGEST_GROUP:
        return group
    return f"{group[: LONGEST_GROUP - 65]} {hashlib.sha256(group.encode(errors='replace')).hexdigest()}"
