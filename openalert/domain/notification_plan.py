"""How a person wants to be reached, and what follows from it: which message goes by which way, and when."""

from collections.abc import Sequence
from typing import TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.errors import Invalid
from openalert.domain.instant import DAY, MINUTE, Instant, to_datetime
from openalert.domain.notification import NotificationKind
from openalert.domain.quiet import QuietWindow, awake_at
from openalert.domain.reminder import DEFAULT_LEAD
from openalert.domain.severity import Severity
from openalert.domain.walltime import zone_named

RULE_KINDS = (NotificationKind.PAGE, NotificationKind.HANDOFF, NotificationKind.DIGEST)
"""The kinds of message for which people make rules."""
MOST_RULES = 20
LONGEST_DELAY = DAY
LEAST_REPEAT, MOST_REPEAT = MINUTE, 60 * MINUTE
MOST_REPEATS = 10


class NotificationRule(msgspec.Struct, kw_only=True):
    """One step: by this way, so long after the person is to be told; a row of `notification_rules`."""

    id: str
    user_id: str
    kind: NotificationKind = NotificationKind.PAGE
    min_severity: Severity = Severity.INFO
    """For incidents at least this severe; messages about no incident always fit."""
    delay: Instant = 0
    contact_method_id: str
    created_at: Instant


class Preferences(msgspec.Struct, kw_only=True):
    """What holds for everything a person gets; a row of `notification_preferences`."""

    user_id: str
    min_severity: Severity = Severity.INFO
    """Less severe incidents do not page the person."""
    repeat_every: Instant = 5 * MINUTE
    repeat_most: int = 0
    """How often the last step is repeated until somebody answers; 0: it is not."""
    handoffs: bool = True
    """Whether they are told when their turn begins and ends."""
    handoff_lead: Instant = DEFAULT_LEAD
    """How long before their turn begins they hear of it, where they want to hear of handoffs; 0: not before."""
    weekly_report: bool = True
    """Whether they get the weekly report of what to mend, where they own something."""
    quiet: tuple[QuietWindow, ...] = ()
    passes_from: Severity | None = Severity.CRITICAL
    """From which severity pages pass quiet hours and do-not-disturb; None: none does."""
    do_not_disturb_until: Instant | None = None


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A verified way to reach a person."""

    id: str
    type: str
    address: str
    label: str = ""


class Callee(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is to be told, with all that decides how."""

    user_id: str
    name: str
    is_active: bool = True
    timezone: str = "UTC"
    ways: tuple[Way, ...] = ()
    """The oldest first."""
    rules: tuple[NotificationRule, ...] = ()
    preferences: Preferences


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a plan."""

    number: int
    """Counted from 0, in the order in which they are due."""
    way: Way
    due_at: Instant
    held_until: Instant | None = None
    """Not None: it would be due earlier, and waits for the end of the person's quiet time."""
    is_repeat: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a person gets; without steps, `silent` says why nothing."""

    steps: tuple[Step, ...] = ()
    silent: str = ""
    """Such as "Bea has no verified address"."""
    notes: tuple[str, ...] = ()
    """What did not go as the person's rules say, as sentences without a stop."""
    held_until: Instant | None = None
    """Not None: not even the first step is due before this."""
    held_by: str = ""
    """`quiet hours` or `do-not-disturb`."""


_Wanted: TypeAlias = tuple[Instant, Way]
"""A delay and a way."""


def plan(
    callee: Callee,
    severity: Severity | None,
    now: Instant,
    *,
    kind: NotificationKind = NotificationKind.PAGE,
) -> Plan:
    """What reaches this person from `now` on, about an incident this severe or about none."""
    if not callee.is_active:
        return Plan(silent=f"{callee.name} is deactivated")
    if not callee.ways:
        return Plan(silent=f"{callee.name} has no verified address")
    preferences = callee.preferences
    is_page = kind is NotificationKind.PAGE
    if is_page and severity is not None and severity.rank < preferences.min_severity.rank:
        return Plan(silent=f"{callee.name} wants no pages below {preferences.min_severity}")
    rules = [rule for rule in callee.rules if rule.kind is kind]
    fitting = [rule for rule in rules if severity is None or severity.rank >= rule.min_severity.rank]
    if rules and not fitting:
        return Plan(silent=f"{callee.name} has no rule for {severity}")
    wanted, notes = _by_rules(callee, fitting) if fitting else (_by_default(callee, severity, kind), ())
    return _timed(callee, wanted, severity, now, notes, repeats=is_page)


def last_resort(callee: Callee, severity: Severity, now: Instant) -> Plan:
    """What somebody gets when nobody else answers: at once by their surest way, whatever else they have set."""
    planned = plan(callee, severity, now)
    if not callee.is_active or not callee.ways or (planned.steps and planned.steps[0].due_at <= now):
        return planned
    later = (msgspec.structs.replace(step, number=step.number + 1) for step in planned.steps)
    return Plan(steps=(Step(number=0, way=surest(callee), due_at=now), *later))


