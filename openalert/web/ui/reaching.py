"""How a person is reached, drawn: their ways, what comes when for each severity, and the quiet hours of a week."""

from collections.abc import Sequence

import msgspec

from openalert.config import Config
from openalert.domain.contact import CONTACT_KINDS
from openalert.domain.instant import DAY, HOUR, MINUTE, Instant
from openalert.domain.notification import NotificationKind
from openalert.domain.notification_plan import Callee, NotificationRule, Plan, Way, plan
from openalert.domain.quiet import QuietWindow, awake_at, of_week
from openalert.domain.reachability import Reachability
from openalert.domain.severity import Severity
from openalert.domain.user import ContactMethod
from openalert.domain.walltime import reached, since_sunday, zone_named
from openalert.web.ui.forms import minutes_text
from openalert.web.ui.frame import Values

DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_WEEK = (1, 2, 3, 4, 5, 6, 0)
_FAR = ((0, 0), (2 * MINUTE, 1), (10 * MINUTE, 2), (30 * MINUTE, 3))
KIND_WORDS = {
    NotificationKind.PAGE: "Pages",
    NotificationKind.HANDOFF: "Beginning and end of a turn",
    NotificationKind.DIGEST: "What was held",
}


def way_words(way: Way | ContactMethod) -> str:
    """`SMS +49 151 …`, or by the name that the person gave it."""
    kind = CONTACT_KINDS.get(way.type)
    return f"{kind.words if kind else way.type}: {way.label or way.address}"


def picture(callee: Callee, now: Instant) -> list[Values]:
    """What comes when nobody answers, quiet hours apart; severities of which the same comes share a row."""
    loud = msgspec.structs.replace(
        callee,
        preferences=msgspec.structs.replace(callee.preferences, quiet=(), do_not_disturb_until=None),
    )
    rows: list[Values] = []
    for severity in Severity:
        planned = plan(loud, severity, now)
        drawn = {"beats": beats(planned, now), "silent": planned.silent, "again": again(planned, callee)}
        if rows and rows[-1]["drawn"] == drawn:
            rows[-1]["severities"].append(severity.value)
        else:
            rows.append({"severities": [severity.value], "drawn": drawn, "notes": planned.notes})
    return rows


def beats(planned: Plan, begin: Instant) -> list[Values]:
    """The moments at which something leaves, counted from `begin`, each with how far it is from the one before, 0 to 3.

    What is held until the end of a quiet time leaves at a time of the day: `at`, None for all else.
    """
    found: list[Values] = []
    for step in planned.steps:
        if step.is_repeat:
            continue
        after = step.due_at - begin
        if not found or found[-1]["after"] != after:
            gap = after - found[-1]["after"] if found else 0
            far = max((size for least, size in _FAR if gap > least), default=0)
            at = step.due_at if step.held_until is not None else None
            found.append({"after": after, "at": at, "words": minutes_words(after), "far": far, "ways": []})
        found[-1]["ways"].append({"type": step.way.type, "name": step.way.label or step.way.address})
    return found


def minutes_words(after: Instant) -> str:
    """`at once`, `2 min`."""
    return f"{minutes_text(after)} min" if after else "at once"


def again(planned: Plan, callee: Callee) -> str:
    """How the last step is repeated, in words; empty: it is not."""
    preferences = callee.preferences
    if not any(step.is_repeat for step in planned.steps):
        return ""
    times = "once more" if preferences.repeat_most == 1 else f"{preferences.repeat_most} times"
    return f"the last again every {minutes_text(preferences.repeat_every)} min, {times}"


def rules(callee: Callee, methods: Sequence[ContactMethod]) -> list[Values]:
    """A person's rules, each with what is wrong with its way."""
    known = {method.id: method for method in methods}
    return [_rule(rule, known.get(rule.contact_method_id)) for rule in callee.rules]


def _rule(rule: NotificationRule, method: ContactMethod | None) -> Values:
    trouble = "" if method is not None and method.verified_at is not None else "not verified"
    return {
        "id": rule.id,
        "kind": KIND_WORDS[rule.kind],
        "when": "at once" if rule.delay == 0 else f"after {minutes_text(rule.delay)} min",
        "severity": rule.min_severity.value,
        "way": method.label or method.address if method is not None else "an address that is gone",
        "type": method.type if method is not None else "",
        "trouble": trouble if method is not None else "gone",
    }


def kinds(config: Config) -> list[Values]:
    """The kinds whose address one types; telephones only where this installation can call."""
    can_call = bool(config.twilio.account_sid)
    return [
        {"type": kind.type, "words": kind.words, "placeholder": kind.placeholder}
        for kind in CONTACT_KINDS.values()
        if not kind.is_linked and (can_call or not kind.costs)
    ]


def methods(known: Sequence[ContactMethod], reach: Reachability, now: Instant) -> list[Values]:
    """Each way to reach somebody, how it stands, and whether a code for it is on its way."""
    states = {each.id: each for each in reach.methods}
    return [
        {
            "id": each.id,
            "type": each.type,
            "name": each.label or each.address,
            "address": each.address,
            "verified": each.verified_at is not None,
            "how": states[each.id],
            "waiting_code": each.verified_at is None
            and each.code_hash is not None
            and (each.code_expires_at or 0) > now,
        }
        for each in known
    ]


def week(callee: Callee, now: Instant) -> list[Values]:
    """A strip for each day from Monday: what is quiet in it and where now is, in per cent of 24 hours."""
    pieces = of_week(callee.preferences.quiet)
    at = since_sunday(reached(zone_named(callee.timezone), now))
    strips: list[Values] = []
    for day in _WEEK:
        begin, end = day * DAY, (day + 1) * DAY
        parts = [
            (max(start, begin), min(stop, end)) for start, stop in pieces if start < end and stop > begin
        ]
        strips.append(
            {
                "day": DAYS[day][:3],
                "bars": [{"x": _share(a - begin), "width": _share(b - a)} for a, b in parts],
                "words": ", ".join(f"{_clock(a - begin)} to {_clock(b - begin)}" for a, b in parts),
                "now": _share(at - begin) if begin <= at < end else None,
            }
        )
    return strips


def _share(length: int) -> str:
    return f"{100 * length / DAY:.2f}"


def _clock(wall: int) -> str:
    return f"{wall // HOUR:02d}:{wall % HOUR // MINUTE:02d}"


def windows(quiet: Sequence[QuietWindow]) -> list[Values]:
    """Each window in words."""
    return [{"days": days_words(each.days), "from": each.from_time, "to": each.to_time} for each in quiet]


def days_words(days: Sequence[int]) -> str:
    """`every day`, `Monday to Friday`, `Saturday and Sunday`, or the names."""
    chosen = frozenset(days)
    if len(chosen) == 7:
        return "every day"
    if chosen == {1, 2, 3, 4, 5}:
        return "Monday to Friday"
    names = [DAYS[day] for day in _WEEK if day in chosen]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def quiet_now(callee: Callee, now: Instant) -> Instant | None:
    """Until when it is quiet at this moment; None: it is not."""
    preferences = callee.preferences
    until = awake_at(preferences.quiet, zone_named(callee.timezone), preferences.do_not_disturb_until, now)
    return until if until > now else None
