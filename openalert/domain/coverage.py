"""Coverage: when a schedule, and a policy that counts on schedules, would reach somebody, and when nobody."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from openalert.domain.difference import Span, shifts_of_people
from openalert.domain.escalation import PolicyVersion, TargetTurn, TargetType
from openalert.domain.instant import Instant
from openalert.domain.oncall import shifts
from openalert.domain.plan import Plan
from openalert.domain.schedule import Schedule


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule does in a range of time."""

    schedule: Schedule
    span: Span
    gaps: Sequence[Span]
    """When nobody is on call."""
    reached: Sequence[Span]
    """When at least one person is who can be reached."""
    turns: Mapping[str, Sequence[Span]]
    """Everybody who is on call in it, and when, without breaks that are none."""

    @property
    def duty(self) -> dict[str, Span]:
        """The first stretch of everybody who is on call in it."""
        return {user_id: spans[0] for user_id, spans in self.turns.items()}


class PolicyReach(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a policy reaches in a range of time, over all its levels."""

    nobody: Sequence[Span]
    """When it reaches nobody."""
    people: frozenset[str]
    """Everybody whom it would page at some time, reachable or not."""
    has_channel: bool
    """Whether a level tells a place where several people read."""


def watch(plan: Plan, span: Span, reachable: Collection[str]) -> Watch:
    """The range in full; `reachable` are the ids of the people whom a page would reach."""
    final = shifts(plan, *span)
    reached = [
        (shift.start, shift.end)
        for shift in final.items
        if any(person.user_id in reachable for person in shift.people)
    ]
    return Watch(
        schedule=plan.schedule,
        span=span,
        gaps=final.gaps,
        reached=reached,
        turns=shifts_of_people(final, *span),
    )


def of_policy(
    version: PolicyVersion,
    span: Span,
    *,
    watches: Mapping[str, Watch],
    members: Mapping[str, Collection[str]],
    channels: Collection[str],
    reachable: Collection[str],
) -> PolicyReach:
    """Whom the policy reaches; `watches` by schedule, `members` by team, `channels` are those that are on."""
    people: set[str] = set()
    reached: list[Span] = []
    has_channel = False
    for target in {target for level in version.levels for target in level.targets}:
        if target.type is TargetType.SCHEDULE:
            if (watched := watches.get(target.id)) is not None:
                people |= set(watched.duty)
                if target.turn is TargetTurn.NOW:
                    reached += watched.reached
                elif any(user_id in reachable for user_id in watched.duty):
                    reached.append(span)  # Somebody has the turn before or after, whoever has it now.
        elif target.type is TargetType.CHANNEL:
            if target.id in channels:
                has_channel = True
                reached.append(span)
        else:
            meant = members.get(target.id, ()) if target.type is TargetType.TEAM else (target.id,)
            people |= set(meant)
            if any(user_id in reachable for user_id in meant):
                reached.append(span)
    return PolicyReach(nobody=without(span, reached), people=frozenset(people), has_channel=has_channel)


def without(span: Span, covered: Iterable[Span]) -> list[Span]:
    """What of the span none of the others covers, in order."""
    left: list[Span] = []
    at, end = span
    for start, stop in sorted(covered):
        if start > at:
            left.append((at, min(start, end)))
        at = max(at, stop)
        if at >= end:
            return left
    left.append((at, end))
    return left


def meets(some: Iterable[Span], others: Sequence[Span]) -> bool:
    """Whether a moment lies in one of these and in one of those."""
    return any(start < stop and begin < end for begin, stop in some for start, end in others)


def meeting(some: Sequence[Span], others: Sequence[Span]) -> Span | None:
    """The first time that lies in one of these and in one of those."""
    met = [
        (max(start, begin), min(end, stop))
        for begin, stop in others
        for start, end in some
        if begin < end and start < stop
    ]
    return min(met, default=None)


def length(spans: Iterable[Span]) -> Instant:
    """How long they are together."""
    return sum(end - start for start, end in spans)
