"""What makes a warning: one rule for each kind of trouble, over facts that were gathered before."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from openalert.domain.coverage import PolicyReach, Watch, length, meets
from openalert.domain.difference import Span
from openalert.domain.holiday import in_year, year_of
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.reachability import MethodState, Reachability, ReachState
from openalert.domain.severity import Severity
from openalert.domain.warning import LOOKS_AHEAD, SOON, Finding, WarningKind, listed
from openalert.storage.channel_troubles import TroubleKind
from openalert.storage.escalation_policies import Document
from openalert.storage.warnings import Inlet
from openalert.usecases.channel_states import NAMES
from openalert.usecases.warning_facts import Facts

NEW_FOR = 7 * DAY
"""So long an integration may wait for its first message."""


class Duty(msgspec.Struct):
    """Why somebody may be paged."""

    first: Instant
    """When for the first time in the coming thirty days."""
    places: list[str]
    """The names of schedules and policies in view."""
    team_id: str


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one look, and what follows from them."""

    facts: Facts
    watches: Mapping[str, Watch]
    """Of every schedule, in sight or not."""
    reaches: Mapping[str, PolicyReach]
    used: Mapping[str, list[str]]
    """The names of the services that escalate by each policy."""
    paging: Mapping[str, list[Document]]
    """The policies in view that page each schedule."""
    duties: Mapping[str, Duty]
    """Everybody whom a schedule or policy in view may page in the coming thirty days."""
    unset: Mapping[str, str]

    def name(self, user_id: str) -> str:
        """What the person is called."""
        known = self.facts.people.get(user_id)
        return known.name if known else "Somebody who is gone"

    def is_active(self, user_id: str) -> bool:
        """Whether anything is sent to them."""
        known = self.facts.people.get(user_id)
        return known is not None and known.is_active


def _soon(view: View, at: Instant, then: Severity, later: Severity) -> Severity:
    return then if at - view.facts.now <= SOON else later


def _end(view: View, span: Span) -> Instant | None:
    """None where it lasts as far as was looked."""
    return span[1] if span[1] < view.facts.now + LOOKS_AHEAD else None


# --- schedules and policies -----------------------------------------------------------------------


def _gaps(view: View) -> Iterator[Finding]:
    for schedule_id, plan in view.facts.plans.items():
        gaps = view.watches[schedule_id].gaps
        if not gaps:
            continue
        policies = view.paging.get(schedule_id, [])
        severity, else_said = _how_bad(view, gaps, policies)
        yield Finding(
            kind=WarningKind.GAP,
            severity=severity,
            subject=plan.schedule.name,
            subject_id=schedule_id,
            organization_id=plan.schedule.organization_id,
            team_id=plan.schedule.team_id,
            words=f"Nobody is on call for {plan.schedule.name}",
            detail=" ".join(each for each in (_how_much(gaps), else_said) if each),
            at=gaps[0][0],
            until=_end(view, gaps[0]),
            link=f"/schedules/{schedule_id}",
        )


def _how_bad(view: View, gaps: Sequence[Span], policies: Sequence[Document]) -> tuple[Severity, str]:
    """How severe gaps are, by what becomes of a page then."""
    if not policies:
        return Severity.LOW, "No escalation policy in view pages this schedule."
    if any(meets(gaps, view.reaches[each.policy.id].nobody) for each in policies):
        return _soon(view, gaps[0][0], Severity.HIGH, Severity.MEDIUM), ""
    names = listed(each.policy.name for each in policies)
    return Severity.LOW, f"{names} {'pages' if len(policies) == 1 else 'page'} others then."


def _how_much(gaps: Sequence[Span]) -> str:
    if len(gaps) == 1:
        return ""
    hours = max(round(length(gaps) / HOUR), 1)
    return f"{len(gaps)} times in the next 30 days, {hours} h in all."


def _nobody(view: View) -> Iterator[Finding]:
    for document in view.facts.policies:
        policy, nobody = document.policy, view.reaches[document.policy.id].nobody
        if not nobody:
            continue
        services = view.used.get(policy.id, [])
        severity = _soon(view, nobody[0][0], Severity.CRITICAL, Severity.HIGH) if services else Severity.LOW
        whose = f"Alerts of {listed(services)} go by it." if services else "No service uses it."
        yield Finding(
            kind=WarningKind.POLICY_NOBODY,
            severity=severity,
            subject=policy.name,
            subject_id=policy.id,
            organization_id=policy.organization_id,
            team_id=policy.team_id,
            words=f"{policy.name} reaches nobody",
            detail=" ".join(each for each in (_how_much(nobody), whose) if each),
            at=nobody[0][0],
            until=_end(view, nobody[0]),
            link=f"/escalation-policies/{policy.id}",
        )


