"""Warnings of people who cannot be where a schedule has them: away, or on call twice at one time."""

from collections.abc import Callable, Iterator, Sequence
from itertools import permutations

from openalert.domain.coverage import meeting
from openalert.domain.difference import Span
from openalert.domain.severity import Severity
from openalert.domain.warning import LOOKS_AHEAD, Finding, WarningKind, listed
from openalert.usecases.warning_rules import View


def _away(view: View) -> Iterator[Finding]:
    absent: dict[str, list[Span]] = {}
    for period in view.facts.away:
        absent.setdefault(period.user_id, []).append((period.start_at, period.end_at))
    for schedule_id, plan in view.facts.plans.items():
        for user_id, turns in view.watches[schedule_id].turns.items():
            met = meeting(turns, absent.get(user_id, ()))
            if met is None or not view.is_active(user_id):
                continue
            name = view.name(user_id)
            yield Finding(
                kind=WarningKind.AWAY,
                severity=Severity.MEDIUM,
                subject=plan.schedule.name,
                subject_id=schedule_id,
                organization_id=plan.schedule.organization_id,
                team_id=plan.schedule.team_id,
                words=f"{name} is on call for {plan.schedule.name} while away",
                detail="Their own calendar says so; let somebody take over.",
                at=met[0],
                until=met[1],
                link=f"/schedules/{schedule_id}",
            )


_Turn = tuple[Span, str]
"""A stretch of time, and for which schedule."""


def _twice(view: View) -> Iterator[Finding]:
    """One warning for each person: where a policy counts on both turns it matters more than elsewhere."""
    turns: dict[str, list[_Turn]] = {}
    for schedule_id, watched in view.watches.items():
        for user_id, spans in watched.turns.items():
            turns.setdefault(user_id, []).extend((span, schedule_id) for span in spans)
    together = _together(view)
    for user_id, mine in turns.items():
        met = _met(mine) if view.is_active(user_id) else []
        seen = [each for each in met if each[1] in view.facts.plans or each[2] in view.facts.plans]
        grave = [each for each in seen if (each[1], each[2]) in together]
        if seen:
            yield _on_twice(view, user_id, (grave or seen)[0], together)


def _met(turns: Sequence[_Turn]) -> list[tuple[Span, str, str]]:
    """Where a turn begins while that of another schedule runs, the earliest first; schedules by the order of ids."""
    found: list[tuple[Span, str, str]] = []
    running: list[_Turn] = []
    for span, schedule_id in sorted(turns):
        running = [each for each in running if each[0][1] > span[0]]
        for other, its_id in running:
            if its_id != schedule_id:
                pair = sorted((its_id, schedule_id))
                found.append(((span[0], min(other[1], span[1])), pair[0], pair[1]))
        running.append((span, schedule_id))
    return found


def _together(view: View) -> dict[tuple[str, str], str]:
    """Pairs of schedules that levels of one used policy page, in order of their ids, with the policy's name."""
    pairs: dict[tuple[str, str], str] = {}
    for document in view.facts.policies:
        if document.policy.id not in view.used:
            continue
        levels = {
            target.id: level.level
            for level in document.version.levels
            for target in level.targets
            if target.id in view.watches
        }
        for (one, first), (other, second) in permutations(levels.items(), 2):
            if one < other and first != second:
                pairs.setdefault((one, other), document.policy.name)
    return pairs


def _on_twice(
    view: View, user_id: str, met: tuple[Span, str, str], together: dict[tuple[str, str], str]
) -> Finding:
    span, one, other = met
    seen = [each for each in (one, other) if each in view.facts.plans]
    plan = view.facts.plans[seen[0]]
    names = [
        view.watches[each].schedule.name if each in seen else "another schedule" for each in (one, other)
    ]
    policy = together.get((one, other))
    end = span[1] if span[1] < view.facts.now + LOOKS_AHEAD else None
    return Finding(
        kind=WarningKind.ON_TWICE,
        severity=Severity.MEDIUM if policy else Severity.LOW,
        subject=view.name(user_id),
        subject_id=user_id,
        organization_id=plan.schedule.organization_id,
        team_id=plan.schedule.team_id,
        words=f"{view.name(user_id)} is on call for {listed(names)} at once",
        detail=f"Two levels of {policy} page the same person then." if policy else "",
        at=span[0],
        until=end,
        link=f"/schedules/{plan.schedule.id}",
    )


RULES: Sequence[Callable[[View], Iterator[Finding]]] = (_away, _twice)
"""Every rule; what they find is put in order afterwards."""