def _by_rules(callee: Callee, rules: Sequence[NotificationRule]) -> tuple[list[_Wanted], tuple[str, ...]]:
    """A step for each rule; where its way is gone or unverified, the person's surest way takes its place."""
    ways = {way.id: way for way in callee.ways}
    instead = surest(callee)
    wanted, lost = [], False
    for rule in sorted(rules, key=lambda rule: (rule.delay, rule.id)):
        lost = lost or rule.contact_method_id not in ways
        wanted.append((rule.delay, ways.get(rule.contact_method_id, instead)))
    note = f"a rule of {callee.name} names an address that is gone or not verified, {instead.type} takes its place"
    return wanted, (note,) if lost else ()


def _by_default(callee: Callee, severity: Severity | None, kind: NotificationKind) -> list[_Wanted]:
    """What somebody gets who has set nothing: all that fits the severity; what is no page by the surest way."""
    if kind is not NotificationKind.PAGE:
        return [(0, surest(callee))]
    wanted = [
        (_after(way), way)
        for way in callee.ways
        if severity is None or severity.rank >= _from_severity(way).rank
    ]
    # Whoever has a telephone and nothing else is called for less, too: better than not at all.
    return sorted(wanted, key=lambda each: each[0]) or [(0, surest(callee))]


def defaults(callee: Callee) -> list[tuple[Instant, Severity, str]]:
    """What counts for pages without rules, as rules: delay, least severity and the id of the way."""
    return [(_after(way), _from_severity(way), way.id) for way in callee.ways]


def _after(way: Way) -> Instant:
    return CONTACT_KINDS[way.type].after if way.type in CONTACT_KINDS else 0


def _from_severity(way: Way) -> Severity:
    return CONTACT_KINDS[way.type].from_severity if way.type in CONTACT_KINDS else Severity.INFO


def surest(callee: Callee) -> Way:
    """The way by which somebody can be told anything: e-mail where there is one, else the gentlest of their ways."""
    return min(
        callee.ways, key=lambda way: (way.type != "email", _after(way), _from_severity(way).rank, way.id)
    )


def _timed(
    callee: Callee,
    wanted: Sequence[_Wanted],
    severity: Severity | None,
    now: Instant,
    notes: tuple[str, ...],
    *,
    repeats: bool,
) -> Plan:
    """The steps at the times that the person's quiet leaves, each way at most once at a time."""
    preferences = callee.preferences
    begin = awake(callee, severity, now)
    last = wanted[-1][0]
    timed = [(delay, way, False) for delay, way in wanted]
    for number in range(1, preferences.repeat_most + 1 if repeats else 1):
        delay = last + number * preferences.repeat_every
        timed += [(delay, way, True) for each, way in wanted if each == last]
    steps: dict[tuple[Instant, str], Step] = {}
    for delay, way, is_repeat in timed:
        due_at = awake(callee, severity, begin + delay)
        steps.setdefault(
            (due_at, way.id),
            Step(
                number=len(steps),
                way=way,
                due_at=due_at,
                held_until=due_at if due_at > begin + delay else begin if begin > now else None,
                is_repeat=is_repeat,
            ),
        )
    held = begin if begin > now else None
    return Plan(
        steps=tuple(steps.values()),
        notes=notes,
        held_until=held,
        held_by=_held_by(callee, now) if held else "",
    )


def awake(callee: Callee, severity: Severity | None, at: Instant) -> Instant:
    """The first moment from `at` on at which a message this severe may come."""
    preferences = callee.preferences
    passes = preferences.passes_from
    if severity is not None and passes is not None and severity.rank >= passes.rank:
        return at
    return awake_at(preferences.quiet, zone_in(callee.timezone), preferences.do_not_disturb_until, at)


def zone_in(name: str) -> ZoneInfo:
    """A person's zone; UTC for one that the zone database has lost, as a page must not fail over it."""
    try:
        return zone_named(name)
    except Invalid:
        return ZoneInfo("UTC")


def _held_by(callee: Callee, now: Instant) -> str:
    until = callee.preferences.do_not_disturb_until
    return "do-not-disturb" if until is not None and until > now else "quiet hours"


def held_words(callee: Callee, until: Instant, now: Instant, by: str) -> str:
    """ "held until 07:00 by Bea's quiet hours", on the person's clock; with the day where it is not within a day."""
    at = to_datetime(until).astimezone(zone_in(callee.timezone))
    return (
        f"held until {at:%H:%M} by {callee.name}'s {by}"
        if until - now < DAY
        else (f"held until {at:%a %d %b %H:%M} by {callee.name}'s {by}")
    )


def check_delay(delay: Instant) -> Instant:
    """A delay of a rule in milliseconds, or Invalid."""
    if not 0 <= delay <= LONGEST_DELAY:
        raise Invalid("A delay is between 0 and 1440 minutes.", field="delayMinutes")
    return delay


def check_repeat(every: Instant, most: int) -> tuple[Instant, int]:
    """How often and how many times, or Invalid."""
    if not LEAST_REPEAT <= every <= MOST_REPEAT:
        raise Invalid("It is repeated every 1 to 60 minutes.", field="repeatEveryMinutes")
    if not 0 <= most <= MOST_REPEATS:
        raise Invalid(f"It is repeated at most {MOST_REPEATS} times.", field="repeatAtMost")
    return every, most