def _one_person(view: View) -> Iterator[Finding]:
    # Where there is only one person at all, that is no oversight.
    alone = sum(each.is_active for each in view.facts.people.values()) == 1
    for document in view.facts.policies:
        policy, reach = document.policy, view.reaches[document.policy.id]
        people = [each for each in reach.people if view.is_active(each)]
        if len(people) != 1 or reach.has_channel:
            continue
        only = view.name(people[0])
        yield Finding(
            kind=WarningKind.ONE_PERSON,
            severity=Severity.LOW if alone or policy.id not in view.used else Severity.MEDIUM,
            subject=policy.name,
            subject_id=policy.id,
            organization_id=policy.organization_id,
            team_id=policy.team_id,
            words=f"{policy.name} pages only {only}",
            detail=f"If {only} does not answer, nobody else is paged.",
            link=f"/escalation-policies/{policy.id}",
        )


# --- people ---------------------------------------------------------------------------------------


def _people(view: View) -> Iterator[Finding]:
    for user_id, duty in view.duties.items():
        reach = view.facts.reach.get(user_id)
        if reach is None or not view.is_active(user_id):
            continue
        name = view.name(user_id)
        if reach.state is ReachState.UNREACHABLE:
            severity = _soon(view, duty.first, Severity.CRITICAL, Severity.HIGH)
            kind, words, at = WarningKind.UNREACHABLE, f"{name} cannot be reached", duty.first
        elif reach.state is ReachState.DOUBTFUL or _fails(reach):
            severity = Severity.MEDIUM
            kind, words, at = WarningKind.DOUBTFUL, f"{name} may not be reached", None
        else:
            continue
        yield Finding(
            kind=kind,
            severity=severity,
            subject=name,
            subject_id=user_id,
            organization_id=view.facts.people[user_id].organization_id,
            team_id=duty.team_id,
            words=words,
            detail=f"{reach.weakest} Paged by {listed(duty.places)}.",
            at=at,
            link=f"/users/{user_id}",
        )


def _fails(reach: Reachability) -> bool:
    return any(each.state is MethodState.FAILING for each in reach.methods)


def _empty_shifts(view: View) -> Iterator[Finding]:
    for schedule_id, plan in view.facts.plans.items():
        for user_id, span in view.watches[schedule_id].duty.items():
            if not view.is_active(user_id):
                name = view.name(user_id)
                yield Finding(
                    kind=WarningKind.EMPTY_SHIFT,
                    severity=_soon(view, span[0], Severity.HIGH, Severity.MEDIUM),
                    subject=plan.schedule.name,
                    subject_id=schedule_id,
                    organization_id=plan.schedule.organization_id,
                    team_id=plan.schedule.team_id,
                    words=f"{name} is on call for {plan.schedule.name} and is deactivated",
                    detail="Nothing is sent to them; give their turns to somebody else.",
                    at=span[0],
                    until=_end(view, span),
                    link=f"/schedules/{schedule_id}",
                )


def _no_holidays(view: View) -> Iterator[Finding]:
    year = year_of(view.facts.now // DAY)
    for schedule_id, plan in view.facts.plans.items():
        calendars = {rotation.current.holiday_calendar for rotation in plan.rotations} - {None}
        unknown = sorted(str(each) for each in calendars if not in_year(str(each), year))
        if unknown:
            yield Finding(
                kind=WarningKind.NO_HOLIDAYS,
                severity=Severity.MEDIUM,
                subject=plan.schedule.name,
                subject_id=schedule_id,
                organization_id=plan.schedule.organization_id,
                team_id=plan.schedule.team_id,
                words=f"{plan.schedule.name} goes by public holidays of {listed(unknown)}, and none are known",
                detail="Every day counts as an ordinary one; install openalert[holidays], or name another calendar.",
                at=view.facts.now,
                link=f"/schedules/{schedule_id}",
            )


# --- what comes in and what goes out --------------------------------------------------------------


def _inlet(
    inlet: Inlet, kind: WarningKind, severity: Severity, words: str, detail: str, at: Instant
) -> Finding:
    return Finding(
        kind=kind,
        severity=severity,
        subject=f"{inlet.name} of {inlet.service_name}",
        subject_id=inlet.id,
        organization_id=inlet.organization_id,
        team_id=inlet.team_id,
        words=words,
        detail=detail,
        at=at,
        link=f"/services/{inlet.service_id}",
    )


def _silent(view: View) -> Iterator[Finding]:
    now = view.facts.now
    for inlet in view.facts.inlets:
        name, last = f"{inlet.name} of {inlet.service_name}", inlet.last_received_at
        if last is None and now - inlet.created_at > NEW_FOR:
            words = f"Nothing has ever come in by {name}"
            detail = "If nothing sends there, switch it off or delete it."
            yield _inlet(inlet, WarningKind.SILENT, Severity.LOW, words, detail, inlet.created_at)
        elif (silence := view.facts.silent.get(inlet.id)) is not None:
            words, detail = f"{name} has gone silent", f"It used to send about every {_rough(silence.usual)}."
            yield _inlet(inlet, WarningKind.SILENT, Severity.MEDIUM, words, detail, silence.since)


def _rough(elapsed: Instant) -> str:
    """`5 min`, `3 h`, `2 days`."""
    if elapsed < 2 * HOUR:
        return f"{max(round(elapsed / MINUTE), 1)} min"
    return f"{round(elapsed / HOUR)} h" if elapsed < 2 * DAY else f"{round(elapsed / DAY)} days"


def _not_understood(view: View) -> Iterator[Finding]:
    for inlet in view.facts.inlets:
        waiting = view.facts.quarantined.get(inlet.id)
        if waiting is not None:
            words = f"{_count(waiting.messages, 'message')} to {inlet.name} of {inlet.service_name} not understood"
            detail = "What they say pages nobody; the page of the service shows them, with the reason."
            yield _inlet(inlet, WarningKind.NOT_UNDERSTOOD, Severity.HIGH, words, detail, waiting.last_at)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _failed(view: View) -> Iterator[Finding]:
    for each in view.facts.failed:
        team = view.facts.team_names.get(each.team_id or "", "")
        pages = f"{_count(each.pages, 'page')} among them." if each.pages else "No page is among them."
        yield Finding(
            kind=WarningKind.FAILED,
            severity=Severity.HIGH if each.pages else Severity.LOW,
            subject=team or "Messages",
            subject_id=each.team_id,
            organization_id=each.organization_id,
            team_id=each.team_id,
            words=f"{_count(each.messages, 'message')}{f' of {team}' if team else ''} failed in the last 7 days",
            detail=pages,
            at=each.last_at,
            link="/deliveries?tab=failed&days=7",
        )


def _channels(view: View) -> Iterator[Finding]:
    known: set[str] = set()

    def finding(
        channel: str,
        severity: Severity,
        words: str,
        detail: str,
        at: Instant | None,
        organization_id: str | None = None,
    ) -> Finding:
        known.add(channel)
        return Finding(
            kind=WarningKind.CHANNEL_FAILS,
            severity=severity,
            subject=NAMES.get(channel, channel),
            subject_id=None,
            organization_id=organization_id,
            team_id=None,
            words=f"{NAMES.get(channel, channel)}: {words}",
            detail=detail,
            at=at,
            link=f"/settings/channels#{channel}",
        )

    for trouble in view.facts.troubles:
        # Where every address is a provider of its own it may be somebody's in another organization.
        if not trouble.address:
            which = "the second provider" if trouble.provider else "the provider"
            words = f"{which} refuses our credentials"
            if trouble.kind is TroubleKind.CERTIFICATE:
                words = f"the certificate of {which} is not valid"
            severity = Severity.HIGH if trouble.provider else Severity.CRITICAL
            yield finding(trouble.channel, severity, words, trouble.detail, trouble.since)
    for channel, lacking in view.unset.items():
        ways = _ways_by(view, channel)
        if ways:
            detail = f"{_count(ways, 'way')} to people who are on call cannot be used. Set {lacking}."
            yield finding(channel, Severity.HIGH, "not set up", detail, None)
    said = frozenset(known)
    for refused in view.facts.refused:
        if refused.channel not in said:
            detail = f"{_count(refused.messages, 'message')} failed in the last 7 days and none was taken."
            yield finding(
                refused.channel,
                Severity.HIGH,
                "nothing gets through",
                detail,
                refused.first_at,
                refused.organization_id,
            )


def _ways_by(view: View, channel: str) -> int:
    return sum(
        method.type == channel and method.state is not MethodState.UNVERIFIED
        for user_id, reach in view.facts.reach.items()
        if user_id in view.duties and view.is_active(user_id)
        for method in reach.methods
    )


def _mirrors(view: View) -> Iterator[Finding]:
    for state in view.facts.mirrors:
        since = state.failing_since
        shown = "It shows nothing yet." if state.done_at is None else "It shows how things stood before."
        yield Finding(
            kind=WarningKind.MIRROR_FAILS,
            severity=Severity.MEDIUM,
            subject=state.name,
            subject_id=None,
            organization_id=None,
            team_id=None,
            words=f"The mirror {state.name} of the status pages cannot be brought up to date",
            detail=f"{shown} {state.error}",
            at=since,
            link="/status-pages",
        )


SCHEDULE_RULES: Sequence[Callable[[View], Iterator[Finding]]] = (
    _nobody,
    _people,
    _empty_shifts,
    _no_holidays,
    _gaps,
    _one_person,
)
"""Those about schedules, the people in them and the policies that page them."""
RULES: Sequence[Callable[[View], Iterator[Finding]]] = (
    *SCHEDULE_RULES,
    _channels,
    _not_understood,
    _failed,
    _silent,
    _mirrors,
)
"""Every rule; what they find is put in order afterwards."""
